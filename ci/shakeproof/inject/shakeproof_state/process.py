"""State of the process: environment, folder, umask, arguments, limits, hooks, signals, locale and time zone."""

from __future__ import annotations

import builtins
import locale
import os
import signal
import sys
import threading
import time
import types
from typing import Any, Dict, Iterable, Iterator, Mapping

from .protocol import ABSENT, Change, Plain
from .raw import module_of
from .words import described

# pytest changes it for each phase of each test.
NOT_STATE = frozenset({"PYTEST_CURRENT_TEST"})
HOOKS = ("excepthook", "displayhook", "unraisablehook", "breakpointhook")
SIGNALS = tuple(signal.Signals)  # the real-time ones have no names, and no use in tests
# Those change with each test, and are in order again once it is over.
NOT_LEFT = ("_pytest", "pytest_timeout", "faulthandler")
LOCALES = tuple(name for name in dir(locale) if name.startswith("LC_") and name != "LC_ALL")
STATUS = "/proc/self/status"
# Kept from before any test could replace them.
_getcwd, _open, _read, _close = os.getcwd, os.open, os.read, os.close
# Numbers as they are: `signal` makes an enumeration's member of each, at every look.
_getsignal = getattr(sys.modules.get("_signal"), "getsignal", signal.getsignal)


class Environment(Plain):
    """The environment variables."""

    name = category = "environment"

    def look(self) -> Dict[Any, Any]:
        """Give them all, as the operating system has them: that takes no decoding."""
        held = getattr(os.environ, "_data", os.environ)
        return dict(held) if type(held) is dict else os.environ.copy()

    def changes(self, before: Mapping[Any, Any], after: Mapping[Any, Any]) -> Iterable[Change]:
        """Compare them by name."""
        return () if before == after else super().changes(_decoded(before), _decoded(after))

    def put_back(self, before: Mapping[Any, Any], key: str) -> None:
        """Set one as it was."""
        super().put_back(_decoded(before), key)

    def put(self, key: str, value: Any) -> None:
        """Set or unset one."""
        if value is ABSENT:
            os.environ.pop(key, None)
        else:
            os.environ[key] = value
        if key == "TZ" and hasattr(time, "tzset"):
            time.tzset()


def _decoded(variables: Mapping[Any, Any]) -> Dict[str, str]:
    texts = ((_text(name), _text(value)) for name, value in variables.items())
    return {name: value for name, value in texts if name not in NOT_STATE}


def _text(value: Any) -> str:
    return os.fsdecode(value) if type(value) is bytes else str(value)


class WorkingFolder(Plain):
    """The current directory."""

    name = category = "cwd"

    def look(self) -> Dict[str, str]:
        """Give its path."""
        try:
            return {"cwd": _getcwd()}
        except FileNotFoundError:
            return {"cwd": "a folder that was removed"}

    def put(self, key: str, value: Any) -> None:
        """Go back."""
        os.chdir(value)


class FileMode(Plain):
    """The umask: what nobody may do with a new file."""

    name = "umask"
    category = "filesystem"

    def look(self) -> Dict[str, int]:
        """Read it where that does not take setting it (Linux)."""
        number = _open(STATUS, os.O_RDONLY | os.O_CLOEXEC)
        try:
            text = _read(number, 1 << 10)  # it stands in the second line
        finally:
            _close(number)
        _, found, rest = text.partition(b"\nUmask:")
        return {self.name: int(rest.split(None, 1)[0], 8)} if found else {}

    def told(self, key: str, value: Any) -> str:
        """Say it in octal digits."""
        return "{:#05o}".format(value)

    def put(self, key: str, value: Any) -> None:
        """Set it."""
        os.umask(value)


class Interpreter(Plain):
    """What belongs to the interpreter as a whole: arguments, the recursion limit, hooks, signal handlers."""

    name = "interpreter"
    category = "global"

    def look(self) -> Dict[str, Any]:
        """Give the values by the name under which Python knows them."""
        found: Dict[str, Any] = {
            "sys.argv": tuple(sys.argv),
            "sys.getrecursionlimit()": sys.getrecursionlimit(),
            "sys.dont_write_bytecode": sys.dont_write_bytecode,
            "threading.excepthook": threading.excepthook,
            "builtins.open": builtins.open,
            "builtins.print": builtins.print,
        }
        found.update(("sys." + name, getattr(sys, name)) for name in HOOKS)
        for number in SIGNALS:
            handler = _getsignal(number)
            if handler is not None:
                found[number.name] = handler
        return found

    def changes(self, before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Change]:
        """Leave out what pytest and its plugins set for the time of a test."""
        for change in super().changes(before, after):
            if not any(_is_of_pytest(look.get(change.key)) for look in (before, after)):
                yield change

    def put(self, key: str, value: Any) -> None:
        """Set one."""
        if key == "sys.argv":
            sys.argv[:] = value
        elif key == "sys.getrecursionlimit()":
            sys.setrecursionlimit(value)
        elif key == "sys.dont_write_bytecode":
            sys.dont_write_bytecode = value
        elif key.startswith("SIG"):
            signal.signal(signal.Signals[key], signal.SIG_DFL if value is ABSENT else value)
        else:
            module, _, name = key.partition(".")
            setattr(sys.modules[module], name, value)

    def told(self, key: str, value: Any) -> str:
        """Name a handler as the signal module does."""
        return (
            signal.Handlers(value).name
            if key.startswith("SIG") and type(value) is int
            else described(value)
        )


def _is_of_pytest(value: Any) -> bool:
    kind = type(value)
    module = value.__module__ if kind is types.FunctionType else module_of(kind)
    return type(module) is str and module.partition(".")[0] in NOT_LEFT


class Locale(Plain):
    """The locale, by category."""

    name = category = "locale"

    def look(self) -> Dict[str, str]:
        """Ask for each, which sets nothing."""
        return {name: locale.setlocale(getattr(locale, name)) for name in LOCALES}

    def put(self, key: str, value: Any) -> None:
        """Set one category."""
        locale.setlocale(getattr(locale, key), value)


class TimeZone(Plain):
    """What `time` takes for the local time zone."""

    name = category = "timezone"

    def look(self) -> Dict[str, Any]:
        """Give its names and offset, which follow TZ only when somebody calls tzset."""
        return {"time.tzname": (*time.tzname, time.timezone)}

    def put(self, key: str, value: Any) -> None:
        """Take it from the environment anew: nothing else can set it."""
        time.tzset()
