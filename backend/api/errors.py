"""Every answer that is not a success, in one envelope: `{error, message, details}`.

`error` is a name for programs, `message` a sentence for people, `details` a list that is empty
unless there is something to point at.
"""

from collections.abc import Iterator, Mapping, Sequence
from http import HTTPStatus

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from backend.api.mistakes import MOST_DETAILS, name_field
from backend.api.request_log import HEADER
from backend.api.services import services_of
from backend.api.watching import request_id_of
from backend.core.errors import DatabaseError, NoEstimateError, RideRefusedError

Details = Sequence[Mapping[str, object]]


class ApiError(HTTPException):
    """A refusal: its HTTP status, and what the envelope says.

    A kind of HTTPException, since FastAPI lets no other exception leave the reading of a body.
    """

    def __init__(
        self,
        status: HTTPStatus,
        error: str,
        message: str,
        *,
        details: Details = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(status, message, headers)
        self.error = error
        self.details = details


def envelope(problem: ApiError) -> JSONResponse:
    """Write a refusal as the answer that every client can read."""
    return JSONResponse(
        {"error": problem.error, "message": problem.detail, "details": list(problem.details)},
        status_code=problem.status_code,
        headers=problem.headers,
    )


def install_error_handlers(app: FastAPI) -> None:
    """Make the app answer every failure in the envelope."""

    @app.exception_handler(ApiError)
    async def refuse(_: Request, problem: ApiError) -> JSONResponse:
        return envelope(problem)

    @app.exception_handler(RequestValidationError)
    async def refuse_shape(request: Request, problem: RequestValidationError) -> JSONResponse:
        return envelope(_malformed(problem) or _unnamed(request, problem) or _invalid(problem))

    @app.exception_handler(RideRefusedError)
    async def refuse_ride(_: Request, refused: RideRefusedError) -> JSONResponse:
        details = [{"segment": p.segment, "message": p.message} for p in refused.problems]
        status = HTTPStatus.UNPROCESSABLE_ENTITY
        return envelope(ApiError(status, "ride_refused", str(refused), details=details))

    @app.exception_handler(NoEstimateError)
    async def know_nothing(_: Request, unknown: NoEstimateError) -> JSONResponse:
        return envelope(ApiError(HTTPStatus.NOT_FOUND, "no_estimate", str(unknown)))

    @app.exception_handler(DatabaseError)
    async def lose_database(request: Request, lost: DatabaseError) -> JSONResponse:
        # What exactly is wrong, and where the file is, concerns the operator alone.
        watching, request_id = services_of(request).watching, request_id_of(request)
        watching.metrics.database_error()
        watching.logger.error("%s", lost, exc_info=lost, extra={"request_id": request_id})
        return envelope(
            ApiError(
                HTTPStatus.SERVICE_UNAVAILABLE,
                "database_unavailable",
                "The database does not answer at the moment; try again later.",
            )
        )

    @app.exception_handler(HTTPException)
    async def refuse_http(request: Request, problem: HTTPException) -> JSONResponse:
        return envelope(_http_refusal(request, problem))

    @app.exception_handler(Exception)
    async def admit_failure(request: Request, _: Exception) -> JSONResponse:
        # The log has the traceback, under the id; a client learns nothing of the inside.
        request_id = request_id_of(request)
        return envelope(
            ApiError(
                HTTPStatus.INTERNAL_SERVER_ERROR,
                "internal_error",
                "The service failed in a way it did not foresee; try again later.",
                details=[{"request_id": request_id}],
                # This answer is made outside of all middlewares.
                headers={HEADER: request_id},
            )
        )


def _http_refusal(request: Request, problem: HTTPException) -> ApiError:
    """Tell a refusal by the framework in our words."""
    status = HTTPStatus(problem.status_code)
    match status:
        case HTTPStatus.NOT_FOUND:
            error = "not_found"
            message = f"There is nothing at {request.url.path}; GET /openapi.json lists what is."
        case HTTPStatus.METHOD_NOT_ALLOWED:
            allowed = (problem.headers or {}).get("Allow", "another method")
            error = "method_not_allowed"
            message = f"{request.url.path} does not answer {request.method}; use {allowed}."
        case HTTPStatus.BAD_REQUEST:
            error = "bad_request"
            message = "The body cannot be read as JSON in UTF-8; send valid JSON."
        case _:
            error = f"http_{status.value}"
            message = f"{problem.detail}."
    return ApiError(status, error, message, headers=problem.headers)


def _malformed(problem: RequestValidationError) -> ApiError | None:
    """Tell a body that is no JSON at all; None when the body is JSON."""
    for error in problem.errors():
        if error["type"] == "json_invalid":
            reason = str(error["ctx"]["error"])
            place = error["loc"][1]
            return ApiError(
                HTTPStatus.BAD_REQUEST,
                "malformed_json",
                f"The body is not JSON: {reason} at character {place}; send valid JSON.",
            )
    return None


def _unnamed(request: Request, problem: RequestValidationError) -> ApiError | None:
    """Tell a body that is not looked at since no header says that it is JSON; None when one does."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    whole = any(tuple(error["loc"]) == ("body",) for error in problem.errors())
    if not whole or kind == "application/json" or kind.endswith("+json"):
        return None
    return ApiError(
        HTTPStatus.UNPROCESSABLE_ENTITY,
        "invalid_request",
        "No header says that the body is JSON; send it with Content-Type: application/json.",
    )


def _invalid(problem: RequestValidationError) -> ApiError:
    """Tell which fields of a request are wrong; the values, which may be private, stay out."""
    details = list(_field_problems(problem))
    fields = ", ".join(str(detail["field"]) for detail in details)
    return ApiError(
        HTTPStatus.UNPROCESSABLE_ENTITY,
        "invalid_request",
        f"The request does not have the right shape; correct {fields}.",
        details=details,
    )


def _field_problems(problem: RequestValidationError) -> Iterator[Mapping[str, object]]:
    for error in problem.errors()[:MOST_DETAILS]:
        origin, *path = error["loc"]
        yield {
            "in": origin,
            "field": name_field(path) or origin,
            "message": error["msg"],
        }
