"""Tests that mind the weather: the command that shows one, and the run that has to turn out the other way."""

from __future__ import annotations

import shlex
import sys
from dataclasses import replace

from builders import PROJECT, declared, outcome, run

from shakeproof.investigate import ambient
from shakeproof.investigate.commands import reproduction
from shakeproof.lab.base import Target
from shakeproof.model import Condition, Experiment, Status

PASSED, FAILED = Status.PASSED, Status.FAILED
TEST, OTHER = "tests/test_a.py::test_it", "tests/test_b.py::test_other"
ZONE = Condition("time zone X", "timezone", "TZ", None, "X", environment=(("TZ", "X"),))
FOLDER = Condition(
    "another current directory", "cwd", "cwd", ".", "", elsewhere=True, wrapper="(cd / && {})"
)  # fmt: skip
TARGET = Target(PROJECT, sys.executable, ("tests", "-k", "it"))
USUAL = run(
    Experiment("as usual", declared().kind), {TEST: PASSED, OTHER: PASSED}, positional=("tests",)
)


def shown_under(condition: Condition, *order: str) -> tuple[str, Experiment, tuple[str, ...]]:
    """Write the command for a test that fails behind these under a condition."""
    usual = replace(USUAL, inipath=PROJECT / "pytest.ini")
    experiment = ambient.alone(condition, usual, TEST, TARGET)
    example = replace(
        run(experiment, dict.fromkeys(order, PASSED) | {TEST: FAILED}),
        inipath=usual.inipath,
        positional=("tests/test_a.py::test_it",),
    )
    suspected = ambient.suspicion(TEST, [(condition, example)], [example], usual)
    listed = PROJECT / "out" / "orders" / "F1.txt"
    shown = reproduction(suspected, 1, TARGET.pytest_arguments, listed, PROJECT)
    shown = ambient.under_its_condition(shown, suspected, TARGET)
    return shown.command, shown.experiment, shown.order


def test_the_command_and_what_is_run_mean_the_same() -> None:
    command, experiment, _ = shown_under(ZONE)

    assert command == f"TZ=X python -m pytest -k it {TEST}"
    assert (experiment.arguments, experiment.condition) == (("-k", "it", TEST), ZONE)


def test_the_counter_check_changes_nothing_but_the_condition() -> None:
    _, experiment, _ = shown_under(ZONE)

    check = ambient.as_usual(experiment, 1)

    assert check == replace(experiment, label=check.label, condition=None)


def test_from_another_folder_everything_is_named_in_full() -> None:
    command, experiment, _ = shown_under(FOLDER)

    settings = "--rootdir=/project -c /project/pytest.ini"
    assert command == f"(cd / && python -m pytest -k it /project/{TEST} {settings})"
    by_shell = command.removeprefix("(cd / && python -m pytest ").removesuffix(")")
    assert list(experiment.arguments or ()) == shlex.split(by_shell)


def test_from_another_folder_a_long_list_is_found_and_names_tests_in_full() -> None:
    before = tuple(f"tests/test_b.py::test_{number}" for number in range(20))

    command, _, order = shown_under(FOLDER, *before)

    assert "@/project/out/orders/F1.txt" in command
    assert order == tuple(f"/project/{test}" for test in (*before, TEST))


def test_the_whole_suite_from_another_folder_is_the_same_files() -> None:
    changed = ambient.changed(FOLDER, replace(USUAL, inipath=PROJECT / "pytest.ini"), TARGET)

    assert changed.arguments == (
        *("-k", "it", "--rootdir=/project", "-c", "/project/pytest.ini"),
        *("/project/tests/test_a.py", "/project/tests/test_b.py"),
    )


def test_the_second_pair_differs_in_the_condition_only() -> None:
    for condition in (ZONE, FOLDER):
        with_it, without = ambient.again(condition, USUAL, [TEST], TARGET)

        assert replace(with_it, label="", condition=None) == replace(without, label="")
        assert (with_it.condition, without.condition) == (condition, None)


def test_a_failure_under_a_condition_reads_as_it_was_shown() -> None:
    changed = run(
        Experiment("x", declared().kind, condition=ZONE), {TEST: outcome(TEST, FAILED, "m")}
    )

    suspected = ambient.suspicion(TEST, [(ZONE, changed)], [changed, USUAL], USUAL)

    assert (suspected.message, suspected.runs, suspected.failures) == ("m", 2, 1)


def test_what_only_shakeproof_can_run_it_runs_from_another_folder_too() -> None:
    """Pytest cannot be given a file with a bracket in its name: all files are collected, under their full names."""
    odd = "tests/test_[b].py::test_odd"

    command, experiment, _ = shown_under(FOLDER, odd)

    assert command.startswith("shakeproof replay F1 --out ")
    assert experiment.tests == (odd, TEST)
    assert (experiment.arguments, experiment.condition) == (
        (
            *("-k", "it", "/project/tests/test_[b].py", "/project/tests/test_a.py"),
            *("--rootdir=/project", "-c", "/project/pytest.ini"),
        ),
        FOLDER,
    )


def test_a_suspicion_without_a_condition_keeps_its_command() -> None:
    example = run(declared(), {TEST: FAILED})
    suspected = replace(ambient.suspicion(TEST, [(ZONE, example)], [example], USUAL), causes=())
    shown = reproduction(suspected, 1, (), PROJECT / "out" / "orders" / "F1.txt", PROJECT)

    assert ambient.under_its_condition(shown, suspected, TARGET) == shown
