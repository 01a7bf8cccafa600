"""The plugin for everyday runs: it tells which test left what changed, and fails it where that is asked."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.usefixtures("no_outer_run")

QUIET = ("-q", "-p", "shakeproof.guard")  # in a run of its own no plugin is loaded by itself
LEAKING = """
    import os
    import pytest

    TABLE = {}

    @pytest.fixture(scope="module")
    def lasting():
        os.environ["GUARD_LASTING"] = "1"
        yield
        del os.environ["GUARD_LASTING"]

    @pytest.fixture(scope="module")
    def forgetful():
        os.environ["GUARD_FORGOTTEN"] = "1"
        yield

    def test_clean(monkeypatch, tmp_path):
        monkeypatch.setenv("GUARD_KEPT", "1")
        (tmp_path / "it.txt").write_text("mine")

    def test_leaks():
        os.environ["GUARD_API_KEY"] = "hunter2"
        TABLE["it"] = 1

    def test_with_a_lasting_fixture(lasting):
        pass

    def test_with_a_forgetful_fixture(forgetful):
        pass
    """
CHANGED = (
    "*test_leaks changed environment variable GUARD_API_KEY (not there -> [*][*][*]); use monkeypatch.setenv *",
    "*test_leaks changed global test_it.TABLE[[]'it'[]] (not there -> 1); use monkeypatch.setattr *",
)
FORGOTTEN = "*changed environment variable GUARD_FORGOTTEN (not there -> '1'); *"


def test_a_test_that_leaves_something_changed_fails(pytester: pytest.Pytester) -> None:
    """What a lasting fixture sets up is no test's leak; what it forgets falls to the test at whose end it goes."""
    pytester.makepyfile(test_it=LEAKING)

    result = pytester.runpytest_subprocess(*QUIET, "--leaks=fail")

    result.assert_outcomes(passed=4, errors=2)
    result.stdout.fnmatch_lines(["*ERROR at teardown of test_leaks*", *CHANGED])
    result.stdout.fnmatch_lines([FORGOTTEN])
    result.stdout.no_fnmatch_line("*GUARD_LASTING*")


@pytest.mark.parametrize(
    "workers", [(), ("-p", "xdist", "-n", "2")], ids=["one process", "two workers"]
)
def test_what_is_left_is_listed_and_fails_nothing(
    workers: tuple[str, ...], pytester: pytest.Pytester
) -> None:
    pytester.makepyfile(test_it=LEAKING)

    result = pytester.runpytest_subprocess(*QUIET, *workers, "--leaks=report")

    result.assert_outcomes(passed=4)
    result.stdout.fnmatch_lines(["*= leaks =*"])
    result.stdout.fnmatch_lines_random([*CHANGED, FORGOTTEN])


def test_a_leak_is_not_made_good_by_another_attempt(pytester: pytest.Pytester) -> None:
    """The second attempt finds the state as the first has left it, and changes nothing; the test leaks all the same."""
    pytester.makepyfile(test_it=LEAKING)

    result = pytester.runpytest_subprocess(
        *QUIET, "-p", "pytest_rerunfailures", "--reruns=2", "--leaks=fail", "-k", "test_leaks"
    )

    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["*ERROR at teardown of test_leaks*", *CHANGED])


def test_what_hypothesis_notes_on_a_test_is_no_leak(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        from hypothesis import given, strategies

        @given(strategies.integers())
        def test_a_law(number):
            assert number + 1 > number
        """
    )

    result = pytester.runpytest_subprocess(*QUIET, "--leaks=fail")

    result.assert_outcomes(passed=1)


def test_what_unittest_notes_on_its_classes_is_no_leak(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import unittest

        class TestIt(unittest.TestCase):
            def test_passes(self):
                self.assertTrue(1)
        """
    )

    result = pytester.runpytest_subprocess(*QUIET, "--leaks=fail")

    result.assert_outcomes(passed=1)


def test_unasked_it_says_nothing(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(test_it=LEAKING)

    result = pytester.runpytest_subprocess(*QUIET)

    result.assert_outcomes(passed=4)
    result.stdout.no_fnmatch_line("*changed*")


def test_what_is_allowed_for_a_reason_is_no_leak(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(test_it=LEAKING)
    pytester.makepyprojecttoml(
        """
        [[tool.shakeproof.leaks.allow]]
        category = "environment"
        key = "GUARD_*"
        reason = "the old server reads them"
        """
    )

    result = pytester.runpytest_subprocess(*QUIET, "--leaks=fail")

    result.assert_outcomes(passed=4, errors=1)
    result.stdout.no_fnmatch_line("*GUARD_API_KEY*")


def test_an_exception_without_a_reason_is_a_usage_error(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(test_it="def test_it(): pass")
    pytester.makepyprojecttoml(
        """
        [[tool.shakeproof.leaks.allow]]
        category = "environment"
        key = "*"
        """
    )

    result = pytester.runpytest_subprocess(*QUIET, "--leaks=fail")

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: *pyproject.toml: exception 1 of *.allow has no reason: *"])
    result.stderr.no_fnmatch_line("*Traceback*")


ONE_EXCEPTION = """
    [[tool.shakeproof.leaks.allow]]
    category = "environment"
    key = "GUARD_*"
    reason = "the old server reads them"

    [[tool.shakeproof.leaks.allow]]
    category = "logging"
    key = "uvicorn.*"
    reason = "there was a server once"
    """


@pytest.mark.parametrize(
    ("arguments", "is_told"),
    [((), True), (("-k", "leaks"), False), (("test_it.py",), False), (("-x",), False)],
    ids=["all", "selected", "named", "cut short"],
)
def test_an_exception_that_covered_nothing_is_told_where_all_tests_were_run(
    arguments: tuple[str, ...], pytester: pytest.Pytester, *, is_told: bool
) -> None:
    pytester.makepyfile(test_it=LEAKING)
    pytester.makepyprojecttoml(ONE_EXCEPTION)

    result = pytester.runpytest_subprocess(*QUIET, "--leaks=report", *arguments)

    told = "note: exception 2 of tool.shakeproof.leaks.allow (logging, 'uvicorn.*') covered nothing"
    assert (told in result.outlines) is is_told
    assert not any("exception 1" in line for line in result.outlines)


@pytest.mark.parametrize(
    "workers", [(), ("-p", "xdist", "-n", "2")], ids=["one process", "two workers"]
)
@pytest.mark.parametrize("wanted", ["report", "fail"])
def test_what_cannot_be_compared_is_told_once(
    workers: tuple[str, ...], wanted: str, pytester: pytest.Pytester
) -> None:
    pytester.makepyfile(
        test_it="""
        import array
        import pytest

        GRID = array.array("b", [1])

        @pytest.mark.parametrize("number", range(4))
        def test_it(number):
            GRID[0] = number
        """
    )

    result = pytester.runpytest_subprocess(*QUIET, *workers, f"--leaks={wanted}")

    result.assert_outcomes(passed=4)
    notes = [line for line in result.outlines if line.startswith("note: ")]
    assert notes == [
        "note: the inside of test_it.GRID (array.array) was not compared: only its type could tell what it holds"
    ]
