"""A timetable of a given size, as a GTFS zip."""

from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from zipfile import ZipFile

STOPS = 20
TRIPS = 500
FIRST_MINUTE = 5 * 60
MINUTES = 20 * 60  # the trips leave spread over so many
HOP_MINUTES = 3


def write_big_feed(path: Path, trips: int = TRIPS, lines: int = 1) -> int:
    """Write lines of `STOPS` stops, each served by so many buses every day; return how many stop times that is."""
    rows = list(_stop_times(trips, lines))
    tables = {
        "agency.txt": "agency_name,agency_url,agency_timezone\nBuses,https://example.org/,Asia/Kolkata\n",
        "routes.txt": "".join(
            chain(["route_id,route_type\n"], (f"R{line},3\n" for line in range(lines)))
        ),
        "stops.txt": "".join(
            chain(
                ["stop_id,stop_lat,stop_lon\n"],
                (
                    f"S{line}-{place},{12.9 + line / 1000:.3f},{77.5 + place / 1000:.3f}\n"
                    for line in range(lines)
                    for place in range(STOPS)
                ),
            )
        ),
        "calendar.txt": (
            "service_id,monday,tuesday,wednesday,thursday,friday,saturday,sunday,start_date,end_date\n"
            "D,1,1,1,1,1,1,1,20260101,20261231\n"
        ),
        "trips.txt": "".join(
            chain(
                ["route_id,service_id,trip_id\n"],
                (
                    f"R{line},D,T{line}-{number}\n"
                    for line in range(lines)
                    for number in range(trips)
                ),
            )
        ),
        "stop_times.txt": "".join(
            chain(["trip_id,arrival_time,departure_time,stop_id,stop_sequence\n"], rows)
        ),
    }
    with ZipFile(path, "w") as archive:
        for name, text in tables.items():
            archive.writestr(name, text)
    return len(rows)


def _stop_times(trips: int, lines: int) -> Iterator[str]:
    for line in range(lines):
        for trip in range(trips):
            leaving = FIRST_MINUTE + trip * MINUTES // trips
            for place in range(STOPS):
                minutes = leaving + place * HOP_MINUTES
                at = f"{minutes // 60:02}:{minutes % 60:02}:00"
                yield f"T{line}-{trip},{at},{at},S{line}-{place},{place}\n"
