"""What objects are and hold, without asking them: neither `__getattr__` nor a property nor `__class__` is called.

Proxies of all sorts (lazy settings, mocks, lazy modules) answer such questions by doing what they were made to put off.
"""

from __future__ import annotations

import threading
import types
from typing import Any, Container, Dict, Iterator, Mapping, Tuple

# The getters of `type` and of modules themselves: a metaclass or a lazy module cannot come between.
_dict_of_type = vars(type)["__dict__"].__get__
_bases_of_type = vars(type)["__mro__"].__get__
_module_of_type = vars(type)["__module__"].__get__
_name_of_type = vars(type)["__qualname__"].__get__
_dict_of_module = vars(types.ModuleType)["__dict__"].__get__
_attribute_of_local = threading.local.__getattribute__


def is_one_of(kind: Any, kinds: Container[Any]) -> bool:
    """Tell whether a class is among these built-in ones; a metaclass is not asked for what equals it."""
    return type(kind) is type and kind in kinds


def module_of(kind: Any) -> str:
    """Give the name of the module in which a class was defined; '' where it claims something odd."""
    try:
        found = _module_of_type(kind)
    except AttributeError:
        return ""
    return found if type(found) is str else ""


def name_of(kind: Any) -> str:
    """Give the name of a class within its module."""
    return str(_name_of_type(kind))


def class_dict(kind: Any) -> Mapping[str, Any]:
    """Give a class's own attributes, as a view."""
    found: Mapping[str, Any] = _dict_of_type(kind)
    return found


def bases(kind: Any) -> Tuple[Any, ...]:
    """Give a class and those it inherits from."""
    found: Tuple[Any, ...] = _bases_of_type(kind)
    return found


def is_module(value: Any) -> bool:
    """Tell a module, also a lazy one, from what poses as one."""
    return issubclass(type(value), types.ModuleType)


def module_dict(module: Any) -> Dict[str, Any]:
    """Give a module's globals; a lazy one is not loaded by that."""
    found: Any = _dict_of_module(module)
    return found if type(found) is dict else {}


def instance_dict(owner: Any) -> Any:
    """Give an instance's own dictionary, or None where it has none."""
    kind = type(owner)
    if issubclass(kind, threading.local):
        return _attribute_of_local(owner, "__dict__")  # that of this thread
    for base in bases(kind):
        getter = class_dict(base).get("__dict__")
        if getter is None:
            continue
        # Anything else was written by somebody who wants to be asked.
        if type(getter) in (types.GetSetDescriptorType, types.MemberDescriptorType):
            try:
                found = getter.__get__(owner)
            except (AttributeError, TypeError):
                return None
            return found if issubclass(type(found), dict) else None
        return None
    return None


def slots_of(kind: Any) -> Iterator[Tuple[str, Any]]:
    """List the slots of a class by name: not those of classes written in C, which give a new object at every look."""
    for base in bases(kind):
        own = class_dict(base)
        if "__slots__" in own:
            for name, slot in own.items():
                if type(slot) is types.MemberDescriptorType:
                    yield name, slot
