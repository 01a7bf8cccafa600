"""The shapes of what administrators send and get."""

from datetime import date, datetime
from typing import Annotated

from pydantic import ConfigDict, Field

from backend.api.models import Shape
from backend.core.keys import NAME_TEXT
from backend.core.store import JudgementCounts, StoredKey
from backend.core.store.retention import Taken
from backend.tools.import_feed import ImportReport

KeyName = Annotated[
    str, Field(pattern=f"^{NAME_TEXT}$", description="whose key it is, or what for")
]


class KeyRequest(Shape):
    """A key that is wanted."""

    name: KeyName


class NewKeyAnswer(Shape):
    """A key that was made."""

    name: str
    key: str = Field(description="shown here and never again")
    created_at: datetime


class KeyAnswer(Shape):
    """What may be told about a key."""

    name: str
    created_at: datetime
    revoked_at: datetime | None

    @classmethod
    def of(cls, key: StoredKey) -> "KeyAnswer":
        """Write a key."""
        return cls(name=key.name, created_at=key.created_at, revoked_at=key.revoked_at)


class KeysAnswer(Shape):
    """All keys, the first one first."""

    keys: tuple[KeyAnswer, ...]


class JudgementsRow(Shape):
    """What became of the segments of one route on one day."""

    day: date = Field(description="on which the rides were received, in the service's time zone")
    route_id: str | None = Field(description="null for rides that named no route")
    counts: dict[str, int] = Field(
        description="segments by judgement; accepted and widened were learned"
    )

    @classmethod
    def of(cls, day: date, counted: JudgementCounts) -> "JudgementsRow":
        """Write a row."""
        counts = {judgement.value: number for judgement, number in counted.counts.items()}
        return cls(day=day, route_id=counted.route_id, counts=counts)


class JudgementsAnswer(Shape):
    """What became of segments, by day and route."""

    model_config = ConfigDict(serialize_by_alias=True, validate_by_name=True)

    first: date = Field(alias="from")
    last: date = Field(alias="to")
    rows: tuple[JudgementsRow, ...]
    truncated: bool = Field(description="whether there are more rows; ask for fewer days")


class FeedAnswer(Shape):
    """What became of a feed, and what it holds; of one that was in use already nothing is counted."""

    changed: bool
    version: str | None
    routes: int
    patterns: int
    segments: int
    entries: int
    trips: int
    last_day: date | None = Field(
        description="the last service day on which any trip runs; null where none ever does"
    )

    @classmethod
    def of(cls, report: ImportReport) -> "FeedAnswer":
        """Leave out how it is stored."""
        return cls(
            changed=report.changed,
            version=report.version,
            routes=report.routes,
            patterns=report.patterns,
            segments=report.segments,
            entries=report.entries,
            trips=report.trips,
            last_day=report.last_day,
        )


class RetentionAnswer(Shape):
    """What one step of retention took away; what was learned stays."""

    rides: int
    answers: int = Field(description="to idempotency keys whose time was over")
    more: bool = Field(description="whether there is more to take away right now; ask again")

    @classmethod
    def of(cls, taken: Taken) -> "RetentionAnswer":
        """Write what was taken away."""
        return cls(rides=taken.rides, answers=taken.answers, more=taken.more)
