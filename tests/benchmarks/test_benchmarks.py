"""The four operations whose speed matters; timed in `nox -s benchmark-baseline`, tested always."""

from datetime import timedelta
from pathlib import Path

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from backend.core.learning import Cell, Judgement, LearningRules, Observation, learn
from backend.core.rides import RideReceipt
from backend.core.settings import Settings
from backend.core.storage import Database
from backend.core.store import eta, save_feed, submit_ride
from backend.core.timetable import Feed
from backend.tools.city import City, build_city, submissions
from backend.tools.city_feed import write_feed
from backend.tools.feed import read_feed
from tests.factories import START, make_device

LEARNED = 1000
"""Observations per round of the learning benchmark: one alone is too short to time."""


@pytest.fixture(scope="module")
def city() -> City:
    return build_city(seed=1)


@pytest.fixture(scope="module")
def feed_path(city: City, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("feed") / "city.zip"
    write_feed(city, path, START.date(), "Asia/Kolkata")
    return path


@pytest.fixture(scope="module")
def feed(feed_path: Path) -> Feed:
    return read_feed(feed_path)


def test_a_learning_step(benchmark: BenchmarkFixture, settings: Settings) -> None:
    """A thousand observations in a row, none of which is an outlier, are all learned."""
    rules = LearningRules.from_settings(settings)
    observations = [
        Observation(300 + number % 20, START + timedelta(seconds=number), make_device(), 0.9)
        for number in range(LEARNED)
    ]

    def learn_all() -> tuple[Cell, set[Judgement]]:
        cell, judgements = Cell(), set()
        for observation in observations:
            cell, judgement = learn(cell, observation, rules)
            judgements.add(judgement)
        return cell, judgements

    cell, judgements = benchmark(learn_all)

    assert judgements == {Judgement.ACCEPTED}
    assert cell.mean == pytest.approx(309.5, abs=0.1)
    assert cell.weight == pytest.approx(LEARNED, rel=0.01)


def test_a_ride_submission(
    benchmark: BenchmarkFixture, database: Database, settings: Settings, city: City
) -> None:
    """A commuter's ride over seven segments is stored and learned in one transaction."""
    now = START.astimezone(settings.zone)
    ride = next(each.ride for each in submissions(city, 50, now) if len(each.ride.segments) == 7)

    def submit() -> RideReceipt:
        with database.writing() as transaction:
            return submit_ride(transaction, ride, settings, START)

    receipt = benchmark(submit)

    assert (receipt.accepted, receipt.rejected) == (7, ())


def test_an_eta_query(
    benchmark: BenchmarkFixture, database: Database, settings: Settings, city: City, feed: Feed
) -> None:
    """The commute over seven segments takes what the timetable says, as long as nobody rode."""
    with database.writing() as transaction:
        save_feed(transaction, feed)

    def ask() -> float:
        with database.reading() as transaction:
            found = eta(transaction, *city.commute.ends, START, settings, START)
        return found.estimate.mean

    assert benchmark(ask) == pytest.approx(sum(city.commute.seconds))


def test_a_feed_load(
    benchmark: BenchmarkFixture, database: Database, settings: Settings, feed_path: Path
) -> None:
    """A little city's feed is read and replaces the timetable; loading it again changes nothing."""

    def load() -> int:
        loaded = read_feed(feed_path, settings.holidays)
        with database.writing() as transaction:
            save_feed(transaction, loaded)
        return len(loaded.entries)

    assert benchmark(load) == 42 * 160
