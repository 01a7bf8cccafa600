"""The trial of the benchmark gate: what it counts, that it can be interrupted, and that it slows what it says."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from benching import ONE

from benchmarks.gate_trial import (
    CODE,
    PLUGINS,
    ROOT,
    SAME,
    SLOWER,
    Circumstances,
    Trial,
    append,
    code_commit,
    conditions,
    counted,
    main,
    missing,
    read,
    table,
    told,
)
from shakeproof.errors import ShakeproofError
from shakeproof.gates.benchmarks.judge import Interval, Judgement, Round
from shakeproof.gates.benchmarks.processes import Side, measure
from shakeproof.gates.benchmarks.series import Decision

if TYPE_CHECKING:
    from benching import Bench

NOW = Circumstances("c0de" * 10, "a CPU, 2 cores, Linux, Python 3.11", quick=False, choose="")
EQUAL = Trial(1, SAME, "", "pass", "", 0, 8, 90.0, 0.5, "2026-03-01", NOW)
SLOWED = Trial(1, SLOWER, "a.py::test_a", "fail", "fail", 0, 8, 110.0, 0.7, "2026-03-02", NOW)


def test_an_alarm_is_written_down_with_its_rounds() -> None:
    """Why a benchmark failed can then be asked when all is over."""
    rounds = tuple(Round.of_minima(1.0, head, 1.0) for head in (1.1, 1.2))
    first = Judgement("slower", Interval(1.01, 1.08, 1.2), Interval(0.9, 1.0, 1.1), 7)
    again = Judgement("slower", Interval(1.1, 1.15, 1.2), Interval(0.98, 1.01, 1.02), 2)
    decision = Decision("a.py::test_a", "fail", 0.05, again, first, rounds)

    assert told(decision) == (
        "a.py::test_a: +8.0%, and again +15.0% (+10.0% to +20.0%), base to base +1.0%; rounds +10.0% +20.0%"
    )


def test_what_is_written_down_is_not_made_again(tmp_path: Path) -> None:
    """A trial that was interrupted goes on where it was."""
    file = tmp_path / "results.jsonl"
    assert counted(file, NOW) == ()
    made = replace(EQUAL, inconclusive=("a.py::test_a",))
    append(file, made)

    assert counted(file, NOW) == (made,)
    assert list(missing(counted(file, NOW), 2)) == [(1, SLOWER), (2, SAME), (2, SLOWER)]
    assert list(missing([EQUAL, SLOWED], 1)) == []


@pytest.mark.parametrize(
    "other",
    [
        replace(NOW, code="d1ff" * 10),
        replace(NOW, machine="another CPU"),
        replace(NOW, quick=True),
        replace(NOW, choose="test_a"),
    ],
    ids=["commit", "machine", "rounds", "benchmarks"],
)
def test_what_came_about_otherwise_is_made_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], other: Circumstances
) -> None:
    """Old results are no results of today's gate; they are kept, not counted, and that is said."""
    file = tmp_path / "results.jsonl"
    append(file, replace(EQUAL, under=other))
    append(file, SLOWED)

    made = counted(file, NOW)

    assert made == (SLOWED,)
    assert list(missing(made, 1)) == [(1, SAME)]
    assert "1 of 2 comparisons" in capsys.readouterr().err
    assert len(list(read(file))) == 2


@pytest.mark.parametrize(
    "damaged", ['{"number": 1, "kind"', '{"number": 1}', "3", ""], ids=["half", "old", "no", "none"]
)
def test_a_half_written_line_spoils_no_other(tmp_path: Path, damaged: str) -> None:
    """A trial that was killed while it wrote goes on where it was."""
    file = tmp_path / "results.jsonl"
    file.write_text(f"{json.dumps(asdict(EQUAL))}\n{damaged}", encoding="utf-8")

    append(file, SLOWED)

    assert list(read(file)) == [EQUAL, SLOWED]


