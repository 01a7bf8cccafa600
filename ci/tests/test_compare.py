"""From the command line to the verdict, on real suites in real processes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import psutil  # type: ignore[import-untyped]
import pytest

from shakeproof.cli import main

pytestmark = pytest.mark.usefixtures("no_outer_run")

CI = Path(__file__).parents[1]
PLUGINS = ("randomly", "random_order", "rerunfailures", "xdist")
AT_MOST = 60  # seconds that a process of these tests may take before it counts as hanging

Specimen: TypeAlias = Callable[[str], Path]
Project: TypeAlias = Callable[..., Path]


@dataclass(frozen=True)
class Judged:
    """What became of one comparison."""

    status: int
    out: str
    err: str
    rootdir: Path
    folder: Path

    @property
    def report(self) -> dict[str, Any]:
        value: dict[str, Any] = json.loads(self.written("report.json"))
        return value

    @property
    def kinds(self) -> dict[str, str]:
        """Give the kind of each finding by its test."""
        return {each["test"]: each["kind"] for each in self.report["findings"]}

    @property
    def only(self) -> dict[str, Any]:
        """Give the one finding."""
        (found,) = self.report["findings"]
        assert isinstance(found, dict)
        return found

    def written(self, name: str) -> str:
        return (self.folder / name).read_text(encoding="utf-8")


Judge: TypeAlias = Callable[..., Judged]


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """Give a function that writes a small suite, file by file."""

    def write(**files: str) -> Path:
        rootdir = tmp_path / "project"
        rootdir.mkdir()
        for name, text in files.items():
            suffix = ".toml" if name == "pyproject" else ".py"
            (rootdir / f"{name}{suffix}").write_text(textwrap.dedent(text), encoding="utf-8")
        return rootdir

    return write


@pytest.fixture
def judge(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Judge:
    """Give a function that compares the runs of a suite, two in the declared order unless told otherwise."""

    def compare(rootdir: Path, *options: str, repeat: int = 2) -> Judged:
        folder = tmp_path / "out"
        own: tuple[str, ...] = ("--rootdir", str(rootdir), "--out", str(folder))
        own += ("--repeat", str(repeat))
        # One at a time, unless told otherwise: which of two runs side by side ends first is chance.
        own += () if "--jobs" in options else ("--jobs", "1")
        status = main(["compare", *own, "--seed", "1", *options])
        printed = capsys.readouterr()
        return Judged(status, printed.out, printed.err, rootdir, folder)

    return compare


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


def in_a_shell(command: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a command as somebody would who copies it from a report."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    return subprocess.run(
        ["sh", "-c", command],  # noqa: S607  (whichever shell there is)
        cwd=folder,
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        timeout=AT_MOST,
        check=False,
    )


# Verdicts


def test_a_stable_suite_is_stable_whatever_its_tests_are_called(
    specimen: Specimen, judge: Judge
) -> None:
    judged = judge(specimen("stable"), "--seeds", "1", "--", "-p", "randomly")

    assert judged.status == 0, judged.out
    assert judged.out.count("stable: 9 tests, each with the same outcome in every run") == 1
    assert judged.report["verdict"] == "stable"
    assert judged.report["evidence"]["experiments"] == {"declared": 2, "shuffled": 1}
    assert judged.report["evidence"]["test_runs"] == 27
    assert judged.report["findings"] == []
    assert "stable" in judged.written("flaky_test_audit.md")
    assert "declared #2" in judged.written("flaky_test_verification.md")


def test_a_comparison_leaves_nothing_in_the_project(specimen: Specimen, judge: Judge) -> None:
    rootdir = specimen("stable")
    before = sorted(rootdir.iterdir())

    judge(rootdir, repeat=2)

    assert [path for path in sorted(rootdir.iterdir()) if path.name != "__pycache__"] == before


def test_a_victim_is_named_and_its_command_shows_it(project: Project, judge: Judge) -> None:
    """Here the polluter comes first in the declared order: every run fails, until the victim is run alone."""
    rootdir = project(
        test_mode="""
            MODE = {"mode": "safe"}

            def test_a_sets_mode():
                MODE["mode"] = "fast"

            def test_b_reads_mode():
                assert MODE["mode"] == "safe"
            """
    )

    judged = judge(rootdir)

    assert judged.status == 1
    assert judged.kinds == {"test_mode.py::test_b_reads_mode": "victim"}
    assert judged.only["confirmed"] is True
    assert "F1 victim test_mode.py::test_b_reads_mode" in judged.out
    again = in_a_shell(judged.only["reproduce"], rootdir)
    assert again.returncode == 1
    assert "1 failed, 1 passed" in again.stdout


def test_a_long_way_to_a_failure_is_repeated_from_a_file_below_the_root_directory(
    project: Project, judge: Judge
) -> None:
    """The folder under test is not pytest's root directory here: the configuration lies above it."""
    rootdir = project(pyproject="[tool.pytest.ini_options]\naddopts = '-q'\n")
    folder = rootdir / "tests"
    folder.mkdir()
    (folder / "test_mode.py").write_text(
        textwrap.dedent("""
            import pytest

            MODE = {"mode": "safe"}

            @pytest.mark.parametrize("word", ["a b", "it's", "a::b", "$x", '"', "[", "ü", "#", "|"])
            def test_a_sets_mode(word):
                MODE["mode"] = "fast"

            def test_b_reads_mode():
                assert MODE["mode"] == "safe"
            """),
        encoding="utf-8",
    )

    judged = judge(folder, repeat=2)

    assert judged.kinds == {"tests/test_mode.py::test_b_reads_mode": "victim"}
    assert judged.only["confirmed"] is True
    assert "@../../out/orders/F1.txt" in judged.only["reproduce"]
    assert "1 failed, 9 passed" in in_a_shell(judged.only["reproduce"], folder).stdout


