"""What a probe is: it looks at one kind of state, tells what has changed between two looks, and can put it back."""

from __future__ import annotations

from typing import Any, Dict, Iterable, Mapping, NamedTuple, Optional, Protocol, Tuple

from .raw import is_one_of
from .words import contrasted, described, differing

CATEGORIES = tuple(
    (  # noqa: SIM905  (a list of so many would take a line for each)
        "environment settings cache database global import cwd filesystem logging warnings random clock timezone "
        "locale thread network"
    ).split()
)


class Absent:
    """In place of a value: there is none."""

    def __repr__(self) -> str:
        return "absent"


ABSENT = Absent()
# Compared by what they are worth, which takes no code of the project; everything else by which object it is.
ATOMS = frozenset({bool, int, float, complex, str, bytes, type(None), type(Ellipsis)})


def is_alike(one: Any, other: Any) -> bool:
    """Tell whether two values are the same object, or equal atoms, or tuples of such."""
    if one is other:
        return True
    kind = type(one)
    if kind is not type(other):
        return False
    if is_one_of(kind, ATOMS):
        return bool(one == other) or (one != one and other != other)  # noqa: PLR0124  (not a number)
    return kind is tuple and len(one) == len(other) and all(map(is_alike, one, other))


class Change(NamedTuple):
    """One piece of state that is not what it was."""

    category: str  # as in the report: environment, settings, cache, ...
    key: str  # names the piece among those of its probe
    before: Optional[str]  # as text; None where there was nothing
    after: Optional[str]
    probe: str = ""  # who saw it, and can put it back
    can_put_back: bool = True


class Probe(Protocol):
    """Looks at one kind of state.

    It changes nothing by looking, and calls no code of the project. Whatever it raises switches it off for the rest of
    the run.
    """

    name: str  # no two probes have the same

    def look(self) -> Any:
        """Take down what is there now: a value that stays what it is when the state changes."""
        ...

    def changes(self, before: Any, after: Any) -> Iterable[Change]:
        """Compare two looks."""
        ...

    def put_back(self, before: Any, key: str) -> None:
        """Make one piece what it was when `before` was taken. LookupError where that cannot be done."""
        ...


class Plain:
    """A probe of values that compare by themselves: a subclass names them, and puts one of them back."""

    name = ""
    category = ""

    def look(self) -> Mapping[str, Any]:
        """Give the values by key."""
        raise NotImplementedError

    def put(self, key: str, value: Any) -> None:
        """Set one value, or remove it where it is ABSENT."""
        raise NotImplementedError

    def told(self, key: str, value: Any) -> str:
        """Say a value."""
        return described(value)

    def changes(self, before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterable[Change]:
        """List the keys whose values differ, in the order in which they stand."""
        for key in dict.fromkeys((*before, *after)):
            was, is_now = before.get(key, ABSENT), after.get(key, ABSENT)
            if not is_alike(was, is_now):
                yield Change(self.category, key, *self.both_told(key, was, is_now))

    def both_told(self, key: str, was: Any, is_now: Any) -> Tuple[Optional[str], Optional[str]]:
        """Say what was and what is there."""
        if was is ABSENT:
            return None, self.told(key, is_now)
        if is_now is ABSENT:
            return self.told(key, was), None
        if type(was) is tuple and type(is_now) is tuple:
            return differing(was, is_now)
        return contrasted(self.told(key, was), self.told(key, is_now))

    def put_back(self, before: Mapping[str, Any], key: str) -> None:
        """Set one value as it was."""
        self.put(key, before.get(key, ABSENT))


Moment = Dict[str, Any]  # by the name of a probe: what it saw
