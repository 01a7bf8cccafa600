"""Try the benchmark gate on itself: equal revisions, and such of which one has a benchmark slowed by 10 %.

python -m benchmarks.gate_trial                     30 comparisons of each kind, then the table
python -m benchmarks.gate_trial --comparisons 2     fewer
python -m benchmarks.gate_trial --write             put the table into docs/benchmarks.md as well

Each comparison is a whole one, environments included, and is written down as it ends: what is already there is not
made again, so that the trial can be interrupted. What another commit of the gate, another machine or other options
made is not counted. `--fresh` begins anew.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import time
from collections import Counter
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Final

from benchmarks.scene import say
from shakeproof.errors import ShakeproofError
from shakeproof.gates import git, pages
from shakeproof.gates.benchmarks.against import Asking, compare_sides
from shakeproof.gates.benchmarks.common import common_benchmarks
from shakeproof.gates.benchmarks.plan import Effort
from shakeproof.gates.benchmarks.revisions import clean_commit, repository
from shakeproof.gates.benchmarks.settings import read_settings
from shakeproof.gates.benchmarks.sides import installed_sides
from shakeproof.gates.documents import markdown
from shakeproof.gates.machine import this_machine
from shakeproof.gates.verdict import worst

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from shakeproof.gates.benchmarks.processes import Side
    from shakeproof.gates.benchmarks.series import Decision

ROOT: Final = Path(__file__).parents[2]
PAGE: Final = ROOT / "docs" / "benchmarks.md"
RESULTS: Final = ROOT / "reports" / "gate-trial" / "results.jsonl"
# What decides how the gate answers; where it changed, old answers tell nothing.
CODE: Final = ("ci/shakeproof/gates/benchmarks", "ci/shakeproof/inject", "ci/benchmarks/plugins")
PLUGINS: Final = Path(__file__).parent / "plugins"
SLOWED_BY: Final = 0.1
COMPARISONS: Final = 30
SHORT: Final = 12
SAME, SLOWER = "same", "slower"
QUICK: Final = Effort(looks=(2,), second=(2,))


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What comparisons must share to be counted together."""

    code: str  # the last commit that changed the gate's code
    machine: str
    quick: bool
    choose: str  # which benchmarks, as `-k` says; empty: all


@dataclass(frozen=True, slots=True)
class Trial:
    """One comparison that was made."""

    number: int
    kind: str
    into: str  # the benchmark that was slowed; empty: none
    answer: str  # of the gate
    of_slowed: str  # its answer for the slowed benchmark; empty where there is none
    false_alarms: int  # benchmarks that failed and were not slowed
    benchmarks: int
    seconds: float  # all of it, environments included
    load: float  # of the minute before it began
    date: str  # on which it ended, UTC
    under: Circumstances
    inconclusive: tuple[str, ...] = ()  # the benchmarks of which nothing could be told
    alarms: tuple[str, ...] = ()  # the benchmarks that failed, and by how much in each series


def main(argv: Sequence[str]) -> int:
    """Make the comparisons that are missing, print the table; 0 whatever came out, 2 where none can be made."""
    arguments = _parser().parse_args(argv)
    page: Path | None = arguments.write
    until = time.monotonic() + arguments.budget
    try:
        old = pages.read(page) if page is not None and page.exists() else pages.EMPTY
        now = Circumstances(
            code_commit(ROOT), str(this_machine()), arguments.quick, arguments.choose
        )
        if arguments.fresh:
            arguments.results.unlink(missing_ok=True)
        there = counted(arguments.results, now)
        for number, kind in missing(there, arguments.comparisons):
            if time.monotonic() >= until:
                say("the budget is spent")
                break
            trial = _compare(number, kind, now)
            append(arguments.results, trial)
            say(f"{kind} #{number}: {trial.answer}, {trial.seconds:.0f} s")
    except ShakeproofError as error:
        say(str(error))
        return error.exit_status
    made = [trial for trial in read(arguments.results) if trial.under == now]
    results = f"{conditions(made)}\n\n{markdown(table(made))}"
    print(results)
    if page is not None:
        page.write_text(pages.replaced(old, results), encoding="utf-8")
    return 0


