"""What `classify` says of some runs: the kinds by test, or its one suspicion."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shakeproof.investigate.classify import classify

if TYPE_CHECKING:
    from shakeproof.model import Instability, Run, Suspicion


def kinds(*runs: Run) -> dict[str, Instability]:
    """Give the kind of each suspicion by its test."""
    return {suspicion.test: suspicion.kind for suspicion in classify(runs)}


def only(*runs: Run) -> Suspicion:
    """Give the one suspicion that the runs raise."""
    (suspicion,) = classify(runs)
    return suspicion
