"""Circumstances in which a probe of the process or the standard library can do less than usual."""

from __future__ import annotations

import _thread
import functools
import gc
import logging
import os
import socket
import sqlite3
import sys
import threading
import types
import warnings
from typing import TYPE_CHECKING, Any

import pytest
import sqlalchemy
from state_of_app import APP, is_app

from shakeproof.inject.shakeproof_state import observer
from shakeproof.inject.shakeproof_state.libraries import (
    Defaults,
    Logging,
    Modules,
    Randomness,
    Warnings,
)
from shakeproof.inject.shakeproof_state.observer import Observer, default_probes
from shakeproof.inject.shakeproof_state.pools import Pools
from shakeproof.inject.shakeproof_state.running import Descriptors, Threads

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from shakeproof.inject.shakeproof_state.protocol import Change, Probe

linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux tells it")


def told_and_put_back(probe: Probe, act: Callable[[], object]) -> list[str]:
    """List the keys of what is told of an act, put it back, and see that nothing is told any more."""
    before = probe.look()
    act()
    found = list(probe.changes(before, probe.look()))
    for each in found:
        probe.put_back(before, each.key)
    assert not list(probe.changes(before, probe.look()))
    return [each.key for each in found]


def test_what_a_package_calls_a_module_comes_back_with_the_module(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    package, inner, late = (types.ModuleType(name) for name in (APP, f"{APP}.inner", f"{APP}.late"))
    monkeypatch.setitem(sys.modules, APP, package)
    monkeypatch.setitem(sys.modules, f"{APP}.inner", inner)
    monkeypatch.delitem(sys.modules, f"{APP}.late", raising=False)
    vars(package)["inner"] = inner

    def act() -> None:
        other = types.ModuleType("other")
        monkeypatch.setitem(sys.modules, f"{APP}.inner", other)
        monkeypatch.setitem(sys.modules, f"{APP}.late", late)
        vars(package).update(inner=other, late=late)

    keys = told_and_put_back(Modules(is_app), act)

    assert keys == [f"{APP}.inner", f"{APP}.late"]
    assert vars(package)["inner"] is inner
    assert "late" not in vars(package)


def test_of_a_logger_what_differs_is_told() -> None:
    logger = logging.getLogger("shakeproof.tests.seldom")
    logger.propagate = True

    assert told_and_put_back(Logging(), lambda: setattr(logger, "propagate", False)) == [
        "shakeproof.tests.seldom.propagate"
    ]


def test_who_shows_warnings_is_told_and_put_back(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = warnings.showwarning
    monkeypatch.setattr(warnings, "showwarning", shown)

    assert told_and_put_back(Warnings(), lambda: setattr(warnings, "showwarning", print)) == [
        "warnings.showwarning"
    ]
    assert warnings.showwarning is shown


def test_a_garbage_collector_that_was_switched_off_is_switched_on_again() -> None:
    gc.enable()
    try:
        assert told_and_put_back(Defaults(), gc.disable) == ["gc.isenabled()"]
        assert gc.isenabled()
    finally:
        gc.enable()


def test_a_question_that_somebody_replaced_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is the project's code by then; that it was replaced, others tell."""

    def fail() -> None:
        raise AssertionError

    monkeypatch.setattr(socket, "getdefaulttimeout", fail)

    assert "socket.getdefaulttimeout()" not in Defaults().look()


@pytest.mark.parametrize("probe", [Defaults(), Randomness()], ids=["defaults", "randomness"])
def test_what_was_not_there_cannot_be_put_back(probe: Probe) -> None:
    with pytest.raises(LookupError):
        probe.put_back({}, "socket.getdefaulttimeout()")


def test_a_thread_that_python_did_not_start_is_nobodys() -> None:
    """Nobody knows when it ends."""
    known, go = threading.Event(), threading.Event()

    def run() -> None:
        threading.current_thread()  # by which Python makes up an object for it
        known.set()
        go.wait()

    probe = Threads()
    before = probe.look()
    _thread.start_new_thread(run, ())
    known.wait()

    found = list(probe.changes(before, probe.look()))

    go.set()
    assert found == []


@pytest.mark.parametrize("probe", [Threads(), Pools()], ids=["thread", "pool"])
def test_what_others_have_to_end_cannot_be_put_back(probe: Probe) -> None:
    with pytest.raises(LookupError):
        probe.put_back(probe.look(), "it")


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[int]:
    """Give the descriptor of a file."""
    number = os.open(tmp_path / "log", os.O_CREAT | os.O_WRONLY)
    yield number
    os.close(number)


@linux
def test_a_descriptor_that_was_closed_is_no_leak_and_cannot_be_opened_again(
    opened: int,
) -> None:
    probe = Descriptors()
    kept = os.dup(opened)
    before = probe.look()
    os.close(kept)

    assert list(probe.changes(before, probe.look())) == []
    with pytest.raises(LookupError):
        probe.put_back(before, f"descriptor {kept}")


@linux
def test_a_socket_that_is_closed_meanwhile_is_told_without_its_address() -> None:
    probe = Descriptors()
    before = probe.look()
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        after = probe.look()

    (found,) = probe.changes(before, after)

    assert found.after is not None
    assert found.after.startswith("a socket ([Errno")


def test_a_pool_without_an_engine_is_told_as_that(tmp_path: Path) -> None:
    probe = Pools()
    before = probe.look()
    connect: Any = functools.partial(sqlite3.connect, tmp_path / "app.sqlite3")
    pool = sqlalchemy.pool.QueuePool(connect)
    connection = pool.connect()

    (found,) = probe.changes(before, probe.look())
    as_many = list(probe.changes(probe.look(), probe.look()))

    connection.close()
    pool.dispose()
    assert found.key == "sqlalchemy pool of an engine that is gone"
    assert as_many == []


class Mute(Exception):  # noqa: N818  (what a project may call its own)
    def __str__(self) -> str:
        raise ValueError


class Failing:
    name = "failing"

    def look(self) -> object:
        raise Mute

    def changes(self, before: object, after: object) -> list[Change]:
        del before, after
        return []

    def put_back(self, before: object, key: str) -> None:
        raise LookupError(key, before)


def test_an_exception_that_fails_at_saying_what_it_is_is_told_by_its_name() -> None:
    failing = Observer([Failing()])

    failing.look()

    assert failing.notes == ("the probe failing was switched off: Mute",)


def test_only_what_is_asked_for_is_looked_at_and_compared() -> None:
    both = Observer([Defaults(), Threads()])

    some = both.look(["threads", "unknown"])

    assert set(some) == {"threads"}
    assert both.changes(some, both.look()) == ()


def test_what_a_system_does_not_tell_is_not_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where there is no /proc."""
    for name in ("STATUS", "DESCRIPTORS"):
        monkeypatch.setattr(observer, name, str(tmp_path / "nowhere"))

    names = {probe.name for probe in default_probes(str(tmp_path))}

    assert names.isdisjoint({"umask", "descriptors"})
    assert "files" in names
