"""From the command line to the verdict, on real suites in real processes."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from comparisons import AT_MOST

if TYPE_CHECKING:
    from comparisons import Judge, Project, Specimen

pytestmark = pytest.mark.usefixtures("no_outer_run")


def in_a_shell(command: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a command as somebody would who copies it from a report."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    return subprocess.run(
        ["sh", "-c", command],  # noqa: S607  (whichever shell there is)
        cwd=folder,
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        timeout=AT_MOST,
        check=False,
    )


def test_a_stable_suite_is_stable_whatever_its_tests_are_called(
    specimen: Specimen, judge: Judge
) -> None:
    judged = judge(specimen("stable"), "--seeds", "1", "--", "-p", "randomly")

    assert judged.status == 0, judged.out
    assert judged.out.count("stable: 9 tests, each with the same outcome in every run") == 1
    assert judged.report["verdict"] == "stable"
    assert judged.report["evidence"]["experiments"] == {"declared": 2, "shuffled": 1}
    assert judged.report["evidence"]["test_runs"] == 27
    assert judged.report["findings"] == []
    assert "stable" in judged.written("flaky_test_audit.md")
    assert "declared #2" in judged.written("flaky_test_verification.md")


def test_a_comparison_leaves_nothing_in_the_project(specimen: Specimen, judge: Judge) -> None:
    rootdir = specimen("stable")
    before = sorted(rootdir.iterdir())

    judge(rootdir, repeat=2)

    assert [path for path in sorted(rootdir.iterdir()) if path.name != "__pycache__"] == before


def test_a_victim_is_named_and_its_command_shows_it(project: Project, judge: Judge) -> None:
    """Here the polluter comes first in the declared order: every run fails, until the victim is run alone."""
    rootdir = project(
        test_mode="""
            MODE = {"mode": "safe"}

            def test_a_sets_mode():
                MODE["mode"] = "fast"

            def test_b_reads_mode():
                assert MODE["mode"] == "safe"
            """
    )

    judged = judge(rootdir)

    assert judged.status == 1
    assert judged.kinds == {"test_mode.py::test_b_reads_mode": "victim"}
    assert judged.only["confirmed"] is True
    assert "F1 victim test_mode.py::test_b_reads_mode" in judged.out
    again = in_a_shell(judged.only["reproduce"], rootdir)
    assert again.returncode == 1
    assert "1 failed, 1 passed" in again.stdout


def test_a_long_way_to_a_failure_is_repeated_from_a_file_below_the_root_directory(
    project: Project, judge: Judge
) -> None:
    """The folder under test is not pytest's root directory here: the configuration lies above it."""
    rootdir = project(pyproject="[tool.pytest.ini_options]\naddopts = '-q'\n")
    folder = rootdir / "tests"
    folder.mkdir()
    (folder / "test_mode.py").write_text(
        textwrap.dedent("""
            import pytest

            MODE = {"mode": "safe"}

            @pytest.mark.parametrize("word", ["a b", "it's", "a::b", "$x", '"', "[", "ü", "#", "|"])
            def test_a_sets_mode(word):
                MODE["mode"] = "fast"

            def test_b_reads_mode():
                assert MODE["mode"] == "safe"
            """),
        encoding="utf-8",
    )

    judged = judge(folder, repeat=2)

    assert judged.kinds == {"tests/test_mode.py::test_b_reads_mode": "victim"}
    assert judged.only["confirmed"] is True
    assert "@../../out/orders/F1.txt" in judged.only["reproduce"]
    assert "1 failed, 9 passed" in in_a_shell(judged.only["reproduce"], folder).stdout


def test_a_shuffle_finds_the_victim_that_the_declared_order_hides(
    specimen: Specimen, judge: Judge
) -> None:
    judged = judge(specimen("victim"), "--seeds", "3,4", "--", "-p", "randomly", repeat=2)

    assert judged.status == 1
    assert judged.kinds == {"test_mode.py::test_a_reads_mode": "victim"}
    assert "seed 4" in judged.only["failing"]
    assert judged.only["confirmed"] is True


def test_a_brittle_test_is_told_from_a_victim(specimen: Specimen, judge: Judge) -> None:
    judged = judge(specimen("brittle"), "--seeds", "1,2", "--", "-p", "randomly", repeat=2)

    assert judged.status == 1
    assert judged.kinds == {"test_cache.py::test_b_uses": "brittle"}
    assert "1 failed" in in_a_shell(judged.only["reproduce"], judged.rootdir).stdout


