"""A pytest plugin that makes one benchmark slower by a share: `--slowed NODE_ID --slowed-by 0.1`.

What is measured is called as ever, and then the processor is kept busy for so much longer: no sleeping, which would
leave it to others.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest

from shakeproof.inject.shakeproof_elapsed import counts_waits, elapsed

if TYPE_CHECKING:
    from collections.abc import Callable, Generator


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options."""
    parser.addoption("--slowed", default="", help="node id of the benchmark")
    parser.addoption("--slowed-by", type=float, default=0.0, help="share of its time")


@pytest.hookimpl(wrapper=True)
def pytest_fixture_setup(
    fixturedef: pytest.FixtureDef[Any], request: pytest.FixtureRequest
) -> Generator[None, Any, Any]:
    """Give the one benchmark another kind of the fixture."""
    fixture = yield
    if fixturedef.argname == "benchmark" and request.node.nodeid == request.config.getoption(
        "slowed"
    ):
        fixture.__class__ = _slowing(type(fixture), request.config.getoption("slowed_by"))
    return fixture


def slowed(function: Callable[..., Any], share: float) -> Callable[..., Any]:
    """Return the function made slower."""
    now = elapsed if counts_waits() else time.perf_counter

    def call(*args: Any, **kwargs: Any) -> Any:
        begun = now()
        result = function(*args, **kwargs)
        until = begun + (now() - begun) * (1 + share)
        while now() < until:
            pass
        return result

    return call


def _slowing(kind: Any, share: float) -> Any:
    def call(self: Any, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        return kind.__call__(self, slowed(function, share), *args, **kwargs)

    def pedantic(self: Any, target: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        return kind.pedantic(self, slowed(target, share), *args, **kwargs)

    return type("Slowing", (kind,), {"__call__": call, "pedantic": pedantic})
