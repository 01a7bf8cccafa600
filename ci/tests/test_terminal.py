"""What stands on the terminal: colour, progress, and a line for each run."""

from __future__ import annotations

import io
from types import SimpleNamespace

import pytest
from builders import declared, report, run, shuffled

from shakeproof.model import Status, Verdict
from shakeproof.report.terminal import Terminal, wants_colour


class Tty(io.StringIO):
    """Somebody is looking."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("choice", "looking", "environ", "wanted"),
    [
        ("auto", True, {}, True),
        ("auto", False, {}, False),
        ("auto", True, {"NO_COLOR": "1"}, False),
        ("auto", True, {"NO_COLOR": ""}, True),
        ("auto", True, {"CI": "true"}, False),
        ("always", False, {"NO_COLOR": "1"}, True),
        ("never", True, {}, False),
    ],
)
def test_colour_is_for_those_who_look_and_want_it(
    choice: str, environ: dict[str, str], *, looking: bool, wanted: bool
) -> None:
    stream = Tty() if looking else io.StringIO()

    assert wants_colour(choice, stream, environ) is wanted


def test_progress_goes_to_a_terminal_only() -> None:
    out, err = io.StringIO(), io.StringIO()

    Terminal(out=out, err=err).progress("seed 3", 5)

    assert (out.getvalue(), err.getvalue()) == ("", "")


def test_progress_shows_every_run_under_way() -> None:
    terminal = Terminal(out=io.StringIO(), err=Tty(), pause=0)

    terminal.progress("seed 3", 1)
    terminal.progress("seed 5", 2)

    assert "seed 3: 1 test, seed 5: 2 tests" in _visible(terminal)


@pytest.mark.parametrize("say", ["ended", "over", "say", "complain", "report"])
def test_progress_is_wiped_before_anything_is_printed(say: str) -> None:
    """On a terminal both streams end up on one line: a result must not be glued to a count of tests."""
    screen = Tty()
    terminal = Terminal(out=screen, err=screen)
    terminal.progress("declared #1", 5)
    done = run(declared(1), {"a": Status.PASSED})
    arguments = {
        "ended": (done,),
        "over": (done,),
        "say": ("text",),
        "complain": ("text",),
        "report": (report(Verdict.STABLE), "reports"),
    }

    getattr(terminal, say)(*arguments[say])

    assert "declared #1: 5 tests\r\033[K" in screen.getvalue()


def test_progress_is_not_drawn_more_often_than_anybody_can_see(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Hundreds of runs may end in a second."""
    clock = iter([100.0, 100.05, 100.2])
    monkeypatch.setattr(
        "shakeproof.report.terminal.time", SimpleNamespace(monotonic=lambda: next(clock))
    )
    screen = Tty()
    terminal = Terminal(out=io.StringIO(), err=screen)

    for tests in (1, 2, 3):
        terminal.progress("seed 3", tests)

    drawn = [each for each in screen.getvalue().split("\r\033[K") if each]
    assert drawn == ["seed 3: 1 test", "seed 3: 3 tests"]


def test_progress_says_what_is_tried_and_what_was_found() -> None:
    terminal = Terminal(out=io.StringIO(), err=Tty(), pause=0)
    terminal.begin("shuffled", 5)

    terminal.over(run(shuffled(3), {"a": Status.FAILED, "b": Status.PASSED}))
    terminal.progress("seed 4", 1)

    assert _visible(terminal) == "shuffled: 1 of 5 runs; 1 test seen to fail; seed 4: 1 test"


def test_only_the_verbose_print_every_run() -> None:
    out = {verbose: io.StringIO() for verbose in (True, False)}

    for verbose, stream in out.items():
        terminal = Terminal(out=stream, err=io.StringIO(), verbose=verbose)
        terminal.made(run(declared(1), {"a": Status.PASSED}))

    assert "declared #1: 1 test, no failure" in out[True].getvalue()
    assert out[False].getvalue() == ""


def test_a_run_that_has_ended_leaves_the_progress() -> None:
    terminal = Terminal(out=io.StringIO(), err=Tty(), pause=0)
    terminal.progress("declared #1", 5)
    terminal.ended(run(declared(1), {"a": Status.PASSED}))

    terminal.progress("declared #2", 1)

    assert _visible(terminal) == "declared #2: 1 test"


def test_quiet_prints_the_report_and_nothing_else() -> None:
    out, err = Tty(), Tty()
    terminal = Terminal(out=out, err=err, quiet=True)

    terminal.progress("declared #1", 5)
    terminal.say("seeds: 1")
    terminal.ended(run(declared(1), {"a": Status.PASSED}))
    assert (out.getvalue(), err.getvalue()) == ("", "")
    terminal.report(report(Verdict.STABLE), "reports")

    assert "stable: " in out.getvalue()


@pytest.mark.parametrize(
    ("status", "text"), [(Status.PASSED, "no failure"), (Status.FAILED, "1 failed")]
)
def test_each_run_gets_a_line(status: Status, text: str) -> None:
    out = io.StringIO()

    Terminal(out=out, err=io.StringIO()).ended(run(declared(2), {"a": status}))

    assert out.getvalue() == f"  declared #2: 1 test, {text}, 1.5 s\n"


def _visible(terminal: Terminal) -> str:
    """Give what stands on the progress line now."""
    err = terminal.err
    assert isinstance(err, io.StringIO)
    return err.getvalue().rpartition("\033[K")[2]
