"""Predictions: stored before they are known to be right or wrong, and scored exactly once."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select

from backend.core.accuracy import Score, Source, service_day
from backend.core.bins import DayKind, TimeBin
from backend.core.errors import NoEstimateError
from backend.core.rides import Segment
from backend.core.settings import Settings
from backend.core.storage import Database
from backend.core.store import accuracy_since, eta, save_feed, score_step
from tests.factories import START, make_feed, make_ride, make_ride_segment, make_stops
from tests.rides import submit_ride

NOW = START + timedelta(minutes=5)
TODAY = date(2026, 3, 4)
AT_NOON = TimeBin(DayKind.WEEKDAY, 48)


@pytest.fixture
def way(database: Database) -> Segment:
    """Give a segment for which the timetable says 240 s, all day."""
    stops = make_stops(2)
    with database.writing() as tx:
        save_feed(tx, make_feed(stops, seconds=240))
    return Segment(*stops)


def ride(
    database: Database,
    settings: Settings,
    segment: Segment,
    seconds: float = 300,
    confidence: float = 0.9,
) -> None:
    part = make_ride_segment(segment, seconds=seconds, confidence=confidence)
    with database.writing() as tx:
        submit_ride(tx, make_ride([part]), settings, NOW)


def scores(database: Database) -> dict[tuple[date, Source], Score]:
    with database.reading() as tx:
        return accuracy_since(tx, date.min)


def score_all(database: Database, settings: Settings, most: int = 200) -> int:
    steps = 1
    while True:
        with database.writing() as tx:
            if not score_step(tx, settings, most):
                return steps
        steps += 1


@pytest.mark.parametrize("bins", [None, [AT_NOON], []], ids=["bin", "day", "rides"])
@pytest.mark.parametrize("rides", [1, 3])
def test_what_is_stored_is_what_a_passenger_was_told_just_before(
    database: Database, settings: Settings, bins: list[TimeBin] | None, rides: int
) -> None:
    """With the timetable of the time of day, with one of another time, and with rides alone."""
    segment = Segment(*make_stops(2))
    with database.writing() as tx:
        save_feed(tx, make_feed([segment.from_stop, segment.to_stop], bins=bins))
    for _ in range(rides):
        ride(database, settings, segment, seconds=330)
    with database.reading() as tx:
        told = eta(tx, segment.from_stop, segment.to_stop, NOW, settings, NOW).estimate
    ride(database, settings, segment, seconds=400)
    with database.reading() as tx:
        seen = tx.schema.observations
        row = tx.execute(select(seen).order_by(seen.c.ride.desc()).limit(1)).one()
    assert row.predicted_seconds == pytest.approx(told.p50, rel=1e-12)
    assert row.predicted_p90_seconds == pytest.approx(told.p90, rel=1e-12)
    assert row.predicted_from == "learned"


def test_of_the_first_ride_without_a_timetable_nothing_was_predicted(
    database: Database, settings: Settings
) -> None:
    ride(database, settings, Segment(*make_stops(2)))
    score_all(database, settings)
    assert scores(database) == {}


def test_of_a_segment_that_the_timetable_lost_nothing_is_predicted(
    database: Database, settings: Settings, way: Segment
) -> None:
    """No passenger is told anything about it, and so nothing of it is scored; of the others it is."""
    ride(database, settings, way)
    with database.writing() as tx:
        save_feed(tx, make_feed())
    with database.reading() as tx, pytest.raises(NoEstimateError):
        eta(tx, way.from_stop, way.to_stop, NOW, settings, NOW)
    other = Segment(*make_stops(2))
    ride(database, settings, other)
    with database.writing() as tx:
        parts = [make_ride_segment(way), make_ride_segment(other)]
        submit_ride(tx, make_ride(parts), settings, NOW)
    ride(database, settings, way)
    with database.reading() as tx:
        seen = tx.schema.observations
        predicted = tx.execute(
            select(seen.c.predicted_from).order_by(seen.c.ride, seen.c.position)
        ).scalars()
        assert predicted.all() == ["timetable", None, None, "learned", None]


def test_errors_are_added_up_by_day_and_source(
    database: Database, settings: Settings, way: Segment
) -> None:
    """The first ride was predicted from the timetable, the second from the first as well."""
    ride(database, settings, way, seconds=250)
    ride(database, settings, way, seconds=100)
    score_all(database, settings)
    found = scores(database)
    assert found[TODAY, Source.TIMETABLE] == Score(1, 10, 10, 100, 1)
    learned = found[TODAY, Source.LEARNED]
    assert (learned.count, learned.within_p90) == (1, 1)
    assert learned.mean_error == pytest.approx(100 - (20 * 240 + 250) / 21)
    assert learned.mean_absolute_error == learned.root_mean_square_error == -learned.mean_error


def test_unsure_observations_are_left_out_and_outliers_are_not(
    database: Database, settings: Settings, way: Segment
) -> None:
    for _ in range(6):
        ride(database, settings, way, seconds=240)
    score_all(database, settings)
    before = scores(database)[TODAY, Source.LEARNED].count
    ride(database, settings, way, seconds=900, confidence=0.1)
    ride(database, settings, way, seconds=900)
    score_all(database, settings)
    assert scores(database)[TODAY, Source.LEARNED].count == before + 1


def test_each_ride_counts_once_however_the_steps_fall(
    database: Database, settings: Settings, way: Segment
) -> None:
    """Steps of two, one of them lost half way, and steps when there is nothing left."""
    for number in range(5):
        ride(database, settings, way, seconds=200 + number)

    def lose_a_step() -> None:
        with database.writing() as tx:
            score_step(tx, settings, 2)
            raise RuntimeError("killed")

    with pytest.raises(RuntimeError, match="killed"):
        lose_a_step()
    assert scores(database) == {}
    assert score_all(database, settings, most=2) == 3
    whole = scores(database)
    assert sum(each.count for each in whole.values()) == 5
    score_all(database, settings)
    assert scores(database) == whole


def test_a_day_begins_when_the_last_buses_are_in() -> None:
    zone = ZoneInfo("Asia/Kolkata")
    four = datetime(2026, 3, 3, 22, 30, tzinfo=UTC)  # 04:00 there, the day after
    assert service_day(four, zone) == TODAY
    assert service_day(four - timedelta(seconds=1), zone) == TODAY - timedelta(days=1)


def test_only_the_days_asked_for_are_read_the_latest_first(
    database: Database, settings: Settings, way: Segment
) -> None:
    for days in (0, 1, 2):
        with database.writing() as tx:
            part = replace(make_ride_segment(way), started_at=START - timedelta(days=days))
            submit_ride(tx, make_ride([part]), settings, NOW)
    score_all(database, settings)
    with database.reading() as tx:
        found = accuracy_since(tx, TODAY - timedelta(days=1))
    assert sorted({day for day, _ in found}, reverse=True) == [day for day, _ in found]
    assert {day for day, _ in found} == {TODAY, TODAY - timedelta(days=1)}
