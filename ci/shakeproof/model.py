"""The values that travel between the stages: all frozen, none knows where it came from or where it goes."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path


class Status(StrEnum):
    """What became of one test in one run."""

    PASSED = "passed"
    FAILED = "failed"
    ERROR = "error"  # setup or teardown failed
    SKIPPED = "skipped"
    XFAILED = "xfailed"
    XPASSED = "xpassed"
    CRASHED = "crash"  # the process died while the test was running
    HUNG = "hang"  # the test was still running when its time was up
    MISSING = "missing"  # other runs collected it, this one did not
    NOT_RUN = "not run"  # collected, but the run ended before its turn: says nothing about the test


BAD = frozenset({Status.FAILED, Status.ERROR, Status.CRASHED, Status.HUNG})


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one test did in one run."""

    test: str  # node id
    status: Status
    message: str = ""  # how it failed, normalised so that two equal failures have equal messages
    seconds: float = 0.0  # setup, call and teardown together
    worker: str = ""  # the xdist worker that ran it; empty in a serial run

    @property
    def bad(self) -> bool:
        """Whether the test failed in any way."""
        return self.status in BAD

    @property
    def came_through(self) -> bool | None:
        """Whether the test did not fail; None where it had no turn, which says nothing about it."""
        return None if self.status is Status.NOT_RUN else not self.bad


class Kind(StrEnum):
    """How an experiment differs from a plain run in the declared order."""

    DECLARED = "declared"
    SHUFFLED = "shuffled"
    REVERSED = "reversed"
    PARALLEL = "parallel"
    ALONE = "alone"
    TWICE = "twice"  # one test two times in a row
    CONCURRENT = "concurrent"  # two copies of the whole suite at the same time
    PAIR = "pairs"  # one test right behind another
    REPLAY = "replay"  # the exact order of an earlier run once more
    AMBIENT = "ambient"  # in a fresh process, with one thing about the machine changed


@dataclass(frozen=True, slots=True)
class ImportLook:
    """That a fresh process shall tell what each file changes while it is imported."""

    # Also what changes while the modules are loaded that a file imports first.
    thorough: bool = False
    # By file, probe and key: what is made what it was as soon as that file is imported.
    put_back: tuple[tuple[str, str, str], ...] = ()

    def as_json(self) -> dict[str, object]:
        """Write it as the launcher reads it."""
        by_file: dict[str, list[list[str]]] = {}
        for file, *piece in self.put_back:
            by_file.setdefault(file, []).append(piece)
        return {"thorough": self.thorough, "put_back": by_file}


Endings = tuple[tuple[str, ...], ...]  # node ids; each of these orders is run behind the same stem


@dataclass(frozen=True, slots=True)
class Condition:
    """One thing about the machine that is other than usual in a run: a time zone, a date, a limit."""

    name: str  # what it is called in reports: "time zone Pacific/Kiritimati"
    category: str  # what it is about: timezone, clock, locale, network, cwd, descriptors, cpu
    key: str  # which piece of the surroundings: TZ, date, RLIMIT_NOFILE
    before: str | None  # as text; None: it is not set
    after: str
    environment: tuple[tuple[str, str], ...] = ()  # variables to set
    code: str = ""  # Python statements to run before pytest
    elsewhere: bool = False  # whether pytest is started in an empty folder
    # How a shell says it, with {} for the command; empty: the code is part of the command.
    wrapper: str = ""


@dataclass(frozen=True, slots=True)
class Experiment:
    """One run of pytest that is worth making."""

    label: str  # what the run is called in progress and reports: "declared #3", "seed 42"
    kind: Kind
    options: tuple[str, ...] = ()  # pytest options that make it this experiment
    # Of what pytest collects, these, in this order; None: all, as they come.
    tests: tuple[str, ...] | None = None
    # Call pytest with these instead of the user's arguments.
    arguments: tuple[str, ...] | None = None
    plugins: frozenset[str] = frozenset()  # the distorting plugins that shall do their work
    seed: int | None = None  # of the shuffle
    concurrent: bool = False  # whether other runs were under way at the same time
    hash_seed: int | None = None  # PYTHONHASHSEED; None: random, as in an ordinary run
    imports: ImportLook | None = None  # only in a fresh process
    condition: Condition | None = None  # what is other than usual; only fresh processes know of it
    # Whether it has its temporary folder in common with those that are run together with it and say so too.
    shares_temporary: bool = False
    touches: bool = False  # whether to tell which files, ports and databases each test uses


