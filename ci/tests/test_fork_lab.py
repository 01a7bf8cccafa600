"""The laboratory that forks gives the outcomes that fresh processes give."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest
from laboratory import Project, ended, experiment, ran, seen, statuses, write

from shakeproof.lab.fork import ForkUnsafeError

if TYPE_CHECKING:
    from pathlib import Path


pytestmark = pytest.mark.usefixtures("no_outer_run")

MANY_KINDS = {
    "pyproject.toml": """
        [tool.pytest.ini_options]
        asyncio_mode = "auto"
        addopts = "--doctest-modules -p pytest_asyncio.plugin"
        """,
    "conftest.py": """
        import pytest

        LOG = []

        def _scoped(scope):
            @pytest.fixture(scope=scope, name=scope + "_wide")
            def fixture(request):
                state = []
                yield state
                LOG.append(scope)
            return fixture

        session_wide, package_wide, module_wide, class_wide = map(
            _scoped, ["session", "package", "module", "class"])
        """,
    "pkg/__init__.py": "",
    "pkg/test_scopes.py": """
        import asyncio
        import pytest
        from conftest import LOG

        class TestWide:
            def test_a(self, class_wide, module_wide, package_wide, session_wide):
                for state in (class_wide, module_wide, package_wide, session_wide):
                    state.append("a")

            def test_b(self, class_wide):
                assert class_wide == [] and LOG == []

        def test_c(module_wide, package_wide):
            assert (module_wide, package_wide, list(LOG)) == ([], [], [])

        async def test_async(session_wide):
            await asyncio.sleep(0)
            assert session_wide == []

        @pytest.mark.parametrize("word", ["a b", "it's", "a::b", "[", "ü", "", "x" * 3000, "\\n"])
        def test_words(word):
            assert word
        """,
    "pkg/test_unittest.py": """
        import unittest
        from conftest import LOG

        class Base(unittest.TestCase):
            @classmethod
            def setUpClass(cls):
                cls.seen = list(LOG)

        class TestIt(Base):
            def test_it(self):
                self.assertEqual(self.seen, [])

            def test_parts(self):
                for number in range(3):
                    with self.subTest(number=number):
                        self.assertNotEqual(number, 1)
        """,
    "pkg/helper.py": '''
        def double(x):
            """
            >>> double(2)
            4
            """
            return 2 * x
        ''',
    "test_other.py": """
        from conftest import LOG

        def test_log():
            assert LOG == [], str(LOG)

        def test_session(session_wide):
            assert session_wide == []
        """,
}


def test_outcomes_are_those_of_fresh_processes(tmp_path: Path) -> None:
    """Whatever the order, for fixtures of every scope, unittest classes, subtests, coroutines, doctests and odd ids."""
    project = write(tmp_path, MANY_KINDS)
    with project.fork() as lab:
        whole = lab.collected
        shuffled = random.Random(3).sample(whole, len(whole))  # noqa: S311
        orders = [None, whole[::-1], shuffled]
        forked = [seen(run) for order in orders for run in lab.run([experiment(order)])]

    assert len(whole) == 17
    assert forked == [seen(run) for run in project.fresh(*orders)]


def test_a_branch_gives_what_a_fresh_run_of_stem_and_ending_gives(tmp_path: Path) -> None:
    project = write(tmp_path, MANY_KINDS)
    scopes = "pkg/test_scopes.py::"
    stem = ["test_other.py::test_session", f"{scopes}TestWide::test_a"]
    endings = [
        [f"{scopes}TestWide::test_b"],
        [f"{scopes}test_c", f"{scopes}test_async"],
        ["pkg/test_unittest.py::TestIt::test_it"],
        ["test_other.py::test_log", "test_other.py::test_session"],
        [f"{scopes}TestWide::test_a"],
    ]
    with project.fork() as lab:
        forked = [seen(run) for run in ended(lab, stem, *endings)]

    fresh = project.fresh(*([*stem, *ending] for ending in endings))
    assert forked == [seen(run)[len(stem) :] for run in fresh]


TEARDOWNS = {
    "conftest.py": """
        import os
        import time
        import pytest

        @pytest.fixture(scope="module")
        def ill(request):
            yield
            {
                "error": lambda: 1 / 0,
                "fail": lambda: pytest.fail("on purpose"),
                "exit": lambda: pytest.exit("enough"),
                "die": lambda: os._exit(3),
                "hang": lambda: time.sleep(600),
            }[os.environ["ILLNESS"]]()
        """,
    "test_a.py": "def test_a(ill): pass\ndef test_near(): pass",
    "test_b.py": "def test_far(): pass",
}


@pytest.mark.parametrize("illness", ["error", "fail", "exit", "die", "hang"])
def test_what_fails_between_stem_and_ending_is_the_last_test_s_error(
    illness: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ILLNESS", illness)
    # What does not hang gets all the time that a busy machine may need.
    timeout = 1.0 if illness == "hang" else 30.0
    project = write(tmp_path, TEARDOWNS, "-p", "pytest_benchmark.plugin", timeout=timeout)
    with project.fork() as lab:
        (forked,) = ended(lab, ["test_a.py::test_a"], ["test_b.py::test_far"])

    (fresh,) = project.fresh(["test_a.py::test_a", "test_b.py::test_far"])
    assert seen(forked) == seen(fresh)
    assert statuses(forked)["test_a"] in {"error", "crash", "hang"}


RANDOM = {
    "conftest.py": "",
    "test_it.py": """
        import os
        import random

        def test_draws():
            assert False, random.random()

        def test_draws_again():
            assert False, random.random()
        """,
}


def _draws(project: Project, *hash_seeds: int) -> set[str]:
    with project.fork(*hash_seeds) as lab:
        runs = lab.run([experiment(hash_seed=seed) for seed in hash_seeds for _ in range(2)])
        return {run.outcomes[0].message for run in runs}


def test_a_coin_falls_anew_in_each_fork(tmp_path: Path) -> None:
    assert len(_draws(write(tmp_path, RANDOM), 0, 1)) == 4


def test_a_project_that_seeds_at_import_keeps_its_state(tmp_path: Path) -> None:
    seeding = {**RANDOM, "conftest.py": "import random\nrandom.seed(7)"}

    assert len(_draws(write(tmp_path, seeding), 0, 1)) == 1


@pytest.mark.parametrize(("seed", "different"), [("", 4), ("numpy.random.seed(7)", 1)])
def test_numpy_is_as_random_as_in_a_fresh_process(
    seed: str, different: int, tmp_path: Path
) -> None:
    pytest.importorskip("numpy", reason="there is no numpy to be random")
    project = write(
        tmp_path,
        {
            "test_it.py": f"""
                import numpy
                {seed}

                def test_draws():
                    assert False, numpy.random.rand()
                """
        },
    )

    assert len(_draws(project, 0, 1)) == different


def test_branches_go_on_with_the_random_state_of_their_stem(tmp_path: Path) -> None:
    with write(tmp_path, RANDOM).fork() as lab:
        first, second = ended(
            lab, ["test_it.py::test_draws"], *[["test_it.py::test_draws_again"]] * 2
        )

    assert seen(first) == seen(second)


FILES = """
    import sqlite3
    import tempfile
    from pathlib import Path
    import pytest

    @pytest.fixture(scope="session")
    def base(tmp_path_factory):
        folder = tmp_path_factory.mktemp("it")
        with sqlite3.connect(folder / "rows.sqlite3") as database:
            database.execute("create table rows (number)")
        (folder / "kept.txt").write_text("kept")
        (folder / "link").symlink_to("kept.txt")
        (folder / "below" / "deeper").mkdir(parents=True)
        (folder / "below" / "deeper" / "it.txt").write_text("deep")
        yield folder

    def test_begins(base):
        pass

    @pytest.mark.parametrize("time", range(3))
    def test_spoils(base, time, request):
        top = Path(tempfile.gettempdir())
        below = base.rglob("*")
        found = {str(path.relative_to(base)): path.is_dir() or path.read_bytes() for path in below}
        with sqlite3.connect(base / "rows.sqlite3") as database:
            (rows,) = database.execute("select count(*) from rows").fetchone()
            database.execute("insert into rows values (1)")
        others = [path.name for path in top.iterdir()], request.config.cache.get("seen", None)
        request.config.cache.set("seen", time)
        (top / "new").mkdir()
        (top / "new" / "it.txt").write_text("new")
        (base / "kept.txt").write_text("lost")
        (base / "link").unlink()
        (base / "link").symlink_to("nowhere")
        (base / "below" / "deeper" / "it.txt").unlink()
        (base / "below" / "deeper").rmdir()
        (base / "below" / "deeper").write_text("a file by now")
        assert False, (sorted(found.items()), rows, others)
    """


@pytest.mark.parametrize("stem", [(), ("test_it.py::test_begins",)], ids=["none", "a test"])
def test_each_ending_finds_the_files_as_the_stem_left_them(
    stem: tuple[str, ...], tmp_path: Path
) -> None:
    """Changed, removed and replaced ones put back, new ones gone, in the temporary folder and in pytest's cache."""
    endings = [[f"test_it.py::test_spoils[{time}]"] for time in range(3)]
    with write(tmp_path, {"test_it.py": FILES}).fork() as lab:
        messages = {run.outcomes[0].message for run in ended(lab, stem, *endings)}

    assert len(messages) == 1
    assert "'kept.txt', b'kept'" in messages.pop()


