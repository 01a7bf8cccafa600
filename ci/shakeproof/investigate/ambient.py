"""Which tests mind the weather: judging runs under another condition, and the commands that show it (pure)."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING

from shakeproof import orders
from shakeproof.investigate.commands import seen_from, without_paths
from shakeproof.investigate.conditions import shell_line
from shakeproof.model import (
    BAD,
    Cause,
    Experiment,
    Instability,
    Kind,
    Leak,
    Status,
    Suspicion,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from shakeproof.investigate.commands import Reproduction
    from shakeproof.lab.base import Target
    from shakeproof.model import Condition, Outcome, Run

# Under which category of the contract a cause falls, where the condition is not called so itself.
CATEGORIES = (("descriptors", "filesystem"), ("cpu", "thread"))
KINDS = (("timezone", Instability.TIMEZONE), ("clock", Instability.CLOCK))


def steady(runs: Iterable[Run]) -> frozenset[str]:
    """Name the tests that passed at every turn they had: of others, nothing can be said about the weather."""
    seen: defaultdict[str, set[Status]] = defaultdict(set)
    for run in runs:
        for outcome in run.outcomes:
            seen[outcome.test].add(outcome.status)
    return frozenset(
        test for test, statuses in seen.items() if statuses - {Status.NOT_RUN} == {Status.PASSED}
    )


def minding(tests: Collection[str], changed: Run, usual: Run) -> tuple[str, ...]:
    """Name those of the tests that failed under a condition and passed without it, in the order of their turns."""
    passed = {each.test for each in usual.outcomes if each.status is Status.PASSED}
    failed = (each.test for each in changed.outcomes if each.status in BAD)
    return tuple(test for test in dict.fromkeys(failed) if test in tests and test in passed)


def unreached(tests: Collection[str], run: Run) -> int:
    """Count those of the tests that never had their turn, since the run ended before."""
    waiting = {each.test for each in run.outcomes if each.status is Status.NOT_RUN}
    return len(waiting.intersection(tests))


def usual_run(tests: tuple[str, ...] | None) -> Experiment:
    """Plan the control: the declared order with nothing changed, in the same kind of process."""
    return Experiment("as usual", Kind.AMBIENT, tests=tests, hash_seed=orders.HASH_SEEDS[0])


def changed(condition: Condition, usual: Run, target: Target) -> Experiment:
    """Plan the declared order under a condition: the run `usual`, with just that changed."""
    experiment = replace(usual.experiment, label=condition.name, condition=condition)
    return _from_anywhere(experiment, usual, usual.files, target)


def again(
    condition: Condition, usual: Run, tests: Sequence[str] | None, target: Target
) -> tuple[Experiment, Experiment]:
    """Plan a second pair: these tests, or None for the whole suite, with the condition and without.

    All files are collected as before. Where the condition is another folder, both are written so that they mean the
    same from anywhere, and only the folder differs.
    """
    what = "all again" if tests is None else "again"
    chosen = usual.experiment.tests if tests is None else tuple(tests)
    first = replace(changed(condition, usual, target), tests=chosen)
    label = f"{condition.name} {what}"
    without = f"as usual {what} (for {condition.name})"
    return replace(first, label=label), replace(first, label=without, condition=None)


def alone(condition: Condition, usual: Run, test: str, target: Target) -> Experiment:
    """Plan one test by itself under a condition: only its own file is collected."""
    options = without_paths(target.pytest_arguments, usual)
    named = seen_from(target.rootdir, usual.rootdir, (test,))
    experiment = Experiment(
        f"{test} alone under {condition.name}",
        Kind.AMBIENT,
        arguments=(*options, *named),
        hash_seed=usual.experiment.hash_seed,
        condition=condition,
    )
    return _from_anywhere(experiment, usual, (test,), target)


def _from_anywhere(
    experiment: Experiment, usual: Run, tests: Sequence[str], target: Target
) -> Experiment:
    """Name tests, root directory and settings in full where pytest is to be started in another folder."""
    if experiment.condition is None or not experiment.condition.elsewhere:
        return experiment
    options = without_paths(target.pytest_arguments, usual)
    full = (str(usual.rootdir / test) for test in tests)
    return replace(experiment, arguments=(*options, *_settled(usual), *full))


def _settled(run: Run) -> tuple[str, ...]:
    """Say what pytest would else find out by looking around from the folder in which it is started."""
    settings = ("-c", str(run.inipath)) if run.inipath else ()
    return (f"--rootdir={run.rootdir}", *settings)


def suspicion(
    test: str, found: Sequence[tuple[Condition, Run]], runs: Sequence[Run], usual: Run
) -> Suspicion:
    """Say what is suspected of a test that failed twice under each of these conditions and passed as often without.

    `found` has a run that shows it for each of them; the first is the example. `runs` are all that were made for it.
    """
    condition, example = found[0]
    outcome = _outcome(example, test)
    mine = [
        run
        for run in runs
        if run.came_through(test) is not None
        if (other := run.experiment.condition) is None or other.category == condition.category
    ]
    failed = [run for run in mine if run.came_through(test) is False]
    return Suspicion(
        test=test,
        kind=dict(KINDS).get(condition.category, Instability.NON_DETERMINISTIC),
        status=outcome.status,
        message=outcome.message,
        runs=len(mine),
        failures=len(failed),
        failing=tuple(run.experiment.label for run in failed),
        # The user's paths are those of an ordinary run: this one may have been given others.
        example=replace(example, positional=usual.positional),
        opposite=usual,
        causes=tuple(cause(each) for each, _ in found),
    )


def cause(condition: Condition) -> Cause:
    """Name the one thing that was changed: the outcome turned around with it, both ways, twice."""
    category = dict(CATEGORIES).get(condition.category, condition.category)
    what = Leak("", category, condition.key, condition.before, condition.after)
    return Cause(what, proven=True)


def _outcome(run: Run, test: str) -> Outcome:
    return next(each for each in reversed(run.outcomes) if each.test == test)


def under_its_condition(shown: Reproduction, suspicion: Suspicion, target: Target) -> Reproduction:
    """Have the command of a suspicion, and what it runs, change the one thing that it takes for the test to fail."""
    condition = suspicion.condition
    if condition is None:
        return shown
    if condition.elsewhere:
        shown = _shown_from_anywhere(shown, suspicion.example, target)
    experiment = replace(shown.experiment, condition=condition)
    # What only Shakeproof can run, it runs under the condition as well.
    by_pytest = shown.command.startswith("python -m pytest")
    command = shell_line(condition, experiment.arguments or ()) if by_pytest else shown.command
    return replace(shown, command=command, experiment=experiment, tries=1)


def _shown_from_anywhere(shown: Reproduction, example: Run, target: Target) -> Reproduction:
    """Name in full what a command names, its list of tests included."""
    near = seen_from(target.rootdir, example.rootdir, example.order)
    full = {n: str(example.rootdir / t) for n, t in zip(near, example.order, strict=True)}
    given = shown.experiment.arguments or ()
    if shown.order:
        full[given[-1]] = f"@{shown.order_file}"
    named = tuple(full.get(each, each) for each in given)
    if (
        shown.experiment.tests is not None
    ):  # it runs them as Shakeproof does: all files are collected
        files = (str(example.rootdir / file) for file in example.files)
        named = (*without_paths(given, example), *files)
    return replace(
        shown,
        experiment=replace(shown.experiment, arguments=(*named, *_settled(example))),
        order=tuple(full[each] for each in shown.order),
    )


def as_usual(experiment: Experiment, number: int) -> Experiment:
    """Plan the same run without its condition: then the test has to pass."""
    return replace(experiment, label=f"counter-check of F{number}", condition=None)