@dataclass(frozen=True, slots=True)
class Run:
    """What an experiment showed."""

    experiment: Experiment
    outcomes: tuple[Outcome, ...]  # in the order in which the tests were started
    collected: tuple[str, ...]  # in the order in which they would have run
    seconds: float
    exit_status: int  # of the pytest process; negative: the signal that ended it
    collection_seconds: float = 0.0  # from the start of pytest until the tests were known
    collection_errors: tuple[str, ...] = ()
    pytest: str = ""  # its version
    python: str = ""  # the version of the interpreter
    rootdir: Path = Path()  # of pytest: what the node ids are relative to, wherever it was started
    # The paths and node ids among the arguments that pytest was called with.
    positional: tuple[str, ...] = ()
    plugins: frozenset[str] = frozenset()  # those of the distorting plugins that the project loads
    left: tuple[Leak, ...] = ()  # what its tests left behind, where that was asked
    notes: tuple[str, ...] = ()  # a sentence for each thing that could not be looked at there
    # What its tests used that others may use as well, where that was asked.
    touched: tuple[Touch, ...] = ()
    log: Path = Path()  # the file that holds what the run printed
    inipath: Path | None = None  # the file with the settings of pytest

    @property
    def order(self) -> tuple[str, ...]:
        """The node ids in the order in which they were started."""
        return tuple(
            outcome.test for outcome in self.outcomes if outcome.status is not Status.NOT_RUN
        )

    @property
    def files(self) -> tuple[str, ...]:
        """The files whose tests were collected, as they came."""
        return tuple(dict.fromkeys(test.partition("::")[0] for test in self.collected))

    def came_through(self, test: str) -> bool | None:
        """Whether a test did not fail at its last turn; None where it had no turn, or was not even collected."""
        turns = [each for each in self.outcomes if each.test == test]
        return turns[-1].came_through if turns else None


@dataclass(frozen=True, slots=True)
class Leak:
    """A piece of state that was not as before when a test, or several of them, had ended."""

    # The test after which it was seen, or the file whose import did it; empty: after all that ran.
    by: str
    category: str  # environment, settings, cache, database, ...: see the contract
    key: str  # which piece: APP_MODE, app.config.CACHE['x']
    before: str | None  # as text; None: it was not there
    after: str | None
    probe: str = ""  # who sees it and can put it back
    can_put_back: bool = True

    @property
    def piece(self) -> tuple[str, str]:
        """What it is called in a request to put it back."""
        return self.probe, self.key


@dataclass(frozen=True, slots=True)
class Touch:
    """Something outside the process that a test has used, and that another process may use at the same time."""

    by: str  # the test
    category: str  # filesystem, network or database
    key: str  # a path, relative to the root directory where it lies below it; or host:port
    way: str  # reads, lists, makes, writes, removes, connects, opens or binds


@dataclass(frozen=True, slots=True)
class Restoring:
    """Which pieces of state are made what they were before the stem, each named by its probe and its key."""

    pieces: tuple[tuple[str, str], ...] = ()
    all_but: bool = False  # not these, but all others that have changed

    def as_json(self) -> dict[str, list[list[str]]]:
        """Write it as the template reads it."""
        return {"keep" if self.all_but else "put_back": [list(piece) for piece in self.pieces]}


@dataclass(frozen=True, slots=True)
class Cause:
    """A piece of state, and whether it is why a test depends on order."""

    leak: Leak
    proven: bool  # putting it back, and nothing else, turned the outcome around
    together: tuple[str, ...] = ()  # keys of others that have to be put back with it


class Instability(StrEnum):
    """The kind of a finding, as the contract names it (the International Dataset of Flaky Tests' name in brackets)."""

    VICTIM = "victim"  # OD-Vic: passes alone, fails after some other test
    BRITTLE = "brittle"  # OD-Brit: fails alone, passes after some other test
    NON_IDEMPOTENT = "non-idempotent"  # NIO: passes the first time, fails the second time in a row
    NON_DETERMINISTIC = "non-deterministic"  # NOD: identical conditions, different outcomes
    HASH_ORDER = "hash-order"  # ID: the outcome follows PYTHONHASHSEED
    CLOCK = "clock"  # TD: the outcome follows the date
    TIMEZONE = "timezone"  # TZD: the outcome follows the time zone
    PARALLEL_UNSAFE = "parallel-unsafe"  # fails only beside other tests running at the same time
    IMPORT_POLLUTED = "import-polluted"  # the outcome follows which test files were collected
    CRASH = "crash"
    HANG = "hang"
    BROKEN = "broken"  # fails in every run: not unstable


@dataclass(frozen=True, slots=True)
class Suspicion:
    """A test whose outcomes do not agree, and what that looks like before it is confirmed."""

    test: str
    kind: Instability
    status: Status  # of the outcome that wants explaining
    message: str  # of the failure, or of whatever differed
    runs: int  # runs in which the test had its turn
    failures: int
    failing: tuple[str, ...]  # labels of the runs that show the minority outcome
    example: Run  # a run in which it failed
    opposite: Run | None = None  # a run in which it passed; None for a broken test
    # How the failure has to read to count; empty where every failure of the test is for the same reason.
    reason: str = ""
    rate: float = 1.0  # how often it fails under the conditions in which it fails
    # Runs in which nothing came before it and it passed; 0 where it failed in one.
    passed_first: int = 0
    # Of a victim its polluters, of a brittle test its state-setters; of one that is unsafe beside others, itself and
    # the test that must overlap with it.
    culprits: tuple[tuple[str, ...], ...] = ()
    cleaners: tuple[str, ...] = ()
    causes: tuple[Cause, ...] = ()
    # How often it, and a test that must overlap with it, run in their processes so that they do: what is tried first,
    # and what is tried where that does not show it.
    turns: tuple[tuple[int, int], ...] = ((1, 1),)

    @property
    def condition(self) -> Condition | None:
        """What has to be other than usual for it to fail; None where nothing has."""
        return self.example.experiment.condition


