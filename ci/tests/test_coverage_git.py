"""What the gates ask git: what it cannot answer is an error, and no settings of it hide what changed."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from coverages import PRICE, fake_git, git, small_project
from hypothesis import given, settings
from hypothesis import strategies as st

from shakeproof.errors import ShakeproofError
from shakeproof.gates.coverage.repository import changes, head, left_at, text_at
from shakeproof.gates.git import ask, commit, merge_base, parted, run, toplevel
from shakeproof.gates.git import head as checked_out

if TYPE_CHECKING:
    from pathlib import Path

LINES = "".join(f"x{number} = {number}\n" for number in range(1, 21))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Make a small project with a file of twenty lines, in a repository."""
    root = small_project(tmp_path / "project")
    write(root, "pkg/long.py", LINES)
    git(root, "add", ".")
    git(root, "commit", "--quiet", "--message=long")
    return root


def write(root: Path, name: str, text: str) -> None:
    (root / name).write_text(text, encoding="utf-8")


def changed(*numbers: int) -> str:
    """Return the long file with other values in these lines."""
    lines = LINES.splitlines(keepends=True)
    return "".join(f"y = {at}\n" if at in numbers else line for at, line in enumerate(lines, 1))


@pytest.mark.parametrize(
    ("attributes", "setting"),
    [
        ("*.py -diff\n", ""),
        ("*.py binary\n", ""),
        ("*.py diff=mine\n", "diff.mine.binary=true"),
        ("*.py diff=mine\n", "diff.mine.command=true"),
        ("*.py diff=mine\n", "diff.mine.textconv=true"),
        ("", "diff.external=true"),
        ("", "diff.interHunkContext=5"),
        ("", "diff.context=5"),
        ("", "diff.noprefix=true"),
        ("", "diff.mnemonicPrefix=true"),
        ("", "diff.relative=false"),
        ("", "color.ui=always"),
    ],
)
def test_no_setting_of_git_changes_what_is_seen(root: Path, attributes: str, setting: str) -> None:
    """Neither to nothing, nor to lines that are as they were."""
    write(root, ".gitattributes", attributes)
    if setting:
        git(root, "config", *setting.split("="))
    write(root, "pkg/long.py", changed(3, 6, 20))
    write(root, "pkg/fares.py", PRICE.replace("/ 2", "/ 2.0"))

    assert changes(root, "HEAD", "pkg") == {
        "pkg/fares.py": frozenset({6}),
        "pkg/long.py": frozenset({3, 6, 20}),
    }


@given(numbers=st.sets(st.integers(1, 20)), between=st.integers(0, 20))
@settings(max_examples=10)
def test_the_lines_that_changed_are_those_that_are_told(
    tmp_path_factory: pytest.TempPathFactory, numbers: set[int], between: int
) -> None:
    """However many lines git puts between two places into one."""
    root = tmp_path_factory.mktemp("repository")
    write(root, "long.py", LINES)
    git(root, "init", "--quiet")
    git(root, "config", "diff.interHunkContext", str(between))
    git(root, "add", ".")
    git(root, "commit", "--quiet", "--message=all")
    write(root, "long.py", changed(*numbers))

    assert changes(root, "HEAD", ".") == ({"long.py": frozenset(numbers)} if numbers else {})


def test_what_holds_the_same_changed_no_line(root: Path) -> None:
    """A file or a link that was renamed, one whose mode is another, one that is empty and new, one that is gone."""
    (root / "pkg" / "link.py").symlink_to("fares.py")
    git(root, "add", ".")
    git(root, "commit", "--quiet", "--message=link")
    git(root, "mv", "pkg/link.py", "pkg/linked.py")
    git(root, "mv", "pkg/long.py", "pkg/longer.py")
    (root / "pkg" / "__init__.py").chmod(0o755)
    write(root, "pkg/empty.py", "")
    git(root, "add", "pkg/empty.py")
    (root / "pkg" / "fares.py").chmod(0o755)

    assert changes(root, "HEAD", "pkg") == {}

    (root / "pkg" / "fares.py").unlink()
    assert changes(root, "HEAD", "pkg") == {}


