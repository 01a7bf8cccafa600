"""What many phones tell about one segment becomes one distribution, per time of day."""

from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta

import pytest
from fastapi.testclient import TestClient

from backend.api.app import create_app
from backend.core.rides import Segment
from backend.core.settings import MEMORY, Settings
from backend.core.storage import Database
from backend.core.store import save_feed
from tests.factories import (
    START,
    FakeClock,
    make_device,
    make_feed,
    make_ride,
    make_ride_segment,
    make_segment,
    make_stops,
    unique_id,
)
from tests.integration.phone import eta, receipt, send, travel

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
SATURDAY = START - 4 * DAY


@pytest.fixture
def segment() -> Segment:
    return make_segment()


@pytest.fixture
def make_client(
    make_settings: Callable[..., Settings], clock: FakeClock
) -> Iterator[Callable[..., TestClient]]:
    """Give a function that starts another service, in memory, with settings of its own."""
    started: list[TestClient] = []

    def make(**overrides: object) -> TestClient:
        settings = make_settings(**({"db_path": MEMORY} | overrides))
        started.append(TestClient(create_app(settings, clock=clock)).__enter__())
        return started[-1]

    yield make
    for client in started:
        client.__exit__(None, None, None)


def test_twenty_phones_make_one_mean(client: TestClient, segment: Segment) -> None:
    """The estimate is the mean over all phones, and counts every one of them."""
    for number in range(20):
        send(client, travel(segment, 290 + number))

    answer = eta(client, segment)
    assert answer["mean_seconds"] == pytest.approx(299.5)
    assert answer["observations"] == 20


def test_a_segment_belongs_to_nobody(client: TestClient, segment: Segment) -> None:
    """Rides of different routes over the same two stops teach the same segment."""
    for route, seconds in (("route-1", 200), ("route-2", 300), (None, 400)):
        send(client, make_ride([make_ride_segment(segment, seconds=seconds)], route_id=route))

    answer = eta(client, segment)
    assert (answer["mean_seconds"], answer["observations"]) == (pytest.approx(300), 3)


def test_the_order_of_arrival_does_not_matter(
    make_client: Callable[..., TestClient], segment: Segment
) -> None:
    """Rides that arrive late, in any order, lead to the same distribution."""
    rides = [
        travel(segment, 300 + 10 * days + minutes, at=START - days * DAY + minutes * HOUR / 60)
        for days in range(1, 7)
        for minutes in (0, 5, 10)
    ]
    orders = (rides, rides[::-1], rides[1::2] + rides[::2])
    answers = []
    for order in orders:
        client = make_client(half_life_days=2, outlier_sigma=100)
        for ride in order:
            assert receipt(send(client, ride))["accepted"] == 1
        answers.append(eta(client, segment))

    assert answers[1] == answers[0]
    assert answers[2] == answers[0]


def test_the_timetable_counts_as_much_as_n0_rides(client: TestClient, database: Database) -> None:
    """Twenty rides against a timetable worth twenty meet it half way."""
    stops = make_stops(2)
    with database.writing() as transaction:
        save_feed(transaction, make_feed(stops, seconds=200))

    for _ in range(20):
        send(client, travel(Segment(*stops), 300))

    answer = eta(client, Segment(*stops))
    assert (answer["mean_seconds"], answer["weight"]) == (pytest.approx(250), 0.5)


def test_a_quarter_of_an_hour_learns_for_itself(client: TestClient, database: Database) -> None:
    """The rush hour's rides do not slow down the noon's estimate, where the timetable still speaks."""
    stops = make_stops(2)
    with database.writing() as transaction:
        save_feed(transaction, make_feed(stops, seconds=200))
    rush, noon = START, START + 3 * HOUR

    for _ in range(10):
        send(client, travel(Segment(*stops), 600, at=rush))

    assert eta(client, Segment(*stops), at=rush)["observations"] == 10
    answer = eta(client, Segment(*stops), at=noon)
    assert (answer["mean_seconds"], answer["observations"]) == (200, 0)


def test_the_next_working_day_is_like_the_last(client: TestClient, segment: Segment) -> None:
    """Wednesday's rides tell about Thursday's, at the same time of day."""
    send(client, travel(segment, 600, at=START))

    assert eta(client, segment, at=START + DAY)["observations"] == 1


def test_weekends_learn_apart_from_weekdays(client: TestClient, segment: Segment) -> None:
    """What was learned on a Saturday counts on Sundays, and not on a Wednesday."""
    for _ in range(3):
        send(client, travel(segment, 100, at=SATURDAY))

    assert eta(client, segment, at=SATURDAY + 8 * DAY)["observations"] == pytest.approx(
        2.7, abs=0.1
    )
    assert eta(client, segment, at=START)["observations"] == 0


@pytest.mark.parametrize("settings_overrides", [{"holidays": frozenset({date(2026, 3, 4)})}])
def test_a_holiday_is_a_weekend_day(client: TestClient, segment: Segment) -> None:
    """A ride on a Wednesday that is a holiday teaches the weekend's bin."""
    send(client, travel(segment, 100, at=START))

    assert eta(client, segment, at=SATURDAY + 7 * DAY)["observations"] == 1
    assert eta(client, segment, at=START + DAY)["observations"] == 0


