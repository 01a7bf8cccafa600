"""What Prometheus may ask one app: counts and durations, in a registry that is this app's alone.

Names and units follow https://prometheus.io/docs/practices/naming/. Labels are taken from sets that
no client can make larger: route templates instead of paths, known methods, classes of statuses.
"""

from dataclasses import dataclass, field
from datetime import datetime

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest

from backend.core.learning import Judgement
from backend.core.rides import RideReceipt

TEXT_FORMAT = CONTENT_TYPE_PLAIN_0_0_4
SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
LEARNED = "learned"


@dataclass(frozen=True)
class Metrics:
    """The counters of one app; each `Metrics` counts apart from every other one."""

    registry: CollectorRegistry = field(default_factory=CollectorRegistry)
    _counters: "_Counters" = field(init=False)

    def __post_init__(self) -> None:
        """Register the counters."""
        object.__setattr__(self, "_counters", _counters(self.registry))

    def request(self, method: str, route: str, status: int | None, seconds: float) -> None:
        """Count a request that is over; `status` is None where nothing was answered."""
        family = "none" if status is None else f"{status // 100}xx"
        self._counters.requests.labels(method, route, family).inc()
        self._counters.seconds.labels(method, route).observe(seconds)

    def ride(self, receipt: RideReceipt) -> None:
        """Count a ride that was taken, and its segments by what became of them."""
        self._counters.rides.inc()
        self._counters.segments.labels(LEARNED).inc(receipt.accepted)
        for rejection in receipt.rejected:
            self._counters.segments.labels(rejection.reason.value).inc()

    def replay(self) -> None:
        """Count an answer that was given again."""
        self._counters.replays.inc()

    def database_error(self) -> None:
        """Count a request that failed because the database did."""
        self._counters.database_errors.inc()

    def feed(self, imported_at: datetime | None) -> None:
        """Note when the current feed was imported; None where there is none, which is told as 0."""
        self._counters.feed.set(0 if imported_at is None else imported_at.timestamp())

    def text(self) -> bytes:
        """Write everything in Prometheus' text format."""
        return generate_latest(self.registry)


@dataclass(frozen=True)
class _Counters:
    requests: Counter
    seconds: Histogram
    rides: Counter
    segments: Counter
    replays: Counter
    database_errors: Counter
    feed: Gauge


def _counters(registry: CollectorRegistry) -> _Counters:
    segments = Counter(
        "bus_times_segments_total",
        "Segments of rides that were taken, by what became of them.",
        ("judgement",),
        registry=registry,
    )
    for judgement in (LEARNED, *(each.value for each in Judgement if not each.learned)):
        segments.labels(judgement)  # so that it is 0 and not absent until the first one
    return _Counters(
        requests=Counter(
            "bus_times_requests_total",
            "HTTP requests, by class of status.",
            ("method", "route", "status"),
            registry=registry,
        ),
        seconds=Histogram(
            "bus_times_request_seconds",
            "Seconds from a request to the end of its answer.",
            ("method", "route"),
            buckets=SECONDS,
            registry=registry,
        ),
        rides=Counter("bus_times_rides_total", "Rides that were taken.", registry=registry),
        segments=segments,
        replays=Counter(
            "bus_times_replays_total",
            "Rides that were known already and got their first answer again.",
            registry=registry,
        ),
        database_errors=Counter(
            "bus_times_database_errors_total",
            "Requests that failed because the database did.",
            registry=registry,
        ),
        # A moment and not an age: whoever asks subtracts (https://prometheus.io/docs/practices/instrumentation/).
        feed=Gauge(
            "bus_times_feed_imported_timestamp_seconds",
            "When the current timetable was imported, in seconds since 1970; 0 without one.",
            registry=registry,
        ),
    )
