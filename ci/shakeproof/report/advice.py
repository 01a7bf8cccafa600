"""How a leak is mended, by category (pure): the idiom in a few words, and in a few lines."""

from __future__ import annotations

from dataclasses import dataclass, replace
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


def advice_on_import(category: str) -> Advice:
    """Give the advice for what a file of the tests does while it is imported: nothing undoes that."""
    usual = advice_for(category)
    short, *lines = _on_import().get(category, ("",))
    return replace(
        usual,
        short=short or f"do it in a fixture, not while the file is imported; {usual.short}",
        lines=tuple(lines) or usual.lines,
    )


def _on_import() -> Mapping[str, tuple[str, ...]]:
    """Say what to do instead, and then the lines, where that differs from what a test should do."""
    return {
        "environment": (
            "set it with monkeypatch.setenv in a fixture, not while the file is imported",
            "@pytest.fixture(autouse=True)",
            "def mode(monkeypatch):",
            '    monkeypatch.setenv("NAME", "value")  # not os.environ["NAME"] = "value" at the top of the file',
        ),
        "settings": (
            "build the settings in a fixture: read on import, they are those of the file that is imported first",
            "@pytest.fixture",
            "def settings():",
            "    return Settings(...)  # not settings = get_settings() at the top of the file",
        ),
        "cache": (
            "call it in a fixture or a test, not while the file is imported",
            "@pytest.fixture(autouse=True)",
            "def empty_cache():",
            "    compute.cache_clear()",
            "    yield",
            "    compute.cache_clear()",
        ),
        "global": (
            "set it with monkeypatch.setattr or monkeypatch.setitem in a fixture, not while the file is imported",
            "@pytest.fixture(autouse=True)",
            "def limit(monkeypatch):",
            '    monkeypatch.setattr(module, "NAME", value)  # not module.NAME = value at the top of the file',
        ),
        "import": (
            "name the folder under `pythonpath` in pytest's settings, or replace the module in a fixture",
            "@pytest.fixture",
            "def no_network(monkeypatch):",
            '    monkeypatch.setitem(sys.modules, "name", stand_in)',
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
