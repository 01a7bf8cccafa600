"""What files of the tests leave behind by being imported, told by a fresh process that collects them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from laboratory import Project, experiment, write

from shakeproof.lab.fresh import FreshLab
from shakeproof.model import ImportLook

if TYPE_CHECKING:
    from shakeproof.model import Run

pytestmark = pytest.mark.usefixtures("no_outer_run")

LIBRARY = """
    import logging, os, sys, warnings

    os.environ["LIBRARY_HOME"] = "/opt"
    sys.path.append("/opt")
    logging.getLogger("library").setLevel(logging.ERROR)
    warnings.simplefilter("ignore")
    """
TEST = "\ndef test_it(): ..."


def collected(project: Project, look: ImportLook | None = None) -> Run:
    """Collect in a fresh process that looks at what imports change, and run what was collected."""
    lab = FreshLab(project.target(), project.logs, lambda *_: None)
    (run,) = lab.run([replace(experiment(), imports=look or ImportLook())])
    assert run.collected, run.log.read_text(encoding="utf-8")
    assert not run.collection_errors
    return run


def settings(path: str) -> dict[str, str]:
    """Write the settings that put folders on the import path, for good."""
    return {"pytest.ini": f"[pytest]\npythonpath = {path}"}


def left(project: Project, look: ImportLook | None = None) -> set[tuple[str, str, str]]:
    """Say which files left what, each piece by its category and key."""
    return {(each.by, each.category, each.key) for each in collected(project, look).left}


@pytest.mark.parametrize("mode", ["prepend", "append", "importlib"])
def test_what_a_file_changes_on_import_is_put_down_to_it(tmp_path: Path, mode: str) -> None:
    files = {
        **settings("."),
        "app.py": "MODE = 'safe'\nTABLE = {}",
        "conftest.py": "import os\nos.environ['FROM_CONFTEST'] = '1'",
        "sub/__init__.py": "",
        "sub/conftest.py": "import sys\nsys.path.append('/from-sub')",
        "sub/test_b.py": "import app\napp.MODE = 'fast'\napp.TABLE['it'] = 1" + TEST,
        "test_a.py": """
            import logging
            import app
            logging.getLogger("app").setLevel("DEBUG")
            OWN = {"key": "value"}
            OWN["other"] = 1
            def test_it(): ...
            """,
        "test_c.py": "import os\nos.chdir('/')" + TEST,
    }
    project = write(tmp_path, files, f"--import-mode={mode}")

    assert left(project) == {
        ("conftest.py", "environment", "FROM_CONFTEST"),
        ("sub/conftest.py", "import", "sys.path"),
        ("sub/test_b.py", "global", "app.MODE"),
        ("sub/test_b.py", "global", "app.TABLE['it']"),
        ("test_a.py", "logging", "app.level"),
        ("test_c.py", "cwd", "cwd"),
    }


@pytest.mark.parametrize("mode", ["prepend", "append", "importlib"])
def test_files_that_only_import_leave_nothing(tmp_path: Path, mode: str) -> None:
    """Neither what libraries do when they are loaded, nor modules that enter themselves, nor what pytest does."""
    files = {
        **settings(". site-packages"),
        "site-packages/library/__init__.py": LIBRARY,
        "site-packages/library/part.py": LIBRARY.replace("LIBRARY", "PART"),
        "app/__init__.py": "REGISTRY = []\nimport functools\n@functools.cache\ndef get(): return 1",
        "app/models.py": "import app\napp.REGISTRY.append('models')\nVALUE = app.get()",
        "tests/__init__.py": "",
        "tests/conftest.py": "import pytest\n@pytest.fixture\ndef it(): return 1",
        "tests/sub/conftest.py": "import library",
        "tests/sub/test_a.py": "import app, decimal\nfrom app import models\nROWS = [1]\nROWS.append(2)"
        + TEST,
        "tests/test_b.py": "from library import part\nfrom app.models import VALUE\nfrom tests import test_c"
        + TEST,
        "tests/test_c.py": "class TestIt:\n    ROWS = []\n    def test_it(self): ...",
    }
    project = write(tmp_path, files, f"--import-mode={mode}")

    assert left(project) == set()


def test_what_is_gone_before_the_first_test_is_not_left(tmp_path: Path) -> None:
    """Warning filters set on import are undone by pytest, and what a file puts back itself is in order."""
    text = """
        import os, warnings
        warnings.simplefilter("ignore")
        os.environ["FOR_A_MOMENT"] = "1"
        import decimal
        del os.environ["FOR_A_MOMENT"]
        """
    later = (
        "import os\nos.environ['FOR_LONGER'] = '1'" + TEST,
        "import os\ndel os.environ['FOR_LONGER']" + TEST,
    )
    files = {
        "test_a.py": text.replace("        ", "") + TEST,
        "test_b.py": later[0],
        "test_c.py": later[1],
    }

    assert left(write(tmp_path, files)) == set()


def test_what_pytest_undoes_is_not_put_down_to_a_file_where_a_hook_does_the_same(
    tmp_path: Path,
) -> None:
    """The filters that hold when the tests begin are then not those of the beginning, and still not the file's."""
    files = {
        "conftest.py": "import warnings\ndef pytest_configure(): warnings.simplefilter('always')",
        "test_a.py": "import warnings\nwarnings.simplefilter('ignore')" + TEST,
    }

    assert left(write(tmp_path, files)) == set()


