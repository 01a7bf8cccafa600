"""Which revision is compared with the working tree."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from shakeproof.errors import ShakeproofError
from shakeproof.gates import git

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

SHORT: Final = 12


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
    top = git.toplevel(rootdir)
    if top is None:
        raise ShakeproofError(
            f"{rootdir} is not in a git repository, so there is no revision to compare with: leave out --against."
        )
    return Repository(top.resolve(), rootdir.resolve())


def base_commit(repo: Repository, revision: str, main: str, own: Sequence[Path] = ()) -> str:
    """Return the commit to compare with: `revision`, or the merge base with the main branch where that is empty.

    Raises `ShakeproofError` where it does not exist, or holds what the working tree does, new files below `own` apart
    (the gate's reports): to compare a revision with itself tells nothing.
    """
    commit = git.commit(repo.rootdir, revision) if revision else _merge_base(repo, main)
    if commit is None:
        raise ShakeproofError(
            f"git knows no commit {revision!r}: name a revision that exists here (a shallow clone holds few: git fetch "
            "--unshallow)."
        )
    if _same(repo, commit, own):
        raise ShakeproofError(
            f"{revision or 'The merge base with the main branch'} is {commit[:SHORT]}, and the working tree holds the "
            "same: to compare a revision with itself tells nothing. Name another one, such as --against HEAD~1."
        )
    return commit


def clean_commit(repo: Repository) -> str:
    """Return HEAD's commit, where the working tree holds that and nothing else; raise `ShakeproofError` elsewhere."""
    commit = git.head(repo.rootdir)
    if not _same(repo, commit, ()):
        raise ShakeproofError(
            "The working tree differs from HEAD: commit or stash the changes first."
        )
    return commit


def listed(folder: Path, *which: str) -> list[str]:
    """List files that git knows in a folder, by their paths below it; raise `ShakeproofError` where it cannot."""
    return [name for name in git.ask(folder, "ls-files", "-z", *which).split("\0") if name]


def _merge_base(repo: Repository, main: str) -> str:
    found = git.merge_base(repo.rootdir, main)
    if found is None:
        names = main or ", ".join(git.MAIN)
        raise ShakeproofError(
            f"HEAD has no merge base with a main branch ({names}): name a revision, such as --against HEAD~1, or the "
            "branch as main in [tool.shakeproof.benchmarks]."
        )
    return found


def _same(repo: Repository, commit: str, own: Sequence[Path]) -> bool:
    """Whether the working tree holds what a commit does, whatever that is called."""
    if git.run(repo.toplevel, "diff", "--quiet", commit, "--").status:
        return False
    new = (repo.toplevel / name for name in listed(repo.toplevel, "--others", "--exclude-standard"))
    return all(any(path.is_relative_to(each) for each in own) for path in new)
