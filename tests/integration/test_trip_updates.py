"""Trip updates of GTFS Realtime: which trips, which stops, how late, as protocol buffers and as JSON."""

from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

import pytest
from fastapi.testclient import TestClient
from google.protobuf import json_format
from google.transit.gtfs_realtime_pb2 import FeedMessage

from backend.api import trip_update_models
from backend.api.kept_messages import KEPT_FOR
from backend.api.trip_updates import MOST_TRIPS
from backend.core.rides import Segment
from backend.core.storage import Database
from backend.core.timetable import MOST_SEQUENCE
from tests.factories import START, FakeClock
from tests.feeds import Load, calendar, feed_tables, stop_times
from tests.integration.phone import eta, receipt, send, travel

PATH = "/v1/gtfs-realtime/trip-updates"
PROTOBUF, JSON = "application/x-protobuf", "application/json"
SLOW = feed_tables("A", "B", "C", minutes=40)
"""A bus at 08:00, 08:40 and 09:20; the clock shows 09:00."""
HOUR = timedelta(hours=1)
TOO_LARGE = MOST_SEQUENCE + 1


def message(client: TestClient, **query: object) -> dict[str, Any]:
    response = client.get(f"{PATH}?{urlencode(query | {'format': 'json'})}")
    assert response.status_code == 200, response.text
    answer: dict[str, Any] = response.json()
    return answer


def told(client: TestClient, **query: object) -> dict[str, dict[str, int]]:
    """Return, by entity, the stops and the time of arrival at each of them."""
    return {
        entity["id"]: {
            update["stop_id"]: update["arrival"]["time"]
            for update in entity["trip_update"]["stop_time_update"]
        }
        for entity in message(client, **query)["entity"]
    }


def test_without_a_timetable_the_message_is_empty(client: TestClient) -> None:
    header = {
        "gtfs_realtime_version": "2.0",
        "incrementality": "FULL_DATASET",
        "timestamp": int(START.timestamp()),
    }
    assert message(client) == {"header": header, "entity": []}


def test_a_trip_that_is_under_way_is_told_from_its_next_stop_on(
    client: TestClient, load: Load
) -> None:
    """By the timetable alone it is on time, and nobody knows how sure that is but the prior."""
    info = "feed_publisher_name,feed_publisher_url,feed_lang,feed_version\nX,http://x,en,spring\n"
    load(SLOW | {"feed_info.txt": info})

    answer = message(client)

    event = {"delay": 0, "time": int(START.timestamp()) + 20 * 60, "uncertainty": 917}
    assert answer["header"]["feed_version"] == "spring"
    assert answer["entity"] == [
        {
            "id": "20260304:T0",
            "trip_update": {
                "trip": {
                    "trip_id": "T0",
                    "route_id": "R",
                    "start_date": "20260304",
                    "schedule_relationship": "SCHEDULED",
                },
                "stop_time_update": [
                    {
                        "stop_id": "C",
                        "stop_sequence": 2,
                        "arrival": event,
                        "departure": event,
                        "schedule_relationship": "SCHEDULED",
                    }
                ],
            },
        }
    ]


def test_both_forms_say_the_same(client: TestClient, load: Load) -> None:
    """What JSON tells people is what the generated classes of GTFS Realtime read from the bytes."""
    load(feed_tables("A", "B", "C", minutes=20, trips=60))

    binary, text = client.get(PATH), client.get(f"{PATH}?format=json")

    assert (binary.headers["content-type"], text.headers["content-type"]) == (PROTOBUF, JSON)
    read = FeedMessage.FromString(binary.content)
    assert read.IsInitialized()  # nothing that is required is missing
    assert read == json_format.Parse(text.text, FeedMessage())
    documented = trip_update_models.FeedMessage.model_validate_json(text.text)
    assert documented.model_dump_json(exclude_none=True) == text.text
    # Those that end at 09:00 and later, and began at 08:00 to 08:59.
    assert len(read.entity) == 40


@pytest.mark.parametrize(
    ("query", "accept", "kind"),
    [
        ("", "*/*", PROTOBUF),
        ("", "text/html, */*;q=0.8", PROTOBUF),
        ("", "application/json", JSON),
        ("", "text/html, Application/JSON; q=0.9", JSON),
        ("", "application/json, application/x-protobuf", PROTOBUF),
        ("", "application/octet-stream, application/json", PROTOBUF),
        ("?format=json", PROTOBUF, JSON),
        ("?format=protobuf", JSON, PROTOBUF),
    ],
)
def test_the_form_is_what_the_query_or_else_accept_asks_for(
    client: TestClient, query: str, accept: str, kind: str
) -> None:
    response = client.get(PATH + query, headers={"Accept": accept})

    assert (response.headers["content-type"], response.headers["vary"]) == (kind, "Accept")


