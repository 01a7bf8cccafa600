"""The story that the README tells: this backend with its settings turned back into a cached global, and one mistake."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import readme_story

# A report takes a while where much else runs.
pytestmark = pytest.mark.timeout(600)

ROOT = Path(__file__).parents[2]
POLLUTER = "tests/test_tuning.py::test_the_weight_of_the_timetable_can_be_chosen"
VICTIMS = {
    "tests/test_config.py::test_the_service_says_with_which_settings_it_runs",
    "tests/test_config.py::test_the_timetable_is_worth_twenty_rides_by_default",
    "tests/test_eta.py::test_one_ride_hardly_moves_the_timetable",
}


def test_the_report_tells_the_whole_story_and_the_readme_shows_it(tmp_path: Path) -> None:
    """One test for all of it, since the report takes a while: to programs, to people, and in the README.

    Whatever is said differently from now on: `python ci/readme_story.py --write` puts it there.
    """
    copy = readme_story.lay_out(tmp_path / "copy")

    answer = readme_story.ask(copy)

    written = copy / ".shakeproof"
    assert answer.returncode == 1, answer.stdout + answer.stderr
    _names_each_victim(json.loads((written / "report.json").read_text(encoding="utf-8")))
    for said in (answer.stdout, (written / "flaky_test_audit.md").read_text(encoding="utf-8")):
        _says_once_what_is_one_mistake(said)
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    quoted = readme.partition(readme_story.BEGIN)[2].partition(readme_story.END)[0].strip()
    assert _without_counts(readme_story.story(answer.stdout)) == _without_counts(quoted)


def _names_each_victim(report: dict[str, Any]) -> None:
    """Who and what: each finding is confirmed, and its cause proven by emptying the cache."""
    assert report["verdict"] == "unstable"
    assert {each["test"] for each in report["findings"]} == VICTIMS
    for found in report["findings"]:
        assert (found["kind"], found["confirmed"]) == ("victim", True)
        assert found["culprits"] == [[POLLUTER]]
        (cause,) = found["causes"]
        assert (cause["category"], cause["key"]) == (
            "settings",
            "backend.core.config.get_settings()",
        )
        assert (cause["by"], cause["proven"]) == (POLLUTER, True)
        assert "n0=1," in cause["after"]  # and not 20, as everybody else expects


def _says_once_what_is_one_mistake(said: str) -> None:
    """Polluter, value, proof and advice, in words."""
    assert "F1, F2, F3: one mistake, 3 victims" in said
    assert said.count(f"because of {POLLUTER}") == 1
    assert said.count("settings kept by backend.core.config.get_settings(): empty -> ") >= 1
    assert said.count("put back, and nothing else, each of the 3 tests passes") == 1
    assert said.count("to mend it, build settings in a fixture and pass them in") == 1


def _without_counts(text: str) -> str:
    """Leave out how often a test failed, which is chance in part: which runs meet decides which are run again."""
    return re.sub(r"failed in \d+ of the \d+ runs", "failed in some of the runs", text)


def test_the_advice_mends_it(tmp_path: Path) -> None:
    """With the cache emptied after the polluter nobody fails behind it any more; above, each was shown to."""
    copy = readme_story.lay_out(tmp_path / "copy")
    behind = ("pytest", POLLUTER, *sorted(VICTIMS))
    polluter = copy / POLLUTER.partition("::")[0]
    text = polluter.read_text(encoding="utf-8")

    polluter.write_text(f"{text}    get_settings.cache_clear()\n", encoding="utf-8")

    assert "4 passed" in readme_story.run_in(copy, *behind).stdout
