"""GTFS zips become patterns and mean durations per time bin, or an error with file, line, column."""

import re
from collections.abc import Callable
from datetime import date, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select

from backend.core.bins import DayKind, TimeBin
from backend.core.errors import FeedError
from backend.core.rides import Segment
from backend.core.settings import Settings
from backend.core.storage import Database
from backend.core.store import save_feed
from backend.core.timetable import Feed, Pattern
from backend.tools.city import build_city
from backend.tools.city_feed import write_feed
from backend.tools.feed import read_feed
from backend.tools.load_feed import load_feed
from tests.factories import FakeClock
from tests.integration.phone import eta, send, travel

EIGHT = 8 * 4
"""The quarter hour that begins at 08:00."""

WEEK = "monday,tuesday,wednesday,thursday,friday,saturday,sunday"
SMALL: dict[str, str] = {
    "agency.txt": "agency_name,agency_url,agency_timezone\nBuses,https://example.org/,Asia/Kolkata\n",
    "routes.txt": "route_id,route_type\nR,3\n",
    "stops.txt": "stop_id,stop_lat,stop_lon\nA,12.9,77.5\nB,12.91,77.5\nC,12.92,77.5\n",
    "trips.txt": "route_id,service_id,trip_id\nR,S,T\n",
    "stop_times.txt": (
        "trip_id,arrival_time,departure_time,stop_id,stop_sequence\n"
        "T,08:00:00,08:00:00,A,1\n"
        "T,08:05:00,08:06:00,B,2\n"
        "T,08:10:00,08:10:00,C,3\n"
    ),
    # The first week of March 2026: Monday the 2nd to Sunday the 8th.
    "calendar.txt": f"service_id,{WEEK},start_date,end_date\nS,1,1,1,1,1,0,0,20260302,20260308\n",
}


def stop_table(*stops: str) -> str:
    """Write stops.txt with stops that all lie at one place."""
    return "".join(["stop_id,stop_lat,stop_lon\n", *(f"{stop},12.9,77.5\n" for stop in stops)])


AB, BC = Segment("A", "B"), Segment("B", "C")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "feed.zip"


def write(path: Path, tables: dict[str, str]) -> None:
    with ZipFile(path, "w") as archive:
        for file, text in tables.items():
            archive.writestr(file, text)


def read(path: Path, changes: dict[str, str], holidays: frozenset[date] = frozenset()) -> Feed:
    """Read the small feed with some of its tables replaced."""
    write(path, SMALL | changes)
    return read_feed(path, holidays)


def means(feed: Feed) -> dict[tuple[Segment, TimeBin], float]:
    return {(entry.segment, entry.bin): entry.mean_seconds for entry in feed.entries}


def stop_times(*rows: str) -> dict[str, str]:
    header = "trip_id,arrival_time,departure_time,stop_id,stop_sequence"
    return {"stop_times.txt": "\n".join((header, *rows))}


def calendar(*rows: str) -> dict[str, str]:
    return {"calendar.txt": "\n".join((f"service_id,{WEEK},start_date,end_date", *rows))}


def weekday(quarter: int) -> TimeBin:
    return TimeBin(DayKind.WEEKDAY, quarter)


def weekend(quarter: int) -> TimeBin:
    return TimeBin(DayKind.WEEKEND, quarter)


def test_a_hop_lasts_from_departure_to_arrival(path: Path) -> None:
    """The minute that the bus waits at B belongs to no segment."""
    feed = read(path, {})

    assert feed.patterns == (Pattern("R", ("A", "B", "C")),)
    assert means(feed) == {(AB, weekday(EIGHT)): 300, (BC, weekday(EIGHT)): 240}


def test_the_marks_of_spreadsheets_do_no_harm(path: Path) -> None:
    """A byte order mark, quotes, spaces, other line ends, unknown columns and blank lines are read."""
    changes = {
        file: "\ufeff" + re.sub(r"\bA\b", '" A "', text.replace("\n", ",extra\r\n")) + "\r\n\r\n"
        for file, text in SMALL.items()
    }

    assert read(path, changes) == read(path, {})


