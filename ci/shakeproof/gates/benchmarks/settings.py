"""What a project says about its benchmarks: `[tool.shakeproof.benchmarks]` in pyproject.toml (pure but for reading)."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Final, cast

from shakeproof.errors import ShakeproofError
from shakeproof.gates.pyproject import read_pyproject, table_at, texts_at

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

WHERE: Final = "tool.shakeproof.benchmarks"
TABLE: Final = f"[{WHERE}]"
KEYS: Final = (
    "paths", "helpers", "install", "main", "tolerance", "tolerances", "instructions", "together",
    "unpinned",
)  # fmt: skip
TOLERANCE: Final = 0.05
LARGEST: Final = 10.0


@dataclass(frozen=True)
class Settings:
    """Where benchmarks are, what they need, and how much slower each may be."""

    paths: tuple[str, ...] = ("tests/benchmarks",)
    helpers: tuple[str, ...] = ()  # taken from HEAD as well, since the benchmarks need them
    install: tuple[str, ...] = ("-e", ".")  # what follows `pip install` in the folder of a revision
    main: str = ""  # the main branch; empty: found
    tolerance: float = TOLERANCE
    tolerances: Mapping[str, float] = field(default_factory=dict)  # by the name of the benchmark
    instructions: tuple[str, ...] = ()  # those bound by the processor; empty: all
    together: bool = True  # whether the sides can run at the same time, and take turns
    unpinned: tuple[str, ...] = ()  # those that need several processors at the same time

    def tolerance_of(self, name: str) -> float:
        """Return the slowness that matters, as a share: a benchmark's own tolerance or everybody's.

        So much is nearly never missed; from half of it on, a slowness that is sure is a failure.
        """
        return next(
            (value for key, value in self.tolerances.items() if named(name, key)), self.tolerance
        )

    def pinned(self, names: Iterable[str]) -> tuple[str, ...]:
        """Choose the benchmarks that are kept on one processor while they are timed."""
        return tuple(name for name in names if not named_among(name, self.unpinned))

    def check_names(self, names: Iterable[str]) -> None:
        """Raise `ShakeproofError` where a setting is for a benchmark that does not exist."""
        known = tuple(names)
        said: Mapping[str, Iterable[str]] = {
            "tolerances": self.tolerances,
            "instructions": self.instructions,
            "unpinned": self.unpinned,
        }
        for where, keys in said.items():
            for key in keys:
                if not any(named(name, key) for name in known):
                    raise ShakeproofError(
                        f"{TABLE} names {key!r} in {where!r}, and no benchmark is called so: mend or remove it."
                    )


def named(node_id: str, key: str) -> bool:
    """Whether a setting means a benchmark: by its node id, its name in its file, or that without its parameters."""
    _, _, name = node_id.partition("::")
    return key in {node_id, name, name.partition("[")[0]}


def named_among(node_id: str, keys: Iterable[str]) -> bool:
    """Whether one of several settings means a benchmark."""
    return any(named(node_id, key) for key in keys)


def read_settings(pyproject: Path) -> Settings:
    """Read the table; the defaults where there is none.

    Raises `ShakeproofError` for a file that is no TOML and for each value that cannot be meant.
    """
    if not pyproject.exists():
        return Settings()
    return settings_of(table_at(read_pyproject(pyproject), WHERE))


def settings_of(table: Mapping[str, object]) -> Settings:
    """Turn the table into settings; raise `ShakeproofError` with one sentence for what is wrong."""
    for key in table:
        if key not in KEYS:
            raise ShakeproofError(f"{TABLE} has no {key!r}: there are {', '.join(KEYS)}.")
    plain = Settings()
    main = table.get("main", plain.main)
    if not isinstance(main, str):
        raise ShakeproofError(f"{TABLE}: main is {main!r}: write the name of a branch.")
    tolerances = table.get("tolerances", {})
    if not isinstance(tolerances, dict):
        raise ShakeproofError(f'{TABLE}: tolerances is {tolerances!r}: write {{"test_a" = 0.1}}.')
    together = table.get("together", plain.together)
    if not isinstance(together, bool):
        raise ShakeproofError(f"{TABLE}: together is {together!r}: write true or false.")
    paths = _places(table, "paths", plain.paths)
    if not paths:
        raise ShakeproofError(f"{TABLE}: paths is empty: name the files of the benchmarks.")
    return Settings(
        paths=paths,
        helpers=_places(table, "helpers", plain.helpers),
        install=texts_at(table, "install", WHERE, plain.install),
        main=main,
        tolerance=_share("tolerance", table.get("tolerance", plain.tolerance)),
        tolerances={key: _share(f"tolerances.{key}", value) for key, value in tolerances.items()},
        instructions=texts_at(table, "instructions", WHERE, plain.instructions),
        together=together,
        unpinned=texts_at(table, "unpinned", WHERE, plain.unpinned),
    )


def _places(table: Mapping[str, object], key: str, default: tuple[str, ...]) -> tuple[str, ...]:
    """Return paths inside the project: they are replaced in a copy of it, and nothing else may be."""
    places = texts_at(table, key, WHERE, default)
    for place in places:
        path = PurePosixPath(place)
        if path.is_absolute() or not path.parts or {"..", ".git"} & set(path.parts):
            raise ShakeproofError(
                f"{TABLE}: {key} names {place!r}: write a path inside the project, such as 'tests/benchmarks'."
            )
    return places


def _share(key: str, value: object) -> float:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number or not 0 < cast("float", value) <= LARGEST:
        raise ShakeproofError(f"{TABLE}: {key} is {value!r}: write a share such as 0.05 for 5 %.")
    return float(cast("float", value))
