"""Small GTFS feeds as tables of text, their zips, and a database that fails in the middle."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import TypeAlias
from zipfile import ZIP_STORED, ZipFile

from backend.core.storage import Database, Transaction

WEEK = "monday,tuesday,wednesday,thursday,friday,saturday,sunday"
STOP_TIMES = "trip_id,arrival_time,departure_time,stop_id,stop_sequence"

Load: TypeAlias = Callable[[dict[str, str]], None]
"""Imports a feed, given as tables of text by file name."""


def feed_tables(*stops: str, minutes: int = 5, trips: int = 1) -> dict[str, str]:
    """Make the feed of one route: a bus at 08:00, and each minute after it, every day of March 2026."""
    return {
        "agency.txt": "agency_name,agency_url,agency_timezone\nBuses,https://example.org/,Asia/Kolkata\n",
        "routes.txt": "route_id,route_short_name,route_long_name,route_type\nR,7,Ring road,3\n",
        "stops.txt": "".join(
            [
                "stop_id,stop_name,stop_lat,stop_lon\n",
                *(
                    f"{stop},Stop {stop},{12.9 + n / 100:.2f},77.5\n"
                    for n, stop in enumerate(stops)
                ),
            ]
        ),
        "trips.txt": "".join(
            [
                "route_id,service_id,trip_id,trip_headsign\n",
                *(f"R,S,T{number},Centre\n" for number in range(trips)),
            ]
        ),
        "stop_times.txt": "".join(
            [
                f"{STOP_TIMES}\n",
                *(
                    f"T{number},{time},{time},{stop},{place}\n"
                    for number in range(trips)
                    for place, stop in enumerate(stops)
                    for time in [clock_text(8 * 60 + number + place * minutes)]
                ),
            ]
        ),
        "calendar.txt": f"service_id,{WEEK},start_date,end_date\nS,1,1,1,1,1,1,1,20260301,20260331\n",
    }


def stop_times(*rows: str) -> dict[str, str]:
    return {"stop_times.txt": "\n".join((STOP_TIMES, *rows))}


def calendar(*rows: str) -> dict[str, str]:
    return {"calendar.txt": "\n".join((f"service_id,{WEEK},start_date,end_date", *rows))}


def clock_text(minutes: int) -> str:
    return f"{minutes // 60:02}:{minutes % 60:02}:00"


def write_tables(path: Path, tables: dict[str, str], method: int = ZIP_STORED) -> Path:
    with ZipFile(path, "w", method) as archive:
        for file, text in tables.items():
            archive.writestr(file, text)
    return path


class PowerCutError(BaseException):
    """The machine is gone: no clearing up succeeds any more."""


@dataclass(frozen=True, eq=False)
class DyingDatabase(Database):
    """A database whose writing transactions fail from one of them on, at their end."""

    lives: int = 0
    _count: Iterator[int] = field(default_factory=count)

    @classmethod
    def of(cls, database: Database, lives: int) -> "DyingDatabase":
        return cls(database.dialect, database.engine, database.statements, lives=lives)

    @contextmanager
    def writing(self) -> Iterator[Transaction]:
        with super().writing() as transaction:
            yield transaction
            if next(self._count) >= self.lives:
                raise PowerCutError
