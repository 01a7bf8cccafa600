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


def advice_for_condition(category: str) -> Advice:
    """Give the advice for a test that minds what is around it: it takes for granted what it had better set up."""
    return _advice_for_conditions().get(category, _advice_for_conditions()["global"])


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


def _advice_for_conditions() -> Mapping[str, Advice]:
    return {
        "timezone": Advice(
            "time zone",
            "name the time zone wherever a time is made, and compare times that carry one",
            (
                "now = datetime.now(UTC)  # not datetime.now(), nor date.today()",
                'local = now.astimezone(ZoneInfo("Asia/Kolkata"))  # the zone that is meant, not the machine\'s',
            ),
        ),
        "clock": Advice(
            "date",
            "pass the time in, and give it a fixed one in the test",
            (
                "def is_due(invoice, now): ...  # not datetime.now() inside",
                "",
                "def test_it():",
                "    assert is_due(invoice, now=datetime(2024, 2, 29, tzinfo=UTC))",
            ),
        ),
        "locale": Advice(
            "locale",
            "name the encoding and the format, or set the locale that the test is about",
            (
                'path.read_text(encoding="utf-8")',
                'subprocess.run(command, env={**os.environ, "LC_ALL": "C.UTF-8"})',
            ),
        ),
        "network": Advice(
            "network",
            "talk to a server of the test's own on 127.0.0.1, or pass a client in that answers by itself",
            (
                "@pytest.fixture",
                "def server():",
                '    with serve("127.0.0.1", 0) as server:',
                "        yield server",
            ),
        ),
        "cwd": Advice(
            "current directory",
            "find files from where the test's own file is, or go where it needs to be",
            (
                "DATA = Path(__file__).parent / 'data'",
                "",
                "def test_it(monkeypatch, tmp_path):",
                "    monkeypatch.chdir(tmp_path)",
            ),
        ),
        "descriptors": Advice(
            "open files",
            "close what is opened, and open less at a time",
            (
                "with path.open() as file:",
                "    ...",
            ),
        ),
        "cpu": Advice(
            "CPUs",
            "wait for what is to happen rather than for a time, and ask for no number of CPUs",
            (
                "ready = threading.Event()",
                "assert ready.wait(timeout=10)  # not time.sleep(0.1)",
            ),
        ),
        "global": Advice(
            "surroundings",
            "set up in the test what it takes for granted",
            (
                "def test_it(monkeypatch):",
                '    monkeypatch.setenv("NAME", "value")',
            ),
        ),
    }
