"""What is kept between requests: functions that read and write inside one transaction."""

from backend.core.store.accuracy import accuracy_since, score_step
from backend.core.store.answers import StoredAnswer, recall_answer, remember_answer
from backend.core.store.estimates import estimate_segments
from backend.core.store.etas import eta
from backend.core.store.feeds import save_feed
from backend.core.store.rebuilding import rebuild
from backend.core.store.retention import retention_step
from backend.core.store.rides import submit_ride

__all__ = (
    "StoredAnswer",
    "accuracy_since",
    "estimate_segments",
    "eta",
    "rebuild",
    "recall_answer",
    "remember_answer",
    "retention_step",
    "save_feed",
    "score_step",
    "submit_ride",
)
