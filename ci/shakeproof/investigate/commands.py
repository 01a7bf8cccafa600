"""Turning a suspicion into a command that shows it, and into the run that has to turn out the other way (pure)."""

from __future__ import annotations

import math
import os
import re
import shlex
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from shakeproof.investigate.classify import SESSION
from shakeproof.model import Experiment, Finding, Instability, Kind, Status, run_together

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shakeproof.model import Run, Suspicion

INLINE_TESTS = 8  # a longer order is written to a file, which pytest reads as @file
FEWEST_TRIES, MOST_TRIES = 10, 30  # of a command that shows its failure only now and then
SURE_TRIES = 3  # of one that shows it each time, when it is asked again on another day
PLAIN_TRIES = 4  # of a command that may show it, where there is another that does so more surely
MISSED = 0.01  # how likely a failure may stay unseen in all tries of its command
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
    ("maxfail", ("--maxfail=0",)),  # a polluter may fail itself, and `-x` would end the run there
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
    beside: Experiment | None = None  # what runs at the same time; None: only copies of the same

    @property
    def together(self) -> tuple[Experiment, ...]:
        """All that the command runs at the same time."""
        return run_together(self.experiment, self.beside, self.copies)


def reproduction(
    suspicion: Suspicion, number: int, user_arguments: Sequence[str], order_file: Path, cwd: Path
) -> Reproduction:
    """Write the command for a suspicion, to be run in the folder `cwd`.

    `user_arguments` are those that followed `--`; of these the options are kept and the paths are replaced by the tests
    that matter, from `order_file` where there are many.
    """
    example = suspicion.example
    order = seen_from(cwd, example.rootdir, _order(suspicion))
    out = os.path.relpath(order_file.parent.parent, cwd)
    if suspicion.kind is Instability.NON_IDEMPOTENT:
        twice = (suspicion.test, suspicion.test)
        return _replay_only(number, user_arguments, twice, out, tries=1)
    if suspicion.kind is Instability.IMPORT_POLLUTED and _can_be_named(suspicion):
        return _collecting(suspicion, number, user_arguments, cwd)
    if suspicion.kind is Instability.PARALLEL_UNSAFE and suspicion.culprits:
        return _overlapping(suspicion, number, user_arguments, cwd, out)
    listed = len(order) > INLINE_TESTS
    if not _are_nameable(order) or (listed and not _reads_files(example.pytest)):
        # Before 8.2 pytest takes `@file` for a path: an order too long for the line cannot be given to it.
        return _replay_only(number, user_arguments, _order(suspicion), out, tries=_tries(suspicion))
    over_workers = suspicion.example.experiment.kind is Kind.PARALLEL
    copies = 2 if suspicion.kind is Instability.PARALLEL_UNSAFE and not over_workers else 1
    if suspicion.kind is Instability.PARALLEL_UNSAFE:
        spreading = example.experiment.options if over_workers else ()
        switches = _switches(example, besides="xdist" if over_workers else "")
        arguments = (*user_arguments, *switches, *spreading)
    else:
        tests = (f"@{os.path.relpath(order_file, cwd)}",) if listed else order or example.positional
        arguments = (*_options(suspicion, user_arguments), *tests)
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
            shares_temporary=copies > 1,
        ),
        tries=_tries(suspicion),
        order_file=order_file,
        order=order if listed else (),
    )


def _can_be_named(suspicion: Suspicion) -> bool:
    """Tell whether pytest can be given the file of a test and its culprits' by their names."""
    return _are_nameable((suspicion.test, *sum(suspicion.culprits[:1], ())))


def _are_nameable(tests: Sequence[str]) -> bool:
    """Tell whether pytest can be given tests, or files: it reads an argument only as far as the first bracket."""
    return not any("[" in test.partition("::")[0] for test in tests)


def _overlapping(
    suspicion: Suspicion, number: int, user_arguments: Sequence[str], cwd: Path, out: str
) -> Reproduction:
    """Run two tests at the same time, the other one first: each once, or each several times in its process."""
    members = suspicion.culprits[0]
    tries = PLAIN_TRIES if len(suspicion.turns) > 1 else _tries(suspicion)
    if _repeats(suspicion) or not _are_nameable(members):
        own, other = (
            (test,) * turns for test, turns in zip(members, suspicion.turns[0], strict=True)
        )
        shown = _replay_only(number, user_arguments, own, out, tries=tries)
        alone = replace(shown.experiment, shares_temporary=True)
        beside = replace(alone, tests=other)
        return replace(shown, experiment=alone, copies=2, beside=beside)
    options = _options(suspicion, user_arguments)
    own, other = (
        (*options, *seen_from(cwd, suspicion.example.rootdir, [test])) for test in members
    )
    shown = _once(f"confirm F{number}", own)
    alone = replace(shown.experiment, shares_temporary=True)
    return replace(
        shown,
        command=f"python -m pytest {shlex.join(other)} & {shown.command}; wait",
        experiment=alone,
        beside=replace(alone, arguments=other),
        copies=2,
        tries=tries,
    )