def test_the_commit_is_that_of_the_gates_code(bench: Bench) -> None:
    """Another commit, of something else, makes no comparison again."""
    bench.git("init", "--quiet")
    with pytest.raises(ShakeproofError, match="git could not answer"):
        code_commit(bench.root, ["bench"])

    first = bench.commit()
    with pytest.raises(ShakeproofError, match=r"git knows no commit of gone\.txt in"):
        code_commit(bench.root, ["gone.txt"])
    bench.write("notes.txt", "something else")
    second = bench.commit()

    assert code_commit(bench.root, ["bench"]) == first
    assert code_commit(bench.root, ["bench", "notes.txt"]) == second


def test_the_gates_code_is_where_it_is_looked_for() -> None:
    """A folder that was renamed would have no commit, or an old one."""
    assert [name for name in CODE if not (ROOT / name).is_dir()] == []


def test_a_page_without_a_place_is_refused_before_anything_is_made(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nobody waits for two hours to hear it; what was made before is kept, even with `--fresh`."""
    page, file = tmp_path / "page.md", tmp_path / "results.jsonl"
    page.write_text("# Page\n", encoding="utf-8")
    append(file, EQUAL)

    assert main(["--fresh", "--results", str(file), "--write", str(page)]) == 2

    said = capsys.readouterr()
    assert "The page has no place" in said.err
    assert said.out == ""
    assert list(read(file)) == [EQUAL]


def test_the_numbers_are_said_to_be_of_when_and_where_they_were_measured() -> None:
    """The machine and the dates are those of the trials."""
    assert conditions([SLOWED, EQUAL]).startswith(
        "Measured from 2026-03-01 to 2026-03-02: a CPU, 2 cores, Linux, Python 3.11; the gate as of c0dec0dec0de; "
        "8 benchmarks a comparison; load average 0.5 to 0.7 before them."
    )
    assert conditions([EQUAL]).startswith("Measured on 2026-03-01: ")
    assert conditions([]) == "No comparison was made."


def test_the_table_counts_each_kind_of_error() -> None:
    """Of equal revisions a failure is a false alarm; of slowed ones a pass is a miss."""
    trials = [
        EQUAL,
        replace(EQUAL, number=2, answer="fail", false_alarms=1, seconds=200.0),
        replace(EQUAL, number=3, answer="inconclusive"),
        SLOWED,
        replace(SLOWED, number=2, answer="pass", of_slowed="pass"),
        replace(SLOWED, number=3, false_alarms=1),
    ]

    _, same, slower = table(trials)

    assert same == ("equal revisions", "3", "1", "1", "-", "1", "90 s", "200 s")
    assert slower == ("one benchmark +10%", "3", "2", "1", "1", "0", "110 s", "110 s")


def test_of_what_nothing_could_be_told_is_named() -> None:
    """So that whoever wants to know the reason knows where to look."""
    trials = [
        replace(EQUAL, inconclusive=("a.py::test_a", "a.py::test_b")),
        replace(EQUAL, inconclusive=("a.py::test_b",)),
    ]

    told = "Nothing could be told of a.py::test_b 2 times, a.py::test_a 1 time."
    assert told in conditions(trials)
    assert "told" not in conditions([EQUAL])


def test_a_trial_of_too_few_rounds_says_so() -> None:
    """Nobody shall take it for a result."""
    assert "it means nothing" in conditions([replace(EQUAL, under=replace(NOW, quick=True))])
    assert "it means nothing" not in conditions([EQUAL])


def test_the_plugin_slows_one_benchmark_and_no_other(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A thousand times slower is slower on any machine: the one it names, not the other."""
    bench.replace("bench/test_it.py", "benchmark.pedantic(work, rounds=2)", "benchmark(work)")
    bench.replace("code_under_test.py", "range(10)", "range(10), 0) + 0 * sum(range(2_000)")
    monkeypatch.setenv("PYTHONHASHSEED", "0")
    slow = ("-p", "gate_trial_slowed", f"--slowed={ONE}", "--slowed-by=1000")
    side = Side("HEAD", bench.root, Path(sys.executable), tmp_path / "scratch", slow, (PLUGINS,))

    record = measure(side, ["bench"], hash_seed=1)

    one, two = (each.minimum for each in record.measurements)
    assert one > 20 * two
