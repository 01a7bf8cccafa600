"""The command `stability` from end to end: its statuses, its reports, what its commands show, and what it leaves out.

Whom it blames for what, illness by illness, is in test_specimens.py.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import pytest
from builders import declared, run

from shakeproof.casebook import Casebook, Setting
from shakeproof.cli import main
from shakeproof.lab.base import Target
from shakeproof.model import Status
from shakeproof.reporting import keep

Specimen: TypeAlias = Callable[[str], Path]
Answer: TypeAlias = tuple[int, dict[str, Any]]
Ask: TypeAlias = Callable[..., Answer]


pytestmark = pytest.mark.usefixtures("no_outer_run")


@pytest.fixture
def ask(specimen: Specimen, tmp_path: Path) -> Ask:
    """Give a function that asks about a specimen, and returns the exit status and the report."""

    def stability(name: str, *options: str) -> Answer:
        out = tmp_path / "out"
        where = ("--rootdir", str(specimen(name)), "--out", str(out))
        everyday = ("--conditions", "none")
        status = main(["stability", *where, "--seed", "1", "--quiet", *everyday, *options])
        return status, json.loads((out / "report.json").read_text(encoding="utf-8"))

    return stability


def finding(report: dict[str, Any]) -> dict[str, Any]:
    """Give the one finding."""
    (found,) = report["findings"]
    assert isinstance(found, dict)
    return found


def test_a_healthy_suite_is_stable_whatever_its_tests_are_called(ask: Ask) -> None:
    status, report = ask("stable")

    assert (status, report["verdict"], report["findings"]) == (0, "stable", [])
    kinds = report["evidence"]["experiments"]
    assert kinds == {
        "alone": 9,
        "concurrent": 1,
        "declared": 10,
        "pairs": 9 * 8,
        "reversed": 1,
        "shuffled": 5,
        "twice": 9,
    }
    assert report["evidence"]["pairs_covered"] == 1.0
    assert report["evidence"]["incomplete"] == []


def test_a_victim_is_named_with_its_polluter_and_a_command_of_the_two(ask: Ask) -> None:
    status, report = ask("victim")

    found = finding(report)
    assert (status, report["verdict"], found["kind"]) == (1, "unstable", "victim")
    assert found["test"] == "test_mode.py::test_a_reads_mode"
    assert found["culprits"] == [["test_mode.py::test_b_sets_mode"]]
    assert found["confirmed"] is True
    assert found["reproduce"].endswith(
        "test_mode.py::test_b_sets_mode test_mode.py::test_a_reads_mode"
    )


def test_a_test_that_trips_over_itself_is_not_idempotent_and_replay_shows_it(
    ask: Ask, tmp_path: Path
) -> None:
    """Pytest has no command line for one test twice in a row, so Shakeproof's own command is what is printed."""
    status, report = ask("non_idempotent")

    found = finding(report)
    assert (status, found["kind"], found["confirmed"]) == (1, "non-idempotent", True)
    assert found["reproduce"].startswith("shakeproof replay F1 --out ")
    assert main(["replay", "F1", "--out", str(tmp_path / "out"), "--quiet"]) == 0


def test_fresh_processes_come_to_the_same_answer(ask: Ask) -> None:
    """Only slower: what cannot be forked is judged all the same."""
    _, report = ask("victim", "--runner", "fresh", "--repeat", "2", "--seeds", "2")

    found = finding(report)
    assert (found["kind"], found["culprits"]) == ("victim", [["test_mode.py::test_b_sets_mode"]])


def test_a_spent_budget_is_reported_and_what_was_seen_is_kept(ask: Ask) -> None:
    status, report = ask("victim", "--budget", "0.001", "--jobs", "1")

    assert status == 0
    assert report["evidence"]["incomplete"] == [
        "6 more runs reversed or shuffled",
        "2 more runs of two copies at once",
        "9 more runs in the declared order again",
        "what tests leave behind that nobody minds",
        "3 more runs of one test alone",
        "3 more runs of one test twice in a row",
        "what files leave behind by being imported",
        "6 of 6 pairs of tests",
    ]


