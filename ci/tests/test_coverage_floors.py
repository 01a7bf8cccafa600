"""What a package has to reach: its floor, and what the ratchet holds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from coverages import GOOD, HELD, NOWHERE, SETTINGS, file
from hypothesis import given
from hypothesis import strategies as st

from shakeproof.errors import ShakeproofError
from shakeproof.gates.coverage import floors
from shakeproof.gates.coverage.judging import verdict
from shakeproof.gates.coverage.ratchet import (
    Notch,
    lowered,
    raise_ratchet,
    read_ratchet,
    write_ratchet,
)
from shakeproof.gates.coverage.settings import Settings

if TYPE_CHECKING:
    from shakeproof.gates.coverage.measured import File


@pytest.mark.parametrize(
    ("measured", "passed"),
    [
        (file("pkg/core/a.py", 100, 80, 100, 80), True),
        (file("pkg/core/a.py", 10_000, 7_999, 10_000, 8_000), False),
        (file("pkg/core/a.py", 100, 100, 100, 79), False),
        (file("pkg/core/a.py", 100, 60, 0, 0), False),
        (file("pkg/core/a.py", 100, 80, 0, 0), True),
        (file("pkg/core/a.py", 0, 0, 0, 0), True),
    ],
    ids=["at the floor", "a hair below", "branches below", "lines below", "no branches", "empty"],
)
def test_both_figures_must_reach_the_floor(measured: File, *, passed: bool) -> None:
    """Lines with branches, and branches alone, are each held to the floor without rounding."""
    package, _ = floors.judge([measured, file("pkg/other.py")], SETTINGS, HELD)

    assert (not package.faults) is passed


def test_a_package_is_every_file_below_its_folder_and_no_other() -> None:
    """Sub-packages count, neighbours whose name begins alike do not, the source is all of it."""
    files = [file("pkg/core/a.py"), file("pkg/core/deep/b.py"), file("pkg/core_extra/c.py")]

    package, whole = floors.judge(files, SETTINGS, HELD)

    assert (package.figures.files, whole.figures.files) == (2, 3)


def test_a_package_without_a_file_is_an_error() -> None:
    """A renamed package does not pass for want of files."""
    with pytest.raises(ShakeproofError, match="no file of 'pkg/core'"):
        floors.judge([file("pkg/other.py")], SETTINGS, HELD)


def test_what_is_below_the_floor_is_never_shown_as_the_floor() -> None:
    """Figures are rounded down: 79.9999 % reads 79.99 %."""
    assert floors.shown(79.9999) == "79.99 %"


@pytest.mark.parametrize(
    ("notch", "faults"),
    [
        (Notch(100, 100), 0),
        (Notch(0, 0), 0),
    ],
)
def test_the_ratchet_holds_what_was_reached(notch: Notch, faults: int) -> None:
    """At the ratchet is enough."""
    package, _ = floors.judge([GOOD], SETTINGS, {**HELD, "pkg/core": notch})

    assert len(package.faults) == faults


def test_falling_below_the_ratchet_fails_above_the_floor() -> None:
    """90 % is above the floor of 80 %, and once it was 95 %; each figure has a sentence."""
    slipped = file("pkg/core/a.py", 100, 90, 100, 90)

    package, _ = floors.judge([slipped], SETTINGS, {**HELD, "pkg/core": Notch(95, 95)})

    assert [fault.split(":")[1].split(" fell")[0] for fault in package.faults] == [
        " coverage",
        " coverage of branches",
    ]


def test_what_the_ratchet_holds_is_judged_without_a_floor() -> None:
    """Taking a package out of the settings does not let it fall; what other suites reached is theirs to judge."""
    ratchet = {
        **HELD,
        "pkg/api": Notch(95, 95),
        "pkg_extra": Notch(100, 100),
        "other": Notch(100, 100),
    }

    found = floors.judge([GOOD, file("pkg/api/b.py", 100, 90)], SETTINGS, ratchet)

    assert {one.name: bool(one.faults) for one in found} == {
        "pkg/core": False,
        "pkg/api": True,
        "pkg": False,
    }
    assert found[-1].name == "pkg"


@pytest.mark.parametrize("lost", ["pkg", "pkg/core"])
def test_a_missing_entry_of_the_ratchet_is_a_fault(lost: str) -> None:
    """Deleting it is no way to fall, and a new package is held from the first day on."""
    ratchet = {name: notch for name, notch in HELD.items() if name != lost}

    answer = verdict("coverage-gate", SETTINGS, [GOOD], ratchet=ratchet, since=NOWHERE, hidden=())

    assert answer.answer == "fail"
    assert answer.sentence == (
        f"{lost}: the ratchet has no entry, so nothing keeps it from falling: put it in with `-- --raise`."
    )


def test_a_package_that_only_the_ratchet_knows_and_that_is_gone_is_an_error() -> None:
    """It was renamed: the sentence names the file that has to follow."""
    with pytest.raises(
        ShakeproofError, match=r"'pkg/old': correct the name in coverage-ratchet\.toml"
    ):
        floors.judge([GOOD], SETTINGS, {**HELD, "pkg/old": Notch(1, 1)})


def test_the_whole_as_a_package_has_the_higher_floor() -> None:
    """Named under `packages` as well, the source is not held to less than it says there."""
    high = Settings(suite="pkg", source="pkg", packages={"pkg": 95.0}, total=80.0)

    (whole,) = floors.judge([file("pkg/a.py", 100, 90)], high, {"pkg": Notch(0, 0)})

    assert whole.floor == 95.0


@given(st.integers(0, 100), st.integers(0, 100), st.integers(0, 50), st.integers(0, 50))
def test_raising_never_lowers(coverage: int, branches: int, lines: int, taken: int) -> None:
    """Whatever was measured, no figure of the ratchet falls, and what is written is read back."""
    before = {"pkg": Notch(coverage, branches), "other": Notch(50, 50)}
    reached = file("pkg/a.py", 50, lines, 50, taken).figures

    after = raise_ratchet(before, {"pkg": reached, "new": reached})

    assert list(lowered(before, after)) == []
    assert after["other"] == Notch(50, 50)
    assert after["new"].coverage <= reached.percent <= after["new"].coverage + 1
    assert read_ratchet(write_ratchet(after)) == after


def test_a_hand_that_lowers_the_ratchet_is_named() -> None:
    """An entry that fell, and one that is gone, are both said."""
    before = {"a": Notch(90, 90), "b": Notch(80, 80), "c": Notch(70, 70)}

    said = list(lowered(before, {"a": Notch(90, 89), "c": Notch(71, 70)}))

    assert ["a was 90 % and 90 %" in said[0], "b was 80 %" in said[1], len(said)] == [True, True, 2]


@pytest.mark.parametrize(
    "text",
    [
        "nonsense",
        "a = 1",
        "[a]\ncoverage = 1",
        "[a]\ncoverage = 1\nbranches = 101",
        "[a]\ncoverage = 1\nbranches = true",
        "[a]\ncoverage = 1\nbranches = 1\nmore = 1",
    ],
)
def test_a_damaged_ratchet_is_refused(text: str) -> None:
    """A figure that cannot be read would hold nothing."""
    with pytest.raises(ShakeproofError, match="coverage-ratchet"):
        read_ratchet(text)
