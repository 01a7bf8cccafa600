"""The exceptions of `--leaks`: whatever is no exception is refused with one sentence that says where it stands."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest

from shakeproof.inject.shakeproof_state.protocol import CATEGORIES, Change
from shakeproof.leaks.allowed import Allowed, AllowedError, read_allowed
from shakeproof.report.advice import advice_for

GOOD = """
    [[tool.shakeproof.leaks.allow]]
    category = "environment"
    key = "APP_*"
    reason = "the old server reads them"
    """
HOW = "exceptions are written as [[tool.shakeproof.leaks.allow]], each with a category, a key and a reason."
TWO_BRACKETS = (
    "write [[tool.shakeproof.leaks.allow]] with two brackets on each side, once for each exception."
)
CATEGORIES_LISTED = (
    "environment, settings, cache, database, global, import, cwd, filesystem, logging, warnings, random, clock, "
    "timezone, locale, thread and network."
)


@pytest.fixture
def pyproject(tmp_path: Path) -> Path:
    return tmp_path / "pyproject.toml"


def test_a_project_without_the_file_or_the_table_has_no_exceptions(pyproject: Path) -> None:
    assert read_allowed(pyproject) == ()
    pyproject.write_text("[tool.other]\n", encoding="utf-8")
    assert read_allowed(pyproject) == ()


def test_an_exception_covers_what_its_pattern_fits(pyproject: Path) -> None:
    pyproject.write_text(textwrap.dedent(GOOD), encoding="utf-8")

    (allowed,) = read_allowed(pyproject)

    assert allowed == Allowed("environment", "APP_*", "the old server reads them")
    assert allowed.covers(Change("environment", "APP_MODE", None, "'fast'"))
    assert not allowed.covers(Change("environment", "MODE", None, "'fast'"))
    assert not allowed.covers(Change("global", "APP_MODE", None, "'fast'"))


def test_an_exception_covers_the_key_that_is_printed() -> None:
    """In a shell pattern the brackets would mean something else."""
    key = "app.FLAGS['new'].is_on"

    assert Allowed("global", key, "for a reason").covers(Change("global", key, "False", "True"))


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("tool = 1", f": tool is a number, not a table: {HOW}"),
        ("[tool]\nshakeproof = true", f": tool.shakeproof is true or false, not a table: {HOW}"),
        ("[tool.shakeproof]\nleaks = 'no'", f": tool.shakeproof.leaks is text, not a table: {HOW}"),
        ("[[tool.shakeproof.leak.allow]]", f": tool.shakeproof.leak means nothing: {HOW}"),
        (
            "[[tool.shakeproof.leaks.allowed]]",
            f": tool.shakeproof.leaks.allowed means nothing: {HOW}",
        ),
        (
            "[tool.shakeproof.leaks.allow]\ncategory = 'cwd'",
            f": [tool.shakeproof.leaks.allow] is a single table: {TWO_BRACKETS}",
        ),
        ("[tool.shakeproof.leaks]\nallow = 2", f": tool.shakeproof.leaks.allow is a number: {HOW}"),
        (
            "[tool.shakeproof.leaks]\nallow = ['cwd']",
            f": exception 1 of tool.shakeproof.leaks.allow is text, not a table: {HOW}",
        ),
    ],
)
def test_what_is_no_list_of_exceptions_is_refused(
    text: str, sentence: str, pyproject: Path
) -> None:
    pyproject.write_text(text, encoding="utf-8")

    with pytest.raises(AllowedError) as raised:
        read_allowed(pyproject)

    assert str(raised.value).replace(str(pyproject), "").lstrip() == sentence.lstrip()


@pytest.mark.parametrize(
    ("entry", "sentence"),
    [
        ("key = '*'\nreason = 'x'", "has no category: it takes category, key and reason."),
        ("category = 'cwd'\nkey = '*'", "has no reason: it takes category, key and reason."),
        (
            "category = 'cwd'\nkey = '*'\nreason = ' '",
            "has an empty reason: say why this leak is put up with.",
        ),
        (
            "category = 'cwd'\nkey = ''\nreason = 'x'",
            "has an empty key: write what `--leaks=report` names, or a pattern such as 'APP_*'.",
        ),
        (
            "category = 'cwd'\nkey = '*'\nreson = 'x'",
            "has the unknown field 'reson' (did you mean 'reason'?): known are category, key and reason.",
        ),
        (
            "category = 'enviroment'\nkey = '*'\nreason = 'x'",
            f"has the unknown category 'enviroment' (did you mean 'environment'?): known are {CATEGORIES_LISTED}",
        ),
        (
            "category = 'cwd'\nkey = ['a']\nreason = 'x'",
            "has a list as its key: write text in quotes.",
        ),
        (
            "category = 'cwd'\nkey = '*'\nreason = 2020-01-01",
            "has a date or a time as its reason: write text in quotes.",
        ),
    ],
)
def test_an_exception_that_is_not_complete_is_named_by_its_number(
    entry: str, sentence: str, pyproject: Path
) -> None:
    text = f"{textwrap.dedent(GOOD)}\n[[tool.shakeproof.leaks.allow]]\n{entry}\n"
    pyproject.write_text(text, encoding="utf-8")

    with pytest.raises(AllowedError) as raised:
        read_allowed(pyproject)

    assert str(raised.value) == (
        f"{pyproject}: exception 2 of tool.shakeproof.leaks.allow {sentence}"
    )


def test_a_file_that_is_no_toml_is_refused(pyproject: Path) -> None:
    pyproject.write_text("name =\n", encoding="utf-8")

    with pytest.raises(AllowedError, match=r"pyproject.toml is not valid TOML: .*line 1.*\.$"):
        read_allowed(pyproject)


def test_a_file_that_is_no_text_is_refused(pyproject: Path) -> None:
    pyproject.write_bytes(b"\xff\xfe")

    with pytest.raises(AllowedError, match=r"is not UTF-8, which TOML has to be\.$"):
        read_allowed(pyproject)


@pytest.mark.skipif(not Path("/proc/self/mem").exists(), reason="takes a file that nobody can read")
def test_a_file_that_cannot_be_read_is_refused(pyproject: Path) -> None:
    pyproject.symlink_to("/proc/self/mem")  # permissions would not keep root from reading

    with pytest.raises(AllowedError, match=r"pyproject.toml cannot be read: .*error\.$"):
        read_allowed(pyproject)


def test_there_is_advice_for_each_category() -> None:
    fallback = advice_for("no such category")

    assert [each for each in CATEGORIES if advice_for(each) == fallback] == ["global"]
