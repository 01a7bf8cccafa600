"""What was read about trips, kept for the next question about them.

Kept is what the database says, not the answer: an answer changes with every moment, since what was learned
fades. And it is used only where the database, asked in the same transaction, says that it still holds:

- the current feed is the one that it was read under (its number: a feed that comes later has a higher one), and
- each segment bears the mark that it had (`backend.core.store.segments.Mark`), in which every transaction
  that changes what was learned on a segment counts one more lesson.

So there is nothing to invalidate: a ride that was committed, or a feed that was swapped in, by this process or by any
other, is seen by the next question on SQLite and PostgreSQL alike, and no answer is ever stale.

Where the database tells by its revision that nothing at all was written since (`Database.revision`), not even that
question is asked: then the feed and the marks of a trip are what they were.
"""

from collections import OrderedDict
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass, field
from threading import Lock
from typing import TypeAlias

from backend.core.journeys import Knowledge
from backend.core.rides import Segment
from backend.core.store.segments import Mark
from backend.core.timetable import TimetableEntry

Ways: TypeAlias = tuple[tuple[str, ...], ...]

UNKNOWN = -1
"""The number of no feed, and not 0 either, which stands for no feed at all."""

MOST_STOPS, MOST_ROWS = 100_000, 100_000
"""Stops of ways, and rows of timetable and cells, that are kept at most: some 30 MB."""


@dataclass
class _Shelf:
    """Things of different size by their keys; those that nobody asked for longest go first."""

    most: int
    held: int = 0
    things: OrderedDict[Hashable, tuple[object, int]] = field(default_factory=OrderedDict)

    def get(self, key: Hashable) -> object | None:
        if key not in self.things:
            return None
        self.things.move_to_end(key)
        return self.things[key][0]

    def put(self, key: Hashable, thing: object, size: int) -> None:
        self.held += size - self.things.pop(key, (None, 0))[1]
        self.things[key] = thing, size
        while self.held > self.most:
            _, (_, gone) = self.things.popitem(last=False)
            self.held -= gone

    def clear(self) -> None:
        self.things.clear()
        self.held = 0


@dataclass(frozen=True, slots=True)
class _Standing:
    """How a trip stood at some revision."""

    feed: int
    ways: Ways
    marks: Mapping[Segment, Mark]


class EtaCache:
    """The ways between stops, and what is known about segments, of one feed; safe to use from many threads."""

    def __init__(self, most_stops: int = MOST_STOPS, most_rows: int = MOST_ROWS) -> None:
        self._lock = Lock()
        self._feed = 0
        self._ways = _Shelf(most_stops)
        self._known = _Shelf(most_rows)
        self._revision = UNKNOWN
        self._standing = _Shelf(most_stops)

    def latest_ways(self, from_stop: str, to_stop: str) -> tuple[int, Ways]:
        """Return the feed that was seen last, and the ways between two stops by it; -1 and none when they are not kept.

        Good for nothing but a guess, until the database has said that this feed is the current one.
        """
        with self._lock:
            found = self._ways.get((from_stop, to_stop))
            return (self._feed, found) if isinstance(found, tuple) else (UNKNOWN, ())

    def ways(self, feed: int, from_stop: str, to_stop: str) -> Ways | None:
        """Return the ways between two stops by a feed; None when they are not kept."""
        with self._lock:
            found = self._ways.get((from_stop, to_stop)) if self._turn_to(feed) else None
        return found if isinstance(found, tuple) else None

    def keep_ways(self, feed: int, from_stop: str, to_stop: str, ways: Ways) -> None:
        """Keep the ways between two stops by a feed."""
        with self._lock:
            if self._turn_to(feed):
                self._ways.put((from_stop, to_stop), ways, 2 + sum(map(len, ways)))

    def known(self, feed: int, marks: Mapping[Segment, Mark]) -> dict[Segment, Knowledge]:
        """Return what is kept about those segments whose marks are still these."""
        return {
            segment: knowledge
            for segment, (mark, knowledge) in self._kept(feed, marks).items()
            if mark == marks[segment]
        }

    def timetables(
        self, feed: int, marks: Mapping[Segment, Mark]
    ) -> dict[Segment, tuple[TimetableEntry, ...]]:
        """Return what a feed promises on those segments of which that is kept: lessons do not change it."""
        return {
            segment: knowledge.timetable
            for segment, (mark, knowledge) in self._kept(feed, marks).items()
            if mark.but_for_lessons() == marks[segment].but_for_lessons()
        }

    def _kept(
        self, feed: int, segments: Iterable[Segment]
    ) -> dict[Segment, tuple[Mark, Knowledge]]:
        """Return what is kept about segments in a feed, each with the mark that it had then."""
        found = {}
        with self._lock:
            if self._turn_to(feed):
                for segment in segments:
                    match self._known.get(segment):
                        case Mark() as mark, Knowledge() as knowledge:
                            found[segment] = mark, knowledge
        return found

    def keep_known(
        self, feed: int, marks: Mapping[Segment, Mark], known: Mapping[Segment, Knowledge]
    ) -> None:
        """Keep what is known about segments, under the marks that they had in the same transaction."""
        with self._lock:
            if self._turn_to(feed):
                for segment, knowledge in known.items():
                    size = 1 + len(knowledge.timetable) + len(knowledge.cells)
                    self._known.put(segment, (marks[segment], knowledge), size)

    def trip(
        self, revision: int | None, from_stop: str, to_stop: str
    ) -> tuple[Ways, dict[Segment, Knowledge]] | None:
        """Return all that is known of a trip in a database at this revision; None where any of it is not kept."""
        with self._lock:
            standing = self._standing.get((from_stop, to_stop))
            if (
                revision is None
                or revision != self._revision
                or not isinstance(standing, _Standing)
            ):
                return None
        known = self.known(standing.feed, standing.marks)
        return (standing.ways, known) if known.keys() == standing.marks.keys() else None

    def keep_standing(  # noqa: PLR0917 - of which revision, which trip, and how it stands
        self,
        revision: int | None,
        from_stop: str,
        to_stop: str,
        feed: int,
        ways: Ways,
        marks: Mapping[Segment, Mark],
    ) -> None:
        """Keep how a trip stands, as it was read after the database was at this revision."""
        if revision is None:
            return
        with self._lock:
            if revision != self._revision:
                self._revision = revision
                self._standing.clear()
            standing = _Standing(feed, ways, marks)
            self._standing.put((from_stop, to_stop), standing, 2 + len(marks))

    @property
    def rows(self) -> int:
        """How much is kept about segments at the moment, in rows."""
        return self._known.held

    def _turn_to(self, feed: int) -> bool:
        """Forget an older feed; say no to who still reads from one."""
        if feed > self._feed:
            self._feed = feed
            self._ways.clear()
            self._known.clear()
        return feed == self._feed
