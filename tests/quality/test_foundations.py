"""What all tests stand on: a SQLite that works, a template nobody writes to, and examples that repeat."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import hypothesis
import hypothesis.strategies as st
import pytest

from backend.core.errors import DatabaseError
from backend.core.settings import MEMORY
from backend.core.storage import open_database
from tests import conftest

if TYPE_CHECKING:
    from backend.core.storage import Database

ROOT = Path(__file__).parents[2]
BARE = ("-ptests.conftest", "-pno:cacheprovider", "-omarkers=integration")

NEEDS_A_DATABASE = """
    import pytest

    @pytest.mark.parametrize("turn", [1, 2])
    def test_it(database, turn):
        pass
"""

WRITES_TO_THE_TEMPLATE = """
    import pytest

    @pytest.mark.integration
    def test_it(template_database, database):
        with template_database.open("ab") as template:
            template.write(b"one byte")
"""


@pytest.fixture
def bare(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """Give a place for small suites that load no plugin but `tests.conftest`."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    return pytester


def assert_stopped(result: pytest.RunResult) -> None:
    """Check that one of the two tests was tried and that the run says why it ended."""
    assert result.parseoutcomes() == {"errors": 1}
    assert result.ret == pytest.ExitCode.INTERRUPTED
    sentence = "No test that needs a database can run: disk I/O error."
    assert any(re.fullmatch(rf"!+ .*{sentence} !+", line) for line in result.outlines)


@pytest.mark.parametrize("memory_works", [True, False], ids=["in a file", "in memory"])
def test_where_sqlite_does_not_work_the_run_ends_at_once(
    bare: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, *, memory_works: bool
) -> None:
    """The first test says why, no other one runs, whether SQLite fails altogether or with files."""

    def refuse(path: str) -> Database:
        if memory_works and path == MEMORY:
            return open_database(path)
        raise DatabaseError("disk I/O error.")

    monkeypatch.setattr(conftest, "open_database", refuse)
    bare.makepyfile(NEEDS_A_DATABASE)

    result = bare.runpytest_inprocess(*BARE)

    assert_stopped(result)


@pytest.mark.slow
def test_a_broken_health_check_stops_the_workers_too(bare: pytest.Pytester) -> None:
    """Under pytest-xdist the run stops as well, with the same sentence."""
    bare.makeconftest(
        """
        import tests.conftest
        from backend.core.errors import DatabaseError

        def refuse(path):
            raise DatabaseError("disk I/O error.")

        tests.conftest.open_database = refuse
        """
    )
    bare.makepyfile(NEEDS_A_DATABASE)

    result = bare.runpytest_subprocess("-pxdist", "-n1", *BARE)

    assert_stopped(result)


def test_a_template_that_was_written_to_is_noticed(bare: pytest.Pytester) -> None:
    """The template is every integration test's starting point: whoever changes it is told."""
    bare.makepyfile(WRITES_TO_THE_TEMPLATE)

    result = bare.runpytest_inprocess(*BARE)

    assert result.parseoutcomes() == {"passed": 1, "errors": 1}
    result.stdout.fnmatch_lines(["*database isolation broke: the template was written to*"])


def examples_of(profile: str) -> list[list[int]]:
    """Return the examples of a test of two runs."""

    def run() -> list[int]:
        seen: list[int] = []

        @hypothesis.settings(hypothesis.settings.get_profile(profile), max_examples=25)
        @hypothesis.given(st.integers())
        def collect(number: int) -> None:
            seen.append(number)

        collect()
        return seen

    return [run(), run()]


def test_the_quick_profile_makes_the_same_examples_in_every_run() -> None:
    """Sessions that repeat the suite repeat the very same tests."""
    first, second = examples_of("quick")

    assert first == second


def test_the_thorough_profile_looks_for_new_examples() -> None:
    """The nightly run is there to find what the quick one never tries."""
    first, second = examples_of("thorough")

    assert first != second
