"""Stops, routes and schedules over HTTP: the right ones, in order, page by page."""

from datetime import date, timedelta
from typing import Any
from urllib.parse import urlencode

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from backend.api.timetable_models import read_place, write_place
from backend.core.store.schedules import Place
from tests.factories import FakeClock
from tests.feeds import Load, calendar, feed_tables, stop_times

SMALL = feed_tables("A", "B", "C")
TODAY = date(2026, 3, 4)
"""A Wednesday; the clock shows 09:00."""


def get(client: TestClient, path: str, **query: object) -> dict[str, Any]:
    response = client.get(f"/v1/{path}?{urlencode(query)}")
    assert response.status_code == 200, response.text
    answer: dict[str, Any] = response.json()
    return answer


def pages(client: TestClient, path: str, **query: object) -> list[list[dict[str, Any]]]:
    """Return all pages of a list."""
    found: list[list[dict[str, Any]]] = []
    after: dict[str, str] = {}
    while True:
        answer = get(client, path, **query, **after)
        found.append(next(value for value in answer.values() if isinstance(value, list)))
        if answer["next"] is None:
            return found
        after = {"after": answer["next"]}


def times(departures: list[dict[str, Any]]) -> list[str]:
    return [each["departure"][:16] for each in departures]


def refusal(client: TestClient, path: str, **query: object) -> tuple[int, str, str]:
    response = client.get(f"/v1/{path}?{urlencode(query)}")
    answer = response.json()
    where = answer["details"][0]["field"] if answer["details"] else ""
    return response.status_code, answer["error"], where


def test_without_a_feed_there_is_nothing(client: TestClient) -> None:
    assert get(client, "stops") == {"stops": [], "next": None}
    assert get(client, "routes") == {"routes": [], "next": None}
    assert refusal(client, "stops/A/schedule") == (404, "unknown_stop", "")


def test_stops_come_in_pages_by_their_ids(client: TestClient, load: Load) -> None:
    load(feed_tables("C", "A", "D", "B", "E"))

    found = pages(client, "stops", limit=2)

    assert [[stop["stop_id"] for stop in page] for page in found] == [["A", "B"], ["C", "D"], ["E"]]
    assert found[0][0] == {"stop_id": "A", "name": "Stop A", "lat": 12.91, "lon": 77.5}


@pytest.mark.parametrize(
    ("box", "stops"),
    [
        ((12.9, 77.5, 12.91, 77.5), ["A", "B"]),
        ((12.905, 77, 13, 78), ["B", "C"]),
        ((12.9, 77.6, 13, 78), []),
        ((-90, 170, 90, -170), []),
        ((-90, 77.4, 90, -170), ["A", "B", "C"]),
    ],
)
def test_a_box_has_its_edges_and_may_cross_the_date_line(
    client: TestClient, load: Load, box: tuple[float, ...], stops: list[str]
) -> None:
    load(SMALL)
    query = dict(zip(("min_lat", "min_lon", "max_lat", "max_lon"), box, strict=True))

    assert [stop["stop_id"] for stop in get(client, "stops", **query)["stops"]] == stops


def test_the_stops_of_a_route(client: TestClient, load: Load) -> None:
    routes = "route_id,route_type\nR,3\nQ,0\n"
    load(feed_tables("A", "B", "C") | {"routes.txt": routes})

    assert len(get(client, "stops", route="R")["stops"]) == 3
    assert get(client, "stops", route="Q")["stops"] == []
    assert refusal(client, "stops", route="X") == (404, "unknown_route", "")


def test_routes_are_found_by_any_part_of_their_names(client: TestClient, load: Load) -> None:
    """In small or large letters, also beyond ASCII, and no sign is a wildcard."""
    load(
        SMALL
        | {
            "routes.txt": (
                "route_id,route_short_name,route_long_name,route_type\n"
                "R,7,Ring road,3\nexpress,E1,To the ÖSTRA 100%,3\nz_z,,Zoo,3\n"
            )
        }
    )

    def search(text: str) -> list[str]:
        return [each["route_id"] for each in get(client, "routes/search", q=text)["routes"]]

    assert search("RING") == ["R"]
    assert search("östra") == ["express"]
    assert search("e1") == ["express"]
    assert search("%") == ["express"]
    assert search("_") == ["z_z"]
    assert search("nowhere") == []
    assert [len(page) for page in pages(client, "routes", limit=2)] == [2, 1]


