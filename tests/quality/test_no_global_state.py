"""No module of `backend` makes anything at import that could change afterwards."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.quality import import_audit

ROOT = Path(__file__).parents[2]
BACKEND = ROOT / "backend"
ENTRY_POINT = BACKEND / "__main__.py"


def sources() -> dict[str, str]:
    return {
        str(path.relative_to(ROOT)): path.read_text(encoding="utf-8")
        for path in sorted(BACKEND.rglob("*.py"))
    }


@pytest.mark.slow
def test_importing_every_module_with_an_empty_environment_makes_nothing_mutable() -> None:
    audit = str(Path(import_audit.__file__))
    # Windows starts no process without SYSTEMROOT; elsewhere the environment is empty.
    environment = {name: os.environ[name] for name in ("SYSTEMROOT",) if name in os.environ}
    done = subprocess.run(
        [sys.executable, "-I", audit, str(ROOT), "backend"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == ""
    report = json.loads(done.stdout)
    assert len(report) == len(sources())
    assert {name: complaints for name, complaints in report.items() if complaints} == {}


def test_no_source_calls_caches_or_makes_anything_mutable_at_import() -> None:
    found = {name: import_audit.import_time_actions(source) for name, source in sources().items()}
    assert {name: actions for name, actions in found.items() if actions} == {}


def test_only_the_entry_point_reads_the_environment() -> None:
    readers = {name for name, source in sources().items() if import_audit.environment_uses(source)}
    assert readers <= {str(ENTRY_POINT.relative_to(ROOT))}


MUTABLE = {
    "list": "made = []",
    "dict": "made = {}",
    "set": "made = {1}",
    "bytearray": "made = bytearray(1)",
    "list in a tuple": "made = ([], 1)",
    "lock": "import threading; made = threading.Lock()",
    "logger": "import logging; made = logging.getLogger('x')",
    "context variable": "import contextvars; made = contextvars.ContextVar('x')",
    "namespace": "import types; made = types.SimpleNamespace()",
    "list behind a proxy": "import types; made = types.MappingProxyType({'a': []})",
    "cache": "import functools; made = functools.cache(len)",
    "cached method": "import functools\nclass made:\n    @functools.cache\n    def f(self): pass",
    "tables": "import sqlalchemy; made = sqlalchemy.MetaData()",
    "engine": "import sqlalchemy; made = sqlalchemy.create_engine('sqlite://')",
    "app": "import fastapi; made = fastapi.FastAPI()",
    "router": "import fastapi; made = fastapi.APIRouter()",
    "default": "def made(seen=[]): pass",
    "keyword default": "def made(*, seen={}): pass",
    "attribute of a function": "def made(): pass\nmade.seen = {}",
    "attribute of a class": "class made:\n    seen = []",
    "default of a method": "class made:\n    @staticmethod\n    def of(seen={}): pass",
    "closure": (
        "def outer():\n    seen = {}\n    def inner(): return seen\n    return inner\n"
        "made = outer()"
    ),
    "open dataclass": (
        "import dataclasses\n@dataclasses.dataclass\nclass Point:\n    x: int\nmade = Point(1)"
    ),
}

UNCHANGING = {
    "plain values": "made = (1, 'two', b'3', None, frozenset({4.0}), 1 + 2j, range(3))",
    "proxy": "import types; made = types.MappingProxyType({'a': (1, 2)})",
    "pattern": "import re; made = re.compile('x')",
    "duration": "import datetime; made = datetime.timedelta(days=1)",
    "enum": "import enum; made = enum.Enum('made', ('A', 'B'))",
    "type words": (
        "from typing import Annotated, NewType\n"
        "made = (Annotated[int, 1], NewType('N', int), str | None)"
    ),
    "function": "def made(limit=3, *, names=('a',)): pass",
    "decorated function": "import contextlib\n@contextlib.contextmanager\ndef made(): yield",
    "frozen dataclass": (
        "import dataclasses\n@dataclasses.dataclass(frozen=True, slots=True)\n"
        "class Point:\n    x: int = 0\nmade = Point(1)"
    ),
    "class": (
        "class made:\n    @property\n    def x(self): return 1\n"
        "    @classmethod\n    def y(cls): pass"
    ),
}


def complaints_about(source: str) -> list[str]:
    values: dict[str, object] = {}
    exec(source, values)  # noqa: S102 - the specimens are those above
    return import_audit.mutable_values(values, source)


@pytest.mark.parametrize("kind", MUTABLE)
def test_a_mutable_value_is_noticed(kind: str) -> None:
    assert any(found.startswith("made") for found in complaints_about(MUTABLE[kind]))


@pytest.mark.parametrize("kind", UNCHANGING)
def test_an_unchanging_value_is_no_complaint(kind: str) -> None:
    assert complaints_about(UNCHANGING[kind]) == []


TELLING = {
    "app": ("app = FastAPI()", "line 1: calls FastAPI"),
    "second line": ("x = 1\nengine = create_engine('sqlite://')", "line 2: calls create_engine"),
    "settings": ("s: Settings = read_settings(os.environ)", "line 1: calls read_settings"),
    "dotted": ("LOG = logging.getLogger(__name__)", "line 1: calls logging.getLogger"),
    "bare call": ("register()", "line 1: calls register"),
    "in a generator": ("NAMES = sorted(load(x) for x in (1, 2))", "line 1: calls load"),
    "under if": ("if True:\n    lock = Lock()", "line 2: calls Lock"),
    "under finally": ("try:\n    pass\nfinally:\n    lock = Lock()", "line 4: calls Lock"),
    "in a class": ("class A:\n    lock = Lock()", "line 2: calls Lock"),
    "default of a method": ("class A:\n    def f(self, x=Lock()): pass", "line 2: calls Lock"),
    "default": ("def f(lock=Lock()): pass", "line 1: calls Lock"),
    "decorator": ("@register('f')\ndef f(): pass", "line 1: calls register"),
    "default of a lambda": ("f = lambda lock=Lock(): lock", "line 1: calls Lock"),
    "else of type checking": (
        "if TYPE_CHECKING:\n    pass\nelse:\n    lock = Lock()",
        "line 4: calls Lock",
    ),
    "list": ("seen = []", "line 1: makes []"),
    "annotated dict": ("seen: dict[str, int] = {}", "line 1: makes {}"),
    "set in a tuple": ("seen = ({1}, 2)", "line 1: makes {1}"),
    "comprehension": ("seen = [x for x in (1, 2)]", "line 1: makes [x for x in (1, 2)]"),
    "dict in a class": ("class A:\n    seen = {}", "line 2: makes {}"),
    "list as a default": ("def f(seen=[]): pass", "line 1: makes []"),
    "cache": ("@cache\ndef f(): pass", "line 1: caches with cache"),
    "dotted cache": (
        "@functools.lru_cache(maxsize=8)\ndef f(): pass",
        "line 1: caches with functools.lru_cache",
    ),
    "cache in a function": (
        "def f():\n    return functools.cache(g)",
        "line 2: caches with functools.cache",
    ),
    "global": ("def f():\n    global seen\n    seen = 1", "line 2: rebinds the global seen"),
}

SILENT = {
    "duration": "LIMIT = timedelta(minutes=5)",
    "pattern": "NAME = re.compile('[a-z]+')",
    "frozen set": "KINDS = frozenset({'a', 'b'})",
    "proxy": "NAMES = MappingProxyType({'a': 1})",
    "type alias": "Handler = Callable[[int, str], None]",
    "dataclass": "@dataclass(frozen=True)\nclass A:\n    x: str = field(default='')",
    "function": "def f():\n    seen = {}\n    return Lock()",
    "method": "class A:\n    def f(self):\n        return [Lock()]",
    "lambda": "make = lambda: Lock()",
    "type checking": "if TYPE_CHECKING:\n    register()",
    "program": "if __name__ == '__main__':\n    sys.exit(main())",
}

READING = {
    "mapping": "key = os.environ['KEY']",
    "function": "def f():\n    return os.getenv('KEY')",
    "import": "from os import environ",
}


@pytest.mark.parametrize("kind", TELLING)
def test_the_source_tells_what_import_does(kind: str) -> None:
    source, complaint = TELLING[kind]
    assert complaint in import_audit.import_time_actions(source)


@pytest.mark.parametrize("kind", SILENT)
def test_what_import_does_not_do_is_no_complaint(kind: str) -> None:
    assert import_audit.import_time_actions(SILENT[kind]) == []


@pytest.mark.parametrize("kind", READING)
def test_a_look_at_the_environment_is_noticed(kind: str) -> None:
    assert len(import_audit.environment_uses(READING[kind])) == 1


def test_a_package_in_bad_order_is_found_by_importing_it(tmp_path: Path) -> None:
    """The whole way once: a package on disk, its own process, its complaints."""
    package = tmp_path / "specimen"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "app.py").write_text("CACHE = {}\nLIMIT = 3\n", encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-I", str(import_audit.__file__), str(tmp_path), "specimen"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(done.stdout) == {"specimen": [], "specimen.app": ["CACHE is a dict"]}
