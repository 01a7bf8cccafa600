"""Reruns find flaky tests and hide none.

Each claim is shown by running a small suite with the very options of the ordinary sessions,
except that nobody waits between attempts. The small suites load no plugin but the one that
retries, so nothing of the run around them reaches in: no shuffling, no workers, no timeouts.
"""

from __future__ import annotations

import ast
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import pytest

# Imported here so that it stays: pytester takes back what a small suite imports, but not the attribute of the
# package, and each test would leave another module there.
import shakeproof.gates.flaky_exit  # noqa: F401
from shakeproof.gates.reruns import NEVER_PASSES, rerun_options

if TYPE_CHECKING:
    from collections.abc import Iterator

FLAKY = 7  # the exit status of a run that is green only thanks to a retry
TESTS = Path(__file__).parents[1]
DEMONSTRATION = TESTS / "quality" / "test_flaky_demonstration.py"

BARE = ("-ppytest_rerunfailures", "-pno:cacheprovider", "--strict-markers")

PASSES_AT = """
    attempts = []

    def test_passes_at_attempt_{attempt}():
        attempts.append("one more")
        assert len(attempts) >= {attempt}
"""


class RunInner(Protocol):
    """Runs pytest on the files that `pytester` holds, in this process."""

    def __call__(self, *options: str) -> pytest.RunResult:
        """Return what came out."""