def test_where_collecting_is_dear_fewer_hash_seeds_are_collected_for(
    ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two at least; and that there were to be more is said."""
    monkeypatch.setattr("shakeproof.stability.DEAR_COLLECTION", 0.0)

    _, report = ask("victim", "--repeat", "3", "--seeds", "0", "--budget", "0.001")

    incomplete = report["evidence"]["incomplete"]
    assert incomplete[0].startswith("1 of 3 hash seeds: collecting once takes ")


def test_a_suite_that_must_be_forked_and_cannot_be_is_a_usage_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Left to itself, it would be run in fresh processes."""
    (tmp_path / "test_it.py").write_text(
        "import threading\n"
        "threading.Thread(target=threading.Event().wait, name='ticker', daemon=True).start()\n"
        "def test_it(): pass",
        encoding="utf-8",
    )
    where = ("--rootdir", str(tmp_path), "--out", str(tmp_path / "out"))

    assert main(["stability", *where, "--runner", "fork"]) == 2
    said = capsys.readouterr().err
    assert said.startswith("shakeproof: The suite cannot be forked: threads are running")
    assert said.rstrip().endswith("Use --runner fresh, which takes longer.")


def test_a_test_that_ends_the_process_keeps_no_other_from_its_runs(ask: Ask) -> None:
    _, report = ask("crash", "--jobs", "2")

    in_order = [each["failures"] for each in report["runs"] if each["kind"] == "declared"]
    assert sorted(in_order) == [0] * 9 + [1] * 2  # once for each job, and from then on without it


def test_every_stage_leaves_its_report(tmp_path: Path) -> None:
    """Whoever is killed leaves what was known by then, and says that it is not all."""
    setting = Setting(Target(tmp_path, sys.executable), jobs=1, master_seed=1, out=tmp_path / "out")
    book = Casebook(runs=[run(declared(1), {"a": Status.PASSED})])

    keep(setting, book)

    written = json.loads((tmp_path / "out" / "report.json").read_text(encoding="utf-8"))
    assert written["verdict"] == "interrupted"
    assert not book.interrupted


def test_a_test_that_kills_what_it_was_forked_from_is_a_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Only `fork`: in a fresh process it would be this one that is killed."""
    project = tmp_path / "project"
    project.mkdir()
    (project / "test_it.py").write_text(
        "import os\ndef test_kills(): os.kill(os.getppid(), 9)", encoding="utf-8"
    )
    where = ("--rootdir", str(project), "--out", str(tmp_path / "out"))

    assert main(["stability", *where, "--runner", "fork"]) == 2
    assert "The suite cannot be forked" in capsys.readouterr().err


@pytest.mark.parametrize("option", ["--out", "--json"])
def test_a_folder_where_the_report_belongs_is_a_usage_error(
    option: str, specimen: Specimen, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "there" / "report.json").mkdir(parents=True)
    place = tmp_path / "there" / ("report.json" if option == "--json" else "")
    out = () if option == "--out" else ("--out", str(tmp_path / "out"))

    status = main(["stability", "--rootdir", str(specimen("stable")), option, str(place), *out])

    assert status == 2
    assert "which is a folder" in capsys.readouterr().err


def test_show_prints_the_last_report_and_one_finding_in_full(
    ask: Ask, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ask("victim")
    said = capsys.readouterr().out

    assert main(["show", "--out", str(tmp_path / "out")]) == 0
    assert capsys.readouterr().out == said
    assert main(["show", "F1", "--out", str(tmp_path / "out")]) == 0
    assert "culprits:\n     test_mode.py::test_b_sets_mode\n" in capsys.readouterr().out


def test_the_same_seed_asks_for_the_same_orders(ask: Ask) -> None:
    _, report = ask("stable", "--seeds", "3")

    seeds = [run["seed"] for run in report["runs"] if run["kind"] == "shuffled"]
    assert sorted(seeds) == sorted([288545019, 1222356006, 1819850096])


def test_a_finding_that_is_not_there_is_a_usage_error(
    ask: Ask, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ask("broken")
    capsys.readouterr()

    assert main(["replay", "F7", "--out", str(tmp_path / "out")]) == 2
    assert "has no finding F7: it has F1." in capsys.readouterr().err


def test_the_printed_command_shows_the_failure_in_a_shell(ask: Ask, tmp_path: Path) -> None:
    _, report = ask("cleaner")
    command = finding(report)["reproduce"].replace("python", sys.executable, 1)

    shown = subprocess.run(
        ["/bin/sh", "-c", command],
        cwd=tmp_path / "cleaner",
        capture_output=True,
        text=True,
        check=False,
    )

    assert "FAILED test_clean.py::test_d_reads" in shown.stdout
