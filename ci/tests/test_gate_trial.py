"""The trial of the benchmark gate: what it counts, that it can be interrupted, and that it slows what it says."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING

from benching import ONE

from benchmarks.gate_trial import PLUGINS, SAME, SLOWER, Trial, conditions, missing, read, table
from shakeproof.gates.benchmarks.processes import Side, measure

if TYPE_CHECKING:
    import pytest
    from benching import Bench

EQUAL = Trial(1, SAME, "", "pass", "", 0, 8, 90.0, 0.5, quick=False)
SLOWED = Trial(1, SLOWER, "a.py::test_a", "fail", "fail", 0, 8, 110.0, 0.7, quick=False)


def test_what_is_written_down_is_not_made_again(tmp_path: Path) -> None:
    """A trial that was interrupted goes on where it was."""
    file = tmp_path / "results.jsonl"
    assert read(file) == ()
    file.write_text(json.dumps(asdict(EQUAL)) + "\n", encoding="utf-8")

    assert read(file) == (EQUAL,)
    assert list(missing(read(file), 2)) == [(1, SLOWER), (2, SAME), (2, SLOWER)]
    assert list(missing([EQUAL, SLOWED], 1)) == []


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


def test_a_trial_of_too_few_rounds_says_so() -> None:
    """Nobody shall take it for a result."""
    assert "it means nothing" in conditions([replace(EQUAL, quick=True)])
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
