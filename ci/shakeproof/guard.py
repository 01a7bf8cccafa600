"""The pytest plugin for everyday runs: `--leaks=report` lists what tests leave behind, `--leaks=fail` fails them.

Loaded by pytest wherever Shakeproof is installed; it does nothing, and imports next to nothing, unless it is asked.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Sequence

    from shakeproof.inject.shakeproof_state.fills import Fills
    from shakeproof.inject.shakeproof_state.observer import Observer
    from shakeproof.inject.shakeproof_state.protocol import Change
    from shakeproof.inject.shakeproof_state.watch import Watch
    from shakeproof.leaks.allowed import Allowed

REPORT, FAIL = "report", "fail"
NOTES = "shakeproof_notes"  # by this name they cross from the workers of xdist


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option."""
    group = parser.getgroup("shakeproof")
    group.addoption(
        "--leaks",
        choices=(REPORT, FAIL),
        help="look at the state around each test: list at the end what was left changed, or fail the test that did it",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Take up the guard where that is asked. Raises pytest.UsageError for exceptions that cannot be understood."""
    wanted = config.getoption("leaks", None)
    if wanted:
        from shakeproof.leaks.allowed import AllowedError, read_allowed  # noqa: PLC0415  (who does not ask pays nothing)

        try:
            allowed = read_allowed(config.rootpath / "pyproject.toml")
        except AllowedError as error:
            raise pytest.UsageError(str(error)) from error
        config.pluginmanager.register(Guard(wanted, allowed), "shakeproof_guard")


class Guard:
    """Looks at the state before and after each test. Under xdist the workers look, and the controller lists."""

    def __init__(self, wanted: str, allowed: Iterable[Allowed]) -> None:
        self._wanted = wanted
        self._allowed = tuple(allowed)
        self._unused = set(self._allowed)
        self._observer: Observer | None = None
        self._watch: Watch | None = None
        self._fills: Fills | None = None
        self._found: list[tuple[str, str]] = []  # test, and a sentence
        self._leaked: dict[
            str, list[str]
        ] = {}  # what each test that was failed for it has leaked so far
        self._filled: dict[str, str] = {}  # caches, and the test that was the first to fill one
        self._notes: dict[str, None] = {}  # what was not looked at
        self._selected = False  # whether only some of the tests were run

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> None:
        """Look once when everything is collected."""
        plugins = session.config.pluginmanager
        if plugins.hasplugin("dsession"):  # the controller of xdist runs no test
            return
        from shakeproof.inject.shakeproof_state.fills import Fills  # noqa: PLC0415
        from shakeproof.inject.shakeproof_state.observer import Observer, default_probes  # noqa: PLC0415
        from shakeproof.inject.shakeproof_state.watch import Watch  # noqa: PLC0415

        factory = getattr(session.config, "_tmp_path_factory", None)
        # What is in `tmp_path` is the test's.
        own = [] if factory is None else [str(factory.getbasetemp())]
        probes = default_probes(str(session.config.rootpath), own)
        if plugins.hasplugin("warnings"):  # which puts the filters back behind each test
            probes = [probe for probe in probes if probe.name != "warnings"]
        self._observer = Observer(probes)
        self._watch = Watch(self._observer)
        self._fills = Fills(self._observer, self._watch)
        plugins.register(self._watch)
        plugins.register(self._fills)

    @pytest.hookimpl(hookwrapper=True, tryfirst=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, Any, None]:
        """Look again when all that belongs to a test has been torn down."""
        made = yield
        if call.when != "teardown":
            return
        report = made.get_result()
        leaks, filled = self._judge(item.name)
        if leaks:
            report.leaks = leaks  # which crosses from the workers of xdist
        if filled:
            report.filled = filled
        if self._wanted == FAIL:
            # Tried again, a test finds what it has left and leaves nothing more: that mends nothing.
            of_all_tries = self._leaked[item.nodeid] = [*self._leaked.get(item.nodeid, ()), *leaks]
            if of_all_tries and report.passed:
                report.outcome = "failed"
                report.longrepr = "\n".join(of_all_tries)

    def _judge(self, test: str) -> tuple[list[str], list[str]]:
        """Say what a test has leaked, a sentence each, and which caches were filled without that being a leak."""
        from shakeproof.leaks.sentences import sentence, sentence_of_fill, what  # noqa: PLC0415

        if self._observer is None or self._watch is None or self._fills is None:
            return [], []
        found = self._watch.end_of_test()
        meanwhile = self._fills.end_of_test(found)
        leaks, filled = [], []
        for change in found:
            read = meanwhile.get(change.key) if change.probe == "caches" else None
            if self._covers(change) or (read and all(map(self._covers, read.changes))):
                continue
            if read:
                leaks.append(sentence_of_fill(test, change, read))
            elif change.probe == "caches":
                filled.append(what(change))
            else:
                leaks.append(sentence(test, change, self._observer.advice(change.probe)))
        return leaks, filled

    def _covers(self, change: Change) -> bool:
        """Tell whether a change is put up with."""
        covering = [each for each in self._allowed if each.covers(change)]
        self._unused.difference_update(covering)
        return bool(covering)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Keep what is to be listed."""
        self._found += ((report.nodeid, leak) for leak in getattr(report, "leaks", ()))
        for cache in getattr(report, "filled", ()):
            self._filled.setdefault(cache, report.nodeid)

    def pytest_deselected(self, items: Sequence[pytest.Item]) -> None:
        """Note that not all tests are run."""
        self._selected = self._selected or bool(items)

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Take down what was not looked at."""
        if self._observer is not None:
            self._notes.update(dict.fromkeys(self._observer.notes))
        output = getattr(session.config, "workeroutput", None)
        if output is not None:
            output[NOTES] = list(self._notes)

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:  # noqa: ANN401  (of xdist, which may not be there)
        """Take over what a worker did not look at: most of them say the same."""
        self._notes.update(dict.fromkeys(getattr(node, "workeroutput", {}).get(NOTES, ())))

    def pytest_terminal_summary(
        self, terminalreporter: pytest.TerminalReporter, exitstatus: int, config: pytest.Config
    ) -> None:
        """List it."""
        lines = [*self._listed(), *self._noted(), *self._superfluous(config, exitstatus)]
        if lines:
            terminalreporter.section("leaks")
        for line in lines:
            terminalreporter.write_line(line)

    def _listed(self) -> Iterable[str]:
        if self._wanted == FAIL:  # then each stands in the error of its test
            return
        from shakeproof.leaks.sentences import shortly  # noqa: PLC0415

        for test, leak in self._found:
            yield f"{test.rpartition('::')[0]}: {leak}"
        if self._filled:
            caches = shortly(f"{cache} (first by {test})" for cache, test in self._filled.items())
            yield f"note: filled while nothing else was changed, which is no leak: {caches}"

    def _noted(self) -> Iterable[str]:
        from shakeproof.messages import mask  # noqa: PLC0415

        for note in self._notes:
            yield f"note: {mask(note)}"

    def _superfluous(self, config: pytest.Config, exitstatus: int) -> Iterable[str]:
        """Tell the exceptions that covered nothing, where every test was run, and here."""
        chosen = getattr(config, "args_source", None)
        whole = chosen is not None and chosen.name != "ARGS" and not self._selected
        if not whole or exitstatus not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED):
            return
        if self._watch is None or config.getoption("maxfail", 0):
            return
        from shakeproof.leaks.allowed import TABLE  # noqa: PLC0415

        for number, each in enumerate(self._allowed, 1):
            if each in self._unused:
                which = f"exception {number} of {TABLE} ({each.category}, {each.key!r})"
                yield f"note: {which} covered nothing"
