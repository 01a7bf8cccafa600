"""The story that the README tells: this backend with its settings turned back into a cached global, and one mistake."""

from __future__ import annotations

import importlib.util
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from types import ModuleType

# All of them wait for one report, which takes a while where much else runs.
pytestmark = pytest.mark.timeout(300)

ROOT = Path(__file__).parents[2]
POLLUTER = "tests/test_tuning.py::test_the_weight_of_the_timetable_can_be_chosen"
VICTIMS = {
    "tests/test_config.py::test_the_service_says_with_which_settings_it_runs",
    "tests/test_config.py::test_the_timetable_is_worth_twenty_rides_by_default",
    "tests/test_eta.py::test_one_ride_hardly_moves_the_timetable",
}


@dataclass(frozen=True)
class Told:
    """What was asked of the copy, and what came of it."""

    script: ModuleType
    status: int
    printed: str
    report: dict[str, Any]
    audit: str


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Told:
    """Ask once for all tests of this module: none of them changes anything."""
    spec = importlib.util.spec_from_file_location("readme_story", ROOT / "ci/readme_story.py")
    assert spec is not None
    assert spec.loader is not None
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    copy = script.lay_out(tmp_path_factory.mktemp("story") / "copy")
    answer = script.ask(copy)
    written = copy / ".shakeproof"
    return Told(
        script,
        answer.returncode,
        answer.stdout,
        json.loads((written / "report.json").read_text(encoding="utf-8")),
        (written / "flaky_test_audit.md").read_text(encoding="utf-8"),
    )


def test_three_victims_one_polluter_and_the_settings_it_left_are_proven(told: Told) -> None:
    """Who, what and why, for programs: each finding confirmed, and its cause proven by putting the cache back."""
    assert (told.status, told.report["verdict"]) == (1, "unstable")
    assert {each["test"] for each in told.report["findings"]} == VICTIMS
    for found in told.report["findings"]:
        assert (found["kind"], found["confirmed"]) == ("victim", True)
        assert found["culprits"] == [[POLLUTER]]
        (cause,) = found["causes"]
        assert (cause["category"], cause["key"]) == (
            "settings",
            "backend.core.config.get_settings()",
        )
        assert (cause["by"], cause["proven"]) == (POLLUTER, True)
        assert "n0=1," in cause["after"]  # and not 20, as everybody else expects


def test_the_report_says_that_it_is_one_mistake_and_how_it_is_mended(told: Told) -> None:
    """The same for people: polluter, value, proof and advice are said once, on the terminal and in the audit."""
    for said in (told.printed, told.audit):
        assert "F1, F2, F3: one mistake, 3 victims" in said
        assert said.count(f"because of {POLLUTER}") == 1
        assert said.count("settings kept by backend.core.config.get_settings(): empty -> ") == 1
        assert said.count("put back, and nothing else, each of the 3 tests passes") == 1
        assert said.count("to mend it, ") == 1
    assert "get_settings.cache_clear()" in told.audit


def test_the_advice_mends_it(told: Told, tmp_path: Path) -> None:
    """With the cache emptied after the polluter nobody fails behind it any more."""
    copy = told.script.lay_out(tmp_path / "copy")
    behind = ("pytest", POLLUTER, *sorted(VICTIMS))
    before = told.script.run_in(copy, *behind)
    polluter = copy / POLLUTER.partition("::")[0]
    text = polluter.read_text(encoding="utf-8")

    polluter.write_text(f"{text}    get_settings.cache_clear()\n", encoding="utf-8")

    assert "3 failed, 1 passed" in before.stdout
    assert "4 passed" in told.script.run_in(copy, *behind).stdout


def test_the_readme_shows_this_very_report(told: Told) -> None:
    """Whatever is said differently from now on: `python ci/readme_story.py --write` puts it into the README.

    How often a test failed is chance in part: which runs met decides which are run again.
    """
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    block = readme.partition(told.script.BEGIN)[2].partition(told.script.END)[0].strip()

    assert _without_counts(told.script.story(told.printed)) == _without_counts(block)


def _without_counts(text: str) -> str:
    return re.sub(r"failed in \d+ of the \d+ runs", "failed in some of the runs", text)