def test_a_shuffle_finds_the_victim_that_the_declared_order_hides(
    specimen: Specimen, judge: Judge
) -> None:
    judged = judge(specimen("victim"), "--seeds", "3,4", "--", "-p", "randomly", repeat=2)

    assert judged.status == 1
    assert judged.kinds == {"test_mode.py::test_a_reads_mode": "victim"}
    assert "seed 4" in judged.only["failing"]
    assert judged.only["confirmed"] is True


def test_a_brittle_test_is_told_from_a_victim(specimen: Specimen, judge: Judge) -> None:
    judged = judge(specimen("brittle"), "--seeds", "1,2", "--", "-p", "randomly", repeat=2)

    assert judged.status == 1
    assert judged.kinds == {"test_cache.py::test_b_uses": "brittle"}
    assert "1 failed" in in_a_shell(judged.only["reproduce"], judged.rootdir).stdout


def test_chance_is_told_from_everything_else(specimen: Specimen, judge: Judge) -> None:
    judged = judge(specimen("every_other"))

    assert judged.status == 1
    assert judged.kinds == {"test_turns.py::test_odd_turns": "non-deterministic"}
    assert (judged.only["confirmed"], judged.only["shown"]) == (True, 1)


def test_what_follows_the_hash_seed_is_told_from_chance(specimen: Specimen, judge: Judge) -> None:
    judged = judge(specimen("hash_order"), repeat=6)

    assert judged.status == 1
    assert judged.kinds == {"test_first.py::test_first_of_a_set": "hash-order"}
    assert judged.only["reproduce"].startswith("PYTHONHASHSEED=")
    assert "1 failed" in in_a_shell(judged.only["reproduce"], judged.rootdir).stdout


def test_a_crash_is_named_and_the_tests_behind_it_are_not_accused(
    specimen: Specimen, judge: Judge
) -> None:
    judged = judge(specimen("crash"), repeat=2)

    assert judged.status == 1
    assert judged.kinds == {"test_exit.py::test_b_leaves": "crash"}
    assert judged.report["runs"][0]["exit_status"] == 7
    assert judged.report["runs"][0]["tests"] == 2
    assert judged.report["evidence"]["failure_rate_below"] == 1.0


def test_a_worker_that_crashes_is_the_crash_of_one_test(specimen: Specimen, judge: Judge) -> None:
    options = ("--parallel", "--", "-p", "xdist")

    judged = judge(specimen("crash"), *options, repeat=1)

    assert judged.kinds == {"test_exit.py::test_b_leaves": "crash"}
    spread = next(each for each in judged.report["runs"] if each["kind"] == "parallel")
    assert spread["exit_status"] == 1


def test_a_test_that_never_ends_is_a_hang(specimen: Specimen, judge: Judge) -> None:
    judged = judge(specimen("hang"), "--timeout", "1", repeat=2)

    assert judged.status == 1
    assert judged.kinds == {"test_wait.py::test_b_waits": "hang"}


def test_a_suite_that_only_fails_is_failing_not_unstable(specimen: Specimen, judge: Judge) -> None:
    judged = judge(specimen("broken"))

    assert judged.status == 3
    assert judged.report["verdict"] == "failing"
    assert judged.kinds == {"test_wrong.py::test_a_wrong": "broken"}


def test_a_test_that_fails_only_on_a_worker_is_unsafe_in_parallel(
    project: Project, judge: Judge
) -> None:
    rootdir = project(
        test_one="""
            import os

            def test_is_by_itself():
                assert "PYTEST_XDIST_WORKER" not in os.environ
            """
    )

    judged = judge(rootdir, "--parallel", "--", "-p", "xdist", repeat=2)

    assert judged.status == 1
    assert judged.kinds == {"test_one.py::test_is_by_itself": "parallel-unsafe"}
    assert "-n auto" in judged.only["reproduce"]
    assert judged.only["confirmed"] is True


