"""When two failures count as the same, and how they are shortened."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shakeproof.messages import fingerprint, headline


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("assert 3 == 2", "assert 41 == 2"),
        ("took 0.25 s", "took 1e-05 s"),
        ("<Thing at 0x7f3a0c>", "<Thing at 0x55D1F0>"),
        (
            "no row 9f0c5b52-7f2b-4bb0-8a0d-0f6d0a6f7f10",
            "no row 00000000-7F2B-4BB0-8A0D-0F6D0A6F7F11",
        ),
        ("key deadbeef01", "key 0badcafe99"),
        (
            "No such file: '/tmp/pytest-of-ann/pytest-3/test_a0/db.sqlite'",
            "No such file: '/var/tmp/x/pytest-of-bob/pytest-12/test_a1/db.sqlite'",
        ),
        ("in /tmp/shakeproof-ab_12/tmp/x.txt", "in /scratch/shakeproof-zz/tmp/x.txt"),
        ("assert  x\n +  where x = [1]", "assert x\n +  where x = {}"),
    ],
    ids=["count", "decimal", "address", "uuid", "hex", "tmp_path", "own folder", "explanation"],
)
def test_what_differs_without_meaning_is_the_same_reason(one: str, other: str) -> None:
    assert fingerprint(one) == fingerprint(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("assert 'fast' == 'safe'", "assert 'slow' == 'safe'"),
        ("KeyError: 'a'", "ValueError: 'a'"),
        ("No such file: '/etc/hosts'", "No such file: '/etc/passwd'"),
        ("the facade decade", "the facade accede"),
        ("passed", "skipped"),
    ],
    ids=["value", "exception", "ordinary path", "words of hex letters", "status"],
)
def test_what_differs_in_meaning_is_another_reason(one: str, other: str) -> None:
    assert fingerprint(one) != fingerprint(other)


@given(st.text())
def test_a_fingerprint_is_its_own_fingerprint(message: str) -> None:
    assert fingerprint(fingerprint(message)) == fingerprint(message)


@given(st.text(), st.integers(min_value=1, max_value=200))
def test_a_headline_is_one_line_that_fits(message: str, width: int) -> None:
    shown = headline(message, width)

    assert len(shown) <= width
    assert "\n" not in shown
    assert shown.removesuffix("…") in message


def test_a_short_message_is_its_own_headline() -> None:
    assert headline("\n  AssertionError: no\n\n  where") == "AssertionError: no"
