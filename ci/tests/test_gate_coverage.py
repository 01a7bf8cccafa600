"""The coverage gate: one floor for every package, branches included, and no green without data."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import pytest

from shakeproof.gates.coverage import Covered, judge, main, read_files

Summary: TypeAlias = tuple[int, int, int, int]  # lines, of them covered, branches, of them covered
Write: TypeAlias = Callable[..., Path]

GOOD: Summary = (10, 10, 10, 9)
BAD: Summary = (10, 7, 10, 7)


def report(files: dict[str, Summary], *, branches: bool = True) -> dict[str, object]:
    """Return a report as `coverage json` writes it, as far as the gate reads it."""
    return {
        "meta": {"branch_coverage": branches},
        "files": {
            path: {
                "summary": {
                    "num_statements": lines,
                    "covered_lines": covered_lines,
                    "num_branches": ways,
                    "covered_branches": covered_ways,
                }
            }
            for path, (lines, covered_lines, ways, covered_ways) in files.items()
        },
    }


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Give a function that writes a report and returns where."""

    def write_report(files: dict[str, Summary], *, branches: bool = True) -> Path:
        path = tmp_path / "coverage.json"
        path.write_text(json.dumps(report(files, branches=branches)), encoding="utf-8")
        return path

    return write_report


@pytest.mark.parametrize(
    ("summary", "passed"),
    [
        ((100, 80, 100, 80), True),
        ((10_000, 7_999, 10_000, 8_000), False),
        ((100, 100, 100, 79), False),
        ((100, 60, 0, 0), False),
        ((100, 80, 0, 0), True),
        ((0, 0, 0, 0), True),
    ],
    ids=["at the floor", "a hair below", "branches below", "lines below", "no branches", "empty"],
)
def test_both_figures_must_reach_the_floor(summary: Summary, *, passed: bool) -> None:
    """Lines with branches, and branches alone, are each held to the floor without rounding."""
    files = read_files(report({"backend/core/a.py": summary, "backend/other.py": GOOD}))

    package, _ = judge(files, ["backend/core"], floor=80)

    assert package.passed is passed


def test_a_package_is_every_file_below_its_folder_and_no_other() -> None:
    """Sub-packages count, neighbours with the same beginning do not, Windows paths are the same."""
    files = read_files(
        report(
            {
                "backend/core/a.py": (1, 1, 0, 0),
                "backend/core/store/b.py": (10, 10, 0, 0),
                "backend\\core\\c.py": (100, 100, 0, 0),
                "backend/core_extra/d.py": (1000, 1000, 0, 0),
            }
        )
    )

    package, total = judge(files, ["backend.core"], floor=80)

    assert package.covered == Covered(files=3, lines=111, covered_lines=111)
    assert total.covered == Covered(files=4, lines=1111, covered_lines=1111)


def test_one_package_below_the_floor_fails_although_the_total_is_above(
    write: Write, capsys: pytest.CaptureFixture[str]
) -> None:
    """A well tested package does not make up for a badly tested one."""
    path = write({"backend/core/a.py": (1000, 1000, 100, 100), "backend/api/b.py": BAD})

    status = main([str(path), "--package", "backend/core", "backend/api", "--fail-under", "80"])

    answers = {
        line.split()[0]: line.split()[-1] for line in capsys.readouterr().out.splitlines()[1:]
    }
    assert status == 1
    assert answers == {"backend/core": "pass", "backend/api": "fail", "total": "pass"}


def test_a_bad_file_outside_the_packages_fails_the_total(write: Write) -> None:
    """The total is over all files, so what no package holds cannot be forgotten."""
    path = write({"backend/core/a.py": GOOD, "backend/extra.py": (100, 10, 0, 0)})

    assert main([str(path), "--package", "backend/core"]) == 1


def test_well_covered_packages_pass(write: Write) -> None:
    """Packages may be named in one option or in several, by folder or by import name."""
    path = write({"backend/core/a.py": GOOD, "backend/api/b.py": GOOD})

    assert main([str(path), "--package", "backend/core", "--package", "backend.api"]) == 0


def test_what_is_below_the_floor_is_never_shown_as_the_floor(
    write: Write, capsys: pytest.CaptureFixture[str]
) -> None:
    """Figures are rounded down: 79.9999 % reads 79.99 %."""
    path = write({"backend/core/a.py": (1_000_000, 799_999, 0, 0)})

    assert main([str(path), "--package", "backend/core"]) == 1
    assert "79.99 %" in capsys.readouterr().out


def test_a_package_without_a_file_is_an_error(
    write: Write, capsys: pytest.CaptureFixture[str]
) -> None:
    """A renamed package does not pass for want of files."""
    path = write({"backend/core/a.py": GOOD})

    assert main([str(path), "--package", "backend/cor"]) == 2
    assert "'backend/cor'" in capsys.readouterr().err


@pytest.mark.parametrize("files", [{}, {"backend/core/a.py": (10, 0, 4, 0)}], ids=["none", "zero"])
def test_a_report_without_data_is_nothing_to_judge(write: Write, files: dict[str, Summary]) -> None:
    """No file, or no line executed, means that the tests were not measured."""
    assert main([str(write(files)), "--package", "backend/core"]) == 4


def test_a_report_without_branches_is_an_error(
    write: Write, capsys: pytest.CaptureFixture[str]
) -> None:
    """Line coverage alone would look better than it is."""
    path = write({"backend/core/a.py": GOOD}, branches=False)

    assert main([str(path), "--package", "backend/core"]) == 2
    assert "without branches" in capsys.readouterr().err


@pytest.mark.parametrize(
    "content",
    ["", "[]", "{}", '{"meta": {"branch_coverage": true}, "files": {"a.py": {"summary": {}}}}'],
)
def test_another_kind_of_file_exits_2_with_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: str
) -> None:
    """What coverage did not write is refused, not guessed at."""
    path = tmp_path / "coverage.json"
    path.write_text(content, encoding="utf-8")

    assert main([str(path), "--package", "backend/core"]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_a_missing_report_exits_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A report that was never written is named."""
    assert main([str(tmp_path / "coverage.json"), "--package", "backend/core"]) == 2
    assert "coverage.json cannot be read" in capsys.readouterr().err


@pytest.mark.parametrize("floor", ["-1", "101", "nan", "high"])
def test_a_floor_is_a_percentage(floor: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A floor that nothing or everything reaches is refused."""
    with pytest.raises(SystemExit) as exit_:
        main(["coverage.json", "--package", "backend/core", f"--fail-under={floor}"])

    assert exit_.value.code == 2
    assert "is not a percentage" in capsys.readouterr().err


def test_the_report_folder_gets_numbers_and_a_page(write: Write, tmp_path: Path) -> None:
    """What was printed is kept for programs and for people."""
    path = write({"backend/core/a.py": BAD})

    main([str(path), "--package", "backend/core", "--report", str(tmp_path / "reports")])

    document = json.loads((tmp_path / "reports" / "report.json").read_text(encoding="utf-8"))
    page = (tmp_path / "reports" / "summary.md").read_text(encoding="utf-8")
    assert (document["schema"], document["exit_status"]) == ("shakeproof.coverage-report/1", 1)
    assert [(one["name"], one["percent"], one["passed"]) for one in document["packages"]] == [
        ("backend/core", 70.0, False),
        ("total", 70.0, False),
    ]
    assert "| backend/core | 1 | 7/10 | 7/10 | 70.00 % | 70.00 % | 80 % | fail |" in page
