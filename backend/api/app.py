"""The composition root of the HTTP service: every part of an app is made here, from arguments."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

from fastapi import FastAPI
from starlette.routing import BaseRoute

from backend.api.accuracy import accuracy_routes
from backend.api.admin import admin_routes
from backend.api.documenting import DocumentedApp
from backend.api.errors import install_error_handlers
from backend.api.feeds import feed_chore, look_at_feed
from backend.api.limits import BodyLimit
from backend.api.live import live_hub, live_routes
from backend.api.probes import probe_routes
from backend.api.request_log import RequestLog
from backend.api.rides import ride_groups
from backend.api.routes import keyed_routes, open_routes
from backend.api.services import Services
from backend.api.timetable_routes import timetable_routes
from backend.api.trip_updates import trip_update_routes
from backend.api.watching import Watching
from backend.core.background import Background, Wait
from backend.core.chores import make_chores
from backend.core.clock import Clock
from backend.core.settings import Settings
from backend.core.storage import Database, open_database


def create_app(
    settings: Settings,
    *,
    clock: Clock,
    watching: Watching | None = None,
    wait: Wait = asyncio.sleep,
    opening: Callable[[str], Database] = open_database,
    routes: Sequence[BaseRoute] | None = None,
) -> FastAPI:
    """Build an app that shares nothing with any other app in the process, but what it is given.

    Its lifespan opens and migrates the database, keeps the app's `Services` in `app.state.services` with the
    moment at which it started, and what stores rides in `app.state.rides`, does the chores of the background
    when the clock says so, and in the end awaits them and closes the database. `watching` is where its log goes and
    what it counts with; without one it gets its own. `wait` is how it waits between two chores, `opening` how it
    opens its database. Who builds many may give all of them the same `routes`, which know of no app (see `all_routes`).
    """
    watched = watching or Watching()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        database = opening(settings.database)
        try:
            database.migrate()
            live = live_hub(settings, clock, database)
            services = Services(
                settings, clock, database, started_at=clock.now(), live=live, watching=watched
            )
            app.state.services = services
            app.state.rides = ride_groups(services)
            look_at_feed(database, watched.metrics)
            chores = (
                *make_chores(settings, clock, database),
                feed_chore(database, watched.metrics),
            )
            background = Background(clock, chores, wait)
            live.start()
            background.start()
            watched.logger.info("The service has started.")
            try:
                yield
            finally:
                watched.logger.info("The service stops.")
                try:
                    await live.close()
                finally:
                    await background.stop()
        finally:
            database.close()

    app = DocumentedApp(
        title="Bus times",
        summary="Bus travel times learned from riders' phones.",
        lifespan=lifespan,
        redirect_slashes=False,  # a redirect is an answer without our envelope
        # Nothing but the arguments configures an app, so FastAPI may not look at the environment.
        telemetry={"auto_configure": False},
    )
    app.add_middleware(BodyLimit)
    app.add_middleware(RequestLog, watching=watched)  # the last one added is the outermost
    install_error_handlers(app)
    # They are whole already: `include_router` would put each together once more, at the first request. (So
    # `app.dependency_overrides` does not reach them; what differs is given as an argument here.)
    app.router.routes.extend(all_routes() if routes is None else routes)
    return app


def all_routes() -> tuple[BaseRoute, ...]:
    """Build the routes of an app; a request that reaches one brings along the app that it has reached."""
    groups = (
        keyed_routes(),
        open_routes(),
        *admin_routes(),
        timetable_routes(),
        probe_routes(),
        live_routes(),
        accuracy_routes(),
        trip_update_routes(),
    )
    return tuple(route for group in groups for route in group.routes)
