"""Messages that are kept for a moment: how long, how many, and made by one for all."""

from datetime import datetime, timedelta
from itertools import count

import pytest

from backend.api.kept_messages import KEPT_FOR, MOST_MESSAGES, KeptMessages, Message, Question
from tests.factories import START
from tests.integration.together import at_once

ALL = Question(None, None, json=False)
MOMENT = timedelta(microseconds=1)


class Kept:
    """Kept messages, of which each says the how-manieth it is."""

    def __init__(self) -> None:
        self.messages = KeptMessages()
        self._numbers = count(1)

    def ask(self, question: Question = ALL, now: datetime = START) -> int:
        def make() -> tuple[Question, Message]:
            return question, Message(b"%d" % next(self._numbers), truncated=False, made_at=now)

        return int(self.messages.find_or_make(question, now, make).body)


@pytest.mark.parametrize(
    ("later", "number"),
    [(timedelta(0), 1), (KEPT_FOR - MOMENT, 1), (KEPT_FOR, 2), (-MOMENT, 1), (-KEPT_FOR, 2)],
)
def test_a_message_is_kept_for_some_seconds(later: timedelta, number: int) -> None:
    """Also for who looked at the clock just before it was made, but not after the clock was set back."""
    kept = Kept()
    kept.ask()
    assert kept.ask(now=START + later) == number


def test_questions_are_told_apart() -> None:
    kept = Kept()
    questions = [
        ALL,
        Question(None, "R", json=False),
        Question(None, None, json=True),
    ]
    assert [kept.ask(each) for each in questions] == [1, 2, 3]
    assert [kept.ask(each) for each in questions] == [1, 2, 3]


def test_what_is_made_for_many_at_once_is_made_once() -> None:
    kept = Kept()
    assert at_once(8, lambda _: kept.ask()) == [1] * 8


def test_of_many_messages_the_newest_are_kept() -> None:
    kept = Kept()
    questions = [Question(None, str(number), json=True) for number in range(MOST_MESSAGES + 1)]
    for each in questions:
        kept.ask(each)
    assert len(kept.messages) == MOST_MESSAGES
    assert kept.ask(questions[1]) == 2
    assert kept.ask(questions[0]) == MOST_MESSAGES + 2


def test_what_is_over_is_not_kept() -> None:
    kept = Kept()
    for number in range(3):
        kept.ask(Question(None, str(number), json=True))
    kept.ask(now=START + KEPT_FOR)
    assert len(kept.messages) == 1


def test_a_message_of_the_feed_that_came_meanwhile_answers_the_question_about_that_one() -> None:
    kept = Kept()
    asked, answered = ALL, Question(None, "of the new feed", json=False)

    def make() -> tuple[Question, Message]:
        return answered, Message(b"7", truncated=False, made_at=START)

    kept.messages.find_or_make(asked, START, make)
    assert (kept.ask(asked), kept.ask(answered)) == (1, 7)