def test_trips_of_one_quarter_hour_are_averaged(path: Path) -> None:
    """Two trips on the same days count equally."""
    feed = read(
        path,
        {"trips.txt": "route_id,service_id,trip_id\nR,S,T\nR,S,U\n"}
        | stop_times(
            "T,08:00:00,08:00:00,A,1",
            "T,08:05:00,08:05:00,B,2",
            "U,08:14:59,08:14:59,A,1",
            "U,08:24:59,08:24:59,B,2",
        ),
    )

    assert means(feed) == {(AB, weekday(EIGHT)): 450}
    assert feed.entries[0].departures == 10


def test_a_trip_counts_as_often_as_it_runs(path: Path) -> None:
    """A trip of four days a week weighs four times a trip of one."""
    feed = read(
        path,
        {"trips.txt": "route_id,service_id,trip_id\nR,S,T\nR,F,U\n"}
        | calendar(
            "S,1,1,1,1,0,0,0,20260302,20260308",
            "F,0,0,0,0,1,0,0,20260302,20260308",
        )
        | stop_times(
            "T,08:00:00,08:00:00,A,1",
            "T,08:05:00,08:05:00,B,2",
            "U,08:00:00,08:00:00,A,1",
            "U,08:10:00,08:10:00,B,2",
        ),
    )

    assert means(feed) == {(AB, weekday(EIGHT)): (4 * 300 + 600) / 5}


def test_past_midnight_belongs_to_the_day_before(path: Path) -> None:
    """25:10 on a Friday's timetable is a weekday's ten past one."""
    feed = read(path, stop_times("T,25:10:00,25:10:00,A,1", "T,25:14:00,25:14:00,B,2"))

    assert means(feed) == {(AB, weekday(4)): 240}


def test_before_four_belongs_to_the_day_before_too(path: Path) -> None:
    """03:10 of a Monday's timetable is the night after Sunday; 28:10 of a Friday's is Saturday."""
    early = read(path, stop_times("T,03:10:00,03:10:00,A,1", "T,03:14:00,03:14:00,B,2"))
    late = read(path, stop_times("T,28:10:00,28:10:00,A,1", "T,28:14:00,28:14:00,B,2"))

    assert {(entry.bin, entry.departures) for entry in early.entries} == {
        (weekend(12), 1),
        (weekday(12), 4),
    }
    assert {(entry.bin, entry.departures) for entry in late.entries} == {
        (weekday(16), 4),
        (weekend(16), 1),
    }


def test_after_midnight_riders_and_timetable_meet(
    path: Path, client: TestClient, database: Database, clock: FakeClock
) -> None:
    """The bus of 25:05 is what a rider sees at 01:05: Friday's still, or Sunday's."""
    feed = read(
        path,
        {"trips.txt": "route_id,service_id,trip_id\nR,S,T\nR,E,U\n"}
        | calendar("S,1,1,1,1,1,0,0,20260302,20260308", "E,0,0,0,0,0,1,1,20260302,20260308")
        | stop_times(
            "T,25:05:00,25:05:00,A,1",
            "T,25:10:00,25:10:00,B,2",
            "U,25:05:00,25:05:00,A,1",
            "U,25:15:00,25:15:00,B,2",
        ),
    )
    with database.writing() as transaction:
        save_feed(transaction, feed)
    for night, promised in (
        ("2026-03-07T01:05:00+05:30", 300),  # to Saturday
        ("2026-03-09T01:05:00+05:30", 600),  # to Monday
    ):
        at = datetime.fromisoformat(night)
        clock.advance(at - clock.now())
        assert eta(client, AB, at=at)["p50_seconds"] == promised

        send(client, travel(AB, promised + 210, at=at))

        answer = eta(client, AB, at=at)
        assert (answer["p50_seconds"], answer["observations"]) == (promised + 10, 1)


def test_loading_counts_the_holidays_of_the_settings(
    path: Path, make_settings: Callable[..., Settings], client: TestClient
) -> None:
    """A feed of working days only promises something for a holiday, if that is one of them."""
    write(path, SMALL | stop_times("T,08:00:00,08:00:00,A,1", "T,08:07:00,08:07:00,B,2"))
    load_feed(make_settings(holidays=frozenset({date(2026, 3, 4)})), FakeClock(), path)

    app: Any = client.app
    with app.state.services.database.reading() as tx:
        bins = tx.execute(select(tx.schema.timetable.c.bin)).scalars()
        assert set(bins) == {weekday(EIGHT).index, weekend(EIGHT).index}


