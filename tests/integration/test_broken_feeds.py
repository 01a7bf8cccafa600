"""Whatever is wrong with a feed, it is refused in words and nothing changes."""

import struct
import tracemalloc
from pathlib import Path
from zipfile import ZIP_BZIP2, ZIP_DEFLATED, ZIP_LZMA
from zoneinfo import ZoneInfo

import pytest
from fastapi.testclient import TestClient

from backend.core.errors import FeedError
from backend.core.storage import Database
from backend.tools.import_feed import import_feed
from backend.tools.tables import MOST_BYTES
from tests.factories import START
from tests.feeds import calendar, feed_tables, stop_times, write_tables
from tests.integration.test_admin import Token, bearer

SMALL = feed_tables("A", "B", "C")
TRIPS = "route_id,service_id,trip_id\nR,S,T0\n"
FULL = stop_times("T0,08:00:00,08:00:00,A,1", "T0,08:05:00,08:05:00,B,2")
ETA = {"from": "A", "to": "C", "at": START.isoformat()}


@pytest.fixture
def keeper(client: TestClient, admin_token: Token) -> TestClient:
    """Give a client that may bring feeds."""
    client.headers.update(bearer(admin_token("feed:write")))
    return client


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "feed.zip"


def header(text: str) -> str:
    """Return a table without its rows."""
    return text.splitlines()[0] + "\n"


def refusal(client: TestClient, content: bytes) -> tuple[str, list[tuple[str, int | None]]]:
    """Send a feed that is refused, see that nothing changed by it, and return what was said and which places."""
    write = "/v1/admin/feed"
    before = client.get("/v1/eta", params=ETA).json()
    answer = client.post(write, content=content)
    assert (answer.status_code, answer.json()["error"]) == (422, "feed_refused")
    assert client.get("/v1/eta", params=ETA).json() == before
    told = answer.json()
    return told["message"], [(each["file"], each["line"]) for each in told["details"]]


def refused(
    client: TestClient, path: Path, changes: dict[str, str]
) -> tuple[str, list[tuple[str, int | None]]]:
    """Send the small feed with some of its tables replaced."""
    return refusal(client, write_tables(path, SMALL | changes, ZIP_DEFLATED).read_bytes())


@pytest.fixture(autouse=True)
def loaded(keeper: TestClient, path: Path) -> None:
    """Begin with a feed that is answered from."""
    content = write_tables(path, SMALL).read_bytes()
    assert keeper.post("/v1/admin/feed", content=content).status_code == 200
    assert keeper.get("/v1/eta", params=ETA).status_code == 200


def test_a_feed_of_headers_alone_is_refused(keeper: TestClient, path: Path) -> None:
    """Each table that must have rows is named, and nobody who refers to them is."""
    _, places = refused(keeper, path, {file: header(text) for file, text in SMALL.items()})

    assert places == [
        (file, None)
        for file in (
            "routes.txt",
            "stops.txt",
            "calendar.txt",
            "trips.txt",
            "agency.txt",
            "stop_times.txt",
        )
    ]


def test_an_empty_calendar_beside_its_exceptions_is_a_calendar(
    keeper: TestClient, path: Path
) -> None:
    """Programs that list every single day write such a calendar.txt."""
    days = "service_id,date,exception_type\nS,20260304,1\n"
    tables = SMALL | {"calendar.txt": header(SMALL["calendar.txt"]), "calendar_dates.txt": days}

    answer = keeper.post("/v1/admin/feed", content=write_tables(path, tables).read_bytes())

    assert (answer.status_code, answer.json()["trips"]) == (200, 1)


@pytest.mark.parametrize(
    ("changes", "place", "words"),
    [
        (stop_times("T0,08:00:00,08:00:00,A,1"), ("trips.txt", 2), "has one row"),
        (FULL | {"trips.txt": f"{TRIPS}R,S,T1\n"}, ("trips.txt", 3), "has no rows"),
        (
            stop_times("T0,08:00:00,08:00:00,A,1", "T0,08:05:00,08:05:00,A,2"),
            ("stop_times.txt", None),
            "no trip leads from one stop to another",
        ),
    ],
    ids=["one stop time", "no stop time", "one stop twice"],
)
def test_what_was_cut_off_is_told(
    keeper: TestClient,
    path: Path,
    changes: dict[str, str],
    place: tuple[str, int | None],
    words: str,
) -> None:
    """A trip without its stop times is not left out without a word, and some trip has to lead somewhere."""
    message, places = refused(keeper, path, changes)

    assert places == [place]
    assert words in message


def test_a_trip_with_a_mistake_is_told_once(keeper: TestClient, path: Path) -> None:
    """Its mistake, and not that it then leads nowhere."""
    _, places = refused(keeper, path, stop_times("T0,8 o'clock,08:00:00,A,1"))

    assert places == [("stop_times.txt", 2)]


