"""One ride: learned, stored, and told what became of it."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

from sqlalchemy import func, select

from backend.core.bins import DayKind, TimeBin
from backend.core.learning import Cell, Judgement
from backend.core.rides import Rejection, RideReceipt, Segment, pseudonym
from backend.core.settings import MEMORY, Settings
from backend.core.storage import Database, Transaction, open_database
from backend.core.store import forget_faded_contributions
from backend.core.store.cells import load_cells, save_cells
from backend.core.store.segments import find_segments, number_segments
from tests.factories import START, make_device, make_ride, make_ride_segment, make_segment
from tests.rides import submit_ride

NOW = START + timedelta(minutes=15)
AT_NINE = TimeBin(DayKind.WEEKDAY, 36)


def cells_of(tx: Transaction, segment: Segment) -> dict[TimeBin, Cell]:
    numbers = find_segments(tx, [segment])
    return {place[1]: cell for place, cell in load_cells(tx, tuple(numbers.values())).items()}


def rows_of(tx: Transaction, table: str) -> int:
    tables = tx.schema.metadata.tables
    return int(tx.execute(select(func.count()).select_from(tables[table])).scalar_one())


def test_every_segment_of_a_good_ride_is_learned(database: Database, settings: Settings) -> None:
    with database.writing() as tx:
        receipt = submit_ride(tx, make_ride(), settings, NOW)
        assert (rows_of(tx, "rides"), rows_of(tx, "observations"), rows_of(tx, "cells")) == (
            1,
            3,
            3,
        )
    assert receipt == RideReceipt(accepted=3, rejected=())


def test_what_was_learned_is_found_in_its_bin(database: Database, settings: Settings) -> None:
    segment = make_segment()
    with database.writing() as tx:
        submit_ride(tx, make_ride([make_ride_segment(segment, seconds=310)]), settings, NOW)
        assert cells_of(tx, segment) == {AT_NINE: Cell(weight=1, mean=310, as_of=START)}


def test_the_same_segment_twice_in_a_ride_counts_twice(
    database: Database, settings: Settings
) -> None:
    part = make_ride_segment(seconds=300)
    with database.writing() as tx:
        submit_ride(tx, make_ride([part, replace(part, seconds=320)]), settings, NOW)
        cell = cells_of(tx, part.segment)[AT_NINE]
    assert (cell.weight, cell.mean) == (2, 310)


def test_there_and_back_are_two_segments(database: Database, settings: Settings) -> None:
    there = make_segment()
    back = Segment(there.to_stop, there.from_stop)
    with database.writing() as tx:
        submit_ride(tx, make_ride([make_ride_segment(there, seconds=300)]), settings, NOW)
        submit_ride(tx, make_ride([make_ride_segment(back, seconds=500)]), settings, NOW)
        assert cells_of(tx, there)[AT_NINE].mean == 300
        assert cells_of(tx, back)[AT_NINE].mean == 500


def test_a_segment_with_low_confidence_is_stored_but_not_learned(
    database: Database, settings: Settings
) -> None:
    good, unsure = make_ride_segment(), make_ride_segment(confidence=0.2)
    with database.writing() as tx:
        receipt = submit_ride(tx, make_ride([good, unsure]), settings, NOW)
        assert cells_of(tx, unsure.segment) == {}
        judgements = tx.execute(select(tx.schema.observations.c.judgement)).scalars().all()
    assert receipt == RideReceipt(1, (Rejection(1, Judgement.LOW_CONFIDENCE),))
    assert judgements == ["accepted", "low_confidence"]


def test_the_streak_of_outliers_survives_between_rides(
    database: Database, settings: Settings
) -> None:
    """Three devices, three transactions: the third one widens."""
    usual = make_ride_segment(seconds=300)
    slow = replace(usual, seconds=900)
    reasons = []
    with database.writing() as tx:
        submit_ride(tx, make_ride([usual] * 10), settings, NOW)
    for _ in range(3):
        with database.writing() as tx:
            receipt = submit_ride(tx, make_ride([slow]), settings, NOW)
            reasons.append([each.reason for each in receipt.rejected])
    assert reasons == [[Judgement.OUTLIER], [Judgement.OUTLIER], []]


def test_a_device_that_has_its_share_is_stored_but_not_learned(
    database: Database, make_settings: Callable[..., Settings]
) -> None:
    """Over rides and within one, and only for the device and the segment concerned."""
    settings, device = make_settings(n0=2), make_device()
    usual, elsewhere = make_ride_segment(), make_ride_segment()
    reasons = []
    for parts in ([usual], [usual, usual, elsewhere]):
        with database.writing() as tx:
            receipt = submit_ride(tx, make_ride(parts, device_id=device), settings, NOW)
            reasons.append([(each.index, each.reason) for each in receipt.rejected])
    with database.writing() as tx:
        others = submit_ride(tx, make_ride([usual]), settings, NOW)
        stored = tx.execute(select(tx.schema.observations.c.judgement)).scalars().all()
    assert reasons == [[], [(1, Judgement.DEVICE_SHARE)]]
    assert others.accepted == 1
    assert sorted(stored) == ["accepted"] * 4 + ["device_share"]


def test_the_same_rides_in_the_same_order_give_the_same_state(settings: Settings) -> None:
    """Cells and shares: a log of rides can be learned again."""
    part, device = make_ride_segment(), make_device()
    rides = [
        make_ride([replace(part, seconds=300 + number)], device_id=device if number % 3 else None)
        for number in range(40)
    ]
    states = []
    for _ in range(2):
        fresh = open_database(MEMORY)
        try:
            fresh.migrate()
            with fresh.writing() as tx:
                judged = [submit_ride(tx, ride, settings, NOW) for ride in rides]
                shares = tx.execute(select(tx.schema.device_weights)).all()
                states.append((judged, tx.execute(select(tx.schema.cells)).all(), sorted(shares)))
        finally:
            fresh.close()
    assert states[0] == states[1]


def test_only_what_counts_next_to_nothing_is_forgotten(
    database: Database, settings: Settings
) -> None:
    """More than twenty half-lives after a device taught something, and not a microsecond before."""
    end, half_life = START + 20 * settings.half_life, settings.half_life
    with database.writing() as tx:
        weights = tx.schema.device_weights
        submit_ride(tx, make_ride([make_ride_segment()]), settings, NOW)
        early = forget_faded_contributions(tx, half_life, end, weights)
        assert (early, rows_of(tx, "device_weights")) == (0, 1)
        late = end + timedelta(microseconds=1)
        assert forget_faded_contributions(tx, half_life, late, weights) == 1


def test_no_device_is_stored_by_its_own_name(database: Database, settings: Settings) -> None:
    device = make_device()
    with database.writing() as tx:
        submit_ride(tx, make_ride(device_id=device, route_id="335E"), settings, NOW)
        row = tx.execute(select(tx.schema.rides)).one()
    assert (row.device, row.route_id, row.received_at) == (pseudonym(device), "335E", NOW)
    assert device not in row.device


def test_a_segment_keeps_its_number(database: Database) -> None:
    old, new, unknown = make_segment(), make_segment(), make_segment()
    with database.writing() as tx:
        first = number_segments(tx, [old, old])
        second = number_segments(tx, [new, old])
        assert find_segments(tx, [old, new, unknown]) == second
    assert first[old] == second[old] != second[new]


def test_more_segments_than_fit_one_query_are_found(database: Database) -> None:
    segments = [Segment(f"a{number}", "b") for number in range(2500)]
    with database.writing() as tx:
        assert len(set(number_segments(tx, segments).values())) == 2500


def test_a_cell_is_stored_exactly(database: Database) -> None:
    segment = make_segment()
    cell = Cell(2.5, 301.25, 17.125, START + timedelta(microseconds=7), 1, ("d1", "d2"))
    with database.writing() as tx:
        (number,) = number_segments(tx, [segment]).values()
        save_cells(tx, {(number, AT_NINE): Cell(1, 1, 1, START)})
        save_cells(tx, {(number, AT_NINE): cell})
        save_cells(tx, {})
        assert cells_of(tx, segment) == {AT_NINE: cell}
