"""What each file does to the state while it is imported: the plugin in a run of this very process."""

from __future__ import annotations

import contextlib
import importlib
import logging
import os
import sys
import textwrap
import threading
from typing import TYPE_CHECKING

import pytest

from shakeproof.inject.shakeproof_state.imports import Imports
from shakeproof.inject.shakeproof_state.loading import Loading, is_of, is_stand_in
from shakeproof.inject.shakeproof_state.project import Project

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    Left = set[tuple[str, str, str]]
    Collect = Callable[..., Left]

LOGGER = "shakeproof.tests.imported"
SETTINGS = "[pytest]\npythonpath = . site-packages"
TEST = "\ndef test_it(): ..."
LIBRARY = f"""
    import logging, os
    os.environ["IMPORTED_LIBRARY"] = "/opt"
    logging.getLogger({LOGGER!r}).setLevel(logging.ERROR)
    """


@pytest.fixture
def collect(
    pytester: pytest.Pytester, no_outer_run: None, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Collect]:
    """Give a function that runs a project and says what its files left: by whom, category and key.

    What a file leaves in this process is taken away by other means.
    """
    del no_outer_run
    names = ("IMPORTED_A", "IMPORTED_B", "IMPORTED_LIBRARY")
    for name in names:
        monkeypatch.delenv(name, raising=False)

    def run(
        *arguments: str,
        files: Mapping[str, str],
        status: int = 0,
        thorough: bool = False,
        notes: list[object] | None = None,
        put_back: Mapping[str, Sequence[tuple[str, str]]] | None = None,
    ) -> Left:
        told: list[dict[str, object]] = []
        pytester.makeini(SETTINGS)
        for name, text in files.items():
            path = pytester.path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(textwrap.dedent(text), encoding="utf-8")
        plugin = Imports(told.append, thorough=thorough, put_back=put_back or {})
        quiet = ("-p", "no:cacheprovider", "-p", "no:randomly")
        assert pytester.inline_run(*quiet, *arguments, plugins=[plugin]).ret == status
        found = set()
        for line in told:
            assert line["event"] == "left"
            if notes is not None:
                notes.append(line.get("notes"))
            else:
                assert "notes" not in line
            changes = line["changes"]
            assert isinstance(changes, list)
            found |= {(str(line["test"]), each[0], each[1]) for each in changes}
        return found

    load = sys.modules["_frozen_importlib"]._find_and_load
    yield run
    assert sys.modules["_frozen_importlib"]._find_and_load is load
    for name in names:
        os.environ.pop(name, None)
    logging.root.manager.loggerDict.pop(LOGGER, None)


@pytest.mark.parametrize("mode", ["prepend", "append", "importlib"])
def test_what_a_file_changes_on_import_is_put_down_to_it(collect: Collect, mode: str) -> None:
    """Among them the first conftest.py, which is loaded before anything is collected."""
    files = {
        "app.py": "MODE = 'safe'\nTABLE = {}",
        "sub/__init__.py": "",
        "sub/conftest.py": "import os\nos.environ['IMPORTED_A'] = '1'",
        "sub/test_b.py": "import app\napp.MODE = 'fast'\napp.TABLE['it'] = 1" + TEST,
        "sub/test_a.py": f"""
            import logging
            import app
            logging.getLogger({LOGGER!r}).setLevel("DEBUG")
            OWN = {{"key": "value"}}
            OWN["other"] = 1
            def test_it(): ...
            """,
        "sub/test_c.py": "import os\nos.chdir('/')" + TEST,
    }

    assert collect(f"--import-mode={mode}", "sub", files=files) == {
        ("sub/conftest.py", "environment", "IMPORTED_A"),
        ("sub/test_b.py", "global", "app.MODE"),
        ("sub/test_b.py", "global", "app.TABLE['it']"),
        ("sub/test_a.py", "logging", f"{LOGGER}.level"),
        ("sub/test_c.py", "cwd", "cwd"),
    }


@pytest.mark.parametrize("mode", ["prepend", "importlib"])
def test_files_that_only_import_leave_nothing(collect: Collect, mode: str) -> None:
    """Neither what libraries do when they are loaded, nor modules that enter themselves."""
    files = {
        "site-packages/imported_library/__init__.py": LIBRARY,
        "site-packages/imported_library/part.py": LIBRARY,
        "app/__init__.py": "REGISTRY = []",
        "app/models.py": "import app\napp.REGISTRY.append('models')",
        "tests/__init__.py": "",
        "tests/sub/__init__.py": "",
        "tests/sub/conftest.py": "import imported_library",
        "tests/sub/test_a.py": "from app import models\nROWS = [1]\nROWS.append(2)" + TEST,
        "tests/test_b.py": "from imported_library import part\nfrom tests import test_c" + TEST,
        "tests/test_c.py": "class TestIt:\n    ROWS = []\n    def test_it(self): ...",
    }

    assert collect(f"--import-mode={mode}", files=files) == set()


def test_a_thorough_look_tells_what_libraries_change_as_well(collect: Collect) -> None:
    files = {
        "site-packages/imported_library.py": LIBRARY,
        "test_a.py": "import imported_library" + TEST,
    }

    assert collect(files=files, thorough=True) >= {
        ("test_a.py", "environment", "IMPORTED_LIBRARY"),
        ("test_a.py", "logging", f"{LOGGER}.level"),
    }


