"""Two revisions, each in a folder and an environment of its own, and the first of them twice.

All are git worktrees: the base, the base once more - with which it is compared to see what the machine adds - and HEAD,
over which the working tree is copied, whatever is not committed included, so that nobody's typing changes what is being
measured. They lie side by side under names of equal length, with environments made in the same way: where code lies
and what is in the environment can move a time as much as a change does (T. Mytkowicz et al., "Producing wrong data
without doing anything obviously wrong!", ASPLOS 2009). HEAD's benchmarks replace the base's.

Everything lies in one temporary folder, and is removed whatever happens, Ctrl-C included.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeAlias

from shakeproof.errors import ShakeproofError
from shakeproof.gates import git
from shakeproof.gates.benchmarks.processes import Side
from shakeproof.gates.benchmarks.revisions import SHORT, listed
from shakeproof.messages import headline, mask

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from contextlib import AbstractContextManager
    from types import FrameType

    from shakeproof.gates.benchmarks.plan import Arm
    from shakeproof.gates.benchmarks.revisions import Repository
    from shakeproof.gates.benchmarks.settings import Settings

    Handler: TypeAlias = Callable[[int, FrameType | None], object] | signal.Handlers

INSTALL_SECONDS: Final = 900.0
BIN: Final = "Scripts" if os.name == "nt" else "bin"


@contextmanager
def installed_sides(
    repo: Repository, commit: str, settings: Settings, say: Callable[[str], None]
) -> Iterator[Mapping[Arm, Side]]:
    """Lend the base - with its own benchmarks, see `take_benchmarks` -, HEAD, and the base once more, all installed.

    Raises `ShakeproofError` where a side cannot be made or does not install.
    """
    root = Path(tempfile.mkdtemp(prefix="shakeproof-sides-")).resolve()
    base, head, again = root / "base", root / "head", root / "same"
    name = f"the base ({commit[:SHORT]})"
    try:
        say(f"{name} and HEAD get an environment each, and the base another one")
        for folder, revision in ((base, commit), (head, "HEAD"), (again, commit)):
            _add_worktree(repo, folder, revision)
        _copy_working_tree(repo, head)
        sides: dict[Arm, Side] = {
            "base": _side(name, base, repo.inside),
            "head": _side("HEAD", head, repo.inside),
            "again": _side(name, again, repo.inside),
        }
        for steps in zip(*(_commands(side, settings) for side in sides.values()), strict=True):
            _install(tuple(zip(sides.values(), steps, strict=True)))
        yield sides
    finally:
        _remove(repo, root, (base, head, again))


def take_benchmarks(base: Side, head: Side, settings: Settings) -> None:
    """Put HEAD's benchmarks and their helpers in place of the base's.

    Raises `ShakeproofError` where HEAD lacks one that the settings name.
    """
    for place in (*settings.paths, *settings.helpers):
        source, target = head.folder / place, base.folder / place
        if not source.exists():
            raise ShakeproofError(
                f"HEAD has no {place}, which [tool.shakeproof.benchmarks] names: mend the table."
            )
        if target.is_dir():
            shutil.rmtree(target)
        elif target.exists():
            target.unlink()
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy2(source, target)


def _add_worktree(repo: Repository, folder: Path, commit: str) -> None:
    quiet = (
        "-c",
        "core.hooksPath=/dev/null",
    )  # what hooks do behind a checkout is not for this one
    add = ("worktree", "add", "--detach", "--force")
    done = git.run(repo.toplevel, *quiet, *add, str(folder), commit)
    if done.status:
        raise ShakeproofError(f"git could not check {commit[:SHORT]} out: {done.words}")


def _copy_working_tree(repo: Repository, folder: Path) -> None:
    """Copy what git tracks or would, as it is now, and remove what is gone."""
    now = dict.fromkeys(listed(repo.toplevel, "--cached", "--others", "--exclude-standard"))
    for name in (*listed(folder, "--cached"), *now):
        source, target = repo.toplevel / name, folder / name
        if target.is_symlink() or target.is_file():
            target.unlink()
        if name in now and (source.is_symlink() or source.is_file()):
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target, follow_symlinks=False)


def _side(name: str, tree: Path, inside: Path) -> Side:
    if not (tree / inside).is_dir():
        raise ShakeproofError(f"{name} has no folder {inside}: name a newer revision.")
    python = (
        tree.with_name(f"{tree.name}-env") / BIN / ("python.exe" if os.name == "nt" else "python")
    )
    return Side(name, tree / inside, python, tree.with_name(f"{tree.name}-tmp"))


def _commands(side: Side, settings: Settings) -> list[list[str]]:
    """List what makes the environment of a side and installs what the settings say."""
    environment = str(side.python.parents[1])
    uv = shutil.which(os.environ.get("UV") or "uv")
    if uv:
        return [
            [uv, "venv", "--quiet", "--python", sys.executable, environment],
            [uv, "pip", "install", "--quiet", "--python", str(side.python), *settings.install],
        ]
    pip = [str(side.python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    return [
        [sys.executable, "-m", "venv", environment],
        [*pip, "--upgrade", "pip>=25.1"],  # the first that knows --group
        [*pip, *settings.install],
    ]


def _install(steps: Sequence[tuple[Side, list[str]]]) -> None:
    """Run one command for each side, all at the same time."""
    environment = {key: value for key, value in os.environ.items() if key != "VIRTUAL_ENV"}
    with ExitStack() as stack:
        started = []
        for side, command in steps:
            with _held_back():  # an interrupt between the start and the note of it leaves an orphan
                try:
                    process = subprocess.Popen(
                        command, cwd=side.folder, env=environment, stdin=subprocess.DEVNULL,
                        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace",
                    )  # fmt: skip
                except OSError as error:
                    raise _not_installed(side, str(error)) from error
                stack.enter_context(process)
                stack.callback(process.kill)  # where it still runs, somebody gave up
            started.append((side, process))
        for side, process in started:
            try:
                printed, _ = process.communicate(timeout=INSTALL_SECONDS)
            except subprocess.TimeoutExpired as error:
                raise _not_installed(side, str(error)) from error
            if process.returncode:
                raise _not_installed(side, " ".join(printed.split()))


def _not_installed(side: Side, why: str) -> ShakeproofError:
    return ShakeproofError(
        f"{side.name} does not install, so nothing can be compared: name another revision, or mend 'install' in "
        f"[tool.shakeproof.benchmarks]. ({headline(mask(why), 300)})"
    )


def _remove(repo: Repository, root: Path, worktrees: Sequence[Path]) -> None:
    with _undisturbed():
        for folder in worktrees:
            if folder.exists():
                git.run(repo.toplevel, "worktree", "remove", "--force", "--force", str(folder))
        shutil.rmtree(root, ignore_errors=True)


def _undisturbed() -> AbstractContextManager[None]:
    """Let a second Ctrl-C go by: it must not end this half way."""
    return _handling(signal.SIG_IGN)


@contextmanager
def _held_back() -> Iterator[None]:
    """Let a Ctrl-C wait until this is done, and then have its way."""
    came: list[int] = []
    try:
        with _handling(lambda number, _: came.append(number)):
            yield
    finally:
        for number in came:
            signal.raise_signal(number)


@contextmanager
def _handling(handler: Handler) -> Iterator[None]:
    """Do this with what would end the program."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {each: signal.signal(each, handler) for each in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for each, old in before.items():
            signal.signal(each, old)