def declaring(content: bytes, file: str, size: int) -> bytes:
    """Return a zip whose directory says that one of its files unpacks to so many bytes."""
    name = file.encode()
    place = content.index(name, content.index(b"PK\x01\x02")) - 46  # APPNOTE.TXT, 4.3.12
    assert content[place : place + 4] == b"PK\x01\x02"
    return content[: place + 24] + struct.pack("<L", size) + content[place + 28 :]


def test_what_would_unpack_to_too_much_is_not_unpacked(keeper: TestClient, path: Path) -> None:
    """What the directory of the zip says is a bound on what is read of it."""
    content = write_tables(path, SMALL).read_bytes()
    message, places = refusal(keeper, declaring(content, "trips.txt", MOST_BYTES))

    assert places == [("trips.txt", None)]
    assert message.startswith("trips.txt: ")


@pytest.mark.parametrize("method", [ZIP_BZIP2, ZIP_LZMA])
def test_a_packing_whose_pieces_have_no_bound_is_refused(
    keeper: TestClient, path: Path, method: int
) -> None:
    """Of bzip2 and LZMA some bytes become as many megabytes at one stroke."""
    _, places = refusal(keeper, write_tables(path, SMALL, method).read_bytes())

    assert places == [("agency.txt", None)]


@pytest.mark.parametrize(
    ("begin", "text"), [("", "a"), ("", ","), ('"', '\n","')], ids=["cell", "cells", "lines"]
)
def test_a_row_without_end_is_never_held(
    path: Path, database: Database, begin: str, text: str
) -> None:
    """Be it one cell, one cell after the other, or cells of many lines; zipped they are next to nothing."""
    endless = f"feed_version\n{begin}" + text * (2**24 // len(text))
    write_tables(path, SMALL | {"feed_info.txt": endless}, ZIP_DEFLATED)
    assert path.stat().st_size < 2**17

    tracemalloc.start()
    try:
        with pytest.raises(FeedError, match=r"^feed_info\.txt, line \d+: the row cannot be read"):
            import_feed(database, path, frozenset(), START)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert peak < 2**22


DIGITS = "1" * 5000  # more than Python makes a number of
LONG = "x" * 9000  # more than PostgreSQL keeps in an index


@pytest.mark.parametrize(
    ("changes", "place"),
    [
        (stop_times(f"T0,08:00:00,08:00:00,A,{DIGITS}"), ("stop_times.txt", 2)),
        ({"routes.txt": f"route_id,route_type\nR,{DIGITS}\n"}, ("routes.txt", 2)),
        (
            calendar("S,1,1,1,1,1,1,1,99991201,99991231")
            | stop_times("T0,28:00:00,28:00:00,A,1", "T0,28:05:00,28:05:00,B,2"),
            ("calendar.txt", 2),
        ),
        (
            calendar("S,1,1,1,1,1,1,1,00010101,20260331")
            | stop_times("T0,03:00:00,03:00:00,A,1", "T0,03:05:00,03:05:00,B,2"),
            ("calendar.txt", 2),
        ),
        (
            {"calendar_dates.txt": "service_id,date,exception_type\nS,99991231,1\n"},
            ("calendar_dates.txt", 2),
        ),
        (
            {"stops.txt": SMALL["stops.txt"].replace("Stop B", "Stop\0B")},
            ("stops.txt", 3),
        ),
        ({"trips.txt": TRIPS.replace("T0", LONG)}, ("trips.txt", 2)),
        ({"calendar.txt": SMALL["calendar.txt"].replace("S,", f"{LONG},")}, ("calendar.txt", 2)),
        (
            {"calendar_dates.txt": f"service_id,date,exception_type\n{LONG},20260301,1\n"},
            ("calendar_dates.txt", 2),
        ),
    ],
    ids=[
        "sequence",
        "type",
        "last days",
        "first days",
        "last exception",
        "nul",
        "trip",
        "service",
        "service of an exception",
    ],
)
def test_what_no_table_can_hold_is_a_mistake_in_the_feed(
    keeper: TestClient, path: Path, changes: dict[str, str], place: tuple[str, int]
) -> None:
    """A number, a day or a text that Python or a database cannot take is told with its place, briefly."""
    message, places = refused(keeper, path, changes)

    assert places[0] == place
    assert len(message) < 1000


def test_a_calendar_may_end_at_the_end_of_time(keeper: TestClient, path: Path) -> None:
    """Agencies write 9999 where no end is known."""
    tables = SMALL | calendar("S,1,1,1,1,1,1,1,20260301,99991231")

    answer = keeper.post("/v1/admin/feed", content=write_tables(path, tables).read_bytes())

    assert answer.status_code == 200


def changed(content: bytes, place: int, value: bytes) -> bytes:
    """Return a zip of which some bytes of the directory's first entry are others."""
    begin = content.index(b"PK\x01\x02") + place
    return content[:begin] + value + content[begin + len(value) :]


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (6, b"\xff\x00"),  # the version of zip that is needed
        (8, b"\x20\x00"),  # flags: patched data
        (8, b"\x01\x00"),  # flags: a password
        (42, b"\xff\xff\xff\x7f"),  # where the file begins
    ],
    ids=["version", "patch", "password", "place"],
)
def test_a_zip_that_python_cannot_read_is_refused(
    keeper: TestClient, path: Path, place: int, value: bytes
) -> None:
    """Damage is told as such, wherever `zipfile` stumbles over it."""
    message, _ = refusal(keeper, changed(write_tables(path, SMALL).read_bytes(), place, value))

    assert message.startswith("feed.zip: the file cannot be read as a zip")


