"""The plugins that watch a run for a gate: what they write down, in runs of this very process."""

from __future__ import annotations

import json
import sys
import types
from typing import TYPE_CHECKING, Any

import pytest

from shakeproof.errors import ShakeproofError
from shakeproof.gates.cost import watch
from shakeproof.gates.coverage.evidence import read_witness
from shakeproof.gates.coverage.witness import running_core

if TYPE_CHECKING:
    from collections.abc import Callable

    Written = Callable[..., dict[str, Any]]

pytestmark = pytest.mark.usefixtures("no_outer_run")

TIMED = """
    import pytest
    from watched_clock import take

    @pytest.fixture(scope="module")
    def inner():
        take(100)

    @pytest.fixture
    def outer(request):
        request.getfixturevalue("inner")
        take(10)

    @pytest.mark.slow
    def test_first(outer): take(1)

    def test_second(outer): take(1)
    """

SLOW = ("-o", "markers=slow: takes long")


@pytest.fixture
def written(pytester: pytest.Pytester) -> Written:
    """Give a function that runs tests with a plugin, and reads what that wrote."""

    def run(plugin: str, option: str, *more: str, text: str = "def test_it(): pass") -> Any:  # noqa: ANN401
        pytester.makepyfile(test_it=text)
        where = pytester.path / "written.json"
        quiet = ("-q", "-p", "no:cacheprovider", "-p", "no:randomly")
        pytester.runpytest_inprocess(*quiet, "-p", plugin, f"{option}={where}", *more)
        return json.loads(where.read_text(encoding="utf-8"))

    return run


def test_a_fixture_is_timed_without_those_that_it_asks_for(
    written: Written, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By a clock that goes on only when it is told to."""
    clock = [0.0]
    module = types.ModuleType("watched_clock")

    def take(seconds: float) -> None:
        clock[0] += seconds

    vars(module)["take"] = take
    monkeypatch.setitem(sys.modules, "watched_clock", module)
    monkeypatch.setattr(watch, "now", lambda: clock[0])

    document = written("shakeproof.gates.cost.watch", "--cost-watch", *SLOW, text=TIMED)

    assert {
        each["name"]: (each["times"], each["seconds"])
        for each in document["fixtures"]
        if each["name"] in {"inner", "outer"}
    } == {"inner": (1, 100.0), "outer": (2, 20.0)}
    first, second = document["tests"]
    assert (first["test"], first["marks"]) == ("test_it.py::test_first", ["slow"])
    assert (first["fixtures"]["inner"], first["fixtures"]["outer"]) == (100.0, 10.0)
    assert (second["marks"], "inner" in second["fixtures"]) == ([], False)
    assert document["moments"] == {"collected": 0.0, "first": 110.0}


def test_with_workers_it_is_told_when_the_last_of_them_was_there(written: Written) -> None:
    """The controller hears of it; the workers write nothing."""
    document = written(
        "shakeproof.gates.cost.watch", "--cost-watch", "-p", "xdist", "-n", "2", text=TIMED_ALONE
    )

    moments = document["moments"]
    assert moments["ready"] <= moments["collected"] <= moments["first"]
    assert [each["test"] for each in document["tests"]] == ["test_it.py::test_it"]
    assert document["fixtures"] == []


TIMED_ALONE = """
    import pytest

    @pytest.fixture
    def it(): pass

    def test_it(it): pass
    """


def test_who_measured_is_written_down(written: Written) -> None:
    """In one process: that, how many tests there were, and with which core."""
    document = written(
        "shakeproof.gates.coverage.witness",
        "--coverage-witness",
        text="def test_it(): pass\ndef test_other(): assert 0",
    )

    core = running_core()
    assert document == {"tests": 2, "status": 1, "core": core, "workers": {}}
    assert read_witness({**document, "core": "CTracer"}).cores == ("CTracer",)


def test_a_worker_that_gave_no_data_back_is_written_down(written: Written) -> None:
    """As one without pytest-cov does, whose lines would pass for dead code."""
    document = written(
        "shakeproof.gates.coverage.witness", "--coverage-witness", "-p", "xdist", "-n", "1"
    )

    assert {name: each["data"] for name, each in document["workers"].items()} == {"gw0": False}
    with pytest.raises(ShakeproofError, match="The data of gw0 was lost"):
        read_witness(document)


@pytest.mark.parametrize(
    "plugin", ["shakeproof.gates.coverage.witness", "shakeproof.gates.cost.watch"]
)
def test_unasked_nothing_is_written(plugin: str, pytester: pytest.Pytester) -> None:
    pytester.makepyfile(test_it="def test_it(): pass")

    pytester.runpytest_inprocess("-q", "-p", "no:cacheprovider", "-p", plugin)

    assert [path.name for path in pytester.path.glob("*.json")] == []