def test_a_schedule_begins_now_and_lasts_a_day(client: TestClient, load: Load) -> None:
    load(feed_tables("A", "B", trips=90))

    found = [each for page in pages(client, "stops/A/schedule", limit=7) for each in page]

    assert times(found)[0] == "2026-03-04T09:00"
    assert len(found) == 90
    assert times(found)[-1] == "2026-03-05T08:59"
    assert found[0] == {
        "trip_id": "T60",
        "route_id": "R",
        "route_name": "7",
        "headsign": "Centre",
        "service_date": "2026-03-04",
        "arrival": "2026-03-04T09:00:00+05:30",
        "departure": "2026-03-04T09:00:00+05:30",
        "terminates": False,
    }


def test_a_day_has_the_trips_of_the_night_before(client: TestClient, load: Load) -> None:
    """25:10 on Friday's timetable is on Saturday's page; a trip of 49:00 on that of two days later."""
    load(
        SMALL
        | {"trips.txt": "route_id,service_id,trip_id\nR,S,T\nR,S,U\n"}
        | calendar("S,0,0,0,0,1,0,0,20260301,20260331")
        | stop_times(
            "T,25:10:00,25:10:00,A,1",
            "T,25:20:00,25:20:00,B,2",
            "U,08:00:00,08:00:00,A,1",
            "U,49:00:00,49:00:00,A,2",
            "U,49:10:00,49:10:00,B,3",
        )
    )

    def on(day: int) -> list[tuple[str, str]]:
        found = get(client, "stops/A/schedule", date=f"2026-03-{day:02}")["departures"]
        return [(each["departure"][:16], each["service_date"]) for each in found]

    assert on(6) == [("2026-03-06T08:00", "2026-03-06")]
    assert on(7) == [("2026-03-07T01:10", "2026-03-06")]
    assert on(8) == [("2026-03-08T01:00", "2026-03-06")]
    assert on(9) == []


def test_exceptions_change_the_calendar(client: TestClient, load: Load) -> None:
    dates = "service_id,date,exception_type\nS,20260303,2\nS,20260501,1\n"
    load(SMALL | {"calendar_dates.txt": dates})

    def count(day: str) -> int:
        return len(get(client, "stops/B/schedule", date=day)["departures"])

    assert [count(f"2026-{day}") for day in ("03-02", "03-03", "03-31", "04-01", "05-01")] == [
        1,
        0,
        1,
        0,
        1,
    ]


def test_where_a_trip_ends_nobody_boards(client: TestClient, load: Load) -> None:
    load(SMALL)

    def ends(stop: str) -> bool:
        found = get(client, f"stops/{stop}/schedule", date=TODAY)["departures"]
        return bool(found[0]["terminates"])

    assert [ends("A"), ends("B"), ends("C")] == [False, False, True]


@pytest.mark.parametrize(
    ("settings_overrides", "day", "expected"),
    [
        # In the night to 29 March 2026 clocks go from 02:00 to 03:00: noon minus 12 h is 23:00.
        (
            {"timezone": "Europe/Berlin"},
            "2026-03-29",
            ["2026-03-29T00:30:00+01:00", "2026-03-29T01:30:00+01:00", "2026-03-29T03:30:00+02:00"],
        ),
        # On 25 October from 03:00 back to 02:00: noon minus 12 h is 01:00 summer time.
        (
            {"timezone": "Europe/Berlin"},
            "2026-10-25",
            ["2026-10-25T02:30:00+02:00", "2026-10-25T02:30:00+01:00", "2026-10-25T03:30:00+01:00"],
        ),
    ],
)
def test_days_on_which_clocks_change(
    client: TestClient, load: Load, clock: FakeClock, day: str, expected: list[str]
) -> None:
    """A service day counts from noon minus 12 h, and moments come in the order in which they happen."""
    clock.advance(timedelta(days=30))
    load(
        SMALL
        | {"trips.txt": "".join(["route_id,service_id,trip_id\n", *(f"R,S,{t}\n" for t in "TUV")])}
        | {"calendar_dates.txt": f"service_id,date,exception_type\nS,{day.replace('-', '')},1\n"}
        | calendar("S,0,0,0,0,0,0,0,20260301,20260331")
        | stop_times(
            *(
                row
                for hour, trip in ((3, "T"), (1, "U"), (2, "V"))
                for row in (f"{trip},{hour}:30:00,{hour}:30:00,A,1", f"{trip},9:00:00,9:00:00,B,2")
            )
        )
    )

    found = get(client, "stops/A/schedule", date=day)["departures"]

    assert [each["departure"] for each in found] == expected
    assert [
        each["departure"]
        for page in pages(client, "stops/A/schedule", date=day, limit=1)
        for each in page
    ] == expected


