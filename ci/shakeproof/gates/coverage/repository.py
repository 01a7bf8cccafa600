"""What changed since a commit, as git tells it whatever anybody's settings are (effects)."""

from __future__ import annotations

import glob
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from shakeproof.errors import ShakeproofError
from shakeproof.gates import git
from shakeproof.gates.coverage.changes import changed_lines

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

# Nobody's own settings, and no .gitattributes, may change what is seen or how it looks.
DIFF: Final = (
    "-c", "core.quotePath=false",
    "-c", "core.fsmonitor=false",
    "diff",
    "--no-ext-diff", "--no-textconv", "--no-color", "--find-renames", "--diff-filter=d", "--relative",
)  # fmt: skip
PATCH: Final = (
    "--text", "--unified=0", "--inter-hunk-context=0", "--submodule=short",
    "--src-prefix=a/", "--dst-prefix=b/",
)  # fmt: skip
UNTOLD: Final = "so nobody can tell what changed"


def left_at(root: Path, revision: str) -> str:
    """Return the commit at which HEAD left a revision: what came there since is not what changed here.

    Where the two have nothing in common it is the revision itself. Raises ShakeproofError where there is no such thing.
    """
    found = git.commit(root, revision)
    if found is None:
        raise ShakeproofError(f"git knows no commit {revision!r}: name another one with --against.")
    return git.parted(root, found) or found


def changes(root: Path, base: str, folder: str) -> Mapping[str, frozenset[int]]:
    """Return the lines of Python files below a folder that are new or other than at a commit, by path.

    Files are seen as they are now, uncommitted ones and those that git does not know yet included. Raises
    ShakeproofError where git fails, or shows no line of a file that is another one: it would pass for unchanged.
    """
    where = ("--", _python(folder))
    _check_watched(root, where)
    lines = dict(changed_lines(git.ask(root, *DIFF, *PATCH, base, *where)))
    names = git.ask(root, *DIFF, "--name-status", "-z", base, *where)
    hidden = [
        new for old, new in _pairs(names) if new not in lines and not _same(root, base, old, new)
    ]
    if hidden:
        raise ShakeproofError(
            f"git says that {', '.join(hidden)} changed since {base[:12]} and shows no line of it, {UNTOLD}: look for "
            "settings of git that hide it (git check-attr -a FILE, git config --list)."
        )
    new = git.ask(root, "ls-files", "-z", "--others", "--exclude-standard", *where)
    for name in filter(None, new.split("\0")):
        lines[name] = frozenset(range(1, _length(root / name) + 1))
    return lines


def text_at(root: Path, base: str, name: str) -> str | None:
    """Return a file as it was at a commit; None where it was not there."""
    if not git.ask(root, "ls-tree", "--name-only", base, "--", name):
        return None
    return git.ask(root, "cat-file", "blob", f"{base}:./{name}")


def head(root: Path) -> str | None:
    """Return the commit that is checked out, for a record; None where there is none, or git cannot tell."""
    with suppress(ShakeproofError):
        return git.head(root)
    return None


def _check_watched(root: Path, where: tuple[str, ...]) -> None:
    """See that git looks at every file: `update-index --assume-unchanged` and `--skip-worktree` hide what changed."""
    listed = git.ask(root, "ls-files", "-v", "-z", *where).split("\0")
    passed_over = [
        name
        for flag, _, name in (entry.partition(" ") for entry in listed)
        if (flag.islower() or flag == "S") and (root / name).exists()
    ]
    if passed_over:
        raise ShakeproofError(
            f"git is told not to look at {', '.join(passed_over)}, {UNTOLD}: say git update-index "
            "--no-assume-unchanged --no-skip-worktree FILE."
        )


def _pairs(names: str) -> Iterator[tuple[str, str]]:
    """Read `--name-status -z`: the old and the new name of each file."""
    fields = iter(names.split("\0"))
    for status in fields:
        if status:
            old = next(fields)
            yield old, next(fields) if status[0] in "RC" else old


def _same(root: Path, base: str, old: str, new: str) -> bool:
    """Tell whether a file holds what it held: then it was renamed, or its mode changed, or it is empty and new."""
    path = root / new
    if not path.lstat().st_size:
        return True
    if path.is_symlink():
        return git.ask(root, "cat-file", "blob", f"{base}:./{old}") == str(path.readlink())
    before = git.run(root, "rev-parse", "--verify", "--quiet", f"{base}:./{old}")
    return before.out == git.ask(root, "hash-object", "--", new)


def _length(path: Path) -> int:
    try:
        return len(path.read_bytes().splitlines())  # of bytes: a form feed ends no line
    except OSError as error:
        raise ShakeproofError(f"{path} cannot be read: {error.strerror}.") from error


def _python(folder: str) -> str:
    return f":(glob){'' if folder == '.' else glob.escape(folder) + '/'}**/*.py"
