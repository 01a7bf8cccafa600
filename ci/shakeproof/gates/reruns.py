"""The retries of the ordinary sessions, in one place.

A retry finds flaky tests; it must never hide one. A test that passes only after a retry is listed
and fails the session with exit status 7. Stability sessions use none of this: they never retry.
"""

from __future__ import annotations

from typing import Final

RERUNS: Final = 3
DELAY: Final = 1  # seconds between two attempts

NEVER_PASSES: Final = (
    "SyntaxError",
    "IndentationError",
    "TabError",
    "ImportError",
    "ModuleNotFoundError",
    "NameError",
    "NotImplementedError",
    "FixtureLookupError",
)


def rerun_options() -> tuple[str, ...]:
    """Return the pytest options that retry failures in order to name flaky tests.

    `--rerun-show-tracebacks` lists every retried test with how its failed attempts failed: a
    flaky test that passed in the end would otherwise leave no trace of why it had not.

    `shakeproof.gates.flaky_exit` sets the exit status instead of `--fail-on-flaky`, which under
    pytest-xdist ends with 0 in pytest-rerunfailures 16.7. pytest finds it when Shakeproof is
    installed, or when its folder is in the `pythonpath` of the project's settings.

    Never retried are the exceptions in `NEVER_PASSES`. They speak of the code as it is written
    and installed, which a second attempt in the same process finds unchanged; retrying them would
    cost `RERUNS` times `DELAY` seconds each and call a plain mistake flaky. Everything else is
    retried: an `AssertionError` is how flaky tests fail, and `TypeError` or `AttributeError` are
    often a race that found `None`. For the same reason `UnboundLocalError` is not among the names.

    pytest-rerunfailures searches each pattern in `"<class name>: <message>"` of the exception and
    of its explicit causes (`raise ... from ...`), by the name of the very class, not of its bases.
    So every subclass has a pattern of its own, and each is anchored: `NameError` alone would also
    match a message that merely mentions it.
    """
    patterns = (f"^{name}: " for name in NEVER_PASSES)
    return (
        f"--reruns={RERUNS}",
        f"--reruns-delay={DELAY}",
        "--rerun-show-tracebacks",
        "-pshakeproof.gates.flaky_exit",
        *(f"--rerun-except={pattern}" for pattern in patterns),
    )