def missing(made: Iterable[Trial], comparisons: int) -> Iterator[tuple[int, str]]:
    """Yield the comparisons that are still to be made, the two kinds in turn."""
    there = {(trial.number, trial.kind) for trial in made}
    for number in range(1, comparisons + 1):
        for kind in (SAME, SLOWER):
            if (number, kind) not in there:
                yield number, kind


def table(trials: Sequence[Trial]) -> tuple[tuple[str, ...], ...]:
    """Count what the gate said: one row a kind, the heading first."""
    heading = (
        "comparison", "made", "right", "false alarms", "missed", "inconclusive", "median time",
        "longest",
    )  # fmt: skip
    rows = [heading]
    for kind, name in ((SAME, "equal revisions"), (SLOWER, f"one benchmark +{SLOWED_BY:.0%}")):
        made = [trial for trial in trials if trial.kind == kind]
        if not made:
            continue
        answers = [trial.answer if kind == SAME else trial.of_slowed for trial in made]
        alarms = sum(trial.false_alarms > 0 for trial in made)
        seconds = [trial.seconds for trial in made]
        rows.append(
            (
                name,
                str(len(made)),
                str(answers.count("pass" if kind == SAME else "fail")),
                str(alarms),
                "-" if kind == SAME else str(answers.count("pass")),
                str(answers.count("inconclusive")),
                f"{median(seconds):.0f} s",
                f"{max(seconds):.0f} s",
            )
        )
    return tuple(rows)


def conditions(trials: Sequence[Trial]) -> str:
    """Say under which circumstances the numbers came about: those of the trials, not of today."""
    if not trials:
        return "No comparison was made."
    under = trials[0].under
    dates = [trial.date for trial in trials]
    when = f"on {min(dates)}" if min(dates) == max(dates) else f"from {min(dates)} to {max(dates)}"
    loads = [trial.load for trial in trials]
    counts = sorted({trial.benchmarks for trial in trials})
    unclear = Counter(name for trial in trials for name in trial.inconclusive)
    times = ", ".join(
        f"{name} {count} time{'s'[: count > 1]}" for name, count in unclear.most_common()
    )
    untold = f" Nothing could be told of {times}." if times else ""
    quick = " Too few rounds (`--quick`): it means nothing." if under.quick else ""
    return (
        f"Measured {when}: {under.machine}; the gate as of {under.code[:SHORT]}; "
        f"{' or '.join(map(str, counts))} benchmarks a comparison; load average {min(loads):.1f} to {max(loads):.1f} "
        f"before them.{untold}{quick}"
    )


def counted(path: Path, now: Circumstances) -> tuple[Trial, ...]:
    """Read the trials that were made under the same circumstances, and say that others are not counted."""
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    same = tuple(trial for trial in read(path) if trial.under == now)
    if left := len(lines) - len(same):
        say(
            f"{left} of {len(lines)} comparisons in {path} are not counted, and are made again: another commit of the "
            "gate, another machine or other options made them, or they are half written"
        )
    return same


def read(path: Path) -> Iterator[Trial]:
    """Read what was written down; a line that is half written, or does not say how it came about, is passed over."""
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    for line in lines:
        try:
            entry = json.loads(line)
            changed = {
                "under": Circumstances(**entry["under"]),
                "inconclusive": tuple(entry["inconclusive"]),
                "alarms": tuple(entry.get("alarms", ())),
            }
            trial = Trial(**entry | changed)
        except (ValueError, TypeError, KeyError):
            continue
        yield trial


def append(path: Path, trial: Trial) -> None:
    """Write one more down, on a line of its own even where the last one was left half written."""
    path.parent.mkdir(parents=True, exist_ok=True)
    half = path.exists() and path.read_bytes()[-1:] not in {b"", b"\n"}
    with path.open("a", encoding="utf-8") as file:
        file.write("\n" * half + json.dumps(asdict(trial)) + "\n")


