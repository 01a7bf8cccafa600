"""Clean tests with ids that break what quotes, splits, escapes or shortens them carelessly."""

import pytest

AWKWARD = [
    "",
    " ",
    "two words",
    " leading and trailing ",
    "a::b",
    "::",
    "[",
    "]",
    "br[ack]et",
    "]::test_other[",
    "it's",
    'say "it"',
    "`command`",
    "$HOME ${HOME} $(exit 1)",
    "back\\slash",
    "line\nend",
    "tab\tstop",
    "semi;colon & ampersand | pipe > file",
    "*?[a-z]!",
    "{brace,expansion}",
    "%s %d {0}",
    "#comment",
    "--option=value",
    "-x",
    "@file",
    "~",
    "../../etc",
    "a/b.py",
    "ünï-cödé",
    "e\u0301 and \u00e9",
    "日本語",
    "😀",
    "\u202eright to left",
    "\x1b[31mred",
    "0",
    "None",
    "same",
    "same",
    "x" * 5_000,
    "é" * 3_000,
]


@pytest.mark.parametrize("word", AWKWARD)
def test_given(word):
    assert isinstance(word, str)


@pytest.mark.parametrize("number", range(len(AWKWARD)), ids=AWKWARD)
def test_named(number):
    assert number >= 0


class TestÄrger:
    @pytest.mark.parametrize("word", AWKWARD)
    def test_in_a_class(self, word):
        assert isinstance(word, str)

    class TestInner:
        @pytest.mark.parametrize("one", AWKWARD[:10])
        @pytest.mark.parametrize("two", AWKWARD[:13])
        def test_crossed(self, one, two):
            assert one in AWKWARD and two in AWKWARD
