"""A pytest plugin that tells the coverage gate who measured: `-p shakeproof.gates.coverage.witness`.

pytest-cov says on the terminal alone that a worker of xdist returned no data, and ends green. This writes down which
workers there were, whether each gave its data back, and which core measured in it.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

import pytest

OPTION: Final = "--coverage-witness"
CORE: Final = "shakeproof_coverage_core"
GIVEN_BACK: Final = "cov_worker_node_id"  # what pytest-cov 7 sends along with a worker's data


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option that says where to write."""
    parser.getgroup("shakeproof").addoption(OPTION, metavar="FILE", help="write down who measured")


def pytest_configure(config: pytest.Config) -> None:
    """Watch, in the process that runs tests and in the one that spreads them."""
    where = config.getoption(OPTION, None)
    if where:
        config.pluginmanager.register(Witness(config, Path(where)), "shakeproof-coverage-witness")


class Witness:
    """What one process saw."""

    def __init__(self, config: pytest.Config, where: Path) -> None:
        """Start with nobody seen."""
        self._config = config
        self._where = where.absolute()  # a test may change the working directory
        self._workers: dict[str, dict[str, object]] = {}
        self._tests = 0
        self._core: str | None = None

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self) -> None:
        """Ask for the core before the first test: when the last one has ended, pytest-cov stops it."""
        self._core = running_core()

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Write down what was seen; a worker sends its core to the controller."""
        output = getattr(self._config, "workeroutput", None)
        if output is not None:
            output[CORE] = self._core
            return
        document = {
            "tests": self._tests,
            "status": int(session.exitstatus),
            "core": self._core,
            "workers": self._workers,
        }
        self._where.write_text(json.dumps(document), encoding="utf-8")

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Count the tests that ran: where workers run them, their reports arrive here."""
        self._tests += report.when == "call"

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any, error: object) -> None:  # noqa: ANN401, ARG002 - a hook of xdist
        """Note whether a worker gave back what it measured."""
        output = getattr(node, "workeroutput", None) or {}
        self._workers[node.gateway.id] = {"data": GIVEN_BACK in output, "core": output.get(CORE)}


def running_core() -> str | None:
    """Name the core that measures now, as coverage.py calls it; None where nothing measures."""
    import coverage  # noqa: PLC0415 - whoever loads this plugin without coverage gets a report, no traceback

    current = coverage.Coverage.current()
    return None if current is None else str(dict(current.sys_info()).get("core"))
