"""Patches of `unittest.mock` that were started and never stopped, wherever they were applied."""

from __future__ import annotations

import sys
from typing import Any, Callable, Dict, Iterator, Mapping

from .globals import is_of_clock, is_shallow
from .protocol import Change
from .raw import class_dict, instance_dict, is_module, module_dict, module_of
from .words import contrasted, described, type_name


class Patches:
    """Those of other people's code: the project's own globals are looked at anyway."""

    name = "patches"

    def __init__(self, is_project: Callable[[str], bool]) -> None:
        self._is_project = is_project

    def look(self) -> Dict[str, Any]:
        """Ask `unittest.mock`, where it is loaded, which patches it would stop with `stopall`."""
        found = {}
        for patch in _active():
            own = instance_dict(patch) or {}
            if own.get("target") is not None and type(own.get("attribute")) is str:
                found["{}.{}".format(_where(own["target"]), own["attribute"])] = patch
        return found

    def changes(self, before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Change]:
        """List those that were started since. That others were stopped is as it should be."""
        for key, patch in after.items():
            own = instance_dict(patch) or {}
            if before.get(key) is not patch and not self._is_seen(own["target"]):
                was = own.get("temp_original")
                is_clock = is_of_clock(was) or is_of_clock(own["target"])
                texts = contrasted(
                    described(was), described(_current(own["target"], own["attribute"]))
                )
                yield Change("clock" if is_clock else "global", key, *texts)

    def _is_seen(self, target: Any) -> bool:
        if is_module(target):
            name = module_dict(target).get("__name__")
            return is_shallow(target) or (type(name) is str and self._is_project(name))
        return self._is_project(
            module_of(target if issubclass(type(target), type) else type(target))
        )

    def put_back(self, before: Mapping[str, Any], key: str) -> None:
        """Stop it."""
        patch = self.look().get(key)
        if patch is None or patch is before.get(key):
            raise LookupError(key)
        patch.stop()


def _active() -> Any:
    # The list is private, and there since Python 3.2.
    kind = getattr(sys.modules.get("unittest.mock"), "_patch", None)
    return tuple(getattr(kind, "_active_patches", ()))


def _where(target: Any) -> str:
    if is_module(target):
        return str(module_dict(target).get("__name__"))
    return type_name(target) if issubclass(type(target), type) else described(target)


def _current(target: Any, name: str) -> Any:
    """Give what is there now."""
    if is_module(target):
        return module_dict(target).get(name)
    held = class_dict(target) if issubclass(type(target), type) else instance_dict(target) or {}
    return held.get(name)
