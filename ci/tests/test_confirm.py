"""The command printed for a finding, and when it counts as shown."""

from __future__ import annotations

import shlex
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from builders import (
    PROJECT,
    alone,
    declared,
    outcome,
    parallel,
    run,
    shuffled,
    suspicion,
)

from shakeproof.investigate.classify import SESSION
from shakeproof.investigate.commands import (
    FEWEST_TRIES,
    INLINE_TESTS,
    Reproduction,
    counter_check,
    other_ways,
    reproduction,
)
from shakeproof.investigate.confirm import alone_too, finding, shows
from shakeproof.model import Instability, Outcome, Run, Status, Suspicion

if TYPE_CHECKING:
    from pathlib import Path

PASSED, FAILED = Status.PASSED, Status.FAILED
ORDER = {"test_b.py::b": PASSED, "test_a.py::a": FAILED, "test_c.py::c": PASSED}
ORDER_FILE = PROJECT / ".shakeproof" / "orders" / "F1.txt"
VICTIM = "test_a.py::a"


def reproduced(suspected: Suspicion, *user_arguments: str, cwd: Path = PROJECT) -> Reproduction:
    return reproduction(suspected, 1, user_arguments, ORDER_FILE, cwd)


def victim(bad: Run | None = None) -> Suspicion:
    return suspicion(VICTIM, Instability.VICTIM, bad or run(shuffled(3), ORDER))


def words(command: str) -> list[str]:
    return shlex.split(command)


def test_where_pytest_reads_no_file_shakeproof_repeats_a_long_order() -> None:
    tests = {f"test_a.py::test_{number}": PASSED for number in range(INLINE_TESTS)}
    long = run(shuffled(3), tests | {VICTIM: FAILED})

    old = reproduced(victim(replace(long, pytest="8.1.2")))
    new = reproduced(victim(replace(long, pytest="8.2.0")))

    assert old.command == "shakeproof replay F1 --out .shakeproof"
    assert old.experiment.tests == (*tests, VICTIM)
    assert "@.shakeproof/orders/F1.txt" in words(new.command)


def test_a_file_with_a_bracket_in_its_name_is_left_to_shakeproof() -> None:
    """Pytest reads an argument only as far as the first bracket, where a parameter might begin."""
    test = "test_[mode].py::test_it"
    brittle = suspicion(test, Instability.BRITTLE, run(alone(test), {test: FAILED}))

    assert reproduced(brittle).command == "shakeproof replay F1 --out .shakeproof"


# The counter-check


def test_a_victim_has_to_pass_alone() -> None:
    checked = counter_check(victim(), 1, ("-q",), PROJECT)

    assert checked is not None
    assert checked.arguments == ("-q", VICTIM)


def test_a_brittle_test_has_to_pass_behind_its_state_setter() -> None:
    brittle = replace(
        suspicion(VICTIM, Instability.BRITTLE, run(alone(VICTIM), {VICTIM: FAILED})),
        culprits=(("test_b.py::b",),),
    )
    checked = counter_check(brittle, 1, (), PROJECT)

    assert checked is not None
    assert checked.arguments == ("test_b.py::b", VICTIM)


@pytest.mark.parametrize("kind", [Instability.CRASH, Instability.HANG])
def test_a_crash_or_hang_with_culprits_is_shown_behind_them_and_not_alone(
    kind: Instability,
) -> None:
    found = replace(victim(), kind=kind, culprits=(("test_c.py::c",),))
    checked = counter_check(found, 1, (), PROJECT)

    assert reproduced(found).command == f"python -m pytest test_c.py::c {VICTIM}"
    assert checked is not None
    assert checked.arguments == (VICTIM,)


@pytest.mark.parametrize(
    "kind",
    [
        Instability.BROKEN,
        Instability.NON_DETERMINISTIC,
        Instability.CRASH,
        Instability.HANG,
    ],
)
def test_what_has_no_opposite_has_no_counter_check(kind: Instability) -> None:
    assert counter_check(suspicion("a", kind, run(declared(), ORDER)), 1, (), PROJECT) is None


@pytest.mark.parametrize(("alone_it", "confirmed"), [(PASSED, True), (FAILED, False)])
def test_a_victim_that_fails_alone_as_well_is_not_confirmed(
    alone_it: Status, *, confirmed: bool
) -> None:
    suspected = victim()
    shown = reproduced(suspected)
    checked = run(alone(VICTIM), {VICTIM: alone_it})

    closed = finding(suspected, 1, shown, [run(shuffled(3), ORDER)], checked)

    assert (closed.confirmed, closed.counter_check) == (confirmed, confirmed)