@dataclass(frozen=True, slots=True)
class Finding:
    """A suspicion with an id, a command that shows it, and whether that command did."""

    id: str
    test: str
    kind: Instability
    status: Status
    message: str
    runs: int
    failures: int
    failing: tuple[str, ...]
    reproduce: str  # a shell command
    replay: Experiment  # the same as an experiment
    copies: int  # how many of it run at the same time
    confirmed: bool
    tries: int = 0  # fresh processes in which the command was run
    shown: int = 0  # those in which it gave the reported outcome
    passed: int = 0  # those in which the test had its turn and did not fail
    refusal: str = ""  # what pytest said, where it ran the command in none of them
    culprits: tuple[tuple[str, ...], ...] = ()
    cleaners: tuple[str, ...] = ()
    reason: str = ""  # how its failure has to read to count; empty: in any way
    rate: float = 1.0  # how often it fails under the conditions in which it fails
    # Whether a fresh process showed the opposite: a victim that passed alone, a brittle test that passed behind its
    # state-setter. None: not tried.
    counter_check: bool | None = None
    causes: tuple[Cause, ...] = ()
    beside: Experiment | None = None  # what runs at the same time; None: only copies of the same

    @property
    def together(self) -> tuple[Experiment, ...]:
        """All that its command runs at the same time."""
        return run_together(self.replay, self.beside, self.copies)

    @property
    def condition(self) -> Condition | None:
        """What has to be other than usual for it to fail; None where nothing has."""
        return self.replay.condition

    @property
    def refuted(self) -> bool:
        """Whether it failed in every run of the laboratory and then passed when its command was run: not judged."""
        return self.kind is Instability.BROKEN and self.passed > 0 and not self.shown


def run_together(
    experiment: Experiment, beside: Experiment | None, copies: int
) -> tuple[Experiment, ...]:
    """List what a command runs at the same time: copies of an experiment, or it and another."""
    return (experiment,) * copies if beside is None else (beside, experiment)


class Verdict(StrEnum):
    """The answer, first word of every report."""

    STABLE = "stable"
    UNSTABLE = "unstable"
    FAILING = "failing"
    NOTHING = "nothing"
    INTERRUPTED = "interrupted"


EXIT_STATUS = (
    (Verdict.STABLE, 0),
    (Verdict.UNSTABLE, 1),
    (Verdict.FAILING, 3),
    (Verdict.NOTHING, 4),
    (Verdict.INTERRUPTED, 130),
)


@dataclass(frozen=True, slots=True)
class Suite:
    """What was judged."""

    rootdir: str  # as seen from where Shakeproof was started
    folder: str  # the same, wherever one is
    interpreter: str  # its path
    python: str  # its version
    pytest: str
    tests: int
    seed: int


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the verdict is worth. Rates and shares lie between 0 and 1."""

    experiments: tuple[tuple[str, int], ...]  # kind of experiment, how many were completed
    test_runs: int
    order_pairs_seen: float
    failure_rate_below: float
    confidence: float
    unseen_unstable: float
    pairs_covered: float  # share of all ordered pairs [a, b] that were run as just these two tests
    incomplete: tuple[str, ...]  # one sentence for each thing that was planned and not done


@dataclass(frozen=True, slots=True)
class Timing:
    """Where the time went, in seconds."""

    seconds: float
    limit: float  # the least wall time the same test runs could have taken on these jobs
    collection: float
    stages: tuple[tuple[str, float], ...] = ()  # names, as they came


@dataclass(frozen=True, slots=True)
class RunSummary:
    """A run as the report keeps it."""

    label: str
    kind: str
    seed: int | None
    hash_seed: int | None
    exit_status: int
    seconds: float
    tests: int
    failures: int


@dataclass(frozen=True, slots=True)
class Report:
    """Everything that is said at the end."""

    verdict: Verdict
    suite: Suite
    evidence: Evidence
    findings: tuple[Finding, ...]
    timing: Timing
    runs: tuple[RunSummary, ...] = field(default=())
    leaks: tuple[Leak, ...] = ()

    @property
    def exit_status(self) -> int:
        """The documented exit status of the command line for this verdict."""
        return dict(EXIT_STATUS)[self.verdict]
