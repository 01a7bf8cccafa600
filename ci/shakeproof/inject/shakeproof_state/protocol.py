"""What a probe is: it looks at one kind of state, tells what has changed between two looks, and can put it back."""

from __future__ import annotations

from typing import Any, Dict, Iterable, Mapping, NamedTuple, Optional, Protocol

from .words import described


class Absent:
    """In place of a value: there is none."""

    def __repr__(self) -> str:
        return "absent"


ABSENT = Absent()


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
        if before == after:
            return
        for key in dict.fromkeys((*before, *after)):
            was, is_now = before.get(key, ABSENT), after.get(key, ABSENT)
            if was != is_now:
                yield Change(
                    self.category,
                    key,
                    None if was is ABSENT else self.told(key, was),
                    None if is_now is ABSENT else self.told(key, is_now),
                )

    def put_back(self, before: Mapping[str, Any], key: str) -> None:
        """Set one value as it was."""
        self.put(key, before.get(key, ABSENT))


Moment = Dict[str, Any]  # by the name of a probe: what it saw