def _repeats(suspicion: Suspicion) -> bool:
    """Tell whether a test runs several times in one process, for which pytest has no command line."""
    return max(suspicion.turns[0]) > 1


def other_ways(suspicion: Suspicion) -> tuple[Suspicion, ...]:
    """Say what to try where its command does not show a suspicion: the two tests more often, then the whole suite."""
    if suspicion.kind is not Instability.PARALLEL_UNSAFE or not suspicion.culprits:
        return ()
    turns = suspicion.turns
    oftener = (replace(suspicion, turns=turns[first:]) for first in range(1, len(turns)))
    # What the two use proves nothing once it takes everything to show it.
    unsure = tuple(replace(each, proven=False) for each in suspicion.causes)
    return (*oftener, replace(suspicion, culprits=(), causes=unsure, turns=turns[-1:]))


def _collecting(
    suspicion: Suspicion, number: int, user_arguments: Sequence[str], cwd: Path
) -> Reproduction:
    """Have pytest import the culprits, but run only the test: each is named, and then none of its tests is wanted."""
    files = suspicion.culprits[0] if suspicion.culprits else ()
    own, *_ = suspicion.test.partition("::")
    root = suspicion.example.rootdir
    wanted = [file for file in suspicion.example.files if file == own or file in files]
    named = [suspicion.test if file == own else file for file in wanted]
    arguments = (
        *_options(suspicion, user_arguments),
        *seen_from(cwd, root, named),
        *map(deselecting, files),
    )
    return _once(f"confirm F{number}", arguments)


def deselecting(file: str) -> str:
    """Give the option that keeps pytest from running the tests of a file that it collects."""
    return f"--deselect={file}"


def _once(label: str, arguments: tuple[str, ...]) -> Reproduction:
    """Write a plain command that leaves nothing to chance."""
    return Reproduction(
        command=f"python -m pytest {shlex.join(arguments)}".strip(),
        copies=1,
        experiment=Experiment(label, Kind.REPLAY, arguments=arguments, plugins=UNCHANGED),
        tries=1,
        order_file=Path(),
    )


def _reads_files(pytest: str) -> bool:
    """Tell whether a version of pytest understands `@file` (new in 8.2)."""
    major, minor = (*re.findall(r"\d+", pytest), "0", "0")[:2]
    return (int(major), int(minor)) >= (8, 2)


def _tries(suspicion: Suspicion | Finding) -> int:
    """Say how often the command may be run: where chance plays a part, until it would fail almost surely."""
    if suspicion.kind not in CHANCY:
        return 1 if suspicion.rate == 1 else MOST_TRIES
    rate = suspicion.failures / suspicion.runs
    if rate >= 1:
        return FEWEST_TRIES
    return min(max(often_enough(rate), FEWEST_TRIES), MOST_TRIES)


def tries_again(case: Finding) -> int:
    """Say after how many runs of its command in which it does not show itself a finding may be taken for mended.

    Where it was confirmed only now and then, that counts as well.
    """
    seldom = often_enough(case.shown / case.tries) if 0 < case.shown < case.tries else 1
    return min(max(_tries(case), seldom, SURE_TRIES), MOST_TRIES)


def often_enough(rate: float) -> int:
    """Say in how many runs a failure with this rate shows itself at least once, but for a chance of `MISSED`.

    With a failure rate p, n runs all pass with probability (1 - p)^n: the least n for which that is below `MISSED`.
    """
    return 1 if rate >= 1 else math.ceil(math.log(MISSED) / math.log(1 - rate))


def _replay_only(
    number: int,
    user_arguments: Sequence[str],
    tests: tuple[str, ...],
    out: str,
    *,
    tries: int,
) -> Reproduction:
    """Have Shakeproof repeat what pytest has no command line for."""
    return Reproduction(
        command=f"shakeproof replay F{number} --out {shlex.quote(out)}",
        experiment=Experiment(
            label=f"confirm F{number}",
            kind=Kind.REPLAY,
            arguments=tuple(user_arguments),
            tests=tests,
        ),
        tries=tries,
        copies=1,
        order_file=Path(),
    )


