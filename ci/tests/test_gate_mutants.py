"""The mutants' gate: what mutmut says is read, judged, and shown; what it cannot do is an error."""

from __future__ import annotations

import json
import sys
import tomllib
from pathlib import Path

import pytest

from shakeproof.errors import NothingToJudgeError, ShakeproofError
from shakeproof.gates.mutants.command import main
from shakeproof.gates.mutants.mutating import mutate
from shakeproof.gates.mutants.results import (
    Outcome,
    Survivor,
    changed_lines,
    read_statuses,
    verdict,
)
from shakeproof.gates.mutants.targets import Target, mutmut_settings, read_targets

ROOT = Path(__file__).parents[2]
TARGET = Target("small", "pkg/a.py", "pkg", ("tests/test_a.py",), ("tests", "pyproject.toml"))

# What mutmut 3.8 prints, said by a program that mutates nothing; it fails where its settings are not there.
FAKE = """\
import pathlib, sys

assert "only_mutate" in pathlib.Path("setup.cfg").read_text()
assert pathlib.Path("pkg/a.py").exists() and pathlib.Path("tests/test_a.py").exists()
assert not pathlib.Path("tests/specimens").exists()
match sys.argv[1:]:
    case ["run"]:
        print("2/3\\r3/3")
        sys.exit(RUN)
    case ["results", "--all", "true"]:
        print(RESULTS)
    case ["show", "pkg.a.x_f__mutmut_2"]:
        print("# pkg.a.x_f__mutmut_2: survived\\n--- pkg/a.py\\n+++ pkg/a.py\\n-    return 1\\n+    return 2")
    case _:
        sys.exit("no such mutant")
"""
RESULTS = """\
    pkg.a.x_f__mutmut_1: killed
    pkg.a.x_f__mutmut_2: survived
    pkg.a.x_f__mutmut_3: timeout
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Write a package with a test."""
    folder = tmp_path / "project"
    for name in ("pkg/a.py", "tests/test_a.py", "tests/specimens/ill.py", "pyproject.toml"):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    (folder / "out").mkdir()
    return folder


def fake(root: Path, *, ends: int = 0, results: str = RESULTS) -> tuple[str, ...]:
    """Write a program that speaks like mutmut, and give the command that starts it."""
    path = root / "fake.py"
    path.write_text(f"RUN = {ends}\nRESULTS = {results!r}\n{FAKE}", encoding="utf-8")
    return sys.executable, str(path)


def outcome(percent: int, wanted: float = 85.0) -> Outcome:
    """Make the outcome of a hundred mutants of which so many were killed."""
    target = Target("t", f"pkg/{percent}.py", "pkg", ("t",), ("t",), killed=wanted)
    survivors = tuple(
        Survivor(f"m{number}", "survived", "- a\n+ b") for number in range(100 - percent)
    )
    return Outcome(target, (("killed", percent), ("survived", 100 - percent)), survivors)


def test_mutants_are_counted_and_survivors_shown(root: Path) -> None:
    """A mutant that never ends was noticed; of one that was not, the changed lines are kept."""
    found = mutate(TARGET, root, root / "out", fake(root))

    assert found.mutants == 3
    assert found.percent == pytest.approx(200 / 3)
    assert found.survivors == (
        Survivor("pkg.a.x_f__mutmut_2", "survived", "- return 1\n+ return 2"),
    )
    assert (root / "out" / "small.txt").read_text(encoding="utf-8").startswith("2/3")


def test_a_run_that_fails_is_an_error_with_its_last_lines(root: Path) -> None:
    """The tests are red without any mutant, for one."""
    with pytest.raises(ShakeproofError, match=r"ended with 3\); its last lines:\n2/3\n3/3"):
        mutate(TARGET, root, root / "out", fake(root, ends=3))


def test_no_mutant_at_all_is_an_error(root: Path) -> None:
    """All of nothing was noticed: that proves nothing."""
    with pytest.raises(NothingToJudgeError, match="made no mutant"):
        mutate(TARGET, root, root / "out", fake(root, results="nothing"))


def test_a_survivor_that_cannot_be_shown_is_an_error(root: Path) -> None:
    """What mutmut says goes along."""
    with pytest.raises(ShakeproofError, match="no such mutant"):
        mutate(TARGET, root, root / "out", fake(root, results="    other: survived\n"))