def code_commit(root: Path, paths: Sequence[str] = CODE) -> str:
    """Return the last commit that changed the gate's code; raise `ShakeproofError` where git knows none."""
    found = git.ask(root, "log", "-1", "--format=%H", "--", *paths).strip()
    if not found:
        raise ShakeproofError(
            f"git knows no commit of {', '.join(paths)} in {root}, so nobody could tell which code was tried."
        )
    return found


def _compare(number: int, kind: str, under: Circumstances) -> Trial:
    """Make a whole comparison of HEAD with itself."""
    load = os.getloadavg()[0]
    begun = time.monotonic()
    repo = repository(ROOT)
    commit = clean_commit(repo)
    settings = read_settings(ROOT / "pyproject.toml")
    asked = Asking(
        ROOT, settings, commit, seed=number, choose=under.choose,
        effort=QUICK if under.quick else Effort(),
    )  # fmt: skip
    into = ""
    with installed_sides(repo, commit, settings, say) as sides:
        common = common_benchmarks(sides, settings, choose=under.choose)
        if kind == SLOWER:
            # Where so much is within the tolerance, a pass would be right.
            strict = [name for name in common.tests if settings.tolerance_of(name) < SLOWED_BY]
            into = strict[number % len(strict)]
        slowed = {
            arm: _with_plugin(side, into if arm == "head" else "") for arm, side in sides.items()
        }
        decisions = compare_sides(slowed, common, asked, say)
    answers = {each.name: each.answer for each in decisions}
    return Trial(
        number, kind, into,
        answer=worst(answers.values()),
        of_slowed=answers.get(into, ""),
        false_alarms=sum(answer == "fail" for name, answer in answers.items() if name != into),
        benchmarks=len(answers),
        seconds=round(time.monotonic() - begun, 1),
        load=round(load, 2),
        date=time.strftime("%Y-%m-%d", time.gmtime()),
        under=under,
        inconclusive=tuple(name for name, answer in answers.items() if answer == "inconclusive"),
        alarms=tuple(map(told, (each for each in decisions if each.answer == "fail"))),
    )  # fmt: skip


def told(decision: Decision) -> str:
    """Write down what made a benchmark fail, round by round: why it did can be asked later."""
    first, second = decision.first.change, decision.judgement.change
    noise = decision.judgement.noise
    rounds = " ".join(f"{math.expm1(one.change):+.1%}" for one in decision.rounds)
    return (
        f"{decision.name}: {first.ratio - 1:+.1%}, and again {second.ratio - 1:+.1%} ({second.low - 1:+.1%} to "
        f"{second.high - 1:+.1%}), base to base {noise.ratio - 1:+.1%}; rounds {rounds}"
    )


def _with_plugin(side: Side, into: str) -> Side:
    """Let all sides load the plugin, so that nothing but the slowness tells them apart."""
    options = ("-p", "gate_trial_slowed", f"--slowed={into}", f"--slowed-by={SLOWED_BY}")
    return replace(side, options=options, paths=(PLUGINS,))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.gate_trial",
        description="Try the benchmark gate on equal revisions and on slowed ones. Full size takes two hours.",
    )
    parser.add_argument(
        "--comparisons", type=int, default=COMPARISONS, metavar="N", help="of each kind"
    )
    parser.add_argument(
        "--budget", type=float, default=float("inf"), metavar="SECONDS",
        help="start no comparison after so long",
    )  # fmt: skip
    parser.add_argument("--results", type=Path, default=RESULTS, metavar="FILE")
    parser.add_argument("--fresh", action="store_true", help="forget the comparisons made so far")
    parser.add_argument("-k", dest="choose", default="", help="only these benchmarks")
    parser.add_argument(
        "--quick", action="store_true", help="two rounds: whether it works, not how well"
    )
    parser.add_argument(
        "--write", nargs="?", type=Path, const=PAGE, metavar="PAGE",
        help="put the results between the markers of this page (default: docs/benchmarks.md)",
    )  # fmt: skip
    return parser


if __name__ == "__main__":
    import sys

    raise SystemExit(main(sys.argv[1:]))