def test_behind_files_that_cannot_be_put_back_each_ending_has_a_stem_of_its_own(
    tmp_path: Path,
) -> None:
    suite = """
        import os, tempfile
        def test_begins(): os.mkfifo(os.path.join(tempfile.gettempdir(), "pipe"))
        def test_a(): os.unlink(os.path.join(tempfile.gettempdir(), "pipe"))
        def test_b(): os.unlink(os.path.join(tempfile.gettempdir(), "pipe"))
        """
    with write(tmp_path, {"test_it.py": suite}).fork() as lab:
        runs = ended(
            lab, ["test_it.py::test_begins"], ["test_it.py::test_a"], ["test_it.py::test_b"]
        )

    assert [str(run.outcomes[0].status) for run in runs] == ["passed", "passed"]


def test_short_runs_begin_as_if_each_were_forked_by_itself(tmp_path: Path) -> None:
    """They share the way to where they begin: a coin falls anew all the same, and no file is left to the next."""
    suite = """
        import os, random, tempfile

        def test_it(tmp_path):
            top = tempfile.gettempdir()
            left = [name for name in os.listdir(top) if name != "pytest"]
            open(os.path.join(top, "left"), "w").close()
            assert False, (str(tmp_path).replace(top, ""), left, random.random())
        """
    with write(tmp_path, {"test_it.py": suite}).fork(jobs=1) as lab:
        each = experiment(lab.collected)
        found = [run.outcomes[0].message for run in lab.run([each] * 5)]

    assert len(set(found)) == 5
    assert len({message.rpartition(", ")[0] for message in found}) == 1
    assert "test_it0', []" in found[0]


