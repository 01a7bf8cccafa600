"""Timetables kept and replaced, and trips answered from them and from rides."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from sqlalchemy import func, select

from backend.core.bins import DayKind, TimeBin
from backend.core.errors import NoEstimateError
from backend.core.journeys import Eta
from backend.core.rides import Segment
from backend.core.settings import Settings
from backend.core.storage import Database
from backend.core.store import eta, save_feed
from backend.core.timetable import Feed, Pattern
from tests.factories import START, make_feed, make_ride, make_ride_segment, make_stops
from tests.rides import submit_ride


def ask(
    database: Database,
    settings: Settings,
    from_stop: str,
    to_stop: str,
    *,
    leaving_at: datetime = START,
) -> Eta:
    with database.reading() as tx:
        return eta(tx, from_stop, to_stop, leaving_at, settings, START)


def load(database: Database, feed: Feed) -> None:
    with database.writing() as tx:
        save_feed(tx, feed)


def test_a_trip_along_a_route_adds_up_its_segments(database: Database, settings: Settings) -> None:
    stops = make_stops(5)
    load(database, make_feed(stops, seconds=240))
    found = ask(database, settings, stops[1], stops[4])
    assert [leg.segment for leg in found.legs] == [
        Segment(stops[1], stops[2]),
        Segment(stops[2], stops[3]),
        Segment(stops[3], stops[4]),
    ]
    assert found.estimate.mean == pytest.approx(720)


def test_no_bus_goes_backwards(database: Database, settings: Settings) -> None:
    stops = make_stops(3)
    load(database, make_feed(stops))
    with pytest.raises(NoEstimateError) as refusal:
        ask(database, settings, stops[2], stops[0])
    assert str(refusal.value) == (
        f"No timetable and no ride leads from {stops[2]!r} to {stops[0]!r}; "
        "check the stops, or load a feed that has them."
    )


def test_no_trip_leads_from_a_stop_to_itself(database: Database, settings: Settings) -> None:
    stops = make_stops(3)
    load(database, make_feed(stops))
    with pytest.raises(NoEstimateError):
        ask(database, settings, stops[1], stops[1])


def test_a_segment_that_phones_travelled_needs_no_timetable(
    database: Database, settings: Settings
) -> None:
    part = make_ride_segment(seconds=333)
    with database.writing() as tx:
        submit_ride(tx, make_ride([part]), settings, START)
    found = ask(database, settings, part.segment.from_stop, part.segment.to_stop)
    assert found.estimate.mean == pytest.approx(333)
    assert found.estimate.observations == pytest.approx(1)


def test_rides_move_the_estimate_from_the_timetable_to_what_was_seen(
    database: Database, settings: Settings
) -> None:
    """Twenty rides of 480 s against a timetable of 240 s that is worth twenty: 360 s."""
    stops = make_stops(2)
    load(database, make_feed(stops, seconds=240))
    with database.writing() as tx:
        for _ in range(20):
            part = make_ride_segment(Segment(*stops), seconds=480)
            submit_ride(tx, make_ride([part]), settings, START)
    found = ask(database, settings, stops[0], stops[1])
    assert found.estimate.mean == pytest.approx(360)
    assert found.estimate.weight == pytest.approx(0.5)


def test_the_fastest_of_several_routes_is_answered(database: Database, settings: Settings) -> None:
    start, via, end = make_stops(3)
    slow, fast = make_feed((start, end), seconds=900), make_feed((start, via, end), seconds=300)
    load(database, Feed(slow.patterns + fast.patterns, slow.entries + fast.entries))
    assert ask(database, settings, start, end).estimate.mean == pytest.approx(600)


def test_a_bogus_ride_does_not_replace_the_timetable_of_a_whole_trip(
    database: Database, settings: Settings
) -> None:
    """A phone that claims to have gone from end to end in no time is not asked about that way."""
    stops = make_stops(4)
    load(database, make_feed(stops, seconds=240))
    bogus = make_ride_segment(Segment(stops[0], stops[3]), seconds=1)
    with database.writing() as tx:
        submit_ride(tx, make_ride([bogus]), settings, START)
    found = ask(database, settings, stops[0], stops[3])
    assert len(found.legs) == 3
    assert found.estimate.mean == pytest.approx(720)


def test_phones_answer_where_the_timetable_has_a_gap(
    database: Database, settings: Settings
) -> None:
    """A route whose trips never run promises nothing; then what phones saw is all there is."""
    stops = make_stops(3)
    load(database, make_feed(stops, bins=()))
    seen = make_ride_segment(Segment(stops[0], stops[2]), seconds=333)
    with database.writing() as tx:
        submit_ride(tx, make_ride([seen]), settings, START)
    assert ask(database, settings, stops[0], stops[2]).estimate.mean == pytest.approx(333)


def test_a_long_trip_has_all_its_segments(database: Database, settings: Settings) -> None:
    """A hundred segments with 192 timetable entries each."""
    stops = make_stops(101)
    load(database, make_feed(stops, seconds=60))
    assert len(ask(database, settings, stops[0], stops[100]).legs) == 100


def test_a_loop_is_left_where_it_is_shortest(database: Database, settings: Settings) -> None:
    """A bus that passes a stop twice is left at the first time, or boarded at the second."""
    a, b, c = make_stops(3)
    feed = make_feed((a, b, c), seconds=100)
    back = make_feed((c, a), seconds=100)
    load(database, Feed((Pattern("loop", (a, b, c, a, b)),), feed.entries + back.entries))
    assert ask(database, settings, a, b).estimate.mean == pytest.approx(100)
    assert ask(database, settings, c, b).estimate.mean == pytest.approx(200)


def test_a_new_feed_replaces_the_old_one(database: Database, settings: Settings) -> None:
    old, new = make_stops(3), make_stops(3)
    load(database, make_feed(old))
    load(database, make_feed(new))
    assert ask(database, settings, new[0], new[2]).estimate.mean == pytest.approx(480)
    with pytest.raises(NoEstimateError):
        ask(database, settings, old[0], old[2])


def test_a_new_feed_keeps_what_was_learned(database: Database, settings: Settings) -> None:
    stops = make_stops(2)
    load(database, make_feed(stops, seconds=240))
    with database.writing() as tx:
        part = make_ride_segment(Segment(*stops), seconds=300)
        submit_ride(tx, make_ride([part]), settings, START)
    load(database, make_feed(stops, seconds=260))
    found = ask(database, settings, stops[0], stops[1])
    assert found.estimate.observations == pytest.approx(1)
    assert found.estimate.mean == pytest.approx((300 + 20 * 260) / 21)


def test_an_empty_feed_leaves_an_empty_timetable(database: Database) -> None:
    load(database, make_feed())
    load(database, Feed(patterns=(), entries=()))
    with database.reading() as tx:
        schema = tx.schema
        counts = [
            tx.execute(select(func.count()).select_from(table)).scalar_one()
            for table in (schema.patterns, schema.pattern_stops, schema.timetable)
        ]
    assert counts == [0, 0, 0]


def test_a_feed_that_fails_half_way_leaves_the_old_one(
    database: Database, settings: Settings
) -> None:
    stops = make_stops(2)
    load(database, make_feed(stops))

    def break_off() -> None:
        with database.writing() as tx:
            save_feed(tx, make_feed())
            raise RuntimeError("half way")

    with pytest.raises(RuntimeError, match="half way"):
        break_off()
    assert ask(database, settings, stops[0], stops[1]).estimate.mean == pytest.approx(240)


def test_another_hour_asks_another_bin(database: Database, settings: Settings) -> None:
    stops = make_stops(2)
    nine = TimeBin(DayKind.WEEKDAY, 36)
    rush, calm = make_feed(stops, seconds=600, bins=[nine]), make_feed(stops, seconds=200)
    entries = tuple(entry for entry in calm.entries if entry.bin != nine)
    load(database, replace(calm, entries=rush.entries + entries))
    now = ask(database, settings, stops[0], stops[1])
    later = ask(database, settings, stops[0], stops[1], leaving_at=START + timedelta(hours=3))
    assert now.estimate.mean == pytest.approx(600)
    assert later.estimate.mean == pytest.approx(200)
