"""What is kept between requests: functions that read and write inside one transaction."""

from backend.core.store.answers import StoredAnswer, recall_answer, remember_answer
from backend.core.store.estimates import estimate_segments
from backend.core.store.etas import eta
from backend.core.store.feeds import save_feed
from backend.core.store.rides import submit_ride

__all__ = (
    "StoredAnswer",
    "estimate_segments",
    "eta",
    "recall_answer",
    "remember_answer",
    "save_feed",
    "submit_ride",
)
