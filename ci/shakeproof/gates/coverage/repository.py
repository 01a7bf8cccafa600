"""Asking git what changed (effects)."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

from shakeproof.errors import ShakeproofError

if TYPE_CHECKING:
    from pathlib import Path


def merge_base(root: Path, main: str) -> str | None:
    """Return the commit at which HEAD left the main branch, here or as last fetched; None where there is none."""
    for name in (f"refs/remotes/origin/{main}", f"refs/heads/{main}"):
        base = _git(root, "merge-base", name, "HEAD")
        if base is not None:
            return base.strip()
    return None


def left_at(root: Path, revision: str) -> str:
    """Return the commit at which HEAD left a revision: what came there since is not what changed here.

    Where the two have nothing in common it is the revision itself. Raises ShakeproofError where there is no such thing.
    """
    found = _git(root, "rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}")
    if found is None:
        raise ShakeproofError(f"git knows no commit {revision!r}: name another one with --against.")
    return (_git(root, "merge-base", found.strip(), "HEAD") or found).strip()


def diff(root: Path, base: str, folder: str) -> str:
    """Return what changed below a folder between a commit and the files as they are now, uncommitted ones included.

    New files that git does not know yet are in it as well, each as one hunk. Raises ShakeproofError where git fails.
    """
    # Nobody's own settings may change how this looks.
    own = ("-c", "core.quotePath=false", "diff", "--no-ext-diff", "--no-textconv", "--no-color")
    shape = (
        "--unified=0",
        "--find-renames",
        "--src-prefix=a/",
        "--dst-prefix=b/",
        "--diff-filter=d",
        "--relative",
    )
    known = _git(root, *own, *shape, base, "--", _python(folder))
    new = _git(root, "ls-files", "-z", "--others", "--exclude-standard", "--", _python(folder))
    if known is None or new is None:
        raise ShakeproofError(
            f"git could not tell what changed since {base[:12]}: fetch it, or name another commit."
        )
    return known + "".join(_whole(root, name) for name in new.split("\0") if name)


def text_at(root: Path, base: str, name: str) -> str | None:
    """Return a file as it was at a commit; None where it was not there."""
    return _git(root, "show", f"{base}:./{name}")


def head(root: Path) -> str | None:
    """Return the commit that is checked out; None outside a repository."""
    found = _git(root, "rev-parse", "HEAD")
    return None if found is None else found.strip()


def _whole(root: Path, name: str) -> str:
    """Write a new file as git would: all its lines are added."""
    count = len((root / name).read_text(encoding="utf-8").splitlines())
    added = f"@@ -0,0 +1,{count} @@\n" + "+\n" * count if count else ""
    return f"--- /dev/null\n+++ b/{name}\n{added}"


def _python(folder: str) -> str:
    return f":(glob){folder}/**/*.py"


def _git(root: Path, *arguments: str) -> str | None:
    try:
        done = subprocess.run(
            ["git", *arguments],  # noqa: S607 - whichever git the user's path has
            cwd=root,
            capture_output=True,
            encoding="utf-8",
            errors="backslashreplace",
            check=False,
        )
    except OSError:  # no git on this machine
        return None
    return done.stdout if done.returncode == 0 else None