@pytest.fixture
def run(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> RunInner:
    """Give a function that runs the small suite with the retries of the ordinary sessions."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.delenv("SHAKEPROOF_DEMONSTRATE_FLAKY", raising=False)

    def run_inner(*options: str) -> pytest.RunResult:
        return pytester.runpytest_inprocess(*BARE, *rerun_options(), "--reruns-delay=0", *options)

    return run_inner


@pytest.mark.parametrize(
    ("attempt", "outcomes", "status"),
    [
        (1, {"passed": 1}, 0),
        (2, {"passed": 1, "rerun": 1}, FLAKY),
        (4, {"passed": 1, "rerun": 3}, FLAKY),
        (5, {"failed": 1, "rerun": 3}, 1),
    ],
    ids=["at once", "after one retry", "after three retries", "not in four attempts"],
)
def test_a_failure_is_retried_three_times_at_most(
    pytester: pytest.Pytester,
    run: RunInner,
    attempt: int,
    outcomes: dict[str, int],
    status: int,
) -> None:
    """Three retries are made and no fourth; whoever needed one fails the run, as do the rest."""
    pytester.makepyfile(PASSES_AT.format(attempt=attempt))

    result = run()

    assert result.parseoutcomes() == outcomes
    assert result.ret == status


def test_attempts_are_a_second_apart() -> None:
    """What is wrong for a moment has a second to pass."""
    assert "--reruns-delay=1" in rerun_options()


def test_a_flaky_test_is_listed_with_the_failure_it_had(
    pytester: pytest.Pytester, run: RunInner
) -> None:
    """The end of the run names the flaky test and shows how its failed attempt failed."""
    pytester.makepyfile(test_lucky=PASSES_AT.format(attempt=2))

    result = run()

    result.stdout.fnmatch_lines(
        [
            "*flaky tests*",
            "FLAKY test_lucky.py::test_passes_at_attempt_2",
            "*rerun test summary info*",
            "RERUN test_lucky.py::test_passes_at_attempt_2",
            "E *assert 1 >= 2*",
        ],
        consecutive=False,
    )


def test_a_failing_test_is_not_masked_by_a_flaky_one(
    pytester: pytest.Pytester, run: RunInner
) -> None:
    """Where one test fails and another is flaky, the run fails and each is called what it is."""
    pytester.makepyfile(
        test_lucky=PASSES_AT.format(attempt=2),
        test_broken="""
            def test_broken():
                assert False
        """,
    )

    result = run("-rf")

    assert result.parseoutcomes() == {"failed": 1, "passed": 1, "rerun": 4}
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    verdicts = {" ".join(line.split()[:2]) for line in result.outlines}
    assert {line for line in verdicts if line.startswith(("FLAKY ", "FAILED "))} == {
        "FLAKY test_lucky.py::test_passes_at_attempt_2",
        "FAILED test_broken.py::test_broken",
    }


def test_a_flaky_test_fails_the_run_under_workers_too(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Workers retry, the controller judges, and the exit status is the same as in a serial run."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.setenv("PYTHONPATH", str(TESTS.parent / "ci"))
    pytester.makepyfile(test_lucky=PASSES_AT.format(attempt=2))

    result = pytester.runpytest_subprocess(
        *("-pxdist", "-n1", *BARE, *rerun_options(), "--reruns-delay=0")
    )

    assert result.parseoutcomes() == {"passed": 1, "rerun": 1}
    assert result.ret == FLAKY
    assert "FLAKY test_lucky.py::test_passes_at_attempt_2" in result.outlines


def test_what_can_never_pass_is_not_retried(pytester: pytest.Pytester, run: RunInner) -> None:
    """Every exception that a second attempt cannot mend fails at once."""
    pytester.makepyfile(
        """
        import pytest

        def raise_(source):
            exec(source, {})

        def test_syntax():          raise_("1 +")
        def test_indentation():     raise_("if 1:\\npass")
        def test_tab():             raise_("if 1:\\n\\tif 1:\\n        pass\\n\\tpass")
        def test_import():          raise_("from math import nothing")
        def test_module():          raise_("import no_such_module")
        def test_name():            raise_("no_such_name")
        def test_not_implemented(): raise_("raise NotImplementedError('later')")
        def test_fixture(no_such_fixture): pass
        """
    )

    result = run("-rfE")

    assert result.parseoutcomes() == {"failed": len(NEVER_PASSES) - 1, "errors": 1}
    assert result.ret == pytest.ExitCode.TESTS_FAILED


@pytest.mark.parametrize(
    "failure",
    [
        "assert False",
        "assert False, 'NameError: only quoted'",
        "None + 1",
        "None.attribute",
        "open('no-such-file')",
    ],
)
def test_what_may_pass_next_time_is_retried(
    pytester: pytest.Pytester, run: RunInner, failure: str
) -> None:
    """Failures that flaky tests show are retried, also when they quote one that never passes."""
    pytester.makepyfile(f"def test_unlucky():\n    {failure}\n")

    assert run().parseoutcomes() == {"failed": 1, "rerun": 3}


def test_the_flaky_marker_is_known_whether_or_not_retries_are_loaded(
    pytestconfig: pytest.Config,
) -> None:
    """The project registers the marker itself, so stability sessions know it without reruns."""
    names = {str(line).partition(":")[0] for line in pytestconfig.getini("markers")}

    assert "flaky" in names


def test_a_misspelt_marker_is_an_error(pytester: pytest.Pytester, run: RunInner) -> None:
    """Markers are strict: `flaky` is known, and what nobody registered stops the run."""
    pytester.makepyfile(
        test_known="""
            import pytest

            @pytest.mark.flaky
            def test_known(): pass
        """,
        test_misspelt="""
            import pytest

            @pytest.mark.flakey
            def test_misspelt(): pass
        """,
    )

    result = run()

    assert result.parseoutcomes() == {"errors": 1}
    result.stdout.fnmatch_lines(["*'flakey' not found in `markers` configuration option*"])


def test_the_flaky_marker_buys_no_green_run(pytester: pytest.Pytester, run: RunInner) -> None:
    """A marked test that passes only after a retry fails the run as an unmarked one does."""
    pytester.makepyfile(
        """
        import pytest

        attempts = []

        @pytest.mark.flaky(reruns=3, issue="#1", until="2030-01-01")
        def test_marked():
            attempts.append("one more")
            assert len(attempts) >= 3
        """
    )

    result = run()

    assert result.parseoutcomes() == {"passed": 1, "rerun": 2}
    assert result.ret == FLAKY


def test_every_flaky_marker_names_its_issue_and_its_end() -> None:
    """No test of this suite is marked `flaky` without an issue and a date."""
    unexplained = {
        f"{path.relative_to(TESTS)}:{line}"
        for path in sorted(TESTS.rglob("*.py"))
        for line in unexplained_markers(path.read_text(encoding="utf-8"))
    }

    assert unexplained == set()


@pytest.mark.parametrize(
    ("marker", "explained"),
    [
        ("@pytest.mark.flaky(reruns=3, issue='#12', until='2030-01-31')", True),
        ("@pytest.mark.flaky(reruns=3, issue='#12', until='soon')", False),
        ("@pytest.mark.flaky(reruns=3, until='2030-01-31')", False),
        ("@pytest.mark.flaky(reruns=3, issue='', until='2030-01-31')", False),
        ("@pytest.mark.flaky(3)", False),
        ("@pytest.mark.flaky", False),
        ("@pytest.mark.slow", True),
    ],
)
def test_a_flaky_marker_without_issue_or_date_is_found(marker: str, *, explained: bool) -> None:
    """The search above finds what it looks for, and nothing else."""
    found = list(unexplained_markers(f"{marker}\ndef test_it(): pass\n"))

    assert found == ([] if explained else [1])


def test_the_demonstration_is_skipped_in_ordinary_runs(
    pytester: pytest.Pytester, run: RunInner
) -> None:
    """The flaky test that exists for demonstration does not run unless it is asked to."""
    pytester.makepyfile(test_demonstration=DEMONSTRATION.read_text(encoding="utf-8"))

    result = run()

    assert result.parseoutcomes() == {"skipped": 1}
    assert result.ret == pytest.ExitCode.OK


@pytest.mark.parametrize(
    ("retries", "outcomes"),
    [(3, {"passed": 1, "rerun": 1}), (0, {"failed": 1})],
    ids=["with retries", "without"],
)
def test_the_demonstration_is_flaky_when_asked(
    pytester: pytest.Pytester,
    run: RunInner,
    monkeypatch: pytest.MonkeyPatch,
    retries: int,
    outcomes: dict[str, int],
) -> None:
    """Where nothing is retried it fails, and where something is it is found out."""
    pytester.makepyfile(test_demonstration=DEMONSTRATION.read_text(encoding="utf-8"))
    monkeypatch.setenv("SHAKEPROOF_DEMONSTRATE_FLAKY", "1")

    result = run(f"--reruns={retries}")

    assert result.parseoutcomes() == outcomes
    assert result.ret == (FLAKY if retries else pytest.ExitCode.TESTS_FAILED)


def unexplained_markers(source: str) -> Iterator[int]:
    """Yield the lines of `source` with a `pytest.mark.flaky` that lacks an issue or a date."""
    tree = ast.parse(source)
    calls = {id(node.func): node for node in ast.walk(tree) if isinstance(node, ast.Call)}
    for node in ast.walk(tree):
        if not isinstance(node, ast.Attribute) or ast.unparse(node) != "pytest.mark.flaky":
            continue
        call = calls.get(id(node))
        given = {
            keyword.arg: keyword.value.value
            for keyword in (call.keywords if call else ())
            if isinstance(keyword.value, ast.Constant)
        }
        if not given.get("issue") or not is_date(given.get("until")):
            yield node.lineno


def is_date(value: object) -> bool:
    """Say whether `value` is the text of a day, as in 2030-01-31."""
    try:
        date.fromisoformat(str(value))
    except ValueError:
        return False
    return True
