"""State that the standard library keeps: imports, logging, warnings, random numbers."""

from __future__ import annotations

import gc
import logging
import operator
import random
import sys
import types
import warnings
from typing import Any, Callable, Dict, Iterator, Mapping, Tuple

from .protocol import ABSENT, Change, Plain, is_alike
from .raw import instance_dict, is_module, module_dict, module_of
from .words import described

# Kept from before any test could replace them.
_getstate, _setstate = random.getstate, random.setstate


class ImportPath(Plain):
    """Where modules are looked for."""

    name = "path"
    category = "import"

    def look(self) -> Dict[str, Any]:
        """Give the path and the finders."""
        return {
            "sys.path": tuple(sys.path),
            "sys.meta_path": tuple(sys.meta_path),
            "sys.path_hooks": tuple(sys.path_hooks),
        }

    def put(self, key: str, value: Any) -> None:
        """Set one of the lists, in place."""
        getattr(sys, key.partition(".")[2])[:] = value


class Modules(Plain):
    """Which modules are loaded: added, removed, or another in the same place."""

    name = "modules"
    category = "import"

    def __init__(self, is_project: Callable[[str], bool]) -> None:
        self._is_project = is_project

    def look(self) -> Dict[str, Any]:
        """Give them by name; two looks at the same module are the same."""
        return dict(sys.modules)

    def changes(self, before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Change]:
        """Leave out the modules of others that were loaded late: whoever imports them next gets the same."""
        if len(before) == len(after) and all(map(operator.is_, before.values(), after.values())):
            return  # moving one within sys.modules is no change
        for change in super().changes(before, after):
            if (
                change.key in before
                or self._is_project(change.key)
                or _is_made_up(change.key, after[change.key])
            ):
                yield change

    def put(self, key: str, value: Any) -> None:
        """Load it as it was, or forget it - in its package as well, where `from package import it` finds it."""
        package, _, name = key.rpartition(".")
        parent = sys.modules.get(package) if package else None
        names = module_dict(parent) if is_module(parent) else {}
        is_now = sys.modules.get(key, ABSENT)
        if value is ABSENT:
            sys.modules.pop(key, None)
            if names.get(name, ABSENT) is is_now:
                names.pop(name, None)
        else:
            sys.modules[key] = value
            # A package may well have something else by the name of one of its modules.
            if name in names and names[name] is is_now:
                names[name] = value


def _is_made_up(name: str, value: Any) -> bool:
    """Tell a stand-in for a module, put there by hand, from one that was imported."""
    return not is_module(value) or ("." not in name and module_dict(value).get("__spec__") is None)


class Logging(Plain):
    """Levels, handlers and switches of the loggers."""

    name = category = "logging"

    def look(self) -> Dict[str, Any]:
        """Give them by logger."""
        root = logging.getLogger()
        found: Dict[str, Any] = {"logging": root.manager.disable, "root": _state(root)}
        for name, logger in list(root.manager.loggerDict.items()):
            if type(logger) is not logging.PlaceHolder:
                found[name] = _state(logger)
        return found

    def changes(self, before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Change]:
        """List what differs, attribute by attribute.

        A logger that somebody has asked for and not changed behaves as if it were not there.
        """
        if before["logging"] != after["logging"]:
            yield Change(
                "logging", "logging.disable", str(before["logging"]), str(after["logging"])
            )
        for name in dict.fromkeys((*before, *after)):
            was, is_now = before.get(name, FRESH), after.get(name, FRESH)
            if was != is_now and name != "logging":
                for attribute, one, other in zip(ATTRIBUTES, was, is_now):  # noqa: B905  (Python 3.9)
                    if not is_alike(one, other):
                        key = "{}.{}".format(name, attribute)
                        yield Change("logging", key, *self.both_told(key, one, other))

    def told(self, key: str, value: Any) -> str:
        """Say levels by name."""
        return str(logging.getLevelName(value)) if key.endswith(".level") else described(value)

    def put_back(self, before: Mapping[str, Any], key: str) -> None:
        """Set one attribute as it was."""
        name, _, attribute = key.rpartition(".")
        if key == "logging.disable":
            self.put(key, before["logging"])
        else:
            self.put(key, before.get(name, FRESH)[ATTRIBUTES.index(attribute)])

    def put(self, key: str, value: Any) -> None:
        """Set one attribute."""
        name, _, attribute = key.rpartition(".")
        if key == "logging.disable":
            logging.disable(value)
            return
        logger = logging.getLogger(None if name == "root" else name)
        if attribute in ("handlers", "filters"):
            there = getattr(logger, attribute)
            there[:] = [*(each for each in there if _is_of_pytest(each)), *value]
        elif attribute == "level":
            logger.setLevel(value)  # which empties its cache as well
        else:
            setattr(logger, attribute, value)


ATTRIBUTES = ("level", "disabled", "propagate", "handlers", "filters")
FRESH = (logging.NOTSET, False, True, (), ())


