"""What is kept between requests: functions that read and write inside one transaction."""

from backend.core.store.accuracy import accuracy_since, score_step
from backend.core.store.answers import (
    StoredAnswer,
    recall_answers,
    remember_answers,
)
from backend.core.store.buckets import forget_full_buckets, load_buckets, save_buckets
from backend.core.store.estimates import estimate_segments
from backend.core.store.eta_cache import EtaCache
from backend.core.store.etas import Question, eta, remembered_eta
from backend.core.store.feeds import save_feed
from backend.core.store.keys import (
    StoredKey,
    add_key,
    any_valid_key,
    is_valid_key,
    list_keys,
    revoke_key,
)
from backend.core.store.rebuilding import rebuild
from backend.core.store.rejections import JudgementCounts, count_judgements
from backend.core.store.retention import retention_step
from backend.core.store.rides import submit_rides
from backend.core.store.shares import forget_faded_contributions

__all__ = (
    "EtaCache",
    "JudgementCounts",
    "Question",
    "StoredAnswer",
    "StoredKey",
    "accuracy_since",
    "add_key",
    "any_valid_key",
    "count_judgements",
    "estimate_segments",
    "eta",
    "forget_faded_contributions",
    "forget_full_buckets",
    "is_valid_key",
    "list_keys",
    "load_buckets",
    "rebuild",
    "recall_answers",
    "remember_answers",
    "remembered_eta",
    "retention_step",
    "revoke_key",
    "save_buckets",
    "save_feed",
    "score_step",
    "submit_rides",
)
