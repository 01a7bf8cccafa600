"""Token buckets in the database: kept between transactions, and given up when they are full."""

from datetime import timedelta

from sqlalchemy import func, select

from backend.core.limiting import Allowance
from backend.core.storage import Database, Transaction
from backend.core.store import forget_full_buckets
from tests.factories import START
from tests.rides import spend

TWO_AN_HOUR = Allowance(2, timedelta(hours=1))


def buckets_in(tx: Transaction) -> int:
    return int(tx.execute(select(func.count()).select_from(tx.schema.buckets)).scalar_one())


def test_what_a_device_has_spent_is_known_to_the_next_transaction(database: Database) -> None:
    grants = []
    for _ in range(3):
        with database.writing() as tx:
            grants.append(spend(tx, "device", TWO_AN_HOUR, START))
    assert [(grant.admitted, grant.remaining) for grant in grants] == [
        (True, 1),
        (True, 0),
        (False, 0),
    ]
    assert grants[-1].wait == timedelta(minutes=30)


def test_devices_have_buckets_of_their_own(database: Database) -> None:
    with database.writing() as tx:
        for _ in range(2):
            spend(tx, "one", TWO_AN_HOUR, START)
        assert not spend(tx, "one", TWO_AN_HOUR, START).admitted
        assert spend(tx, "other", TWO_AN_HOUR, START).remaining == 1


def test_a_clock_that_was_set_back_shuts_nobody_out(database: Database) -> None:
    """A day wrong, put right while the bucket is empty: the device waits half an hour, not a day."""
    wrong = START + timedelta(days=1)
    with database.writing() as tx:
        for _ in range(2):
            spend(tx, "device", TWO_AN_HOUR, wrong)
        assert spend(tx, "device", TWO_AN_HOUR, START).wait == timedelta(minutes=30)
    with database.writing() as tx:
        assert spend(tx, "device", TWO_AN_HOUR, START + timedelta(minutes=30)).admitted


def test_only_full_buckets_are_forgotten(database: Database) -> None:
    """After the time of refilling, and not a microsecond before."""
    with database.writing() as tx:
        spend(tx, "old", TWO_AN_HOUR, START)
        spend(tx, "new", TWO_AN_HOUR, START + timedelta(microseconds=1))
        assert forget_full_buckets(tx, TWO_AN_HOUR, START + timedelta(hours=1)) == 1
        assert buckets_in(tx) == 1
