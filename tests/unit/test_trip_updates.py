"""How late the trips of a timetable are, by what was learned on their ways."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import accumulate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.core.bins import TimeBin, bin_of
from backend.core.learning import Cell
from backend.core.rides import Segment
from backend.core.schedule import day_begins
from backend.core.settings import Settings
from backend.core.timetable import Call
from backend.core.trip_updates import TripRun, bins_between, following_calls
from tests.factories import START, make_settings

DAY = date(2026, 3, 4)
EIGHT = 8 * 3600
MINUTE = 60


@pytest.fixture
def settings() -> Settings:
    return make_settings(n0=10)


def run_of(*calls: Call) -> TripRun:
    return TripRun("T", "R", DAY, calls)


def every_ten_minutes(*stops: str) -> TripRun:
    """Make a trip from 08:00 on that stops for a minute at each stop."""
    times = [EIGHT + number * 10 * MINUTE for number in range(len(stops))]
    return run_of(*(Call(stop, at, at + MINUTE) for stop, at in zip(stops, times, strict=True)))


def begins(settings: Settings) -> datetime:
    return day_begins(DAY, settings.zone) + timedelta(seconds=EIGHT)


def learned(
    settings: Settings, *means: tuple[str, str, int, float]
) -> dict[tuple[Segment, TimeBin], Cell]:
    """Make cells of ten observations each: from a stop, to a stop, minutes after 08:00, and the mean (s)."""
    found = {}
    for one, other, minutes, mean in means:
        at = begins(settings) + timedelta(minutes=minutes)
        time_bin = bin_of(at, settings.zone, settings.holidays)
        found[Segment(one, other), time_bin] = Cell(weight=10, mean=mean, as_of=START)
    return found


def told(
    run: TripRun,
    cells: dict[tuple[Segment, TimeBin], Cell],
    settings: Settings,
    minutes: float = 0,
) -> list[tuple[str, int]]:
    """Return stop and delay of what follows, so many minutes after 08:00."""
    # What was learned stays as old as it is: the clock of the learner stands still.
    now = begins(settings) + timedelta(minutes=minutes)
    same_age = {place: replace(cell, as_of=now) for place, cell in cells.items()}
    return [
        (each.call.stop_id, each.delay) for each in following_calls(run, same_age, settings, now)
    ]


def test_a_bus_is_as_late_as_it_has_become_on_its_way(settings: Settings) -> None:
    """Of nine minutes by the timetable, ten observations of eleven make ten; where nobody rode it stays so late."""
    run = every_ten_minutes("A", "B", "C")

    cells = learned(settings, ("A", "B", 0, 11 * MINUTE))

    assert told(run, cells, settings) == [("A", 0), ("B", MINUTE), ("C", MINUTE)]


def test_a_bus_may_be_early(settings: Settings) -> None:
    cells = learned(settings, ("A", "B", 0, 7 * MINUTE))

    assert told(every_ten_minutes("A", "B"), cells, settings) == [("A", 0), ("B", -MINUTE)]


def test_a_way_is_looked_up_at_the_time_at_which_the_late_bus_is_there(settings: Settings) -> None:
    """By the timetable it would leave B at 08:11; it does at 08:16, in the next quarter of an hour."""
    cells = learned(
        settings,
        ("A", "B", 0, 19 * MINUTE),
        ("B", "C", 0, 99 * MINUTE),
        ("B", "C", 15, 11 * MINUTE),
    )

    assert told(every_ten_minutes("A", "B", "C"), cells, settings) == [
        ("A", 0),
        ("B", 5 * MINUTE),
        ("C", 6 * MINUTE),
    ]


@pytest.mark.parametrize(
    ("minutes", "stops"), [(1, "ABC"), (1.1, "BC"), (12, "BC"), (12.1, "C"), (22, "C"), (22.1, "")]
)
def test_what_follows_is_what_the_late_bus_has_not_left(
    settings: Settings, minutes: float, stops: str
) -> None:
    """It leaves B at 08:12, a minute late, and ends at 08:22."""
    cells = learned(settings, ("A", "B", 0, 11 * MINUTE))

    found = told(every_ten_minutes("A", "B", "C"), cells, settings, minutes)

    assert "".join(stop for stop, _ in found) == stops


def test_nothing_is_said_of_a_bus_that_is_hours_late(settings: Settings) -> None:
    """An hour is the most: up to there the cells were read."""
    cells = learned(settings, ("A", "B", 0, 129 * MINUTE), ("B", "C", 60, 11.1 * MINUTE))
    assert told(every_ten_minutes("A", "B", "C"), cells, settings) == [("A", 0), ("B", 60 * MINUTE)]


def test_a_stop_that_is_called_at_twice_in_a_row_is_no_way(settings: Settings) -> None:
    """The bus waits there as long as planned."""
    found = told(every_ten_minutes("A", "A", "B"), {}, settings)

    assert found == [("A", 0), ("A", 0), ("B", 0)]


def test_uncertainty_grows_along_the_way(settings: Settings) -> None:
    """A standard deviation: that of two ways is the root of the sum of their variances."""
    _, one, two = following_calls(every_ten_minutes("A", "B", "C"), {}, settings, begins(settings))

    assert one.uncertainty is not None
    # By hand: sigma0 = 540 s / 4, scale^2 = sigma0^2 (1 + 1/10), variance = scale^2 * 10 / 8.
    assert one.uncertainty == round((135**2 * 1.1 * 1.25) ** 0.5)
    assert two.uncertainty == round((2 * 135**2 * 1.1 * 1.25) ** 0.5)


def test_nothing_is_known_about_the_first_call_but_its_time(settings: Settings) -> None:
    first, _ = following_calls(every_ten_minutes("A", "B"), {}, settings, begins(settings))
    assert (first.delay, first.uncertainty) == (0, None)


@given(
    steps=st.lists(st.integers(0, 7200), min_size=2, max_size=12).filter(lambda x: len(x) % 2 == 0)
)
def test_where_nothing_was_learned_nobody_is_late(steps: list[int]) -> None:
    """Whatever the timetable is, ways of no seconds included."""
    times = list(accumulate(steps))
    calls = [Call(f"{n // 4}", *times[n : n + 2]) for n in range(0, len(times), 2)]
    run, settings = run_of(*calls), make_settings()
    now = day_begins(DAY, settings.zone)

    found = following_calls(run, {}, settings, now)

    assert [each.delay for each in found] == [0] * len(calls)


@given(
    first=st.datetimes(datetime(2026, 1, 1), datetime(2026, 12, 31), timezones=st.just(UTC)),  # noqa: DTZ001 - the zone is given beside them
    length=st.timedeltas(timedelta(), timedelta(days=3)),
    share=st.floats(0, 1),
    zone=st.sampled_from(
        ["Asia/Kolkata", "Asia/Kathmandu", "Europe/Berlin", "Australia/Lord_Howe"]
    ),
)
def test_every_moment_is_in_one_of_the_bins(
    first: datetime, length: timedelta, share: float, zone: str
) -> None:
    settings = make_settings(timezone=zone)
    found = bins_between(first, first + length, settings)

    assert bin_of(first + share * length, settings.zone, settings.holidays) in found
    assert len(found) <= length / timedelta(minutes=15) + 2
