"""Write down what each test did as it happens: a crash loses nothing that came before it."""

from __future__ import annotations

import os
import platform
import time
from typing import Any, Union

import pytest
from shakeproof_sinks import FileSink, SocketSink

Sink = Union[FileSink, SocketSink]

# Plugins that change order, repetition or schedule, each with an option that it brings: a command printed for a person
# has to switch off those that the project loads. `force_reruns` is one of newer versions of rerunfailures, which alone
# overrules markers. So are `-x` and `--maxfail`, of which the option is our own.
DISTORTING = (
    ("xdist", "numprocesses"),
    ("randomly", "randomly_seed"),
    ("random_order", "random_order_bucket"),
    ("rerunfailures", "reruns"),
    ("force_reruns", "force_reruns"),
    ("maxfail", "shakeproof_stops_early"),
)


class Recorder:
    """The plugin that records. Under xdist it sits in the controller, which hears of every test."""

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self._begun = time.perf_counter()

    def _write(self, **line: object) -> None:
        self._sink.write(line)

    @pytest.hookimpl(trylast=True)
    def pytest_sessionstart(self, session: pytest.Session) -> None:
        """Say who is running."""
        self._write(
            event="session",
            pytest=pytest.__version__,
            python=platform.python_version(),
            rootdir=str(getattr(session.config, "rootpath", os.getcwd())),
            inipath=str(getattr(session.config, "inipath", None) or ""),
            positional=list(getattr(session.config.option, "file_or_dir", [])),
            plugins=[name for name, option in DISTORTING if hasattr(session.config.option, option)],
        )

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Keep what could not be collected."""
        if report.failed:
            self._write(event="collection error", where=report.nodeid, text=str(report.longrepr))

    @pytest.hookimpl(trylast=True)
    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Keep the order; under xdist the controller collects nothing itself."""
        if session.items:
            self._collected([item.nodeid for item in session.items])

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, node: Any, ids: list[str]) -> None:
        """Keep each worker's collection."""
        self._collected(list(ids))

    def _collected(self, tests: list[str]) -> None:
        seconds = time.perf_counter() - self._begun
        self._write(event="collected", tests=tests, seconds=seconds)

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        """Note the test before it can crash."""
        self._write(event="start", test=nodeid)

    @pytest.hookimpl(optionalhook=True)
    def pytest_handlecrashitem(self, crashitem: str) -> None:
        """Note the test that took its worker down."""
        self._write(event="crash", test=crashitem)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note one phase of a test."""
        self._write(
            event="report",
            test=report.nodeid,
            when=report.when,
            outcome=report.outcome,
            xfail=hasattr(report, "wasxfail"),
            message=_message(report),
            seconds=report.duration,
            worker=getattr(report, "worker_id", "") if hasattr(report, "node") else "",
        )

    def pytest_sessionfinish(self, exitstatus: int) -> None:
        """Note that the run came to its end: with that goes what a sink held back of a test that never ended."""
        self._write(event="finish", status=int(exitstatus))


def _message(report: pytest.TestReport) -> str:
    """Say why the test failed or was skipped: the exception as pytest puts it, without the traceback."""
    longrepr: Any = report.longrepr
    if report.outcome == "passed" or not longrepr:
        return ""
    crash = getattr(longrepr, "reprcrash", None)
    if crash is not None:
        return str(crash.message)
    if isinstance(longrepr, tuple):  # skipped: file, line, reason
        return str(longrepr[2])
    return str(longrepr).strip().rpartition("\n")[2]
