"""How a leak is mended, by category."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shakeproof.report.advice.idiom import Advice

if TYPE_CHECKING:
    from collections.abc import Mapping


def categories() -> tuple[str, ...]:
    """List the categories, as the contract has them."""
    return tuple(_advice())


def advice_for(category: str) -> Advice:
    """Give the advice; for a category that is not known, what holds for all."""
    return _advice().get(category, _advice()["global"])


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
