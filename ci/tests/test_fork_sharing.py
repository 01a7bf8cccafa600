"""What forks of one process would share, each has for itself, or is not forked at all."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from laboratory import ended, experiment, ran, seen, statuses, write

from shakeproof.lab.fork import ForkUnsafeError

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.usefixtures("no_outer_run")

LINES = """
    import os
    import tempfile
    from pathlib import Path
    import pytest

    LINES = Path(__file__).with_name("lines")
    OPEN = os.open(LINES, os.O_RDONLY)
    TWIN = os.dup(OPEN)
    WITHOUT_NAME = tempfile.TemporaryFile(buffering=0)
    LEFT = {}

    def test_leaves_them_open():
        LEFT["named"] = open(LINES)
        LEFT["without name"] = tempfile.TemporaryFile(buffering=0)

    @pytest.mark.parametrize("time", range(3))
    def test_reads_on_at_import(time):
        assert (os.read(OPEN, 2), os.read(TWIN, 2)) == (b"1\\n", b"2\\n")

    @pytest.mark.parametrize("time", range(3))
    def test_writes_at_import(time):
        WITHOUT_NAME.write(b"it")
        WITHOUT_NAME.seek(0)
        assert WITHOUT_NAME.read() == b"it"

    @pytest.mark.parametrize("time", range(3))
    def test_reads_on(time):
        assert LEFT["named"].readline() == "1\\n"

    @pytest.mark.parametrize("time", range(3))
    def test_writes(time):
        LEFT["without name"].write(b"it")
        LEFT["without name"].seek(0)
        assert LEFT["without name"].read() == b"it"
    """


@pytest.mark.parametrize(
    ("stem", "test"),
    [
        ((), "test_reads_on_at_import"),
        ((), "test_writes_at_import"),
        (("test_leaves_them_open",), "test_reads_on_at_import"),
        (("test_leaves_them_open",), "test_writes_at_import"),
        (("test_leaves_them_open",), "test_reads_on"),
        (("test_leaves_them_open",), "test_writes"),
    ],
)
def test_a_file_left_open_is_read_on_by_each_ending_from_where_its_stem_stopped(
    stem: tuple[str, ...], test: str, tmp_path: Path
) -> None:
    """One descriptor and its copy stay one; what was written to a file without a name is nobody else's."""
    before = [f"test_it.py::{each}" for each in stem]
    endings = [[f"test_it.py::{test}[{time}]"] for time in range(3)]
    files = {"test_it.py": LINES, "lines": "1\n2\n3\n4\n5\n6\n"}
    with write(tmp_path, files).fork() as lab:
        runs = ended(lab, before, *endings)

    assert [str(run.outcomes[0].status) for run in runs] == ["passed"] * 3


PIPE = """
    import os, pytest
    LEFT = []

    def test_writes():
        LEFT.extend(os.pipe())
        os.write(LEFT[1], b"x")

    @pytest.mark.parametrize("time", range(2))
    def test_reads(time):
        os.set_blocking(LEFT[0], False)
        assert os.read(LEFT[0], 1) == b"x"
    """
LOCK = """
    import fcntl, pytest
    LEFT = []

    def test_locks():
        LEFT.append(open(FILE))
        fcntl.flock(LEFT[0], fcntl.LOCK_EX)

    @pytest.mark.parametrize("time", range(2))
    def test_releases(time):
        fcntl.flock(LEFT[0], fcntl.LOCK_UN)
        with open(FILE) as again:
            fcntl.flock(again, fcntl.LOCK_EX | fcntl.LOCK_NB)
    """
MEMORY = """
    import mmap, pytest
    from multiprocessing import shared_memory
    MAPPED = {}

    def test_maps():
        MAPPED["anonymous"] = mmap.mmap(-1, 4096)
        MAPPED["file"] = mmap.mmap(open(FILE, "r+b").fileno(), 2)
        MAPPED["named"] = shared_memory.SharedMemory(create=True, size=10).buf

    @pytest.mark.parametrize("time", range(2))
    def test_counts(time):
        for memory in MAPPED.values():
            assert memory[0] == 0
            memory[0] += 1
    """


@pytest.mark.parametrize(
    ("suite", "stem", "ending"),
    [(PIPE, "writes", "reads"), (LOCK, "locks", "releases"), (MEMORY, "maps", "counts")],
    ids=["a pipe", "a lock", "memory"],
)
def test_behind_what_forks_would_share_each_ending_has_a_stem_of_its_own(
    suite: str, stem: str, ending: str, tmp_path: Path
) -> None:
    file = f"FILE = {str(tmp_path / 'two')!r}\n"
    head = "import pathlib, pytest\n"
    wipes = "pathlib.Path(FILE).write_bytes(bytes(2))"
    conftest = f"{head}{file}@pytest.fixture(autouse=True, scope='session')\ndef _(): {wipes}\n"
    suite = suite.replace("FILE", repr(str(tmp_path / "two")))
    with write(tmp_path, {"test_it.py": suite, "conftest.py": conftest}).fork(jobs=1) as lab:
        runs = ended(
            lab,
            [f"test_it.py::test_{stem}"],
            *[[f"test_it.py::test_{ending}[{n}]"] for n in (0, 1)],
        )

    assert [seen(run)[0][1:] for run in runs] == [("passed", "")] * 2


@pytest.mark.parametrize(
    ("source", "named"),
    [
        ("import mmap; IT = mmap.mmap(-1, 4096)", "/dev/zero"),
        (
            "from multiprocessing import shared_memory as m; IT = m.SharedMemory(create=True, size=9)",
            "psm_",
        ),
        ("import multiprocessing; IT = multiprocessing.Value('i')", "pym-"),
    ],
    ids=["anonymous", "named", "a value"],
)
def test_memory_that_forks_would_share_is_not_forked(
    source: str, named: str, tmp_path: Path
) -> None:
    project = write(tmp_path, {"test_it.py": f"{source}\ndef test_it(): pass"})
    sentence = f"memory that forks would share is mapped .*{named}"

    with pytest.raises(ForkUnsafeError, match=sentence), project.fork():
        pass