def test_a_short_run_that_kills_what_it_was_forked_from_takes_no_other_with_it(
    tmp_path: Path,
) -> None:
    """By itself it kills what has collected, and the laboratory says so."""
    suite = """
        import os, signal
        def test_a(): pass
        def test_kills(): os.kill(os.getppid(), signal.SIGKILL)
        def test_z(): pass
        """
    found: list[str] = []
    with write(tmp_path, {"test_it.py": suite}).fork(jobs=1) as lab:
        first, kills, last = ([test] for test in lab.collected)
        runs = lab.run([experiment(each) for each in (first, last, kills)])
        with pytest.raises(ForkUnsafeError, match="had collected ended"):
            found.extend(str(run.outcomes[0].status) for run in runs)

    assert found == ["passed", "passed"]


def test_each_hash_seed_has_its_own_collection(tmp_path: Path) -> None:
    """Tests parametrised from a set come in another order, and one of them only under one seed."""
    project = write(
        tmp_path,
        {
            "test_it.py": """
                import os
                import pytest

                ONLY = "only" + os.environ["PYTHONHASHSEED"]

                @pytest.mark.parametrize("word", {"apple", "pear", "plum", "fig", ONLY})
                def test_word(word):
                    pass
                """
        },
    )
    with project.fork(1, 2) as lab:
        one, two = (ran(lab, hash_seed=seed) for seed in (1, 2))
        crossed = ran(lab, *one.collected, hash_seed=2)

    assert sorted(one.collected)[:2] == sorted(two.collected)[:2]
    assert one.collected != two.collected
    assert [each for each in one.collected if "only" not in each] == list(crossed.order)


