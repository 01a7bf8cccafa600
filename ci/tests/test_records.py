"""From the lines written inside the tested interpreter to the outcome of each test."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from builders import declared
from hypothesis import given
from hypothesis import strategies as st

from shakeproof.lab import fresh
from shakeproof.lab.records import MESSAGE_LENGTH, Record
from shakeproof.model import Outcome, Status, Touch

TEST = "test_a.py::test_it"


def event(name: str, **values: object) -> str:
    return json.dumps({"event": name, **values}) + "\n"


def start(test: str = TEST) -> str:
    return event("start", test=test)


def report(when: str, outcome: str = "passed", test: str = TEST, **values: object) -> str:
    ordinary = {"xfail": False, "message": "", "seconds": 0.25, "worker": ""}
    return event("report", test=test, when=when, outcome=outcome, **{**ordinary, **values})


def passing(test: str = TEST) -> tuple[str, ...]:
    return (start(test), *(report(when, test=test) for when in ("setup", "call", "teardown")))


def recorded(*lines: str) -> Record:
    record = Record()
    for line in lines:
        record.feed(line)
    return record


def outcomes(*lines: str, left_running: Status = Status.CRASHED) -> tuple[Outcome, ...]:
    return recorded(*lines).outcomes(left_running)


def status_of(*reports: str) -> tuple[Status, str]:
    """Give what became of a test whose phases reported this."""
    (seen,) = outcomes(start(), *reports)
    return seen.status, seen.message


def test_a_test_that_passes_takes_as_long_as_its_phases_together() -> None:
    assert outcomes(*passing()) == (Outcome(TEST, Status.PASSED, seconds=0.75),)


@pytest.mark.parametrize(("told", "taken"), [(34488906636.0, 1.5), (-34488906636.0, 0.0)])
def test_no_test_takes_longer_than_its_run_or_less_than_nothing(told: float, taken: float) -> None:
    """Pytest asks the clock of the project, and its tests may have set that."""
    record = recorded(start(), report("call", seconds=told))

    closed = record.run(
        declared(), left_running=Status.CRASHED, seconds=1.5, exit_status=0, log=Path()
    )

    assert [each.seconds for each in closed.outcomes] == [taken]


@pytest.mark.parametrize(
    ("reports", "status", "message"),
    [
        (
            (report("setup"), report("call", "failed", message="no"), report("teardown")),
            Status.FAILED,
            "no",
        ),
        ((report("setup", "failed", message="no"), report("teardown")), Status.ERROR, "no"),
        (
            (report("setup"), report("call"), report("teardown", "failed", message="no")),
            Status.ERROR,
            "no",
        ),
        (
            (
                report("setup"),
                report("call", "failed", message="first"),
                report("teardown", "failed", message="second"),
            ),
            Status.FAILED,
            "first",
        ),
        (
            (report("setup", "skipped", message="why"), report("teardown")),
            Status.SKIPPED,
            "why",
        ),
        (
            (report("setup"), report("call", "skipped", message="why"), report("teardown")),
            Status.SKIPPED,
            "why",
        ),
        (
            (
                report("setup"),
                report("call", "skipped"),
                report("teardown", "failed", message="no"),
            ),
            Status.ERROR,
            "no",
        ),
        (
            (
                report("setup"),
                report("call", "skipped", xfail=True, message="known"),
                report("teardown"),
            ),
            Status.XFAILED,
            "known",
        ),
        (
            (report("setup", "skipped", xfail=True), report("teardown")),
            Status.XFAILED,
            "",
        ),
        ((report("setup"), report("call", xfail=True), report("teardown")), Status.XPASSED, ""),
    ],
    ids=[
        "fails",
        "setup fails",
        "teardown fails after a pass",
        "the first failure names the reason",
        "marked skip",
        "skips itself",
        "skips itself and teardown fails",
        "xfail",
        "xfail without running",
        "xpass",
    ],
)
def test_phases_make_an_outcome(reports: tuple[str, ...], status: Status, message: str) -> None:
    assert status_of(*reports) == (status, message)


def test_a_failing_subtest_fails_its_test() -> None:
    """Subtests report as further calls; the test's own call comes last and may pass."""
    calls = (report("call"), report("call", "failed", message="sub"), report("call"))

    assert status_of(report("setup"), *calls, report("teardown")) == (Status.FAILED, "sub")


def test_a_rerun_is_one_turn_and_the_last_try_counts() -> None:
    again = (report("setup"), report("call", "rerun", message="first try"))

    assert status_of(*again, report("setup"), report("call"), report("teardown")) == (
        Status.PASSED,
        "",
    )


def test_a_rerun_for_a_failing_teardown_is_one_turn_too() -> None:
    first = (report("setup"), report("call"), report("teardown", "rerun"))
    second = (report("setup"), report("call", "failed", message="no"), report("teardown"))

    assert status_of(*first, *second) == (Status.FAILED, "no")


def test_a_test_run_twice_has_two_outcomes() -> None:
    failing = (start(), report("call", "failed"), report("teardown"))

    assert [each.status for each in outcomes(*passing(), *failing)] == [
        Status.PASSED,
        Status.FAILED,
    ]


def test_only_the_second_turn_of_a_test_is_cut_off_by_what_happens_in_it() -> None:
    assert [each.status for each in outcomes(*passing(), start())] == [
        Status.PASSED,
        Status.CRASHED,
    ]


@pytest.mark.parametrize("status", [Status.CRASHED, Status.HUNG, Status.NOT_RUN])
def test_a_test_that_never_ended_became_what_the_lab_saw(status: Status) -> None:
    (seen,) = outcomes(start(), report("setup"), left_running=status)

    assert seen.status is status


