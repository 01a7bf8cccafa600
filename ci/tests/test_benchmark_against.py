"""The benchmark gate with --against: real repositories, worktrees and processes; only installing is a stand-in's."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from benching import CONFIG, ONE, TWO, environment, write_uv

from shakeproof.errors import ShakeproofError
from shakeproof.gates.benchmarks.__main__ import main
from shakeproof.gates.benchmarks.against import Asking, against
from shakeproof.gates.benchmarks.plan import Effort
from shakeproof.gates.benchmarks.settings import read_settings

if TYPE_CHECKING:
    from collections.abc import Callable

    from benching import Bench

    from shakeproof.gates.verdict import Verdict

FEW = Effort(looks=(1,), second=(1,))
CI = Path(__file__).parents[1]


@pytest.fixture
def repo(bench: Bench, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Bench:
    """Give the project in a repository, with one commit on main, and temporary files of its own."""
    bench.git("init", "--quiet", "--initial-branch", "main")
    bench.write(".gitignore", "reports/\n.benchmarks/\n__pycache__/\n")
    bench.commit()
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    monkeypatch.setenv("UV", str(write_uv(tmp_path)))
    return bench


def ask(
    bench: Bench, revision: str = "HEAD", *, accept_new: bool = False, instructions: bool = False
) -> Verdict:
    """Compare with few rounds: what is decided by them is chance, and not looked at."""
    settings = read_settings(bench.root / "pyproject.toml")
    asking = Asking(
        bench.root, settings, revision, seed=1, effort=FEW, accept_new=accept_new,
        instructions=instructions, own=(bench.root / "reports",),
    )  # fmt: skip
    return against(asking, lambda _: None)


def refusal(bench: Bench, revision: str = "HEAD") -> str:
    """Compare, and give the sentence that it ends with; nothing is left behind."""
    with pytest.raises(ShakeproofError) as raised:
        ask(bench, revision)
    assert left_behind(bench) == []
    return str(raised.value)


def left_behind(bench: Bench) -> list[str]:
    """List worktrees beside the project itself, and what lies in the temporary folder."""
    worktrees = bench.git("worktree", "list", "--porcelain").split("\n\n")[1:]
    return [*worktrees, *(path.name for path in Path(tempfile.gettempdir()).iterdir())]


def change(bench: Bench) -> None:
    """Do the same work in other words."""
    bench.replace("code_under_test.py", "sum(range(10))", "sum(list(range(10)))")


def test_what_is_not_committed_is_compared_with_head(repo: Bench) -> None:
    """Each benchmark is measured on both sides, from processes of both, and everything is removed."""
    change(repo)

    verdict = ask(repo)

    found = {one["name"]: one for one in verdict.details["benchmarks"]}  # type: ignore[attr-defined]
    assert set(found) == {ONE, TWO}
    assert all({"base", "head", "again"} < set(one["rounds"][0]) for one in found.values())
    assert verdict.details["base"] == repo.git("rev-parse", "HEAD")
    assert left_behind(repo) == []
    assert repo.git("status", "--porcelain") == "M code_under_test.py"


def test_a_slowed_function_fails_and_is_named(repo: Bench) -> None:
    """Ten thousand times the work is slower on any machine, and what does none of it passes or is unclear."""
    repo.replace(
        "bench/test_it.py", "benchmark.pedantic(work, rounds=2) == 45", "benchmark(int) == 0"
    )
    repo.commit()
    repo.replace("code_under_test.py", "sum(range(10))", "45 + 0 * sum(range(1_000_000))")

    verdict = ask(repo)

    answers = {one["name"]: one["answer"] for one in verdict.details["benchmarks"]}  # type: ignore[attr-defined]
    assert verdict.answer == "fail"
    assert answers[ONE] == "fail"
    assert verdict.sentence.startswith("Slower than ")
    assert ONE in verdict.sentence


@pytest.mark.parametrize("together", ["true", "false"])
def test_both_sides_run_their_own_code_under_heads_benchmarks(repo: Bench, together: str) -> None:
    """A benchmark that asks which code it has, and where, is answered differently on the two sides.

    Whether they take turns or come one after the other.
    """
    repo.write("pyproject.toml", f"{CONFIG}together = {together}\n")
    seen = repo.root / "reports" / "seen.txt"
    repo.write("code_under_test.py", "SIDE = 'base'\ndef work():\n    return 45\n")
    repo.commit()
    repo.write("code_under_test.py", "SIDE = 'HEAD'\ndef work():\n    return 45\n")
    repo.write(
        "bench/test_it.py",
        f"""
        import code_under_test
        from pathlib import Path

        def test_one(benchmark):
            with open({str(seen)!r}, "a") as file:
                file.write(f"{{code_under_test.SIDE}} {{Path.cwd().name}}\\n")
            benchmark.pedantic(int)

        def test_two(benchmark):
            benchmark.pedantic(int)
        """,
    )
    seen.parent.mkdir()

    ask(repo)

    lines = seen.read_text(encoding="utf-8").split("\n")[:-1]
    counts = Counter(lines)
    assert set(counts) == {"HEAD head", "base base", "base same"}
    assert len(set(counts.values())) == 1


def test_the_merge_base_with_main_is_the_default(repo: Bench) -> None:
    """On a branch, what the branch changed is compared."""
    base = repo.git("rev-parse", "HEAD")
    repo.git("switch", "--quiet", "--create", "topic")
    change(repo)
    repo.commit()

    assert ask(repo, "").details["base"] == base


def test_a_main_branch_that_was_only_fetched_will_do(repo: Bench) -> None:
    """As in a checkout of a pull request, which is detached and has no local branch."""
    base = repo.git("rev-parse", "HEAD")
    repo.git("update-ref", "refs/remotes/origin/main", base)
    repo.git("checkout", "--quiet", "--detach")
    repo.git("branch", "--quiet", "--delete", "--force", "main")
    change(repo)
    repo.commit()

    assert ask(repo, "").details["base"] == base


def test_a_new_benchmark_is_compared_where_it_runs_on_the_base(repo: Bench) -> None:
    """Once it is accepted; one that asks for what the base does not have is left out and told."""
    repo.write("code_under_test.py", "def work():\n    return 45\ndef more():\n    return 46\n")
    repo.write("bench/test_new.py", "def test_three(benchmark):\n    benchmark.pedantic(int)\n")
    repo.write(
        "bench/test_more.py",
        "def test_four(benchmark):\n    from code_under_test import more\n    benchmark.pedantic(more)\n",
    )

    refused = refusal(repo)
    verdict = ask(repo, accept_new=True)

    assert "test_three" in refused
    assert "--accept-new" in refused
    names = [one["name"] for one in verdict.details["benchmarks"]]  # type: ignore[attr-defined]
    assert names == ["bench/test_it.py::test_one", TWO, "bench/test_new.py::test_three"]
    assert any("test_four is new and does not run on the base" in note for note in verdict.notes)


def test_a_new_file_that_the_base_cannot_load_is_left_out(repo: Bench) -> None:
    """A new benchmark of what is new imports it at the top; the others are compared all the same."""
    repo.write("code_under_test.py", "def work():\n    return 45\ndef more():\n    return 46\n")
    repo.write(
        "bench/test_more.py",
        "from code_under_test import more\ndef test_four(benchmark):\n    benchmark.pedantic(more)\n",
    )

    verdict = ask(repo, accept_new=True)

    assert [one["name"] for one in verdict.details["benchmarks"]] == [ONE, TWO]  # type: ignore[attr-defined]
    assert any("test_more.py is new and does not run on the base" in note for note in verdict.notes)


def test_instructions_that_cannot_be_counted_change_no_answer(
    repo: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are a second signal, and the report says that it is missing."""
    (tmp_path / "valgrind").write_text("#!/bin/sh\nexit 0\n", encoding="utf-8")
    (tmp_path / "valgrind").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    change(repo)

    verdict = ask(repo, instructions=True)

    assert verdict.answer != "error"
    assert any(note.startswith("Instructions were not counted: ") for note in verdict.notes)