ALONE_IT_FAILS = run(alone(VICTIM), {VICTIM: FAILED})


@pytest.mark.parametrize(
    ("suspected", "kind"),
    [
        (replace(victim(), opposite=run(declared(), {VICTIM: PASSED})), Instability.BRITTLE),
        (victim(), Instability.BROKEN),
        (replace(victim(), opposite=run(declared(), {"b": PASSED})), Instability.BROKEN),
        (replace(victim(), passed_first=1), None),
        (replace(victim(), reason="KeyError: <value>"), None),
        (replace(victim(), kind=Instability.IMPORT_POLLUTED), None),
    ],
    ids=["passed", "never passed", "not there", "passed alone", "another reason", "no victim"],
)
def test_a_victim_that_fails_alone_as_well_is_something_else(
    suspected: Suspicion, kind: Instability | None
) -> None:
    turned = alone_too(replace(suspected, culprits=(("b",),)), ALONE_IT_FAILS)

    assert (turned and (turned.kind, turned.culprits)) == (kind and (kind, ()))


def test_a_victim_that_passes_alone_stays_one() -> None:
    assert alone_too(victim(), run(alone(VICTIM), {VICTIM: PASSED})) is None


def test_a_counter_check_in_which_the_test_had_no_turn_says_nothing() -> None:
    suspected = victim()
    cut_short = run(alone(VICTIM), {VICTIM: Status.NOT_RUN})

    closed = finding(suspected, 1, reproduced(suspected), [run(shuffled(3), ORDER)], cut_short)

    assert (closed.confirmed, closed.counter_check) == (True, None)


def test_where_a_test_fails_for_two_reasons_the_other_one_shows_nothing() -> None:
    suspected = replace(victim(), reason="the mode was set")
    other = run(shuffled(3), {VICTIM: outcome(VICTIM, FAILED, "the size was set")})
    same = run(shuffled(3), {VICTIM: outcome(VICTIM, FAILED, "the mode was set")})

    assert [shows(suspected, each) for each in (other, same)] == [False, True]


def test_a_finding_counts_the_processes_in_which_the_test_passed() -> None:
    """Not those in which it had no turn, which say nothing."""
    suspected = suspicion(VICTIM, Instability.BROKEN, run(declared(), ORDER))
    tries = [
        run(alone(VICTIM), {VICTIM: PASSED}),
        run(alone(VICTIM), {VICTIM: Status.NOT_RUN}),
        run(alone(VICTIM), {}),
    ]

    closed = finding(suspected, 1, reproduced(suspected), tries)

    assert (closed.tries, closed.shown, closed.passed) == (3, 0, 1)


def test_a_run_that_would_stop_at_the_first_failure_is_told_not_to() -> None:
    bad = run(shuffled(3), ORDER, plugins=("maxfail",))

    assert "--maxfail=0" in words(reproduced(victim(bad)).command)


# The command


def test_a_victims_command_runs_what_ran_before_it_and_then_the_victim() -> None:
    assert reproduced(victim()).command == "python -m pytest test_b.py::b test_a.py::a"


@pytest.mark.parametrize("kind", [Instability.BRITTLE, Instability.BROKEN])
def test_a_test_that_fails_by_itself_is_run_by_itself(kind: Instability) -> None:
    command = reproduced(suspicion(VICTIM, kind, run(alone(VICTIM), {VICTIM: FAILED}))).command

    assert command == f"python -m pytest {VICTIM}"


@pytest.mark.parametrize(
    ("plugins", "switches"),
    [
        ((), ""),
        (("randomly",), "--randomly-dont-reorganize --randomly-dont-reset-seed "),
        (("xdist",), "-n 0 "),
        (("random_order",), "--random-order-bucket=none "),
        (("rerunfailures",), "--reruns 0 "),
        (("force_reruns",), "--force-reruns 0 "),
        (("xdist", "randomly"), "--randomly-dont-reorganize --randomly-dont-reset-seed -n 0 "),
    ],
    ids=lambda value: " ".join(value) or "none" if isinstance(value, tuple) else "",
)
def test_only_plugins_that_are_loaded_are_switched_off(
    plugins: tuple[str, ...], switches: str
) -> None:
    """Without xdist, `-n` is an error."""
    command = reproduced(victim(run(shuffled(3), ORDER, plugins=plugins))).command

    assert command == f"python -m pytest {switches}test_b.py::b test_a.py::a"