def test_a_name_that_is_no_text_is_refused(keeper: TestClient, path: Path) -> None:
    """Names of files in a zip may say that they are UTF-8, and not be."""
    damaged = changed(write_tables(path, SMALL).read_bytes(), 9, b"\x08")

    message, _ = refusal(keeper, changed(damaged, 46, b"\xff"))

    assert message.startswith("feed.zip: the file cannot be read as a zip")


def agency(*zones: str) -> dict[str, str]:
    rows = "".join(f"Buses,https://example.org/,{zone}\n" for zone in zones)
    return {"agency.txt": f"agency_name,agency_url,agency_timezone\n{rows}"}


@pytest.mark.parametrize(
    ("zones", "places"),
    [
        (["Asia/Karachi"], [("agency.txt", 2)]),
        (["Asia/Kolkata", "Europe/Berlin"], [("agency.txt", 3)]),
        (["Asia"], [("agency.txt", 2)]),
        (["Atlantis/Poseidonis"], [("agency.txt", 2)]),
        (["/etc/localtime"], [("agency.txt", 2)]),
        ([""], [("agency.txt", 2)]),
        ([], [("agency.txt", None)]),
    ],
)
def test_a_feed_by_another_clock_is_refused(
    keeper: TestClient, path: Path, zones: list[str], places: list[tuple[str, int | None]]
) -> None:
    """All of its times would be hours off."""
    _, found = refused(keeper, path, agency(*zones))

    assert found == places


def test_a_zone_may_go_by_another_name(keeper: TestClient, path: Path) -> None:
    """What counts is what the clocks show: Kolkata was Calcutta, and Colombo's are the same."""
    tables = SMALL | agency("Asia/Calcutta", "Asia/Colombo")

    answer = keeper.post("/v1/admin/feed", content=write_tables(path, tables).read_bytes())

    assert answer.status_code == 200


def test_a_feed_is_read_again_for_another_zone(path: Path, database: Database) -> None:
    """That it was taken once says nothing about a service whose clock is another one since."""
    write_tables(path, SMALL)
    import_feed(database, path, frozenset(), START, ZoneInfo("Asia/Kolkata"))

    with pytest.raises(FeedError, match="BMTC_TIMEZONE is Europe/Berlin"):
        import_feed(database, path, frozenset(), START, ZoneInfo("Europe/Berlin"))


def test_trips_that_are_repeated_are_refused(keeper: TestClient, path: Path) -> None:
    """Their times in stop_times.txt are no departures, and those that are would be missing."""
    text = "trip_id,start_time,end_time,headway_secs\n"
    empty = write_tables(path, SMALL | {"frequencies.txt": text}).read_bytes()
    assert keeper.post("/v1/admin/feed", content=empty).json()["changed"]  # it is read

    row = "T0,06:00:00,22:00:00,600\n"
    message, places = refused(keeper, path, {"frequencies.txt": text + row * 2})

    assert places == [("frequencies.txt", 2)]
    assert "a trip of its own" in message


@pytest.mark.parametrize(
    ("changes", "place"),
    [
        (
            {"stops.txt": SMALL["stops.txt"].replace("Stop B,12.91,77.5", "Stop B,12.91,77.5,,B")},
            ("stops.txt", 3),
        ),
        (
            stop_times("T0,08:00:00,08:00:00,A,1,3", "T0,08:05:00,08:05:00,B,2"),
            ("stop_times.txt", 2),
        ),
        ({"trips.txt": "route_id,service_id,trip_id,route_id\nR,S,T0,R\n"}, ("trips.txt", 1)),
    ],
    ids=["cell", "cell of a stop time", "column"],
)
def test_cells_that_belong_to_no_column_are_told(
    keeper: TestClient, path: Path, changes: dict[str, str], place: tuple[str, int]
) -> None:
    """A comma without quotes moves what follows it to the wrong column; of two columns one would be lost."""
    _, places = refused(keeper, path, changes)

    assert places == [place]


def test_commas_at_the_end_of_a_row_do_no_harm(keeper: TestClient, path: Path) -> None:
    """Some spreadsheets write them, above all below a header that is shorter."""
    tables = SMALL | {"trips.txt": "route_id,service_id,trip_id,,\nR,S,T0,,,,\n"}

    answer = keeper.post("/v1/admin/feed", content=write_tables(path, tables).read_bytes())

    assert answer.status_code == 200
