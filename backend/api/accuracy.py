"""`GET /v1/accuracy`: how well predictions fitted what was observed."""

from datetime import date, timedelta
from http import HTTPStatus
from typing import Annotated, Literal, Self

from fastapi import Query
from pydantic import Field

from backend.api.documenting import ALWAYS_POSSIBLE, Routes, refusals
from backend.api.models import Rounded, Shape
from backend.api.routes import PREFIX, Own
from backend.core.accuracy import Score, Source, service_day
from backend.core.store import accuracy_since

USUAL_DAYS = 7
MOST_DAYS = 366


class ScoreAnswer(Shape):
    """The predictions of one day that were made from one source; an error is observed minus predicted."""

    day: date = Field(description="in the service's time zone; it begins at 04:00")
    predicted_from: Literal["learned", "timetable"]
    count: int = Field(description="observed segments of which something had been predicted")
    mean_error_seconds: Rounded = Field(description="positive where buses were slower than told")
    mean_absolute_error_seconds: Rounded
    root_mean_square_error_seconds: Rounded
    share_within_p90: Rounded = Field(description="0.9 is what the p90 promises")

    @classmethod
    def of(cls, day: date, source: Source, score: Score) -> Self:
        """Write a score."""
        return cls(
            day=day,
            predicted_from=source.value,
            count=score.count,
            mean_error_seconds=score.mean_error,
            mean_absolute_error_seconds=score.mean_absolute_error,
            root_mean_square_error_seconds=score.root_mean_square_error,
            share_within_p90=score.share_within_p90,
        )


class AccuracyAnswer(Shape):
    """The scores of some days, the latest first; a day or source without predictions is left out."""

    scores: tuple[ScoreAnswer, ...]


def accuracy_routes() -> Routes:
    """Build the route, which anybody may read."""
    router = Routes(prefix=PREFIX, tags=["estimates"], responses=refusals(*ALWAYS_POSSIBLE))

    @router.get(
        "/accuracy",
        responses=refusals(HTTPStatus.UNPROCESSABLE_ENTITY, HTTPStatus.SERVICE_UNAVAILABLE),
    )
    def get_accuracy(
        services: Own,
        days: Annotated[
            int, Query(ge=1, le=MOST_DAYS, description="how many days, today included")
        ] = USUAL_DAYS,
    ) -> AccuracyAnswer:
        """Say how well predictions fitted what was observed afterwards."""
        today = service_day(services.clock.now(), services.settings.zone)
        with services.database.reading() as transaction:
            scores = accuracy_since(transaction, today - timedelta(days=days - 1))
        return AccuracyAnswer(
            scores=tuple(
                ScoreAnswer.of(day, source, score) for (day, source), score in scores.items()
            )
        )

    return router