def test_a_changed_file_of_which_git_shows_no_line_is_an_error(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever hides it: here a git that answers any question for a patch with nothing."""
    write(root, "pkg/long.py", changed(3))
    silent = fake_git(tmp_path, "")
    write(
        silent,
        "git",
        f'#!/bin/sh\nPATH="{os.environ["PATH"]}"\ncase "$*" in *--unified=0*) exit 0;; esac\nexec git "$@"\n',
    )
    monkeypatch.setenv("PATH", f"{silent}{os.pathsep}{os.environ['PATH']}")

    with pytest.raises(ShakeproofError, match=r"says that pkg/long\.py changed.*shows no line"):
        changes(root, "HEAD", "pkg")


@pytest.mark.parametrize("mark", ["--assume-unchanged", "--skip-worktree"])
def test_a_file_that_git_is_told_to_pass_over_is_an_error(root: Path, mark: str) -> None:
    """It would pass for unchanged."""
    write(root, "pkg/long.py", changed(3))
    git(root, "update-index", mark, "pkg/long.py")

    with pytest.raises(ShakeproofError, match=r"told not to look at pkg/long\.py"):
        changes(root, "HEAD", "pkg")


def test_new_files_are_counted_by_what_ends_a_line_for_python(root: Path) -> None:
    """Whatever their encoding; a form feed ends none, and a folder may be called like a pattern."""
    (root / "p[k]g").mkdir()
    (root / "p[k]g" / "new.py").write_bytes(b"# coding: latin-1\n\x0cx = '\xe9'\r\ny = 1")

    assert changes(root, "HEAD", "p[k]g") == {"p[k]g/new.py": frozenset({1, 2, 3})}


def test_a_diff_that_git_cannot_make_is_an_error(root: Path) -> None:
    """An empty one would say that nothing changed."""
    with pytest.raises(ShakeproofError, match=r"git could not answer in .*bad object"):
        changes(root, "0" * 40, "pkg")


def test_a_new_file_that_cannot_be_read_is_an_error(root: Path) -> None:
    (root / "pkg" / "nowhere.py").symlink_to("nothing")

    with pytest.raises(ShakeproofError, match=r"nowhere\.py cannot be read: No such file"):
        changes(root, "HEAD", "pkg")


def test_a_file_as_it_was_at_a_commit(root: Path) -> None:
    """None where it was not there; a commit that git does not know is another matter."""
    assert text_at(root, "HEAD", "pkg/long.py") == LINES
    assert text_at(root, "HEAD", "pkg/none.py") is None
    with pytest.raises(ShakeproofError, match="git could not answer"):
        text_at(root, "0" * 40, "pkg/long.py")


def test_what_came_to_the_other_branch_since_is_no_change_of_this_one(root: Path) -> None:
    """The base is where the two parted, or the commit itself where they never met."""
    both = commit(root, "main")
    git(root, "checkout", "--quiet", "main")
    git(root, "commit", "--quiet", "--allow-empty", "--message=elsewhere")
    git(root, "checkout", "--quiet", "work")
    assert left_at(root, "main") == merge_base(root) == merge_base(root, "main") == both

    git(root, "checkout", "--quiet", "--orphan", "alone")
    git(root, "commit", "--quiet", "--message=alone")
    assert parted(root, "work") is None
    with pytest.raises(ShakeproofError, match="git could not answer"):
        parted(root, "0" * 40)
    assert left_at(root, "work") == commit(root, "work")
    assert merge_base(root, "main") is None


def test_the_main_branch_as_fetched_comes_before_the_one_here(root: Path) -> None:
    """The one here may be old, and a tag of that name is none."""
    old, new = commit(root, "main"), commit(root, "work")
    assert merge_base(root, "main") == old
    git(root, "tag", "main", "work")
    assert merge_base(root, "main") == old

    git(root, "update-ref", "refs/remotes/origin/main", "work")
    assert merge_base(root, "main") == merge_base(root) == new

    git(root, "update-ref", "refs/remotes/origin/trunk", str(old))
    git(root, "symbolic-ref", "refs/remotes/origin/HEAD", "refs/remotes/origin/trunk")
    assert merge_base(root) == merge_base(root, "trunk") == merge_base(root, "origin/trunk") == old
    assert merge_base(root, "none") is None


def test_without_a_repository_there_is_none_and_every_other_question_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))

    assert toplevel(tmp_path) is None
    for question in (checked_out, merge_base, lambda root: commit(root, "HEAD")):
        with pytest.raises(ShakeproofError, match="is not in a git repository"):
            question(tmp_path)


@pytest.mark.parametrize("broken", ["gitdir: /nowhere/at/all\n", "nonsense"])
def test_a_broken_repository_is_not_none(tmp_path: Path, broken: str) -> None:
    """Such as a worktree whose repository a container does not see."""
    write(tmp_path, ".git", broken)

    with pytest.raises(ShakeproofError, match="git"):
        toplevel(tmp_path)


def test_a_folder_called_git_that_is_no_repository_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Something is damaged: that is not the same as nothing."""
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    (tmp_path / ".git").mkdir()

    with pytest.raises(ShakeproofError, match="is not in a git repository"):
        toplevel(tmp_path)


def test_a_repository_without_commits_has_nothing_to_compare_with(tmp_path: Path) -> None:
    git(tmp_path, "init", "--quiet")

    assert toplevel(tmp_path) == tmp_path.resolve()
    for question in (checked_out, merge_base):
        with pytest.raises(ShakeproofError, match="has no commit yet"):
            question(tmp_path)


def test_without_git_there_is_no_answer(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A record does without."""
    monkeypatch.setenv("PATH", str(root))

    with pytest.raises(ShakeproofError, match="git is not installed"):
        toplevel(root)
    assert head(root) is None


def test_a_git_that_does_not_start_is_an_error(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (fake_git(tmp_path, "") / "git").write_text("#!/nowhere/at/all\n", encoding="utf-8")
    (tmp_path / "bin" / "git").chmod(0o644)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))

    with pytest.raises(ShakeproofError, match="git cannot be started"):
        run(root, "status")


def test_the_objection_is_one_line_without_secrets(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A remote's address may hold a password."""
    folder = fake_git(
        tmp_path, "warning: old\nfatal: https://u:hunter2@example.org is gone\nhint: no"
    )
    monkeypatch.setenv("PATH", str(folder))

    with pytest.raises(ShakeproofError, match=r"fatal: https://u:\*\*\*@example.org is gone$"):
        ask(root, "fetch")


def test_a_hook_of_another_repository_does_not_mislead(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its variables say where that one is; what says where this machine keeps its settings stays."""
    git(tmp_path, "init", "--quiet", "other")
    own = tmp_path / "own.cfg"
    write(tmp_path, "own.cfg", "[shake]\nproof = yes\n")
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "other" / ".git"))
    monkeypatch.setenv("GIT_WORK_TREE", str(tmp_path / "other"))
    monkeypatch.setenv("GIT_INDEX_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(own))

    assert toplevel(root) == root.resolve()
    assert ask(root, "status", "--porcelain") == ""
    assert ask(root, "config", "shake.proof") == "yes\n"