def test_a_calendar_for_ever_is_counted_for_ten_years(path: Path) -> None:
    """2000 to 2099 is common; the shares of weekdays and weekends are those of the first years."""
    feed = read(path, calendar("S,1,1,1,1,1,0,1,20000101,20991231"))

    counts = {entry.bin: entry.departures for entry in feed.entries if entry.segment == AB}
    assert counts == {weekday(EIGHT): 2615, weekend(EIGHT): 523}


def test_a_daily_service_fills_both_kinds_of_day(path: Path) -> None:
    """A service that runs all week is in the weekday's and in the weekend's bin."""
    feed = read(path, calendar("S,1,1,1,1,1,1,1,20260302,20260308"))

    assert {(entry.bin, entry.departures) for entry in feed.entries} == {
        (weekday(EIGHT), 5),
        (weekend(EIGHT), 2),
    }


def test_a_holiday_counts_as_weekend(path: Path) -> None:
    """A service's run on a holiday fills the weekend's bin."""
    feed = read(path, {}, holidays=frozenset({date(2026, 3, 4)}))

    assert {(entry.bin, entry.departures) for entry in feed.entries} == {
        (weekday(EIGHT), 4),
        (weekend(EIGHT), 1),
    }


def test_calendar_dates_add_and_remove_days(path: Path) -> None:
    """An exception adds a Saturday and takes a Monday away."""
    dates = "service_id,date,exception_type\nS,20260307,1\nS,20260302,2\n"

    feed = read(path, {"calendar_dates.txt": dates})

    assert {(entry.bin, entry.departures) for entry in feed.entries} == {
        (weekday(EIGHT), 4),
        (weekend(EIGHT), 1),
    }


def test_calendar_dates_alone_are_a_calendar(path: Path) -> None:
    """A feed that lists every single day needs no calendar.txt."""
    tables = {file: text for file, text in SMALL.items() if file != "calendar.txt"}
    write(path, tables | {"calendar_dates.txt": "service_id,date,exception_type\nS,20260307,1\n"})

    assert {entry.bin for entry in read_feed(path).entries} == {weekend(EIGHT)}


def test_a_service_that_never_runs_promises_nothing(path: Path) -> None:
    """Trips of a service without days are in no bin."""
    assert read(path, calendar("S,0,0,0,0,0,0,0,20260302,20260308")).entries == ()


def test_times_left_out_are_spread_evenly(path: Path) -> None:
    """A stop without times lies half way between its neighbours; one time stands for both."""
    feed = read(path, stop_times("T,,08:00:00,A,1", "T,,,B,2", "T,08:10:00,,C,3"))

    assert means(feed) == {(AB, weekday(EIGHT)): 300, (BC, weekday(EIGHT)): 300}


def test_the_order_of_the_rows_does_not_matter(path: Path) -> None:
    """Stops come in the order of stop_sequence, which is a number and may have gaps."""
    feed = read(
        path,
        stop_times(
            "T,08:10:00,08:10:00,C,10", "T,08:05:00,08:06:00,B,9", "T,08:00:00,08:00:00,A,0"
        ),
    )

    assert (feed.patterns, means(feed)) == (read(path, {}).patterns, means(read(path, {})))


def test_equal_trips_make_one_pattern(path: Path) -> None:
    """A pattern is a different sequence of stops, however many trips drive it."""
    feed = read(
        path,
        {"trips.txt": "route_id,service_id,trip_id\nR,S,T\nR,S,U\nR,S,V\n"}
        | stop_times(
            *(f"{trip},0{hour}:00:00,0{hour}:00:00,A,1" for hour, trip in enumerate("TUV", 6)),
            *(f"{trip},0{hour}:05:00,0{hour}:05:00,B,2" for hour, trip in enumerate("TU", 6)),
            "V,08:05:00,08:05:00,C,2",
        ),
    )

    assert feed.patterns == (Pattern("R", ("A", "B")), Pattern("R", ("A", "C")))


def test_no_mean_is_shorter_than_a_second(path: Path) -> None:
    """Feeds round to minutes, so that near stops may be 0 s apart; a bus still needs time."""
    feed = read(path, stop_times("T,08:00:00,08:00:00,A,1", "T,08:00:00,08:00:00,B,2"))

    assert means(feed) == {(AB, weekday(EIGHT)): 1}