def test_the_users_options_stay_and_paths_give_way_to_tests() -> None:
    bad = run(shuffled(3), ORDER, positional=("tests", "more/test_x.py"))

    command = reproduced(victim(bad), "-m", "not slow", "tests", "-o", "a=b", "more/test_x.py")

    assert words(command.command)[3:] == [
        "-m", "not slow", "-o", "a=b", "test_b.py::b", "test_a.py::a"
    ]  # fmt: skip


def test_a_number_of_workers_that_the_user_asked_for_is_overruled() -> None:
    """Of two `-n` pytest takes the last, and on two workers there is no order."""
    bad = run(shuffled(3), ORDER, plugins=("xdist",))

    command = words(reproduced(victim(bad), "-n", "4").command)

    assert command.index("4") < command.index("0")


def test_what_a_shell_would_change_is_quoted() -> None:
    ids = ("test_a.py::t[with space]", "test_a.py::t[it's]", "test_a.py::t[$x]", "test_a.py::t[ü]")
    bad = run(shuffled(3), {**dict.fromkeys(ids, PASSED), VICTIM: FAILED})

    assert words(reproduced(victim(bad)).command)[3:] == [*ids, VICTIM]


def test_node_ids_are_named_as_seen_from_the_folder_of_the_command() -> None:
    """They are relative to pytest's root directory, which may be above it or beside it."""
    bad = run(shuffled(3), ORDER, rootdir=PROJECT / "suite")

    assert words(reproduced(victim(bad), cwd=PROJECT).command)[3:] == [
        "suite/test_b.py::b",
        "suite/test_a.py::a",
    ]
    assert words(reproduced(victim(bad), cwd=PROJECT / "suite" / "sub").command)[3:] == [
        "../test_b.py::b",
        "../test_a.py::a",
    ]


def test_an_id_that_looks_like_a_path_is_left_alone() -> None:
    test = "test_a.py::t[../x::y]"
    bad = run(shuffled(3), {test: FAILED}, rootdir=PROJECT / "suite")

    command = reproduced(suspicion(test, Instability.VICTIM, bad)).command

    assert words(command)[-1] == "suite/test_a.py::t[../x::y]"


def test_a_long_order_is_read_from_a_file() -> None:
    before = [f"test_b.py::t{number}" for number in range(INLINE_TESTS)]
    bad = run(
        shuffled(3), {**dict.fromkeys(before, PASSED), VICTIM: FAILED, "test_c.py::c": PASSED}
    )

    shown = reproduced(victim(bad), "-q")

    assert shown.command == "python -m pytest -q @.shakeproof/orders/F1.txt"
    assert shown.order == (*before, VICTIM)
    assert shown.order_file == ORDER_FILE


def test_a_short_order_needs_no_file() -> None:
    before = [f"test_b.py::t{number}" for number in range(INLINE_TESTS - 1)]
    bad = run(shuffled(3), {**dict.fromkeys(before, PASSED), VICTIM: FAILED})

    assert reproduced(victim(bad)).order == ()


@pytest.mark.parametrize("pytest_version", ["7.0.1", "9.2.0"])
def test_files_that_are_only_imported_are_named_and_then_left_out(pytest_version: str) -> None:
    """As they come in the suite, however long its order is; the test in the place of its own file."""
    tests = [f"test_{letter}.py::t{number}" for letter in "abcd" for number in range(9)]
    bad = run(declared(), {**dict.fromkeys(tests, PASSED), "test_b.py::t1": FAILED})
    polluted = suspicion(
        "test_b.py::t1", Instability.IMPORT_POLLUTED, replace(bad, pytest=pytest_version)
    )

    command = reproduced(replace(polluted, culprits=(("test_a.py", "test_d.py"),)), "-q").command

    assert command == (
        "python -m pytest -q test_a.py test_b.py::t1 test_d.py "
        "--deselect=test_a.py --deselect=test_d.py"
    )


def test_what_is_unsafe_in_parallel_is_run_in_parallel() -> None:
    bad = run(parallel(), ORDER, positional=("tests",), plugins=("randomly", "xdist"))

    command = reproduced(suspicion(VICTIM, Instability.PARALLEL_UNSAFE, bad), "tests").command

    switches = "--randomly-dont-reorganize --randomly-dont-reset-seed"
    assert command == f"python -m pytest tests {switches} -n 2 --dist loadfile"


