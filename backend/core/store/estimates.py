"""What is known of single segments, many at a time."""

from collections.abc import Collection
from datetime import datetime

from backend.core.bins import bin_of
from backend.core.journeys import Knowledge, estimate_segment
from backend.core.learning import LearningRules
from backend.core.predicting import Estimate
from backend.core.rides import Segment
from backend.core.settings import Settings
from backend.core.storage import Transaction
from backend.core.store.etas import knowledge_of


def estimate_segments(
    tx: Transaction, segments: Collection[Segment], settings: Settings, now: datetime
) -> dict[Segment, Estimate | None]:
    """Return how long each segment takes for a bus that leaves now; None where nothing is known."""
    rules = LearningRules.from_settings(settings)
    known = knowledge_of(tx, set(segments))
    time_bin = bin_of(now, settings.zone, settings.holidays)
    return {
        segment: estimate_segment(known.get(segment, Knowledge()), time_bin, rules, now)
        for segment in segments
    }
