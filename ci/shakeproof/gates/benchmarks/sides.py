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
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from shakeproof.errors import ShakeproofError
from shakeproof.gates.benchmarks.processes import Side
from shakeproof.messages import headline, mask

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from shakeproof.gates.benchmarks.plan import Arm
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


def base_commit(repo: Repository, revision: str, main: str, own: Sequence[Path] = ()) -> str:
    """Return the commit to compare with: `revision`, or the merge base with the main branch where that is empty.

    Raises `ShakeproofError` where it does not exist, or holds what the working tree does, new files below `own` apart
    (the gate's reports): to compare a revision with itself tells nothing.
    """
    named = revision or _merge_base(repo, main)
    commit = _git(repo.rootdir, "rev-parse", "--verify", "--quiet", f"{named}^{{commit}}")
    if commit is None:
        raise ShakeproofError(
            f"git knows no commit {named!r}: name a revision that exists here (a shallow clone holds few: git fetch "
            "--unshallow)."
        )
    if _same(repo, commit, own):
        raise ShakeproofError(
            f"{revision or 'The merge base with the main branch'} is {commit[:SHORT]}, and the working tree holds the "
            "same: to compare a revision with itself tells nothing. Name another one, such as --against HEAD~1."
        )
    return commit


def _same(repo: Repository, commit: str, own: Sequence[Path]) -> bool:
    """Whether the working tree holds what a commit does, whatever that is called."""
    if _run_git(repo.toplevel, "diff", "--quiet", commit, "--").returncode:
        return False
    new = (
        repo.toplevel / name for name in _listed(repo.toplevel, "--others", "--exclude-standard")
    )
    return all(any(path.is_relative_to(each) for each in own) for path in new)


def clean_commit(repo: Repository) -> str:
    """Return HEAD's commit, where the working tree holds that and nothing else; raise `ShakeproofError` elsewhere."""
    commit = _git(repo.rootdir, "rev-parse", "HEAD")
    if commit is None or _git(repo.rootdir, "status", "--porcelain"):
        raise ShakeproofError(
            "The working tree differs from HEAD: commit or stash the changes first."
        )
    return commit


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
    """Copy what git tracks or would, as it is now, and remove what is gone."""
    now = dict.fromkeys(_listed(repo.toplevel, "--cached", "--others", "--exclude-standard"))
    for name in (*_listed(folder, "--cached"), *now):
        source, target = repo.toplevel / name, folder / name
        if target.is_symlink() or target.is_file():
            target.unlink()
        if name in now and (source.is_symlink() or source.is_file()):
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target, follow_symlinks=False)


def _listed(folder: Path, *which: str) -> list[str]:
    """List files that git knows in a folder, by their paths below it; raise `ShakeproofError` where it cannot."""
    done = _run_git(folder, "ls-files", "-z", *which)
    if done.returncode:
        raise ShakeproofError(
            f"git could not list the files of {folder}: {headline(mask(done.stderr.strip()))}"
        )
    return [name for name in done.stdout.split("\0") if name]


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
                _run_git(repo.toplevel, "worktree", "remove", "--force", "--force", str(folder))
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
            capture_output=True, encoding="utf-8", errors="surrogateescape", check=False,
            start_new_session=True,
            stdin=subprocess.DEVNULL,
        )  # fmt: skip
    except FileNotFoundError as error:
        raise ShakeproofError("git is not installed, and --against needs it.") from error
