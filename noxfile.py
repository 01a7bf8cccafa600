#!/usr/bin/env -S uv run --script
# /// script
# dependencies = ["nox[uv]>=2026.10.20"]
# ///
"""One session per question that a test suite has to answer.

`nox -l` lists them, `nox -s parallel` asks one, `nox` asks the quick ones. What follows `--` goes to pytest
(or to the tool that the session runs). Reports are written to `reports/<session>/`.
"""

from __future__ import annotations

import sys
from pathlib import Path

import nox

ROOT = Path(__file__).parent
# The decisions that could be wrong live in `ci/shakeproof`, where they are tested; this file only calls them.
sys.path.append(str(ROOT / "ci"))

from shakeproof.gates.reruns import rerun_options  # noqa: E402  (found through the line above)

SEEDS = 5
REPEATS = 10
# A test that leaves something changed fails, with a sentence (docs/leaks.md).
LEAKS = "--leaks=fail"
BUDGET_SECONDS = 250  # of `stability`: what it does not come to by then, it says
# After Ctrl-C: what teardown and a partial report may take before the session is killed.
INTERRUPT_SECONDS = 20.0

PROJECT = nox.project.load_toml(ROOT / "pyproject.toml")

nox.needs_version = ">=2026.10.20"
nox.options.default_venv_backend = "uv|virtualenv"
nox.options.reuse_venv = "yes"
nox.options.error_on_external_run = True
nox.options.error_on_missing_interpreters = True  # a session that did not run is not green
nox.options.sessions = ["lint", "types", "unit", "integration"]


@nox.session(tags=["ci"], allow_parallel=True)
def unit(session: nox.Session) -> None:
    """Do the parts work, each by itself?"""
    _install(session, "test")
    _pytest(session, "tests/unit", LEAKS, *rerun_options(), *_logs(session), *session.posargs)


@nox.session(tags=["ci"], allow_parallel=True)
def integration(session: nox.Session) -> None:
    """Does the assembled service work?"""
    _install(session, "test")
    _pytest(
        session, "tests/integration", LEAKS, *rerun_options(), *_logs(session), *session.posargs
    )


@nox.session(tags=["ci"])
def parallel(session: nox.Session) -> None:
    """Does the whole suite pass spread over workers?"""
    _install(session, "test")
    spread = ("-n", "auto", "--dist", "loadfile")
    _pytest(session, *spread, LEAKS, *rerun_options(), *_logs(session), *session.posargs)


@nox.session(name="randomized-seeds-x5", tags=["ci"])
def randomized_seeds(session: nox.Session) -> None:
    """Do five shuffled runs agree, test by test?"""
    _install(session, "test")
    # `-- --seeds 1,2,3` comes later on the command line, so it wins.
    _shakeproof(session, "compare", "--repeat", "0", "--seeds", str(SEEDS), *session.posargs)


@nox.session(name="repeat-x10", tags=["ci"])
def repeat(session: nox.Session) -> None:
    """Do ten runs in the same order agree, test by test?"""
    _install(session, "test")
    _shakeproof(session, "compare", "--repeat", str(REPEATS), *session.posargs)


@nox.session(name="coverage-gate", tags=["ci"])
def coverage_gate(session: nox.Session) -> None:
    """Is enough of every package's branches tested?"""
    _install(session, "coverage")
    _gate(session, "coverage", "backend", *session.posargs)


@nox.session(name="benchmark-baseline", tags=["ci"])
def benchmark_baseline(session: nox.Session) -> None:
    """Is the code as fast as it was?"""
    _install(session, "test")
    # `-- --against REVISION` measures two revisions side by side; it makes their environments with nox' own uv.
    where = ("--out", str(_reports(session)))
    env = {"UV": nox.virtualenv.UV}
    _python(session, "shakeproof.gates.benchmarks", *where, *session.posargs, env=env)


@nox.session(tags=["ci"])
def stability(session: nox.Session) -> None:
    """Is the suite stable? The whole question, with evidence."""
    _install(session, "test")
    how_hard = ("--repeat", str(REPEATS), "--seeds", str(SEEDS), "--budget", str(BUDGET_SECONDS))
    _shakeproof(session, "stability", *how_hard, *session.posargs)


@nox.session(tags=["ci"], allow_parallel=True)
def lint(session: nox.Session) -> None:
    """Do ruff and zizmor have anything to say?"""
    session.install("-c", "constraints.txt", *nox.project.dependency_groups(PROJECT, "lint"))
    session.run("ruff", "check", *(session.posargs or (".",)))
    session.run("ruff", "format", "--check", ".")
    session.run("zizmor", "--offline", "--quiet", ".github/workflows")