def test_workers_bear_with_a_plugin_that_serial_runs_do_without(
    specimen: Specimen, judge: Judge
) -> None:
    """pytest-rerunfailures, taken out of a serial run, talks between workers and their controller."""
    plugins = ("-p", "xdist", "-p", "rerunfailures")

    judged = judge(specimen("stable"), "--parallel", "--", *plugins, repeat=1)

    assert judged.status == 0, judged.out
    assert [run["tests"] for run in judged.report["runs"]] == [9, 9]


def test_a_collection_that_changes_from_run_to_run_is_unstable(
    project: Project, judge: Judge
) -> None:
    rootdir = project(
        test_some="""
            from pathlib import Path

            TURNS = Path(__file__).parents[1] / "turns"
            with TURNS.open("a") as turns:
                turns.write(".")

            def test_always():
                pass

            if TURNS.stat().st_size % 2:
                def test_now_and_then():
                    pass
            """
    )

    judged = judge(rootdir)

    assert judged.status == 1
    assert judged.kinds == {"test_some.py::test_now_and_then": "non-deterministic"}
    assert (judged.only["message"], judged.only["confirmed"]) == ("not collected", True)


# What the project's own configuration says


def test_what_the_project_switches_on_does_not_distort_the_comparison(
    project: Project, judge: Judge
) -> None:
    """No workers, reruns, early stop or shuffling; and no report of the project's own, not even from confirming."""
    rootdir = project(
        pyproject="""
            [tool.pytest.ini_options]
            addopts = [
                "-p", "xdist", "-n", "2", "-p", "rerunfailures", "--reruns", "2", "-x", "--lf", "--ff",
                "-p", "randomly", "-p", "pytest_cov", "--cov=.", "--cov-report=html",
                "--junitxml=junit.xml",
                "-p", "random_order", "--random-order",
            ]
            """,
        test_them="""
            import os
            from pathlib import Path

            DIARY = Path(__file__).parents[1] / "diary"

            def note(word):
                with DIARY.open("a") as diary:
                    diary.write(f"{word} ")

            def test_b():
                note("b")
                assert False

            def test_a():
                note("a")
                assert "PYTEST_XDIST_WORKER" not in os.environ

            def test_c():
                note("c")
            """,
    )

    judged = judge(rootdir, repeat=2)

    assert judged.status == 3, judged.out
    assert judged.kinds == {"test_them.py::test_b": "broken"}
    assert judged.only["confirmed"] is True
    alone_and_confirmed = "b " * 4
    diary = (rootdir.parent / "diary").read_text(encoding="utf-8")
    assert diary == "b a c " * 2 + alone_and_confirmed
    left = {path.name for path in rootdir.iterdir()} - {"__pycache__", ".pytest_cache"}
    assert left == {"pyproject.toml", "test_them.py"}


def test_a_command_bears_with_the_options_that_the_project_always_gives(
    project: Project, judge: Judge
) -> None:
    """Blocking a plugin would make pytest reject its options in `addopts`, and the finding would go unconfirmed."""
    rootdir = project(
        pyproject="""
            [tool.pytest.ini_options]
            addopts = "--randomly-seed=5 --random-order-bucket=global --reruns=2 -n2 --dist=load"
            """,
        test_mode="""
            MODE = {"mode": "safe"}

            def test_a_sets_mode():
                MODE["mode"] = "fast"

            def test_b_reads_mode():
                assert MODE["mode"] == "safe"
            """,
    )
    plugins = (word for name in PLUGINS for word in ("-p", name))

    judged = judge(rootdir, "--", *plugins, repeat=2)

    assert judged.status == 1
    assert judged.kinds == {"test_mode.py::test_b_reads_mode": "victim"}
    assert judged.only["confirmed"] is True


def test_a_marker_that_asks_for_reruns_hides_nothing(project: Project, judge: Judge) -> None:
    """A marker outlasts `--reruns 0`: neither the comparison nor the printed command may retry."""
    rootdir = project(
        test_turns="""
            from pathlib import Path

            import pytest

            TURNS = Path(__file__).parents[1] / "turns"

            @pytest.mark.flaky(reruns=3)
            def test_odd_turns():
                with TURNS.open("a") as turns:
                    turns.write(".")
                assert TURNS.stat().st_size % 2
            """
    )

    judged = judge(rootdir, "--", "-p", "rerunfailures")

    assert judged.status == 1
    assert judged.kinds == {"test_turns.py::test_odd_turns": "non-deterministic"}
    assert "--force-reruns 0" in judged.only["reproduce"]


