"""The code in docs/flaky-tests.md does what the page says of it.

The word after `python` in a code fence is the claim: `passes` holds forwards, backwards and a second time;
`fails` fails in the written order (or as `alone`, `twice`, `zone` say); `varies` depends on luck and is only collected.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[2] / "docs" / "flaky-tests.md"

BACKWARDS = """
    def pytest_addoption(parser):
        parser.addoption("--backwards", action="store_true")

    def pytest_collection_modifyitems(config, items):
        if config.getoption("backwards"):
            items.reverse()
"""


@dataclass(frozen=True)
class Example:
    """One code block of the page, and what its fence claims."""

    section: str
    claim: str
    details: tuple[str, ...]
    code: str

    def detail(self, name: str) -> str:
        """Return what stands after `name=` in the fence, or nothing."""
        return next((one.partition("=")[2] for one in self.details if one.startswith(name)), "")


def read_examples(page: str) -> tuple[Example, ...]:
    """Return all Python blocks of a page."""
    found = []
    section = ""
    for match in re.finditer(r"^## (.+)$|^```python ?(.*)\n((?:.*\n)*?)```$", page, re.MULTILINE):
        heading, fence, code = match.groups()
        if heading:
            section = heading
        else:
            claim, *details = fence.split() or [""]
            found.append(Example(section, claim, tuple(details), code))
    return tuple(found)


EXAMPLES = read_examples(PAGE.read_text(encoding="utf-8"))


@pytest.fixture
def bare(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """Give a place for a small suite without plugins, whose order can be reversed."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    pytester.makeconftest(BACKWARDS)
    pytester.makeini("[pytest]\nmarkers = flaky\nfilterwarnings = error")
    return pytester


def run(suite: pytest.Pytester, example: Example, *options: str) -> int:
    """Return the exit status of pytest for the example.

    What fails may leave anything behind, and a time zone is the process's: these get their own.
    """
    suite.makepyfile(test_example=example.code)
    here = example.claim != "fails" and not example.detail("zone")
    pytest_ = suite.runpytest_inprocess if here else suite.runpytest_subprocess
    return int(pytest_("-pno:cacheprovider", "--strict-markers", *options).ret)


def test_every_example_makes_a_claim() -> None:
    """No block is left unchecked, and each cause comes with something that passes."""
    sections = {example.section for example in EXAMPLES}

    assert [
        example for example in EXAMPLES if example.claim not in {"fails", "passes", "varies"}
    ] == []
    assert {example.section for example in EXAMPLES if example.claim == "passes"} == sections
    assert len(sections) > 10


@pytest.mark.parametrize(
    "example", [one for one in EXAMPLES if one.claim == "passes"], ids=lambda one: one.section
)
def test_what_is_mended_passes_in_any_order(
    bare: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, example: Example
) -> None:
    """What the page recommends passes forwards, and then backwards in the same folder."""
    monkeypatch.setenv("TZ", example.detail("zone") or "UTC")

    assert [run(bare, example), run(bare, example, "--backwards")] == [0, 0]


@pytest.mark.parametrize(
    "example", [one for one in EXAMPLES if one.claim == "fails"], ids=lambda one: one.section
)
def test_what_is_ill_fails_as_the_page_says(
    bare: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, example: Example
) -> None:
    """What the page warns of fails in the way it describes, and there only."""
    monkeypatch.setenv("TZ", example.detail("zone") or "UTC")

    if alone := example.detail("alone"):
        assert [run(bare, example), run(bare, example, "-k", alone)] == [0, 1]
    elif "twice" in example.details:
        assert [run(bare, example), run(bare, example)] == [0, 1]
    else:
        assert run(bare, example) == 1


@pytest.mark.parametrize(
    "example", [one for one in EXAMPLES if one.claim == "varies"], ids=lambda one: one.section
)
def test_what_depends_on_luck_is_at_least_a_test(bare: pytest.Pytester, example: Example) -> None:
    """Examples whose outcome nobody can promise are collected without an error."""
    assert run(bare, example, "--collect-only") == 0
