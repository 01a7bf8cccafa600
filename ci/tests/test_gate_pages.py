"""Parts of pages that are generated, and the tables that a project writes for its gates."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from generated import print_or_write

from shakeproof.errors import ShakeproofError
from shakeproof.gates import pages
from shakeproof.gates.pyproject import read_pyproject, table_at, texts_at

if TYPE_CHECKING:
    from pathlib import Path

NO_PLACE = (
    "# Page\n",
    f"{pages.BEGIN}\n",
    f"{pages.END}\n",
    f"{pages.END}\n{pages.BEGIN}\n",
)


@pytest.mark.parametrize("text", NO_PLACE, ids=["none", "no end", "no beginning", "end first"])
def test_a_page_without_a_place_for_results_is_refused(tmp_path: Path, text: str) -> None:
    """Nothing is overwritten, nothing lost; it is said as soon as the page is read."""
    page = tmp_path / "page.md"
    page.write_text(text, encoding="utf-8")

    with pytest.raises(ShakeproofError, match="no place for what is generated"):
        pages.replaced(text, "new")
    with pytest.raises(ShakeproofError, match=r"page\.md: The page has no place"):
        pages.read(page)


def test_a_page_that_cannot_be_read_is_told_in_a_sentence(tmp_path: Path) -> None:
    """It is not there, or is no text."""
    (tmp_path / "latin.md").write_bytes(b"caf\xe9")

    with pytest.raises(ShakeproofError, match=r"gone\.md cannot be read"):
        pages.read(tmp_path / "gone.md")
    with pytest.raises(ShakeproofError, match=r"latin\.md is no text in UTF-8"):
        pages.read(tmp_path / "latin.md")


def test_a_part_of_a_page_is_made_again(tmp_path: Path) -> None:
    """What stands around the markers stays, other markers included."""
    page = tmp_path / "page.md"
    page.write_text(f"a\n{pages.BEGIN}\nold\n{pages.END}\n<b>\n<e>\n", encoding="utf-8")

    assert print_or_write(["--write"], "<b>", "<e>", "new", page) == 0

    expected = f"a\n{pages.BEGIN}\nold\n{pages.END}\n<b>\nnew\n<e>\n"
    assert page.read_text(encoding="utf-8") == expected


def test_a_script_does_not_write_into_a_page_without_a_place(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It says so, and the page is as it was."""
    page = tmp_path / "page.md"
    page.write_text("# Page\n", encoding="utf-8")

    assert print_or_write(["--write"], "<b>", "<e>", "new", page) == 2

    assert "no place for what is generated: write <b> into it" in capsys.readouterr().err
    assert page.read_text(encoding="utf-8") == "# Page\n"


def test_without_write_the_part_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    """No page is looked at."""
    assert print_or_write([], "<b>", "<e>", "new") == 0
    assert capsys.readouterr().out == "new\n"


@pytest.mark.parametrize("content", [b"[half", b'name = "caf\xe9"'], ids=["half", "latin-1"])
def test_a_pyproject_that_is_no_toml_is_told_in_a_sentence(tmp_path: Path, content: bytes) -> None:
    """Nothing is guessed from half a file."""
    path = tmp_path / "pyproject.toml"
    path.write_bytes(content)

    with pytest.raises(ShakeproofError, match="is not TOML"):
        read_pyproject(path)
    with pytest.raises(ShakeproofError, match="cannot be read"):
        read_pyproject(tmp_path / "gone.toml")


def test_a_table_is_found_or_empty_or_an_error() -> None:
    """What stands in its place, or on the way, is named."""
    document = {"tool": {"a": {"b": {"key": 1}}, "c": 3}}

    assert table_at(document, "tool.a.b") == {"key": 1}
    assert table_at(document, "tool.none.at.all") == {}
    with pytest.raises(ShakeproofError, match=r"'c' in pyproject.toml is not a table: write \["):
        table_at(document, "tool.c.d")


@pytest.mark.parametrize("value", ["text", [1], [""], 3, {}])
def test_a_list_of_texts_is_nothing_else(value: object) -> None:
    """Neither a text, nor a list with something else in it."""
    with pytest.raises(ShakeproofError, match=r"\[t\]: key is .*: write a list of texts"):
        texts_at({"key": value}, "key", "t")


def test_texts_have_a_default() -> None:
    """It is taken where nothing is written, and only there."""
    assert texts_at({}, "key", "t", ("a",)) == ("a",)
    assert texts_at({"key": []}, "key", "t", ("a",)) == ()
    assert texts_at({"key": ["b"]}, "key", "t", ("a",)) == ("b",)