@pytest.mark.parametrize("mode", ["prepend", "importlib"])
def test_a_piece_is_put_back_right_after_the_import_of_its_file(
    collect: Collect, mode: str
) -> None:
    """And nothing else; what is not there to be put back, is passed over."""
    files = {
        "app.py": "MODE = 'safe'",
        "test_a.py": "import os, app\nos.environ.update(IMPORTED_A='1', IMPORTED_B='1')\napp.MODE = 'fast'",
        "test_b.py": """
            import os, app
            SEEN = [os.environ.get("IMPORTED_A"), os.environ.get("IMPORTED_B"), app.MODE]
            def test_it():
                assert SEEN == [None, "1", "safe"]
            """,
    }
    pieces = [("environment", "IMPORTED_A"), ("globals", "app.MODE"), ("globals", "app.GONE")]

    left = collect(f"--import-mode={mode}", files=files, put_back={"test_a.py": pieces})

    assert left == {("test_a.py", "environment", "IMPORTED_B")}


def test_a_piece_that_changes_again_is_told_once_and_from_its_first_state(
    collect: Collect,
) -> None:
    """Another module is loaded between the two."""
    files = {
        "app.py": "import os\nos.environ['IMPORTED_A'] = '2'",
        "test_a.py": "import os\nos.environ['IMPORTED_A'] = '1'\nimport app" + TEST,
    }

    assert collect(files=files) == {("test_a.py", "environment", "IMPORTED_A")}


def test_what_is_gone_before_the_first_test_is_not_left(collect: Collect) -> None:
    """What a file puts back itself, and what pytest undoes, is in order."""
    files = {
        "test_a.py": """
            import os, warnings
            warnings.simplefilter("ignore")
            os.environ["IMPORTED_A"] = "1"
            import colorsys
            del os.environ["IMPORTED_A"]
            def test_it(): ...
            """,
        "test_b.py": "import os\nos.environ['IMPORTED_B'] = '1'" + TEST,
        "test_c.py": "import os\ndel os.environ['IMPORTED_B']" + TEST,
    }

    assert collect(files=files) == set()


def test_a_stand_in_for_a_module_is_left(collect: Collect) -> None:
    text = """
        import sys, types
        from unittest import mock
        sys.modules["imported_board"] = mock.MagicMock()
        sys.modules["imported_radio"] = types.ModuleType("imported_radio")
        def test_it(): ...
        """

    assert collect(files={"test_a.py": text}) == {
        ("test_a.py", "import", "imported_board"),
        ("test_a.py", "import", "imported_radio"),
    }


def test_what_could_not_be_compared_is_told_as_well(collect: Collect) -> None:
    files = {
        "app.py": "import array\nBUFFER = array.array('b', [1])",
        "test_a.py": "import app" + TEST,
    }
    notes: list[object] = []

    assert collect(files=files, notes=notes) == set()

    assert "app.BUFFER (array.array)" in str(notes)


def test_a_conftest_that_cannot_be_imported_leaves_the_import_system_as_it_was(
    collect: Collect,
) -> None:
    files = {"sub/__init__.py": "", "sub/conftest.py": "import no_such_module"}

    assert collect("sub", files=files, status=pytest.ExitCode.USAGE_ERROR) == set()


def test_a_file_that_cannot_be_imported_leaves_the_import_system_as_it_was(
    collect: Collect,
) -> None:
    """The fixture sees to the second half of that."""
    files = {"test_a.py": "import no_such_module" + TEST}

    assert collect(files=files, status=pytest.ExitCode.INTERRUPTED) == set()


def test_what_another_thread_loads_is_not_heard_of() -> None:
    """Nobody knows for whom it does so."""
    heard: list[str] = []

    def around(name: str) -> contextlib.nullcontext[None]:
        heard.append(name)
        return contextlib.nullcontext()

    def load() -> None:
        importlib.import_module("shakeproof_tests_no_such_module")

    def load_in_vain() -> None:
        with contextlib.suppress(ImportError):
            load()

    loading = Loading(around)
    loading.begin()
    try:
        thread = threading.Thread(target=load_in_vain)
        thread.start()
        thread.join()
        assert heard == []
        load_in_vain()
    finally:
        loading.end()

    load_in_vain()
    assert heard == ["shakeproof_tests_no_such_module"]


def test_a_python_that_loads_in_another_way_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.delitem(sys.modules, "_frozen_importlib")
        loading = Loading(contextlib.nullcontext)

    loading.begin()
    loading.end()


@pytest.mark.parametrize(
    ("name", "lies"),
    [
        ("imported_app", "here"),
        ("imported_app.inner", "here"),
        ("imported_spaces.inner", "here"),
        ("colorsys", "elsewhere"),
        ("no_such_module", "elsewhere"),
    ],
)
def test_a_module_is_told_before_it_is_loaded_by_where_its_package_lies(
    name: str,
    lies: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (tmp_path / "imported_app").mkdir()
    (tmp_path / "imported_app" / "__init__.py").touch()
    (tmp_path / "imported_spaces").mkdir()
    monkeypatch.syspath_prepend(tmp_path)

    assert is_of(Project(str(tmp_path)), name) is (lies == "here")


def test_a_finder_that_fails_is_not_told_of_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who loads the module will hear of it."""

    def fail(_: str) -> object:
        raise ValueError

    monkeypatch.setattr(sys, "path_hooks", [fail])
    monkeypatch.syspath_prepend(tmp_path)

    assert not is_of(Project(str(tmp_path)), "no_such_module")


def test_what_is_gone_again_stands_in_for_nothing() -> None:
    assert not is_stand_in("no_such_module")
    assert not is_stand_in("os")
