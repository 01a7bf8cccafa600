"""Idempotency as a state machine: any history of submissions, against a model of a few lines."""

from collections.abc import Callable
from datetime import datetime, timedelta

import hypothesis.strategies as st
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from sqlalchemy import func, select
from starlette.routing import BaseRoute

from backend.core.settings import CLOCK_SKEW
from backend.core.storage import Database
from tests.factories import (
    TEST_API_KEY,
    FakeClock,
    make_ride,
    make_ride_segment,
    make_settings,
    ride_body,
)
from tests.property.machines import capped, check_machine

KEYS = st.sampled_from(["first", "second", "third"])
TTL = timedelta(hours=24)


class IdempotencyMachine(RuleBasedStateMachine):
    """Phones that repeat themselves, mix up their keys, send nonsense, and let time pass."""

    def __init__(self, create: Callable[..., FastAPI]) -> None:
        super().__init__()
        self.clock = FakeClock()
        app = create(
            make_settings(idempotency_ttl_hours=24, observation_window_days=0.99),
            clock=self.clock,
        )
        self.client = TestClient(app).__enter__()
        self.database = app.state.services.database
        # The model: what each key was used for last, until when it is known, and what was answered.
        self.known: dict[str, tuple[dict[str, object], datetime, bytes]] = {}
        self.applied = 0

    def teardown(self) -> None:
        """Close the app of this example."""
        self.client.__exit__(None, None, None)

    @rule(key=KEYS)
    def submit(self, key: str) -> None:
        """Submit a new ride: it is applied under a new key, and refused under a known one."""
        body = self.new_body()
        status, content, replayed = self.post(key, body)
        applied = not self.is_known(key)
        assert (status, replayed) == (200 if applied else 409, None)
        if applied:
            self.known[key] = (body, self.clock.now() + TTL, content)
            self.applied += 1

    @precondition(lambda self: self.known)
    @rule(data=st.data())
    def repeat(self, data: st.DataObject) -> None:
        """Submit a ride again: it gets its answer again, and is too old as soon as that is forgotten."""
        key = data.draw(st.sampled_from(sorted(self.known)))
        body, _, content = self.known[key]
        answer = self.post(key, body)
        if self.is_known(key):
            assert answer == (200, content, "true")
        else:
            assert (answer[0], answer[2]) == (422, None)

    @rule(key=KEYS)
    def submit_nonsense(self, key: str) -> None:
        """Submit a ride that went nowhere: it is never applied, and uses up no key."""
        status, _, replayed = self.post(key, self.new_body() | {"segments": []})
        assert (status, replayed) == (409 if self.is_known(key) else 422, None)

    @rule(hours=st.sampled_from([1, 12, 24]))
    def wait(self, hours: int) -> None:
        """Let time pass, so that keys expire: after 24 hours, and not a second before."""
        self.clock.advance(timedelta(hours=hours))

    @invariant()
    def every_applied_ride_is_stored_once(self) -> None:
        """Check that the database holds as many rides as the model has applied."""
        with self.database.reading() as transaction:
            rides = transaction.schema.rides
            stored = transaction.execute(select(func.count()).select_from(rides)).scalar_one()
        assert stored == self.applied

    def new_body(self) -> dict[str, object]:
        """Return a ride that no key belongs to, of a phone whose clock is as fast as it may be."""
        return ride_body(make_ride([make_ride_segment(started_at=self.clock.now() + CLOCK_SKEW)]))

    def is_known(self, key: str) -> bool:
        """Say whether the model knows what a key was used for."""
        return key in self.known and self.clock.now() < self.known[key][1]

    def post(self, key: str, body: dict[str, object]) -> tuple[int, bytes, str | None]:
        """Submit a body and return status, content and the mark of a replay."""
        answer = self.client.post(
            "/v1/ride_summary",
            json=body,
            headers={"Authorization": f"Bearer {TEST_API_KEY}", "Idempotency-Key": key},
        )
        return answer.status_code, answer.content, answer.headers.get("Idempotency-Replayed")


def test_keys_are_known_for_as_long_as_the_settings_say(
    opening: Callable[[str], Database], routes: tuple[BaseRoute, ...]
) -> None:
    check_machine(IdempotencyMachine, capped(settings()), opening, routes)


@pytest.mark.parametrize(("profile", "examples"), [("quick", 8), ("thorough", 200)])
def test_the_machine_fits_the_limit_of_time_in_every_profile(profile: str, examples: int) -> None:
    """The quick profile's 25 examples would take it past 1 s, the thorough one's 1000 past 60 s."""
    assert capped(settings.get_profile(profile)).max_examples == examples
