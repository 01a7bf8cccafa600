"""A pytest plugin that times a run: `-p shakeproof.gates.cost.watch --cost-watch=FILE`.

It notes when workers were there, tests were collected and reports came, what each phase of each test took, and what
setting up each fixture took. Fixtures are seen where tests run: not with workers.
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


def now() -> float:
    """Read the clock that all processes of one machine share."""
    return time.monotonic()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option that says where to write."""
    parser.getgroup("shakeproof").addoption(
        OPTION, metavar="FILE", help="write down what takes how long"
    )


def pytest_configure(config: pytest.Config) -> None:
    """Watch where all reports arrive: in a serial run, or in the controller of the workers."""
    where = config.getoption(OPTION, None)
    if where and not hasattr(config, "workerinput"):
        config.pluginmanager.register(Watch(config, Path(where)), "shakeproof-cost-watch")


class Watch:
    """What one run has shown so far."""

    def __init__(self, config: pytest.Config, where: Path) -> None:
        """Start with nothing seen."""
        self._where = where.absolute()  # a test may change the working directory
        marks = (str(line).partition(":")[0].partition("(")[0] for line in config.getini("markers"))
        self._marks = frozenset(mark.strip() for mark in marks)
        self._moments: dict[str, float] = {}
        self._tests: dict[str, dict[str, Any]] = {}
        self._fixtures: dict[tuple[str, str], list[float]] = defaultdict(list)
        self._of_test: dict[str, float] = defaultdict(float)
        self._inner: list[
            float
        ] = []  # of the fixtures being set up, what others took that they asked for

    def pytest_collection_finish(self) -> None:
        """Note when the tests were known."""
        self._moments["collected"] = now()

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
        test["marks"] = sorted(self._marks.intersection(report.keywords))
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
