"""Two ways to see what importing a module does: looking at its values, and reading its source.

As a program (`python -I import_audit.py ROOT PACKAGE`) it imports every module of a package and
prints what it finds as JSON: {module: [complaints]}.
"""

import ast
import dataclasses
import importlib
import json
import pkgutil
import re
import sys
import typing
from collections.abc import Iterator, Mapping
from datetime import date, time, timedelta, timezone
from enum import Enum
from pathlib import Path, PurePath
from types import (
    BuiltinFunctionType,
    EllipsisType,
    FunctionType,
    MappingProxyType,
    MemberDescriptorType,
    ModuleType,
    NoneType,
)

SIMPLE = (
    type,
    NoneType,
    EllipsisType,
    bool,
    int,
    float,
    complex,
    str,
    bytes,
    range,
    date,
    time,
    timedelta,
    timezone,
    PurePath,
    re.Pattern,
    Enum,
    ModuleType,
    BuiltinFunctionType,
    MemberDescriptorType,
    typing.TypeVar,
    typing.NewType,
)

HARMLESS_CALLS = frozenset(
    {
        # values that cannot change
        "MappingProxyType",
        "TypeVar",
        "frozenset",
        "re.compile",
        "time",  # of day: datetime.time
        "timedelta",
        # what describes a class or a parameter while it is being defined
        "AfterValidator",
        "ConfigDict",
        "Depends",
        "FailFast",
        "Field",
        "Header",
        "Query",
        "StringConstraints",
        "dataclass",
        "field",
        "field_serializer",
        "field_validator",
        "model_validator",
    }
)
CACHES = frozenset({"cache", "lru_cache"})
MUTABLE_DISPLAYS = (ast.List, ast.Dict, ast.Set, ast.ListComp, ast.DictComp, ast.SetComp)


def mutable_values(values: Mapping[str, object], source: str) -> list[str]:
    """Name what can change among a module's globals, its classes' attributes and its defaults."""
    return [
        f"{name} is a {type(value).__name__}"
        for name, value in _made_here(values, imported_names(source))
        if not is_immutable(value)
    ]


def is_immutable(value: object) -> bool:
    """Say whether neither the value nor anything in it can change."""
    if isinstance(value, tuple | frozenset):
        return all(map(is_immutable, value))
    if isinstance(value, MappingProxyType):
        return all(map(is_immutable, value.values()))
    if isinstance(value, FunctionType):
        # Its attributes, its defaults, and what it was closed over: a cache would hide there.
        cells = [cell.cell_contents for cell in value.__closure__ or ()]
        defaults = [*(value.__defaults__ or ()), *(value.__kwdefaults__ or {}).values()]
        return all(map(is_immutable, [*vars(value).values(), *defaults, *cells]))
    if isinstance(value, classmethod | staticmethod):
        return is_immutable(value.__func__)
    if isinstance(value, property):
        return is_immutable((value.fget, value.fset, value.fdel))
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        frozen = type(value).__dataclass_params__.frozen  # type: ignore[attr-defined]
        parts = [getattr(value, part.name) for part in dataclasses.fields(value)]
        return frozen and all(map(is_immutable, parts))
    # Aliases such as Annotated[int, ...] or str | None are words of the type system.
    is_alias = typing.get_origin(value) is not None
    return is_alias or isinstance(value, SIMPLE)


def _made_here(values: Mapping[str, object], imported: set[str]) -> Iterator[tuple[str, object]]:
    for name, value in values.items():
        if name in imported or _is_dunder(name):
            continue
        yield name, value
        if isinstance(value, type):
            for attribute, content in vars(value).items():
                if not _is_class_machinery(value, attribute):
                    yield f"{name}.{attribute}", content


def imported_names(source: str) -> set[str]:
    """Name what a module only imports: it is judged where it is made."""
    return {
        (alias.asname or alias.name).partition(".")[0]
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    }


def _is_dunder(name: str) -> bool:
    return name.startswith("__") and name.endswith("__")