def overlapping(*turns: tuple[int, int], other: str = "test_b.py::other") -> Suspicion:
    """Suspect a test that must not overlap with another."""
    bad = run(declared(), ORDER, plugins=("xdist",), positional=("tests",))
    unsafe = suspicion(VICTIM, Instability.PARALLEL_UNSAFE, bad)
    return replace(unsafe, culprits=((VICTIM, other),), turns=turns or ((1, 1),))


def test_two_tests_that_must_not_overlap_are_all_that_is_run() -> None:
    shown = reproduced(overlapping(), "-q", "tests")

    one, other = shown.together
    first, second = shown.command.removesuffix("; wait").split(" & ")
    assert (one.tests, other.tests, shown.copies) == (None, None, 2)
    assert words(first) == ["python", "-m", "pytest", *(one.arguments or ())]
    assert words(second) == ["python", "-m", "pytest", *(other.arguments or ())]
    assert (words(first)[-1], words(second)[-1]) == ("test_b.py::other", VICTIM)
    assert one.shares_temporary
    assert other.shares_temporary


def test_two_tests_that_seldom_meet_are_run_several_times() -> None:
    """For that pytest has no command line."""
    shown = reproduced(overlapping((3, 5)))

    assert shown.command.startswith("shakeproof replay F1")
    assert [each.tests for each in shown.together] == [("test_b.py::other",) * 5, (VICTIM,) * 3]


def test_where_two_tests_do_not_show_it_they_run_more_often_and_then_the_whole_suite() -> None:
    commands = [reproduced(each) for each in other_ways(overlapping((1, 1), (3, 5)))]

    oftener, copies = (each.together for each in commands)
    assert [each.tests for each in oftener] == [("test_b.py::other",) * 5, (VICTIM,) * 3]
    assert copies[0] == copies[1]
    assert (copies[0].tests, copies[0].shares_temporary) == (None, True)
    assert other_ways(victim()) == ()


@pytest.mark.parametrize(("turns", "tests"), [((1, 1), None), ((3, 5), (VICTIM,) * 3)])
def test_a_test_that_must_not_overlap_has_to_pass_by_itself(
    turns: tuple[int, int], tests: tuple[str, ...] | None
) -> None:
    """As often as it runs beside the other."""
    control = counter_check(overlapping(turns), 1, (), PROJECT)

    assert control is not None
    assert control.tests == tests
    assert not control.shares_temporary


def test_only_what_follows_the_hash_seed_names_it() -> None:
    bad = run(declared(2, hash_seed=4), {VICTIM: FAILED})
    commands = {kind: reproduced(suspicion(VICTIM, kind, bad)) for kind in set(Instability)}

    fixed = {kind for kind, shown in commands.items() if shown.experiment.hash_seed == 4}

    assert fixed == {Instability.HASH_ORDER}
    assert commands[Instability.HASH_ORDER].command.startswith("PYTHONHASHSEED=4 python -m pytest")


def test_what_is_tried_is_what_is_printed() -> None:
    shown = reproduced(victim(run(shuffled(3), ORDER, plugins=("randomly",))), "-q")

    assert shown.experiment.arguments is not None
    assert words(shown.command) == ["python", "-m", "pytest", *shown.experiment.arguments]
    assert (shown.experiment.tests, shown.experiment.options) == (None, ())


def test_trying_a_command_writes_none_of_the_projects_own_reports() -> None:
    active = reproduced(victim()).experiment.plugins

    assert active is not None
    assert active.isdisjoint({"writers", "cov", "benchmark"})


@pytest.mark.parametrize(
    ("kind", "tries"),
    [
        (Instability.NON_DETERMINISTIC, FEWEST_TRIES),
        (Instability.PARALLEL_UNSAFE, FEWEST_TRIES),
        (Instability.CRASH, FEWEST_TRIES),
        (Instability.HANG, FEWEST_TRIES),
        (Instability.VICTIM, 1),
        (Instability.BRITTLE, 1),
        (Instability.HASH_ORDER, 1),
        (Instability.BROKEN, 1),
    ],
)
def test_only_what_depends_on_luck_gets_more_than_one_try(kind: Instability, tries: int) -> None:
    assert reproduced(suspicion(VICTIM, kind, run(declared(), {VICTIM: FAILED}))).tries == tries


def test_a_session_is_reproduced_by_all_that_ran() -> None:
    bad = run(declared(2), ORDER, exit_status=-11)

    command = reproduced(suspicion(SESSION, Instability.CRASH, bad)).command

    assert words(command)[3:] == list(ORDER)