def test_a_file_that_is_not_there_is_named(root: Path) -> None:
    """Before mutmut says something less clear."""
    (root / "pyproject.toml").unlink()

    with pytest.raises(ShakeproofError, match=r"pyproject\.toml is not there"):
        mutate(TARGET, root, root / "out", fake(root))


@pytest.mark.parametrize(("percent", "answer"), [(84, "fail"), (85, "pass"), (100, "pass")])
def test_at_least_85_of_100_have_to_be_noticed(percent: int, answer: str) -> None:
    """Exactly as many are enough."""
    assert verdict([outcome(percent)]).answer == answer


def test_the_sentence_is_about_the_one_that_fails() -> None:
    """A good module does not make up for a bad one; every survivor is listed."""
    seen = verdict([outcome(99), outcome(50)])

    assert seen.answer == "fail"
    assert seen.sentence.startswith("50.0 % of the mutants of pkg/50.py are noticed")
    assert len(seen.notes) == 51
    json.dumps(seen.details)


def test_what_is_not_a_status_is_passed_over() -> None:
    """Mutmut may say other things around it."""
    assert read_statuses("Hello: you\n" + RESULTS)["pkg.a.x_f__mutmut_3"] == "timeout"


def test_headings_of_a_diff_are_no_change() -> None:
    """Nor are the lines around."""
    assert changed_lines("--- a.py\n+++ a.py\n@@ -1 +1 @@\n same\n-a\n+b") == "- a\n+ b"


def test_mutmut_is_told_what_to_change_and_what_to_run() -> None:
    """Each value on a line of its own, as mutmut reads lists."""
    settings = mutmut_settings(TARGET)

    assert "only_mutate =\n    pkg/a.py\n" in settings
    assert "also_copy =\n    tests\n    pyproject.toml\n" in settings


def targets(**entry: object) -> tuple[Target, ...]:
    """Read one target of that shape."""
    return read_targets({"tool": {"shakeproof": {"mutants": {"small": entry}}}}, ())


COMPLETE = {"module": "a.py", "source": "pkg", "tests": ["t"], "copied": ["t"]}


def test_a_target_has_defaults() -> None:
    """85 %, in the project's own folder."""
    assert targets(**COMPLETE) == (Target("small", "a.py", "pkg", ("t",), ("t",), ".", 85.0),)


@pytest.mark.parametrize(
    ("entry", "sentence"),
    [
        ({}, "lacks a good module, source, tests, copied"),
        (COMPLETE | {"killed": 101}, "lacks a good killed"),
        (COMPLETE | {"tests": []}, "lacks a good tests"),
        (COMPLETE | {"modul": "a.py"}, "and no more"),
    ],
)
def test_an_incomplete_target_is_told_in_a_sentence(
    entry: dict[str, object], sentence: str
) -> None:
    """What is missing is named."""
    with pytest.raises(ShakeproofError, match=sentence):
        targets(**entry)


def test_a_target_that_nobody_knows_is_named(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """And none at all is an error as well, with status 2."""
    table = '[tool.shakeproof.mutants.small]\nmodule = "a.py"\n'
    for text, sentence in (
        ("", "has no [tool"),
        (table, "knows no other; there is: small"),
        ("x", "is not TOML"),
    ):
        (root / "pyproject.toml").write_text(text, encoding="utf-8")

        assert main(["--root", str(root), "--out", str(root / "out"), "other"]) == 2
        assert sentence in capsys.readouterr().err

    (root / "pyproject.toml").unlink()
    assert main(["--root", str(root), "--out", str(root / "out")]) == 2


def test_the_command_mutates_every_target_and_says_how_far_it_is(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Two of three are too few: status 1, and the survivor is printed."""
    (root / "pyproject.toml").write_text(
        '[tool.shakeproof.mutants.small]\nmodule = "pkg/a.py"\nsource = "pkg"\n'
        'tests = ["tests/test_a.py"]\ncopied = ["tests", "pyproject.toml"]\n',
        encoding="utf-8",
    )

    status = main(["--root", str(root), "--out", str(root / "out")], fake(root))

    said = capsys.readouterr()
    assert status == 1
    assert "mutating pkg/a.py" in said.err
    assert "pkg.a.x_f__mutmut_2 (survived):\n- return 1\n+ return 2" in said.out


def test_what_this_repository_mutates_is_there() -> None:
    """The modules, and the tests that ought to notice."""
    pyproject = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))

    for target in read_targets(pyproject, ()):
        paths = (target.module, target.source, *target.tests, *target.copied)
        assert [name for name in paths if not (ROOT / target.root / name).exists()] == []