@pytest.mark.parametrize(
    "source",
    [
        "import multiprocessing; IT = multiprocessing.Lock()",
        "import mmap; FILE = open(__file__, 'r+b'); IT = mmap.mmap(FILE.fileno(), 0)",
        "import mmap; IT = mmap.mmap(-1, 4096, flags=mmap.MAP_PRIVATE)",
    ],
    ids=["a lock", "a file of the project", "private"],
)
def test_what_is_mapped_and_no_way_from_fork_to_fork_is_forked(source: str, tmp_path: Path) -> None:
    """Through a file of the project fresh processes would meet as well; and a lock is free where nobody holds it."""
    project = write(tmp_path, {"test_it.py": f"{source}\ndef test_it(): pass"})

    with project.fork() as lab:
        assert statuses(ran(lab)) == {"test_it": "passed"}


LOOP = """
    import asyncio
    import os
    import pytest

    LOOP = asyncio.new_event_loop()

    def _waits_for_a_thread():
        for _ in range(200):
            LOOP.run_until_complete(LOOP.run_in_executor(None, int))

    @pytest.mark.parametrize("time", range(2))
    def test_waits_for_a_thread(time):
        _waits_for_a_thread()

    def test_closes():
        LOOP.close()

    def test_begins():
        LOOP.run_until_complete(asyncio.sleep(0))

    def test_reads_what_the_others_say():
        reading, writing = os.pipe()
        heard = LOOP.create_future()
        LOOP.add_reader(reading, lambda: heard.done() or heard.set_result(os.read(reading, 1)))
        os.write(writing, b"x")
        assert LOOP.run_until_complete(heard) == b"x"
        _waits_for_a_thread()
    """


def test_an_event_loop_made_at_import_wakes_the_fork_that_was_called(tmp_path: Path) -> None:
    """Forks that run at the same time would wait in one kernel object, and take each other's calls."""
    with write(tmp_path, {"test_it.py": LOOP}, timeout=10.0).fork(jobs=2) as lab:
        runs = list(lab.run([experiment(lab.collected[:2])] * 2))

    assert [[each.message for each in run.outcomes] for run in runs] == [["", ""]] * 2


@pytest.mark.parametrize("stem", [(), ("test_begins",)], ids=["none", "a test"])
def test_an_event_loop_closed_by_one_ending_is_open_for_the_next(
    stem: tuple[str, ...], tmp_path: Path
) -> None:
    before = [f"test_it.py::{each}" for each in stem]
    endings = [["closes"], ["reads_what_the_others_say"], ["waits_for_a_thread[0]"]]
    with write(tmp_path, {"test_it.py": LOOP}, timeout=10.0).fork(jobs=1) as lab:
        found = ended(
            lab, before, *[[f"test_it.py::test_{name}" for name in each] for each in endings]
        )

    assert [run.outcomes[0].message for run in found] == ["", "", ""]


def test_an_event_loop_that_waits_for_more_than_its_own_calls_is_not_forked(tmp_path: Path) -> None:
    source = """
        import os, select
        READING, WRITING = os.pipe()
        LOOP = select.epoll()
        LOOP.register(READING)
        def test_it(): pass
        """
    project = write(tmp_path, {"test_it.py": source})

    with pytest.raises(ForkUnsafeError, match="an event loop is waiting"), project.fork():
        pass


LAST_WORDS = """
    import os
    import pytest

    def test_begins():
        pass

    def test_dies():
        os.write(2, b"LAST WORDS")
        os._exit(3)

    def test_is_captured(request):
        assert request.node._report_sections == []
    """


@pytest.mark.parametrize("stem", [(), ("test_it.py::test_begins",)], ids=["none", "a test"])
def test_the_last_words_of_one_ending_are_not_captured_by_the_next(
    stem: tuple[str, ...], tmp_path: Path
) -> None:
    with write(tmp_path, {"test_it.py": LAST_WORDS}).fork(jobs=1) as lab:
        dies, captured = ended(
            lab, stem, ["test_it.py::test_dies"], ["test_it.py::test_is_captured"]
        )

    assert statuses(dies) == {"test_dies": "crash"}
    assert captured.outcomes[0].message == ""


def _without(name: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the interpreters that are started from now on lack a function of `os`."""
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(f"import os\ndel os.{name}\n", encoding="utf-8")
    monkeypatch.setenv("PYTHONPATH", str(folder))


def test_a_python_without_files_in_memory_copies_to_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Python has that function only where it was built on a system that has it."""
    source = """
        import tempfile
        FILE = tempfile.TemporaryFile("w+")
        FILE.write("kept")
        FILE.flush()

        def test_adds():
            FILE.write("more")

        def test_reads():
            FILE.seek(0)
            assert FILE.read() == "kept"
    """
    _without("memfd_create", tmp_path / "site", monkeypatch)
    project = write(tmp_path, {"test_it.py": source})

    with project.fork() as lab:
        runs = [ran(lab, "test_it.py::test_adds"), ran(lab, "test_it.py::test_reads")]

    assert [statuses(run) for run in runs] == [{"test_adds": "passed"}, {"test_reads": "passed"}]


def test_a_python_that_cannot_wait_for_forks_makes_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _without("pidfd_open", tmp_path / "site", monkeypatch)
    project = write(tmp_path, {"test_it.py": "def test_it(): pass"})

    with pytest.raises(ForkUnsafeError, match=r"no os\.pidfd_open"), project.fork():
        pass
