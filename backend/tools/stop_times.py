"""The calls of GTFS trips: when a bus stops where, and how long each hop takes by the timetable."""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple
from zipfile import ZipFile

from backend.core.errors import FeedError
from backend.tools.tables import Row, cell_error, read_table

STOP_TIMES = "stop_times.txt"
COLUMNS = frozenset({"trip_id", "arrival_time", "departure_time", "stop_id", "stop_sequence"})
CLOCK_TEXT = re.compile(r"([0-9]{1,3}):([0-5][0-9]):([0-5][0-9])")


@dataclass(frozen=True, slots=True)
class Call:
    """A bus at a stop; seconds since noon minus 12 h of the service day, None where left out."""

    line: int
    sequence: int
    stop_id: str
    arrival: float | None
    departure: float | None


class Hop(NamedTuple):
    """The way between two consecutive stops: when it begins and how long it takes, in seconds."""

    from_stop: str
    to_stop: str
    departure: float
    seconds: float


def read_calls(
    archive: ZipFile, trips: Collection[str], stops: Collection[str]
) -> Mapping[str, Sequence[Call]]:
    """Return the calls of every trip, in the order of stop_sequence.

    An unknown trip or stop, a bad time, or one stop_sequence twice in a trip raises FeedError.
    """
    calls: dict[str, list[Call]] = {}
    for row in read_table(archive, STOP_TIMES, COLUMNS):
        trip = row.reference("trip_id", trips, "trips.txt")
        calls.setdefault(trip, []).append(_call(row, stops))
    for trip, unsorted in calls.items():
        unsorted.sort(key=lambda call: call.sequence)
        for one, other in pairwise(unsorted):
            if one.sequence == other.sequence:
                raise _error(
                    other,
                    "stop_sequence",
                    f"holds {other.sequence} like line {one.line} of the same trip {trip!r}",
                )
    return calls


def hops(calls: Sequence[Call]) -> Iterator[Hop]:
    """Yield the hops of a trip, from each departure to the next arrival.

    Times that GTFS leaves out between two timed stops are spread evenly over the stops between, as
    the reference asks of its consumers. Times that run backwards raise FeedError.
    """
    for here, there in pairwise(_timed(calls)):
        if there.arrival < here.departure:
            raise _error(
                there,
                "arrival_time",
                f"lies before the departure from the stop before it (line {here.line})",
            )
        if here.stop_id != there.stop_id:
            yield Hop(here.stop_id, there.stop_id, here.departure, there.arrival - here.departure)


class _TimedCall(NamedTuple):
    """A call whose times are all known."""

    line: int
    stop_id: str
    arrival: float
    departure: float


def _timed(calls: Sequence[Call]) -> list[_TimedCall]:
    """Fill the times that are left out between timed stops."""
    timed: list[_TimedCall] = []
    waiting: list[Call] = []
    for call in calls:
        # Either time stands for the other where only one is given.
        arrival = call.departure if call.arrival is None else call.arrival
        departure = call.arrival if call.departure is None else call.departure
        if arrival is None or departure is None:
            waiting.append(call)
            continue
        if departure < arrival:
            raise _error(call, "departure_time", "lies before arrival_time in the same row")
        if waiting and timed:
            begin = timed[-1].departure
            share = (arrival - begin) / (len(waiting) + 1)
            for count, between in enumerate(waiting, start=1):
                at = begin + share * count
                timed.append(_TimedCall(between.line, between.stop_id, at, at))
            waiting = []
        elif waiting:
            raise _error(waiting[0], "departure_time", "is empty at the first stop of a trip")
        timed.append(_TimedCall(call.line, call.stop_id, arrival, departure))
    if waiting:
        raise _error(waiting[-1], "arrival_time", "is empty at the last stop of a trip")
    return timed


def _call(row: Row, stops: Collection[str]) -> Call:
    """Read one row of stop_times.txt."""
    return Call(
        line=row.line,
        sequence=row.whole_number("stop_sequence"),
        stop_id=row.reference("stop_id", stops, "stops.txt"),
        arrival=_seconds(row, "arrival_time"),
        departure=_seconds(row, "departure_time"),
    )


def _seconds(row: Row, column: str) -> int | None:
    """Read H:MM:SS, which may pass 24:00:00; None when the cell is empty."""
    text = row.get(column)
    if not text:
        return None
    match = CLOCK_TEXT.fullmatch(text)
    if match is None:
        raise row.error(column, f"holds {text!r}, but must be a time like 07:45:00 or 25:10:00")
    hours, minutes, seconds = (int(part) for part in match.groups())
    return (hours * 60 + minutes) * 60 + seconds


def _error(call: Call | _TimedCall, column: str, what: str) -> FeedError:
    """Build the error that points at a cell of stop_times.txt."""
    return cell_error(STOP_TIMES, call.line, column, what)