def test_a_stop_called_at_twice_in_a_row_is_one(path: Path) -> None:
    """A wait written as two rows is no segment from a stop to itself."""
    feed = read(
        path,
        stop_times("T,08:00:00,08:00:00,A,1", "T,08:02:00,08:02:00,A,2", "T,08:05:00,08:05:00,B,3"),
    )

    assert feed.patterns == (Pattern("R", ("A", "B")),)
    assert means(feed) == {(AB, weekday(EIGHT)): 180}


@pytest.mark.parametrize("file", sorted(SMALL.keys() - {"calendar.txt"}))
def test_a_missing_file_is_named(path: Path, file: str) -> None:
    """Without one of its files a feed is refused, by the name of that file."""
    write(path, {name: text for name, text in SMALL.items() if name != file})

    with pytest.raises(FeedError, match=f"^{file}: the feed has no such file"):
        read_feed(path)


def test_a_feed_in_a_folder_is_told_as_such(path: Path) -> None:
    """As where somebody packs the folder, and not what is in it."""
    write(path, {f"city/{name}": text for name, text in SMALL.items()})

    with pytest.raises(FeedError, match=r"^routes.txt: the feed has it in a folder; put the files"):
        read_feed(path)


def test_a_feed_needs_some_calendar(path: Path) -> None:
    """Without calendar.txt and calendar_dates.txt nothing would ever run."""
    write(path, {name: text for name, text in SMALL.items() if name != "calendar.txt"})

    with pytest.raises(FeedError, match=r"neither this file nor calendar_dates\.txt"):
        read_feed(path)


@pytest.mark.parametrize(
    ("changes", "place"),
    [
        ({"routes.txt": "id,route_type\nR,3\n"}, "routes.txt, line 1, column route_id"),
        ({"stops.txt": ""}, "stops.txt, line 1, column stop_id"),
        ({"stops.txt": stop_table("A", "A", "B", "C")}, "stops.txt, line 3, column stop_id"),
        ({"stops.txt": stop_table('""', "A", "B", "C")}, "stops.txt, line 2, column stop_id"),
        (
            {"trips.txt": "route_id,service_id,trip_id\nX,S,T\n"},
            "trips.txt, line 2, column route_id",
        ),
        (
            {"trips.txt": "route_id,service_id,trip_id\nR,X,T\n"},
            "trips.txt, line 2, column service_id",
        ),
        (
            {"trips.txt": "route_id,service_id,trip_id\nR,S,T\nR,S,T\n"},
            "trips.txt, line 3, column trip_id",
        ),
        (stop_times("X,08:00:00,08:00:00,A,1"), "stop_times.txt, line 2, column trip_id"),
        (stop_times("T,08:00:00,08:00:00,X,1"), "stop_times.txt, line 2, column stop_id"),
        (stop_times("T,8 o'clock,08:00:00,A,1"), "stop_times.txt, line 2, column arrival_time"),
        (stop_times("T,08:00:00,08:60:00,A,1"), "stop_times.txt, line 2, column departure_time"),
        (stop_times("T,08:00:00,07:59:00,A,1"), "stop_times.txt, line 2, column departure_time"),
        (stop_times("T,08:00:00,08:00:00,A,-1"), "stop_times.txt, line 2, column stop_sequence"),
        (
            stop_times("T,08:00:00,08:00:00,A,1", "T,08:05:00,08:05:00,B,1"),
            "stop_times.txt, line 3, column stop_sequence",
        ),
        (
            stop_times("T,08:00:00,08:00:00,A,1", "T,07:05:00,08:05:00,B,2"),
            "stop_times.txt, line 3, column arrival_time",
        ),
        (
            stop_times("T,,,A,1", "T,08:05:00,08:05:00,B,2"),
            "stop_times.txt, line 2, column departure_time",
        ),
        (
            stop_times("T,08:00:00,08:00:00,A,1", "T,,,B,2"),
            "stop_times.txt, line 3, column arrival_time",
        ),
        (calendar("S,1,1,1,1,1,0,2,20260302,20260308"), "calendar.txt, line 2, column sunday"),
        (calendar("S,1,1,1,1,1,0,0,20260230,20260308"), "calendar.txt, line 2, column start_date"),
        (calendar("S,1,1,1,1,1,0,0,20260302,2026-3-8"), "calendar.txt, line 2, column end_date"),
        (calendar("S,1,1,1,1,1,0,0,20260308,20260302"), "calendar.txt, line 2, column end_date"),
        ({"stops.txt": stop_table("A", "B" * 101, "B", "C")}, "stops.txt, line 3, column stop_id"),
        (calendar(*["S,1,1,1,1,1,0,0,20260302,20260308"] * 2), "calendar.txt, line 3, column"),
        (
            {"calendar_dates.txt": "service_id,date,exception_type\nS,20260302,3\n"},
            "calendar_dates.txt, line 2, column exception_type",
        ),
        (
            {"calendar_dates.txt": "service_id,date,exception_type\n,20260302,1\n"},
            "calendar_dates.txt, line 2, column service_id",
        ),
        ({"routes.txt": "route_id,route_type\nR,3\nR,3\n"}, "routes.txt, line 3, column route_id"),
    ],
)
def test_what_is_wrong_is_pointed_at(path: Path, changes: dict[str, str], place: str) -> None:
    """The error names the file, the line and the column, and is one sentence."""
    with pytest.raises(FeedError) as caught:
        read(path, changes)

    assert str(caught.value).startswith(f"{place}")
    assert str(caught.value).endswith(".")


