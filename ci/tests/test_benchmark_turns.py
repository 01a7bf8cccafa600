"""Whose turn it is, and that real processes keep to it."""

from __future__ import annotations

import os
import sys
from collections import Counter
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from benching import ONE, TWO
from hypothesis import given
from hypothesis import strategies as st

from shakeproof.errors import ShakeproofError
from shakeproof.gates.benchmarks.plan import (
    ARMS,
    FEWEST,
    MOST,
    Arm,
    Place,
    RoundPlan,
    calls_worth,
    is_shared,
    who_goes,
)
from shakeproof.gates.benchmarks.processes import Side
from shakeproof.gates.benchmarks.together import Turns, measure_together, processor
from shakeproof.inject.shakeproof_elapsed import counts_waits

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from benching import Bench

THREE, FOUR = (f"bench/test_it.py::test_{number}" for number in ("three", "four"))
BEHIND_ALL = 1000
PLAN = RoundPlan(ARMS, hash_seed=1, place=1)
SILENCE = 60.0  # seconds: nothing here is silent for so long


def play(calls: dict[Arm, Sequence[int]]) -> Iterator[tuple[Arm, ...]]:
    """Let processes that make so many calls of each benchmark ask for turns until all have ended; yield who goes."""
    places = {
        arm: [
            Place(benchmark, call)
            for benchmark, many in enumerate(own)
            for call in (*range(many), BEHIND_ALL)
        ]
        for arm, own in calls.items()
    }
    while waiting := {arm: left[0] for arm, left in places.items() if left}:
        going = who_goes(waiting, BEHIND_ALL, ARMS)
        for arm in going:
            places[arm].pop(0)
        yield going


def test_each_makes_one_call_before_anybody_makes_the_next() -> None:
    """And when all are made, they go on together."""
    *turns, last = play({"base": [3], "head": [3], "again": [3]})

    assert [{arm for (arm,) in turns[at : at + 3]} for at in (0, 3, 6)] == [set(ARMS)] * 3
    assert last == ARMS


def test_each_comes_behind_each_other_one_as_often() -> None:
    """Nobody is favoured by who went before."""
    *turns, _ = play({"base": [12], "head": [12], "again": [12]})

    pairs = Counter((before[0], after[0]) for before, after in pairwise(turns))
    assert all(before != after for before, after in pairs)
    assert set(pairs.values()) == {5, 6}  # the last of 36 comes before nobody
    assert len(pairs) == 6


def test_what_is_shared_is_called_by_all_at_once() -> None:
    """And nobody makes the next call before all have made this one."""
    waiting = {arm: Place(2, 1, shared=True) for arm in ARMS}
    ahead = waiting | {"head": Place(2, 2, shared=True)}

    assert who_goes(waiting, BEHIND_ALL, ARMS) == ARMS
    assert who_goes(ahead, BEHIND_ALL, ARMS) == ("base", "again")


def test_what_computes_for_long_is_shared() -> None:
    """What is short has its turn, and so has what waits: who waits lets others on."""
    assert is_shared(0.3, computing=0.99)
    assert not is_shared(0.01, computing=0.99)
    assert not is_shared(0.3, computing=0.5)


@given(
    st.fixed_dictionaries(
        {arm: st.lists(st.integers(0, 4), min_size=1, max_size=4) for arm in ARMS}
    )
)
def test_everybody_comes_to_the_end(calls: dict[Arm, list[int]]) -> None:
    """Also where processes have different benchmarks or calls: nobody waits for ever, nobody overtakes."""
    turns = list(play(dict(calls)))

    counts = Counter(arm for going in turns for arm in going)
    assert counts == {arm: sum(own) + len(own) for arm, own in calls.items()}


@pytest.mark.parametrize(("seconds", "calls"), [(1e-9, MOST), (0.01, 12), (10, FEWEST)])
def test_what_is_short_is_called_more_often(seconds: float, calls: int) -> None:
    """Between a least and a most."""
    assert calls_worth(seconds, benchmarks=8) == calls