def test_a_crash_and_a_hang_say_which_they_are() -> None:
    messages = {
        status: outcomes(start(), left_running=status)[0].message
        for status in (Status.CRASHED, Status.HUNG, Status.NOT_RUN)
    }

    assert "died" in messages[Status.CRASHED]
    assert "still running" in messages[Status.HUNG]
    assert messages[Status.NOT_RUN] == ""


def test_tests_behind_a_crash_had_no_turn() -> None:
    collected = event("collected", tests=["a", "b", "c"], seconds=0.5)

    assert [
        (each.test, each.status) for each in outcomes(collected, *passing("a"), start("b"))
    ] == [
        ("a", Status.PASSED),
        ("b", Status.CRASHED),
        ("c", Status.NOT_RUN),
    ]


def test_outcomes_come_in_the_order_of_their_starts() -> None:
    collected = event("collected", tests=["a", "b"], seconds=0.5)
    interleaved = (
        start("b"),
        start("a"),
        report("teardown", test="a", worker="gw1"),
        report("teardown", test="b", worker="gw0"),
    )

    assert [(each.test, each.worker) for each in outcomes(collected, *interleaved)] == [
        ("b", "gw0"),
        ("a", "gw1"),
    ]


def test_a_worker_that_dies_takes_one_test_with_it_once() -> None:
    """The test is named by xdist, then reported as failed in a phase of its own, which is no second turn."""
    crash = (event("crash", test=TEST), report("???", "failed", message="worker 'gw0' crashed"))
    record = recorded(start(), report("setup"), *crash)

    assert [each.status for each in record.outcomes(Status.HUNG)] == [Status.CRASHED]
    assert record.running == ()


def test_a_crash_of_a_test_that_nobody_saw_starting_counts() -> None:
    (seen,) = outcomes(event("crash", test=TEST))

    assert seen.status is Status.CRASHED


def test_workers_that_collect_different_tests_collect_all_of_them_together() -> None:
    record = recorded(
        event("collected", tests=["a", "b"], seconds=0.5),
        event("collected", tests=["b", "c"], seconds=0.75),
    )

    assert record.collected == ("a", "b", "c")


def test_progress_counts_what_has_ended_and_knows_what_has_not() -> None:
    record = recorded(*passing("a"), start("b"))

    assert (record.ended, record.running) == (1, ("b",))


def test_a_long_message_is_cut() -> None:
    _, message = status_of(report("call", "failed", message="x" * 10_000), report("teardown"))

    assert message == "x" * MESSAGE_LENGTH


@given(st.lists(st.sampled_from(["a", "b", "c"])), st.integers(min_value=0, max_value=40))
def test_a_record_that_breaks_off_anywhere_gives_each_test_an_outcome(
    order: list[str], end: int
) -> None:
    """Whatever line was the last to be written, every start is answered, and every other test had no turn."""
    lines = [event("collected", tests=["a", "b", "c"], seconds=0.5)]
    lines += [line for test in order for line in passing(test)]
    kept = lines[: end + 1]
    seen = outcomes(*kept)

    started = [json.loads(line)["test"] for line in kept if '"start"' in line]
    assert [each.test for each in seen if each.status is not Status.NOT_RUN] == started
    assert {each.test for each in seen} == {"a", "b", "c"}
    assert sum(each.status is Status.CRASHED for each in seen) <= 1


def test_half_a_line_waits_for_its_other_half(tmp_path: Path) -> None:
    """A record is read while it is written: a long message may come in pieces."""
    path = tmp_path / "record"
    first, *others = passing()
    with path.open("w", encoding="utf-8") as writing, path.open(encoding="utf-8") as reading:
        watch = fresh._Watch(Record(), reading, timeout=60.0)
        seen = []
        for piece in (first[:10], first[10:] + others[0][:1], others[0][1:] + "".join(others[1:])):
            writing.write(piece)
            writing.flush()
            watch.look()
            seen.append((watch.record.running, watch.record.ended))

    assert seen == [((), 0), ((TEST,), 0), ((), 1)]


def test_a_record_becomes_a_run() -> None:
    record = recorded(
        event(
            "session",
            pytest="9.2.0",
            python="3.11.7",
            rootdir="/project",
            positional=["tests"],
            plugins=["randomly", "xdist"],
        ),
        event("collected", tests=[TEST], seconds=0.5),
        event("collection error", where="test_b.py", text="ImportError"),
        *passing(),
        event("finish", status=0),
    )

    run = record.run(
        declared(3),
        left_running=Status.CRASHED,
        seconds=2.0,
        exit_status=2,
        log=Path("a.log"),
    )

    assert run.experiment == declared(3)
    assert (run.pytest, run.python, run.rootdir) == ("9.2.0", "3.11.7", Path("/project"))
    assert (run.positional, run.plugins) == (("tests",), frozenset({"randomly", "xdist"}))
    assert (run.collected, run.order) == ((TEST,), (TEST,))
    assert run.collection_errors == ("ImportError",)
    assert (run.seconds, run.collection_seconds, run.exit_status) == (2.0, 0.5, 2)
    assert run.log == Path("a.log")


def test_a_process_that_never_got_to_pytest_is_a_run_without_anything() -> None:
    run = Record().run(
        declared(), left_running=Status.CRASHED, seconds=0.1, exit_status=1, log=Path("a.log")
    )

    assert (run.outcomes, run.collected, run.pytest) == ((), (), "")


def test_what_a_test_used_is_kept_with_its_name() -> None:
    line = event("touched", test=TEST, touches=[["network", "127.0.0.1:8080", "binds"]])

    assert recorded(*passing(), line).touched == [Touch(TEST, "network", "127.0.0.1:8080", "binds")]
