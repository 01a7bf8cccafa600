"""What the token of an administrator may be good for."""

from enum import Enum


class Scope(Enum):
    """One word of a token's `scope`."""

    FEED_WRITE = "feed:write"
    RETENTION_RUN = "retention:run"
    STATS_READ = "stats:read"
    KEYS_MANAGE = "keys:manage"
