"""When two failures count as the same, and how they are shortened."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shakeproof.messages import complaint, fingerprint, headline, mask, reason


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("assert not {'a'}", "assert not {'b', 'c'}"),
        ("assert 'fast' == 'safe'", "assert 'slow' == 'safe'"),
        ("assert {'a': 1} == {}", "assert {'b': 2, 'c': 3} == {}"),
        ("assert -1 == 0", "assert 12.5 == 0"),
        ("assert not ['a']", "assert not ['b', 'c', ...]"),
    ],
)
def test_other_values_are_no_other_reason(one: str, other: str) -> None:
    assert reason(one) == reason(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("AssertionError: assert not {'a'}", "KeyError: 'a'"),
        ("the size was set", "the mode was set"),
        ("assert 'a' == 'b'", "assert 'a' in 'b'"),
    ],
)
def test_another_question_is_another_reason(one: str, other: str) -> None:
    assert reason(one) != reason(other)


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("API_KEY=abc next", "API_KEY=*** next"),
        ("{'api_token': 'abc', 'x': 1}", "{'api_token': '***', 'x': 1}"),
        ('f(password="a b", n=2)', 'f(password="***", n=2)'),
        ("postgres://me:pa55@host/db", "postgres://me:***@host/db"),
        ("http://h/?auth=abc&x=1", "http://h/?auth=***&x=1"),
        ("{'SECRET': 'never closed", "{'SECRET': '***'"),
    ],
)
def test_values_that_look_like_secrets_are_masked(text: str, masked: str) -> None:
    assert mask(text) == masked


@pytest.mark.parametrize(
    "text",
    ["KeyError: 'API_KEY'", "assert key == 'x'", "AuthError: bad", "http://host:80/a@b", "a: key"],
)
def test_what_only_speaks_of_a_key_is_left_alone(text: str) -> None:
    assert mask(text) == text


@pytest.mark.parametrize("part", ["y", "a.key", "a:", "'key", "a://b:", "key='"])
def test_masking_takes_no_longer_than_reading(part: str) -> None:
    """A pattern that tries again at every character would not come to its end within the test's time."""
    assert mask(part * 200_000).startswith(part[:1])


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
    # Two lines may have been joined with a space.
    assert " ".join(shown.removesuffix("…").split()) in " ".join(message.split())


def test_a_short_message_is_its_own_headline() -> None:
    assert headline("\n  AssertionError: no\n\n  where") == "AssertionError: no"


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        (
            "AssertionError: not equal:\n\n  1 (expected)\n  2 (actual)",
            "AssertionError: not equal: 1 (expected)",
        ),
        ("AssertionError: not equal:", "AssertionError: not equal:"),
        (
            "AssertionError: not equal:\n" + 200 * "x",
            "AssertionError: not equal: " + 132 * "x" + "…",
        ),
    ],
    ids=["next line", "no next line", "long next line"],
)
def test_a_line_that_announces_another_is_followed_by_it(message: str, shown: str) -> None:
    """What a comparison says by itself is no more than that there is a difference."""
    assert headline(message) == shown


UNKNOWN_OPTION = """
ERROR: usage: python -m pytest [options] [file_or_dir] [file_or_dir] [...]
python -m pytest: error: unrecognized arguments: --token=secret
  inifile: None
"""
NOT_FOUND = """
no tests ran in 0.01s
ERROR: not found: /project/test_a.py::test_it
(no match in any of [<Module test_a.py>])
"""
INTERNAL = """
collected 1 item
INTERNALERROR> Traceback (most recent call last):
INTERNALERROR>   File "/project/conftest.py", line 1, in pytest_collection
INTERNALERROR>     raise Refused("error: no")
INTERNALERROR> conftest.Refused: token=secret
INTERNALERROR>

============================ no tests ran in 0.01s =============================
"""
CONFTEST = """
ImportError while loading conftest '/project/conftest.py'.
conftest.py:1: in <module>
E   ModuleNotFoundError: No module named 'nothing'
"""


@pytest.mark.parametrize(
    ("printed", "said"),
    [
        (UNKNOWN_OPTION, "unrecognized arguments: --token=***"),
        (NOT_FOUND, "not found: /project/test_a.py::test_it"),
        (INTERNAL, "conftest.Refused: token=***"),
        (CONFTEST, "E   ModuleNotFoundError: No module named 'nothing'"),
        ("", ""),
    ],
)
def test_of_what_pytest_prints_its_complaint_is_quoted(printed: str, said: str) -> None:
    assert complaint(printed) == said
