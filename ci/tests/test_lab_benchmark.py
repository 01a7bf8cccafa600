"""The benchmark of the laboratory works; how fast anything is, no test says."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from benchmarks.lab_benchmark import PAGE, PARTS, main
from benchmarks.table import Figure, table
from shakeproof.gates.pages import BEGIN, END, replaced

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.usefixtures("no_outer_variables")

ROWS = {
    "evidence": ("one process after the other", "to the limit"),
    "culprits": ("detect-test-pollution to Shakeproof", "laboratory stands already"),
    "probes": ("one probe", "bare fork", "ordered pairs"),
    "memory": ("memory",),
    "guard": ("--leaks=report", "--leaks=fail", "for each test"),
}


@pytest.mark.parametrize("part", PARTS)
def test_each_part_brings_its_figures(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], part: str
) -> None:
    """At tiny sizes every figure has its row, with a value and a verdict, on the page as in print."""
    page = tmp_path / "page.md"
    page.write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n", encoding="utf-8")

    assert main(["--quick", "--only", part, "--write", str(page)]) == 0

    printed = capsys.readouterr().out
    rows = [line.split(" | ") for line in printed.splitlines() if line.startswith("| ")][2:]
    assert [name for name in ROWS[part] if not any(name in row[0] for row in rows)] == []
    assert all(row[1] and row[3] in {"met", "missed", "-"} for row in rows)
    assert any(row[3] in {"met", "missed"} for row in rows)
    assert page.read_text(encoding="utf-8") == f"before\n{BEGIN}\n{printed}{END}\nafter\n"


def test_a_page_without_a_place_is_refused_before_anything_is_measured(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nobody waits for twenty minutes to hear it."""
    page = tmp_path / "page.md"
    page.write_text("# Page\n", encoding="utf-8")

    assert main(["--quick", "--only", "guard", "--write", str(page)]) == 2

    said = capsys.readouterr()
    assert "The page has no place" in said.err
    assert said.out == ""
    assert page.read_text(encoding="utf-8") == "# Page\n"


def test_a_figure_without_a_target_has_no_verdict() -> None:
    """It stands there to compare with."""
    figures = [
        Figure("a", "1 ms", "at most 2 ms", met=True),
        Figure("b|c", "3 ms", "at most 2 ms", met=False),
        Figure("d", "4 ms"),
    ]

    assert table(figures).splitlines()[2:] == [
        "| a | 1 ms | at most 2 ms | met |  |",
        "| b/c | 3 ms | at most 2 ms | missed |  |",
        "| d | 4 ms |  | - |  |",
    ]


def test_the_page_holds_results_of_the_full_sizes() -> None:
    """What is published was measured, and not with `--quick`."""
    page = PAGE.read_text(encoding="utf-8")

    rows = [line for line in page.splitlines() if line.startswith("| ")]
    assert replaced(page, "").count("Measured on") == 0
    assert page.count("Measured on") == 1
    assert "--quick`: the figures mean nothing" not in page
    assert [
        name for names in ROWS.values() for name in names if not any(name in r for r in rows)
    ] == []
