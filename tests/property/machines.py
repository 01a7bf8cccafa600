"""How state machines of the service are run: how many examples they may take, and what their apps share."""

from collections.abc import Callable
from functools import partial

from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, run_state_machine_as_test
from starlette.routing import BaseRoute

from backend.api.app import create_app
from backend.core.storage import Database

SHARE = (
    0.32  # of a profile's examples: each is an app of its own, and a test of a law has one second
)
MOST_EXAMPLES = 200  # some 20 s on a busy machine, of the 60 s that a test may take


def capped(profile: settings) -> settings:
    """Return a profile for tests of which each step is an HTTP request, with fewer examples."""
    most = min(int(profile.max_examples * SHARE), MOST_EXAMPLES)
    return settings(profile, max_examples=most, stateful_step_count=9)


def check_machine(
    machine: type[RuleBasedStateMachine],
    profile: settings,
    opening: Callable[[str], Database],
    routes: tuple[BaseRoute, ...],
) -> None:
    """Run a machine that makes an app for each of its examples, from what they all have in common.

    `@reproduce_failure` belongs before the machine's class.
    """
    create = partial(create_app, opening=opening, routes=routes)

    # A class and no function, since Hypothesis looks for its decorators there.
    class WithApps(machine):  # type: ignore[misc, valid-type]  # mypy knows no base that is an argument
        def __init__(self) -> None:
            super().__init__(create)

    run_state_machine_as_test(WithApps, settings=profile)
