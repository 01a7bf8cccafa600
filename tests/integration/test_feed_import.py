"""A feed is imported as a whole or not at all, and what is wrong with it is told at once."""

from datetime import date
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest
from sqlalchemy import func, select

from backend.core.errors import FeedError, NoEstimateError
from backend.core.journeys import Eta
from backend.core.rides import Segment
from backend.core.settings import Settings
from backend.core.storage import Database
from backend.core.store import eta
from backend.core.store.feeds import begin_feed, current_feed, remove_some, staging
from backend.tools.city import build_city
from backend.tools.city_feed import write_feed
from backend.tools.import_feed import ImportReport, import_feed
from backend.tools.tables import MOST_PROBLEMS
from tests.factories import START, make_ride, make_ride_segment
from tests.feeds import (
    DyingDatabase,
    PowerCutError,
    calendar,
    feed_tables,
    stop_times,
    write_tables,
)
from tests.rides import submit_ride

SMALL = feed_tables("A", "B", "C")
STORED = (
    "stops",
    "routes",
    "services",
    "service_exceptions",
    "trips",
    "calls",
    "patterns",
    "pattern_stops",
    "timetable",
    "feeds",
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "feed.zip"


def load(
    database: Database,
    path: Path,
    tables: dict[str, str],
    holidays: frozenset[date] = frozenset(),
) -> ImportReport:
    return import_feed(database, write_tables(path, tables), holidays, START)


def problems_of(database: Database, path: Path, tables: dict[str, str]) -> list[tuple[Any, ...]]:
    """Return file, line and column of everything that is wrong."""
    with pytest.raises(FeedError) as refused:
        load(database, path, tables)
    assert str(refused.value).splitlines()[0] == refused.value.problems[0].message
    return [(each.file, each.line, each.column) for each in refused.value.problems]


def counts(database: Database) -> dict[str, int]:
    with database.reading() as tx:
        tables = tx.schema.metadata.tables
        return {
            name: tx.execute(select(func.count()).select_from(tables[name])).scalar_one()
            for name in STORED
        }


def ask(database: Database, settings: Settings, from_stop: str, to_stop: str) -> Eta:
    with database.reading() as tx:
        return eta(tx, from_stop, to_stop, START, settings, START)


def test_the_whole_feed_is_stored(path: Path, database: Database) -> None:
    """Names, places, days and times past 24:00 are there to be read."""
    exceptions = "service_id,date,exception_type\nS,20260315,2\nE,20260317,1\n"
    report = load(
        database,
        path,
        SMALL
        | {"calendar_dates.txt": exceptions, "feed_info.txt": "feed_version\nspring\n"}
        | stop_times("T0,24:50:00,24:50:00,A,1", "T0,,,B,3", "T0,25:00:00,25:01:00,C,5"),
    )

    assert (report.version, report.trips, report.calls) == ("spring", 1, 3)
    with database.reading() as tx:
        schema = tx.schema
        assert current_feed(tx) is not None
        assert tx.execute(select(schema.stops)).first() == (report.feed, "A", "Stop A", 12.9, 77.5)
        route = tx.execute(select(schema.routes)).one()
        assert (route.short_name, route.long_name, route.route_type) == ("7", "Ring road", 3)
        calls = tx.execute(select(schema.calls).order_by(schema.calls.c.position)).all()
        assert [(call.stop, call.arrival, call.departure) for call in calls] == [
            ("A", 89_400, 89_400),
            ("B", 89_700, 89_700),
            ("C", 90_000, 90_060),
        ]
        services = tx.execute(select(schema.services).order_by(schema.services.c.id)).all()
        assert [tuple(each)[1:] for each in services] == [
            ("E", 0, None, None),
            ("S", 127, date(2026, 3, 1), date(2026, 3, 31)),
        ]
        days = tx.execute(select(schema.service_exceptions).order_by("day")).all()
        assert [tuple(each)[1:] for each in days] == [
            ("S", date(2026, 3, 15), False),
            ("E", date(2026, 3, 17), True),
        ]


def test_a_feed_of_many_transactions_is_stored_as_it_was_counted(
    path: Path, database: Database
) -> None:
    city = build_city(1)
    write_feed(city, path, START.date(), "Asia/Kolkata")

    report = import_feed(database, path, frozenset(), START)

    seen = counts(database)
    assert (report.entries, report.calls) == (6720, 7680)
    assert (seen["timetable"], seen["calls"], seen["trips"]) == (6720, 7680, report.trips)
    assert report.version == "city 1, 2026-03-04"


def test_a_feed_ends_with_the_last_of_its_trips(path: Path, database: Database) -> None:
    """Not with a service that no trip has, and not before days that were taken out."""
    tables = feed_tables("A", "B", trips=2) | {
        "trips.txt": "route_id,service_id,trip_id\nR,S,T0\nR,E,T1\n",
        **calendar(
            "S,1,1,1,1,1,1,1,20260301,20260310",
            "E,1,1,1,1,1,1,1,20260301,20260320",
            "UNUSED,1,1,1,1,1,1,1,20260301,20260331",
        ),
        "calendar_dates.txt": "service_id,date,exception_type\nE,20260320,2\nE,20260319,2\n",
    }

    report = load(database, path, tables)

    assert report.last_day == date(2026, 3, 18)
    assert load(database, path, tables).last_day == date(2026, 3, 18)


def test_a_place_within_a_station_needs_no_coordinates(path: Path, database: Database) -> None:
    """No bus calls at a node of a way through a station, and who says so is wrong."""
    stops = "stop_id,stop_lat,stop_lon,location_type\nA,12.9,77.5,0\nB,12.9,77.6,\nC,12.9,77.7,\nN,,,3\n"
    load(database, path, SMALL | {"stops.txt": stops})
    assert counts(database)["stops"] == 3

    calls = stop_times("T0,08:00:00,08:00:00,A,1", "T0,08:05:00,08:05:00,N,2")
    found = problems_of(database, path, SMALL | {"stops.txt": stops} | calls)
    assert found == [("stop_times.txt", 3, "stop_id")]


def test_everything_that_is_wrong_is_told_at_once(path: Path, database: Database) -> None:
    """Every cell of every table, each with its place, and not only the first."""
    found = problems_of(
        database,
        path,
        {
            "agency.txt": "agency_timezone\nnowhere\n",
            "routes.txt": "route_id,route_type\nR,3\nQ,99\n",
            "stops.txt": "stop_id,stop_lat,stop_lon\nA,91,east\nB,12.9,77.5\nB,nan,77.5\n",
            "trips.txt": "route_id,service_id,trip_id\nX,Y,T0\nR,S,T1\nR,S,T1\n",
            "calendar_dates.txt": (
                "service_id,date,exception_type\nS,20260317,1\nS,20260317,2\nS,20260318,3\n"
            ),
        }
        | calendar("S,1,1,1,1,1,1,7,20260301,2026-03-31")
        | stop_times(
            "T0,08:00:00,08:00:00,A,1",
            "T0,07:00:00,06:00:00,B,2",
            "T1,,,A,1",
            "T1,08:00:00,08:00:00,Z,-1",
        ),
    )

    assert found == [
        ("routes.txt", 3, "route_type"),
        ("stops.txt", 2, "stop_lat"),
        ("stops.txt", 2, "stop_lon"),
        ("stops.txt", 4, "stop_id"),
        ("stops.txt", 4, "stop_lat"),
        ("calendar.txt", 2, "sunday"),
        ("calendar.txt", 2, "end_date"),
        ("calendar_dates.txt", 3, "date"),
        ("calendar_dates.txt", 4, "exception_type"),
        ("trips.txt", 2, "route_id"),
        ("trips.txt", 2, "service_id"),
        ("trips.txt", 4, "trip_id"),
        ("agency.txt", 2, "agency_timezone"),
        ("stop_times.txt", 3, "departure_time"),
        ("stop_times.txt", 3, "arrival_time"),
        ("stop_times.txt", 5, "stop_sequence"),
        ("stop_times.txt", 5, "stop_id"),
    ]
    assert counts(database) == dict.fromkeys(STORED, 0)


@pytest.mark.parametrize(
    ("file", "text", "places"),
    [
        ("stops.txt", None, [("stops.txt", None, None)]),
        ("trips.txt", None, [("trips.txt", None, None)]),
        ("calendar.txt", None, [("calendar.txt", None, None)]),
        ("stop_times.txt", None, [("stop_times.txt", None, None)]),
        (
            "routes.txt",
            "id\nR\n",
            [("routes.txt", 1, "route_id"), ("routes.txt", 1, "route_type")],
        ),
    ],
)
def test_who_refers_to_a_missing_table_is_not_to_blame(
    path: Path,
    database: Database,
    file: str,
    text: str | None,
    places: list[tuple[str, int | None, str | None]],
) -> None:
    """What a table that cannot be read would have made known is not missed a thousand times over."""
    tables = {name: content for name, content in SMALL.items() if name != file}

    assert problems_of(database, path, tables | ({} if text is None else {file: text})) == places


def test_no_more_problems_are_told_than_can_be_read(path: Path, database: Database) -> None:
    rows = [f"T0,08:00:00,08:00:00,A{number},{number}" for number in range(2 * MOST_PROBLEMS)]

    with pytest.raises(FeedError, match="Reading ended there, with 50 problems") as refused:
        load(database, path, SMALL | stop_times(*rows))

    assert len(refused.value.problems) == MOST_PROBLEMS
    assert counts(database) == dict.fromkeys(STORED, 0)


def test_an_error_late_in_the_feed_leaves_nothing(path: Path, database: Database) -> None:
    """Batches that were staged before the last row turned out to be wrong are taken away."""
    good = feed_tables("A", "B", "C", trips=2000)
    load(database, path, SMALL)
    before = counts(database)

    bad = good | {"stop_times.txt": good["stop_times.txt"] + "T0,08:00:00,08:00:00,A,0\n"}

    assert problems_of(database, path, bad) == [("stop_times.txt", 6002, "stop_sequence")]
    assert counts(database) == before


def test_the_same_feed_changes_nothing_and_says_so(path: Path, database: Database) -> None:
    """What counts is what the tables say: a zip that was packed again is the same feed."""
    first = load(database, path, SMALL)
    with ZipFile(path, "a") as archive:
        archive.writestr("shapes.txt", "nobody reads this")

    again = import_feed(database, path, frozenset(), START)

    assert (again.feed, again.changed, first.changed) == (first.feed, False, True)


def test_other_holidays_make_another_timetable(path: Path, database: Database) -> None:
    first = load(database, path, SMALL)

    again = load(database, path, SMALL, holidays=frozenset({date(2026, 3, 4)}))

    assert again.changed
    assert again.feed > first.feed


def test_a_new_feed_leaves_no_row_of_the_old_one(path: Path, database: Database) -> None:
    load(database, path, feed_tables("X", "Y", "Z", minutes=9, trips=600))
    load(database, path, SMALL)
    seen = counts(database)

    assert (seen["feeds"], seen["trips"], seen["calls"], seen["pattern_stops"]) == (1, 1, 3, 3)
    assert (seen["stops"], seen["patterns"], seen["timetable"]) == (3, 1, 4)


@pytest.mark.parametrize("lives", range(6))
def test_what_an_interrupted_import_left_is_removed_by_the_next(
    path: Path, database: Database, settings: Settings, lives: int
) -> None:
    """Wherever it ends, readers see the old feed, and the next import clears up."""
    load(database, path, SMALL)
    write_tables(path, feed_tables("X", "Y"))
    with pytest.raises(PowerCutError):
        import_feed(DyingDatabase.of(database, lives), path, frozenset(), START)

    assert ask(database, settings, "A", "C").estimate.mean == pytest.approx(600)
    with pytest.raises(NoEstimateError):
        ask(database, settings, "X", "Y")
    load(database, path, feed_tables("P", "Q"))
    assert ask(database, settings, "P", "Q").estimate.mean == pytest.approx(300)
    assert counts(database)["feeds"] == 1
    assert counts(database)["stops"] == 2


def test_the_last_of_two_imports_at_once_wins(path: Path, database: Database) -> None:
    """The first one notices at its next write, and is given up."""
    with database.writing() as tx:
        first = begin_feed(tx, "first", None, START)
    load(database, path, SMALL)

    with (
        pytest.raises(FeedError, match="Another import has begun meanwhile"),
        staging(database, first),
    ):
        pass
    with database.writing() as tx:
        assert not remove_some(tx)


def test_a_segment_that_vanishes_keeps_what_was_learned(
    path: Path, database: Database, settings: Settings
) -> None:
    """Retired it answers nothing; a later feed that has it again finds it as it was."""
    load(database, path, feed_tables("A", "B"))
    ride = make_ride([make_ride_segment(Segment("A", "B"), seconds=400)])
    with database.writing() as tx:
        submit_ride(tx, ride, settings, START)
    before = ask(database, settings, "A", "B")

    load(database, path, feed_tables("A", "C"))
    with database.reading() as tx:
        segments = tx.execute(select(tx.schema.segments).order_by("id")).all()
    assert [(each.to_stop, each.retired_at) for each in segments] == [("B", START), ("C", None)]
    with pytest.raises(NoEstimateError):
        ask(database, settings, "A", "B")

    load(database, path, feed_tables("A", "B"))
    assert ask(database, settings, "A", "B") == before
    assert before.estimate.observations == pytest.approx(1)


def test_a_feed_of_which_nothing_runs_is_a_feed(database: Database, path: Path) -> None:
    """Its stops are there, and its trips promise nothing: agencies publish such feeds between two seasons."""
    tables = feed_tables("A", "B") | calendar("S,0,0,0,0,0,0,0,20260302,20260308")

    report = load(database, path, tables)

    assert (report.changed, report.entries, report.trips) == (True, 0, 1)
