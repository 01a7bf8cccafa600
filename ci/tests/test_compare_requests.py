"""What a comparison is asked for: what cannot be judged is refused in a sentence, and what can is found on disk."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from shakeproof.cli import main

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from comparisons import Judge, Project, Specimen

pytestmark = pytest.mark.usefixtures("no_outer_run")


@pytest.fixture
def usage_error(capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """Give a function that expects a request to be refused by exit status 2, and returns the sentence on stderr."""

    def refuse(*arguments: str) -> str:
        try:
            status = main(["compare", *arguments])
        except SystemExit as error:  # argparse
            status = int(error.code or 0)
        assert status == 2
        err = capsys.readouterr().err.strip()
        assert "Traceback" not in err
        return err.rpartition("\n")[2]

    return refuse


@pytest.mark.parametrize("selection", [(), ("-k", "nothing")], ids=["no tests", "none selected"])
def test_without_tests_there_is_nothing_to_judge(
    selection: tuple[str, ...], specimen: Specimen, project: Project, judge: Judge
) -> None:
    rootdir = specimen("stable") if selection else project(helpers="")

    judged = judge(rootdir, "--", *selection, repeat=2)

    assert judged.status == 4
    assert judged.err.startswith("shakeproof: No tests were collected")


def test_runs_that_end_before_their_first_test_are_nothing_to_judge(
    specimen: Specimen, judge: Judge
) -> None:
    rootdir = specimen("stable")
    (rootdir / "conftest.py").write_text(
        "def pytest_runtestloop(): raise RuntimeError('not today')", encoding="utf-8"
    )

    judged = judge(rootdir, repeat=2)

    assert judged.status == 4
    assert "ended with status 3 and said `RuntimeError: not today`" in judged.err


def test_a_collection_error_is_shown(project: Project, judge: Judge) -> None:
    judged = judge(project(test_x="import not_installed_anywhere"), repeat=2)

    assert judged.status == 4
    assert "No module named 'not_installed_anywhere'" in judged.err
    assert "mend that first" in judged.err


def test_an_option_that_pytest_does_not_know_is_a_usage_error(
    specimen: Specimen, judge: Judge
) -> None:
    judged = judge(specimen("stable"), "--", "--no-such-option", repeat=2)

    assert judged.status == 2
    assert "unrecognized arguments: --no-such-option" in judged.err
    assert "check what follows `--`" in judged.err


def test_a_conftest_that_cannot_be_imported_is_not_put_down_to_the_arguments(
    specimen: Specimen, judge: Judge
) -> None:
    rootdir = specimen("stable")
    (rootdir / "conftest.py").write_text("import not_installed_anywhere", encoding="utf-8")

    judged = judge(rootdir, repeat=2)

    assert judged.status == 2
    assert "No module named 'not_installed_anywhere'" in judged.err
    assert judged.err.strip().endswith("else mend that first.")


@pytest.mark.parametrize(
    ("option", "package"),
    [(("--seeds", "1"), "pytest-randomly"), (("--parallel",), "pytest-xdist")],
)
def test_a_run_that_needs_a_plugin_says_so_before_many_runs_are_made(
    option: tuple[str, ...], package: str, specimen: Specimen, judge: Judge
) -> None:
    """Without it pytest would refuse the option, which must not pass for a crash of the suite."""
    judged = judge(specimen("stable"), *option)

    assert judged.status == 2
    assert f"{option[0]} needs {package}" in judged.err
    assert "declared #1" not in judged.out


def test_a_root_directory_that_is_not_there_is_named(
    tmp_path: Path, usage_error: Callable[..., str]
) -> None:
    assert "There is no folder" in usage_error("--rootdir", str(tmp_path / "nowhere"))


@pytest.mark.parametrize(
    ("script", "sentence"),
    [
        ("echo \"ModuleNotFoundError: No module named 'pytest'\" >&2; exit 1", "has no pytest"),
        ("echo False True 9.2.0", "Python 3.9 and pytest 7 are the oldest"),
        ("echo True False 6.2.5", "Python 3.9 and pytest 7 are the oldest"),
    ],
    ids=["no pytest", "old Python", "old pytest"],
)
def test_an_interpreter_that_cannot_be_used_is_named(
    script: str, sentence: str, tmp_path: Path, usage_error: Callable[..., str]
) -> None:
    python = tmp_path / "python"
    python.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    python.chmod(0o755)

    said = usage_error(
        "--rootdir", str(tmp_path), "--out", str(tmp_path / "out"), "--python", str(python)
    )

    assert str(python) in said
    assert sentence in said


def test_an_interpreter_that_is_not_there_is_named(
    tmp_path: Path, usage_error: Callable[..., str]
) -> None:
    said = usage_error("--rootdir", str(tmp_path), "--python", str(tmp_path / "python"))

    assert "cannot be started (no such file or directory)" in said


def test_an_interpreter_is_named_from_where_the_user_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, usage_error: Callable[..., str]
) -> None:
    """Not from the project under test, which may lie elsewhere."""
    (tmp_path / "project").mkdir()
    monkeypatch.chdir(tmp_path)

    said = usage_error("--rootdir", "project", "--python", "venv/bin/python")

    assert f"{tmp_path}/venv/bin/python cannot be started" in said


@pytest.mark.parametrize("option", ["--out", "--json"])
def test_a_report_that_cannot_be_written_is_known_before_the_first_run(
    option: str, tmp_path: Path, specimen: Specimen, usage_error: Callable[..., str]
) -> None:
    in_the_way = tmp_path / "file"
    in_the_way.write_text("", encoding="utf-8")
    rootdir = specimen("stable")

    out = ("--out", str(tmp_path / "out"))
    said = usage_error("--rootdir", str(rootdir), *out, option, str(in_the_way / "below"))

    assert f"name another one with {option}" in said
    assert not list((tmp_path / "out").glob("logs/*"))


@pytest.mark.parametrize(
    "arguments",
    [
        ("--seeds", ","),
        ("--seeds", "1,,2"),
        ("--seeds", "1,1"),
        ("--seeds", "many"),
        ("--seeds", "1,4294967296"),
        ("--seeds", "4294967295"),
        ("--repeat", "-1"),
        ("--repeat", "1.5"),
        ("--repeat", "9" * 5000),
        ("--seed", "4294967296"),
        ("--timeout", "0"),
        ("--timeout", "nan"),
        ("--timeout", "inf"),
        ("--timeout", "soon"),
        ("--color", "sometimes"),
        ("--repeat", "0"),
    ],
    ids=lambda arguments: " ".join(arguments)[:30],
)
def test_a_request_that_makes_no_sense_is_refused_in_one_sentence(
    arguments: tuple[str, ...], usage_error: Callable[..., str]
) -> None:
    assert usage_error(*arguments).startswith("shakeproof")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ("stability --seeds nonsense", "'nonsense' is not a whole number from 0 to 10000, or auto"),
        ("compare --seeds nonsense", "from 0 to 10000, or a list of seeds such as 7,8"),
        ("stability --jobs 0", "'0' is not a whole number from 1 to 999"),
        ("stability --timeout 1e9", "'1e9' is not a number of seconds above 0 and below 1000000"),
        ("stability tests/", "comes behind `--`, as in `shakeproof stability -- tests/`"),
        ("compare -k fast", "comes behind `--`, as in `shakeproof compare -- -k`"),
        ("replay F1 --rootdir .", "unrecognized arguments: --rootdir ."),
        ("replay F1 -- -x", "`replay` takes nothing for pytest"),
        ("show -- -x", "`show` takes nothing for pytest"),
    ],
)
def test_a_request_that_is_refused_is_told_what_would_be_taken(
    arguments: str, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments.split())

    assert ended.value.code == 2
    assert told in capsys.readouterr().err.strip().rpartition("\n")[2]


def test_one_seed_is_written_with_a_comma(specimen: Specimen, judge: Judge) -> None:
    judged = judge(specimen("stable"), "--seeds", "7,", "--", "-p", "randomly", repeat=1)

    assert [run["seed"] for run in judged.report["runs"]] == [None, 7]
    assert "seeds: 7 (master seed 1)\n" in judged.out


def test_one_run_is_nothing_to_compare(usage_error: Callable[..., str]) -> None:
    """Whatever it shows, there would be nothing that agrees or disagrees with it."""
    assert "ask for two runs or more" in usage_error("--repeat", "1")


def test_the_report_is_also_written_where_it_is_asked_for(
    tmp_path: Path, specimen: Specimen, judge: Judge
) -> None:
    elsewhere = tmp_path / "new" / "folder" / "stability.json"

    judged = judge(specimen("stable"), "--json", str(elsewhere), repeat=2)

    assert json.loads(elsewhere.read_text(encoding="utf-8")) == judged.report


def test_each_run_keeps_what_it_printed(specimen: Specimen, judge: Judge) -> None:
    """The log of a failing run is not replaced by that of a later one."""
    judged = judge(specimen("every_other"))
    logs = [path.read_text(encoding="utf-8") for path in (judged.folder / "logs").iterdir()]

    assert len(logs) == len(judged.report["runs"]) + judged.only["tries"]
    assert all("passed" in log or "failed" in log for log in logs)