def test_what_is_left_alone_is_called_more_often() -> None:
    """A process takes as long to start for one benchmark as for eight."""
    assert calls_worth(0.03, benchmarks=1) > calls_worth(0.03, benchmarks=8)


@pytest.fixture
def sides(bench: Bench, tmp_path: Path) -> dict[Arm, Side]:
    """Give the small project three times, as one: it writes down what it does."""
    bench.write(
        "bench/test_it.py",
        """
        import os
        import threading
        from pathlib import Path

        import pytest

        SIDE = Path(os.environ["TMPDIR"]).name

        def tell(what):
            if f"{SIDE} {what}" in os.environ.get("FAILS", ""):
                raise ValueError("not here")
            if f"{SIDE} {what}" in os.environ.get("HANGS", ""):
                Path(os.environ["NEVER"]).read_text()
            with open(os.environ["TOLD"], "a") as file:
                file.write(f"{what} {SIDE}\\n")

        def test_one(benchmark):
            tell("prepare")
            benchmark(tell, "one")
            tell("clean up")

        def test_two(benchmark):
            benchmark.pedantic(tell, ("two",), rounds=2)

        def tell_processors(when):
            tell(f"{when} {[sorted(os.sched_getaffinity(each)) for each in threads()]}")

        def threads():
            return map(int, sorted(os.listdir("/proc/self/task")))

        def test_three(benchmark):
            over = threading.Event()
            thread = threading.Thread(target=over.wait)
            thread.start()
            tell_processors("before")
            benchmark.pedantic(tell_processors, ("meanwhile",), rounds=1)
            over.set()
            thread.join()

        def meet():
            tell("here")
            while open(os.environ["TOLD"]).read().count("here") < 3:
                pass

        def test_four(benchmark):
            tell(f"timed by {benchmark._timer.__name__}")
            benchmark.pedantic(meet, rounds=1)

        @pytest.fixture(autouse=True)
        def clean_up(request):
            yield
            if request.node.name == "test_three":
                # Itself alone: a thread that was joined is on the system's list a moment longer.
                tell(f"behind {[sorted(os.sched_getaffinity(0))]}")
        """,
    )
    return {arm: Side(arm, bench.root, Path(sys.executable), tmp_path / arm) for arm in ARMS}


