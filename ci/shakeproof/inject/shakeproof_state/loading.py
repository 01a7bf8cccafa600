"""Hearing of each module that is loaded: when that begins, and when it is over."""

from __future__ import annotations

import os
import sys
import threading
from importlib.machinery import PathFinder
from typing import Any, Callable, ContextManager, Optional

from .project import Project, file_of
from .raw import is_module, module_dict

Around = Callable[[str], ContextManager[Any]]  # given a module's full name, goes around its loading


class Loading:
    """Goes around the loading of modules in this thread. What is loaded already is not heard of.

    The import system raises an audit event when a module is asked for and none when it is there, and what a finder puts
    into a module's loader stays. So the one function is replaced through which `import` and `importlib` alike load.
    """

    def __init__(self, around: Around) -> None:
        self._around = around
        self._system: Any = sys.modules.get("_frozen_importlib")
        self._load: Optional[Callable[..., Any]] = getattr(self._system, "_find_and_load", None)
        self._thread = threading.get_ident()

    def begin(self) -> None:
        """Listen from now on. Where this Python loads in another way, nothing is heard."""
        load, around, thread = self._load, self._around, self._thread
        loaded, this_thread = sys.modules, threading.get_ident
        if load is None:
            return

        def heard(name: str, *rest: Any) -> Any:
            if name in loaded or this_thread() != thread:
                return load(name, *rest)
            with around(name):
                return load(name, *rest)

        self._system._find_and_load = heard

    def end(self) -> None:
        """Listen no more."""
        if self._load is not None:
            self._system._find_and_load = self._load


def is_of(project: Project, name: str) -> bool:
    """Tell whether a module that is about to be loaded is the project's, going by where its package lies."""
    top = name.partition(".")[0]
    if top in sys.modules:
        return project(top)
    try:
        spec: Any = PathFinder.find_spec(top)
        places = list(getattr(spec, "submodule_search_locations", None) or ())
    except Exception:  # noqa: BLE001  (any finder may come in here; loading will tell what is wrong)
        return False
    path = getattr(spec, "origin", None) or (os.path.join(places[0], "") if places else "")
    return project.owns(top, path)


def is_stand_in(name: str) -> bool:
    """Tell what somebody has put in the place of a module from one that was imported, or made by pytest for itself."""
    module = sys.modules.get(name)
    if not is_module(module):
        return module is not None
    held = module_dict(module)
    is_of_pytest = str(held.get("__doc__")).startswith("Empty module created by pytest")
    return held.get("__spec__") is None and not file_of(module) and not is_of_pytest
