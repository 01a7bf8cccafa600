"""The pytest plugin for everyday runs: `--leaks=report` lists what tests leave behind, `--leaks=fail` fails them.

Loaded by pytest wherever Shakeproof is installed; it does nothing, and imports next to nothing, unless it is asked.
"""

from __future__ import annotations

import fnmatch
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable
    from pathlib import Path

    from shakeproof.inject.shakeproof_state.protocol import Change
    from shakeproof.inject.shakeproof_state.watch import Watch

REPORT, FAIL = "report", "fail"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option."""
    group = parser.getgroup("shakeproof")
    group.addoption(
        "--leaks",
        choices=(REPORT, FAIL),
        help="look at the state around each test: list at the end what was left changed, or fail the test that did it",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Take up the guard where that is asked."""
    wanted = config.getoption("leaks", None)
    if wanted:
        allowed = read_allowed(config.rootpath / "pyproject.toml")
        config.pluginmanager.register(Guard(wanted, allowed), "shakeproof_guard")


@dataclass(frozen=True, slots=True)
class Allowed:
    """Leaks that are put up with, for a reason."""

    category: str
    key: str  # as a shell pattern
    reason: str

    def covers(self, change: Change) -> bool:
        """Tell whether a change is one of them."""
        return self.category == change.category and fnmatch.fnmatchcase(change.key, self.key)


def read_allowed(pyproject: Path) -> tuple[Allowed, ...]:
    """Read `[[tool.shakeproof.leaks.allow]]`, each with a category, a key (a shell pattern) and a reason.

    Raises pytest.UsageError where an entry lacks one of them.
    """
    import tomllib  # noqa: PLC0415  (only who asks for the guard pays for it)

    if not pyproject.is_file():
        return ()
    settings = tomllib.loads(pyproject.read_text(encoding="utf-8"))
    entries = settings.get("tool", {}).get("shakeproof", {}).get("leaks", {}).get("allow", ())
    try:
        return tuple(Allowed(**entry) for entry in entries)
    except TypeError as error:
        raise pytest.UsageError(
            f"{pyproject}: each entry of tool.shakeproof.leaks.allow has a category, a key and a reason, "
            f"and nothing else ({error})."
        ) from error


class Guard:
    """Looks at the state before and after each test. Under xdist the workers look, and the controller lists."""

    def __init__(self, wanted: str, allowed: Iterable[Allowed]) -> None:
        self._wanted = wanted
        self._allowed = tuple(allowed)
        self._watch: Watch | None = None
        self._found: list[tuple[str, str]] = []  # test, and a sentence

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> None:
        """Look once when everything is collected."""
        from shakeproof.inject.shakeproof_state.observer import Observer, default_probes  # noqa: PLC0415
        from shakeproof.inject.shakeproof_state.watch import Watch  # noqa: PLC0415

        factory = getattr(session.config, "_tmp_path_factory", None)
        # What is in `tmp_path` is the test's.
        own = [] if factory is None else [str(factory.getbasetemp())]
        self._watch = Watch(Observer(default_probes(str(session.config.rootpath), own)))
        session.config.pluginmanager.register(self._watch)

    @pytest.hookimpl(hookwrapper=True, tryfirst=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, Any, None]:
        """Look again when all that belongs to a test has been torn down."""
        made = yield
        if call.when != "teardown" or self._watch is None:
            return
        report = made.get_result()
        leaks = [
            sentence(item.name, change)
            for change in self._watch.end_of_test()
            if not any(each.covers(change) for each in self._allowed)
        ]
        if leaks:
            report.leaks = leaks  # which crosses from the workers of xdist
        if leaks and self._wanted == FAIL and report.passed:
            report.outcome = "failed"
            report.longrepr = "\n".join(leaks)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Keep what is to be listed."""
        self._found += ((report.nodeid, leak) for leak in getattr(report, "leaks", ()))

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """List it."""
        if not self._found or self._wanted == FAIL:  # then each stands in the error of its test
            return
        terminalreporter.section("leaks")
        for test, leak in self._found:
            terminalreporter.write_line(f"{test.rpartition('::')[0]}: {leak}")


def sentence(test: str, change: Change) -> str:
    """Say what a test changed, and what to use instead."""
    from shakeproof.messages import mask_value  # noqa: PLC0415
    from shakeproof.report.advice import advice_for  # noqa: PLC0415

    advice = advice_for(change.category)
    before, after = (
        "not there" if each is None else mask_value(change.key, each)
        for each in (change.before, change.after)
    )
    what = f"{advice.noun} {change.key}".strip()
    return f"{test} changed {what} ({before} -> {after}); {advice.short}"
