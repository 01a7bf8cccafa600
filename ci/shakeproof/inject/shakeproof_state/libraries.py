"""State that the standard library keeps: imports, logging, warnings, random numbers."""

from __future__ import annotations

import logging
import random
import sys
import warnings
from typing import Any, Dict, Tuple

from .protocol import ABSENT, Plain
from .words import described


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

    def look(self) -> Dict[str, Any]:
        """Give them by name; two looks at the same module are the same."""
        return dict(sys.modules)

    def told(self, key: str, value: Any) -> str:
        """Say which module it is."""
        return described(value)

    def put(self, key: str, value: Any) -> None:
        """Load it as it was, or forget it - in its package as well, where `from package import it` finds it."""
        package, _, name = key.rpartition(".")
        parent = sys.modules.get(package) if package else None
        if value is ABSENT:
            sys.modules.pop(key, None)
            if parent is not None and name in vars(parent):
                delattr(parent, name)
        else:
            sys.modules[key] = value
            if parent is not None:
                setattr(parent, name, value)


class Logging(Plain):
    """Levels, handlers and switches of the loggers."""

    name = category = "logging"

    def look(self) -> Dict[str, Any]:
        """Give them by logger and attribute."""
        root = logging.getLogger()
        found: Dict[str, Any] = {"logging.disable": root.manager.disable}
        loggers = [("root", root), *sorted(root.manager.loggerDict.items(), key=_name)]
        for name, logger in loggers:
            if isinstance(logger, logging.Logger):
                for attribute in ("level", "disabled", "propagate"):
                    found["{}.{}".format(name, attribute)] = getattr(logger, attribute)
                for attribute in ("handlers", "filters"):
                    found["{}.{}".format(name, attribute)] = tuple(getattr(logger, attribute))
        return found

    def changes(self, before: Dict[str, Any], after: Dict[str, Any]) -> Any:
        """Leave out loggers that somebody has asked for and not changed: they behave as if they were not there."""
        fresh = {
            "level": logging.NOTSET,
            "disabled": False,
            "propagate": True,
            "handlers": (),
            "filters": (),
        }
        known = dict(before)
        for key, value in after.items():
            if key not in known and fresh.get(key.rpartition(".")[2], ABSENT) == value:
                known[key] = value
        return super().changes(known, after)

    def put(self, key: str, value: Any) -> None:
        """Set one attribute."""
        name, _, attribute = key.rpartition(".")
        if key == "logging.disable":
            logging.disable(value)
            return
        logger = logging.getLogger(None if name == "root" else name)
        if attribute in ("handlers", "filters"):
            getattr(logger, attribute)[:] = () if value is ABSENT else value
        elif attribute == "level":
            logger.setLevel(
                logging.NOTSET if value is ABSENT else value
            )  # which empties its cache as well
        else:
            setattr(logger, attribute, attribute == "propagate" if value is ABSENT else value)


def _name(item: Tuple[str, Any]) -> str:
    return item[0]


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
            invalidate = (
                getattr(warnings, "_filters_mutated", None) or warnings._filters_mutated_lock_held
            )
            invalidate()
        else:
            warnings.showwarning = value


class Randomness(Plain):
    """The state of the shared random number generators."""

    name = category = "random"

    def look(self) -> Dict[str, Any]:
        """Give them: Python's, and numpy's where it is loaded."""
        found: Dict[str, Any] = {"random": random.getstate()}
        numpy = _numpy()
        if numpy is not None:
            name, keys, *rest = numpy.get_state(legacy=True)
            found["numpy.random"] = (name, keys.tobytes(), *rest)
        return found

    def told(self, key: str, value: Any) -> str:
        """Say no more than that: the numbers mean nothing to anybody."""
        return "a state of {}".format(key)

    def put(self, key: str, value: Any) -> None:
        """Set one."""
        if key == "random":
            random.setstate(value)
            return
        name, keys, *rest = value
        numpy = _numpy()
        if numpy is not None:
            array = sys.modules["numpy"].frombuffer(keys, dtype="uint32")
            numpy.set_state((name, array, *rest))


def _numpy() -> Any:
    return getattr(sys.modules.get("numpy"), "random", None)
