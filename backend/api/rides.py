"""Submitting a ride exactly once, however often a phone has to send it."""

import hashlib
import json
import re
from http import HTTPStatus
from typing import Annotated

from fastapi import Header, Response

from backend.api.errors import ApiError
from backend.api.models import RideAnswer, RideSummary
from backend.api.services import Services
from backend.core.store import StoredAnswer, recall_answer, remember_answer, submit_ride

KEY_TEXT = re.compile(r"[!-~]{1,255}")
REPLAYED = "Idempotency-Replayed"


def idempotency_key(
    key: Annotated[
        str | None, Header(alias="Idempotency-Key", description="required, new for each ride")
    ] = None,
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

    Looking up the key, learning, and storing the answer are one write transaction: of several
    clients with one key at once, one is served and the others get its answer. A refused ride
    leaves nothing behind, so that its key can be used again with a corrected body.

    Raises ApiError (409) when the key belongs to another body, and RideRefusedError.
    """
    now, settings = services.clock.now(), services.settings
    mark, ride = fingerprint(summary), summary.to_domain()
    with services.database.writing() as transaction:
        known = recall_answer(transaction, key, now, settings.idempotency_ttl)
        if known is None:
            receipt = submit_ride(transaction, ride, settings, now)
            body = RideAnswer.of(receipt).model_dump_json().encode()
            answer = StoredAnswer(mark, HTTPStatus.OK, body)
            remember_answer(transaction, key, answer, now)
        else:
            answer = known
    if known is None:
        services.live.touched(tuple(part.segment for part in ride.segments))
        return _response(answer, replayed=False)
    if answer.fingerprint != mark:
        raise ApiError(
            HTTPStatus.CONFLICT,
            "idempotency_conflict",
            "The Idempotency-Key was used before with another body; send a new one with each ride.",
        )
    return _response(answer, replayed=True)


def fingerprint(summary: RideSummary) -> str:
    """Return a digest of what a body means: spacing and the order of its fields do not matter."""
    canonical = json.dumps(summary.model_dump(mode="json"), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()


def _response(answer: StoredAnswer, *, replayed: bool) -> Response:
    """Send an answer byte for byte as it was stored."""
    return Response(
        answer.body,
        status_code=answer.status,
        media_type="application/json",
        headers={REPLAYED: "true"} if replayed else None,
    )
