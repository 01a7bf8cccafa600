"""The one place that asks git (effects).

What git answers and what it cannot answer are two things. Only where git itself finds no repository, up to the root of
the file system, is there none; whatever else goes wrong is an error in git's own words, and never an empty answer.

git runs without the variables by which a hook would make it speak of another repository, in a session of its own, so
that Ctrl-C does not end it half way, and in English, so that its answers can be told apart.
"""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from shakeproof.errors import ShakeproofError
from shakeproof.messages import headline, mask

# Where the main branch is looked for, unless somebody says what it is called: what was fetched comes first, because a
# local branch may be old.
MAIN: Final = ("origin/HEAD", "origin/main", "main", "origin/master", "master")
# What says where this machine keeps its settings, and how far up git may look: no hook sets these.
KEPT: Final = frozenset(
    {
        "GIT_CEILING_DIRECTORIES",
        "GIT_CONFIG_GLOBAL",
        "GIT_CONFIG_NOSYSTEM",
        "GIT_CONFIG_SYSTEM",
        "GIT_DISCOVERY_ACROSS_FILESYSTEM",
    }
)
NONE_FOUND: Final = "not a git repository (or any"  # with a path instead, a link to one is broken
UNTRUSTED: Final = "dubious ownership"
NOTHING_IN_COMMON: Final = 1  # exit status of git merge-base; others are errors
LENGTH: Final = 300  # of git's own words in a message


@dataclass(frozen=True)
class Done:
    """What git said, and its exit status. Names of files that are no UTF-8 are as `os.fsdecode` gives them."""

    status: int
    out: str
    err: str

    @property
    def words(self) -> str:
        """The objection in one line, without secrets: what ended git, before what it warned of on the way."""
        lines = self.err.strip().splitlines() or [f"exit status {self.status}"]
        ended = next((line for line in lines if line.startswith("fatal: ")), lines[0])
        return headline(mask(ended), LENGTH)


def run(folder: Path, *arguments: str) -> Done:
    """Run git in a folder to its end, whatever that is; raise ShakeproofError where there is no git to run."""
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), *arguments],  # noqa: S607 - whichever git the user's path has
            env=_environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            start_new_session=True,
        )
    except FileNotFoundError as error:
        raise ShakeproofError(
            "git is not installed, and this needs it: install it, or put it on the PATH."
        ) from error
    except OSError as error:
        raise ShakeproofError(
            f"git cannot be started ({error.strerror}): mend its installation."
        ) from error
    # Not by subprocess, which would take a carriage return for the end of a line.
    return Done(done.returncode, os.fsdecode(done.stdout), done.stderr.decode("utf-8", "replace"))


def ask(folder: Path, *arguments: str) -> str:
    """Return what git prints; raise ShakeproofError with its own words where it objects."""
    done = run(folder, *arguments)
    if done.status:
        raise objection(done, folder)
    return done.out


def objection(done: Done, folder: Path) -> ShakeproofError:
    """Turn what git objected into one sentence for the person who has to mend it."""
    if UNTRUSTED in done.err:
        return ShakeproofError(
            f"git does not trust the repository of {folder}, because it belongs to another user: hand it over with "
            f"chown, or say `git config --global --add safe.directory REPOSITORY`. ({done.words})"
        )
    if NONE_FOUND in done.err:
        return ShakeproofError(f"{folder} is not in a git repository. ({done.words})")
    return ShakeproofError(f"git could not answer in {folder}: {done.words}")


def toplevel(folder: Path) -> Path | None:
    """Return the root of the repository's working tree; None where git finds no repository.

    Raises ShakeproofError where there is one that git cannot or will not read.
    """
    done = run(folder, "rev-parse", "--show-toplevel")
    if not done.status:
        return Path(done.out.removesuffix("\n"))
    if NONE_FOUND in done.err and not os.path.lexists(folder / ".git"):
        return None
    raise objection(done, folder)


def commit(folder: Path, revision: str) -> str | None:
    """Return the full name of the commit that a revision stands for; None where there is none in this repository.

    Raises ShakeproofError where the repository cannot be read.
    """
    done = run(folder, "rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}")
    if not done.status:
        return done.out.strip()
    ask(folder, "rev-parse", "--git-dir")  # git may object to more than the name
    return None


def head(folder: Path) -> str:
    """Return the commit that is checked out; raise ShakeproofError where there is none yet, or no repository."""
    found = commit(folder, "HEAD")
    if found is None:
        raise ShakeproofError(
            f"The repository of {folder} has no commit yet, so there is nothing to compare with: commit first."
        )
    return found


def parted(folder: Path, revision: str) -> str | None:
    """Return the commit at which HEAD left a revision; None where the two have none in common.

    Raises ShakeproofError where git cannot tell, or knows no such revision.
    """
    done = run(folder, "merge-base", revision, head(folder))
    if done.status == NOTHING_IN_COMMON:
        return None
    if done.status:
        raise objection(done, folder)
    return done.out.split()[0]


def merge_base(folder: Path, main: str = "") -> str | None:
    """Return the commit at which HEAD left the main branch; None where there is none that git knows.

    `main` is what the branch is called, looked for as last fetched from origin and then here; unnamed, it is the first
    of `MAIN` with which HEAD has a commit in common. Raises ShakeproofError where git cannot tell.
    """
    head(folder)  # without one no branch is worth asking about
    for name in (f"origin/{main}", main) if main else MAIN:
        found = _branch(folder, name)
        base = found and parted(folder, found)
        if base:
            return base
    return None


def _branch(folder: Path, name: str) -> str | None:
    """Find a branch by its short name, before anything else that is called so."""
    for full in (f"refs/remotes/{name}", f"refs/heads/{name}", name):
        found = commit(folder, full)
        if found:
            return found
    return None


def _environment() -> dict[str, str]:
    ours = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("GIT_") or name in KEPT
    }
    return {**ours, "LC_ALL": "C"}
