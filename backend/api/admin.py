"""The routes under /v1/admin, each for tokens with the scope that its router asks for."""

from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from http import HTTPStatus
from typing import Annotated

from fastapi import Query, Request, Response, Security

from backend.api.admin_auth import scoped_route
from backend.api.admin_models import (
    FeedAnswer,
    JudgementsAnswer,
    JudgementsRow,
    KeyAnswer,
    KeyName,
    KeyRequest,
    KeysAnswer,
    NewKeyAnswer,
    RetentionAnswer,
)
from backend.api.documenting import (
    ALWAYS_POSSIBLE,
    Routes,
    admin_token_scheme,
    refusals,
    with_headers,
)
from backend.api.errors import ApiError
from backend.api.feeds import receive_feed
from backend.api.routes import PREFIX, Own
from backend.api.services import Services
from backend.core.errors import KeyNameError, UnknownKeyError
from backend.core.scopes import Scope
from backend.core.store import (
    add_key,
    count_judgements,
    list_keys,
    retention_step,
    revoke_key,
)

MOST_DAYS = 31
USUAL_DAYS = 7
MOST_ROWS = 1000
"""Rows of an answer: a phone may name any route it likes."""


def admin_routes() -> tuple[Routes, ...]:
    """Build all of them, by the scope that a token needs."""
    return _key_routes(), _statistics_routes(), _feed_routes(), _retention_routes()


def scoped_router(scope: Scope) -> Routes:
    """Build a router under /v1/admin for tokens with a scope."""
    return Routes(
        prefix=f"{PREFIX}/admin",
        tags=["administrators"],
        route_class=scoped_route(scope),
        dependencies=[Security(admin_token_scheme(), scopes=[scope.value])],
        responses=refusals(
            HTTPStatus.UNAUTHORIZED,
            HTTPStatus.FORBIDDEN,
            HTTPStatus.SERVICE_UNAVAILABLE,
            *ALWAYS_POSSIBLE,
        ),
    )


def _key_routes() -> Routes:
    router = scoped_router(Scope.KEYS_MANAGE)

    @router.post(
        "/keys",
        status_code=HTTPStatus.CREATED,
        responses=refusals(
            HTTPStatus.BAD_REQUEST, HTTPStatus.CONFLICT, HTTPStatus.UNPROCESSABLE_ENTITY
        )
        | {HTTPStatus.CREATED.value: with_headers("Cache-Control")},
    )
    def post_key(services: Own, wanted: KeyRequest, response: Response) -> NewKeyAnswer:
        """Make a key for phones, and show it for the only time."""
        now = services.clock.now()
        try:
            with services.database.writing() as transaction:
                key = add_key(transaction, wanted.name, now)
        except KeyNameError as problem:
            raise ApiError(HTTPStatus.CONFLICT, "name_taken", str(problem)) from None
        response.headers["Cache-Control"] = "no-store"
        return NewKeyAnswer(name=wanted.name, key=key, created_at=now)

    @router.get("/keys")
    def get_keys(services: Own) -> KeysAnswer:
        """List the keys of phones, revoked ones too, without the keys themselves."""
        with services.database.reading() as transaction:
            return KeysAnswer(keys=tuple(map(KeyAnswer.of, list_keys(transaction))))

    @router.delete(
        "/keys/{name}",
        responses=refusals(HTTPStatus.NOT_FOUND, HTTPStatus.UNPROCESSABLE_ENTITY),
    )
    def delete_key(services: Own, name: KeyName) -> KeyAnswer:
        """Make a key worthless from now on."""
        try:
            with services.database.writing() as transaction:
                return KeyAnswer.of(revoke_key(transaction, name, services.clock.now()))
        except UnknownKeyError as problem:
            raise ApiError(HTTPStatus.NOT_FOUND, "no_such_key", str(problem)) from None

    return router


def _statistics_routes() -> Routes:
    router = scoped_router(Scope.STATS_READ)

    @router.get("/rejections", responses=refusals(HTTPStatus.UNPROCESSABLE_ENTITY))
    def get_rejections(
        services: Own,
        first: Annotated[
            date | None, Query(alias="from", description=f"{USUAL_DAYS} days if absent")
        ] = None,
        last: Annotated[date | None, Query(alias="to", description="today if absent")] = None,
    ) -> JudgementsAnswer:
        """Count what became of the segments received, per day of the service's zone and route."""
        today = services.clock.now().astimezone(services.settings.zone).date()
        last = last or today
        first = first or date.fromordinal(max(1, last.toordinal() - USUAL_DAYS + 1))
        rows = list(_rows(services, _days(first, last)))
        return JudgementsAnswer(
            first=first,
            last=last,
            rows=tuple(rows[:MOST_ROWS]),
            truncated=len(rows) > MOST_ROWS,
        )

    return router


def _feed_routes() -> Routes:
    router = scoped_router(Scope.FEED_WRITE)

    @router.post(
        "/feed",
        responses=refusals(HTTPStatus.BAD_REQUEST, HTTPStatus.UNPROCESSABLE_ENTITY),
        openapi_extra={
            "requestBody": {
                "required": True,
                "content": {"application/zip": {"schema": {"type": "string", "format": "binary"}}},
            }
        },
    )
    async def post_feed(services: Own, request: Request) -> FeedAnswer:
        """Put a GTFS feed, the zip itself, in the place of the timetable; what was learned stays."""
        return FeedAnswer.of(await receive_feed(request, services))

    return router


def _retention_routes() -> Routes:
    router = scoped_router(Scope.RETENTION_RUN)

    @router.post("/retention")
    def post_retention(services: Own) -> RetentionAnswer:
        """Take away a bounded part of what is too old, now and not at the next look of the background."""
        with services.database.writing() as transaction:
            taken = retention_step(transaction, services.settings, services.clock.now())
        return RetentionAnswer.of(taken)

    return router


def _days(first: date, last: date) -> tuple[date, ...]:
    """Return the days from one to another, both included; ApiError (422) for none or too many."""
    count = (last - first).days + 1
    if 1 <= count <= MOST_DAYS and date.min < first and last < date.max:
        return tuple(first + timedelta(days=number) for number in range(count))
    raise ApiError(
        HTTPStatus.UNPROCESSABLE_ENTITY,
        "invalid_request",
        f"The days from {first} to {last} cannot be counted; ask for 1 to {MOST_DAYS} days.",
        details=[{"in": "query", "field": "from", "message": f"not 1 to {MOST_DAYS} days"}],
    )


def _rows(services: Services, days: tuple[date, ...]) -> Iterator[JudgementsRow]:
    """Yield the counts day by day, and one more than an answer has at most if there are more."""
    found, zone = 0, services.settings.zone
    with services.database.reading() as transaction:
        for day in days:
            start = datetime.combine(day, time(), zone)
            end = datetime.combine(day + timedelta(days=1), time(), zone)
            for counted in count_judgements(transaction, start, end, MOST_ROWS + 1 - found):
                found += 1
                yield JudgementsRow.of(day, counted)
            if found > MOST_ROWS:
                return
