"""No test sees what another one did, and whoever breaks that is named.

The fixtures of `tests/conftest.py` are shown at work on small suites: well-behaved ones run in this
process, ill ones and those that need workers in processes of their own.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import pytest
from sqlalchemy import func, insert, select, text
from sqlalchemy.exc import IntegrityError

from backend.core.settings import MEMORY
from backend.core.storage import Database, open_database
from tests import isolation

if TYPE_CHECKING:
    from collections.abc import Callable

    from backend.core.storage import Transaction

ROOT = Path(__file__).parents[2]

# Only the fixtures that are looked at: nothing of the run around a small suite reaches into it.
BARE = ("-ptests.conftest", "-pno:cacheprovider", "-omarkers=integration", "--strict-markers")

WELL_BEHAVED = """
    import os
    from pathlib import Path

    import pytest
    from sqlalchemy import insert

    names = []

    def test_a_variable(environ):
        environ["BMTC_N0"] = "7"
        assert os.environ["BMTC_N0"] == "7"

    def test_the_next_one_does_not_see_it():
        assert "BMTC_N0" not in os.environ

    def test_a_folder(tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        assert Path.cwd() == tmp_path

    @pytest.mark.parametrize("turn", [1, 2])
    def test_the_same_row_twice(database, turn):
        with database.writing() as tx:
            tx.execute(insert(tx.schema.segments), {"from_stop": "A", "to_stop": "B"})

    def test_a_name(unique_resource_name):
        assert unique_resource_name() not in names

    @pytest.mark.skip(reason="to be the same in every run")
    def test_skipped():
        pass

    @pytest.mark.xfail(strict=True, reason="to be the same in every run")
    def test_expected_to_fail(settings):
        assert settings.n0 == 21
"""

BESIDE_IT = """
    import os

    def test_no_variable_of_the_other_file():
        assert "BMTC_N0" not in os.environ

    def test_a_variable_of_its_own(environ):
        environ["BMTC_N0"] = "8"
"""

ILL = """
    import os
    import socket
    import sqlite3
    import time
    from pathlib import Path

    import pytest

    import backend.core.settings
    from backend.core.storage import open_database

    kept = []

    def test_sets_a_variable():
        os.environ["LEFT_BEHIND"] = "1"

    def test_deletes_a_variable():
        del os.environ["PATH"]

    def test_moves_away(tmp_path):
        os.chdir(tmp_path)

    def test_changes_the_zone():
        os.environ["TZ"] = "Asia/Kolkata"
        time.tzset()

    def test_rebinds_a_global():
        backend.core.settings.PREFIX = "OTHER_"

    def test_adds_a_global():
        backend.core.settings.current = object()

    def test_changes_a_class(settings):
        type(settings).public = lambda self: {}

    def test_forces_a_frozen_value(settings):
        settings.__dict__["n0"] = 1

    def test_leaves_a_file_open(tmp_path):
        kept.append(open_database(str(tmp_path / "left.sqlite3")))

    def test_leaves_a_database_of_another_name_open(tmp_path):
        kept.append(sqlite3.connect(tmp_path / "left.db"))
        kept[-1].execute("CREATE TABLE left_behind (name TEXT)")

    def test_leaves_a_plain_file_open(tmp_path):
        kept.append((tmp_path / "left.txt").open("w"))

    def test_leaves_a_port_open():
        kept.append(socket.create_server(("127.0.0.1", 0)))

    def test_leaves_a_transaction_open(database):
        kept.append(database.reading())
        kept[-1].__enter__()

    def test_fills_a_cache():
        backend.core.settings.remembered(1)
        assert backend.core.settings.remembered.cache_info().currsize == 1

    def test_sees_nothing_of_all_that(settings):
        assert "LEFT_BEHIND" not in os.environ
        assert "TZ" not in os.environ
        assert os.environ["PATH"]
        assert os.getcwd() == os.environ["STARTED_IN"]
        assert time.tzname == ("UTC", "UTC")
        assert backend.core.settings.PREFIX == "BMTC_"
        assert not hasattr(backend.core.settings, "current")
        assert settings.public()["n0"] == 20
        assert backend.core.settings.remembered.cache_info().currsize == 0
        opened = [os.path.realpath(link) for link in Path("/proc/self/fd").iterdir()]
        assert [path for path in opened if os.path.basename(path).startswith("left.")] == []
        listening = next(each for each in kept if isinstance(each, socket.socket))
        with pytest.raises(OSError):
            listening.getsockname()

    def test_may_close_what_was_closed_for_it(tmp_path):
        with (tmp_path / "mine.txt").open("w") as mine:
            for each in kept:
                if hasattr(each, "close"):
                    each.close()
            mine.write("still open")
"""

WITH_A_CACHE = """
    import functools

    import backend.core.settings

    backend.core.settings.remembered = functools.lru_cache(lambda number: number)
"""

EVERY_BREACH = {
    "test_sets_a_variable": "environment isolation broke: the variable LEFT_BEHIND",
    "test_deletes_a_variable": "environment isolation broke: the variable PATH",
    "test_moves_away": "environment isolation broke: the working folder",
    "test_changes_the_zone": "environment isolation broke: the variable TZ",
    "test_rebinds_a_global": "settings isolation broke: backend.core.settings.PREFIX",
    "test_adds_a_global": "settings isolation broke: backend.core.settings.current",
    "test_changes_a_class": "settings isolation broke: Settings.public",
    "test_forces_a_frozen_value": "settings isolation broke: a frozen value",
    "test_leaves_a_file_open": "database isolation broke: /",
    "test_leaves_a_database_of_another_name_open": "database isolation broke: /",
    "test_leaves_a_plain_file_open": "environment isolation broke: /",
    "test_leaves_a_port_open": "environment isolation broke: a socket at ('127.0.0.1', ",
    "test_leaves_a_transaction_open": "database isolation broke: 1 transactions",
}

AS_A_WORKER = """
    import os

    def pytest_configure(config):
        config.workerinput = {"workerid": os.environ["WORKER"]}
"""

WRITES_ITS_NAMES_DOWN = """
    from pathlib import Path

    def test_names(unique_resource_name):
        with Path("names").open("a") as names:
            names.writelines(f"{unique_resource_name()}\\n" for _ in range(5))
"""

Outcomes: TypeAlias = "list[tuple[str, str, str]]"


@pytest.fixture
def bare(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """Give a place for small suites that load no plugin by themselves and find `tests.conftest`."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("COLUMNS", "500")  # messages are not cut short
    return pytester


def outcomes(suite: pytest.Pytester, *files: str) -> Outcomes:
    """Run the files in this process and return what became of each phase of each test, sorted."""
    recorder = suite.inline_run(*BARE, *files)
    return sorted(
        (report.nodeid, report.when, report.outcome)
        for report in recorder.getreports("pytest_runtest_logreport")
    )


def count_segments(transaction: Transaction) -> int:
    """Count the rows of one table."""
    return int(
        transaction.execute(
            select(func.count()).select_from(transaction.schema.segments)
        ).scalar_one()
    )


def test_a_resource_name_tells_the_worker_and_is_never_given_twice(
    unique_resource_name: Callable[[], str],
) -> None:
    """Names read `test_<worker id>_<8 hex digits>`, and no two calls give the same one."""
    worker_id = os.environ.get("PYTEST_XDIST_WORKER", "master")
    names = [unique_resource_name() for _ in range(100)]

    assert [
        name for name in names if not re.fullmatch(rf"test_{worker_id}_[0-9a-f]{{8}}", name)
    ] == []
    assert len(set(names)) == len(names)


def test_two_workers_never_give_the_same_resource_name(
    bare: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same test makes other names in each worker and in each of its runs."""
    bare.makeconftest(AS_A_WORKER)
    bare.makepyfile(WRITES_ITS_NAMES_DOWN)

    for worker in ("gw0", "gw1", "gw0"):
        monkeypatch.setenv("WORKER", worker)
        bare.inline_run(*BARE).assertoutcome(passed=1)

    names = bare.path.joinpath("names").read_text(encoding="utf-8").split()
    assert [name.split("_")[1] for name in names] == ["gw0"] * 5 + ["gw1"] * 5 + ["gw0"] * 5
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("turn", ["first", "second"])
def test_a_database_in_memory_is_fresh(database: Database, turn: str) -> None:
    """Whichever test comes first, the other one finds none of its rows."""
    with database.writing() as tx:
        assert count_segments(tx) == 0, turn
        tx.execute(insert(tx.schema.segments), {"from_stop": "A", "to_stop": "B"})

    assert database.place == MEMORY


@pytest.mark.integration
@pytest.mark.parametrize("turn", ["first", "second"])
def test_a_database_file_is_fresh(database: Database, tmp_path: Path, turn: str) -> None:
    """An integration test gets a file of its own, empty whatever the last one wrote."""
    with database.writing() as tx:
        assert count_segments(tx) == 0, turn
        tx.execute(insert(tx.schema.segments), {"from_stop": "A", "to_stop": "B"})

    assert Path(database.place).parent == tmp_path


def test_foreign_keys_are_enforced(database: Database) -> None:
    """SQLite checks references only when told to, and every connection here is."""
    with database.reading() as tx:
        assert tx.execute(text("PRAGMA foreign_keys")).scalar_one() == 1
    with pytest.raises(IntegrityError), database.writing() as tx:
        tx.execute(
            insert(tx.schema.timetable),
            {"feed": 404, "segment": 404, "bin": 0, "mean_seconds": 60.0, "departures": 1},
        )


@pytest.mark.integration
def test_two_databases_are_written_at_the_same_time(database: Database, tmp_path: Path) -> None:
    """Two write transactions are open at once, and each database keeps only its own row."""
    other = open_database(str(tmp_path / "other.sqlite3"))
    try:
        other.migrate()
        with database.writing() as here, other.writing() as there:
            here.execute(insert(here.schema.segments), {"from_stop": "A", "to_stop": "here"})
            there.execute(insert(there.schema.segments), {"from_stop": "A", "to_stop": "there"})
        with database.reading() as here, other.reading() as there:
            stops = [
                list(tx.execute(select(tx.schema.segments.c.to_stop)).scalars())
                for tx in (here, there)
            ]
    finally:
        other.close()

    assert stops == [["here"], ["there"]]


@pytest.mark.slow
@pytest.mark.skipif(
    not isolation.OPEN_FILES.is_dir(), reason="only Linux tells which files a process has open"
)
def test_a_broken_isolation_is_named_by_its_kind_and_undone(
    bare: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each test that leaves something behind is told what and of which kind; none suffers from it."""
    monkeypatch.setenv("STARTED_IN", str(bare.path))
    monkeypatch.delenv("TZ", raising=False)
    bare.makeconftest(WITH_A_CACHE)
    bare.makepyfile(test_ill=ILL)

    result = bare.runpytest_subprocess(*BARE, "-rE")

    error = re.compile(r"ERROR test_ill\.py::(\w+) - Failed: (.*)")
    said = {match[1]: match[2] for line in result.outlines if (match := error.fullmatch(line))}
    cut = {test: message[: len(EVERY_BREACH.get(test, ""))] for test, message in said.items()}
    assert cut == EVERY_BREACH
    assert result.parseoutcomes() == {
        "passed": ILL.count("def test_"),
        "errors": len(EVERY_BREACH),
    }


def test_a_well_behaved_suite_leaves_everything_as_it_was(bare: pytest.Pytester) -> None:
    """Variables, folder, globals and open files are the same after a suite that uses them all."""
    bare.makepyfile(WELL_BEHAVED)
    before = isolation.look()

    # The expected failure counts as skipped.
    bare.inline_run(*BARE).assertoutcome(passed=6, skipped=2)

    assert isolation.breaches(before, isolation.look()) == ()


@pytest.mark.slow
def test_ten_runs_of_a_small_suite_agree(bare: pytest.Pytester) -> None:
    """In every one of ten runs, forwards and backwards in turn, each test has the same outcome."""
    bare.makepyfile(test_one=WELL_BEHAVED, test_two=BESIDE_IT)
    files = ("test_one.py", "test_two.py")

    first, *others = [outcomes(bare, *(files[::-1] if run % 2 else files)) for run in range(10)]

    assert first
    assert [other for other in others if other != first] == []


def test_runs_that_disagree_are_noticed(bare: pytest.Pytester) -> None:
    """A test whose outcome depends on the runs before it does not pass for an agreeing one."""
    bare.makepyfile(
        """
        from pathlib import Path

        def test_leaves_a_file():
            Path("left-behind").touch(exist_ok=False)
        """
    )

    assert outcomes(bare) != outcomes(bare)
