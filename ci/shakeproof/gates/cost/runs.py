"""What one run of the suite told about its time (pure)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from shakeproof.errors import NothingToJudgeError, ShakeproofError
from shakeproof.gates.documents import as_object

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True)
class Timed:
    """One test in one run; seconds."""

    test: str
    marks: frozenset[str]
    setup: float
    call: float
    teardown: float
    fixtures: tuple[
        tuple[str, float], ...
    ] = ()  # set up for this test, each without those it asked for

    @property
    def seconds(self) -> float:
        """All its phases."""
        return self.setup + self.call + self.teardown


@dataclass(frozen=True)
class Fixture:
    """What setting up one fixture took in one run, all tests together; seconds."""

    name: str
    scope: str
    times: int
    seconds: float


@dataclass(frozen=True)
class Run:
    """The whole suite, once, in one of the ways; seconds since the process was started."""

    arm: str
    seconds: float
    ready: float | None  # when the last worker was there; None without workers
    collected: float  # when the tests were known, to all workers
    first: float  # when the first report came
    tests: tuple[Timed, ...]
    fixtures: tuple[Fixture, ...] = ()


def read_run(arm: str, seconds: float, begun: float, document: Mapping[str, object]) -> Run:
    """Take what the plugin `watch` wrote; `begun` is the moment of the start on the clock that it used.

    Raises NothingToJudgeError where no test ran, ShakeproofError where the document is of another kind.
    """
    moments = as_object(document.get("moments"), "'moments'")
    tests = document.get("tests")
    fixtures = document.get("fixtures")
    if not isinstance(tests, list) or not isinstance(fixtures, list):
        raise ShakeproofError(
            "The times of the tests cannot be read: this is some other tool's file."
        )
    if not tests:
        raise NothingToJudgeError("No test ran, so there is nothing that costs: select some.")

    def since(moment: str) -> float:
        return _seconds(moments, moment) - begun

    return Run(
        arm=arm,
        seconds=seconds,
        ready=since("ready") if "ready" in moments else None,
        collected=since("collected"),
        first=since("first"),
        tests=tuple(_timed(as_object(each, "a test")) for each in tests),
        fixtures=tuple(_fixture(as_object(each, "a fixture")) for each in fixtures),
    )


def _timed(entry: Mapping[str, object]) -> Timed:
    own = as_object(entry.get("fixtures", {}), "'fixtures'")
    return Timed(
        test=str(entry.get("test")),
        marks=frozenset(cast("list[str]", entry.get("marks", []))),
        setup=_seconds(entry, "setup"),
        call=_seconds(entry, "call"),
        teardown=_seconds(entry, "teardown"),
        fixtures=tuple((name, _seconds(own, name)) for name in own),
    )


def _fixture(entry: Mapping[str, object]) -> Fixture:
    times = entry.get("times")
    return Fixture(
        name=str(entry.get("name")),
        scope=str(entry.get("scope")),
        times=times if isinstance(times, int) else 0,
        seconds=_seconds(entry, "seconds"),
    )


def _seconds(entry: Mapping[str, object], key: str) -> float:
    value = entry.get(key)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ShakeproofError(
            f"{key!r} is {value!r} instead of seconds: this is some other tool's file."
        )
    return float(value)
