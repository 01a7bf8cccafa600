"""Counting machine instructions: with a stand-in for valgrind, and with valgrind itself where it is installed."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from benching import ONE, TWO

from shakeproof.errors import ShakeproofError
from shakeproof.gates.benchmarks.instructions import (
    PROCESSES,
    Counted,
    Counting,
    calls_worth_counting,
    count_instructions,
    find_valgrind,
    one_call,
    total,
)
from shakeproof.gates.benchmarks.processes import Side, run
from shakeproof.gates.benchmarks.settings import Settings

if TYPE_CHECKING:
    from benching import Bench

SECONDS = 0.1
CALLS = 5
# Says what it was told to count, in the way of cachegrind, and runs the program.
VALGRIND = """\
#!/bin/sh
for word; do
    case "$word" in
    --cachegrind-out-file=*) file=${word#*=}; shift ;;
    --*) shift ;;
    *) break ;;
    esac
done
echo "summary: $((1000000 + EACH * SHAKEPROOF_ITERATIONS))" > "$file"
exec "$@"
"""


def side(bench: Bench, tmp_path: Path, name: str) -> Side:
    """Give the project as a side, run by the interpreter that runs the tests."""
    return Side(name, bench.root, Path(sys.executable), tmp_path / name)


def count(bench: Bench, tmp_path: Path, settings: Settings) -> dict[str, Counted]:
    """Count on two sides that are equal."""
    counting = Counting(
        find_valgrind(), side(bench, tmp_path, "base"), side(bench, tmp_path, "head")
    )
    seconds = {ONE: SECONDS, TWO: SECONDS}
    return dict(count_instructions(counting, seconds, settings, lambda _: None))


@pytest.fixture
def stand_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Put the stand-in where programs are looked for; by the variable EACH it knows what a call costs."""
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "valgrind").write_text(VALGRIND, encoding="utf-8")
    (folder / "valgrind").chmod(0o755)
    monkeypatch.setenv("PATH", str(folder), prepend=":")
    monkeypatch.setenv("EACH", "700")
    return monkeypatch


@pytest.mark.usefixtures("stand_in")
def test_what_happens_once_cancels_out(bench: Bench, tmp_path: Path) -> None:
    """Of a million instructions for the start nothing is left, whatever one call takes."""
    counted = count(bench, tmp_path, Settings(instructions=("test_one",)))

    assert counted == {ONE: Counted(700, 700)}
    assert counted[ONE].ratio == 1


@pytest.mark.usefixtures("stand_in")
def test_each_process_calls_the_benchmark_n_or_2n_times(bench: Bench, tmp_path: Path) -> None:
    """Not once more: no calibration, no warm-up; whichever way the benchmark is asked for."""
    calls = tmp_path / "calls"
    bench.write(
        "code_under_test.py",
        f"def work():\n    open({str(calls)!r}, 'a').write('x')\n    return 45\n",
    )
    counts = []
    for name in ("test_one", "test_two"):
        calls.write_text("", encoding="utf-8")
        count(bench, tmp_path, Settings(instructions=(name,)))
        counts.append(len(calls.read_text(encoding="utf-8")))

    assert counts == [2 * (PROCESSES * (CALLS + 2 * CALLS))] * 2


def test_a_call_that_costs_nothing_cannot_be_counted(
    bench: Bench, tmp_path: Path, stand_in: pytest.MonkeyPatch
) -> None:
    """Twice as many calls that take no more are no measurement."""
    stand_in.setenv("EACH", "0")

    with pytest.raises(ShakeproofError, match="took no more instructions when it was called"):
        count(bench, tmp_path, Settings(instructions=("test_one",)))


@pytest.mark.usefixtures("stand_in")
def test_a_benchmark_that_fails_is_not_counted(bench: Bench, tmp_path: Path) -> None:
    """Its instructions are those of something else."""
    bench.replace("code_under_test.py", "range(10)", "range(11)")

    with pytest.raises(ShakeproofError, match="test_one did not pass on base"):
        count(bench, tmp_path, Settings(instructions=("test_one",)))


def test_without_valgrind_one_is_told(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The option is refused, and not passed over."""
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(ShakeproofError, match="valgrind is not installed"):
        count(bench, tmp_path, Settings())


def test_short_calls_are_counted_more_often() -> None:
    """Enough of them to drown what varies by itself, and never too few for a difference."""
    assert calls_worth_counting(10.0) == CALLS
    assert calls_worth_counting(0.01) == 50
    assert calls_worth_counting(1e-9) == 100_000


def test_a_file_without_a_sum_is_an_error() -> None:
    """A valgrind that counted nothing is told apart from one that counted 0."""
    assert total("desc: x\nsummary: 1234\n") == 1234
    with pytest.raises(ShakeproofError, match="valgrind counted nothing"):
        total("desc: x\n")


@pytest.mark.timeout(400)  # four starts of pytest, each fifty times slower
@pytest.mark.skipif(shutil.which("valgrind") is None, reason="valgrind is not installed")
def test_valgrind_counts_what_is_there(bench: Bench, tmp_path: Path) -> None:
    """Of a call there are as many instructions as its loop has steps, and few beside: the start is not among them."""
    bench.replace("code_under_test.py", "range(10)", "range(10), 0) + 0 * sum(range(1_000_000)")
    base = side(bench, tmp_path, "base")
    run(base, ("bench",), hash_seed=1)  # as in the gate, where each side has run before

    each = one_call(str(shutil.which("valgrind")), base, ONE, CALLS)

    assert 1_000_000 < each < 200_000_000