def test_text_that_is_not_utf_8_is_named(path: Path) -> None:
    """A Latin-1 file is refused, with the place up to which it could be read."""
    write(path, SMALL)
    with ZipFile(path, "w") as archive:
        for file, text in (SMALL | {"stops.txt": "stop_id\nCafé\n"}).items():
            archive.writestr(file, text.encode("latin-1"))

    with pytest.raises(FeedError, match=r"^stops\.txt, after line \d+: the text is not UTF-8"):
        read_feed(path)


def test_a_row_that_is_no_csv_is_named(path: Path) -> None:
    """A cell of endless text, as a forgotten quote makes it, is refused with its line."""
    with pytest.raises(FeedError, match=r"^stops\.txt, line \d+: the row cannot be read as CSV"):
        read(path, {"stops.txt": 'stop_id,stop_lat,stop_lon\n"' + "A" * 200_000})


@pytest.mark.parametrize("content", [b"", b"no zip", b"PK\x03\x04 cut off"])
def test_a_file_that_is_no_zip(path: Path, content: bytes) -> None:
    """Whatever is no zip is refused by its name."""
    path.write_bytes(content)

    with pytest.raises(FeedError, match=r"feed\.zip: the file cannot be read as a zip"):
        read_feed(path)


def test_a_damaged_zip(path: Path) -> None:
    """A zip whose content does not match its checksum is refused, not half read."""
    write(path, SMALL)
    path.write_bytes(path.read_bytes().replace(b"T,08:05:00", b"T,09:05:00", 1))

    with pytest.raises(FeedError, match="cannot be read as a zip"):
        read_feed(path)


def test_a_path_that_is_no_file(path: Path) -> None:
    """A missing file and a folder are refused in words."""
    with pytest.raises(FeedError, match="there is no such file"):
        read_feed(path)
    with pytest.raises(FeedError, match="cannot be read"):
        read_feed(path.parent)


def test_the_city_writes_a_feed_that_says_what_the_city_is(path: Path) -> None:
    """Reading the simulated city's feed gives its lines back, with their seconds all day long."""
    city = build_city(seed=7)
    write_feed(city, path, date(2026, 3, 4), "Asia/Kolkata")

    feed = read_feed(path)

    assert set(feed.patterns) == {Pattern(line.route_id, line.stops) for line in city.lines}
    promised = {
        Segment(*ends): seconds
        for line in city.lines
        for ends, seconds in zip(pairwise(line.stops), line.seconds, strict=True)
    }
    assert {entry.segment: entry.mean_seconds for entry in feed.entries} == promised
    assert {entry.bin.day for entry in feed.entries} == set(DayKind)


def test_one_seed_is_one_city(tmp_path: Path) -> None:
    """The same seed and date write the same bytes, another seed another city."""
    contents = []
    for name, seed in (("one", 1), ("again", 1), ("other", 2)):
        write_feed(build_city(seed), tmp_path / name, date(2026, 3, 4), "Asia/Kolkata")
        contents.append((tmp_path / name).read_bytes())

    assert contents[0] == contents[1] != contents[2]
