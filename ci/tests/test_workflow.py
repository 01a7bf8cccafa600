"""The CI workflow runs every session, and nothing gets past its gate."""

from __future__ import annotations

import ast
import io
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from shakeproof.gates.jobs import main

ROOT = Path(__file__).parents[2]
WORKFLOW = ROOT / ".github" / "workflows" / "ci.yml"
BASH = shutil.which("bash")

PROMISED = {
    "unit",
    "integration",
    "parallel",
    "randomized-seeds-x5",
    "repeat-x10",
    "coverage-gate",
    "benchmark-baseline",
    "stability",
    "lint",
    "types",
    "engine",
    "coverage-engine",
}

needs_bash = pytest.mark.skipif(BASH is None, reason="the workflow's commands are for bash")


@pytest.fixture
def jobs() -> dict[str, Any]:
    """Return the workflow's jobs, parsed anew for each test."""
    workflow = yaml.safe_load(WORKFLOW.read_text(encoding="utf-8"))
    return dict(workflow["jobs"])


def step(job: dict[str, Any], name: str) -> dict[str, Any]:
    """Return the one step of `job` that has this name."""
    (found,) = (one for one in job["steps"] if one["name"] == name)
    return dict(found)


def bash(script: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run a step's script as GitHub does, with this interpreter and its nox in front."""
    path = os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"]))
    return subprocess.run(
        [str(BASH), "--noprofile", "--norc", "-eo", "pipefail", "-c", script],
        cwd=ROOT,
        env={"PATH": path, "HOME": os.environ.get("HOME", "/"), "FORCE_COLOR": "1", **environ},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


# Run by hand: they tell of the machine as well, and judge no change.
WITHOUT_JOB = {"gate-trial", "lab-benchmark", "load", "mutants", "suite-cost"}


def tagged(source: str, tag: str | None) -> set[str]:
    """Return the names of the sessions in a noxfile's source that carry `tag`; None: of all."""
    names = set()
    for function in ast.parse(source).body:
        if not isinstance(function, ast.FunctionDef):
            continue
        for decorator in function.decorator_list:
            call = decorator if isinstance(decorator, ast.Call) else ast.Call(decorator, [], [])
            if ast.unparse(call.func) == "nox.session":
                given = {one.arg: ast.literal_eval(one.value) for one in call.keywords}
                if tag is None or tag in given.get("tags", ()):
                    names.add(given.get("name", function.name))
    return names


@pytest.fixture
def matrix(jobs: dict[str, Any], tmp_path: Path) -> list[dict[str, str]]:
    """Return the jobs that the workflow's own command makes of the noxfile."""
    listing = step(jobs["sessions"], "Turn the list of sessions into a matrix")
    output = tmp_path / "output"
    done = bash(listing["run"], GITHUB_OUTPUT=str(output), **listing["env"])
    assert done.returncode == 0, done.stderr
    name, _, value = output.read_text(encoding="utf-8").partition("=")
    assert name == "include"
    include: list[dict[str, str]] = json.loads(value)
    return include


@needs_bash
def test_every_session_tagged_ci_has_its_job(matrix: list[dict[str, str]]) -> None:
    """The command in the workflow yields each session that the noxfile tags, and no other."""
    expected = tagged((ROOT / "noxfile.py").read_text(encoding="utf-8"), "ci")

    assert {one["session"] for one in matrix} == expected
    assert expected >= PROMISED


def test_no_session_is_left_without_a_job_by_mistake() -> None:
    """Each session has the tag that gives it a job, but for those named here."""
    source = (ROOT / "noxfile.py").read_text(encoding="utf-8")

    assert tagged(source, None) - tagged(source, "ci") == WITHOUT_JOB


def test_every_session_asks_a_short_question() -> None:
    """The first line of its docstring is what `nox -l` and the table in README.md show."""
    source = ast.parse((ROOT / "noxfile.py").read_text(encoding="utf-8"))
    sessions = [
        function
        for function in source.body
        if isinstance(function, ast.FunctionDef) and function.decorator_list
    ]
    questions = [(ast.get_docstring(session) or "").partition("\n")[0] for session in sessions]

    assert [one for one in questions if len(one) > 60 or "?" not in one] == []
    assert len(questions) > len(PROMISED)


@needs_bash
def test_unit_runs_on_every_supported_interpreter(matrix: list[dict[str, str]]) -> None:
    """The unit tests run on 3.11 to 3.14, every other session on one of them, once."""
    pythons: dict[str, list[str]] = {}
    for one in matrix:
        pythons.setdefault(one["session"], []).append(one["python"])

    assert pythons.pop("unit") == ["3.11", "3.12", "3.13", "3.14"]
    assert set(map(tuple, pythons.values())) == {("3.13",)}


def test_sessions_have_the_history(jobs: dict[str, Any]) -> None:
    """Without it nobody could tell what changed since main, and `coverage-gate` would decide nothing."""
    assert step(jobs["session"], "Check out")["with"]["fetch-depth"] == 0


def test_the_matrix_is_what_was_listed_and_runs_to_its_end(jobs: dict[str, Any]) -> None:
    """The sessions' job takes the listed matrix, and one red session stops no other."""
    outputs = jobs["sessions"]["outputs"]
    strategy = jobs["session"]["strategy"]

    assert outputs == {"include": "${{ steps.list.outputs.include }}"}
    assert strategy == {
        "fail-fast": False,
        "matrix": {"include": "${{ fromJSON(needs.sessions.outputs.include) }}"},
    }
    assert step(jobs["session"], "Run the session")["run"] == 'nox -s "$SESSION" -- $ARGUMENTS'


def test_a_pull_request_is_measured_against_where_it_branched_off(jobs: dict[str, Any]) -> None:
    """The one session that takes an argument in CI: elsewhere there is nothing to compare with."""
    when = step(jobs["session"], "Run the session")["env"]["ARGUMENTS"]

    assert "matrix.session == 'benchmark-baseline' && github.event_name == 'pull_request'" in when
    assert "&& '--against' || ''" in when


def test_no_script_is_pasted_together_from_values(jobs: dict[str, Any]) -> None:
    """Scripts read what varies from the environment, so that no value can become a command."""
    scripts = [one["run"] for job in jobs.values() for one in job["steps"] if "run" in one]

    assert [script for script in scripts if "${{" in script] == []
    assert scripts


def test_actions_are_pinned_to_a_commit_and_say_which_version_that_is() -> None:
    """A tag can be moved to other code, a commit cannot; the comment is for people."""
    uses = re.findall(r"uses: (.*)", WORKFLOW.read_text(encoding="utf-8"))

    assert [one for one in uses if not re.fullmatch(r"[\w/-]+@[0-9a-f]{40} # v[\d.]+", one)] == []
    assert uses


def test_every_job_has_a_limit_and_no_more_rights_than_it_says() -> None:
    """The workflow as a whole may do nothing; no job hangs for hours."""
    workflow = yaml.safe_load(WORKFLOW.read_text(encoding="utf-8"))

    assert workflow["permissions"] == {}
    assert workflow["defaults"] == {"run": {"shell": "bash"}}
    assert [name for name, job in workflow["jobs"].items() if "timeout-minutes" not in job] == []
    assert {
        right for job in workflow["jobs"].values() for right in job.get("permissions", {}).items()
    } == {("contents", "read")}


def test_the_gate_waits_for_every_other_job(jobs: dict[str, Any]) -> None:
    """The gate runs whatever happened, and knows the result of each job."""
    gate = jobs.pop("gate")

    assert set(gate["needs"]) == set(jobs)
    assert gate["if"] == "always()"
    assert step(gate, "Fail unless every job succeeded")["env"] == {
        "RESULTS": "${{ join(needs.*.result, ' ') }}"
    }


@needs_bash
@pytest.mark.parametrize(
    ("results", "passed"),
    [
        ("success success", True),
        ("success failure", False),
        ("success cancelled", False),
        ("success skipped", False),
        ("failure skipped", False),
        ("", False),
    ],
)
def test_the_gate_passes_only_when_every_job_succeeded(
    jobs: dict[str, Any], results: str, *, passed: bool
) -> None:
    """Failed, cancelled and skipped jobs, and no job at all, keep the gate shut."""
    script = step(jobs["gate"], "Fail unless every job succeeded")["run"]

    done = bash(script, RESULTS=results)

    assert (done.returncode == 0) is passed


@needs_bash
def test_the_job_page_shows_every_page_of_the_session(jobs: dict[str, Any], tmp_path: Path) -> None:
    """All Markdown of the session's folder is shown, and a session without any is no error."""
    script = step(jobs["session"], "Show its report on the job page")["run"]
    summary = tmp_path / "summary"
    reports = tmp_path / "reports" / "stability"
    reports.mkdir(parents=True)
    (reports / "audit.md").write_text("# Audit\n", encoding="utf-8")
    (reports / "verification.md").write_text("# Verification\n", encoding="utf-8")

    for session in ("stability", "lint"):
        done = bash(f"cd '{tmp_path}'\n{script}", SESSION=session, GITHUB_STEP_SUMMARY=str(summary))
        assert done.returncode == 0, done.stderr

    assert summary.read_text(encoding="utf-8") == "# Audit\n# Verification\n"


def test_the_nightly_run_is_the_thorough_one() -> None:
    """A schedule exists, and turns on Hypothesis' thorough profile."""
    workflow = yaml.safe_load(WORKFLOW.read_text(encoding="utf-8"))
    profile = workflow["jobs"]["session"]["env"]["HYPOTHESIS_PROFILE"]

    assert workflow[True]["schedule"]  # YAML 1.1 reads the key `on` as true
    assert profile == "${{ github.event_name == 'schedule' && 'thorough' || 'quick' }}"


@pytest.mark.parametrize(
    ("listing", "status", "sentence"),
    [
        ("[]", 4, "lists no session"),
        ('[{"session": "lint"}]', 2, "no session 'unit'"),
        ('{"session": "unit"}', 2, "not a list"),
        ('[{"name": "unit"}]', 2, "'session'"),
        ("nox > error", 2, "not what nox -l --json prints"),
    ],
)
def test_a_list_that_would_lose_sessions_is_an_error(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    listing: str,
    status: int,
    sentence: str,
) -> None:
    """An empty or strange list makes no matrix, and a renamed session is noticed."""
    monkeypatch.setattr(sys, "stdin", io.StringIO(listing))

    assert main(["--python=3.13", "--everywhere=unit", "--pythons=3.11"]) == status

    printed = capsys.readouterr()
    assert printed.out == ""
    assert sentence in printed.err


def test_sessions_run_on_one_interpreter_but_for_those_that_run_everywhere(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    listing = json.dumps([{"session": "lint"}, {"session": "unit"}])
    monkeypatch.setattr(sys, "stdin", io.StringIO(listing))

    assert main(["--python=3.13", "--everywhere=unit", "--pythons", "3.11", "3.14"]) == 0

    name, _, value = capsys.readouterr().out.partition("=")
    assert name == "include"
    assert [(one["session"], one["python"]) for one in json.loads(value)] == [
        ("lint", "3.13"),
        ("unit", "3.11"),
        ("unit", "3.14"),
    ]


def test_everywhere_has_to_be_somewhere(capsys: pytest.CaptureFixture[str]) -> None:
    """Without an interpreter the session would have no job at all."""
    with pytest.raises(SystemExit) as ended:
        main(["--python=3.13", "--everywhere=unit"])

    assert ended.value.code == 2
    assert "--everywhere needs --pythons" in capsys.readouterr().err
