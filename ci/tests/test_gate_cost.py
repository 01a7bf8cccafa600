"""What the suite costs: limits and their uncertainty, the law of workers, where the time goes."""

from __future__ import annotations

import json
import random
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from costs import measured, run, timed
from hypothesis import given
from hypothesis import strategies as st

from shakeproof.errors import NothingToJudgeError, ShakeproofError
from shakeproof.gates import pages
from shakeproof.gates.cost import breakdown, page
from shakeproof.gates.cost.arms import SERIAL, arms, order, worker_counts
from shakeproof.gates.cost.command import PAGE
from shakeproof.gates.cost.judging import verdict
from shakeproof.gates.cost.runs import Fixture, Timed, read_run
from shakeproof.gates.cost.scaling import Scaling, fit
from shakeproof.gates.cost.settings import Settings, read_settings
from shakeproof.gates.cost.spread import Spread, spread
from shakeproof.gates.machine import Machine, this_machine

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shakeproof.gates.verdict import Answer, Verdict

TWO = Machine("a CPU", 2, "Linux", "3.11")
FOUR = Machine("a CPU", 4, "Linux", "3.11")
SETTINGS = Settings(each={"property": 1.0}, kinds=("unit", "property"), fixtures=("client",))


def judged(
    machine: Machine = TWO, tests: Sequence[Timed] = (), **seconds: tuple[float, ...]
) -> Verdict:
    """Judge three rounds."""
    return verdict(SETTINGS, machine, measured(tests, **seconds), ())


def test_a_suite_within_its_limits_passes() -> None:
    """On two cores the speed-up that four must bring does not apply, and that is said."""
    answer = judged()

    assert (answer.answer, answer.exit_status) == ("pass", 0)
    assert answer.sentence == (
        "The suite takes 101.0 s (100.0 to 102.0) in one process; 2 workers are recommended here."
    )
    assert "which does not apply: this machine has 2" in answer.notes[0]


def test_a_part_of_the_suite_is_judged_by_its_single_tests() -> None:
    """How workers share out a part tells nothing of the whole; a test that is too slow is so anywhere."""
    slower = {"n2": (160.0, 170.0, 180.0), SERIAL: (999.0, 999.0, 999.0)}
    quick, slow = (measured((timed("test_a", s, "property"),), **slower) for s in (0.5, 5.0))

    passed = verdict(SETTINGS, TWO, quick, (), "part")
    failed = verdict(SETTINGS, TWO, slow, (), "part")

    assert passed.answer == "pass"
    assert passed.sentence.startswith("This part of the suite takes 999.0 s (")
    assert failed.answer == "fail"
    assert failed.sentence.startswith("each of 1 property tests: 5.00 s")
    assert "which does not apply: this is a part of the suite" in failed.notes[1]


def test_a_part_without_a_kind_that_has_a_limit_is_no_error() -> None:
    answer = verdict(SETTINGS, TWO, measured((timed("test_a", 0.1, "unit"),)), (), "part")
    assert answer.answer == "pass"


def test_a_machine_of_one_core_has_one_worker() -> None:
    """Its limits are told in the singular."""
    one = Machine("a CPU", 1, "Linux", "3.11")
    limits = next(table.rows for table in judged(one).tables if table.title == "Limits")

    assert [row[0] for row in limits if "1 worker" in row[0]] == [
        "the time of 1 worker to one process",
        "the speed-up of 1 worker to one process",
    ]


@pytest.mark.parametrize(
    ("times", "expected"),
    [
        ((299.0, 300.0, 250.0), "pass"),
        ((301.0, 302.0, 350.0), "fail"),
        ((299.0, 301.0, 350.0), "inconclusive"),
        ((10.0, 10.0), "inconclusive"),
        ((1000.0,), "inconclusive"),
    ],
    ids=["all below", "all above", "straddles", "two runs are too few", "one run is too few"],
)
def test_a_limit_is_judged_with_the_range(times: tuple[float, ...], expected: Answer) -> None:
    """Some runs on each side of the limit decide nothing; nor do fewer than three."""
    assert spread(times).at_most(300) == expected


