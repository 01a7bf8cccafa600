"""Probes of the process and the standard library: what was changed is told, and put back; looking changes nothing."""

from __future__ import annotations

import asyncio
import contextvars
import decimal
import locale
import logging
import os
import random
import signal
import socket
import sys
import threading
import time
import types
import warnings
from typing import TYPE_CHECKING

import pytest

from shakeproof.inject.shakeproof_state.libraries import (
    Defaults,
    ImportPath,
    Logging,
    Modules,
    Randomness,
    Warnings,
)
from shakeproof.inject.shakeproof_state.observer import Observer
from shakeproof.inject.shakeproof_state.process import (
    Environment,
    FileMode,
    Interpreter,
    Locale,
    TimeZone,
    WorkingFolder,
)
from shakeproof.inject.shakeproof_state.running import Descriptors, Threads

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from shakeproof.inject.shakeproof_state.protocol import Change, Probe

linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux tells it")


@pytest.fixture(autouse=True)
def _undisturbed(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Put back by other means what the tests here change, so that a probe that fails to leaves nothing behind."""
    for module in (sys, threading):
        for name in ("argv", "path", "excepthook", "displayhook", "dont_write_bytecode"):
            if hasattr(module, name):
                monkeypatch.setattr(module, name, getattr(module, name))
    monkeypatch.setattr(sys, "path", sys.path.copy())
    monkeypatch.setattr(sys, "argv", sys.argv.copy())
    monkeypatch.setenv("TZ", os.environ.get("TZ", "UTC"))
    folder, umask = os.getcwd(), os.umask(0)  # noqa: PTH109
    os.umask(umask)
    handler, limit = signal.getsignal(signal.SIGUSR1), sys.getrecursionlimit()
    state, disabled, numeric = (
        random.getstate(),
        logging.root.manager.disable,
        locale.setlocale(locale.LC_NUMERIC),
    )
    with warnings.catch_warnings():
        yield
    os.chdir(folder)
    os.umask(umask)
    signal.signal(signal.SIGUSR1, handler)
    sys.setrecursionlimit(limit)
    random.setstate(state)
    logging.disable(disabled)
    locale.setlocale(locale.LC_NUMERIC, numeric)
    monkeypatch.undo()
    time.tzset()


def change_of(probe: Probe, act: Callable[[], object]) -> list[Change]:
    """List what is told of an act, see that nothing was told before, and put back what can be."""
    before = probe.look()
    assert not list(probe.changes(before, probe.look()))
    act()
    found = list(probe.changes(before, probe.look()))
    for each in found:
        if each.can_put_back:
            probe.put_back(before, each.key)
    if all(each.can_put_back for each in found):
        assert not list(probe.changes(before, probe.look()))
    return found


def test_environment_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STATE_OLD", "1")
    monkeypatch.setenv("STATE_GONE", "1")

    def act() -> None:
        os.environ.update(STATE_OLD="2", STATE_NEW="ü", PYTEST_CURRENT_TEST="another")
        del os.environ["STATE_GONE"]

    assert sorted(each[:4] for each in change_of(Environment(), act)) == [
        ("environment", "STATE_GONE", "'1'", None),
        ("environment", "STATE_NEW", None, "'ü'"),
        ("environment", "STATE_OLD", "'1'", "'2'"),
    ]


def test_an_environment_that_was_replaced_by_a_dictionary(monkeypatch: pytest.MonkeyPatch) -> None:
    found = change_of(
        Environment(), lambda: monkeypatch.setattr(os, "environ", {**os.environ, "STATE_NEW": "1"})
    )

    assert [each[:4] for each in found] == [("environment", "STATE_NEW", None, "'1'")]


def test_the_time_zone_follows_its_variable_when_it_is_put_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    observer = Observer([Environment(), TimeZone()])
    before = observer.look()
    os.environ["TZ"] = "Asia/Tokyo"
    time.tzset()

    found = observer.changes(before, observer.look())
    observer.put_back(before, [("environment", "TZ")])

    assert [(each.category, each.probe, each.key) for each in found] == [
        ("environment", "environment", "TZ"),
        ("timezone", "timezone", "time.tzname"),
    ]
    assert not observer.changes(before, observer.look())


def test_the_working_folder(tmp_path: Path) -> None:
    here = os.getcwd()  # noqa: PTH109

    assert [each[:4] for each in change_of(WorkingFolder(), lambda: os.chdir(tmp_path))] == [
        ("cwd", "cwd", repr(here), repr(str(tmp_path)))
    ]


def test_a_working_folder_that_was_removed(tmp_path: Path) -> None:
    folder = tmp_path / "gone"
    folder.mkdir()

    def act() -> None:
        os.chdir(folder)
        folder.rmdir()

    assert [each.after for each in change_of(WorkingFolder(), act)] == [
        "'a folder that was removed'"
    ]


@linux
def test_the_umask() -> None:
    os.umask(0o022)

    assert [each[:4] for each in change_of(FileMode(), lambda: os.umask(0o077))] == [
        ("filesystem", "umask", "0o022", "0o077")
    ]


def handler(*_: object) -> None:
    """Do nothing."""


@pytest.mark.parametrize(
    ("act", "key", "before", "after"),
    [
        (lambda: signal.signal(signal.SIGUSR1, signal.SIG_IGN), "SIGUSR1", "SIG_DFL", "SIG_IGN"),
        (
            lambda: signal.signal(signal.SIGUSR1, handler),
            "SIGUSR1",
            "SIG_DFL",
            f"<function {__name__}.handler>",
        ),
        (lambda: sys.setrecursionlimit(12_345), "sys.getrecursionlimit()", None, "12345"),
        (
            lambda: setattr(sys, "displayhook", handler),
            "sys.displayhook",
            None,
            f"<function {__name__}.handler>",
        ),
        (lambda: sys.argv.append("--state"), "sys.argv", None, None),
        (
            lambda: setattr(sys, "dont_write_bytecode", "odd"),
            "sys.dont_write_bytecode",
            None,
            "'odd'",
        ),
    ],
)
def test_what_belongs_to_the_interpreter(
    act: Callable[[], object], key: str, before: str | None, after: str | None
) -> None:
    (found,) = change_of(Interpreter(), act)

    assert (found.category, found.key) == ("global", key)
    assert before in (None, found.before)
    assert after in (None, found.after)


def test_what_pytest_sets_for_the_time_of_a_test_is_not_told() -> None:
    timer = types.FunctionType(handler.__code__, {"__name__": "pytest_timeout"})

    before = Interpreter().look()
    signal.signal(signal.SIGUSR1, timer)

    assert not list(Interpreter().changes(before, Interpreter().look()))


def test_the_locale() -> None:
    locale.setlocale(locale.LC_NUMERIC, "C")

    found = change_of(Locale(), lambda: locale.setlocale(locale.LC_NUMERIC, "C.UTF-8"))

    assert [each[:4] for each in found] == [("locale", "LC_NUMERIC", "'C'", "'C.UTF-8'")]


def test_the_import_path_is_told_from_where_it_differs() -> None:
    sys.path[:] = [f"/{number}" for number in range(20)]

    (found,) = change_of(ImportPath(), lambda: sys.path.append("/state"))

    assert found[:2] == ("import", "sys.path")
    assert found.after == "(... 20 the same, '/state')"


def make(name: str, **values: object) -> types.ModuleType:
    module = types.ModuleType(name)
    vars(module).update(values)
    return module


def test_modules(monkeypatch: pytest.MonkeyPatch) -> None:
    package = make("state_app", inner=1)
    inner = make("state_app.inner")
    monkeypatch.setitem(sys.modules, "state_app", package)
    monkeypatch.setitem(sys.modules, "state_app.inner", inner)
    monkeypatch.setitem(sys.modules, "state_other", make("state_other"))
    package.inner = inner  # type: ignore[attr-defined]

    def act() -> None:
        monkeypatch.setitem(sys.modules, "state_app.inner", make("another"))
        monkeypatch.delitem(sys.modules, "state_other")
        monkeypatch.setitem(sys.modules, "state_app.late", make("state_app.late"))
        monkeypatch.setitem(sys.modules, "state_fake", make("state_fake"))
        # As loaded late by an import anywhere: nobody's doing.
        monkeypatch.setitem(sys.modules, "state_lib", make("state_lib", __spec__="from a file"))

    found = change_of(Modules(lambda name: name.startswith("state_app")), act)

    assert sorted(each[:4] for each in found) == [
        ("import", "state_app.inner", "<module state_app.inner>", "<module another>"),
        ("import", "state_app.late", None, "<module state_app.late>"),
        ("import", "state_fake", None, "<module state_fake>"),
        ("import", "state_other", "<module state_other>", None),
    ]
    assert package.inner is inner


@pytest.fixture
def logger(request: pytest.FixtureRequest) -> Iterator[logging.Logger]:
    name = f"state.{request.node.name}"
    yield logging.getLogger(name)
    del logging.root.manager.loggerDict[name]


def test_loggers(logger: logging.Logger) -> None:
    def act() -> None:
        logger.setLevel(logging.DEBUG)
        logger.propagate = False
        logger.disabled = True
        logger.addHandler(logging.StreamHandler())
        logger.addFilter(handler)  # type: ignore[arg-type]
        logging.disable(logging.ERROR)

    found = change_of(Logging(), act)

    name = logger.name
    assert [each.key for each in found] == [
        "logging.disable",
        *(f"{name}.{each}" for each in ("level", "disabled", "propagate", "handlers", "filters")),
    ]
    assert found[1][:4] == ("logging", f"{name}.level", "NOTSET", "DEBUG")
    assert found[4][2:4] == ("()", "(<logging.StreamHandler: level=0>,)")


def test_a_logger_that_was_only_asked_for_is_no_change() -> None:
    before = Logging().look()
    logging.getLogger("state.asked").addHandler(logging.NullHandler())

    found = list(Logging().changes(before, Logging().look()))

    del logging.root.manager.loggerDict["state.asked"]
    assert not found


def test_filters_of_warnings() -> None:
    found = change_of(Warnings(), lambda: warnings.simplefilter("ignore", BytesWarning))

    assert [each[:2] for each in found] == [("warnings", "warnings.filters")]


def test_filters_that_are_put_back_are_obeyed() -> None:
    warnings.simplefilter("error")
    before = Warnings().look()
    warnings.simplefilter("ignore")
    warnings.warn("unseen", stacklevel=1)

    Warnings().put_back(before, "warnings.filters")

    with pytest.raises(UserWarning):
        warnings.warn("unseen", stacklevel=1)


def test_defaults_of_the_standard_library() -> None:
    timeout = socket.getdefaulttimeout()

    def act() -> None:
        socket.setdefaulttimeout(3.5)
        decimal.getcontext().prec = 5

    def in_its_own_context() -> list[Change]:
        decimal.setcontext(decimal.Context(prec=28))
        return change_of(Defaults(), act)

    found = contextvars.copy_context().run(in_its_own_context)

    assert sorted(each[:4] for each in found) == [
        ("global", "decimal.getcontext().prec", "28", "5"),
        ("global", "socket.getdefaulttimeout()", repr(timeout), "3.5"),
    ]
    assert socket.getdefaulttimeout() == timeout


def test_a_generator_that_was_seeded() -> None:
    found = change_of(Randomness(), lambda: random.seed(1))

    assert [each[:2] for each in found] == [("random", "random")]


def test_numbers_that_were_drawn_are_no_change() -> None:
    before = Randomness().look()
    for count in (1, 10_000):
        for _ in range(count):
            random.random()  # noqa: S311

        assert not list(Randomness().changes(before, Randomness().look()))


def test_the_shared_generator_of_numpy() -> None:
    numpy = pytest.importorskip("numpy")
    state = numpy.random.get_state()
    try:
        numpy.random.seed(1)
        before = Randomness().look()
        numpy.random.random(10_000)
        assert not list(Randomness().changes(before, Randomness().look()))

        found = change_of(Randomness(), lambda: numpy.random.seed(2))
    finally:
        numpy.random.set_state(state)

    assert [each[:2] for each in found] == [("random", "numpy.random")]


def test_a_thread_that_goes_on() -> None:
    stop = threading.Event()
    thread = threading.Thread(target=stop.wait, name="state-worker", daemon=True)
    probe = Threads()
    before = probe.look()
    thread.start()

    found = list(probe.changes(before, probe.look()))

    stop.set()
    thread.join()
    assert [each[:4] for each in found] == [
        ("thread", "thread state-worker", None, "daemon thread running")
    ]
    assert not found[0].can_put_back


def test_a_thread_that_is_about_to_end_is_no_change() -> None:
    stop = threading.Event()
    thread = threading.Thread(target=stop.wait)
    before = Threads().look()
    thread.start()
    after = Threads().look()
    stop.set()

    assert not list(Threads().changes(before, after))


def test_an_event_loop_that_is_left_open() -> None:
    found: list[Change] = []

    def in_a_thread() -> None:  # for it has no loop of pytest's own
        probe = Threads()
        before = probe.look()
        loop = asyncio.new_event_loop()
        asyncio.set_event_loop(loop)
        found.extend(probe.changes(before, probe.look()))
        asyncio.set_event_loop(None)
        loop.close()

    thread = threading.Thread(target=in_a_thread)
    thread.start()
    thread.join()

    assert [each[:4] for each in found] == [("thread", "asyncio event loop", None, "open")]


@linux
def test_files_and_sockets_that_are_left_open(tmp_path: Path) -> None:
    probe = Descriptors()
    before = probe.look()
    left, right = socket.socketpair()  # as every event loop has
    with (
        left,
        right,
        open(tmp_path / "log", "w", encoding="utf-8"),  # noqa: PTH123
        socket.create_server(("127.0.0.1", 0)) as server,
    ):
        port = server.getsockname()[1]
        found = sorted((each.category, each.after) for each in probe.changes(before, probe.look()))

    assert found == [
        ("filesystem", repr(str(tmp_path / "log"))),
        ("network", f"listening on ('127.0.0.1', {port})"),
    ]
    assert not list(probe.changes(before, probe.look()))


@linux
def test_a_descriptor_that_was_opened_is_closed_again(tmp_path: Path) -> None:
    probe = Descriptors()
    before = probe.look()
    number = os.open(tmp_path / "log", os.O_CREAT | os.O_WRONLY)

    (found,) = probe.changes(before, probe.look())
    probe.put_back(before, found.key)

    with pytest.raises(OSError, match="Bad file descriptor"):
        os.close(number)
