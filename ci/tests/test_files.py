"""Files are written whole or not at all, and what stands in the way is said in one sentence."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from shakeproof.errors import ShakeproofError
from shakeproof.files import make_folder, write_lines, write_text

if TYPE_CHECKING:
    from pathlib import Path


def test_a_file_is_replaced_and_nothing_is_left_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    path.write_text("old", encoding="utf-8")

    write_text(path, "nü\n")

    assert path.read_text(encoding="utf-8") == "nü\n"
    assert list(tmp_path.iterdir()) == [path]


def test_what_is_written_can_be_read_by_others(tmp_path: Path) -> None:
    """A report is uploaded by another user than the one who wrote it; temporary files are private by default."""
    path = tmp_path / "report.json"

    write_text(path, "")

    assert path.stat().st_mode & 0o777 == 0o644


def test_half_a_character_is_written_as_an_escape(tmp_path: Path) -> None:
    """Messages quote what tests compare, undecodable file names among it: the report must not fail on one."""
    write_text(tmp_path / "report.json", "half \udc00")

    assert (tmp_path / "report.json").read_text(encoding="utf-8") == "half \\udc00"


def test_a_folder_in_the_way_of_a_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    path.mkdir()

    with pytest.raises(ShakeproofError, match=r"report\.json could not be written \(.+\)"):
        write_text(path, "text")

    assert list(tmp_path.iterdir()) == [path]


def test_a_missing_folder_is_made(tmp_path: Path) -> None:
    write_text(tmp_path / "no" / "report.json", "text")

    assert (tmp_path / "no" / "report.json").read_text("utf-8") == "text"


def test_a_file_where_a_folder_should_be_is_named(tmp_path: Path) -> None:
    (tmp_path / "no").write_text("in the way", "utf-8")

    with pytest.raises(ShakeproofError, match="could not be written"):
        write_text(tmp_path / "no" / "report.json", "text")


def test_lines_end_each_with_a_line_break(tmp_path: Path) -> None:
    write_lines(tmp_path / "order.txt", ["a.py::x[1 2]", "b.py::y"])

    assert (tmp_path / "order.txt").read_text(encoding="utf-8") == "a.py::x[1 2]\nb.py::y\n"


def test_a_folder_is_made_with_those_above_it(tmp_path: Path) -> None:
    make_folder(tmp_path / "a" / "b")
    make_folder(tmp_path / "a" / "b")

    assert list((tmp_path / "a" / "b").iterdir()) == []


def test_a_file_in_the_way_of_a_folder_is_named_with_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("", encoding="utf-8")

    with pytest.raises(
        ShakeproofError, match=r"cannot be written \(.+\): name another one with --out"
    ):
        make_folder(tmp_path / "a" / "b")
