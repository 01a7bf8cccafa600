"""Submitting a ride exactly once, however often a phone has to send it."""

import hashlib
import json
import re
from collections.abc import Mapping
from datetime import timedelta
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import Header, Response

from backend.api.errors import ApiError
from backend.api.models import RideAnswer, RideSummary
from backend.api.services import Services
from backend.core.limiting import Allowance, Grant
from backend.core.store import StoredAnswer, recall_answer, remember_answer, spend, submit_ride
from backend.core.store.rides import pseudonym

KEY_TEXT = re.compile(r"[!-~]{1,255}")
KEY_HEADER = "Idempotency-Key"
REPLAYED = "Idempotency-Replayed"


def key_parameter() -> dict[str, Any]:
    """Document the header of `idempotency_key`: FastAPI would take what is answered without it for optional."""
    return {
        "name": KEY_HEADER,
        "in": "header",
        "required": True,
        "description": "new for each ride, such as a UUID; the same again when a ride has to be sent again",
        "schema": {"type": "string", "pattern": f"^{KEY_TEXT.pattern}$"},
    }


async def idempotency_key(
    key: Annotated[str | None, Header(alias=KEY_HEADER, include_in_schema=False)] = None,
) -> str:
    """Return the key that names a submission; ApiError (400) without a usable one."""
    if key is not None and KEY_TEXT.fullmatch(key):
        return key
    problem = "is missing" if key is None else "is not 1 to 255 visible ASCII characters"
    raise ApiError(
        HTTPStatus.BAD_REQUEST,
        "idempotency_key_required",
        f"The header Idempotency-Key {problem}; send a new one, such as a UUID, with each ride.",
    )


def submit_once(services: Services, key: str, summary: RideSummary) -> Response:
    """Learn from a ride and answer with the receipt; repeat the first answer to a key used before.

    Looking up the key, taking the ride out of the device's allowance, learning, and storing the
    answer are one write transaction: of several clients with one key at once, one is served and the
    others get its answer, which costs nothing. A refused ride leaves nothing behind, so that it costs
    nothing either and its key can be used again with a corrected body.

    Raises ApiError - 409 when the key belongs to another body, 429 when the device has sent all it may - and
    RideRefusedError.
    """
    now, settings = services.clock.now(), services.settings
    mark, ride = fingerprint(summary), summary.to_domain()
    with services.database.writing() as transaction:
        answer = recall_answer(transaction, key, now, settings.idempotency_ttl)
        receipt = None
        if answer is None:
            grant = spend(transaction, pseudonym(ride.device_id), settings.allowance, now)
            if grant.admitted:
                receipt = submit_ride(transaction, ride, settings, now)
                body = RideAnswer.of(receipt).model_dump_json().encode()
                answer = StoredAnswer(mark, HTTPStatus.OK, body)
                remember_answer(transaction, key, answer, now)
    if answer is None:
        raise _too_many(grant, settings.allowance)
    if receipt is not None:  # and committed
        services.watching.metrics.ride(receipt)
        services.live.touched(tuple(part.segment for part in ride.segments))
        return _response(answer, limit_headers(grant, settings.allowance))
    if answer.fingerprint != mark:
        raise ApiError(
            HTTPStatus.CONFLICT,
            "idempotency_conflict",
            "The Idempotency-Key was used before with another body; send a new one with each ride.",
        )
    services.watching.metrics.replay()
    return _response(answer, {REPLAYED: "true"})


def fingerprint(summary: RideSummary) -> str:
    """Return a digest of what a body means: spacing and the order of its fields do not matter."""
    canonical = json.dumps(summary.model_dump(mode="json"), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()


def limit_headers(grant: Grant, allowance: Allowance) -> dict[str, str]:
    """Say how many rides may follow, and after how many seconds one more may.

    The names are those of draft-ietf-httpapi-ratelimit-headers up to its version 06. Seconds are
    rounded up: who waits that long is let in.
    """
    return {
        "RateLimit-Limit": str(allowance.capacity),
        "RateLimit-Remaining": str(grant.remaining),
        "RateLimit-Reset": str(_seconds(grant)),
    }


def _too_many(grant: Grant, allowance: Allowance) -> ApiError:
    return ApiError(
        HTTPStatus.TOO_MANY_REQUESTS,
        "too_many_rides",
        f"This device has sent all the rides it may for now; send this one in {_seconds(grant)} s.",
        headers={"Retry-After": str(_seconds(grant))} | limit_headers(grant, allowance),
    )


def _seconds(grant: Grant) -> int:
    return -(-grant.wait // timedelta(seconds=1))


def _response(answer: StoredAnswer, headers: Mapping[str, str]) -> Response:
    """Send an answer byte for byte as it was stored."""
    return Response(
        answer.body,
        status_code=answer.status,
        media_type="application/json",
        headers=dict(headers),
    )
