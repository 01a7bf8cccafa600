"""Which clock the times of a feed are told by: agency.txt, which GTFS requires."""

from datetime import UTC, datetime, timedelta
from zipfile import ZipFile
from zoneinfo import ZoneInfo

from backend.tools.tables import Problems, Row, shown

AGENCY = "agency.txt"
COMPARED_FROM, COMPARED_DAYS = 2020, 20 * 366
"""Since which year, and on how many days, two zones have to agree: that is the years that feeds are about."""


def check_agencies(archive: ZipFile, zone: ZoneInfo | None, problems: Problems) -> None:
    """Note each agency whose clock does not show what those of a zone show; without one, what is no zone."""
    for row in problems.rows(archive, AGENCY, frozenset({"agency_timezone"})):
        problems.attempt(_check, row, zone)


def same_clock(one: ZoneInfo, other: ZoneInfo) -> bool:
    """Say whether the clocks of two zones, by whatever names, show the same time these days."""
    if one.key == other.key:
        return True
    first = datetime(COMPARED_FROM, 1, 1, 12, tzinfo=UTC)
    days = (first + timedelta(days=number) for number in range(COMPARED_DAYS))
    return all(day.astimezone(one).utcoffset() == day.astimezone(other).utcoffset() for day in days)


def _check(row: Row, zone: ZoneInfo | None) -> None:
    text = row["agency_timezone"]
    try:
        theirs = ZoneInfo(text)
    except (KeyError, ValueError, OSError):  # unknown, a path out of the database, a folder of it
        raise row.error(
            "agency_timezone", f"holds {shown(text)}, but must be a zone such as Asia/Kolkata"
        ) from None
    if zone is not None and not same_clock(theirs, zone):
        raise row.error(
            "agency_timezone",
            f"holds {shown(text)}, but BMTC_TIMEZONE is {zone.key}, so that all times would be wrong;"
            " set it to the zone of the feed",
        )
