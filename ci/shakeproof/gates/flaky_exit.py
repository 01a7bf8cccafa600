"""A pytest plugin: a run in which a test passed only after a retry ends with exit status 7.

pytest-rerunfailures 16.7 promises this with `--fail-on-flaky`, and keeps the promise in a serial
run. Under pytest-xdist it looks for the attempts on the controller, where no test runs, and the
run ends with 0. Here the reports are counted instead, which reach the controller either way.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import pytest

FLAKY: Final = 7  # the exit status pytest-rerunfailures uses


class FlakyExit:
    """What one run has seen so far."""

    def __init__(self) -> None:
        """Start with nothing seen."""
        self._retried: dict[str, None] = {}  # a set that keeps the order of arrival
        self._failed: set[str] = set()

    @property
    def flaky(self) -> tuple[str, ...]:
        """The tests that passed only after a retry, in the order of their first retry."""
        return tuple(test for test in self._retried if test not in self._failed)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Remember who was retried, and who failed all the same."""
        if str(report.outcome) == "rerun":  # an outcome of pytest-rerunfailures, not of pytest
            self._retried[report.nodeid] = None
        elif report.failed:
            self._failed.add(report.nodeid)

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Turn a green run with a flaky test red; leave a red one as it is."""
        if session.exitstatus == 0 and self.flaky:
            session.exitstatus = FLAKY

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Say which tests are flaky, and that this is why the run fails."""
        if self.flaky:
            terminalreporter.write_sep("=", "flaky tests", red=True, bold=True)
            for test in self.flaky:
                terminalreporter.write_line(f"FLAKY {test}")
            terminalreporter.write_line(
                "They passed only after a retry, which fails the run: see docs/flaky-tests.md."
            )


def pytest_configure(config: pytest.Config) -> None:
    """Watch where all reports arrive: in a serial run, or in the controller of the workers."""
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(FlakyExit(), "shakeproof-flaky-exit")
