"""Say which benchmarks a run had and what became of them, and refuse to measure where a time would mean nothing.

Beside pytest-benchmark, which measures. `SHAKEPROOF_BENCHMARKS` names the file that is written at the end. Where
`SHAKEPROOF_COMPUTING` is set, that file tells for each benchmark which share of its time its thread was computing, and
did not wait for others or for files. Where `SHAKEPROOF_ITERATIONS` is a number, nothing is timed, and each benchmark
calls what it measures so many times: for counting instructions, where the number of calls has to be known.
"""

from __future__ import annotations

import json
import os
import sys
import time
from typing import Any, Dict, Generator, List, Optional

import pytest
from shakeproof_elapsed import counts_waits, elapsed

REPORT = "SHAKEPROOF_BENCHMARKS"
ITERATIONS = "SHAKEPROOF_ITERATIONS"
COMPUTING = "SHAKEPROOF_COMPUTING"
FIXTURE = "benchmark"


def _leave_import_path() -> None:
    """Take this folder off the import path again, here and for processes started later: it is in nobody's project."""
    here = os.path.dirname(os.path.abspath(__file__))
    sys.path[:] = [path for path in sys.path if path != here]
    paths = [path for path in os.environ.get("PYTHONPATH", "").split(os.pathsep) if path != here]
    if any(paths):
        os.environ["PYTHONPATH"] = os.pathsep.join(paths)
    else:
        os.environ.pop("PYTHONPATH", None)


class Watch:
    """What is known of the run so far."""

    def __init__(self, path: str, iterations: int, *, computing: bool) -> None:
        self.path = path
        self.iterations = iterations
        self.ask_computing = computing
        self.computing: Dict[str, float] = {}
        self.tests: List[str] = []
        self.failed: Dict[str, str] = {}
        self.disturbed = ""

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(
        self, config: pytest.Config, items: List[pytest.Item]
    ) -> None:
        """Keep the benchmarks alone, once all others have left out what they leave out."""
        others = [item for item in items if FIXTURE not in getattr(item, "fixturenames", ())]
        if others:
            config.hook.pytest_deselected(items=others)
            items[:] = [item for item in items if FIXTURE in getattr(item, "fixturenames", ())]
        self.tests = [item.nodeid for item in items]

    def pytest_collectreport(self, report: Any) -> None:
        """Note a file that could not be imported."""
        if report.failed:
            self.failed[report.nodeid] = _reason(report)

    def pytest_runtest_logreport(self, report: Any) -> None:
        """Note a test that did not pass; of skipped ones nothing is measured either."""
        if report.failed or report.skipped:
            self.failed.setdefault(report.nodeid, _reason(report))

    @pytest.hookimpl(hookwrapper=True)
    def pytest_fixture_setup(self, fixturedef: Any, request: Any) -> Generator[None, Any, None]:
        """Let the fixture call what it is given a fixed number of times, or see what a call does with its time."""
        outcome = yield
        if fixturedef.argname != FIXTURE or outcome.excinfo:
            return
        fixture = outcome.get_result()
        if self.iterations:
            fixture.__class__ = _counting(type(fixture), self.iterations)
        elif self.ask_computing:
            fixture.__class__ = _noting(type(fixture), self.computing, request.node.nodeid)

    @pytest.hookimpl(optionalhook=True)
    def pytest_benchmark_update_json(self, output_json: Dict[str, Any]) -> None:
        """Note how busy the machine was: pytest-benchmark does not."""
        output_json["shakeproof"] = {
            "load": os.getloadavg()[0] if hasattr(os, "getloadavg") else None
        }

    def pytest_unconfigure(self) -> None:
        """Write it down; where that fails, whoever reads misses the file and says so."""
        try:
            with open(self.path, "w", encoding="utf-8") as file:
                told = {"tests": self.tests, "failed": self.failed, "disturbed": self.disturbed}
                json.dump({**told, "computing": self.computing}, file)
        except OSError:
            pass


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Begin, or refuse: before pytest-benchmark, which has other words for it."""
    path = os.environ.pop(REPORT, "")
    if not path:
        return
    _leave_import_path()
    computing = bool(os.environ.pop(COMPUTING, "")) and counts_waits()
    watch = Watch(path, int(os.environ.pop(ITERATIONS, "") or 0), computing=computing)
    config.pluginmanager.register(watch, "shakeproof_benchmark_watch")
    watch.disturbed = _disturber(config) or ""
    if watch.disturbed:
        watch.pytest_unconfigure()  # pytest may not come to it
        raise pytest.UsageError(f"{watch.disturbed} is active: nothing is measured.")


def _disturber(config: pytest.Config) -> Optional[str]:
    """Name what makes times meaningless: other workers, or something that watches every line."""
    spread = config.getoption("dist", "no") != "no" or config.getoption("tx", None)
    if spread or hasattr(config, "workerinput") or "PYTEST_XDIST_WORKER" in os.environ:
        return "pytest-xdist"
    coverage = sys.modules.get("coverage")
    current = getattr(getattr(coverage, "Coverage", None), "current", None)
    if current is not None and current() is not None:
        return "coverage"
    if sys.gettrace() is not None or sys.getprofile() is not None:
        return "a tracer or profiler"
    monitoring = getattr(sys, "monitoring", None)
    if monitoring is not None:
        for tool in (monitoring.COVERAGE_ID, monitoring.DEBUGGER_ID, monitoring.PROFILER_ID):
            if monitoring.get_tool(tool) is not None:
                return str(monitoring.get_tool(tool))
    return None


def _counting(kind: Any, iterations: int) -> Any:
    """Make a kind of the fixture that counts instead of timing."""

    def call(self: Any, function: Any, *args: Any, **kwargs: Any) -> Any:
        self._mode = "benchmark(...)"  # so that it does not complain that nobody used it
        result = None
        for _ in range(iterations):
            result = function(*args, **kwargs)
        return result

    def pedantic(  # noqa: PLR0917 - in the order that pytest-benchmark has
        self: Any,
        target: Any,
        args: Any = (),
        kwargs: Any = None,
        setup: Any = None,
        teardown: Any = None,
        **_how_often: Any,
    ) -> Any:
        self._mode = "benchmark.pedantic(...)"
        result = None
        for _ in range(iterations):
            given, named = (setup() if setup else None) or (args, dict(kwargs or {}))
            result = target(*given, **named)
            if teardown:
                teardown(*given, **named)
        return result

    return type("Counting", (kind,), {"__call__": call, "pedantic": pedantic})


def _noting(kind: Any, computing: Dict[str, float], name: str) -> Any:
    """Make a kind of the fixture that notes which share of the last call its thread was computing."""

    def make_runner(self: Any, *arguments: Any) -> Any:
        run = kind._make_runner(self, *arguments)

        def noted(*arguments: Any) -> Any:
            busy, begun = time.thread_time(), elapsed()
            result = run(*arguments)
            spent = elapsed() - begun
            computing[name] = (time.thread_time() - busy) / spent if spent > 0 else 0.0
            return result

        return noted

    return type("Noting", (kind,), {"_make_runner": make_runner})


def _reason(report: Any) -> str:
    """Give the line that says what went wrong."""
    crash = getattr(getattr(report, "longrepr", None), "reprcrash", None)
    if crash is not None:
        return str(crash.message).strip().partition("\n")[0]
    if isinstance(report.longrepr, tuple):  # of a skipped test: file, line, reason
        return str(report.longrepr[-1])
    lines = [line for line in str(report.longrepr).splitlines() if line.strip()]
    return lines[-1].strip() if lines else ""
