"""Benchmarks that one side has and the other has not (pure)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from shakeproof.errors import ShakeproofError

if TYPE_CHECKING:
    from collections.abc import Collection

ACCEPT: Final = "--accept-new"
MOST: Final = 3  # names in a sentence


def check(now: Collection[str], before: Collection[str], where: str, *, accept_new: bool) -> None:
    """Raise `ShakeproofError` where names differ, unless that is accepted.

    A benchmark that is missing, renamed or new is compared with nothing, which must not look as if it had passed.
    """
    gone = [name for name in before if name not in now]
    new = [name for name in now if name not in before]
    if not accept_new:
        if gone and new:
            raise ShakeproofError(
                f"{_listed(gone)} of {where} {_was(gone)} not measured, and {_listed(new)} {_was(new)} not there: "
                f"restore the name, or say {ACCEPT} if this was renamed."
            )
        if gone:
            raise ShakeproofError(
                f"{_listed(gone)} of {where} {_was(gone)} not measured: restore it, or say {ACCEPT} if it shall go."
            )
        if new:
            raise ShakeproofError(
                f"{_listed(new)} {_was(new)} measured and not in {where}: say {ACCEPT} if it is meant to be new."
            )


def differences(now: Collection[str], before: Collection[str]) -> tuple[str, ...]:
    """Say which accepted differences there are, for the report."""
    gone = [name for name in before if name not in now]
    new = [name for name in now if name not in before]
    return (
        *(f"{name} is new and was compared with nothing." for name in new),
        *(f"{name} is gone." for name in gone),
    )


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - MOST} more" if len(names) > MOST else ""
    return f"{', '.join(names[:MOST])}{more}"


def _was(names: list[str]) -> str:
    return "was" if len(names) == 1 else "were"
