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
    result.stderr.fnmatch_lines(["ERROR:*each entry of tool.shakeproof.leaks.allow has *reason*"])