def nothing_changed(_: Bench) -> str:
    return "HEAD"


def other_words_for_head(bench: Bench) -> str:
    bench.git("commit", "--quiet", "--allow-empty", "--message", "nothing")
    return "HEAD~1"


def a_report_of_its_own(bench: Bench) -> str:
    bench.write(".gitignore", "__pycache__/\n")
    bench.commit()
    bench.write("reports/report.json", "{}")
    bench.write(".benchmarks/machine/0001.json", "{}")
    return "HEAD"


def base_does_not_load(bench: Bench) -> str:
    mended = (bench.root / "bench/test_it.py").read_text(encoding="utf-8")
    bench.write("bench/test_it.py", "import nothing_of_the_kind\n")
    bench.commit()
    bench.write("bench/test_it.py", mended)
    return "HEAD"


def unknown_revision(bench: Bench) -> str:
    change(bench)
    return "no-such-branch"


def no_main(bench: Bench) -> str:
    bench.git("branch", "--move", "trunk")
    change(bench)
    return ""


def vanished(bench: Bench) -> str:
    bench.replace("bench/test_it.py", "def test_two(benchmark)", "def two(benchmark)")
    return "HEAD"


def renamed(bench: Bench) -> str:
    bench.replace("bench/test_it.py", "def test_two(benchmark)", "def test_second(benchmark)")
    return "HEAD"