@given(st.lists(st.floats(0.1, 1000), min_size=3, max_size=9), st.floats(0.1, 1000))
def test_a_limit_from_below_mirrors_one_from_above(times: list[float], limit: float) -> None:
    """What is at least so much is, taken negatively, at most so much."""
    assert spread(times).at_least(limit) == spread([-time for time in times]).at_most(-limit)


def test_nothing_measured_is_an_error() -> None:
    """There is no middle of nothing."""
    with pytest.raises(ShakeproofError, match="--budget"):
        spread([])


def test_a_suite_that_takes_too_long_fails() -> None:
    """Every serial run is over five minutes."""
    answer = judged(serial=(301.0, 305.0, 302.0), n2=(180.0, 180.0, 180.0))

    assert answer.answer == "fail"
    assert (
        "the whole suite in one process: 302.0 s (301.0 to 305.0), where at most 300 s"
        in answer.sentence
    )


def test_a_slow_property_test_fails_and_is_named() -> None:
    """It is the only one over its limit; the others of its kind, and slow tests of other kinds, are not."""
    tests = (
        timed("test_quick", 0.2, "property"),
        timed("test_slow", 3.0, "property"),
        timed("test_other", 9.0, "unit"),
    )

    answer = judged(tests=tests)

    assert answer.answer == "fail"
    assert "each of 2 property tests: 3.00 s" in answer.sentence
    assert "the slowest is test_slow" in answer.sentence


def test_several_slow_tests_are_counted() -> None:
    """The slowest speaks for them."""
    tests = tuple(timed(f"test_{number}", 2.0 + number, "property") for number in range(3))

    assert "3 of them are over it; the slowest is test_2" in judged(tests=tests).sentence


def test_a_kind_with_a_limit_and_no_test_is_an_error() -> None:
    """A marker that was renamed keeps no limit."""
    with pytest.raises(ShakeproofError, match="No test has the marker 'property'"):
        judged(tests=(timed("test_a", 0.1, "unit"),))


def test_workers_that_slow_the_suite_down_fail() -> None:
    """Each round is compared with the serial run of that round."""
    answer = judged(n2=(160.0, 170.0, 180.0))

    assert answer.answer == "fail"
    assert "the time of 2 workers to one process: 1.68 x (1.60 to 1.76)" in answer.sentence


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        ((40.0, 40.0, 40.0), "pass"),
        ((60.0, 60.0, 60.0), "fail"),
        ((40.0, 60.0, 40.0), "inconclusive"),
    ],
)
def test_four_cores_must_be_twice_as_fast(seconds: tuple[float, ...], expected: Answer) -> None:
    """And where the rounds disagree, nothing is decided."""
    assert judged(FOUR, n4=seconds).answer == expected


def test_without_a_serial_run_there_is_no_answer() -> None:
    """Time was up before it."""
    with pytest.raises(ShakeproofError, match="--budget"):
        judged(serial=())


def test_what_time_did_not_suffice_for_is_said() -> None:
    """An overhead that was not measured is a row that says so."""
    seen = verdict(SETTINGS, TWO, measured(**{"coverage": (), "JSON report": ()}), ())

    rows = next(table.rows for table in seen.tables if table.title == "What is beside the tests")
    assert [row[0] for row in rows if row[-1] == "not measured"] == ["coverage", "JSON report"]


def test_an_overhead_is_a_ratio_round_by_round() -> None:
    """110, 112 and 111 s to 100, 101 and 102 s."""
    rows = next(t.rows for t in judged().tables if t.title == "What is beside the tests")

    assert rows[1] == (
        "coverage",
        "111.0 (110.0 to 112.0)",
        "1.10 x (1.09 to 1.11)",
        "10.0 s (9.0 to 11.0)",
    )


