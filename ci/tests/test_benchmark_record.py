"""The benchmark gate without --against: real runs of pytest-benchmark, in its own storage."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from benching import ONE, TWO

from shakeproof.gates.benchmarks.__main__ import main

if TYPE_CHECKING:
    from collections.abc import Callable

    from benching import Bench


def gate(bench: Bench, *options: str) -> tuple[int, dict[str, Any]]:
    """Run the gate on the project; give the exit status and the report."""
    out = bench.root / "reports"
    status = main(["--rootdir", str(bench.root), "--out", str(out), *options])
    return status, json.loads((out / "report.json").read_text(encoding="utf-8"))


def stored(bench: Bench) -> list[Path]:
    """List what is in the storage, the oldest first."""
    return sorted((bench.root / ".benchmarks").glob("*/*.json"))


def earlier(bench: Bench, *, times: float = 1.0, cpu: str | None = None) -> None:
    """Make what was stored last so many times as slow as it was, or another machine's."""
    path = stored(bench)[-1]
    document = json.loads(path.read_text(encoding="utf-8"))
    for one in document["benchmarks"]:
        one["stats"]["min"] *= times
    if cpu:
        document["machine_info"]["cpu"]["brand_raw"] = cpu
    path.write_text(json.dumps(document), encoding="utf-8")


def test_the_first_run_is_recorded_and_says_so(
    bench: Bench, capsys: pytest.CaptureFixture[str]
) -> None:
    """On a machine without a baseline the run is green, and nobody is told that it compared."""
    status, report = gate(bench)

    assert (status, report["verdict"], report["mode"]) == (0, "pass", "recorded")
    assert [one["name"] for one in report["benchmarks"]] == [ONE, TWO]
    assert all(set(one) == {"name", "minimum", "median", "rounds"} for one in report["benchmarks"])
    assert "Recorded, nothing to compare with" in capsys.readouterr().out
    (file,) = stored(bench)
    document = json.loads(file.read_text(encoding="utf-8"))
    assert document["machine_info"]["cpu"]
    assert "commit_info" in document
    assert document["shakeproof"]["load"] >= 0
    assert {"min", "median", "rounds"} <= set(document["benchmarks"][0]["stats"])


def test_the_second_run_is_compared_with_the_first(bench: Bench) -> None:
    """What passes becomes what the next run is compared with."""
    gate(bench)
    earlier(bench, times=1e6)

    status, report = gate(bench)

    assert (status, report["verdict"], report["mode"]) == (0, "pass", "compared")
    assert len(stored(bench)) == 2


def test_a_refused_run_is_moved_to_another_file_system(bench: Bench) -> None:
    """A rename does not reach there; were it left in the storage, the next slow run would pass."""
    memory = Path("/dev/shm")  # noqa: S108 - another file system than that of temporary files
    if not memory.is_dir() or memory.stat().st_dev == bench.root.stat().st_dev:
        pytest.skip("there is no second file system to write to")
    gate(bench)
    earlier(bench, times=1e-6)

    with tempfile.TemporaryDirectory(dir=memory) as out:
        status = main(["--rootdir", str(bench.root), "--out", out])
        kept = (Path(out) / "refused.json").exists()

    assert status in {1, 5}  # on a busy machine nothing is sure
    assert kept
    assert len(stored(bench)) == 1


def test_a_slow_run_does_not_become_the_baseline(bench: Bench) -> None:
    """Otherwise the second slow run would pass; with --update it is stored, since somebody asked."""
    gate(bench)
    earlier(bench, times=1e-6)

    status, report = gate(bench)

    assert status != 0
    assert {one["answer"] for one in report["comparisons"]} & {"fail", "inconclusive"}
    assert "This run was not stored" in " ".join(report["notes"])
    assert len(stored(bench)) == 1
    assert (bench.root / "reports" / "refused.json").exists()
    assert gate(bench, "--update")[0] == 0
    assert len(stored(bench)) == 2


def test_the_run_of_another_cpu_is_no_baseline(bench: Bench) -> None:
    """pytest-benchmark keeps both in one folder; seconds of different processors say nothing."""
    gate(bench)
    earlier(bench, times=1e-6, cpu="Another CPU")

    status, report = gate(bench)

    assert (status, report["mode"]) == (0, "recorded")


def test_a_benchmark_sees_nothing_of_the_gate(bench: Bench) -> None:
    """Neither its import path nor its variables, nor those of the processes that it starts, tell of it."""
    bench.write(
        "bench/test_it.py",
        """
        import os, sys

        def test_one(benchmark):
            benchmark.pedantic(int)
            assert "PYTHONPATH" not in os.environ
            assert [name for name in os.environ if name.startswith("SHAKEPROOF")] == []
            assert [path for path in sys.path if path.endswith("inject")] == []
        """,
    )

    assert gate(bench)[0] == 0


