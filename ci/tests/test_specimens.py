"""Every specimen, against what its `expected.toml` says that the command `stability` has to find.

claim = "..."                # what the specimen shows, in a sentence
options = ["--repeat", "2"]  # besides OPTIONS below
status = 1                   # exit status
verdict = "unstable"         # left out where no report is written
tests = 300                  # how many are judged; left out: not looked at
incomplete = "any"           # whatever was left undone, or words, one for each thing; left out: nothing may be
# What files leave behind by being imported, each with category and key; left out: nothing may be.
import_leaks = [["test_it.py", "environment", "APP_MODE"]]
not_yet = "..."              # why it fails for now; it has to fail, so that this line goes when its reason does

[[finding]]                  # all there are, in any order
test = "test_it.py::test_reads"
kind = "victim"
culprits = [["test_it.py::test_sets"]]  # sets, in any order; left out: none; "any": not looked at
cleaners = []                # in any order; left out: not looked at
condition = "one CPU"        # what has to be other than usual; left out: nothing
causes = [["environment", "APP_MODE"]]  # category and key of what is proven, in any order; left out: not looked at
suspected = [["network", "*:8080"]]  # the same, as shell patterns, of what is not proven, each once
confirmed = true             # left out: true
message = ["fast"]           # all of these occur in it
"""

from __future__ import annotations

import fnmatch
import json
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest.mock import ANY

import psutil  # type: ignore[import-untyped]
import pytest

from shakeproof.cli import main

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = pytest.mark.usefixtures("no_outer_run")

SPECIMENS = Path(__file__).parent / "specimens"
# Three runs in the declared order, under three hash seeds: more are for what follows the hash seed, or chance.
# Other weather takes a dozen fresh processes for each: `conditions` says which specimens are asked about it.
OPTIONS = ("--seed", "1", "--quiet", "--repeat", "3", "--conditions", "none")
FOR_A_FILE = frozenset(
    {"claim", "options", "status", "verdict", "tests", "incomplete", "not_yet", "finding"}
    | {"import_leaks"}
)
FOR_A_FINDING = frozenset(
    {"test", "kind", "culprits", "cleaners", "causes", "suspected", "condition"}
    | {"confirmed", "message"}
)


def _expected(name: str) -> dict[str, Any]:
    return tomllib.loads((SPECIMENS / name / "expected.toml").read_text(encoding="utf-8"))


def _suites() -> list[Path]:
    """List the specimens that are suites by themselves: one is laid over the backend, in test_cached_settings.py."""
    return sorted(each for each in SPECIMENS.iterdir() if each.name != "cached_settings")


def _specimens() -> Iterator[Any]:
    """Give each specimen by its name, those that are known to fail marked so."""
    for folder in _suites():
        marks: list[pytest.MarkDecorator] = []
        if reason := _expected(folder.name).get("not_yet"):
            marks.append(pytest.mark.xfail(reason=reason, strict=True))
        yield pytest.param(folder.name, marks=marks)


@pytest.mark.parametrize("name", list(_specimens()))
def test_a_specimen_gets_the_report_that_it_deserves(
    name: str, specimen: Callable[[str], Path], tmp_path: Path
) -> None:
    """Neither more nor less is found; the project is as it was; no process is left; nothing was left out."""
    expected = _expected(name)
    rootdir, out = specimen(name), tmp_path / "out"
    files, processes = _files(rootdir), psutil.Process().children(recursive=True)
    where = ("--rootdir", str(rootdir), "--out", str(out))

    status = main(["stability", *where, *OPTIONS, *expected.get("options", ())])

    assert (status, _judged(out)) == (expected["status"], _deserved(expected))
    assert _files(rootdir) == files
    assert psutil.Process().children(recursive=True) == processes