def none_left(bench: Bench) -> str:
    bench.write("bench/test_it.py", "def test_plain():\n    pass\n")
    return "HEAD"


def fails_on_head(bench: Bench) -> str:
    bench.replace("code_under_test.py", "range(10)", "range(11)")
    return "HEAD"


def fails_on_base(bench: Bench) -> str:
    bench.replace("code_under_test.py", "range(10)", "range(11)")
    bench.replace("bench/test_it.py", "== 45", "== 55")
    return "HEAD"


def missing_helper(bench: Bench) -> str:
    bench.write("pyproject.toml", CONFIG + 'helpers = ["bench_tools.py"]\n')
    return "HEAD"


def tolerance_for_nobody(bench: Bench) -> str:
    bench.write("pyproject.toml", CONFIG + "tolerances = {test_gone = 0.1}\n")
    return "HEAD"


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (nothing_changed, "to compare a revision with itself tells nothing"),
        (other_words_for_head, "to compare a revision with itself tells nothing"),
        (a_report_of_its_own, "to compare a revision with itself tells nothing"),
        (base_does_not_load, "cannot be loaded on the base"),
        (unknown_revision, "git knows no commit 'no-such-branch'"),
        (no_main, "HEAD has no merge base with a main branch"),
        (vanished, f"{TWO} of the base was not measured: restore it"),
        (renamed, "if this was renamed"),
        (none_left, "No benchmark was found"),
        (fails_on_head, "did not pass on HEAD"),
        (fails_on_base, "does not run on the base"),
        (missing_helper, "HEAD has no bench_tools.py"),
        (tolerance_for_nobody, "'test_gone' in 'tolerances'"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_what_cannot_be_compared_is_an_error(
    repo: Bench, spoil: Callable[[Bench], str], sentence: str
) -> None:
    """Each is one sentence, and no worktree is left behind."""
    assert sentence in refusal(repo, spoil(repo))


def test_a_base_that_does_not_install_is_an_error(
    repo: Bench, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """What the installer said is told, secrets masked."""
    monkeypatch.setenv(
        "UV", str(write_uv(tmp_path, "echo 'no such version; API_TOKEN=abc' >&2; exit 1"))
    )
    change(repo)

    said = refusal(repo)

    assert "does not install, so nothing can be compared" in said
    assert "no such version; API_TOKEN=***" in said


@pytest.mark.parametrize(
    ("plugin", "option", "name"),
    [("xdist.plugin", "-n 2", "pytest-xdist"), ("pytest_cov.plugin", "--cov=.", "coverage")],
)
def test_workers_and_coverage_are_errors_here_too(
    repo: Bench, monkeypatch: pytest.MonkeyPatch, plugin: str, option: str, name: str
) -> None:
    """Whoever asks for them: here the environment does."""
    change(repo)
    monkeypatch.setenv("PYTEST_PLUGINS", f"pytest_benchmark.plugin,{plugin}")
    monkeypatch.setenv("PYTEST_ADDOPTS", option)

    assert f"{name} is active, which makes times meaningless" in refusal(repo)


def test_outside_a_repository_there_is_nothing_to_compare_with(
    bench: Bench, capsys: pytest.CaptureFixture[str]
) -> None:
    """The command says so, with the status of errors."""
    status = main(["--rootdir", str(bench.root), "--out", str(bench.root / "out"), "--against"])

    assert status == 2
    assert "is not in a git repository" in capsys.readouterr().err


def test_ctrl_c_removes_worktree_and_environments(repo: Bench, tmp_path: Path) -> None:
    """Stopped while it installs, the gate leaves nothing behind, and a report that decides nothing."""
    change(repo)
    started = tmp_path / "started"
    os.mkfifo(started)
    never, pids = tmp_path / "never", tmp_path / "pids"
    uv = write_uv(tmp_path, f"echo $$ >> {pids}; echo started > {started}; exec cat {never}")
    os.mkfifo(never)

    def once_it_installs() -> None:
        assert started.read_text(encoding="utf-8").startswith("started\n")
        assert left_behind(repo) != []

    status = interrupted(repo, uv, once_it_installs)

    assert status == 130
    assert left_behind(repo) == []
    assert not any(map(is_running, pids.read_text(encoding="utf-8").split()))
    report = json.loads((repo.root / "reports/benchmark-baseline/report.json").read_text("utf-8"))
    assert (report["verdict"], report["sentence"]) == (
        "error",
        "Interrupted: nothing was decided.",
    )


def test_ctrl_c_lets_benchmarks_clean_up(repo: Bench, tmp_path: Path) -> None:
    """Stopped while processes take turns, the gate gives them time to tear down what they have set up."""
    places = {name: tmp_path / name for name in ("calls", "started", "never", "cleaned")}
    for name in ("started", "never"):
        os.mkfifo(places[name])
    repo.write(
        "bench/test_it.py",
        f"""
        import pytest
        from pathlib import Path

        calls, started, never, cleaned = (Path(each) for each in {[*map(str, places.values())]!r})

        @pytest.fixture
        def server():
            yield
            with cleaned.open("a") as file:
                file.write("cleaned up\\n")

        def call():
            with calls.open("a") as file:
                file.write(".")
            if len(calls.read_text()) > 3 * 3 + 4:  # each side by itself, and then in turn
                started.write_text("started")
                never.read_text()

        def test_one(server, benchmark):
            benchmark.pedantic(call, rounds=3)
        """,
    )
    repo.commit()
    change(repo)

    status = interrupted(repo, write_uv(tmp_path), places["started"].read_text)

    assert status == 130
    assert places["cleaned"].read_text(encoding="utf-8").splitlines() == ["cleaned up"] * (3 + 3)
    assert left_behind(repo) == []


def is_running(pid: str) -> bool:
    """Whether there is such a process."""
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return False
    return True


def interrupted(bench: Bench, uv: Path, wait: Callable[[], object]) -> int:
    """Start the gate as a program, wait, interrupt that process alone; return its exit status."""
    gate = subprocess.Popen(
        [sys.executable, "-m", "shakeproof.gates.benchmarks", "--against", "HEAD"],
        cwd=bench.root, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        env=environment()
        | {"TMPDIR": tempfile.gettempdir(), "UV": str(uv), "PYTHONPATH": str(CI)},
    )  # fmt: skip
    try:
        wait()
        gate.send_signal(signal.SIGINT)
        return gate.wait(timeout=60)
    finally:
        gate.kill()
        gate.wait()
