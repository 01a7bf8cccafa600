"""What a machine asks about the service: whether it lives, whether it is ready, and what it has counted."""

from http import HTTPStatus

from fastapi import Request, Response

from backend.api.documenting import ALWAYS_POSSIBLE, Routes, refusals
from backend.api.errors import ApiError
from backend.api.metrics import TEXT_FORMAT
from backend.api.models import LiveAnswer, ReadyAnswer
from backend.api.routes import PREFIX, Own
from backend.api.services import has_started, services_of
from backend.core.storage.schema import VERSION


def probe_routes() -> Routes:
    """Build the routes for whoever runs the service; they need no key."""
    router = Routes(tags=["operations"], responses=refusals(*ALWAYS_POSSIBLE))

    # `async`: it waits for no thread, so that a service whose threads are all busy still lives.
    @router.get(f"{PREFIX}/live")
    async def get_live() -> LiveAnswer:
        """Say that the process answers; nothing else is looked at."""
        return LiveAnswer(status="live")

    @router.get(f"{PREFIX}/ready", responses=refusals(HTTPStatus.SERVICE_UNAVAILABLE))
    def get_ready(request: Request) -> ReadyAnswer:
        """Say that the service has started, and that its database answers with the tables it knows."""
        if not has_started(request):
            raise _not_ready("The service has not started yet; ask again in a moment.")
        version = services_of(request).database.version()
        if version != VERSION:
            raise _not_ready(
                f"The tables of the database have version {version} and this service knows"
                f" {VERSION}; start the service anew, in the version that the tables have or a newer one."
            )
        return ReadyAnswer(status="ready", tables=version)

    # `async`: what is counted is in memory.
    @router.get(
        "/metrics",
        response_class=Response,  # PlainTextResponse would document the refusals as text as well
        responses={
            HTTPStatus.OK.value: {
                "description": "Prometheus' text format 0.0.4",
                "content": {"text/plain": {"schema": {"type": "string"}}},
            }
        },
    )
    async def get_metrics(services: Own) -> Response:
        """Say what was counted since this process started, for Prometheus."""
        return Response(services.watching.metrics.text(), media_type=TEXT_FORMAT)

    return router


def _not_ready(message: str) -> ApiError:
    return ApiError(HTTPStatus.SERVICE_UNAVAILABLE, "not_ready", message)