def test_pages_split_between_departures_of_one_moment(client: TestClient, load: Load) -> None:
    """Of one day and of two: each departure is on one page, and on no second one."""
    trips = [f"T{number}" for number in range(5)]
    load(
        SMALL
        | {
            "trips.txt": "".join(
                ["route_id,service_id,trip_id\n", *(f"R,S,{trip}\n" for trip in trips)]
            )
        }
        | stop_times(
            *(
                row
                for number, trip in enumerate(trips)
                for at in ["10:00:00" if number % 2 else "34:00:00"]
                for row in (f"{trip},{at},{at},A,1", f"{trip},40:00:00,40:00:00,B,2")
            )
        )
    )
    whole = get(client, "stops/A/schedule", date=TODAY)["departures"]

    assert [(each["trip_id"], each["service_date"]) for each in whole] == [
        ("T0", "2026-03-03"),
        ("T2", "2026-03-03"),
        ("T4", "2026-03-03"),
        ("T1", "2026-03-04"),
        ("T3", "2026-03-04"),
    ]
    for limit in range(1, 6):
        paged = pages(client, "stops/A/schedule", date=TODAY, limit=limit)
        assert [each for page in paged for each in page] == whole
        assert all(len(page) <= limit for page in paged)


def test_nothing_leaves_a_stop_where_nothing_calls(client: TestClient, load: Load) -> None:
    load(SMALL | {"stops.txt": SMALL["stops.txt"] + "lonely,Lonely,13,77\n"})

    answer = get(client, "stops/lonely/schedule")

    assert (answer["stop"]["name"], answer["departures"], answer["next"]) == ("Lonely", [], None)


def test_a_stop_id_may_have_a_slash(client: TestClient, load: Load) -> None:
    load(feed_tables("A/1", "B"))

    assert len(get(client, "stops/A/1/schedule", date=TODAY)["departures"]) == 1


@pytest.mark.parametrize(
    ("path", "query", "field"),
    [
        ("stops", {"limit": 0}, "limit"),
        ("routes", {"limit": 201}, "limit"),
        ("stops", {"min_lat": 1}, "min_lat"),
        ("stops", {"min_lat": 2, "max_lat": 1, "min_lon": 0, "max_lon": 1}, "min_lat"),
        ("stops", {"min_lat": 91, "max_lat": 92, "min_lon": 0, "max_lon": 1}, "min_lat"),
        ("stops", {"route": "a\0b"}, "route"),
        ("routes/search", {}, "q"),
        ("routes/search", {"q": ""}, "q"),
        ("stops/A/schedule", {"date": "tomorrow"}, "date"),
        ("stops/A/schedule", {"date": "9999-12-31"}, "date"),
        ("stops/A/schedule", {"after": "nonsense"}, "after"),
        ("stops/A/schedule", {"after": write_place(Place(date.max, 0, "T", 0))}, "after"),
    ],
)
def test_a_wrong_question_is_pointed_at(
    client: TestClient, path: str, query: dict[str, object], field: str
) -> None:
    assert refusal(client, path, **query) == (422, "invalid_request", field)


@pytest.mark.parametrize(
    "place",
    [
        Place(TODAY, -1, "T", 0),
        Place(TODAY, 10**20, "T", 0),
        Place(TODAY, 0, "T", -1),
        Place(TODAY, 0, "T\0", 0),
        Place(TODAY, 0, "\ud800", 0),
        Place(TODAY, 1.5, "T", 0),  # type: ignore[arg-type]
        Place(TODAY, True, "T", 0),
        Place(TODAY, 0, 7, 0),  # type: ignore[arg-type]
    ],
)
def test_no_forged_place_gets_as_far_as_the_database(place: Place) -> None:
    with pytest.raises(ValueError, match="not a place"):
        read_place(write_place(place))


def test_a_place_is_read_as_it_was_written() -> None:
    place = Place(TODAY, 90_000, 'trip "ü"/7', 12)

    assert read_place(write_place(place)) == place


def test_every_route_of_the_timetable_is_documented(app: FastAPI) -> None:
    """With its answers, also those that are not a success."""
    paths = app.openapi()["paths"]

    for path in ("/v1/stops", "/v1/routes", "/v1/routes/search", "/v1/stops/{stop_id}/schedule"):
        responses = paths[path]["get"]["responses"]
        assert {"200", "422", "500", "503"} <= responses.keys()
        schema = responses["422"]["content"]["application/json"]["schema"]
        assert schema == {"$ref": "#/components/schemas/Envelope"}
