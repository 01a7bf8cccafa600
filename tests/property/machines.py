"""How state machines of the service are run: how many examples they may take, and what their apps share."""

from collections.abc import Callable
from functools import partial

from fastapi import FastAPI
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, run_state_machine_as_test

SHARE = (
    0.32  # of a profile's examples: each is an app of its own, and a test of a law has one second
)
MOST_EXAMPLES = 200  # some 20 s on a busy machine, of the 60 s that a test may take


def capped(profile: settings) -> settings:
    """Return a profile for tests of which each step is an HTTP request, with fewer examples."""
    most = min(int(profile.max_examples * SHARE), MOST_EXAMPLES)
    return settings(profile, max_examples=most, stateful_step_count=9)


def check_machine(
    machine: Callable[[Callable[..., FastAPI]], RuleBasedStateMachine],
    create: Callable[..., FastAPI],
    profile: settings,
) -> None:
    """Run a machine that makes an app for each of its examples."""
    # Any function without arguments will do, says its docstring; its types ask for a class.
    run_state_machine_as_test(partial(machine, create), settings=profile)  # type: ignore[arg-type]