def seen_from(cwd: Path, rootdir: Path, tests: Sequence[str]) -> tuple[str, ...]:
    """Name tests as seen from a folder: node ids are relative to pytest's root directory, arguments to the folder."""
    files = {test.partition("::")[0] for test in tests}  # far fewer than tests
    there = {file: os.path.relpath(rootdir / file, cwd) for file in files}
    parts = (test.partition("::") for test in tests)
    return tuple(f"{there[file]}{colons}{rest}" for file, colons, rest in parts)


def _options(suspicion: Suspicion, user_arguments: Sequence[str]) -> tuple[str, ...]:
    """Keep the user's options, and put the switches behind them: of two `-n`, pytest takes the last."""
    example = suspicion.example
    return (*without_paths(user_arguments, example), *_switches(example))


def without_paths(user_arguments: Sequence[str], example: Run) -> tuple[str, ...]:
    """Keep of the user's arguments what says how to collect, and not what: in a run, pytest told the two apart."""
    return tuple(each for each in user_arguments if each not in example.positional)


def _switches(example: Run, besides: str = "") -> tuple[str, ...]:
    wanted = (words for name, words in SWITCHES if name in example.plugins and name != besides)
    return tuple(word for words in wanted for word in words)


def _order(suspicion: Suspicion) -> tuple[str, ...]:
    """List the tests that are sure to show the failure: what ran up to it, in the run that showed it."""
    order = suspicion.example.order
    match suspicion.kind:
        case Instability.PARALLEL_UNSAFE:
            return ()
        case Instability.VICTIM | Instability.CRASH | Instability.HANG if suspicion.culprits:
            return (*suspicion.culprits[0], suspicion.test)
        case _ if suspicion.status is Status.MISSING:
            return ()  # what is to be shown is that asking for everything does not bring it
        case Instability.BRITTLE | Instability.BROKEN if suspicion.test != SESSION:
            return (suspicion.test,)
        case _ if suspicion.test in order:
            return order[: order.index(suspicion.test) + 1]
        case _:
            return order


def length(suspicion: Suspicion) -> int:
    """Say how many tests its command runs: about how long that takes."""
    match suspicion.kind:
        case Instability.NON_IDEMPOTENT:
            return 2
        case Instability.IMPORT_POLLUTED:
            return 1
        case Instability.PARALLEL_UNSAFE if suspicion.culprits:
            return sum(suspicion.turns[0])
        case _:
            return len(_order(suspicion)) or len(suspicion.example.collected)


def counter_check(
    suspicion: Suspicion, number: int, user_arguments: Sequence[str], cwd: Path
) -> Experiment | None:
    """Plan the run that has to turn out the other way: a victim alone, a brittle test behind a state-setter.

    Without it, a test that always fails would pass for a victim of anybody. None where there is nothing to plan.
    """
    match suspicion.kind:
        case Instability.CRASH | Instability.HANG if not suspicion.culprits:
            return None
        case Instability.IMPORT_POLLUTED if not _are_nameable((suspicion.test,)):
            return None  # what is collected cannot be told from what is not
        case (
            Instability.VICTIM | Instability.IMPORT_POLLUTED | Instability.CRASH | Instability.HANG
        ):
            tests: tuple[str, ...] = (suspicion.test,)
        case Instability.PARALLEL_UNSAFE if suspicion.culprits:
            tests = (suspicion.test,)
        case Instability.BRITTLE if suspicion.culprits:
            tests = (*suspicion.culprits[0], suspicion.test)
        case _:
            return None
    unsafe = suspicion.kind is Instability.PARALLEL_UNSAFE
    if (unsafe and _repeats(suspicion)) or not _are_nameable(tests):
        again = tests * (suspicion.turns[0][0] if unsafe else 1)
        shown = _replay_only(number, user_arguments, again, "", tries=1)
        return replace(shown.experiment, label=f"counter-check of F{number}")
    named = seen_from(cwd, suspicion.example.rootdir, tests)
    return Experiment(
        label=f"counter-check of F{number}",
        kind=Kind.REPLAY,
        arguments=(*_options(suspicion, user_arguments), *named),
        plugins=UNCHANGED,
    )


def whole_suite(suspicion: Suspicion, number: int, user_arguments: Sequence[str]) -> Reproduction:
    """Write the command that runs everything as it comes: whether the suite is red does not hang on who is to blame."""
    arguments = (*_options(suspicion, user_arguments), *suspicion.example.positional)
    return _once(f"the whole suite for F{number}", arguments)
