"""What tests do to the process they run in, and what happens to the laboratory, hurts nobody else."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import psutil  # type: ignore[import-untyped]
import pytest
from laboratory import ended, experiment, ran, seen, statuses, write

from shakeproof.lab.fork import ForkUnsafeError
from shakeproof.lab.templates import Template

pytestmark = pytest.mark.usefixtures("no_outer_run")

CI = Path(__file__).parents[1]
AT_MOST = 60  # seconds that a process may take before it counts as hanging


HOSTILE = {
    "changes_directory": "os.chdir('/')",
    "closes_stdout": "os.close(1); sys.stdout.close()",
    "closes_everything": "os.closerange(0, 4096)",
    "lets_its_child_return": "os.fork()",
    "starts_a_thread": "threading.Thread(target=threading.Event().wait, daemon=True).start()",
    "deletes_the_temporary_folder": "shutil.rmtree(tempfile.gettempdir())",
    "exits": "sys.exit(3)",
    "prints": "print('OUTPUT'); os.write(2, b'OUTPUT'); sys.__stderr__.write('OUTPUT')",
    "ends_without_a_word": "os._exit(0)",
    "segfaults": "import ctypes; ctypes.string_at(0)",
    "kills_itself": "os.kill(os.getpid(), signal.SIGKILL)",
    "interrupts": "raise KeyboardInterrupt",
    "ends_the_run": "pytest.exit('enough')",
    "leaves_its_group": "os.setsid() if os.getpid() != os.getpgrp() else None",
}


def _hostile_suite() -> str:
    head = "import os, shutil, signal, sys, tempfile, threading\nimport pytest\n"
    bodies = "".join(f"def test_{name}():\n    {body}\n" for name, body in HOSTILE.items())
    return f"{head}{bodies}def test_last(tmp_path):\n    (tmp_path / 'x').touch()\n"


def test_what_a_test_does_to_its_process_ends_as_in_a_fresh_process(tmp_path: Path) -> None:
    """The tests behind it have their turn, or not, as there; and no other fork is touched."""
    project = write(tmp_path, {"test_it.py": _hostile_suite()})
    orders = [[f"test_it.py::test_{name}", "test_it.py::test_last"] for name in HOSTILE]
    with project.fork() as lab:
        forked = {run.order[0]: seen(run) for run in lab.run([experiment(each) for each in orders])}
        after = ran(lab, "test_it.py::test_last")
        log = lab._templates[0].log.read_text(encoding="utf-8")

    fresh = {run.order[0]: seen(run) for run in project.fresh(*orders)}
    assert {test: _without_numbers(told) for test, told in forked.items()} == {
        test: _without_numbers(told) for test, told in fresh.items()
    }
    assert statuses(after) == {"test_last": "passed"}
    assert "OUTPUT" not in log
    assert "Fatal Python error" not in log


def _without_numbers(seen_by_test: object) -> str:
    """Leave out what differs from process to process: paths and addresses."""
    return re.sub(r"/\S+|0x[0-9a-f]+", "...", repr(seen_by_test))


KEPT = """
    import gc
    import os
    import sys
    import tempfile
    from sys import stdout

    class Kept:
        pass

    HOLDER = {"it": Kept()}

    def say(text, file=sys.stdout):
        print(text, file=file)

    def test_writes_to_the_output_of_the_import():
        say("hello")
        stdout.flush()

    def test_writes_again(capfd):
        say("hello")
        print("there")
        assert capfd.readouterr().out == "there\\n"

    def test_looks_for_objects():
        assert any(each is HOLDER for each in gc.get_referrers(HOLDER["it"]))
        assert any(isinstance(each, Kept) for each in gc.get_objects())

    def test_keeps_its_folder_without_the_environment(monkeypatch):
        before = tempfile.gettempdir()
        monkeypatch.setattr(os, "environ", {})
        assert tempfile.gettempdir() == before
    """


@pytest.mark.parametrize("capture", ["fd", "sys", "no", "tee-sys"])
def test_what_was_kept_on_import_is_there_in_every_fork(capture: str, tmp_path: Path) -> None:
    """The output, the objects that the collector knows, and where temporary files go."""
    project = write(tmp_path, {"test_it.py": KEPT}, f"--capture={capture}")
    with project.fork() as lab:
        forked = [seen(ran(lab)), seen(ran(lab))]

    (fresh,) = project.fresh(None)
    assert forked == [seen(fresh)] * 2
    assert statuses(fresh)["test_writes_to_the_output_of_the_import"] == "passed"


def test_a_test_that_never_ends_is_ended(tmp_path: Path) -> None:
    """Even one that ignores SIGTERM; those behind it have no turn."""
    endless = """
        import signal, threading
        def test_hangs():
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            threading.Event().wait()
        def test_next(): pass
        """
    with write(tmp_path, {"test_it.py": endless}, timeout=1.0).fork() as lab:
        assert statuses(ran(lab)) == {"test_hangs": "hang", "test_next": "not run"}
        assert statuses(ran(lab, "test_it.py::test_next")) == {"test_next": "passed"}


def test_each_fork_has_its_own_temporary_folders_and_cache(tmp_path: Path) -> None:
    project = write(
        tmp_path,
        {
            "test_it.py": """
                import os, tempfile
                from pathlib import Path

                def test_places(tmp_path_factory, tmp_path, request):
                    found = request.config.cache.get("seen", "nothing")
                    request.config.cache.set("seen", "something")
                    base = tmp_path_factory.getbasetemp()
                    inside = Path(tempfile.gettempdir()) in base.parents
                    assert False, [found, inside, os.environ["TMPDIR"], str(base)]
                """
        },
        "--basetemp=elsewhere",
    )
    with project.fork() as lab:
        messages = [ran(lab).outcomes[0].message for _ in range(2)]

    assert all("['nothing', True, '" in message for message in messages)
    assert messages[0] != messages[1]
    assert not (project.rootdir / "elsewhere").exists()


CHILDREN = """
    import os, subprocess, sys
    SLEEP = [sys.executable, "-c", "import signal; signal.pause()"]

    def test_near():
        child = subprocess.Popen(SLEEP)
        assert False, child.pid

    def test_far():
        child = subprocess.Popen(SLEEP, start_new_session=True)
        assert False, child.pid
    """


def _pid(message: str) -> int:
    (found,) = re.findall(r"AssertionError: (\d+)", message)
    return int(found)


def _is_gone(process: int) -> bool:
    """Tell whether a process has ended; one that was killed takes a moment."""
    try:
        psutil.wait_procs([psutil.Process(process)], timeout=AT_MOST)
        return bool(psutil.Process(process).status() == psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return True


def test_what_a_test_started_ends_with_its_run(tmp_path: Path) -> None:
    """At once what stayed in its process group; with the laboratory what started a session of its own."""
    with write(tmp_path, {"test_it.py": CHILDREN}).fork() as lab:
        near, far = (_pid(each.message) for each in ran(lab).outcomes)
        assert _is_gone(near)

    assert _is_gone(far)


def test_leaving_removes_every_process_and_folder(tmp_path: Path) -> None:
    """By an exception too, while tests are running."""
    endless = {"test_it.py": "import threading\ndef test_it(): threading.Event().wait()"}
    me = psutil.Process()
    lab = write(tmp_path, endless).fork()
    with pytest.raises(ZeroDivisionError), lab:  # noqa: PT012  (what is left behind is the point)
        lab._ask(lab._tree_of(experiment()))
        while not any(fork.record.running for fork in lab._requests[1].forks):
            list(lab._listen())
        below = [child for child in me.children(recursive=True) if child.is_running()]
        _ = 1 / 0

    assert len(below) >= 3  # guardian, template, fork
    assert all(_is_gone(child.pid) for child in below)
    assert not lab._folder.exists()


KILLED = """
    import signal, sys
    sys.path[:0] = [{ci!r}, {tests!r}]
    from pathlib import Path
    from laboratory import Project, experiment
    project = Project(Path({rootdir!r}), Path({logs!r}))
    if {fork}:
        with project.fork() as lab:
            list(lab.run([experiment()]))
    else:
        project.fresh(None)
    """


@pytest.mark.parametrize("lab", ["fork", "fresh"])
def test_killing_the_controller_leaves_no_process_and_no_folder(
    lab: str,
    tmp_path: Path,
) -> None:
    """By SIGKILL, which it cannot see coming; nor those processes that have left the session."""
    os.mkfifo(tmp_path / "pids")
    project = write(
        tmp_path,
        {
            "test_it.py": f"""
                import os, subprocess, sys
                SLEEP = [sys.executable, "-c", "import signal; signal.pause()"]

                def test_it():
                    far = subprocess.Popen(SLEEP, start_new_session=True)
                    with open({str(tmp_path / "pids")!r}, "w") as pids:
                        pids.write(f"{{os.environ['TMPDIR']}} {{os.getpid()}} {{os.getppid()}} {{far.pid}}")
                    far.wait()
                """
        },
    )
    source = KILLED.format(
        ci=str(CI),
        tests=str(CI / "tests"),
        rootdir=str(project.rootdir),
        logs=str(project.logs),
        fork=lab == "fork",
    )
    code = "\n".join(line[4:] for line in source.splitlines())
    with subprocess.Popen([sys.executable, "-c", code]) as controller:
        folder, *pids = (tmp_path / "pids").read_text("utf-8").split()
        running = [psutil.Process(int(pid)) for pid in pids if int(pid) != controller.pid]
        (guardian,) = (
            each
            for each in psutil.Process(controller.pid).children()
            if "guardian.py" in " ".join(each.cmdline())
        )
        controller.send_signal(signal.SIGKILL)

    _, alive = psutil.wait_procs([*running, guardian], timeout=AT_MOST)
    assert [each for each in alive if not _is_gone(each.pid)] == []
    assert not Path(folder).exists()


def test_a_template_that_dies_is_noticed(tmp_path: Path) -> None:
    source = "import os, signal\ndef test_it(): os.kill(os.getppid(), signal.SIGKILL)"
    with (
        write(tmp_path, {"test_it.py": source}).fork() as lab,
        pytest.raises(ForkUnsafeError, match="had collected ended"),
    ):
        ran(lab)


def test_a_template_that_nobody_can_ask_any_more_says_where_to_look(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with subprocess.Popen([sys.executable, "-S", "-c", ""]) as ended_by_itself:
        template = Template(0, ended_by_itself, writing, tmp_path / "template.log")
        try:
            with pytest.raises(ForkUnsafeError, match=f"ended; see {template.log}"):
                template.ask({"tests": []})
        finally:
            os.close(writing)


def test_a_fork_that_begins_when_nobody_waits_any_more_is_killed(tmp_path: Path) -> None:
    """Its request was taken back while it was being made."""
    endless = [sys.executable, "-S", "-c", "import signal; signal.pause()"]
    with (
        write(tmp_path, {"test_it.py": "def test_a(): pass"}).fork() as lab,
        subprocess.Popen(endless, start_new_session=True) as late,
    ):
        try:
            assert not list(lab._hear((99,), {"event": "begin", "process": late.pid}))
            assert late.wait(AT_MOST) == -signal.SIGKILL
        finally:
            late.kill()


def test_what_nobody_waits_for_is_not_told_to_the_next_who_asks(tmp_path: Path) -> None:
    source = "import threading\ndef test_a(): pass\ndef test_b(): threading.Event().wait()"
    with write(tmp_path, {"test_it.py": source}).fork() as lab:
        runs = lab.run([experiment([f"test_it.py::test_{name}"]) for name in "ab"])
        assert statuses(next(runs)) == {"test_a": "passed"}
        runs.close()  # type: ignore[attr-defined]
        assert statuses(ran(lab, "test_it.py::test_a")) == {"test_a": "passed"}


def test_neither_size_nor_number_loses_a_result(tmp_path: Path) -> None:
    """Ids, messages and a collection larger than a datagram."""
    project = write(
        tmp_path,
        {
            "test_it.py": """
                import pytest

                @pytest.mark.parametrize("word", ["x"], ids=["x" * 300_000])
                def test_long(word):
                    pytest.fail("y" * 1_000_000)

                @pytest.mark.parametrize("number", range(1000))
                def test_many(number):
                    pass
                """
        },
    )
    with project.fork() as lab:
        whole = ran(lab)
        many = [(test,) for test in whole.collected[1:4]]
        branches = ended(lab, whole.collected[-1:], *many)

    assert [str(each.status) for each in whole.outcomes] == ["failed", *["passed"] * 1000]
    assert len(whole.outcomes[0].test) > 300_000
    assert whole.outcomes[0].message.startswith("Failed: yyy")
    assert [run.order for run in branches] == many


def test_parting_from_the_logs_warns_no_test(tmp_path: Path) -> None:
    """In a suite for which every warning is an error, what a fork closes on its way in is no test's error."""
    strict = {
        "pytest.ini": "[pytest]\nfilterwarnings = error\n",
        "test_it.py": "def test_first(): pass\ndef test_second(): pass",
    }
    with write(tmp_path, strict).fork() as lab:
        alone = [statuses(ran(lab, f"test_it.py::test_{name}")) for name in ("first", "second")]
        together = statuses(ran(lab))

    assert alone == [{"test_first": "passed"}, {"test_second": "passed"}]
    assert together == {"test_first": "passed", "test_second": "passed"}


def test_a_temporary_folder_with_too_long_a_name_is_a_reason_not_to_fork(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The name of a socket has about a hundred characters; fresh processes do without one."""
    deep = tmp_path / ("x" * 100)
    deep.mkdir()
    monkeypatch.setattr("shakeproof.lab.fork.IN_MEMORY", tmp_path / "none")
    monkeypatch.setattr("tempfile.tempdir", str(deep))
    project = write(tmp_path, {"test_it.py": "def test_a(): pass"})

    with pytest.raises(ForkUnsafeError, match="no socket can be made at"), project.fork():
        pass

    assert list(deep.iterdir()) == []
