"""The plugins that order the tests of a run and tell what each did, in runs of this very process."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from injected import injected

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Ran = Callable[..., list[dict[str, Any]]]

QUIET = ("-q", "-p", "no:cacheprovider", "-p", "no:randomly")


class Sink:
    """Keeps what is told."""

    def __init__(self) -> None:
        self.lines: list[dict[str, Any]] = []

    def write(self, line: dict[str, Any]) -> None:
        self.lines.append(line)


@pytest.fixture
def ran(pytester: pytest.Pytester, no_outer_run: None) -> Iterator[Ran]:
    """Give a function that runs tests, in an order where one is given, and says what was told."""
    del no_outer_run
    with injected("shakeproof_recorder") as recorder, injected("shakeproof_order") as order:

        def run(*arguments: str, tests: list[str] | None = None) -> list[dict[str, Any]]:
            sink = Sink()
            plugins = [recorder.Recorder(sink)]
            if tests is not None:
                plugins.append(order.Order(tests))
            pytester.inline_run(*QUIET, *arguments, plugins=plugins)
            return sink.lines

        yield run


def started(lines: list[dict[str, Any]]) -> list[str]:
    return [line["test"].partition("::")[2] for line in lines if line["event"] == "start"]


def test_the_tests_run_in_the_order_that_is_given_and_no_others(
    pytester: pytest.Pytester, ran: Ran
) -> None:
    """One may come twice, also in a row; one that is not there is left out."""
    pytester.makepyfile(
        test_it="""
        import pytest

        SEEN = []

        @pytest.fixture
        def own(request):
            SEEN.append(request.node.name)
            yield
            assert SEEN.pop() == request.node.name  # torn down before the next one begins

        @pytest.mark.parametrize("n", [1, 2])
        def test_a(own, n): assert len(SEEN) == 1
        def test_b(own): assert len(SEEN) == 1
        def test_c(): assert 0
        """
    )
    names = ["test_b", "test_a[2]", "test_a[2]", "test_gone", "test_b"]

    lines = ran(tests=[f"test_it.py::{name}" for name in names])

    assert started(lines) == ["test_b", "test_a[2]", "test_a[2]", "test_b"]
    assert {line["outcome"] for line in lines if line["event"] == "report"} == {"passed"}


def test_a_doctest_that_comes_twice_has_its_names_both_times(
    pytester: pytest.Pytester, ran: Ran
) -> None:
    pytester.makepyfile(app='LIMIT = 3\ndef limit():\n    """\n    >>> LIMIT\n    3\n    """\n')
    tests = ["app.py::app.limit"] * 2

    lines = ran("--doctest-modules", tests=tests)

    outcomes = [line["outcome"] for line in lines if line.get("when") == "call"]
    assert outcomes == ["passed", "passed"]


def test_all_tests_in_their_order_deselect_none(pytester: pytest.Pytester, ran: Ran) -> None:
    pytester.makepyfile(test_it="def test_a(): pass\ndef test_b(): pass")

    assert started(ran(tests=["test_it.py::test_a", "test_it.py::test_b"])) == ["test_a", "test_b"]


def test_why_a_test_failed_or_was_skipped_is_told_without_its_traceback(
    pytester: pytest.Pytester, ran: Ran
) -> None:
    pytester.makepyfile(
        test_it="""
        import pytest

        def test_fails(): raise ValueError("first\\nsecond")
        def test_skips(): pytest.skip("not here")
        @pytest.mark.xfail(strict=True)
        def test_strict(): pass
        @pytest.mark.xfail
        def test_expected(): assert 0
        def test_passes(): pass
        """
    )

    calls = [line for line in ran() if line.get("when") == "call"]

    assert {
        line["test"].partition("::")[2]: (line["outcome"], line["message"], line["xfail"])
        for line in calls
        if "expected" not in line["test"]
    } == {
        "test_fails": ("failed", "ValueError: first\nsecond", False),
        "test_skips": ("skipped", "Skipped: not here", False),
        "test_strict": ("failed", "[XPASS(strict)]", False),
        "test_passes": ("passed", "", False),
    }
    (expected,) = (line for line in calls if "expected" in line["test"])
    assert (expected["outcome"], expected["xfail"]) == ("skipped", True)


def test_what_could_not_be_collected_is_told_with_its_file(
    pytester: pytest.Pytester, ran: Ran
) -> None:
    pytester.makepyfile(test_it="import no_such_module")

    lines = ran()

    (error,) = (line for line in lines if line["event"] == "collection error")
    assert error["where"] == "test_it.py"
    assert "No module named 'no_such_module'" in error["text"]
    assert [line["event"] for line in lines] == ["session", "collection error", "finish"]


def test_workers_are_told_by_name_and_a_crash_with_its_test(
    pytester: pytest.Pytester, ran: Ran
) -> None:
    """The controller of xdist collects nothing itself, and hears of everything."""
    pytester.makepyfile(test_it="import os\ndef test_a(): pass\ndef test_dies(): os._exit(3)")

    lines = ran("-p", "xdist", "-n", "1")

    assert next(line["tests"] for line in lines if line["event"] == "collected") == [
        "test_it.py::test_a",
        "test_it.py::test_dies",
    ]
    assert [line["test"] for line in lines if line["event"] == "crash"] == ["test_it.py::test_dies"]
    workers = {
        line["worker"] for line in lines if "test_a" in line.get("test", "") and "worker" in line
    }
    assert workers == {"gw0"}