def _judged(out: Path) -> dict[str, Any] | None:
    """Give what the report says, in an order of its own; None where there is none."""
    if not (out / "report.json").exists():
        return None
    report = json.loads((out / "report.json").read_text(encoding="utf-8"))
    findings = [
        {
            "test": each["test"],
            "kind": each["kind"],
            "culprits": _sets(each["culprits"]),
            "cleaners": sorted(each["cleaners"]),
            "causes": sorted([c["category"], c["key"]] for c in each["causes"] if c["proven"]),
            "condition": each["condition"],
            "suspected": _pieces(each["causes"]),
            "confirmed": each["confirmed"],
            "message": each["message"],
        }
        for each in report["findings"]
    ]
    return {
        "verdict": report["verdict"],
        "tests": report["suite"]["tests"],
        "findings": sorted(findings, key=_place),
        "incomplete": report["evidence"]["incomplete"],
        "import_leaks": sorted(
            [leak["by"], leak["category"], leak["key"]]
            for leak in report["leaks"]
            if "::" not in leak["by"]
        ),
    }


def _deserved(expected: dict[str, Any]) -> dict[str, Any] | None:
    """Give what the report should say; what is not looked at is equal to anything."""
    if "verdict" not in expected:
        return None
    left_out = expected.get("incomplete", [])
    findings = [
        {
            "test": each["test"],
            "kind": each["kind"],
            "culprits": ANY if each.get("culprits") == "any" else _sets(each.get("culprits", [])),
            "cleaners": sorted(each["cleaners"]) if "cleaners" in each else ANY,
            "causes": sorted(each["causes"]) if "causes" in each else ANY,
            "condition": _Words([each["condition"]]) if "condition" in each else None,
            "suspected": _Patterns(each["suspected"]) if "suspected" in each else ANY,
            "confirmed": each.get("confirmed", True),
            "message": _Words(each.get("message", ())),
        }
        for each in expected.get("finding", ())
    ]
    return {
        "verdict": expected["verdict"],
        "tests": expected.get("tests", ANY),
        "findings": sorted(findings, key=_place),
        "incomplete": ANY if left_out == "any" else [_Words([word]) for word in left_out],
        "import_leaks": sorted(expected.get("import_leaks", [])),
    }


class _Words(tuple[str, ...]):
    """Words that are equal to any message in which all of them occur: so a comparison shows what is amiss."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, str) and all(word in other for word in self)

    __hash__ = tuple.__hash__


class _Patterns(list[list[str]]):  # noqa: PLW1641  (nobody puts a list into a set)
    """Pieces of state, each by its category and a pattern, that are equal to as many pieces that they fit."""

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, list) or len(self) != len(other):
            return False
        both = zip(sorted(self), other, strict=True)
        return all(
            mine[0] == theirs[0] and fnmatch.fnmatchcase(theirs[1], mine[1])
            for mine, theirs in both
        )


def _pieces(causes: list[dict[str, Any]]) -> list[list[str]]:
    unproven = {(each["category"], each["key"]) for each in causes if not each["proven"]}
    return sorted(map(list, unproven))


def _sets(culprits: list[list[str]]) -> list[list[str]]:
    return sorted(sorted(members) for members in culprits)


def _place(finding: dict[str, Any]) -> tuple[str, str, str]:
    return finding["test"], finding["kind"], repr(finding["culprits"])


def _files(rootdir: Path) -> dict[str, bytes]:
    """Read everything in a project but what Python itself caches."""
    paths = (path for path in rootdir.rglob("*") if path.is_file() and path.suffix != ".pyc")
    return {str(path.relative_to(rootdir)): path.read_bytes() for path in paths}


@pytest.mark.parametrize("name", [each.name for each in _suites()])
def test_what_is_expected_is_written_in_words_that_are_read(name: str) -> None:
    """A misspelt key would be an expectation that nobody checks."""
    expected = _expected(name)

    assert expected["claim"].endswith(".")
    assert set(expected) <= FOR_A_FILE
    assert all(set(each) <= FOR_A_FINDING for each in expected.get("finding", ()))
