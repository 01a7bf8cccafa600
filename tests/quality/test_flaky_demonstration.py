"""A flaky test to look at: it fails at its first attempt and passes at its second.

    SHAKEPROOF_DEMONSTRATE_FLAKY=1 nox -s parallel -- tests/quality/test_flaky_demonstration.py

shows what a session says about a flaky test. In ordinary runs it is skipped.
"""

from __future__ import annotations

import os

import pytest

ATTEMPTS = pytest.StashKey[int]()


@pytest.mark.skipif(
    os.environ.get("SHAKEPROOF_DEMONSTRATE_FLAKY") != "1",
    reason="flaky on purpose: SHAKEPROOF_DEMONSTRATE_FLAKY=1 runs it",
)
def test_passes_at_the_second_attempt(request: pytest.FixtureRequest) -> None:
    """The first attempt fails, every later one passes: by counting, not by chance."""
    attempt = request.node.stash.get(ATTEMPTS, 0) + 1
    request.node.stash[ATTEMPTS] = attempt

    assert attempt > 1
