"""How a leak is mended, by category (pure): the idiom in a few words, and in a few lines."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Advice:
    """What to do about one category of leaks."""

    noun: str  # what it is that changed, to be put before its key
    short: str  # what to use instead
    lines: tuple[str, ...]  # the fix, as code or as plain words


def advice_for(category: str) -> Advice:
    """Give the advice; for a category that is not known, what holds for all."""
    return _advice().get(category, _advice()["global"])


def overlap_advice(category: str) -> Advice:
    """Give the advice for what two tests use at the same time."""
    return _overlap_advice().get(category, _overlap_advice()["filesystem"])


def _overlap_advice() -> Mapping[str, Advice]:
    return {
        "filesystem": Advice(
            "file",
            "write below tmp_path, which each test has for itself",
            (
                "def test_it(tmp_path):",
                '    file = tmp_path / "it.txt"',
            ),
        ),
        "network": Advice(
            "port",
            "bind port 0, and ask the socket which port it was given",
            (
                "@pytest.fixture",
                "def server():",
                '    with serve("127.0.0.1", 0) as server:',
                "        yield server  # its port: server.socket.getsockname()[1]",
            ),
        ),
        "database": Advice(
            "database",
            "give each test a database below tmp_path, or each worker one of its own",
            (
                '@pytest.fixture(scope="session")',
                "def database(tmp_path_factory, worker_id):  # worker_id is pytest-xdist's",
                '    return tmp_path_factory.mktemp("data") / f"{worker_id}.sqlite3"',
            ),
        ),
    }


def _advice() -> Mapping[str, Advice]:
    return {
        "environment": Advice(
            "environment variable",
            "use monkeypatch.setenv or monkeypatch.delenv",
            (
                "def test_it(monkeypatch):",
                '    monkeypatch.setenv("NAME", "value")  # undone when the test ends',
            ),
        ),
        "settings": Advice(
            "settings",
            "build the settings in a fixture and pass them in",
            (
                "@pytest.fixture",
                "def settings():",
                "    return Settings(...)  # its own for each test; where a cache is kept: get_settings.cache_clear()",
            ),
        ),
        "cache": Advice(
            "cache",
            "clear it in a fixture, or give each test its own",
            (
                "@pytest.fixture(autouse=True)",
                "def empty_cache():",
                "    yield",
                "    compute.cache_clear()",
            ),
        ),
        "database": Advice(
            "database",
            "give each test a database of its own under tmp_path",
            (
                "@pytest.fixture",
                "def database(tmp_path):",
                '    return shutil.copy(template, tmp_path / "it.sqlite3")  # migrated once, copied for each test',
            ),
        ),
        "global": Advice(
            "global",
            "use monkeypatch.setattr or monkeypatch.setitem, or pass the object in",
            (
                "def test_it(monkeypatch):",
                '    monkeypatch.setattr(module, "NAME", value)',
                '    monkeypatch.setitem(module.TABLE, "key", value)',
            ),
        ),
        "import": Advice(
            "import state",
            "use monkeypatch.syspath_prepend, or monkeypatch.setitem(sys.modules, ...)",
            (
                "def test_it(monkeypatch, tmp_path):",
                "    monkeypatch.syspath_prepend(tmp_path)",
                '    monkeypatch.delitem(sys.modules, "name", raising=False)',
            ),
        ),
        "cwd": Advice(
            "current directory",
            "use monkeypatch.chdir",
            (
                "def test_it(monkeypatch, tmp_path):",
                "    monkeypatch.chdir(tmp_path)",
            ),
        ),
        "filesystem": Advice(
            "file",
            "write below tmp_path, and close what is opened",
            (
                "def test_it(tmp_path):",
                '    file = tmp_path / "it.txt"',
            ),
        ),
        "logging": Advice(
            "logging",
            "use caplog.set_level, or remove the handler in a fixture",
            (
                "def test_it(caplog):",
                '    caplog.set_level(logging.DEBUG, logger="app")  # undone when the test ends',
            ),
        ),
        "warnings": Advice(
            "warning filters",
            "use warnings.catch_warnings or the filterwarnings mark",
            (
                '@pytest.mark.filterwarnings("ignore:old name:DeprecationWarning")',
                "def test_it(): ...",
            ),
        ),
        "random": Advice(
            "random numbers",
            "use a random.Random of its own, with a seed",
            (
                "@pytest.fixture",
                "def chance():",
                "    return random.Random(1)",
            ),
        ),
        "clock": Advice(
            "clock",
            "pass a clock in, or stop the fake one in a fixture",
            (
                "@pytest.fixture",
                "def clock():",
                "    with time_machine.travel(when) as traveller:  # back to the present when the test ends",
                "        yield traveller",
            ),
        ),
        "timezone": Advice(
            "time zone",
            "set TZ with monkeypatch, and call time.tzset() again afterwards",
            (
                "@pytest.fixture",
                "def tokyo(monkeypatch):",
                "    with monkeypatch.context() as patch:",
                '        patch.setenv("TZ", "Asia/Tokyo")',
                "        time.tzset()",
                "        yield",
                "    time.tzset()",
            ),
        ),
        "locale": Advice(
            "locale",
            "put it back in a fixture",
            (
                "@pytest.fixture",
                "def german():",
                "    before = locale.setlocale(locale.LC_ALL)",
                '    locale.setlocale(locale.LC_ALL, "de_DE.UTF-8")',
                "    yield",
                "    locale.setlocale(locale.LC_ALL, before)",
            ),
        ),
        "thread": Advice(
            "",
            "join what is started, and close the loop, before the test ends",
            (
                "@pytest.fixture",
                "def worker():",
                "    worker = Worker()",
                "    yield worker",
                "    worker.stop()",
                "    worker.join()",
            ),
        ),
        "network": Advice(
            "",
            "close the socket in a fixture, and bind port 0",
            (
                "@pytest.fixture",
                "def server():",
                '    with serve("127.0.0.1", 0) as server:',
                "        yield server",
            ),
        ),
    }
