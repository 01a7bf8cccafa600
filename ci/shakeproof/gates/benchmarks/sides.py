"""Two revisions, each in a folder and an environment of its own.

The base is a git worktree. HEAD is a copy of the working tree, whatever is not committed included, so that nobody's
typing changes what is being measured. Both lie side by side under names of equal length, with environments made in the
same way: where code lies and what is in the environment can move a time as much as a change does (T. Mytkowicz et al.,
"Producing wrong data without doing anything obviously wrong!", ASPLOS 2009). HEAD's benchmarks replace the base's.

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
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from shakeproof.errors import ShakeproofError
from shakeproof.gates.benchmarks.processes import Side
from shakeproof.messages import headline, mask

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from shakeproof.gates.benchmarks.settings import Settings

INSTALL_SECONDS: Final = 900.0
MAIN: Final = ("origin/HEAD", "main", "origin/main", "master", "origin/master")
SHORT: Final = 12
BIN: Final = "Scripts" if os.name == "nt" else "bin"


@dataclass(frozen=True)
class Repository:
    """Where a project lies: `rootdir` is it, or a folder of it."""

    toplevel: Path
    rootdir: Path

    @property
    def inside(self) -> Path:
        """The path of the project in the repository."""
        return self.rootdir.relative_to(self.toplevel)


def repository(rootdir: Path) -> Repository:
    """Find the repository; raise `ShakeproofError` where there is none."""
    top = _git(rootdir, "rev-parse", "--show-toplevel")
    if top is None:
        raise ShakeproofError(
            f"{rootdir} is not in a git repository, so there is no revision to compare with: leave out --against."
        )
    return Repository(Path(top).resolve(), rootdir.resolve())


def base_commit(repo: Repository, revision: str, main: str) -> str:
    """Return the commit to compare with: `revision`, or the merge base with the main branch where that is empty.

    Raises `ShakeproofError` where it does not exist, or is what the working tree holds: to compare a revision with
    itself tells nothing.
    """
    named = revision or _merge_base(repo, main)
    commit = _git(repo.rootdir, "rev-parse", "--verify", "--quiet", f"{named}^{{commit}}")
    if commit is None:
        raise ShakeproofError(
            f"git knows no commit {named!r}: name a revision that exists here (a shallow clone holds few: git fetch "
            "--unshallow)."
        )
    head = _git(repo.rootdir, "rev-parse", "HEAD")
    if commit == head and not _git(repo.rootdir, "status", "--porcelain"):
        raise ShakeproofError(
            f"{revision or 'The merge base with the main branch'} is {commit[:SHORT]}, which is HEAD, and nothing is "
            "changed: to compare a revision with itself tells nothing. Name another one, such as --against HEAD~1."
        )
    return commit


def clean_commit(repo: Repository) -> str:
    """Return HEAD's commit, where the working tree holds that and nothing else; raise `ShakeproofError` elsewhere."""
    commit = _git(repo.rootdir, "rev-parse", "HEAD")
    if commit is None or _git(repo.rootdir, "status", "--porcelain"):
        raise ShakeproofError(
            "The working tree differs from HEAD: commit or stash the changes first."
        )
    return commit


@contextmanager
def two_sides(
    repo: Repository, commit: str, settings: Settings, say: Callable[[str], None]
) -> Iterator[tuple[Side, Side]]:
    """Lend the base - with its own benchmarks, see `take_benchmarks` - and HEAD, both installed.

    Raises `ShakeproofError` where a side cannot be made or does not install.
    """
    root = Path(tempfile.mkdtemp(prefix="shakeproof-sides-")).resolve()
    base, head = root / "base", root / "head"
    try:
        say(f"the base, {commit[:SHORT]}, and HEAD get an environment each")
        _add_worktree(repo, base, commit)
        _copy_working_tree(repo, head)
        yield (
            _installed(f"the base ({commit[:SHORT]})", base, repo.inside, settings),
            _installed("HEAD", head, repo.inside, settings),
        )
    finally:
        _remove(repo, root, base)


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


