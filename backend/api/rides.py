"""Submitting a ride exactly once, however often a phone has to send it."""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from datetime import timedelta
from functools import partial
from http import HTTPStatus
from typing import Annotated, Any, TypeAlias

from fastapi import Header, Request, Response

from backend.api.errors import ApiError
from backend.api.group_commit import GroupCommit
from backend.api.models import RideAnswer, RideSummary, Submission
from backend.api.services import Services
from backend.core.admitting import Admitted, Decision, Refused, TooMany, admit
from backend.core.errors import RideRefusedError
from backend.core.limiting import Allowance, Grant
from backend.core.rides import RideReceipt, pseudonym
from backend.core.store import (
    StoredAnswer,
    load_buckets,
    recall_answers,
    remember_answers,
    save_buckets,
    submit_rides,
)

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


GROUPS = 2
"""Of rides that are stored at a time, where the database has several writers: one may wait for another service."""

Answer: TypeAlias = Response | ApiError | RideRefusedError
"""What a submission is answered with; errors are raised in its own request."""


def ride_groups(services: Services) -> GroupCommit[Submission, Response]:
    """Make what stores the rides of a service, those together that come together."""
    groups = min(GROUPS, services.database.dialect.writers)
    return GroupCommit("rides", partial(submit_all, services), groups=groups)


def rides_of(request: Request) -> GroupCommit[Submission, Response]:
    """Return what stores the rides of the app that a request has reached."""
    rides: GroupCommit[Submission, Response] = request.app.state.rides
    return rides


def submit_all(services: Services, submissions: Sequence[Submission]) -> tuple[Answer, ...]:
    """Learn from rides and answer each with its receipt; repeat the first answer to a key used before.

    Looking up the keys, taking the rides out of their devices' allowances, learning, and storing the
    answers are one write transaction: of several clients with one key at once, one is served and the
    others get its answer, which costs nothing. A refused ride leaves nothing behind, so that it costs
    nothing either and its key can be used again with a corrected body.

    Answered is 409 when the key belongs to another body, and 429 when the device has sent all it may.
    """
    now, settings = services.clock.now(), services.settings
    marks = [fingerprint(each.summary) for each in submissions]
    rides = [(each.key, each.summary.to_domain()) for each in submissions]
    devices = {pseudonym(ride.device_id) for _, ride in rides}
    with services.database.writing() as tx:
        answers = recall_answers(tx, {key for key, _ in rides}, now, settings.idempotency_ttl)
        buckets = load_buckets(tx, devices, settings.allowance, now)
        decisions, changed = admit(rides, answers, buckets, settings, now)
        save_buckets(tx, changed)
        admitted = [n for n, each in enumerate(decisions) if isinstance(each, Admitted)]
        receipts = submit_rides(tx, [rides[n][1] for n in admitted], settings, now)
        new = {
            rides[n][0]: _answer(marks[n], receipt)
            for n, receipt in zip(admitted, receipts, strict=True)
        }
        remember_answers(tx, new, now)
    # Committed:
    for receipt in receipts:
        services.watching.metrics.ride(receipt)
    services.live.touched(tuple(part.segment for n in admitted for part in rides[n][1].segments))
    answers |= new
    return tuple(
        _respond(services, decision, mark, answers, key)
        for decision, mark, (key, _) in zip(decisions, marks, rides, strict=True)
    )


def _answer(mark: str, receipt: RideReceipt) -> StoredAnswer:
    return StoredAnswer(mark, HTTPStatus.OK, RideAnswer.of(receipt).model_dump_json().encode())


def _respond(
    services: Services,
    decision: Decision,
    mark: str,
    answers: Mapping[str, StoredAnswer],
    key: str,
) -> Answer:
    """Put a decision into words; `answers` is what is kept under the keys now."""
    allowance = services.settings.allowance
    match decision:
        case Refused(problems):
            return RideRefusedError(problems)
        case TooMany(grant):
            return _too_many(grant, allowance)
    answer = answers[key]
    if isinstance(decision, Admitted):
        return _response(answer, limit_headers(decision.grant, allowance))
    if answer.fingerprint != mark:
        return ApiError(
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