def test_all_details_are_json() -> None:
    """The report holds every test, limit and way."""
    details = json.loads(json.dumps(judged().details))

    assert details["ways"]["-n 2"] == {"median": 60.0, "low": 60.0, "high": 60.0, "times": 3}
    assert details["scaling"]["recommended"] == 2
    assert details["tests"][0]["test"] == "test_law"


@given(
    a=st.floats(0, 50),
    b=st.floats(1, 500),
    c=st.floats(0, 20),
    cores=st.integers(2, 16),
)
def test_the_law_is_found_again_in_times_that_follow_it(
    a: float, b: float, c: float, cores: int
) -> None:
    """Whatever the three numbers are, T(n) is what it was for all numbers of workers."""
    counts = worker_counts(cores, cores)
    law = Scaling(a, b, c, cores, 0.0, len(counts))

    found = fit({workers: law.seconds(workers) for workers in counts}, cores)

    assert found.off == pytest.approx(0, abs=1e-6 * (a + b + c * cores))
    assert [found.seconds(n) for n in counts] == pytest.approx(
        [law.seconds(n) for n in counts], rel=1e-6
    )


def test_a_law_that_the_times_do_not_follow_is_seen_to_be_off() -> None:
    """Four measurements are one more than it has unknowns; three would fit exactly whatever they are."""
    odd = {1: 105.0, 2: 60.0, 3: 62.0, 4: 100.0}

    four = fit(odd, 2)
    three = fit({workers: odd[workers] for workers in (1, 2, 3)}, 2)

    assert (four.points, four.tested) == (4, True)
    assert four.off > 5
    assert (three.points, three.tested) == (3, False)
    assert three.off == pytest.approx(0, abs=1e-9)


def test_a_fit_that_tests_nothing_is_called_so() -> None:
    """Nobody shall take a distance of 0.00 for a law that was confirmed: here time was up before `-n 3`."""

    def distance(seen: Verdict) -> str:
        rows = next(table.rows for table in seen.tables if table.title == "The law")
        return next(value for what, value in rows if what.startswith("largest distance"))

    assert "as many unknowns as measurements" in distance(judged(n3=()))
    assert float(distance(judged())) >= 0


def test_the_number_that_auto_makes_is_named_as_such() -> None:
    """On a machine of four logical and two physical cores `-n auto` is not one worker a core."""
    seen = verdict(SETTINGS, FOUR, measured((), 2, n4=(40.0, 40.0, 40.0)), ())

    ways = next(table.rows for table in seen.tables if table.rows[0][0] == "way")
    assert [row[0] for row in ways[1:]] == [
        "in one process", "-n 1", "-n 2 (auto)", "-n 3", "-n 4 (one a core)",
    ]  # fmt: skip
    limits = next(table.rows for table in seen.tables if table.title == "Limits")
    assert [row[0] for row in limits if "workers" in row[0]] == [
        "the time of 2 workers to one process",
        "the time of 4 workers to one process",
        "the speed-up of 4 workers to one process",
    ]
    assert seen.details["auto"] == 2


@given(st.lists(st.floats(1, 1000), min_size=4, max_size=4))
def test_no_part_of_the_law_is_negative(times: list[float]) -> None:
    """Even where the times follow no law at all."""
    found = fit(dict(zip((1, 2, 3, 4), times, strict=True)), 2)

    assert min(found.serial, found.shared, found.worker) >= 0


def test_more_workers_than_pay_are_not_recommended() -> None:
    """b/n saves 5 s from the second worker on, and each costs 20 s."""
    assert Scaling(0, 10, 20, 8, 0, 4).recommended == 1
    assert Scaling(0, 100, 1, 8, 0, 4).recommended == 8
    assert Scaling(0, 100, 4, 8, 0, 4).recommended == 5


def test_two_numbers_of_workers_are_too_few_for_a_law() -> None:
    """It has three unknowns."""
    with pytest.raises(ShakeproofError, match="three unknowns"):
        fit({1: 10.0, 2: 6.0}, 2)