def _merge_base(repo: Repository, main: str) -> str:
    for branch in (main,) if main else MAIN:
        found = _git(repo.rootdir, "merge-base", "HEAD", branch)
        if found:
            return found
    names = main or ", ".join(MAIN)
    raise ShakeproofError(
        f"HEAD has no merge base with a main branch ({names}): name a revision, such as --against HEAD~1, or the "
        "branch as main in [tool.shakeproof.benchmarks]."
    )


def _add_worktree(repo: Repository, folder: Path, commit: str) -> None:
    quiet = (
        "-c",
        "core.hooksPath=/dev/null",
    )  # what hooks do behind a checkout is not for this one
    add = ("worktree", "add", "--detach", "--force")
    done = _run_git(repo.toplevel, *quiet, *add, str(folder), commit)
    if done.returncode:
        raise ShakeproofError(
            f"git could not check {commit[:SHORT]} out: {headline(mask(done.stderr.strip()))}"
        )


def _copy_working_tree(repo: Repository, folder: Path) -> None:
    """Copy what git tracks or would, as it is now."""
    done = _run_git(
        repo.toplevel, "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--deduplicate"
    )  # fmt: skip
    for name in filter(None, done.stdout.split("\0")):
        source, target = repo.toplevel / name, folder / name
        if source.is_symlink() or source.is_file():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target, follow_symlinks=False)


def _installed(name: str, tree: Path, inside: Path, settings: Settings) -> Side:
    folder = tree / inside
    environment = tree.with_name(f"{tree.name}-env")
    python = environment / BIN / ("python.exe" if os.name == "nt" else "python")
    if not folder.is_dir():
        raise ShakeproofError(f"{name} has no folder {inside}: name a newer revision.")
    uv = shutil.which(os.environ.get("UV") or "uv")
    if uv:
        commands = [
            [uv, "venv", "--quiet", "--python", sys.executable, str(environment)],
            [uv, "pip", "install", "--quiet", "--python", str(python), *settings.install],
        ]
    else:
        pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        commands = [
            [sys.executable, "-m", "venv", str(environment)],
            [*pip, "--upgrade", "pip>=25.1"],  # the first that knows --group
            [*pip, *settings.install],
        ]
    for command in commands:
        _install(name, command, folder)
    return Side(name, folder, python, tree.with_name(f"{tree.name}-tmp"))


def _install(name: str, command: list[str], folder: Path) -> None:
    environment = {key: value for key, value in os.environ.items() if key != "VIRTUAL_ENV"}
    try:
        done = subprocess.run(
            command, cwd=folder, env=environment, capture_output=True, text=True,
            errors="replace", check=False, timeout=INSTALL_SECONDS, stdin=subprocess.DEVNULL,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ShakeproofError(f"{name} does not install ({error}): try again.") from error
    if done.returncode:
        said = " ".join((done.stderr or done.stdout).split())
        raise ShakeproofError(
            f"{name} does not install, so nothing can be compared with it: name another revision, or mend 'install' in "
            f"[tool.shakeproof.benchmarks]. ({headline(mask(said), 300)})"
        )


def _remove(repo: Repository, root: Path, base: Path) -> None:
    with _undisturbed():
        if base.exists():
            _run_git(repo.toplevel, "worktree", "remove", "--force", "--force", str(base))
        shutil.rmtree(root, ignore_errors=True)


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Let a second Ctrl-C wait: it must not end this half way."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {each: signal.signal(each, signal.SIG_IGN) for each in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


def _git(folder: Path, *arguments: str) -> str | None:
    """Return what git says, or None where it has nothing to say or objects."""
    done = _run_git(folder, *arguments)
    return done.stdout.strip() or None if done.returncode == 0 else None


def _run_git(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(
            ["git", "-C", str(folder), *arguments],  # noqa: S607 - whichever git the user has
            # Run by a hook of git, those would speak of another repository.
            env={key: value for key, value in os.environ.items() if not key.startswith("GIT_")},
            capture_output=True, text=True, check=False, start_new_session=True,
            stdin=subprocess.DEVNULL,
        )  # fmt: skip
    except FileNotFoundError as error:
        raise ShakeproofError("git is not installed, and --against needs it.") from error
