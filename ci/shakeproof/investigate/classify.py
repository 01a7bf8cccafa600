"""Which tests are unstable, and of which kind (pure)."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from shakeproof.messages import fingerprint, reason
from shakeproof.model import BAD, Instability, Kind, Outcome, Status, Suspicion

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Hashable, Iterable, Sequence

    from shakeproof.model import Run

# What happens outside any test - the collection, the start and the end of the process - is judged as if it were one
# more test.
SESSION = "(session)"

SIGNIFICANT = 0.05  # what is less likely than this is not put down to chance
# The same for who is a victim now and then: all but the order is chance there already.
VERY_SIGNIFICANT = 0.01
MOST_REASONS = 3  # failures that read in more ways are one reason with changing words
UNDIVIDED = frozenset(
    {
        Instability.NON_DETERMINISTIC,
        Instability.CRASH,
        Instability.HANG,
        Instability.BROKEN,
    }
)
DEPENDENT = frozenset({Instability.VICTIM, Instability.BRITTLE})
NOT_COLLECTED = "not collected"
UNREMARKABLE = frozenset({Status.PASSED, Status.NOT_RUN})
NOTHING_COLLECTED = 5  # exit statuses of pytest
ORDERLY = (0, 1, 2, NOTHING_COLLECTED)  # passed, failed, interrupted; all else died or broke


@dataclass(frozen=True, slots=True)
class Turn:
    """One test in one run."""

    run: Run
    outcome: Outcome
    order: int  # the same for runs that were to run the same tests in the same order, with the same plugins

    @property
    def signature(self) -> Hashable:
        """What is compared between runs: the status, and the reason where there is one."""
        message = self.outcome.message
        return self.outcome.status, fingerprint(message) if message else ""


def classify(runs: Sequence[Run]) -> tuple[Suspicion, ...]:
    """Name the tests whose outcome depended on anything but the code under test, in the order of their first turn.

    A test that fails in every run is `broken`, not unstable, unless it takes the process down or never ends. A test
    is `non-deterministic` only when identical conditions gave different outcomes, and then it is never also called a
    victim - unless it fails now and then behind others and never without, too often for chance: an intermittent victim.
    A test that fails for two reasons, each told by its message, is suspected for each.
    Terms: Lam et al., "iDFlakies", ICST 2019; Shi et al., "iFixFlakies", FSE 2019.
    """
    table = turns_of(runs)
    suspicions = tuple(each for test, turns in table.items() for each in _suspect(test, turns))
    chancy = {each.test for each in suspicions if each.kind is Instability.NON_DETERMINISTIC}
    return (*suspicions, *(each for each in _not_idempotent(runs) if each.test not in chancy))


def _not_idempotent(runs: Sequence[Run]) -> Iterable[Suspicion]:
    """Find the tests that pass once and then fail when they run again right away."""
    table: defaultdict[str, list[Run]] = defaultdict(list)
    for run in runs:
        if run.experiment.kind is Kind.TWICE and len(run.outcomes) > 1:
            table[run.outcomes[0].test].append(run)
    for test, twice in table.items():
        tripped = [run for run in twice if run.outcomes[1].bad and not run.outcomes[0].bad]
        if tripped:
            again = tripped[0].outcomes[1]
            yield Suspicion(
                test=test,
                kind=Instability.NON_IDEMPOTENT,
                status=again.status,
                message=again.message or again.status.value,
                runs=len(twice),
                failures=len(tripped),
                failing=tuple(run.experiment.label for run in tripped),
                example=tripped[0],
            )


def turns_of(runs: Iterable[Run]) -> dict[str, tuple[Turn, ...]]:
    """Sort the outcomes by test, for those that did anything but pass: a table test x run.

    A test that a whole-suite run did not collect is `missing` there; where the collection failed, that is the
    session's outcome and says nothing about any test.
    """
    runs = tuple(runs)
    everything = dict.fromkeys(test for run in runs for test in run.collected)
    missing = [_missing(run, everything) for run in runs]
    telling = {test for tests in missing for test in tests}
    telling.update(o.test for run in runs for o in run.outcomes if o.status not in UNREMARKABLE)
    table: defaultdict[str, list[Turn]] = defaultdict(list)
    # Each order gets a number, once: comparing ten thousand names for each turn takes longer than all else together.
    orders: dict[Hashable, int] = {}
    for run, absent in zip(runs, missing, strict=True):
        order = orders.setdefault((run.collected, run.experiment.plugins), len(orders))
        table[SESSION].append(Turn(run, session_outcome(run), order))
        # Of a test that runs twice in a row, only the first turn can be compared with its others.
        for outcome in run.outcomes[: 1 if run.experiment.kind is Kind.TWICE else None]:
            if outcome.test in telling and outcome.status is not Status.NOT_RUN:
                table[outcome.test].append(Turn(run, outcome, order))
        for test in absent:
            table[test].append(Turn(run, Outcome(test, Status.MISSING, NOT_COLLECTED), order))
    return {test: tuple(turns) for test, turns in table.items()}


def _missing(run: Run, everything: Collection[str]) -> tuple[str, ...]:
    """List what other runs collected and this one, which was to collect it, did not."""
    if not _collected_for_all(run):
        return ()
    collected = frozenset(run.collected)
    if len(collected) == len(everything):
        return ()
    return tuple(test for test in everything if test not in collected)


def _collected_for_all(run: Run) -> bool:
    """Tell whether what this run did not collect was not there: it was asked for everything, and did collect."""
    came_through = bool(run.collected) or run.exit_status == NOTHING_COLLECTED
    return run.experiment.tests is None and came_through and not run.collection_errors


def session_outcome(run: Run) -> Outcome:
    """Judge a run apart from its tests: whether it collected, and whether the process ended as pytest ends."""
    if run.collection_errors:
        return Outcome(SESSION, Status.ERROR, run.collection_errors[0])
    # Nearly all pass, and there are many: whatever else is asked is asked of the few.
    others = {each.status for each in run.outcomes if each.status is not Status.PASSED}
    if others & {Status.CRASHED, Status.HUNG}:
        return Outcome(SESSION, Status.PASSED)  # the test that did it is named already
    if run.exit_status not in ORDERLY:
        return Outcome(SESSION, Status.CRASHED, f"pytest ended with status {run.exit_status}")
    if Status.NOT_RUN in others:
        return Outcome(SESSION, Status.CRASHED, "pytest stopped before every test had its turn")
    return Outcome(SESSION, Status.PASSED)


def is_failing_test(suspicion: Suspicion) -> bool:
    """Tell whether what is suspected is a test, and of nothing but that it fails."""
    return suspicion.test != SESSION and suspicion.status in (Status.FAILED, Status.ERROR)


def in_company(run: Run) -> bool:
    """Tell whether other tests ran at the same time, in workers of this run or in other runs.

    Who meets whom then is chance: no two such runs have identical conditions.
    """
    beside = (Kind.PARALLEL, Kind.CONCURRENT)
    return run.experiment.kind in beside or run.experiment.concurrent


def _company(run: Run) -> int:
    """Say how much a run has in common with runs at the same time: 0 nothing, 2 even the temporary folder."""
    return int(in_company(run)) and 1 + run.experiment.shares_temporary


def _suspect(test: str, turns: tuple[Turn, ...]) -> tuple[Suspicion, ...]:
    """Judge a test, and where it fails for several reasons judge each as if there were no other."""
    whole = _judge(test, turns)
    if whole is None:
        return ()
    reasons = () if whole.kind in UNDIVIDED else _reasons(turns)
    parts = tuple(
        replace(part, reason=one)
        for one in reasons
        if (part := _judge(test, _without_other_reasons(turns, one))) is not None
    )
    kinds = {part.kind for part in parts}
    return parts if len(parts) > 1 and (len(kinds) > 1 or kinds & DEPENDENT) else (whole,)


def _reasons(turns: tuple[Turn, ...]) -> tuple[str, ...]:
    """List how the failures of a test read; nothing where the same conditions made it fail with other words."""
    said: defaultdict[Hashable, set[str]] = defaultdict(set)
    for turn in turns:
        if turn.outcome.bad:
            said[_conditions(turn)].add(reason(turn.outcome.message))
    if any(len(reasons) > 1 for reasons in said.values()):
        return ()
    distinct = tuple(dict.fromkeys(reason for reasons in said.values() for reason in reasons))
    return distinct if len(distinct) <= MOST_REASONS else ()


def _without_other_reasons(turns: tuple[Turn, ...], wanted: str) -> tuple[Turn, ...]:
    return tuple(
        turn for turn in turns if not turn.outcome.bad or reason(turn.outcome.message) == wanted
    )


def _judge(test: str, turns: tuple[Turn, ...]) -> Suspicion | None:
    if len({turn.signature for turn in turns}) == 1 and turns[0].outcome.status not in BAD:
        return None
    odd = _odd_ones(turns)
    if not odd:
        return None
    # Runs are large: they are told apart by which object they are, and not by their values.
    odd_runs = {id(turn.run) for turn in odd}
    ordinary = [turn for turn in turns if id(turn.run) not in odd_runs]
    kind = _kind(turns, odd)
    example, rate = odd[0], 1.0
    if kind is Instability.VICTIM and (worst := _worst(turns)) and worst[1] < 1:
        example, rate = worst
    first = [turn for turn in turns if _comes_first(turn)]
    return Suspicion(
        test=test,
        kind=kind,
        status=example.outcome.status,
        message=example.outcome.message or example.outcome.status.value,
        runs=len(turns),
        failures=len(odd),
        failing=tuple(turn.run.experiment.label for turn in odd),
        example=example.run,
        opposite=ordinary[0].run if ordinary else None,
        rate=rate,
        passed_first=0 if any(id(turn.run) in odd_runs for turn in first) else len(first),
    )


def _odd_ones(turns: tuple[Turn, ...]) -> tuple[Turn, ...]:
    """Pick the turns that want explaining: the failures, or where nothing failed those unlike most others."""
    bad = tuple(turn for turn in turns if turn.outcome.bad)
    if bad:
        return bad
    statuses = Counter(turn.outcome.status for turn in turns)
    # Where two are equally common, the first that `Status` lists is the usual one: not the one that came first.
    usual = max(Status, key=lambda status: statuses[status])
    return tuple(turn for turn in turns if turn.outcome.status is not usual)


def _kind(turns: tuple[Turn, ...], odd: tuple[Turn, ...]) -> Instability:
    statuses = {turn.outcome.status for turn in odd}
    if Status.HUNG in statuses:
        return Instability.HANG
    if Status.CRASHED in statuses:
        return Instability.CRASH
    if len(odd) == len(turns):
        return Instability.BROKEN
    order = _order_asked_for if _is_about_collecting(turns) else _order_collected

    def conditions(turn: Turn) -> tuple[Hashable, int | None, int]:
        return _conditions(turn, order)

    spread = tuple(turn for turn in turns if turn.run.experiment.kind is not Kind.PARALLEL)
    by_itself = tuple(turn for turn in turns if not in_company(turn.run))
    if not _agree_within(by_itself, conditions):
        intermittent = _fails_only_behind_others(by_itself)
        return Instability.VICTIM if intermittent else Instability.NON_DETERMINISTIC
    if all(in_company(turn.run) for turn in odd):
        # Of what is in the temporary folder, only runs that have it in common can tell.
        closest = min(_company(turn.run) for turn in odd)
        beside = sum(_company(turn.run) >= closest for turn in turns)
        by_chance = chance_of_one_side(len(odd), beside, len(turns) - beside) >= SIGNIFICANT
        if by_chance and not _agree_within(spread, conditions):
            return Instability.NON_DETERMINISTIC
        return Instability.PARALLEL_UNSAFE
    if not _agree_within(spread, order):
        # The same order: either the hash seed alone decides, or it does not decide either.
        by_hash_seed = _agree_within(spread, lambda turn: conditions(turn)[:2])
        return Instability.HASH_ORDER if by_hash_seed else Instability.NON_DETERMINISTIC
    if any(turn.run.experiment.kind in (Kind.ALONE, Kind.TWICE) for turn in odd):
        return Instability.BRITTLE
    return Instability.VICTIM


def _fails_only_behind_others(turns: tuple[Turn, ...]) -> bool:
    """Tell whether a test that fails now and then does so behind other tests only, and too often for chance."""
    worst = _worst(turns)
    first = [turn for turn in turns if _comes_first(turn)]
    if worst is None or any(turn.outcome.bad for turn in first):
        return False
    same = [turn for turn in turns if _conditions(turn) == _conditions(worst[0])]
    failures = sum(turn.outcome.bad for turn in same)
    return chance_of_one_side(failures, len(same), len(first)) < VERY_SIGNIFICANT


def _worst(turns: tuple[Turn, ...]) -> tuple[Turn, float] | None:
    """Find the conditions behind other tests under which most runs failed: a failure there.

    With it comes the rate of failures under all conditions in which there were any.
    """
    groups: defaultdict[Hashable, list[Turn]] = defaultdict(list)
    for turn in turns:
        if not in_company(turn.run) and not _comes_first(turn):
            groups[_conditions(turn)].append(turn)
    if not groups:
        return None
    failing = {
        key: bad
        for key, group in groups.items()
        if (bad := [turn for turn in group if turn.outcome.bad])
    }
    if not failing:
        return None
    worst = max(failing.values(), key=len)
    runs = sum(len(groups[key]) for key in failing)
    return worst[0], sum(map(len, failing.values())) / runs


def _comes_first(turn: Turn) -> bool:
    """Tell whether no other test had run in the process."""
    ran = (each.test for each in turn.run.outcomes if each.status is not Status.NOT_RUN)
    return next(ran, "") == turn.outcome.test


def chance_of_one_side(failures: int, on_it: int, on_the_other: int) -> float:
    """Give the probability that all failures fall on one side, if it does not matter on which side a turn is.

    The one-sided exact test of Fisher (1922) for a two-by-two table with an empty cell: C(n, k) / C(n + m, k).
    """
    return math.comb(on_it, failures) / math.comb(on_it + on_the_other, failures)


def _is_about_collecting(turns: Iterable[Turn]) -> bool:
    return any(
        turn.outcome.status is Status.MISSING or turn.outcome.test == SESSION for turn in turns
    )


def _conditions(
    turn: Turn, order: Callable[[Turn], Hashable] | None = None
) -> tuple[Hashable, int | None, int]:
    """Say under which conditions a test had its turn: two turns with this in common differ by chance."""
    asked = (order or _order_collected)(turn)
    return asked, turn.run.experiment.hash_seed, _company(turn.run)


def _order_collected(turn: Turn) -> Hashable:
    """Say what was going to run: two runs with this in common differ by chance, or by the hash seed."""
    return turn.order


def _order_asked_for(turn: Turn) -> Hashable:
    """Say the same before anything is collected, for what goes differently in collecting itself."""
    experiment = turn.run.experiment
    return experiment.tests, experiment.arguments, experiment.options, experiment.plugins


def _agree_within(turns: tuple[Turn, ...], key: Callable[[Turn], Hashable]) -> bool:
    """Tell whether turns with the same key always failed, or always did not.

    Failing for one reason here and for another there is no disagreement: what varies is the message, not the outcome.
    """
    groups: defaultdict[Hashable, set[bool | Status]] = defaultdict(set)
    for turn in turns:
        groups[key(turn)].add(turn.outcome.bad or turn.outcome.status)
    return all(len(group) == 1 for group in groups.values())