def test_a_stand_in_for_a_module_is_left(tmp_path: Path) -> None:
    text = """
        import sys, types
        from unittest import mock
        sys.modules["board"] = mock.MagicMock()
        sys.modules["radio"] = types.ModuleType("radio")
        def test_it(): ...
        """

    assert left(write(tmp_path, {"test_a.py": text})) == {
        ("test_a.py", "import", "board"),
        ("test_a.py", "import", "radio"),
    }


def test_a_plugin_of_the_project_is_its_conftests_business(tmp_path: Path) -> None:
    files = {
        "conftest.py": "pytest_plugins = ['plugin']",
        "plugin.py": "import os\nos.environ['FROM_PLUGIN'] = '1'",
        "test_a.py": TEST,
    }

    assert left(write(tmp_path, files)) == {("conftest.py", "environment", "FROM_PLUGIN")}


def test_settings_cached_on_import_are_left(tmp_path: Path) -> None:
    files = {
        **settings("."),
        "app.py": "import functools\n@functools.cache\ndef get_settings(): return object()",
        "test_a.py": "import app\nSETTINGS = app.get_settings()" + TEST,
    }

    assert left(write(tmp_path, files)) == {("test_a.py", "settings", "app.get_settings()")}


@pytest.mark.parametrize("mode", ["prepend", "importlib"])
def test_a_piece_is_put_back_right_after_the_import_of_its_file(tmp_path: Path, mode: str) -> None:
    """And nothing else: what the next file sees, and the tests, is as if that had not been done."""
    files = {
        **settings("."),
        "app.py": "MODE = 'safe'",
        "test_a.py": "import os, app\nos.environ['A_MODE'] = 'fast'\nos.environ['B_MODE'] = 'fast'\napp.MODE = 'fast'",
        "test_b.py": """
            import os, app
            SEEN = [os.environ.get("A_MODE"), os.environ.get("B_MODE"), app.MODE]
            def test_it():
                assert SEEN == [None, "fast", "safe"]
            """,
    }
    project = write(tmp_path, files, f"--import-mode={mode}")
    pieces = (("test_a.py", "environment", "A_MODE"), ("test_a.py", "globals", "app.MODE"))

    run = collected(project, ImportLook(thorough=True, put_back=pieces))

    assert run.came_through("test_b.py::test_it") is True, Path(run.log).read_text(encoding="utf-8")


def test_a_thorough_look_tells_what_libraries_change_as_well(tmp_path: Path) -> None:
    files = {
        **settings("site-packages"),
        "site-packages/library.py": LIBRARY,
        "test_a.py": "import library" + TEST,
    }
    project = write(tmp_path, files)

    found = left(project, ImportLook(thorough=True))

    assert ("test_a.py", "environment", "LIBRARY_HOME") in found


def test_a_file_that_cannot_be_imported_fails_as_it_does_without_a_look(tmp_path: Path) -> None:
    project = write(
        tmp_path, {"test_a.py": "import os\nos.environ['X'] = '1'\nimport no_such_module" + TEST}
    )
    lab = FreshLab(project.target(), project.logs, lambda *_: None)

    errors = [
        run.collection_errors
        for look in (None, ImportLook())
        for run in lab.run([replace(experiment(), imports=look)])
    ]

    assert "No module named 'no_such_module'" in errors[1][0]
    assert len(errors[0]) == len(errors[1])
