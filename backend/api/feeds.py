"""A timetable that comes as the body of a request."""

from dataclasses import asdict
from datetime import timedelta
from http import HTTPStatus
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import BinaryIO

from fastapi import Request
from fastapi.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect

from backend.api.errors import ApiError
from backend.api.metrics import Metrics
from backend.api.services import Services
from backend.core.background import Chore
from backend.core.errors import FeedError
from backend.core.storage import Database
from backend.core.store.feeds import current_feed
from backend.tools.import_feed import ImportReport, import_feed

BETWEEN_LOOKS = timedelta(minutes=1)


async def receive_feed(request: Request, services: Services) -> ImportReport:
    """Put the GTFS zip that is the request's body in the place of the timetable, and say what that did.

    However long it is, it is never in memory as a whole. Raises ApiError: 400 when the body breaks off, 413 when it is
    too long, 422 when it is no feed, which leaves the timetable as it was.
    """
    with TemporaryDirectory(prefix="bus-times-feed-") as folder:
        path = Path(folder) / "feed.zip"
        with _created(path) as file:
            try:
                async for chunk in request.stream():
                    await run_in_threadpool(file.write, chunk)
            except ClientDisconnect:
                raise ApiError(
                    HTTPStatus.BAD_REQUEST,
                    "bad_request",
                    "The body broke off before its end; send it again.",
                ) from None
        try:
            return await run_in_threadpool(_import_feed, services, path)
        except FeedError as problem:
            raise ApiError(
                HTTPStatus.UNPROCESSABLE_ENTITY,
                "feed_refused",
                # Where it lay for a moment is nobody's business.
                str(problem).replace(str(path), path.name),
                details=[asdict(each) for each in problem.problems],
            ) from None


def _created(path: Path) -> BinaryIO:
    return path.open("wb")


def _import_feed(services: Services, path: Path) -> ImportReport:
    """Replace the timetable by that of a feed and tell those who listen, or raise FeedError and change nothing."""
    now = services.clock.now()
    settings = services.settings
    report = import_feed(services.database, path, settings.holidays, now, settings.zone)
    if report.changed:
        services.live.touched()
        look_at_feed(services.database, services.watching.metrics)
    return report


def look_at_feed(database: Database, metrics: Metrics) -> None:
    """Note when the current feed was imported, be it by this process or by another one."""
    with database.reading() as transaction:
        feed = current_feed(transaction)
    metrics.feed(None if feed is None else feed.imported_at)


def feed_chore(database: Database, metrics: Metrics) -> Chore:
    """Return the chore that sees what others import; /metrics itself waits for no database."""

    def look() -> bool:
        look_at_feed(database, metrics)
        return False

    return Chore("feed", BETWEEN_LOOKS, look)