def test_tests_that_never_have_their_turn_are_not_passed_over(
    project: Project, judge: Judge
) -> None:
    rootdir = project(
        test_them="""
            def test_a(request):
                request.session.shouldstop = "enough"

            def test_b():
                assert False
            """
    )

    judged = judge(rootdir, repeat=2)

    assert judged.report["evidence"]["incomplete"] == [
        "1 of 2 tests, which never had their turn: test_them.py::test_b"
    ]
    assert judged.report["evidence"]["failure_rate_below"] == 1.0


def test_an_interpreter_with_a_safe_path_is_no_obstacle(
    specimen: Specimen, judge: Judge, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONSAFEPATH", "1")

    assert judge(specimen("stable"), repeat=2).status == 0


def test_the_users_selection_is_respected(specimen: Specimen, judge: Judge) -> None:
    judged = judge(specimen("broken"), "--", "-k", "right", repeat=2)

    assert (judged.status, judged.report["suite"]["tests"]) == (0, 1)


# What cannot be judged


@pytest.mark.parametrize("selection", [(), ("-k", "nothing")], ids=["no tests", "none selected"])
def test_without_tests_there_is_nothing_to_judge(
    selection: tuple[str, ...], specimen: Specimen, project: Project, judge: Judge
) -> None:
    rootdir = specimen("stable") if selection else project(helpers="")

    judged = judge(rootdir, "--", *selection, repeat=2)

    assert judged.status == 4
    assert judged.err.startswith("shakeproof: No tests were collected")


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


# Interruptions

WAITING = """
    import os
    import subprocess
    import sys
    from pathlib import Path

    HERE = Path(__file__).parents[1]

    def test_a_fails_in_the_first_run():
        (HERE / "turns").open("a").write(".")
        assert (HERE / "turns").stat().st_size > FIRST

    def test_b_waits_in_later_runs():
        if (HERE / "turns").stat().st_size > FIRST:
            child = subprocess.Popen([sys.executable, "-c", "import signal; signal.pause()"])
            with (HERE / "pids").open("w") as pids:
                pids.write(f"{os.getpid()} {child.pid}")
            child.wait()
    """


@pytest.fixture
def interrupt(project: Project, tmp_path: Path) -> Callable[..., Judged]:
    """Give a function that starts a comparison, and ends it by a signal while its last run is waiting."""

    def waiting(ending: signal.Signals, *, after_runs: int) -> Judged:
        source = textwrap.dedent(WAITING).replace("FIRST", str(after_runs))
        rootdir, folder, pids = project(test_it=source), tmp_path / "out", tmp_path / "pids"
        os.mkfifo(pids)
        own = ("--rootdir", str(rootdir), "--out", str(folder), "--repeat", "3")
        one_at_a_time = ("--jobs", "1")
        with subprocess.Popen(
            [sys.executable, "-m", "shakeproof", "compare", *own, *one_at_a_time],
            env={**os.environ, "PYTHONPATH": str(CI)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            try:
                running = [psutil.Process(int(pid)) for pid in pids.read_text("utf-8").split()]
                process.send_signal(ending)
                out, err = process.communicate(timeout=AT_MOST)
                _, alive = psutil.wait_procs(running, timeout=AT_MOST)
                assert alive == []
            finally:
                process.kill()
        return Judged(process.returncode, out, err, rootdir, folder)

    return waiting


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
def test_an_interruption_leaves_a_partial_report_and_no_process(
    ending: signal.Signals, interrupt: Callable[..., Judged]
) -> None:
    """Not pytest's, and not those that tests have started. What the first run showed is in the report, unconfirmed."""
    judged = interrupt(ending, after_runs=1)

    assert judged.status == 130
    assert judged.out.startswith("  declared #1: 2 tests, 1 failed")
    assert "interrupted: stopped early; what 1 run had shown by then is below" in judged.out
    assert judged.report["verdict"] == "interrupted"
    assert "2 of 3 runs: interrupted" in judged.report["evidence"]["incomplete"]
    assert judged.only["test"] == "test_it.py::test_a_fails_in_the_first_run"
    assert (judged.only["confirmed"], judged.only["tries"]) == (False, 0)
    assert "interrupted" in judged.written("flaky_test_verification.md")


def test_an_interruption_of_the_first_run_says_that_there_is_no_report(
    interrupt: Callable[..., Judged],
) -> None:
    judged = interrupt(signal.SIGINT, after_runs=0)

    assert judged.status == 130
    assert judged.err == "shakeproof: interrupted before the first run had ended.\n"
    assert not (judged.folder / "report.json").exists()