def test_a_form_that_there_is_not_is_refused(client: TestClient) -> None:
    response = client.get(f"{PATH}?format=xml")

    assert (response.status_code, response.json()["error"]) == (422, "invalid_request")


def test_a_trip_is_as_late_as_riders_were(client: TestClient, load: Load) -> None:
    """By as much as the estimate of the same way at the same time is longer than planned."""
    load(SLOW)
    left, planned, way = START - HOUR, 40 * 60, Segment("A", "B")
    for _ in range(10):
        receipt(send(client, travel(way, 3000, at=left)))

    late = eta(client, way, at=left)["mean_seconds"] - planned
    (update,) = message(client)["entity"][0]["trip_update"]["stop_time_update"]

    assert late > 100
    assert update["arrival"]["delay"] == update["departure"]["delay"] == round(late)
    assert update["arrival"]["time"] == int(START.timestamp()) + 20 * 60 + round(late)


def test_a_late_trip_is_told_until_it_is_there(
    client: TestClient, clock: FakeClock, load: Load
) -> None:
    load(SLOW)
    for _ in range(10):
        receipt(send(client, travel(Segment("A", "B"), 3000, at=START - HOUR)))
    (there,) = told(client)["20260304:T0"].values()

    clock.advance(timedelta(seconds=there) - (START - datetime.fromtimestamp(0, UTC)))
    assert list(told(client)) == ["20260304:T0"]
    clock.advance(KEPT_FOR)
    assert told(client) == {}


def test_a_message_is_told_again_for_some_seconds(
    client: TestClient, clock: FakeClock, load: Load
) -> None:
    """Anybody may ask as often as they like; proxies are told how long they may keep it themselves."""
    load(SLOW)
    first = client.get(PATH)
    receipt(send(client, travel(Segment("A", "B"), 3000, at=START - HOUR)))
    clock.advance(KEPT_FOR - timedelta(seconds=1))
    again = client.get(PATH)
    clock.advance(timedelta(seconds=1))
    later = client.get(PATH)

    assert [each.headers["cache-control"] for each in (first, again, later)] == [
        f"public, max-age={seconds}" for seconds in (15, 1, 15)
    ]
    assert first.content == again.content
    moments = [FeedMessage.FromString(each.content).header.timestamp for each in (first, later)]
    assert moments[1] - moments[0] == KEPT_FOR.total_seconds()


def test_nothing_of_the_timetable_before_is_told(client: TestClient, load: Load) -> None:
    load(SLOW)
    assert [list(stops) for stops in told(client).values()] == [["C"]]
    load(feed_tables("A", "B", "D", minutes=40))
    assert [list(stops) for stops in told(client).values()] == [["D"]]


def test_a_refusal_is_not_kept(client: TestClient) -> None:
    assert "cache-control" not in client.get(f"{PATH}?route=X").headers


@pytest.mark.parametrize(
    ("minutes", "count"), [(-61, 0), (-60, 1), (0, 1), (20, 1), (20.1, 0), (24 * 60, 1)]
)
def test_a_trip_is_told_from_its_first_departure_to_its_last_arrival(
    client: TestClient, clock: FakeClock, load: Load, minutes: float, count: int
) -> None:
    """Each day anew."""
    load(SLOW)
    clock.advance(timedelta(minutes=minutes))

    assert len(told(client)) == count


def test_a_trip_runs_on_the_days_of_its_service_alone(
    client: TestClient, clock: FakeClock, load: Load
) -> None:
    """Not on Wednesday; on Friday's timetable 25:10 and 49:10 are on Saturday and Sunday."""
    load(
        SLOW
        | {"trips.txt": "route_id,service_id,trip_id\nR,S,T\nR,S,U\nR,S,V\n"}
        | calendar("S,0,0,0,0,1,0,0,20260301,20260331")
        | stop_times(
            *("T,08:00:00,08:00:00,A,1", "T,09:20:00,09:20:00,B,2"),
            *("U,24:50:00,24:50:00,A,1", "U,25:10:00,25:10:00,B,2"),
            *("V,48:50:00,48:50:00,A,1", "V,49:10:00,49:10:00,B,2"),
        )
    )
    found = []
    for days, hours in ((0, 0), (2, 0), (3, -8), (4, -8)):
        moment = FakeClock(START + timedelta(days=days, hours=hours))
        clock.advance(moment.now() - clock.now())
        found.append(told(client))

    ends = [START + timedelta(days=2, minutes=20)]
    ends += [START + timedelta(days=days, hours=-8, minutes=10) for days in (3, 4)]
    assert found == [
        {},
        *(
            {f"20260306:{trip}": {"B": int(end.timestamp())}}
            for trip, end in zip("TUV", ends, strict=True)
        ),
    ]