@nox.session(tags=["ci"], allow_parallel=True)
def types(session: nox.Session) -> None:
    """Do the types hold, strictly?"""
    _install(session, "types")
    session.run("mypy", *session.posargs)
    # What runs inside the tested interpreter is a folder of scripts, each seen as a module of its own.
    with session.chdir("ci/shakeproof/inject"):
        session.run("mypy", "--strict", "--config-file=", "--explicit-package-bases", ".")


@nox.session(tags=["ci"])
def engine(session: nox.Session) -> None:
    """Does Shakeproof itself work?"""
    _install(session, "engine")
    own = ("-c", "ci/pyproject.toml", "--rootdir", "ci", "ci/tests", "ci/benchmarks")
    # Some of its tests take a minute: a worker that has none left takes those that wait behind one.
    _pytest(session, *own, "-n", "auto", "--dist", "worksteal", *session.posargs)


@nox.session(name="coverage-engine", tags=["ci"])
def coverage_engine(session: nox.Session) -> None:
    """Is enough of Shakeproof's own branches tested?"""
    _install(session, "engine")
    _gate(session, "coverage", "engine", "--gate", session.name, *session.posargs)


@nox.session(name="lab-benchmark")  # no job: it takes long, and tells of the machine as well
def lab_benchmark(session: nox.Session) -> None:
    """How much faster is the laboratory than plain pytest?"""
    _install(session, "lab-benchmark")
    _python(session, "benchmarks.lab_benchmark", *session.posargs, env={"PYTHONPATH": "ci"})


@nox.session(name="gate-trial")  # no job either: two hours, on a machine that does nothing else
def gate_trial(session: nox.Session) -> None:
    """How often is the benchmark gate wrong?"""
    _install(session, "test")
    env = {"PYTHONPATH": "ci", "UV": nox.virtualenv.UV}
    _python(session, "benchmarks.gate_trial", *session.posargs, env=env)


@nox.session(name="suite-cost")  # no job: it runs the whole suite nearly thirty times
def suite_cost(session: nox.Session) -> None:
    """What does the whole suite cost, and where does it go?"""
    _install(session, "coverage")
    _gate(session, "cost", *session.posargs)


@nox.session  # no job: it tells of the machine as well
def load(session: nox.Session) -> None:
    """How many rides and questions does one worker take a second?"""
    _install(session, "test")
    _python(session, "tests.load", *session.posargs, env={"PYTHONPATH": "ci"})


@nox.session(name="mutants")  # no job: it takes long, and tells of the tests more than of a change
def mutants(session: nox.Session) -> None:
    """Do the tests notice when the code is wrong?"""
    _install(session, "mutants")
    _gate(session, "mutants", *session.posargs)


def _install(session: nox.Session, group: str) -> None:
    """Install a dependency group, what the backend needs, and Shakeproof, at the pinned versions."""
    packages = (*nox.project.dependency_groups(PROJECT, group), *PROJECT["project"]["dependencies"])
    session.install("-c", "constraints.txt", *packages, "-e", "./ci")


def _reports(session: nox.Session) -> Path:
    """Make the folder that the session writes to, and CI uploads."""
    folder = Path("reports", session.name)
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _logs(session: nox.Session) -> tuple[str, str]:
    """Say where pytest writes its JUnit XML and its machine-readable log."""
    reports = _reports(session)
    return f"--junitxml={reports / 'junit.xml'}", f"--report-log={reports / 'log.jsonl'}"


def _pytest(session: nox.Session, *arguments: str) -> None:
    _python(session, "pytest", *arguments)


def _gate(session: nox.Session, gate: str, *arguments: str) -> None:
    _python(session, f"shakeproof.gates.{gate}", "--out", str(_reports(session)), *arguments)


def _shakeproof(session: nox.Session, command: str, *arguments: str) -> None:
    _python(session, "shakeproof", command, "--out", str(_reports(session)), *arguments)


def _python(
    session: nox.Session, module: str, *arguments: str, env: dict[str, str] | None = None
) -> None:
    session.run(
        *("python", "-m", module, *arguments),
        # Sessions start pytest dozens of times: compiling every module each time would be most of the wait.
        env={"PYTHONDONTWRITEBYTECODE": None, **(env or {})},
        interrupt_timeout=INTERRUPT_SECONDS,
    )