def test_chance_is_told_from_everything_else(specimen: Specimen, judge: Judge) -> None:
    judged = judge(specimen("every_other"))

    assert judged.status == 1
    assert judged.kinds == {"test_turns.py::test_odd_turns": "non-deterministic"}
    assert (judged.only["confirmed"], judged.only["shown"]) == (True, 1)


def test_what_follows_the_hash_seed_is_told_from_chance(specimen: Specimen, judge: Judge) -> None:
    judged = judge(specimen("hash_order"), repeat=6)

    assert judged.status == 1
    assert judged.kinds == {"test_first.py::test_first_of_a_set": "hash-order"}
    assert judged.only["reproduce"].startswith("PYTHONHASHSEED=")
    assert "1 failed" in in_a_shell(judged.only["reproduce"], judged.rootdir).stdout


def test_a_crash_is_named_and_the_tests_behind_it_are_not_accused(
    specimen: Specimen, judge: Judge
) -> None:
    judged = judge(specimen("crash"), repeat=2)

    assert judged.status == 1
    assert judged.kinds == {"test_exit.py::test_b_leaves": "crash"}
    assert judged.report["runs"][0]["exit_status"] == 7
    assert judged.report["runs"][0]["tests"] == 2
    assert judged.report["evidence"]["failure_rate_below"] == 1.0


def test_a_worker_that_crashes_is_the_crash_of_one_test(specimen: Specimen, judge: Judge) -> None:
    options = ("--parallel", "--", "-p", "xdist")

    judged = judge(specimen("crash"), *options, repeat=1)

    assert judged.kinds == {"test_exit.py::test_b_leaves": "crash"}
    spread = next(each for each in judged.report["runs"] if each["kind"] == "parallel")
    assert spread["exit_status"] == 1


def test_a_test_that_never_ends_is_a_hang(specimen: Specimen, judge: Judge) -> None:
    judged = judge(specimen("hang"), "--timeout", "1", repeat=2)

    assert judged.status == 1
    assert judged.kinds == {"test_wait.py::test_b_waits": "hang"}


def test_a_suite_that_only_fails_is_failing_not_unstable(specimen: Specimen, judge: Judge) -> None:
    judged = judge(specimen("broken"))

    assert judged.status == 3
    assert judged.report["verdict"] == "failing"
    assert judged.kinds == {"test_wrong.py::test_a_wrong": "broken"}


def test_a_test_that_fails_only_on_a_worker_is_unsafe_in_parallel(
    project: Project, judge: Judge
) -> None:
    rootdir = project(
        test_one="""
            import os

            def test_is_by_itself():
                assert "PYTEST_XDIST_WORKER" not in os.environ
            """
    )

    judged = judge(rootdir, "--parallel", "--", "-p", "xdist", repeat=2)

    assert judged.status == 1
    assert judged.kinds == {"test_one.py::test_is_by_itself": "parallel-unsafe"}
    assert "-n auto" in judged.only["reproduce"]
    assert judged.only["confirmed"] is True


def test_workers_bear_with_a_plugin_that_serial_runs_do_without(
    specimen: Specimen, judge: Judge
) -> None:
    """pytest-rerunfailures, taken out of a serial run, talks between workers and their controller."""
    plugins = ("-p", "xdist", "-p", "rerunfailures")

    judged = judge(specimen("stable"), "--parallel", "--", *plugins, repeat=1)

    assert judged.status == 0, judged.out
    assert [run["tests"] for run in judged.report["runs"]] == [9, 9]


def test_a_collection_that_changes_from_run_to_run_is_unstable(
    project: Project, judge: Judge
) -> None:
    rootdir = project(
        test_some="""
            from pathlib import Path

            TURNS = Path(__file__).parents[1] / "turns"
            with TURNS.open("a") as turns:
                turns.write(".")

            def test_always():
                pass

            if TURNS.stat().st_size % 2:
                def test_now_and_then():
                    pass
            """
    )

    judged = judge(rootdir)

    assert judged.status == 1
    assert judged.kinds == {"test_some.py::test_now_and_then": "non-deterministic"}
    assert (judged.only["message"], judged.only["confirmed"]) == ("not collected", True)
