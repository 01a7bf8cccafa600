"""The messages of `/v1/eta/live`: one JSON object each. docs/live.md shows them."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Literal, Self

from pydantic import ConfigDict, FailFast, Field, ValidationError

from backend.api.limits import longest_body
from backend.api.mistakes import MOST_DETAILS, name_field
from backend.api.models import Name, Rounded, Shape
from backend.core.errors import BackendError
from backend.core.predicting import Estimate
from backend.core.rides import Segment


class MessageError(BackendError):
    """A message that cannot be followed: what the client is told of it."""

    def __init__(
        self, error: str, message: str, details: Sequence[Mapping[str, object]] = ()
    ) -> None:
        super().__init__(message)
        self.error = error
        self.details = details


class SegmentShape(Shape):
    """A segment by the ids of its stops."""

    model_config = ConfigDict(serialize_by_alias=True, validate_by_name=True)

    from_stop: Name = Field(alias="from")
    to_stop: Name = Field(alias="to")


class Wish(Shape):
    """What a client sends."""

    type: Literal["subscribe", "unsubscribe"]
    segments: Annotated[tuple[SegmentShape, ...], FailFast(), Field(min_length=1)]

    def to_domain(self) -> tuple[Segment, ...]:
        """Return the segments, each once."""
        return tuple(dict.fromkeys(Segment(part.from_stop, part.to_stop) for part in self.segments))


class Granted(Shape):
    """That a wish was followed; `segments` counts the connection's subscriptions from then on."""

    type: Literal["subscribed", "unsubscribed"]
    segments: int


class EstimateShape(Shape):
    """How long a segment takes."""

    p50_seconds: Rounded
    p90_seconds: Rounded
    mean_seconds: Rounded
    observations: Rounded
    weight: Rounded

    @classmethod
    def of(cls, estimate: Estimate) -> Self:
        """Write an estimate."""
        return cls(
            p50_seconds=estimate.p50,
            p90_seconds=estimate.p90,
            mean_seconds=estimate.mean,
            observations=estimate.observations,
            weight=estimate.weight,
        )


class News(Shape):
    """The present estimate of a segment; None while nothing is known about it."""

    model_config = ConfigDict(serialize_by_alias=True, validate_by_name=True)

    type: Literal["estimate"] = "estimate"
    from_stop: str = Field(alias="from")
    to_stop: str = Field(alias="to")
    leaving_at: datetime
    estimate: EstimateShape | None


class Complaint(Shape):
    """The envelope of errors, as a message."""

    type: Literal["error"] = "error"
    error: str
    message: str
    details: tuple[dict[str, object], ...] = ()


def read_wish(text: str | None, live_segments: int) -> Wish:
    """Return what a client wants; MessageError for text that says nothing of the kind, None for bytes."""
    if text is None:
        raise MessageError(
            "malformed_json", "The message is not text; send JSON in a text message."
        )
    most = longest_body(live_segments)
    if len(text) > most:
        raise MessageError(
            "message_too_large",
            f"The message is longer than the {most} characters allowed; send fewer segments.",
        )
    try:
        return Wish.model_validate_json(text)
    except ValidationError as problem:
        errors = problem.errors(include_input=False, include_url=False)
        if errors[0]["type"] == "json_invalid":
            raise MessageError(
                "malformed_json", "The message is not JSON; send valid JSON."
            ) from None
        details = [
            {"field": name_field(each["loc"]) or "message", "message": each["msg"]}
            for each in errors[:MOST_DETAILS]
        ]
        raise MessageError(
            "invalid_message",
            f"The message does not have the right shape; correct {details[0]['field']}.",
            details,
        ) from None


def complain(problem: MessageError) -> str:
    """Write what is wrong with a message."""
    return Complaint(
        error=problem.error, message=str(problem), details=tuple(map(dict, problem.details))
    ).model_dump_json()


def tell(segment: Segment, estimate: Estimate | None, leaving_at: datetime) -> str:
    """Write what listeners of a segment are sent."""
    return News(
        from_stop=segment.from_stop,
        to_stop=segment.to_stop,
        leaving_at=leaving_at,
        estimate=None if estimate is None else EstimateShape.of(estimate),
    ).model_dump_json()