def _state(logger: Any) -> Tuple[Any, ...]:
    own = instance_dict(logger) or {}
    handlers, filters = own.get("handlers"), own.get("filters")
    return (
        own.get("level"),
        own.get("disabled"),
        own.get("propagate"),
        tuple(each for each in handlers if not _is_of_pytest(each)) if handlers else (),
        tuple(filters) if filters else (),
    )


def _is_of_pytest(handler: Any) -> bool:
    """Tell what pytest puts there for each phase of a test, and what does nothing at all."""
    return module_of(type(handler)).startswith("_pytest.") or type(handler) is logging.NullHandler


class Warnings(Plain):
    """What becomes of warnings."""

    name = category = "warnings"

    def look(self) -> Dict[str, Any]:
        """Give the filters, first match first."""
        return {
            "warnings.filters": tuple(warnings.filters),
            "warnings.showwarning": warnings.showwarning,
        }

    def put(self, key: str, value: Any) -> None:
        """Set them."""
        if key == "warnings.filters":
            warnings.filters[:] = value  # type: ignore[index]
            with warnings.catch_warnings():
                pass  # leaving it makes Python forget what it has decided by the filters before
        else:
            warnings.showwarning = value


class Defaults(Plain):
    """What the standard library does unless told otherwise."""

    name = "defaults"
    category = "global"

    def look(self) -> Dict[str, Any]:
        """Give what is loaded of it."""
        found: Dict[str, Any] = {"gc.isenabled()": gc.isenabled()}
        for module, name in (
            (sys.modules.get("socket"), "getdefaulttimeout"),
            (sys.modules.get("decimal"), "getcontext"),
        ):
            ask = module_dict(module).get(name) if is_module(module) else None
            if type(ask) is types.BuiltinFunctionType:  # and not one that somebody put there
                value = ask()
                if name == "getcontext":
                    found.update(
                        {DECIMAL + each: getattr(value, each) for each in ("prec", "rounding")}
                    )
                else:
                    found["socket.getdefaulttimeout()"] = value
        return found

    def changes(self, before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Change]:
        """Leave out what was not loaded at the time of one look."""
        return (each for each in super().changes(before, after) if each.before and each.after)

    def put(self, key: str, value: Any) -> None:
        """Set one."""
        if value is ABSENT:
            raise LookupError(key)
        if key == "gc.isenabled()":
            (gc.enable if value else gc.disable)()
        elif key.startswith(DECIMAL):
            setattr(sys.modules["decimal"].getcontext(), key[len(DECIMAL) :], value)
        else:
            sys.modules["socket"].setdefaulttimeout(value)


DECIMAL = "decimal.getcontext()."


class Randomness(Plain):
    """The state of the shared random number generators, once somebody has set it."""

    name = category = "random"

    def look(self) -> Dict[str, Any]:
        """Give them: Python's, and numpy's where it is loaded."""
        found: Dict[str, Any] = {"random": _getstate()}
        numpy = _numpy()
        if numpy is not None:
            name, keys, *rest = numpy.get_state(legacy=True)
            found["numpy.random"] = (name, keys.tobytes(), *rest)
        return found

    def changes(self, before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Change]:
        """Leave out that numbers were drawn: every test does, and the next one has to live with any number."""
        for key, is_now in after.items():
            was = before.get(key)
            if (
                was is not None
                and was != is_now
                and not (_was_drawn if key == "random" else _numpy_drawn)(was, is_now)
            ):
                yield Change(
                    self.category, key, "not seeded by the test", "seeded, or set to another state"
                )

    def put(self, key: str, value: Any) -> None:
        """Set one."""
        if value is ABSENT:
            raise LookupError(key)
        if key == "random":
            _setstate(value)
            return
        name, keys, *rest = value
        numpy = _numpy()
        if numpy is not None:
            array = sys.modules["numpy"].frombuffer(keys, dtype="uint32")
            numpy.set_state((name, array, *rest))


def _was_drawn(was: Any, is_now: Any) -> bool:
    """Tell whether the second state follows from the first by drawing numbers, up to a hundred thousand."""
    generator = random.Random()  # noqa: S311  (to tell the state of another)
    generator.setstate(was)
    for _ in range(MOST_DRAWN):
        if generator.getstate()[1][:-1] == is_now[1][:-1]:
            return True
        generator.getrandbits(NUMBERS * 32)
    return False


def _numpy_drawn(was: Any, is_now: Any) -> bool:
    numpy = sys.modules["numpy"]
    generator = sys.modules["numpy.random"].RandomState()
    name, keys, *rest = was
    generator.set_state((name, numpy.frombuffer(keys, dtype="uint32"), *rest))
    for _ in range(MOST_DRAWN):
        if generator.get_state(legacy=True)[1].tobytes() == is_now[1]:
            return True
        generator.bytes(NUMBERS * 4)
    return False


def _numpy() -> Any:
    # Asking numpy for it could load it.
    return sys.modules.get("numpy.random")


NUMBERS = 624  # of a Mersenne Twister, which makes so many at a time
MOST_DRAWN = 256  # times so many