def _is_class_machinery(owner: type, name: str) -> bool:
    """Tell what Python, Enum (`_x_`), abc, NamedTuple and Pydantic themselves keep in a class."""
    fields = getattr(owner, "_fields", ()) if issubclass(owner, tuple) else ()
    kept_by_enum = name.startswith("_") and name.endswith("_")
    return kept_by_enum or name in {"_abc_impl", "_field_defaults", "model_config", *fields}


def import_time_actions(source: str) -> list[str]:
    """Name every call, mutable value, cache and `global` of a module's source, with its line.

    Calls count when importing runs them: in the module's body, in class bodies, decorators and
    default arguments. Caches and `global` count wherever they are.
    """
    tree = ast.parse(source)
    found = [*_complaints(tree.body), *_anywhere(tree)]
    return [f"line {line}: {what}" for line, what in sorted(set(found))]


def _complaints(body: list[ast.stmt]) -> Iterator[tuple[int, str]]:
    for statement in body:
        if isinstance(statement, ast.If) and _is_not_run_by_import(statement.test):
            yield from _complaints(statement.orelse)
            continue
        for node in _run_by_import(statement):
            if isinstance(node, ast.Call) and ast.unparse(node.func) not in HARMLESS_CALLS:
                yield node.lineno, f"calls {ast.unparse(node.func)}"
            for value in _kept_values(node):
                yield from _mutable(value)


def _is_not_run_by_import(test: ast.expr) -> bool:
    return ast.unparse(test) in {"TYPE_CHECKING", "__name__ == '__main__'"}


def _run_by_import(node: ast.AST) -> Iterator[ast.AST]:
    """Walk a statement without entering what only runs when it is called."""
    yield node
    for name, children in ast.iter_fields(node):
        is_later = name == "body" and isinstance(
            node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
        )
        if is_later:
            continue
        for child in children if isinstance(children, list) else [children]:
            if isinstance(child, ast.AST):
                yield from _run_by_import(child)


def _kept_values(node: ast.AST) -> list[ast.expr | None]:
    """Return the values that a module, class or function keeps: assigned, or as defaults."""
    if isinstance(node, ast.Assign | ast.AnnAssign):
        return [node.value]
    if isinstance(node, ast.arguments):
        return [*node.defaults, *node.kw_defaults]
    return []


def _mutable(value: ast.expr | None) -> Iterator[tuple[int, str]]:
    if isinstance(value, MUTABLE_DISPLAYS):
        yield value.lineno, f"makes {ast.unparse(value)}"
    if isinstance(value, ast.Tuple):
        for part in value.elts:
            yield from _mutable(part)


def _anywhere(tree: ast.Module) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Global):
            yield node.lineno, f"rebinds the global {', '.join(node.names)}"
        if isinstance(node, ast.Name | ast.Attribute):
            spelling = ast.unparse(node)
            if spelling.rpartition(".")[2] in CACHES:
                yield node.lineno, f"caches with {spelling}"


def environment_uses(source: str) -> list[str]:
    """Name every line of a module's source that touches the process's environment."""
    return [
        f"line {node.lineno}: {ast.unparse(node)}"
        for node in ast.walk(ast.parse(source))
        if (isinstance(node, ast.Attribute) and ast.unparse(node) in {"os.environ", "os.getenv"})
        or (
            isinstance(node, ast.ImportFrom)
            and node.module == "os"
            and {"environ", "getenv"} & {alias.name for alias in node.names}
        )
    ]


def main(root: str, package: str) -> None:
    """Import a package under `root` and every module in it, and print what that made."""
    sys.path.insert(0, root)
    top = importlib.import_module(package)
    found = pkgutil.walk_packages(top.__path__, prefix=f"{package}.")
    modules = [top, *(importlib.import_module(module.name) for module in found)]
    report = {
        module.__name__: mutable_values(
            vars(module), Path(module.__file__ or "").read_text("utf-8")
        )
        for module in modules
    }
    print(json.dumps(report))  # noqa: T201 - the way out of the subprocess


if __name__ == "__main__":
    main(*sys.argv[1:])
