"""A pytest plugin that times a run: `-p shakeproof.gates.cost.watch --cost-watch=FILE`.

It notes when workers were there, tests were collected and reports came, what each phase of each test took, and what
setting up each fixture took. Fixtures and markers are seen where tests are collected and run: not with workers.
With `--cost-auto=FILE` it writes down how many workers there would be, and nothing is run.
"""

from __future__ import annotations

import json
import time
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

if TYPE_CHECKING:
    from collections.abc import Generator

OPTION: Final = "--cost-watch"
AUTO: Final = "--cost-auto"


def now() -> float:
    """Read the clock that all processes of one machine share."""
    return time.monotonic()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options that say where to write."""
    group = parser.getgroup("shakeproof")
    group.addoption(OPTION, metavar="FILE", help="write down what takes how long")
    group.addoption(AUTO, metavar="FILE", help="write down the number of workers, and run nothing")


def pytest_cmdline_main(config: pytest.Config) -> int | None:
    """Tell how many workers there would be; pytest-xdist, whose own hook comes first, has counted by now."""
    where = config.getoption(AUTO, None)
    if where is None:
        return None
    Path(where).write_text(str(len(config.getoption("tx", None) or ())), encoding="utf-8")
    return 0


def pytest_configure(config: pytest.Config) -> None:
    """Watch where all reports arrive: in a serial run, or in the controller of the workers."""
    where = config.getoption(OPTION, None)
    if where and not hasattr(config, "workerinput"):
        config.pluginmanager.register(Watch(Path(where)), "shakeproof-cost-watch")


class Watch:
    """What one run has shown so far."""

    def __init__(self, where: Path) -> None:
        """Start with nothing seen."""
        self._where = where.absolute()  # a test may change the working directory
        self._marks: dict[str, list[str]] = {}
        self._moments: dict[str, float] = {}
        self._tests: dict[str, dict[str, Any]] = {}
        self._fixtures: dict[tuple[str, str], list[float]] = defaultdict(list)
        self._of_test: dict[str, float] = defaultdict(float)
        self._inner: list[
            float
        ] = []  # of the fixtures being set up, what others took that they asked for

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Note when the tests were known, and their markers: by now all that a `conftest.py` gives are there.

        Not the keywords of their reports, in which the names of folders, files and functions stand as well.
        """
        self._moments["collected"] = now()
        for item in session.items:
            self._marks[item.nodeid] = sorted({mark.name for mark in item.iter_markers()})

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodeready(self) -> None:
        """Note when the last worker was there."""
        self._moments["ready"] = now()

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self) -> None:
        """Note when the last worker knew its tests."""
        self._moments["collected"] = now()

    @pytest.hookimpl(hookwrapper=True, tryfirst=True)
    def pytest_fixture_setup(
        self, fixturedef: pytest.FixtureDef[Any]
    ) -> Generator[None, None, None]:
        """Time a fixture, without those that it asks for while it is set up."""
        self._inner.append(0.0)
        begun = now()
        yield
        taken = now() - begun
        own = taken - self._inner.pop()
        if self._inner:
            self._inner[-1] += taken
        self._fixtures[fixturedef.argname, str(fixturedef.scope)].append(own)
        self._of_test[fixturedef.argname] += own

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Keep what a phase took; the last attempt counts, where there are several."""
        self._moments.setdefault("first", now())
        test = self._tests.setdefault(report.nodeid, {"setup": 0.0, "call": 0.0, "teardown": 0.0})
        test[report.when or "call"] = report.duration
        test["marks"] = self._marks.get(report.nodeid, [])  # none with workers, who collect them
        if report.when == "teardown":
            test["fixtures"] = dict(self._of_test)
            self._of_test.clear()

    def pytest_sessionfinish(self) -> None:
        """Write it all down."""
        fixtures = [
            {"name": name, "scope": scope, "times": len(seconds), "seconds": sum(seconds)}
            for (name, scope), seconds in self._fixtures.items()
        ]
        tests = [{"test": test, **each} for test, each in self._tests.items()]
        document = {"moments": self._moments, "tests": tests, "fixtures": fixtures}
        self._where.write_text(json.dumps(document), encoding="utf-8")