def nothing_selected(bench: Bench, _: pytest.MonkeyPatch) -> None:
    bench.write("bench/test_it.py", "def test_plain():\n    pass\n")


def skipped(bench: Bench, _: pytest.MonkeyPatch) -> None:
    bench.replace(
        "bench/test_it.py", "    assert benchmark(work) == 45", "    pytest.skip('today')"
    )


def missing_folder(bench: Bench, _: pytest.MonkeyPatch) -> None:
    bench.replace("pyproject.toml", '"bench"', '"benchs"')


def failing(bench: Bench, _: pytest.MonkeyPatch) -> None:
    bench.replace("bench/test_it.py", "work, rounds=2) == 45", "work, rounds=2) == 46")


def unimportable(bench: Bench, _: pytest.MonkeyPatch) -> None:
    bench.write("code_under_test.py", "")


def spread(_: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTEST_PLUGINS", "pytest_benchmark.plugin,xdist.plugin")
    monkeypatch.setenv("PYTEST_ADDOPTS", "-n 2")


def covered(_: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTEST_PLUGINS", "pytest_benchmark.plugin,pytest_cov.plugin")
    monkeypatch.setenv("PYTEST_ADDOPTS", "--cov=code_under_test --cov-report=")


def without_the_plugin(_: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PYTEST_PLUGINS")


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (nothing_selected, "No benchmark was measured"),
        (skipped, "test_one did not pass on this working tree"),
        (missing_folder, "benchs"),
        (failing, "test_two did not pass on this working tree, so nothing was compared"),
        (unimportable, "cannot import name 'work'"),
        (spread, "pytest-xdist is active"),
        (covered, "coverage is active"),
        (without_the_plugin, "unrecognized arguments"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_what_measured_nothing_is_an_error(
    bench: Bench,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    spoil: Callable[[Bench, pytest.MonkeyPatch], None],
    sentence: str,
) -> None:
    """pytest-benchmark alone would be green: each of these is status 2, one sentence, and nothing stored."""
    spoil(bench, monkeypatch)

    status, report = gate(bench)

    assert (status, report["verdict"]) == (2, "error")
    assert sentence in report["sentence"]
    assert capsys.readouterr().err.count("\n") == 1
    assert stored(bench) == []


def gone(bench: Bench) -> None:
    bench.replace("bench/test_it.py", "def test_two(benchmark)", "def two(benchmark)")


def renamed(bench: Bench) -> None:
    bench.replace("bench/test_it.py", "def test_two(benchmark)", "def test_second(benchmark)")


def new(bench: Bench) -> None:
    bench.write("bench/test_new.py", "def test_three(benchmark):\n    benchmark(int)\n")


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (gone, f"{TWO} of the baseline was not measured: restore it"),
        (renamed, "if this was renamed"),
        (new, "test_three was measured and not in the baseline"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_names_that_differ_are_an_error_until_they_are_accepted(
    bench: Bench, change: Callable[[Bench], None], sentence: str
) -> None:
    """A benchmark that is compared with nothing must not look as if it had passed."""
    gate(bench)
    earlier(bench, times=1e6)
    change(bench)

    refused, report = gate(bench)
    kept = len(stored(bench))
    accepted, _ = gate(bench, "--accept-new")

    assert (refused, kept, accepted) == (2, 1, 0)
    assert sentence in report["sentence"]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("{half", "is not JSON"),
        ("[]", "is not a JSON object"),
        ('{"benchmarks": []}', "No benchmark was measured"),
        ("{}", "'benchmarks' is missing"),
        ('{"benchmarks": [{}], "datetime": "x"}', "machine_info"),
    ],
)
def test_a_baseline_that_says_nothing_is_an_error(
    bench: Bench, content: str, sentence: str
) -> None:
    """It is named, with what to do, and left alone; pytest-benchmark would only warn."""
    gate(bench)
    (baseline,) = stored(bench)
    baseline.write_text(content, encoding="utf-8")

    status, report = gate(bench)

    assert status == 2
    assert "holds nothing to compare with: delete it" in report["sentence"]
    assert sentence in report["sentence"]
    assert stored(bench) == [baseline]
    assert baseline.read_text(encoding="utf-8") == content


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (("--instructions",), "--instructions belongs to --against"),
        (("-k", "one"), "-k belongs to --against"),
        (("--seed", "0"), "--seed belongs to --against"),
        (("--against", "HEAD", "--update"), "choose one"),
    ],
)
def test_options_that_mean_nothing_together_are_an_error(
    bench: Bench, options: tuple[str, ...], sentence: str
) -> None:
    """An option that would be ignored is refused before anything is measured."""
    status, report = gate(bench, *options)

    assert status == 2
    assert sentence in report["sentence"]
    assert stored(bench) == []
