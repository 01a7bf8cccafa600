"""What the page on leaks says can be done, done."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from shakeproof.inject.shakeproof_state.protocol import CATEGORIES
from shakeproof.leaks.allowed import read_allowed

if TYPE_CHECKING:
    from collections.abc import Iterator

PAGE = Path(__file__).parents[2] / "docs" / "leaks.md"
APP = """
    from types import SimpleNamespace

    FLAGS = {"new-checkout": SimpleNamespace(is_on=False)}
    """
TESTS = """
    import app

    def test_new_checkout():
        app.FLAGS["new-checkout"].is_on = True

    def test_old_checkout():
        assert app.FLAGS
    """
QUIET = ("-q", "-p", "shakeproof.guard", "-p", "no:cacheprovider", "--leaks=fail")


def blocks(kind: str) -> Iterator[str]:
    """Give the blocks of the page in one language."""
    yield from re.findall(rf"```{kind}\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)


@pytest.mark.usefixtures("no_outer_run")
def test_a_probe_of_ones_own_is_asked(pytester: pytest.Pytester) -> None:
    (probe,) = blocks("python")
    (declared,) = [each for each in blocks("toml") if "shakeproof.probes" in each]
    told = next(each for each in blocks("text") if "new-checkout" in each)
    pytester.makepyfile(app=APP, test_it=TESTS, app_probes=probe)
    # As an installer writes it.
    group, entry = re.findall(r'entry-points."(.*)"]\n(.*)', declared)[0]
    info = pytester.mkdir("app-1.0.dist-info")
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: app\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[{group}]\n{entry}\n".replace('"', ""))

    result = pytester.runpytest_subprocess(*QUIET)

    result.assert_outcomes(passed=2, errors=1)
    (line,) = [line for line in result.outlines if "use the fixture" in line]
    assert line == told.strip()


def test_the_exception_on_the_page_can_be_read(tmp_path: Path) -> None:
    (exception,) = [each for each in blocks("toml") if "leaks.allow" in each]
    (tmp_path / "pyproject.toml").write_text(exception, encoding="utf-8")

    assert [each.category for each in read_allowed(tmp_path / "pyproject.toml")] == ["logging"]


def test_the_table_names_every_category() -> None:
    """All but random numbers, which every test draws."""
    table = PAGE.read_text(encoding="utf-8").partition("## What is looked at")[2].partition("##")[0]
    first = [line.split("|")[1] for line in table.splitlines() if line.startswith("|")]
    named = {name for cell in first for name in re.findall(r"`(\w+)`", cell)}

    assert named >= {*CATEGORIES} - {"random"}