@pytest.mark.parametrize("settings_overrides", [{"timezone": "Europe/Berlin"}])
def test_on_the_day_on_which_the_clock_changes_times_are_those_of_the_schedule(
    client: TestClient, clock: FakeClock, load: Load
) -> None:
    load(SLOW)
    clock.advance(datetime(2026, 3, 29, 9, tzinfo=ZoneInfo("Europe/Berlin")) - START)

    departures = client.get("/v1/stops/C/schedule").json()["departures"]
    assert departures[0]["departure"] == "2026-03-29T09:20:00+02:00"
    end = datetime.fromisoformat(departures[0]["departure"])
    assert told(client) == {"20260329:T0": {"C": int(end.timestamp())}}


def test_a_stop_that_a_trip_calls_at_twice_is_told_by_its_sequence(
    client: TestClient, load: Load
) -> None:
    load(
        SLOW
        | stop_times(
            "T0,08:00:00,08:00:00,A,10",
            "T0,09:10:00,09:10:00,B,20",
            "T0,09:20:00,09:20:00,A,30",
        )
    )

    (entity,) = message(client)["entity"]
    updates = entity["trip_update"]["stop_time_update"]
    assert [(each["stop_id"], each["stop_sequence"]) for each in updates] == [("B", 20), ("A", 30)]
    protobuf = FeedMessage.FromString(client.get(PATH).content).entity[0].trip_update
    assert [each.stop_sequence for each in protobuf.stop_time_update] == [20, 30]


def test_without_a_sequence_a_stop_that_a_trip_calls_at_twice_is_left_out(
    client: TestClient, load: Load
) -> None:
    """As where it is too large to be kept; a trip of such stops alone has nothing to tell."""
    load(
        SLOW
        | {"trips.txt": "route_id,service_id,trip_id\nR,S,T\nR,S,U\n"}
        | stop_times(
            f"T,08:00:00,08:00:00,A,{TOO_LARGE}",
            f"T,09:10:00,09:10:00,B,{TOO_LARGE + 1}",
            f"T,09:20:00,09:20:00,A,{TOO_LARGE + 2}",
            f"U,08:00:00,08:00:00,A,{TOO_LARGE}",
            f"U,09:20:00,09:20:00,A,{TOO_LARGE + 1}",
        )
    )

    assert told(client) == {"20260304:T": {"B": int((START + timedelta(minutes=10)).timestamp())}}


def test_a_timetable_that_an_older_service_has_loaded_is_read_again_for_sequences(
    client: TestClient, load: Load, database: Database
) -> None:
    """And not left alone because it is the same one."""
    load(SLOW)
    database.migrate("0004")
    database.migrate()
    (before,) = message(client)["entity"]
    load(SLOW)
    (after,) = message(client)["entity"]

    assert "stop_sequence" not in before["trip_update"]["stop_time_update"][0]
    assert after["trip_update"]["stop_time_update"][0]["stop_sequence"] == 2


def test_the_trips_of_one_route_can_be_asked_for(client: TestClient, load: Load) -> None:
    load(
        SLOW
        | {
            "routes.txt": "route_id,route_type\nR,3\nQ,3\n",
            "trips.txt": "route_id,service_id,trip_id\nR,S,T\nQ,S,U\n",
        }
        | stop_times(
            *("T,08:00:00,08:00:00,A,1", "T,09:20:00,09:20:00,B,2"),
            *("U,08:00:00,08:00:00,A,1", "U,09:20:00,09:20:00,B,2"),
        )
    )

    assert sorted(told(client)) == ["20260304:T", "20260304:U"]
    assert list(told(client, route="Q")) == ["20260304:U"]
    unknown = client.get(f"{PATH}?route=X")
    assert (unknown.status_code, unknown.json()["error"]) == (404, "unknown_route")


def test_a_message_has_a_bounded_number_of_trips(client: TestClient, load: Load) -> None:
    """Those that left last; a header says that there are more."""
    rows = ["first,07:59:00,07:59:00,A,1", "first,09:20:00,09:20:00,B,2"]
    for number in range(MOST_TRIPS):
        rows += [f"T{number},08:00:00,08:00:00,A,1", f"T{number},09:20:00,09:20:00,B,2"]
    trips = "".join(f"R,S,T{number}\n" for number in range(MOST_TRIPS))
    load(
        SLOW | {"trips.txt": f"route_id,service_id,trip_id\nR,S,first\n{trips}"} | stop_times(*rows)
    )

    response = client.get(PATH)

    entities = FeedMessage.FromString(response.content).entity
    assert (len(entities), response.headers["x-truncated"]) == (MOST_TRIPS, "true")
    assert "first" not in {entity.trip_update.trip.trip_id for entity in entities}
