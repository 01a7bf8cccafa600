"""The shapes of requests and answers.

Shapes say which fields there are; which values are believable is `backend.core.rides`' business.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Literal, TypedDict

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    FailFast,
    Field,
    StringConstraints,
)

from backend.core.journeys import Eta, Leg
from backend.core.provenance import Evidence, Provenance
from backend.core.rides import LONGEST_ID, Ride, RideReceipt, RideSegment, Segment

# Without the character NUL, which no text of PostgreSQL can hold: nor must one listener make the reading of all fail.
Name = Annotated[str, StringConstraints(min_length=1, max_length=LONGEST_ID, pattern=r"^[^\x00]+$")]
Rounded = Annotated[float, AfterValidator(lambda number: round(number, 3))]
GoesBy = Annotated[
    Provenance,
    Field(
        description="what it goes by: `learned` from riders at this time of day, on this `day_part` (up to an hour"
        " before or after) or on this `segment` at any time, or the `timetable` alone; of a trip, the last of these"
        " that any segment goes by"
    ),
]
Confidence = Annotated[
    Rounded,
    Field(
        description="how much riders vouch for it, 0 to 1: n / (n + n0) for n effective observations at this time of"
        " day; where there is no timetable, half of that for those of the day part and a quarter for those of any"
        " time, if it is more; of a trip, the mean of its segments, weighed by their durations"
    ),
]
Age = Annotated[
    Rounded | None,
    Field(description="since the latest observation that it goes by; null where there is none"),
]


class Shape(BaseModel):
    """What all shapes have in common: frozen, no unknown fields, no NaN."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class SegmentBody(Shape):
    """One segment of a ride, as a phone sends it."""

    from_stop: Name
    to_stop: Name
    seconds: float = Field(description="from leaving one stop to reaching the next")
    confidence: float = Field(description="how sure the map matching was, 0 to 1")
    started_at: AwareDatetime = Field(description="when the bus left from_stop, with an offset")

    def to_domain(self) -> RideSegment:
        """Return the domain's value."""
        segment = Segment(self.from_stop, self.to_stop)
        return RideSegment(segment, self.seconds, self.confidence, self.started_at)


class RideSummary(Shape):
    """One ride, as a phone sends it."""

    device_id: Name
    route_id: Name | None = None
    # The first wrong segment is told, and no other one looked at: thousands of them fit into a body.
    segments: Annotated[tuple[SegmentBody, ...], FailFast()]

    def to_domain(self) -> Ride:
        """Return the domain's value."""
        segments = tuple(segment.to_domain() for segment in self.segments)
        return Ride(self.device_id, self.route_id, segments)


@dataclass(frozen=True, slots=True)
class Submission:
    """A ride as it was sent, and the key under which it was."""

    key: str
    summary: RideSummary


class RejectionAnswer(Shape):
    """A segment that was stored but not learned."""

    index: int
    reason: str


class RideAnswer(Shape):
    """What became of a ride."""

    accepted: int
    rejected: tuple[RejectionAnswer, ...]

    @classmethod
    def of(cls, receipt: RideReceipt) -> "RideAnswer":
        """Write a receipt."""
        rejected = tuple(
            RejectionAnswer(index=each.index, reason=each.reason.value) for each in receipt.rejected
        )
        return cls(accepted=receipt.accepted, rejected=rejected)


class EvidenceFields(TypedDict):
    """What stands behind an estimate, as the answers below have it."""

    provenance: Provenance
    confidence: float
    age_seconds: float | None


class LegAnswer(Shape):
    """One segment of a trip."""

    from_stop: str
    to_stop: str
    leaving_at: datetime
    p50_seconds: Rounded
    p90_seconds: Rounded
    observations: Rounded
    weight: Rounded
    provenance: GoesBy
    confidence: Confidence
    age_seconds: Age

    @classmethod
    def of(cls, leg: Leg) -> "LegAnswer":
        """Write a leg."""
        return cls(
            from_stop=leg.segment.from_stop,
            to_stop=leg.segment.to_stop,
            leaving_at=leg.leaving_at,
            p50_seconds=leg.estimate.p50,
            p90_seconds=leg.estimate.p90,
            observations=leg.estimate.observations,
            weight=leg.estimate.weight,
            **_evidence(leg.evidence),
        )


class EtaAnswer(Shape):
    """How long a trip takes."""

    model_config = ConfigDict(serialize_by_alias=True, validate_by_name=True)

    from_stop: str = Field(alias="from")
    to_stop: str = Field(alias="to")
    leaving_at: datetime
    p50_seconds: Rounded = Field(description="half of the buses take no longer")
    p90_seconds: Rounded = Field(description="nine of ten buses take no longer")
    mean_seconds: Rounded
    observations: Rounded = Field(description="effective observations of the least known segment")
    weight: Rounded = Field(
        description="the share that was observed, 0 to 1; the rest is the prior's: the timetable's, or"
        " where there is none, that of rides at other times of day"
    )
    provenance: GoesBy
    confidence: Confidence
    age_seconds: Age
    segments: tuple[LegAnswer, ...]

    @classmethod
    def of(cls, eta: Eta) -> "EtaAnswer":
        """Write an estimate."""
        return cls(
            from_stop=eta.from_stop,
            to_stop=eta.to_stop,
            leaving_at=eta.leaving_at,
            p50_seconds=eta.estimate.p50,
            p90_seconds=eta.estimate.p90,
            mean_seconds=eta.estimate.mean,
            observations=eta.estimate.observations,
            weight=eta.estimate.weight,
            **_evidence(eta.evidence),
            segments=tuple(LegAnswer.of(leg) for leg in eta.legs),
        )


def _evidence(evidence: Evidence) -> EvidenceFields:
    return {
        "provenance": evidence.provenance,
        "confidence": evidence.confidence,
        "age_seconds": None if evidence.age is None else evidence.age.total_seconds(),
    }


class HealthAnswer(Shape):
    """That the service answers, and since when."""

    status: Literal["ok"]
    database: Literal["ok"]
    started_at: datetime
    uptime_seconds: Rounded


class LiveAnswer(Shape):
    """That the process answers."""

    status: Literal["live"]


class ReadyAnswer(Shape):
    """That requests may be sent here."""

    status: Literal["ready"]
    tables: str = Field(description="the version of the database's tables")


class Envelope(Shape):
    """Every answer that is not a success."""

    error: str = Field(description="a name for programs")
    message: str = Field(description="a sentence for people")
    details: tuple[dict[str, object], ...] = Field(description="what there is to point at, if any")
