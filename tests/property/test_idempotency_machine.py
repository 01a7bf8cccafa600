"""Idempotency as a state machine: any history of submissions, against a model of a few lines."""

from datetime import datetime, timedelta

import hypothesis.strategies as st
import pytest
from fastapi.testclient import TestClient
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from sqlalchemy import func, select

from backend.api.app import create_app
from tests.factories import (
    TEST_API_KEY,
    FakeClock,
    make_ride,
    make_ride_segment,
    make_settings,
    ride_body,
)

KEYS = st.sampled_from(["first", "second", "third"])
TTL = timedelta(hours=24)
SHARE = (
    0.32  # of a profile's examples: each is an app of its own, and a test of a law has one second
)
MOST_EXAMPLES = 200  # some 20 s on a busy machine, of the 60 s that a test may take


class IdempotencyMachine(RuleBasedStateMachine):
    """Phones that repeat themselves, mix up their keys, send nonsense, and let time pass."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = FakeClock()
        # Rides stay acceptable however long the history gets.
        app = create_app(
            make_settings(idempotency_ttl_hours=24, observation_window_days=3650),
            clock=self.clock,
        )
        self.client = TestClient(app).__enter__()
        self.database = app.state.services.database
        self.bodies = [ride_body(make_ride([make_ride_segment()])) for _ in range(2)]
        # The model: what each key was used for, until when it is known, and what was answered.
        self.known: dict[str, tuple[int, datetime, bytes]] = {}
        self.applied = 0

    def teardown(self) -> None:
        """Close the app of this example."""
        self.client.__exit__(None, None, None)

    @rule(key=KEYS, number=st.integers(0, 1))
    def submit(self, key: str, number: int) -> None:
        """Submit a ride: a new key is applied, a known one replayed or, with another body, refused."""
        answer = self.post(key, self.bodies[number])
        first = self.known.get(key)
        if first is None or first[1] <= self.clock.now():
            assert (answer[0], answer[2]) == (200, None)
            self.known[key] = (number, self.clock.now() + TTL, answer[1])
            self.applied += 1
        elif first[0] == number:
            assert answer == (200, first[2], "true")
        else:
            assert (answer[0], answer[2]) == (409, None)

    @rule(key=KEYS)
    def submit_nonsense(self, key: str) -> None:
        """Submit a ride that went nowhere: it is never applied, and uses up no key."""
        status, _, replayed = self.post(key, self.bodies[0] | {"segments": []})
        first = self.known.get(key)
        expired = first is None or first[1] <= self.clock.now()
        assert (status, replayed) == (422 if expired else 409, None)

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

    def post(self, key: str, body: dict[str, object]) -> tuple[int, bytes, str | None]:
        """Submit a body and return status, content and the mark of a replay."""
        answer = self.client.post(
            "/v1/ride_summary",
            json=body,
            headers={"Authorization": f"Bearer {TEST_API_KEY}", "Idempotency-Key": key},
        )
        return answer.status_code, answer.content, answer.headers.get("Idempotency-Replayed")


def capped(profile: settings) -> settings:
    """Return a profile for tests of which each step is an HTTP request, with fewer examples."""
    most = min(int(profile.max_examples * SHARE), MOST_EXAMPLES)
    return settings(profile, max_examples=most, stateful_step_count=9)


TestIdempotency = IdempotencyMachine.TestCase
TestIdempotency.settings = capped(settings())


@pytest.mark.parametrize(("profile", "examples"), [("quick", 8), ("thorough", 200)])
def test_the_machine_fits_the_limit_of_time_in_every_profile(profile: str, examples: int) -> None:
    """The quick profile's 25 examples would take it past 1 s, the thorough one's 1000 past 60 s."""
    assert capped(settings.get_profile(profile)).max_examples == examples