def test_each_way_is_run_once_where_auto_is_one_of_them() -> None:
    """On two cores it may be `-n 2`; where xdist makes another number of workers it is a way of its own."""
    assert worker_counts(2, 2) == (1, 2, 3, 4)
    assert worker_counts(2, 0) == (1, 2, 3, 4)
    assert worker_counts(16, 8) == (1, 2, 3, 4, 8, 16)

    every = arms(SETTINGS, worker_counts(8, 6))

    assert [(arm.name, arm.options[-1]) for arm in every if arm.workers > 4] == [
        ("-n 6", "6"),
        ("-n 8", "8"),
    ]
    assert len({arm.name for arm in every}) == len(every)


def test_the_order_changes_with_the_round_and_not_with_the_run() -> None:
    """A slow moment shall not always meet the same way; the same rounds are the same for everybody."""
    every = arms(SETTINGS, (1, 2, 3, 4))

    orders = {tuple(arm.name for arm in order(every, number)) for number in range(5)}

    assert len(orders) > 1
    assert order(every, 3) == order(every, 3)
    assert set(order(every, 3)) == set(every)


def test_time_is_told_apart_by_speed_and_by_kind() -> None:
    """A test belongs to the first kind that it has; its speed is all its phases."""
    tests = (
        timed("a", 0.09, "unit"),
        timed("b", 0.11, "unit", "property"),
        timed("c", 1.0, "property"),
        timed("d", 2.0),
    )

    assert [part.count for part in breakdown.by_speed(tests)] == [1, 1, 2]
    assert [(part.name, part.count) for part in breakdown.by_kind(tests, ("unit", "property"))] == [
        ("unit", 2),
        ("property", 1),
        ("of no kind", 1),
    ]


def test_a_fixture_that_is_asked_for_is_listed_however_cheap() -> None:
    """The dear ones come first, and what costs nothing is left out."""
    fixtures = (
        Fixture("cheap", "function", 5, 0.001),
        Fixture("client", "function", 3, 0.002),
        Fixture("template", "session", 1, 2.0),
    )

    found = breakdown.by_fixture([run(SERIAL, 9, fixtures=fixtures)] * 3, ["client"])

    assert [(part.name, part.count) for part in found] == [
        ("template (session)", 1),
        ("client (function)", 3),
    ]


def test_the_typical_test_is_the_median_of_each_phase() -> None:
    """One slow run does not make a slow test, nor a dear fixture."""
    runs = [
        run(SERIAL, 9, [timed("a", seconds, fixtures=(("client", seconds / 10),))])
        for seconds in (1.0, 2.0, 90.0)
    ]

    (test,) = breakdown.typical(runs)

    assert test.seconds == pytest.approx(2.0)
    assert test.fixtures == (("client", 0.2),)
    assert breakdown.slowest([test, timed("b", 3.0)], 1)[0].test == "b"


def test_only_rounds_that_both_ways_have_are_compared() -> None:
    """Time may have been up for one of them."""
    assert breakdown.ratios(
        {0: run("x", 6), 1: run("x", 9)}, {1: run(SERIAL, 3), 2: run(SERIAL, 1)}
    ) == [3.0]


def watched(**overrides: object) -> dict[str, object]:
    """Return what the plugin writes."""
    test = {
        "test": "a",
        "marks": ["unit"],
        "setup": 0.1,
        "call": 0.2,
        "teardown": 0.3,
        "fixtures": {"f": 0.05},
    }
    fixture = {"name": "f", "scope": "function", "times": 1, "seconds": 0.05}
    moments = {"collected": 101.0, "first": 102.0}
    return {"moments": moments, "tests": [test], "fixtures": [fixture], **overrides}


def test_what_the_plugin_wrote_is_read() -> None:
    """Moments count from the start of the process."""
    read = read_run(SERIAL, 9.0, 100.0, watched())

    assert (read.ready, read.collected, read.first) == (None, 1.0, 2.0)
    assert read.tests[0].seconds == pytest.approx(0.6)
    assert read.fixtures == (Fixture("f", "function", 1, 0.05),)


