"""The limit per device as a state machine over HTTP: any history, against a model of a few lines."""

from collections.abc import Callable
from datetime import timedelta
from fractions import Fraction

import hypothesis.strategies as st
from fastapi import FastAPI
from fastapi.testclient import TestClient
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, rule
from starlette.routing import BaseRoute

from backend.core.storage import Database
from tests.factories import (
    FakeClock,
    make_ride,
    make_ride_segment,
    make_settings,
    ride_body,
    unique_id,
)
from tests.integration.phone import headers
from tests.property.machines import capped, check_machine

RIDES = 2
SECONDS = 60
MOST_EXAMPLES = 80
DEVICES = st.sampled_from(["one", "other"])


class LimiterMachine(RuleBasedStateMachine):
    """Two devices that send, repeat themselves, send nonsense, and wait."""

    def __init__(self, create: Callable[..., FastAPI]) -> None:
        super().__init__()
        self.clock = FakeClock()
        app = create(
            make_settings(
                rate_limit_rides=RIDES,
                rate_limit_seconds=SECONDS,
                idempotency_ttl_hours=87_720,
                observation_window_days=3650,
            ),
            clock=self.clock,
        )
        self.client = TestClient(app).__enter__()
        # The model: what each device has left, exactly.
        self.left = {"one": Fraction(RIDES), "other": Fraction(RIDES)}

    def teardown(self) -> None:
        """Close the app of this example."""
        self.client.__exit__(None, None, None)

    @rule(device=DEVICES)
    def send(self, device: str) -> None:
        """Send a ride: let in as long as the device has something left, and told the truth about it."""
        body = ride_body(make_ride([make_ride_segment()], device_id=device))
        status, sent = self.post(body)
        if self.left[device] >= 1:
            self.left[device] -= 1
            assert status == 200
        else:
            assert status == 429
            assert sent["Retry-After"] == sent["RateLimit-Reset"]
            exact = (1 - self.left[device]) * SECONDS / RIDES
            assert int(sent["Retry-After"]) - 1 < exact <= int(sent["Retry-After"])
        assert (sent["RateLimit-Limit"], sent["RateLimit-Remaining"]) == (
            str(RIDES),
            str(int(self.left[device])),
        )

    @rule(device=DEVICES)
    def send_and_repeat(self, device: str) -> None:
        """Send a ride twice under one key: the second time costs nothing, let in or not."""
        body = ride_body(make_ride([make_ride_segment()], device_id=device))
        key = unique_id("key")
        first, _ = self.post(body, key)
        self.left[device] -= first == 200
        again, sent = self.post(body, key)
        assert again == first
        assert ("Idempotency-Replayed" in sent) == (first == 200)

    @rule(device=DEVICES)
    def send_nonsense(self, device: str) -> None:
        """Send a ride that is refused: it costs nothing, and is not even looked at without allowance."""
        status, _ = self.post(ride_body(make_ride([], device_id=device)))
        assert status == (422 if self.left[device] >= 1 else 429)

    @rule(seconds=st.sampled_from([1, 7, 20, 60]))
    def wait(self, seconds: int) -> None:
        """Let time pass: both devices get as much back, up to all of it."""
        self.clock.advance(timedelta(seconds=seconds))
        for device, left in self.left.items():
            self.left[device] = min(left + Fraction(seconds * RIDES, SECONDS), Fraction(RIDES))

    def post(self, body: dict[str, object], key: str | None = None) -> tuple[int, dict[str, str]]:
        """Submit a body and return status and headers."""
        answer = self.client.post("/v1/ride_summary", json=body, headers=headers(key))
        return answer.status_code, {
            name: value
            for name in (
                "Retry-After",
                "RateLimit-Limit",
                "RateLimit-Remaining",
                "RateLimit-Reset",
                "Idempotency-Replayed",
            )
            if (value := answer.headers.get(name)) is not None
        }


def test_each_device_has_what_it_is_allowed(
    opening: Callable[[str], Database], routes: tuple[BaseRoute, ...]
) -> None:
    profile = capped(settings())
    profile = settings(profile, max_examples=min(profile.max_examples, MOST_EXAMPLES))
    check_machine(LimiterMachine, profile, opening, routes)
