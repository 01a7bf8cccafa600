"""A comparison is not distorted by what the project, its tests or its environment switch on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from comparisons import Judge, Project, Specimen

pytestmark = pytest.mark.usefixtures("no_outer_run")

PLUGINS = ("randomly", "random_order", "rerunfailures", "xdist")


def test_what_the_project_switches_on_does_not_distort_the_comparison(
    project: Project, judge: Judge
) -> None:
    """No workers, reruns, early stop or shuffling; and no report of the project's own, not even from confirming."""
    rootdir = project(
        pyproject="""
            [tool.pytest.ini_options]
            addopts = [
                "-p", "xdist", "-n", "2", "-p", "rerunfailures", "--reruns", "2", "-x", "--lf", "--ff",
                "-p", "randomly", "-p", "pytest_cov", "--cov=.", "--cov-report=html",
                "--junitxml=junit.xml",
                "-p", "random_order", "--random-order",
            ]
            """,
        test_them="""
            import os
            from pathlib import Path

            DIARY = Path(__file__).parents[1] / "diary"

            def note(word):
                with DIARY.open("a") as diary:
                    diary.write(f"{word} ")

            def test_b():
                note("b")
                assert False

            def test_a():
                note("a")
                assert "PYTEST_XDIST_WORKER" not in os.environ

            def test_c():
                note("c")
            """,
    )

    judged = judge(rootdir, repeat=2)

    assert judged.status == 3, judged.out
    assert judged.kinds == {"test_them.py::test_b": "broken"}
    assert judged.only["confirmed"] is True
    alone_and_confirmed = "b " * 4
    diary = (rootdir.parent / "diary").read_text(encoding="utf-8")
    assert diary == "b a c " * 2 + alone_and_confirmed
    left = {path.name for path in rootdir.iterdir()} - {"__pycache__", ".pytest_cache"}
    assert left == {"pyproject.toml", "test_them.py"}


def test_a_command_bears_with_the_options_that_the_project_always_gives(
    project: Project, judge: Judge
) -> None:
    """Blocking a plugin would make pytest reject its options in `addopts`, and the finding would go unconfirmed."""
    rootdir = project(
        pyproject="""
            [tool.pytest.ini_options]
            addopts = "--randomly-seed=5 --random-order-bucket=global --reruns=2 -n2 --dist=load"
            """,
        test_mode="""
            MODE = {"mode": "safe"}

            def test_a_sets_mode():
                MODE["mode"] = "fast"

            def test_b_reads_mode():
                assert MODE["mode"] == "safe"
            """,
    )
    plugins = (word for name in PLUGINS for word in ("-p", name))

    judged = judge(rootdir, "--", *plugins, repeat=2)

    assert judged.status == 1
    assert judged.kinds == {"test_mode.py::test_b_reads_mode": "victim"}
    assert judged.only["confirmed"] is True


def test_a_marker_that_asks_for_reruns_hides_nothing(project: Project, judge: Judge) -> None:
    """A marker outlasts `--reruns 0`: neither the comparison nor the printed command may retry."""
    rootdir = project(
        test_turns="""
            from pathlib import Path

            import pytest

            TURNS = Path(__file__).parents[1] / "turns"

            @pytest.mark.flaky(reruns=3)
            def test_odd_turns():
                with TURNS.open("a") as turns:
                    turns.write(".")
                assert TURNS.stat().st_size % 2
            """
    )

    judged = judge(rootdir, "--", "-p", "rerunfailures")

    assert judged.status == 1
    assert judged.kinds == {"test_turns.py::test_odd_turns": "non-deterministic"}
    assert "--force-reruns 0" in judged.only["reproduce"]


def test_tests_that_never_have_their_turn_are_not_passed_over(
    project: Project, judge: Judge
) -> None:
    rootdir = project(
        test_them="""
            def test_a(request):
                request.session.shouldstop = "enough"

            def test_b():
                assert False
            """
    )

    judged = judge(rootdir, repeat=2)

    assert judged.report["evidence"]["incomplete"] == [
        "1 of 2 tests, which never had their turn: test_them.py::test_b"
    ]
    assert judged.report["evidence"]["failure_rate_below"] == 1.0


def test_an_interpreter_with_a_safe_path_is_no_obstacle(
    specimen: Specimen, judge: Judge, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONSAFEPATH", "1")

    assert judge(specimen("stable"), repeat=2).status == 0


def test_the_users_selection_is_respected(specimen: Specimen, judge: Judge) -> None:
    judged = judge(specimen("broken"), "--", "-k", "right", repeat=2)

    assert (judged.status, judged.report["suite"]["tests"]) == (0, 1)
