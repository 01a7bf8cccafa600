"""Which modules are the project's own."""

from __future__ import annotations

import os
import sys
from typing import Any, Dict, FrozenSet, Iterator

from .raw import is_module, module_dict

# Folders of a project in which there is other people's code.
NOT_OWN = frozenset(
    {
        "site-packages",
        "dist-packages",
        "node_modules",
        ".venv",
        "venv",
        ".tox",
        ".nox",
        "__pypackages__",
    }
)
# What runs beside the tests belongs to nobody's project, even where the project is Shakeproof itself.
INJECTED = "shakeproof_"


class Project:
    """Tells by its name whether a module is the project's own; asked once for each name."""

    def __init__(self, root: str) -> None:
        self._root = os.path.join(os.path.realpath(root), "")
        self._top_level = frozenset(self._names())
        self._known: Dict[str, bool] = {}

    def __call__(self, name: str) -> bool:
        """Tell whether the module of that name, loaded or not, is the project's."""
        known = self._known.get(name)
        if known is None:
            known = self._known[name] = self._is_own(name)
        return known

    def _is_own(self, name: str) -> bool:
        top = name.partition(".")[0]
        if not top or top.startswith(INJECTED):
            return False
        return self.owns(top, file_of(sys.modules.get(name)))

    def owns(self, top: str, path: str) -> bool:
        """Tell whether what lies there is the project's; `top` is the first part of its name. '': it is in no file."""
        if path and self._is_below(path):
            return True
        # An installed copy of the project; and modules that were never in a file.
        return top in self._top_level and top not in _standard()

    def _is_below(self, path: str) -> bool:
        real = os.path.realpath(path)
        if not real.startswith(self._root):
            return False
        folders = real[len(self._root) :].split(os.sep)[:-1]
        if not NOT_OWN.isdisjoint(folders):
            return False
        prefix = os.path.join(os.path.realpath(sys.prefix), "")
        # A virtual environment in the project is no part of it; a project in an environment's folder is one.
        return self._root.startswith(prefix) or not real.startswith(prefix)

    def _names(self) -> Iterator[str]:
        """Name the packages and modules that stand in the root, or in its `src`."""
        for folder in (self._root, os.path.join(self._root, "src")):
            try:
                found = os.listdir(folder)
            except OSError:
                continue
            for name in found:
                stem, suffix = os.path.splitext(name)
                if suffix == ".py" and stem.isidentifier():
                    yield stem
                elif name.isidentifier() and os.path.isfile(
                    os.path.join(folder, name, "__init__.py")
                ):
                    yield name


def file_of(module: Any) -> str:
    """Say where a module comes from; '' where that cannot be known without asking it."""
    if module is None or not is_module(module):
        return ""
    held = module_dict(module)
    path = held.get("__file__")
    if type(path) is str:
        return path
    spec = held.get("__spec__")
    places = getattr(spec, "submodule_search_locations", None)  # of a folder without __init__.py
    try:
        return os.path.join(str(next(iter(places))), "") if places else ""
    except Exception:  # noqa: BLE001  (such a list is made anew by looking into the import path)
        return ""


def _standard() -> FrozenSet[str]:
    """Name the modules of the standard library, where this Python knows them."""
    return frozenset(getattr(sys, "stdlib_module_names", sys.builtin_module_names))