@pytest.mark.parametrize(
    ("source", "sentence"),
    [
        (
            """
            import threading
            threading.Thread(target=threading.Event().wait, name="ticker", daemon=True).start()
            def test_it(): pass
            """,
            "threads are running once the tests are collected \\(ticker\\)",
        ),
        (
            """
            import socket
            OPEN = socket.create_server(("127.0.0.1", 0))
            def test_it(): pass
            """,
            "network connections are open",
        ),
        ("import nothing_of_that_name", "collection has errors"),
        ("", "no tests were collected"),
        ("import os; os._exit(3)", "could not be collected once"),
    ],
    ids=["threads", "connections", "collection errors", "no tests", "death"],
)
def test_what_cannot_be_forked_says_why(source: str, sentence: str, tmp_path: Path) -> None:
    project = write(tmp_path, {"test_it.py": source})

    with pytest.raises(ForkUnsafeError, match=sentence), project.fork():
        pass


def test_plugins_that_distort_are_quiet_in_the_template_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor do they write their reports."""
    options = "-x --reruns 2 -n 2 --cov=. --junitxml=junit.xml"
    monkeypatch.delenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD")
    project = write(
        tmp_path,
        {
            "pytest.ini": f"[pytest]\naddopts = {options}\nlog_file = live.log\nlog_file_level = INFO",
            "test_it.py": """
                import logging

                def test_a(): assert False
                def test_b(benchmark): benchmark(lambda: logging.getLogger().warning("heard"))
                def test_c(): pass
                """,
        },
    )
    with project.fork() as lab:
        run = ran(lab)
        written = {path.name for path in project.rootdir.iterdir()}

    assert list(statuses(run).values()) == ["failed", "passed", "passed"]
    assert written <= {"pytest.ini", "test_it.py", "__pycache__", ".benchmarks"}


@pytest.mark.parametrize(
    ("files", "arguments"),
    [
        (
            {
                "tests/test_it.py": "def test_it(): pass",
                "tests/sub/test_it.py": "def test_x(): pass",
            },
            ("--import-mode=importlib",),
        ),
        (
            {
                "pytest.ini": "[pytest]\npythonpath = src",
                "src/thing/__init__.py": "X = 1",
                "tests/test_it.py": "import thing\ndef test_it(): assert thing.X",
            },
            (),
        ),
        (
            {
                "conftest.py": "import pytest\n@pytest.fixture\ndef one(): return 1",
                "inner/deep/test_it.py": "def test_it(one): assert one",
            },
            ("inner/deep",),
        ),
        (
            {"test_it.py": "def test_it(): pass"},
            ("-s", "-p", "no:logging", "-p", "no:cacheprovider"),
        ),
    ],
    ids=["importlib", "src layout", "sub-folder", "without plugins"],
)
def test_any_layout_can_be_forked(
    files: dict[str, str], arguments: tuple[str, ...], tmp_path: Path
) -> None:
    project = write(tmp_path, files, *arguments)
    with project.fork() as lab:
        run = ran(lab)

    assert set(statuses(run).values()) == {"passed"}


def test_a_test_that_asks_for_the_end_of_the_run_gets_it(tmp_path: Path) -> None:
    project = write(
        tmp_path,
        {"test_it.py": "def test_a(request): request.session.shouldstop = 'x'\ndef test_b(): pass"},
    )
    with project.fork() as lab:
        forked = ran(lab)

    (fresh,) = project.fresh(None)
    assert (seen(forked), forked.exit_status) == (seen(fresh), fresh.exit_status)
