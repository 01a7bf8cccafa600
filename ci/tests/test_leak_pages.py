"""Each page of docs/leaks keeps its word: its example fails, the mended one passes, and its quotations are true."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import leak_pages
import pytest

from shakeproof.report.advice import advice_for, categories

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from leak_pages import Page

ROOT = Path(__file__).parents[2]
LONGEST = 82  # lines of a page
# To draw a random number is no leak: the guard says nothing of the generator.
UNGUARDED = frozenset({"random"})
# What nobody can put back, and beside which nobody can fork.
UNPROVEN = frozenset({"network", "thread"})


PAGES = leak_pages.read_pages()
every_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.category)


@pytest.fixture(scope="module")
def proven(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Ask the laboratory once for all pages."""
    return leak_pages.stability(tmp_path_factory.mktemp("laboratory"), PAGES)


@pytest.fixture
def run(page: Page) -> Iterator[Callable[..., tuple[int, str]]]:
    """Give a function that runs a block of the page, in a new place whose name is short enough to be quoted."""
    with tempfile.TemporaryDirectory() as folder:
        places = (Path(folder, str(number)) for number in range(9))

        def run(tag: str, *options: str) -> tuple[int, str]:
            place = next(places)
            place.mkdir()
            done = leak_pages.run(place, page, tag, *options)
            return done.returncode, done.stdout

        yield run


def test_every_category_has_its_page_and_stands_in_the_list() -> None:
    """A category of the contract without a page would be one that nobody explains."""
    listed = (ROOT / "docs/leaks.md").read_text(encoding="utf-8")

    assert {page.category for page in PAGES} == set(categories())
    assert [each for each in categories() if f"](leaks/{each}.md)" not in listed] == []


@every_page
def test_a_page_shows_the_advice_of_its_category(page: Page) -> None:
    """The same words and the same lines as in reports."""
    advice = advice_for(page.category)

    assert f"\n{advice.why[0].upper()}{advice.why[1:]}.\n" in page.text
    assert f"\nIn short: {advice.short}.\n" in page.text
    assert "\n".join(advice.lines) in page.text
    assert page.text.count("\n") <= LONGEST


@every_page
def test_the_example_passes_alone_and_fails_behind_the_other(
    page: Page, run: Callable[..., tuple[int, str]]
) -> None:
    """What a page warns of is real: its last test fails, and only behind the first. The guard says what is quoted."""
    _, behind = run("fails", "--leaks=fail")
    alone, printed = run("fails", page.tests[-1])

    assert f"FAILED {page.tests[-1]}" in behind, behind
    assert alone == 0, printed
    assert leak_pages.guard(page, behind) == page.block("guard")
    assert (page.block("guard") == "") == (page.category in UNGUARDED)


@every_page
def test_the_mended_example_passes_and_leaves_nothing_behind(
    page: Page, run: Callable[..., tuple[int, str]]
) -> None:
    """What a page recommends passes in both orders, under the guard."""
    for order in (page.tests, page.tests[::-1]):
        status, printed = run("passes", "--leaks=fail", *order)

        assert status == 0, printed
        assert "2 passed" in printed


@every_page
def test_the_proof_that_a_page_quotes_is_what_is_said(page: Page, proven: dict[str, str]) -> None:
    """`python ci/leak_pages.py --write` puts what is said into the pages."""
    assert proven[page.category] == page.block("stability")
    assert ("   proven: " in page.block("stability")) == (page.category not in UNPROVEN)