def test_processes_take_turns_call_by_call(
    sides: dict[Arm, Side], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While one is timed no other is at work, and no one comes twice before the others."""
    told = tmp_path / "told"
    monkeypatch.setenv("TOLD", str(told))

    records = measure_together(sides, [ONE, TWO], Turns({ONE: 4}), PLAN, SILENCE)

    lines = [line.rpartition(" ") for line in told.read_text(encoding="utf-8").splitlines()]
    # Calibrated once, timed four times, and once more for what the function returns - that one in nobody's turn.
    in_turn = [arm for what, _, arm in lines if what == "one"][: 5 * 3]
    assert [set(in_turn[at : at + 3]) for at in range(0, 12, 3)] == [set(ARMS)] * 4
    order = [what for what, _, _ in lines]
    assert set(order[:3]) == {"prepare"}
    assert order.index("two") > max(at for at, what in enumerate(order) if what == "clean up")
    twos = [arm for what, _, arm in lines if what == "two"]
    assert [set(twos[at : at + 3]) for at in (0, 3)] == [set(ARMS)] * 2
    assert set(records) == set(ARMS)
    assert {one.name: one.rounds for one in records["head"].measurements} == {ONE: 4, TWO: 2}


@pytest.mark.skipif(not counts_waits(), reason="this system does not tell what a thread waits for")
def test_who_shares_a_processor_is_called_at_the_same_time(
    sides: dict[Arm, Side], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Calls that wait for each other come to their end, and each is timed by what it had of the processor."""
    told = tmp_path / "told"
    monkeypatch.setenv("TOLD", str(told))

    records = measure_together(sides, [FOUR], Turns({}, (FOUR,), (FOUR,)), PLAN, SILENCE)

    assert {arm: len(one.calls[FOUR]) for arm, one in records.items()} == dict.fromkeys(ARMS, 1)
    assert all(one.calls[FOUR][0] > 0 for one in records.values())
    assert told.read_text(encoding="utf-8").count("timed by elapsed") == len(ARMS)


@pytest.mark.skipif(
    not hasattr(os, "sched_getaffinity"), reason="this system does not say where a process may run"
)
@pytest.mark.parametrize("pinned", [(THREE,), ()])
def test_all_are_kept_on_one_processor_while_they_are_timed(
    sides: dict[Arm, Side], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pinned: tuple[str, ...]
) -> None:
    """On the same one, with all threads, and only if they are to be; they prepare and clean up on all."""
    told = tmp_path / "told"
    monkeypatch.setenv("TOLD", str(told))

    measure_together(sides, [THREE], Turns({}, pinned), PLAN, SILENCE)

    everywhere = sorted(os.sched_getaffinity(0))
    meanwhile = [processor(PLAN.place)] if pinned else everywhere
    lines = [line.rpartition(" ")[0] for line in told.read_text(encoding="utf-8").splitlines()]
    assert Counter(lines) == {
        f"before {[everywhere] * 2}": 3,
        f"meanwhile {[meanwhile] * 2}": 3,
        f"behind {[everywhere]}": 3,
    }


def test_who_fails_ends_the_round(
    sides: dict[Arm, Side], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A benchmark that fails on one side is an error, and the others do not wait for it."""
    monkeypatch.setenv("TOLD", str(tmp_path / "told"))
    monkeypatch.setenv("FAILS", "head one")

    with pytest.raises(ShakeproofError) as raised:
        measure_together(sides, [ONE, TWO], Turns({ONE: 3}), PLAN, SILENCE)

    assert str(raised.value).startswith(f"{ONE} did not pass on head, so nothing was compared: ")
    assert "set together = false" in str(raised.value)


def test_who_is_silent_ends_the_round(
    sides: dict[Arm, Side], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Benchmarks that wait for each other would wait for ever; no process is left."""
    monkeypatch.setenv("TOLD", str(tmp_path / "told"))
    monkeypatch.setenv("HANGS", "again prepare")
    never = tmp_path / "never"
    os.mkfifo(never)
    monkeypatch.setenv("NEVER", str(never))

    with pytest.raises(ShakeproofError, match="came no further for 3 seconds"):
        measure_together(sides, [ONE, TWO], Turns({}), PLAN, silence=3.0)

    with pytest.raises(OSError, match="No such device"):  # nobody reads there any more
        os.open(never, os.O_WRONLY | os.O_NONBLOCK)


def test_nobody_times_out_while_waiting(
    bench: Bench, sides: dict[Arm, Side], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever a test's own limit is: it was made for one that waits for nobody."""
    monkeypatch.setenv("TOLD", str(tmp_path / "told"))
    monkeypatch.setenv("PYTEST_PLUGINS", "pytest_benchmark.plugin,pytest_timeout")
    bench.replace("bench/test_it.py", "def test_one(benchmark)", "def test_one(request, benchmark)")
    bench.replace(
        "bench/test_it.py",
        'tell("prepare")',
        'assert request.node.get_closest_marker("timeout").args == (0,)',
    )

    assert set(measure_together(sides, [ONE], Turns({}), PLAN, SILENCE)) == set(ARMS)


def test_a_process_that_dies_ends_the_round(
    bench: Bench, sides: dict[Arm, Side], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Even where it says nothing."""
    monkeypatch.setenv("TOLD", str(tmp_path / "told"))
    bench.replace("bench/test_it.py", 'tell("prepare")', "os._exit(3)")

    with pytest.raises(ShakeproofError, match="pytest ended with status 3 on"):
        measure_together(sides, [ONE, TWO], Turns({}), PLAN, SILENCE)


def test_an_interpreter_that_is_gone_is_an_error(sides: dict[Arm, Side], tmp_path: Path) -> None:
    """One sentence, with its name."""
    gone = tmp_path / "gone" / "python"
    head = sides["head"]
    sides["head"] = Side(head.name, head.folder, gone, head.scratch)

    with pytest.raises(ShakeproofError, match="gone/python could not be started"):
        measure_together(sides, [ONE], Turns({}), PLAN, SILENCE)
