"""What `[tool.shakeproof.mutants.<name>]` in pyproject asks for (pure)."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Final

from shakeproof.errors import ShakeproofError
from shakeproof.gates.pyproject import table_at

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

WHERE: Final = "tool.shakeproof.mutants"
ENOUGH: Final = 85.0  # percent of the mutants that have to be noticed
QUIETLY: Final = ("-p", "no:randomly", "-p", "no:cacheprovider", "-p", "no:xdist")


@dataclass(frozen=True)
class Target:
    """One module, and the tests that ought to notice what is wrong in it. Paths are seen from `root`."""

    name: str
    module: str  # the file that is changed
    source: str  # the package that it belongs to
    tests: tuple[str, ...]
    copied: tuple[str, ...]  # what the tests need beside the package
    root: str = "."
    killed: float = ENOUGH


def read_targets(pyproject: Mapping[str, object], wanted: Sequence[str]) -> tuple[Target, ...]:
    """Take the targets with these names, or all of them, out of a parsed pyproject.

    Raises ShakeproofError where there is none, or not that one, and where one is incomplete.
    """
    table = table_at(pyproject, WHERE)
    if not table:
        raise ShakeproofError(f"pyproject.toml has no [{WHERE}.NAME]: say what is to be mutated.")
    unknown = [name for name in wanted if name not in table]
    if unknown:
        raise ShakeproofError(
            f"[{WHERE}] knows no {', '.join(unknown)}; there is: {', '.join(table)}."
        )
    return tuple(_target(name, table[name]) for name in wanted or table)


def mutmut_settings(target: Target) -> str:
    """Write the setup.cfg that makes mutmut 3 do what the target says."""
    options = {
        "source_paths": (target.source,),
        "only_mutate": (target.module,),
        "also_copy": target.copied,
        "pytest_add_cli_args": QUIETLY,
        "pytest_add_cli_args_test_selection": target.tests,
    }
    lines = (
        f"{key} =\n" + "".join(f"    {one}\n" for one in values) for key, values in options.items()
    )
    return "[mutmut]\n" + "".join(lines)


def _target(name: str, entry: object) -> Target:
    known = {field.name: field.default for field in fields(Target)} | {"name": name}
    if not isinstance(entry, dict) or not entry.keys() <= known.keys() - {"name"}:
        raise ShakeproofError(
            f"[{WHERE}.{name}] takes {', '.join(sorted(known.keys() - {'name'}))}, and no more."
        )
    texts = {
        key: entry.get(key, "." if key == "root" else None) for key in ("module", "source", "root")
    }
    lists = {key: entry.get(key) for key in ("tests", "copied")}
    killed = entry.get("killed", ENOUGH)
    wrong = [
        *(key for key, value in texts.items() if not isinstance(value, str)),
        *(key for key, value in lists.items() if not isinstance(value, list) or not value),
        *(() if isinstance(killed, int | float) and 0 <= killed <= 100 else ("killed",)),  # noqa: PLR2004 - percent
    ]
    if wrong:
        raise ShakeproofError(
            f"[{WHERE}.{name}] lacks a good {', '.join(wrong)}: write it, with paths as texts."
        )
    return Target(
        name=name,
        module=str(texts["module"]),
        source=str(texts["source"]),
        root=str(texts["root"]),
        tests=tuple(map(str, lists["tests"] or ())),
        copied=tuple(map(str, lists["copied"] or ())),
        killed=float(killed),
    )
