"""What would have been told about segments just before a ride over them is learned."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Executable, bindparam, func, select

from backend.core.accuracy import Prediction, Source
from backend.core.journeys import Knowledge, prior_of
from backend.core.learning import Cell, LearningRules
from backend.core.predicting import Prior, predict
from backend.core.storage import Transaction
from backend.core.storage.schema import Schema
from backend.core.store.cells import Place, find_by_keys, load_cells
from backend.core.store.feeds import current_id


@dataclass(frozen=True, slots=True)
class Background:
    """What places are seen against: what decides there beside the cell itself."""

    timetable: Mapping[Place, Prior]
    """What it says in each bin, or else over all departures of the day."""
    around: Mapping[Place, Cell]
    """All cells of those segments about which the timetable says nothing."""


def load_background(tx: Transaction, places: Collection[Place]) -> Background:
    """Read what places are seen against, by small queries: a ride must not wait until whole timetables are read."""
    timetable = _timetable(tx, places)
    silent = {place[0] for place in places if place not in timetable}
    return Background(timetable, load_cells(tx, silent) if silent else {})


def predict_places(
    places: Collection[Place],
    background: Background,
    cells: Mapping[Place, Cell],
    rules: LearningRules,
    now: datetime,
) -> dict[Place, Prediction]:
    """Return what is to be expected in each place; places of which nothing is known are left out.

    It is what `GET /v1/eta` answers about the segment. `cells` are those of the places, and whatever else has been
    learned since the background was read.
    """
    around: dict[int, dict[Place, Cell]] = {}
    if not all(place in background.timetable for place in places):
        for place, cell in {**background.around, **cells}.items():
            around.setdefault(place[0], {})[place] = cell
    predictions: dict[Place, Prediction] = {}
    for place in places:
        prior = background.timetable.get(place) or _pooled(place, around.get(place[0], {}), rules)
        if prior is not None:
            estimate = predict(cells.get(place, Cell()), prior, now, rules)
            only_timetable = place in background.timetable and estimate.weight == 0
            source = Source.TIMETABLE if only_timetable else Source.LEARNED
            predictions[place] = Prediction(estimate.p50, estimate.p90, source)
    return predictions


def _timetable(tx: Transaction, places: Collection[Place]) -> dict[Place, Prior]:
    feed = tx.execute(_current).scalar_one()
    if feed is None:
        return {}
    # Its number is looked up by itself: SQLite would begin with all that the feed has.
    keys = {(feed, segment, time_bin.index) for segment, time_bin in places}
    found = find_by_keys(tx, tx.schema.timetable, ("feed", "segment", "bin"), keys)
    exact = {(row.segment, row.bin): float(row.mean_seconds) for row in found}
    missing = {segment for _, segment, index in keys if (segment, index) not in exact}
    whole: dict[int, float] = {}
    if missing:
        found = tx.execute(_promised_all_day, {"feed": feed, "segments": list(missing)})
        whole = {row.segment: float(row.mean) for row in found}
    said = {
        (segment, time_bin): exact.get((segment, time_bin.index), whole.get(segment))
        for segment, time_bin in places
    }
    return {place: Prior(seconds) for place, seconds in said.items() if seconds is not None}


def _current(schema: Schema) -> Executable:
    return select(current_id(schema))


def _promised_all_day(schema: Schema) -> Executable:
    """Find the mean over all departures."""
    table = schema.timetable
    departures = func.sum(table.c.departures)
    mean = func.sum(table.c.mean_seconds * table.c.departures) / departures
    return (
        select(table.c.segment, mean.label("mean"))
        .where(
            table.c.feed == bindparam("feed"),
            table.c.segment.in_(bindparam("segments", expanding=True)),
        )
        .group_by(table.c.segment)
        .having(departures > 0)
    )


def _pooled(place: Place, cells: Mapping[Place, Cell], rules: LearningRules) -> Prior | None:
    # In the order of bins, as everywhere: sums of floats depend on it.
    own = tuple((where[1], cells[where]) for where in sorted(cells, key=lambda each: each[1].index))
    return prior_of(Knowledge(cells=own), place[1], rules)
