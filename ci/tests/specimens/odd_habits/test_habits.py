"""What tests do to their process, and leave so: none of it is any other test's business here."""

import contextlib
import os
import signal
import subprocess
import sys
import threading


def test_changes_directory(tmp_path):
    os.chdir(tmp_path)


def test_changes_into_a_folder_that_is_gone(tmp_path):
    gone = tmp_path / "gone"
    gone.mkdir()
    os.chdir(gone)
    gone.rmdir()


def test_closes_standard_output():
    with contextlib.suppress(OSError):  # the second time there is nothing left to close
        os.close(1)


def test_prints():
    print("said")
    print("complained", file=sys.stderr)


def test_starts_a_daemon_thread():
    threading.Thread(target=threading.Event().wait, daemon=True).start()


def test_forks():
    child = os.fork()
    if child == 0:
        os._exit(3)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 3


def test_forks_and_forgets():
    if os.fork() == 0:
        signal.pause()


def test_starts_a_program_and_forgets():
    subprocess.Popen([sys.executable, "-S", "-c", "import signal; signal.pause()"])


def test_leaves_a_signal_handler():
    signal.signal(signal.SIGUSR1, signal.SIG_IGN)


def test_minds_its_own_business(tmp_path, capfd):
    (tmp_path / "file").write_text("text")
    os.write(2, b"said")
    assert capfd.readouterr().err == "said"
