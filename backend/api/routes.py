"""The routes under /v1. They are plain functions, run in threads, since SQLite blocks.

Two are not. Rides that come while others are written wait to be written together, and threads are for whoever asks
questions, too. And a question that takes no database is answered at once: to go to a thread and back takes longer.
"""

from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import Depends, Query, Request, Response, Security
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse
from pydantic import AwareDatetime

from backend.api.auth import guarded_route, require_key
from backend.api.documenting import (
    ALWAYS_POSSIBLE,
    LIMIT_HEADERS,
    PUBLIC_SETTINGS,
    Routes,
    api_key_scheme,
    refusals,
    with_headers,
)
from backend.api.errors import ApiError
from backend.api.models import EtaAnswer, HealthAnswer, Name, RideAnswer, RideSummary, Submission
from backend.api.rides import REPLAYED, idempotency_key, key_parameter, rides_of
from backend.api.services import Services, own_services, services_of
from backend.core.journeys import Eta
from backend.core.store import Question, eta, remembered_eta

PREFIX = "/v1"
FARTHEST = timedelta(days=366)

Own = Annotated[Services, Depends(own_services)]
Key = Annotated[str, Depends(idempotency_key)]


def keyed_routes() -> Routes:
    """Build the routes that ask for the key: those that write."""
    router = Routes(
        prefix=PREFIX,
        tags=["rides"],
        route_class=guarded_route(require_key),
        dependencies=[Security(api_key_scheme())],
        responses=refusals(HTTPStatus.UNAUTHORIZED, *ALWAYS_POSSIBLE),
    )

    @router.post(
        "/ride_summary",
        response_model=RideAnswer,
        responses=refusals(
            HTTPStatus.BAD_REQUEST,
            HTTPStatus.CONFLICT,
            HTTPStatus.TOO_MANY_REQUESTS,
            HTTPStatus.UNPROCESSABLE_ENTITY,
            HTTPStatus.SERVICE_UNAVAILABLE,
        )
        | {HTTPStatus.OK.value: with_headers(*LIMIT_HEADERS, REPLAYED)},
        openapi_extra={"parameters": [key_parameter()]},
    )
    async def post_ride_summary(request: Request, key: Key, summary: RideSummary) -> Response:
        """Learn from one ride."""
        return await rides_of(request).answer(Submission(key, summary))

    return router


def open_routes() -> Routes:
    """Build the routes that anybody may read."""
    router = Routes(prefix=PREFIX, responses=refusals(*ALWAYS_POSSIBLE))

    @router.get(
        "/eta",
        tags=["estimates"],
        response_model=EtaAnswer,
        responses=refusals(
            HTTPStatus.NOT_FOUND, HTTPStatus.UNPROCESSABLE_ENTITY, HTTPStatus.SERVICE_UNAVAILABLE
        ),
    )
    async def get_eta(
        request: Request,  # not `Own`: each dependency takes FastAPI as long as all the parameters
        from_stop: Annotated[Name, Query(alias="from")],
        to_stop: Annotated[Name, Query(alias="to")],
        at: Annotated[
            AwareDatetime | None, Query(description="when to leave; now if absent")
        ] = None,
    ) -> Response:
        """Say how long it takes from one stop to another."""
        services = services_of(request)
        now = services.clock.now()
        leaving_at = _near(now if at is None else at, now)
        asked = Question(from_stop, to_stop, leaving_at, services.settings, now)
        found = remembered_eta(services.etas, services.database.revision(), asked)
        if found is None:
            async with services.questions.place():
                found = await run_in_threadpool(_read_eta, services, asked)
        # Written here: FastAPI would check the answer once more.
        return Response(EtaAnswer.of(found).model_dump_json(), media_type="application/json")

    @router.get("/config", tags=["operations"], responses=_shape_of_settings())
    def get_config(services: Own) -> JSONResponse:
        """Say with which settings the service runs, secrets and places left out."""
        return JSONResponse(services.settings.public())

    @router.get("/health", tags=["operations"], responses=refusals(HTTPStatus.SERVICE_UNAVAILABLE))
    def get_health(services: Own) -> HealthAnswer:
        """Say that the service and its database answer."""
        services.database.ping()
        uptime = services.clock.now() - services.started_at
        return HealthAnswer(
            status="ok",
            database="ok",
            started_at=services.started_at,
            uptime_seconds=uptime.total_seconds(),
        )

    return router


def _read_eta(services: Services, asked: Question) -> Eta:
    revision = services.database.revision()  # now: somebody may have written while this one waited
    with services.database.reading() as transaction:
        return eta(transaction, *asked, services.etas, revision)


def _shape_of_settings() -> dict[int | str, dict[str, Any]]:
    schema = {"$ref": f"#/components/schemas/{PUBLIC_SETTINGS}"}
    return {HTTPStatus.OK.value: {"content": {"application/json": {"schema": schema}}}}


def _near(leaving_at: datetime, now: datetime) -> datetime:
    """Return the moment unless it is so far away that it must be a mistake (422)."""
    if abs(leaving_at - now) <= FARTHEST:
        return leaving_at
    raise ApiError(
        HTTPStatus.UNPROCESSABLE_ENTITY,
        "invalid_request",
        f"The time {leaving_at.isoformat()} is more than a year away; ask about a nearer one.",
        details=[{"in": "query", "field": "at", "message": "more than a year away"}],
    )
