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
    why: str  # why it matters that it stays changed, for somebody who has never met such a leak
    short: str  # what to use instead
    lines: tuple[str, ...]  # the fix, as code or as plain words


def categories() -> tuple[str, ...]:
    """List the categories, as the contract has them."""
    return tuple(_advice())


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


def advice_for_condition(category: str) -> Advice:
    """Give the advice for a test that minds what is around it: it takes for granted what it had better set up."""
    return _advice_for_conditions().get(category, _advice_for_conditions()["global"])


def _advice() -> Mapping[str, Advice]:
    return {
        "environment": Advice(
            "environment variable",
            "variables belong to the whole process: what one test sets, all later ones read",
            "use monkeypatch.setenv or monkeypatch.delenv",
            (
                "def test_it(monkeypatch):",
                '    monkeypatch.setenv("NAME", "value")  # undone when the test ends',
            ),
        ),
        "settings": Advice(
            "settings",
            "whoever asks first decides for all later tests which settings they get",
            "build settings in a fixture and pass them in, or empty their cache after the test with cache_clear()",
            (
                "@pytest.fixture",
                "def settings():",
                "    yield Settings(...)  # its own for each test, which passes them in",
                "    get_settings.cache_clear()  # where the code keeps some as well",
            ),
        ),
        "cache": Advice(
            "cache",
            "a cache answers later tests with what it worked out for an earlier one",
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
            "rows that one test writes are there for all later ones",
            "give each test a database of its own under tmp_path",
            (
                "@pytest.fixture",
                "def database(tmp_path):",
                '    return shutil.copy(template, tmp_path / "it.sqlite3")  # migrated once, copied for each test',
            ),
        ),
        "global": Advice(
            "global",
            "a module or a class is there once for all tests: what one changes, all later ones find changed",
            "use monkeypatch.setattr or monkeypatch.setitem, or pass the object in",
            (
                "def test_it(monkeypatch):",
                '    monkeypatch.setattr(module, "NAME", value)',
                '    monkeypatch.setitem(module.TABLE, "key", value)',
            ),
        ),
        "import": Advice(
            "import state",
            "modules, and where they are looked for, are the same for all tests of a process",
            "use monkeypatch.syspath_prepend, or monkeypatch.setitem(sys.modules, ...)",
            (
                "def test_it(monkeypatch, tmp_path):",
                "    monkeypatch.syspath_prepend(tmp_path)",
                '    monkeypatch.delitem(sys.modules, "name", raising=False)',
            ),
        ),
        "cwd": Advice(
            "current directory",
            "once the current directory has changed, relative paths lead elsewhere for all later tests",
            "use monkeypatch.chdir",
            (
                "def test_it(monkeypatch, tmp_path):",
                "    monkeypatch.chdir(tmp_path)",
            ),
        ),
        "filesystem": Advice(
            "file",
            "a file that one test writes is there for all later ones",
            "write below tmp_path, and close what is opened",
            (
                "def test_it(tmp_path):",
                '    file = tmp_path / "it.txt"',
            ),
        ),
        "logging": Advice(
            "logging",
            "loggers belong to the whole process: a level, a handler or a switch stays as a test set it",
            "use caplog.set_level, or remove the handler in a fixture",
            (
                "def test_it(caplog):",
                '    caplog.set_level(logging.DEBUG, logger="app")  # undone when the test ends',
            ),
        ),
        "warnings": Advice(
            "warning filters",
            "the filters say for the whole process which warnings are shown, hidden or raised",
            "use warnings.catch_warnings or the filterwarnings mark",
            (
                '@pytest.mark.filterwarnings("ignore:old name:DeprecationWarning")',
                "def test_it(): ...",
            ),
        ),
        "random": Advice(
            "random numbers",
            "all tests draw from one generator: a seed that one sets fixes the numbers of all later ones",
            "use a random.Random of its own, with a seed",
            (
                "@pytest.fixture",
                "def chance():",
                "    return random.Random(1)  # the same numbers in every run, and nobody else's",
            ),
        ),
        "clock": Advice(
            "clock",
            "a clock that was replaced and not put back tells all later tests the wrong time",
            "pass a clock in, or stop the fake one in a fixture",
            (
                "@pytest.fixture",
                "def stopped():",
                '    with mock.patch("time.time", return_value=0.0):  # or time_machine.travel(when)',
                "        yield",
            ),
        ),
        "timezone": Advice(
            "time zone",
            "the time zone belongs to the whole process: all later tests read local times in it",
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
            "the locale belongs to the whole process: it decides how later tests format, sort and decode",
            "put it back in a fixture",
            (
                "@pytest.fixture",
                "def plain():",
                "    before = locale.setlocale(locale.LC_ALL)",
                '    locale.setlocale(locale.LC_ALL, "C")',
                "    yield",
                "    locale.setlocale(locale.LC_ALL, before)",
            ),
        ),
        "thread": Advice(
            "",
            "a thread that outlives its test goes on changing what later tests look at",
            "join what is started, and close the loop, before the test ends",
            (
                "@pytest.fixture",
                "def worker():",
                "    worker = Worker()",
                "    worker.start()",
                "    yield worker",
                "    worker.stop()",
                "    worker.join()",
            ),
        ),
        "network": Advice(
            "",
            "a socket that stays open keeps its port, and whoever was to answer may still do so",
            "close the socket in a fixture, and bind port 0",
            (
                "@pytest.fixture",
                "def server():",
                '    with socket.create_server(("127.0.0.1", 0)) as server:  # the system chooses a free port',
                "        yield server",
            ),
        ),
    }


def _advice_for_conditions() -> Mapping[str, Advice]:
    return {
        "timezone": Advice(
            "time zone",
            "the test holds in some places only: not for a colleague abroad, nor for a server that runs on UTC",
            "name the time zone wherever a time is made, and compare times that carry one",
            (
                "now = datetime.now(UTC)  # not datetime.now(), nor date.today()",
                'local = now.astimezone(ZoneInfo("Asia/Kolkata"))  # the zone that is meant, not the machine\'s',
            ),
        ),
        "clock": Advice(
            "date",
            "the test will fail one day though nobody has changed anything",
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
            "the test holds on machines that are set up alike",
            "name the encoding and the format, or set the locale that the test is about",
            (
                'path.read_text(encoding="utf-8")',
                'subprocess.run(command, env={**os.environ, "LC_ALL": "C.UTF-8"})',
            ),
        ),
        "network": Advice(
            "network",
            "the test fails whenever the other side is slow, down or changed, and nobody can run it on a train",
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
            "the test holds only where pytest is started in one folder: not from an editor, nor from the folder above",
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
            "files that are opened and not closed add up: with more tests, or on another system, there are none left",
            "close what is opened, and open less at a time",
            (
                "with path.open() as file:",
                "    ...",
            ),
        ),
        "cpu": Advice(
            "CPUs",
            "the test holds on a machine that does several things at once: not in a small container",
            "wait for what is to happen rather than for a time, and ask for no number of CPUs",
            (
                "ready = threading.Event()",
                "assert ready.wait(timeout=10)  # not time.sleep(0.1)",
            ),
        ),
        "global": Advice(
            "surroundings",
            "the test holds on machines like this one",
            "set up in the test what it takes for granted",
            (
                "def test_it(monkeypatch):",
                '    monkeypatch.setenv("NAME", "value")',
            ),
        ),
    }
