"""What would have been told about segments just before a ride over them is learned."""

from collections.abc import Collection, Mapping
from datetime import datetime

from sqlalchemy import Executable, bindparam, func, select

from backend.core.accuracy import Prediction, Source
from backend.core.journeys import Knowledge, prior_of
from backend.core.learning import Cell, LearningRules
from backend.core.predicting import Prior, predict
from backend.core.storage import Transaction
from backend.core.storage.schema import Schema
from backend.core.store.cells import Place, load_cells
from backend.core.store.feeds import current_id


def predict_places(
    tx: Transaction,
    places: Collection[Place],
    cells: Mapping[Place, Cell],
    rules: LearningRules,
    now: datetime,
) -> dict[Place, Prediction]:
    """Return what is to be expected in each place; places of which nothing is known are left out.

    It is what `GET /v1/eta` answers about the segment, found by small queries: a ride must not
    wait until the timetable of whole days is read. `cells` are those of the places.
    """
    timetable = _timetable(tx, places)
    silent = {segment for segment, time_bin in places if (segment, time_bin) not in timetable}
    around = load_cells(tx, silent) if silent else {}
    predictions: dict[Place, Prediction] = {}
    for place in places:
        prior = timetable.get(place) or _pooled(place, around, rules)
        if prior is not None:
            estimate = predict(cells.get(place, Cell()), prior, now, rules)
            only_timetable = place in timetable and estimate.weight == 0
            source = Source.TIMETABLE if only_timetable else Source.LEARNED
            predictions[place] = Prediction(estimate.p50, estimate.p90, source)
    return predictions


def _timetable(tx: Transaction, places: Collection[Place]) -> dict[Place, Prior]:
    """Return what the timetable says in each bin, or else over all departures of the day."""
    wanted = {(segment, time_bin.index) for segment, time_bin in places}
    given = {
        "segments": list({segment for segment, _ in wanted}),
        "bins": list({index for _, index in wanted}),
    }
    rows = tx.execute(_promised, given)
    exact = {(row.segment, row.bin): float(row.mean_seconds) for row in rows}
    missing = {segment for segment, index in wanted if (segment, index) not in exact}
    whole: dict[int, float] = {}
    if missing:
        rows = tx.execute(_promised_all_day, {"segments": list(missing)})
        whole = {row.segment: float(row.mean) for row in rows}
    found: dict[Place, Prior] = {}
    for segment, time_bin in places:
        seconds = exact.get((segment, time_bin.index), whole.get(segment))
        if seconds is not None:
            found[segment, time_bin] = Prior(seconds)
    return found


def _promised(schema: Schema) -> Executable:
    """Find what the timetable says of segments in some bins: of each in all of them.

    Asked for pairs of the two, SQLite would read the whole timetable.
    """
    table = schema.timetable
    return select(table.c.segment, table.c.bin, table.c.mean_seconds).where(
        table.c.feed == current_id(schema),
        table.c.segment.in_(bindparam("segments", expanding=True)),
        table.c.bin.in_(bindparam("bins", expanding=True)),
    )


def _promised_all_day(schema: Schema) -> Executable:
    """Find the mean over all departures."""
    table = schema.timetable
    departures = func.sum(table.c.departures)
    mean = func.sum(table.c.mean_seconds * table.c.departures) / departures
    return (
        select(table.c.segment, mean.label("mean"))
        .where(
            table.c.feed == current_id(schema),
            table.c.segment.in_(bindparam("segments", expanding=True)),
        )
        .group_by(table.c.segment)
        .having(departures > 0)
    )


def _pooled(place: Place, cells: Mapping[Place, Cell], rules: LearningRules) -> Prior | None:
    own = tuple((where[1], cell) for where, cell in cells.items() if where[0] == place[0])
    return prior_of(Knowledge(cells=own), place[1], rules)