def test_a_session_in_which_nothing_ran_is_reproduced_by_what_was_asked_for() -> None:
    bad = run(declared(2), {}, exit_status=3, positional=("tests",))

    command = reproduced(suspicion(SESSION, Instability.CRASH, bad), "tests", "-q").command

    assert command == "python -m pytest -q tests"


def test_a_test_that_was_not_collected_is_reproduced_by_collecting_again() -> None:
    """Naming the tests that were collected would show nothing: the missing one is not asked for."""
    bad = run(declared(2), {"test_b.py::b": PASSED}, positional=("tests",))
    missing = suspicion(
        VICTIM, Instability.NON_DETERMINISTIC, bad, status=Status.MISSING, message="not collected"
    )

    assert reproduced(missing, "tests").command == "python -m pytest tests"


# What counts as shown


@pytest.mark.parametrize(
    ("seen", "shown"),
    [
        (outcome(VICTIM, FAILED, "assert 'fast' == 'safe'"), True),
        (outcome(VICTIM, FAILED, "assert {'slow', 'fast'} == {'safe'}"), True),
        (outcome(VICTIM, Status.ERROR, "in its setup"), True),
        (outcome(VICTIM, Status.CRASHED), False),
        (outcome(VICTIM, PASSED), False),
        (outcome("test_b.py::b", FAILED, "assert 'fast' == 'safe'"), False),
        (outcome(VICTIM, Status.NOT_RUN), False),
    ],
    ids=["same words", "other words", "setup", "crash", "pass", "another test", "no turn"],
)
def test_a_failure_is_shown_when_the_same_test_fails_whatever_it_says(
    seen: Outcome, *, shown: bool
) -> None:
    suspected = suspicion(
        VICTIM, Instability.VICTIM, run(shuffled(3), ORDER), message="assert 'fast' == 'safe'"
    )

    assert shows(suspected, run(declared(), {seen.test: seen})) is shown


def test_a_test_that_only_now_and_then_passes_is_shown_by_its_pass() -> None:
    suspected = replace(victim(), status=PASSED, message="passed")

    assert shows(suspected, run(declared(), {VICTIM: PASSED}))
    assert not shows(suspected, run(declared(), {VICTIM: Status.SKIPPED}))


def test_a_crash_of_the_session_is_shown_by_one() -> None:
    message = "pytest ended with status -11"
    suspected = suspicion(
        SESSION, Instability.CRASH, run(declared(), {}), message=message, status=Status.CRASHED
    )

    assert shows(suspected, run(declared(), {VICTIM: PASSED}, exit_status=-11))
    assert not shows(suspected, run(declared(), {VICTIM: PASSED}))


def test_a_missing_test_is_shown_by_a_collection_without_it() -> None:
    missing = replace(victim(), status=Status.MISSING, message="not collected")

    assert shows(missing, run(declared(), {"test_b.py::b": PASSED}))
    assert not shows(missing, run(declared(), {VICTIM: PASSED}))


def test_a_missing_test_is_not_shown_by_a_run_that_did_not_start() -> None:
    missing = replace(victim(), status=Status.MISSING, message="not collected")

    assert not shows(missing, run(declared(), {}, exit_status=4))


def test_a_finding_is_confirmed_when_one_of_its_tries_showed_it() -> None:
    tries = [run(declared(), {VICTIM: PASSED}), run(declared(), {VICTIM: FAILED})]

    closed = finding(victim(), 3, reproduced(victim()), tries)

    assert (closed.id, closed.confirmed, closed.tries, closed.shown) == ("F3", True, 2, 1)


@pytest.mark.parametrize("tries", [0, 2])
def test_a_finding_that_no_try_showed_is_not_confirmed(tries: int) -> None:
    closed = finding(victim(), 3, reproduced(victim()), [run(declared(), {VICTIM: PASSED})] * tries)

    assert (closed.confirmed, closed.tries, closed.shown) == (False, tries, 0)


def test_a_finding_says_what_the_suspicion_said() -> None:
    suspected, shown = victim(), reproduced(victim())

    closed = finding(suspected, 1, shown, [])

    assert (closed.test, closed.kind, closed.message) == (VICTIM, suspected.kind, suspected.message)
    assert (closed.runs, closed.failures, closed.failing) == (2, 1, ("seed 3",))
    assert closed.reproduce == shown.command