def test_the_time_of_day_is_that_of_the_service(
    make_client: Callable[..., TestClient], segment: Segment
) -> None:
    """One moment is a working day's evening in London and a Saturday's small hours in Kolkata."""
    friday_evening = datetime.fromisoformat("2026-02-27T23:00:00+00:00")
    next_monday = friday_evening + 3 * DAY
    observations = {}
    for zone in ("Europe/London", "Asia/Kolkata"):
        client = make_client(timezone=zone, half_life_days=3650)
        send(client, travel(segment, 100, at=friday_evening))
        observations[zone] = round(eta(client, segment, at=next_monday)["observations"], 2)

    # In Kolkata that Monday is a Tuesday already: a weekday, and so not what Saturday taught.
    assert observations == {"Europe/London": 1, "Asia/Kolkata": 0}


@pytest.mark.parametrize("settings_overrides", [{"half_life_days": 2, "n0": 1}])
def test_old_rides_fade(client: TestClient, clock: FakeClock, segment: Segment) -> None:
    """After one half-life four rides count as two, and after another as one."""
    for _ in range(4):
        send(client, travel(segment, 100))

    faded = []
    for _ in range(3):
        faded.append(eta(client, segment, at=START)["observations"])
        clock.advance(2 * DAY)

    assert faded == [4, 2, 1]


@pytest.mark.parametrize("settings_overrides", [{"half_life_days": 1}])
def test_a_late_report_of_an_old_ride_counts_as_an_old_ride(
    client: TestClient, segment: Segment
) -> None:
    """What counts is when the bus ran, not when the phone found a network."""
    send(client, travel(segment, 100, at=START))
    send(client, travel(segment, 400, at=START - DAY))

    answer = eta(client, segment)
    assert answer["observations"] == 1.5
    assert answer["mean_seconds"] == pytest.approx((100 + 0.5 * 400) / 1.5, abs=0.001)


def test_one_wild_phone_is_not_believed(client: TestClient, segment: Segment) -> None:
    """Once a segment is known, a ride far from all others is rejected as an outlier."""
    for number in range(10):
        send(client, travel(segment, 295 + number))
    before = eta(client, segment)

    answer = receipt(send(client, travel(segment, 3000)))

    assert answer == {"accepted": 0, "rejected": [{"index": 0, "reason": "outlier"}]}
    assert eta(client, segment) == before


def test_one_phone_cannot_outvote_the_others(client: TestClient, segment: Segment) -> None:
    """However often the same phone repeats its outlier, it is rejected."""
    for number in range(10):
        send(client, travel(segment, 295 + number))
    liar = make_device()

    accepted = [
        receipt(send(client, travel(segment, 3000, device_id=liar)))["accepted"] for _ in range(6)
    ]

    assert accepted == [0] * 6


def test_when_several_phones_agree_the_world_has_changed(
    client: TestClient, segment: Segment
) -> None:
    """The third phone in a row that is slower than all before is believed, and widens the spread."""
    for number in range(10):
        send(client, travel(segment, 295 + number))
    before = eta(client, segment)

    accepted = [receipt(send(client, travel(segment, 900)))["accepted"] for _ in range(3)]

    after = eta(client, segment)
    assert accepted == [0, 0, 1]
    assert after["mean_seconds"] > before["mean_seconds"]
    assert (
        after["p90_seconds"] - after["p50_seconds"] > before["p90_seconds"] - before["p50_seconds"]
    )


def test_unsteady_traffic_has_a_later_p90(client: TestClient) -> None:
    """Of two segments with the same mean, the one that varies more has the later p90."""
    steady, unsteady = make_segment(), make_segment()
    for sign in (-1, 1) * 15:
        send(client, travel(steady, 300 + sign * 5))
        send(client, travel(unsteady, 300 + sign * 200))

    calm, wild = eta(client, steady), eta(client, unsteady)
    assert calm["p50_seconds"] == wild["p50_seconds"] == pytest.approx(300)
    assert calm["p50_seconds"] < calm["p90_seconds"] < wild["p90_seconds"]


def test_a_new_timetable_keeps_what_was_learned(client: TestClient, database: Database) -> None:
    """Replacing the feed replaces the prior; the observations stay."""
    stops = make_stops(2)
    for _ in range(20):
        send(client, travel(Segment(*stops), 300))

    means = []
    for seconds in (200, 400):
        with database.writing() as transaction:
            save_feed(transaction, make_feed(stops, seconds=seconds))
        means.append(eta(client, Segment(*stops))["mean_seconds"])

    assert means == [pytest.approx(250), pytest.approx(350)]


@pytest.mark.parametrize("settings_overrides", [{"half_life_days": 1}])
def test_after_two_months_without_a_ride_new_ones_are_learned(
    client: TestClient, clock: FakeClock, segment: Segment
) -> None:
    """Old rides that weigh next to nothing do not make the spread of the new ones negative."""
    for _ in range(3):
        send(client, travel(segment, 52.3))
    clock.advance(61 * DAY)

    accepted = [
        receipt(send(client, travel(segment, 226.6, at=clock.now())))["accepted"] for _ in range(8)
    ]

    assert accepted == [1] * 8


def test_two_services_share_nothing(
    make_client: Callable[..., TestClient], segment: Segment
) -> None:
    """Two apps side by side, even under one idempotency key, each learn from their own riders alone."""
    one, other = make_client(), make_client()
    key = unique_id("key")

    send(one, travel(segment, 100), key=key)
    send(other, travel(segment, 900), key=key)

    assert (eta(one, segment)["p50_seconds"], eta(other, segment)["p50_seconds"]) == (100, 900)
