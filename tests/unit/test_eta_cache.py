"""What is kept about trips, how much of it, and that it is read from memory."""

import pytest

from backend.core.errors import NoEstimateError
from backend.core.journeys import Knowledge
from backend.core.rides import Segment
from backend.core.settings import Settings
from backend.core.storage import Database
from backend.core.store import EtaCache, Question, eta, remembered_eta, save_feed
from backend.core.store.feeds import current_feed
from backend.core.store.segments import Mark, find_marks
from tests.factories import START, make_feed, make_ride, make_ride_segment, make_segment, make_stops
from tests.rides import submit_ride

KNOWN = Knowledge()
MARK = Mark(number=1, lessons=0, retired=False)


def test_what_is_kept_is_found_under_its_mark_alone() -> None:
    cache, segment = EtaCache(), make_segment()
    cache.keep_known(1, {segment: MARK}, {segment: KNOWN})

    assert cache.known(1, {segment: MARK}) == {segment: KNOWN}
    assert cache.known(1, {segment: Mark(1, 1, retired=False)}) == {}
    assert cache.known(1, {make_segment(): MARK}) == {}


def test_a_new_feed_forgets_the_old_one() -> None:
    cache, segment = EtaCache(), make_segment()
    cache.keep_ways(1, "A", "B", (("A", "B"),))
    cache.keep_known(1, {segment: MARK}, {segment: KNOWN})

    assert cache.ways(2, "A", "B") is None
    assert cache.known(2, {segment: MARK}) == {}
    assert cache.rows == 0


def test_who_still_reads_the_old_feed_neither_gets_nor_leaves_anything() -> None:
    cache = EtaCache()
    cache.keep_ways(2, "A", "B", (("A", "C", "B"),))

    segment = make_segment()

    cache.keep_ways(1, "A", "B", (("A", "B"),))
    cache.keep_known(1, {segment: MARK}, {segment: KNOWN})

    assert cache.known(1, {segment: MARK}) == cache.known(2, {segment: MARK}) == {}
    assert cache.timetables(1, {segment: MARK}) == {}
    assert cache.ways(1, "A", "B") is None
    assert cache.ways(2, "A", "B") == (("A", "C", "B"),)


def test_what_nobody_asked_for_longest_goes_first() -> None:
    cache, segments = EtaCache(most_rows=2), [make_segment() for _ in range(3)]
    for segment in segments[:2]:
        cache.keep_known(1, {segment: MARK}, {segment: KNOWN})
    cache.known(1, {segments[0]: MARK})

    cache.keep_known(1, {segments[2]: MARK}, {segments[2]: KNOWN})

    assert cache.known(1, dict.fromkeys(segments, MARK)).keys() == {segments[0], segments[2]}
    assert cache.rows == 2


def test_what_is_too_large_is_not_kept() -> None:
    cache = EtaCache(most_stops=3)
    cache.keep_ways(1, "A", "C", (("A", "B", "C"),))

    assert cache.ways(1, "A", "C") is None


def test_the_second_question_reads_no_timetable(database: Database, settings: Settings) -> None:
    """It is answered although somebody has emptied the tables behind the service's back."""
    stops, cache = make_stops(3), EtaCache()
    with database.writing() as tx:
        save_feed(tx, make_feed(stops, seconds=240), START)
        first = eta(tx, stops[0], stops[2], START, settings, START, cache)
        for table in (tx.schema.timetable, tx.schema.pattern_stops):
            tx.execute(table.delete())
        assert eta(tx, stops[0], stops[2], START, settings, START, cache) == first


def test_after_a_ride_the_timetable_is_not_read_again(
    database: Database, settings: Settings
) -> None:
    """What riders have taught is."""
    stops, cache = make_stops(2), EtaCache()
    with database.writing() as tx:
        save_feed(tx, make_feed(stops, seconds=240), START)
        promised = eta(tx, stops[0], stops[1], START, settings, START, cache)
        submit_ride(tx, make_ride([make_ride_segment(Segment(*stops))]), settings, START)
        learned = eta(tx, stops[0], stops[1], START, settings, START)
        tx.execute(tx.schema.timetable.delete())
        assert learned != promised
        assert eta(tx, stops[0], stops[1], START, settings, START, cache) == learned


def test_a_trip_is_remembered_for_as_long_as_nothing_is_written(
    database: Database, settings: Settings
) -> None:
    """No database is asked then; at any other revision, and where nobody can tell, it has to be."""
    stops, cache = make_stops(3), EtaCache()
    asked = Question(stops[0], stops[2], START, settings, START)
    assert remembered_eta(cache, 7, asked) is None
    with database.writing() as tx:
        save_feed(tx, make_feed(stops, seconds=240), START)
        found = eta(tx, *asked, cache, 7)

    assert remembered_eta(cache, 7, asked) == found
    assert remembered_eta(cache, 8, asked) is None
    assert remembered_eta(cache, None, asked) is None
    assert remembered_eta(cache, 7, asked._replace(from_stop=stops[1])) is None


def test_a_trip_of_which_a_part_was_forgotten_is_not_remembered(
    database: Database, settings: Settings
) -> None:
    stops, large = make_stops(3), EtaCache()
    asked = Question(stops[0], stops[2], START, settings, START)
    with database.writing() as tx:
        save_feed(tx, make_feed(stops, seconds=240), START)
        feed = current_feed(tx)
        eta(tx, *asked, large, 7)
        just_enough = EtaCache(most_rows=large.rows)
        eta(tx, *asked, just_enough, 7)
    assert feed is not None
    assert remembered_eta(just_enough, 7, asked) is not None

    other = make_segment()
    just_enough.keep_known(feed.feed_id, {other: MARK}, {other: KNOWN})

    assert remembered_eta(just_enough, 7, asked) is None


def test_that_nobody_knows_is_remembered_too(database: Database, settings: Settings) -> None:
    cache, asked = EtaCache(), Question("A", "B", START, settings, START)
    with database.reading() as tx, pytest.raises(NoEstimateError):
        eta(tx, *asked, cache, 7)

    with pytest.raises(NoEstimateError):
        remembered_eta(cache, 7, asked)


def test_each_ride_counts_as_a_lesson_of_its_segments_alone(
    database: Database, settings: Settings
) -> None:
    ridden, other = make_segment(), make_segment()
    for segment in (ridden, ridden, other):
        with database.writing() as tx:
            submit_ride(tx, make_ride([make_ride_segment(segment)]), settings, START)

    with database.reading() as tx:
        marks = find_marks(tx, [ridden, other])
    assert (marks[ridden].lessons, marks[other].lessons) == (2, 1)


def test_a_later_feed_has_a_higher_number(database: Database) -> None:
    """Also when the one before it was removed: numbers tell feeds apart."""
    numbers = []
    for _ in range(3):
        with database.writing() as tx:
            save_feed(tx, make_feed(("A", "B"), bins=()), START)
            feed = current_feed(tx)
        assert feed is not None
        numbers.append(feed.feed_id)

    assert numbers == sorted(set(numbers))


def test_a_segment_that_is_new_is_noticed(database: Database, settings: Settings) -> None:
    """That there is nothing to know is not remembered."""
    cache, segment = EtaCache(), Segment(*make_stops(2))
    for seconds in (300, 500):
        with database.writing() as tx:
            part = make_ride_segment(segment, seconds=seconds)
            submit_ride(tx, make_ride([part]), settings, START)
        with database.reading() as tx:
            found = eta(tx, segment.from_stop, segment.to_stop, START, settings, START, cache)
        assert found.estimate.mean == pytest.approx(300 if seconds == 300 else 400)
