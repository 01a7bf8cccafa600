"""The calls of GTFS trips: when a bus stops where, and how long each hop takes by the timetable."""

import re
from collections import Counter
from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple
from zipfile import ZipFile

from backend.core.errors import FeedError
from backend.core.timetable import Call
from backend.tools.tables import Problems, Row, cell_error, read_table, shown

STOP_TIMES = "stop_times.txt"
COLUMNS = frozenset({"trip_id", "arrival_time", "departure_time", "stop_id", "stop_sequence"})
CLOCK_TEXT = re.compile(r"([0-9]{1,3}):([0-5][0-9]):([0-5][0-9])")


@dataclass(frozen=True, slots=True)
class StopTime:
    """A row of the table; seconds since noon minus 12 h of the service day, None where left out."""

    line: int
    sequence: int
    stop_id: str
    arrival: float | None
    departure: float | None

    def timed(self, arrival: float, departure: float) -> "TimedCall":
        """Return the call with these times."""
        return TimedCall(self.line, self.sequence, self.stop_id, arrival, departure)


class TimedCall(NamedTuple):
    """A call whose times are all known, if only by spreading them evenly."""

    line: int
    sequence: int
    stop_id: str
    arrival: float
    departure: float


class Hop(NamedTuple):
    """The way between two consecutive stops: when it begins and how long it takes, in seconds."""

    from_stop: str
    to_stop: str
    departure: int
    seconds: int


def read_calls(
    archive: ZipFile, trips: Container[str], stops: Container[str], problems: Problems
) -> Iterator[tuple[str, list[TimedCall] | None]]:
    """Yield each trip with its calls in the order of stop_sequence, as soon as its last row was read.

    The rows of a trip may stand anywhere, so a first look counts them: of a large feed only the trips
    that are half read are held in memory. Of a trip with a problem None takes the place of the calls.
    """
    rows = problems.rows(archive, STOP_TIMES, COLUMNS)
    waiting = Counter(row.get("trip_id") for row in rows)
    if STOP_TIMES in problems.unread:
        return
    half_read: dict[str, list[StopTime | None]] = {}
    for row in read_table(archive, STOP_TIMES, COLUMNS):
        name = row.get("trip_id")
        half_read.setdefault(name, []).append(_stop_time(row, trips, stops, problems))
        waiting[name] -= 1
        if waiting[name]:
            continue
        del waiting[name]
        found = half_read.pop(name)
        stop_times = [each for each in found if each is not None]
        complete = len(stop_times) == len(found)
        yield name, _in_order(name, stop_times, problems) if complete else None


def hops(calls: Sequence[Call]) -> Iterator[Hop]:
    """Yield the hops of a trip, from each departure to the next arrival."""
    for here, there in pairwise(calls):
        if here.stop_id != there.stop_id:
            yield Hop(here.stop_id, there.stop_id, here.departure, there.arrival - here.departure)


def _in_order(trip: str, stop_times: list[StopTime], problems: Problems) -> list[TimedCall] | None:
    """Return the calls of a trip in order; None, with all problems noted, when one is wrong."""
    stop_times.sort(key=lambda each: each.sequence)
    wrong = [
        _error(
            other.line,
            "stop_sequence",
            f"holds {other.sequence} like line {one.line} of the same trip {trip!r}",
        )
        for one, other in pairwise(stop_times)
        if one.sequence == other.sequence
    ]
    if not wrong:
        wrong.extend(_without_ends(stop_times))
    calls = [] if wrong else _timed(stop_times)
    wrong.extend(
        _error(call.line, "departure_time", "lies before arrival_time in the same row")
        for call in calls
        if call.departure < call.arrival
    )
    wrong.extend(
        _error(
            there.line,
            "arrival_time",
            f"lies before the departure from the stop before it (line {here.line})",
        )
        for here, there in pairwise(calls)
        if there.arrival < here.departure
    )
    for error in wrong:
        problems.note(error)
    return None if wrong else calls


def _without_ends(stop_times: Sequence[StopTime]) -> Iterator[FeedError]:
    first, last = stop_times[0], stop_times[-1]
    if first.arrival is None and first.departure is None:
        yield _error(first.line, "departure_time", "is empty at the first stop of a trip")
    if last is not first and last.arrival is None and last.departure is None:
        yield _error(last.line, "arrival_time", "is empty at the last stop of a trip")


def _timed(stop_times: Sequence[StopTime]) -> list[TimedCall]:
    """Fill the times that are left out between timed stops, of which the first and the last are some.

    They are spread evenly over the stops between, as the reference asks of its consumers.
    """
    timed: list[TimedCall] = []
    waiting: list[StopTime] = []
    for each in stop_times:
        # Either time stands for the other where only one is given.
        arrival = each.departure if each.arrival is None else each.arrival
        departure = each.arrival if each.departure is None else each.departure
        if arrival is None or departure is None:
            waiting.append(each)
            continue
        if waiting:
            begin = timed[-1].departure
            share = (arrival - begin) / (len(waiting) + 1)
            for count, between in enumerate(waiting, start=1):
                at = begin + share * count
                timed.append(between.timed(at, at))
            waiting = []
        timed.append(each.timed(arrival, departure))
    return timed


def _stop_time(
    row: Row, trips: Container[str], stops: Container[str], problems: Problems
) -> StopTime | None:
    """Read one row; None, with all problems noted, when one of its cells is wrong."""
    before = len(problems.found)
    problems.attempt(row.reference, "trip_id", trips, "trips.txt")
    sequence = problems.attempt(row.whole_number, "stop_sequence")
    stop_id = problems.attempt(row.reference, "stop_id", stops, "stops.txt")
    arrival = problems.attempt(_seconds, row, "arrival_time")
    departure = problems.attempt(_seconds, row, "departure_time")
    if len(problems.found) > before or sequence is None or stop_id is None:
        return None
    return StopTime(row.line, sequence, stop_id, arrival, departure)


def _seconds(row: Row, column: str) -> int | None:
    """Read H:MM:SS, which may pass 24:00:00; None when the cell is empty."""
    text = row.get(column)
    if not text:
        return None
    match = CLOCK_TEXT.fullmatch(text)
    if match is None:
        raise row.error(
            column, f"holds {shown(text)}, but must be a time like 07:45:00 or 25:10:00"
        )
    hours, minutes, seconds = map(int, match.groups())
    return (hours * 60 + minutes) * 60 + seconds


def _error(line: int, column: str, what: str) -> FeedError:
    """Build the error that points at a cell of stop_times.txt."""
    return cell_error(STOP_TIMES, line, column, what)
