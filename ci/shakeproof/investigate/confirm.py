"""Turning a suspicion into a command, and the runs of that command into a finding (pure)."""

from __future__ import annotations

import os
import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING

from shakeproof.investigate.classify import NOT_COLLECTED, SESSION, session_outcome
from shakeproof.messages import fingerprint
from shakeproof.model import Experiment, Finding, Instability, Kind, Status

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from shakeproof.model import Outcome, Run, Suspicion

INLINE_TESTS = 8  # a longer order is written to a file, which pytest reads as @file
TRIES = 10  # how often a command is run that shows its failure only now and then
CHANCY = frozenset(
    {
        Instability.NON_DETERMINISTIC,
        Instability.PARALLEL_UNSAFE,
        Instability.CRASH,
        Instability.HANG,
    }
)

# What has to stand in a printed command so that a plugin which the project loads does not undo the order. Nothing is
# blocked with `-p no:...`: pytest would then reject the plugin's options in somebody's `addopts`.
SWITCHES = (
    ("randomly", ("--randomly-dont-reorganize", "--randomly-dont-reset-seed")),
    ("random_order", ("--random-order-bucket=none",)),
    ("xdist", ("-n", "0")),
    ("rerunfailures", ("--reruns", "0")),
    ("force_reruns", ("--force-reruns", "0")),  # newer versions: also overrules markers
)
# The command itself says what becomes of order, repetition and schedule. What only measures or writes files stays off
# while it is tried: nobody wants the JUnit file of the last real run replaced by that of one test.
UNCHANGED = frozenset({"xdist", "randomly", "random_order", "rerunfailures", "selection"})


@dataclass(frozen=True, slots=True)
class Reproduction:
    """A command that shall show a suspicion: as a shell line, and as the experiment that runs precisely that line."""

    command: str
    experiment: Experiment
    tries: int  # how often it may be run before giving up
    copies: int  # how many of it run at the same time in the command
    order_file: Path  # where the command looks for its tests
    order: tuple[str, ...] = ()  # what has to stand there; empty: the command names its tests


def reproduction(
    suspicion: Suspicion, number: int, user_arguments: Sequence[str], order_file: Path, cwd: Path
) -> Reproduction:
    """Write the command for a suspicion, to be run in the folder `cwd`.

    `user_arguments` are those that followed `--`; of these the options are kept and the paths are replaced by the tests
    that matter, from `order_file` where there are many.
    """
    example = suspicion.example
    options = tuple(each for each in user_arguments if each not in example.positional)
    order = tuple(_from(cwd, example.rootdir, test) for test in _order(suspicion))
    listed = len(order) > INLINE_TESTS
    over_workers = suspicion.example.experiment.kind is Kind.PARALLEL
    copies = 2 if suspicion.kind is Instability.PARALLEL_UNSAFE and not over_workers else 1
    if suspicion.kind is Instability.PARALLEL_UNSAFE:
        spreading = example.experiment.options if over_workers else ()
        switches = _switches(example, besides="xdist" if over_workers else "")
        arguments = (*user_arguments, *switches, *spreading)
    else:
        tests = (f"@{os.path.relpath(order_file, cwd)}",) if listed else order or example.positional
        # Behind the user's own options: of two `-n`, pytest takes the last.
        arguments = (*options, *_switches(example), *tests)
    hash_seed = example.experiment.hash_seed if suspicion.kind is Instability.HASH_ORDER else None
    variable = "" if hash_seed is None else f"PYTHONHASHSEED={hash_seed} "
    line = f"{variable}python -m pytest {shlex.join(arguments)}".strip()
    return Reproduction(
        command=line if copies == 1 else f"{line} & {line}; wait",
        copies=copies,
        experiment=Experiment(
            label=f"confirm F{number}",
            kind=Kind.REPLAY,
            arguments=arguments,
            plugins=UNCHANGED,
            hash_seed=hash_seed,
        ),
        tries=TRIES if suspicion.kind in CHANCY else 1,
        order_file=order_file,
        order=order if listed else (),
    )


def _from(cwd: Path, rootdir: Path, test: str) -> str:
    """Name a test as seen from a folder: node ids are relative to pytest's root directory, arguments to the folder."""
    file, colons, rest = test.partition("::")
    return f"{os.path.relpath(rootdir / file, cwd)}{colons}{rest}"


def _switches(example: Run, besides: str = "") -> tuple[str, ...]:
    wanted = (words for name, words in SWITCHES if name in example.plugins and name != besides)
    return tuple(word for words in wanted for word in words)


def _order(suspicion: Suspicion) -> tuple[str, ...]:
    """List the tests that are sure to show the failure: what ran up to it, in the run that showed it."""
    order = suspicion.example.order
    match suspicion.kind:
        case Instability.PARALLEL_UNSAFE:
            return ()
        case _ if suspicion.message == NOT_COLLECTED:
            return ()  # what is to be shown is that asking for everything does not bring it
        case Instability.BRITTLE | Instability.BROKEN if suspicion.test != SESSION:
            return (suspicion.test,)
        case _ if suspicion.test in order:
            return order[: order.index(suspicion.test) + 1]
        case _:
            return order


def shows(suspicion: Suspicion, run: Run) -> bool:
    """Tell whether a run of the command gave the reported outcome, for the reported reason."""
    if suspicion.test == SESSION:
        seen: tuple[Outcome, ...] = (session_outcome(run),)
    elif suspicion.message == NOT_COLLECTED:
        return session_outcome(run).status is Status.PASSED and suspicion.test not in run.collected
    else:
        seen = tuple(outcome for outcome in run.outcomes if outcome.test == suspicion.test)
    reasons = (outcome.message or outcome.status.value for outcome in seen)
    return fingerprint(suspicion.message) in {fingerprint(reason) for reason in reasons}


def finding(
    suspicion: Suspicion, number: int, shown: Reproduction, tries: Sequence[Run]
) -> Finding:
    """Close the case: confirmed when the command gave the reported outcome in at least one of its fresh processes."""
    good = sum(shows(suspicion, run) for run in tries)
    return Finding(
        id=f"F{number}",
        test=suspicion.test,
        kind=suspicion.kind,
        message=suspicion.message,
        runs=suspicion.runs,
        failures=suspicion.failures,
        failing=suspicion.failing,
        reproduce=shown.command,
        arguments=shown.experiment.arguments or (),
        confirmed=good > 0,
        tries=len(tries),
        shown=good,
    )