@pytest.mark.parametrize(
    "document",
    [
        {},
        watched(tests=None),
        watched(moments={}),
        watched(tests=[{"test": "a"}]),
        watched(tests=[3]),
    ],
)
def test_another_kind_of_file_is_refused(document: dict[str, object]) -> None:
    """Nothing is guessed."""
    with pytest.raises(ShakeproofError):
        read_run(SERIAL, 9.0, 100.0, document)


def test_a_run_without_tests_is_nothing_to_judge() -> None:
    """It is quick, and no baseline."""
    with pytest.raises(NothingToJudgeError):
        read_run(SERIAL, 9.0, 100.0, watched(tests=[]))


def test_results_go_between_the_markers() -> None:
    """What stands around them stays."""
    old = f"# Page\n\n{pages.BEGIN}\nold\n{pages.END}\n\nThe end.\n"

    new = pages.replaced(old, page.results(judged(), "Here."))

    assert new.startswith(f"# Page\n\n{pages.BEGIN}\nHere.\n\n**pass**: The suite takes")
    assert new.endswith(f"\n{pages.END}\n\nThe end.\n")
    assert "### Limits\n\n| what |" in new


def test_the_trend_is_of_the_same_machine_and_of_whole_runs() -> None:
    """Other machines, trials, parts and damaged lines are passed over; the last five are shown."""
    seen = judged()
    whole = [page.log_line(seen, f"day {number}", "c" * 40, "whole") for number in range(7)]
    other = page.log_line(judged(FOUR), "elsewhere", None, "whole")
    trial = page.log_line(seen, "trial", None, "trial")
    part = page.log_line(seen, "part", None, "part")
    machine = json.loads(whole[0])["machine"]

    table = page.trend([*whole, other, trial, part, "damaged", "{}", "3"], machine)

    assert table is not None
    assert [row[0] for row in table.rows] == ["date", "day 2", "day 3", "day 4", "day 5", "day 6"]
    assert table.rows[1][:4] == ("day 2", "c" * 12, "1", "101.0")
    assert page.trend([other], machine) is None


def test_settings_have_defaults() -> None:
    """Five minutes, one and a half times, twice from four cores on."""
    read = read_settings({})

    assert (read.whole, read.slower, read.speedup, read.cores, read.each) == (300, 1.5, 2, 4, {})


@pytest.mark.parametrize(
    ("table", "sentence"),
    [
        ({"whole": 0}, "write a number above 0"),
        ({"whole": True}, "write a number above 0"),
        ({"each": 3}, "write a table"),
        ({"each": {"property": "1"}}, "write a number above 0"),
        ({"kinds": "unit"}, "write a list"),
        ({"hole": 1}, "knows no hole"),
        (3, "is not a table"),
    ],
)
def test_a_wrong_setting_is_told_in_a_sentence(table: object, sentence: str) -> None:
    """Nothing is guessed."""
    with pytest.raises(ShakeproofError, match=sentence):
        read_settings({"tool": {"shakeproof": {"suite-cost": table}}})


def test_this_machine_has_a_name_and_cores() -> None:
    """The log names it in every line."""
    machine = this_machine()

    assert machine.cores >= 1
    assert machine.cpu in str(machine)


@given(st.integers(0, 2**32))
def test_the_middle_lies_in_the_range(seed: int) -> None:
    """For any measurements."""
    numbers = [random.Random(seed + one).uniform(0, 9) for one in range(1 + seed % 7)]  # noqa: S311 - no secret

    found = spread(numbers)

    assert found == Spread(found.median, min(numbers), max(numbers), len(numbers))
    assert found.low <= found.median <= found.high


def test_this_repositorys_own_settings_are_good() -> None:
    """And the page has a place for results."""
    root = Path(__file__).parents[2]
    settings = read_settings(tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8")))

    assert set(settings.each) <= set(settings.kinds)
    assert all((root / name).exists() for name in settings.quick)
    assert pages.END in pages.replaced((root / PAGE).read_text(encoding="utf-8"), "new")
