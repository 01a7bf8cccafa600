"""The last report makes room for the next one, and stays where there is no next one."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NoReturn

import pytest

from shakeproof.casebook import Setting
from shakeproof.cli import main
from shakeproof.errors import NothingToJudgeError, ShakeproofError
from shakeproof.lab.base import Target
from shakeproof.report.former import brought_back

if TYPE_CHECKING:
    from pathlib import Path

    from comparisons import Specimen

pytestmark = pytest.mark.usefixtures("no_outer_run")

FILES = {
    "report.json": "json",
    "flaky_test_audit.md": "audit",
    "flaky_test_verification.md": "verification",
    "orders/F1.txt": "test_a.py::test_a",
}


@pytest.fixture
def setting(tmp_path: Path) -> Setting:
    """Set up an investigation where there is a report of the one before, and a copy of it."""
    out, copy = tmp_path / "out", tmp_path / "elsewhere" / "copy.json"
    for name, text in FILES.items():
        (out / name).parent.mkdir(parents=True, exist_ok=True)
        (out / name).write_text(text, "utf-8")
    copy.parent.mkdir()
    copy.write_text("copy", "utf-8")
    return Setting(Target(tmp_path, "python"), jobs=1, master_seed=1, out=out, json=copy)


def found(setting: Setting) -> dict[str, str]:
    """Read what there is of a report."""
    paths = [path for path in setting.out.rglob("*") if path.is_file() and "logs" not in path.parts]
    there = {str(path.relative_to(setting.out)): path.read_text("utf-8") for path in paths}
    assert setting.json is not None
    return there | ({"copy": setting.json.read_text("utf-8")} if setting.json.exists() else {})


def test_while_a_run_is_under_way_nobody_finds_the_last_report(setting: Setting) -> None:
    setting.prepare()

    assert not (set(found(setting)) & {*FILES, "copy"})


@pytest.mark.parametrize("ending", [NothingToJudgeError("nothing"), KeyboardInterrupt()])
def test_what_ends_without_a_report_brings_the_last_one_back(
    ending: BaseException, setting: Setting
) -> None:
    """With the orders that its commands read, and the copy."""
    with pytest.raises(type(ending)), brought_back(setting.out, setting.json):  # noqa: PT012  (as a command does)
        setting.prepare()
        raise ending

    assert found(setting) == {**FILES, "copy": "copy"}


def test_what_was_put_away_by_a_run_that_was_killed_is_not_lost_by_the_next(
    setting: Setting,
) -> None:
    setting.prepare()
    # And then it is killed, before it has written a report.
    (setting.out / "orders" / "F2.txt").write_text("half", "utf-8")

    with pytest.raises(NothingToJudgeError), brought_back(setting.out, setting.json):  # noqa: PT012
        setting.prepare()
        raise NothingToJudgeError

    assert found(setting) == {**FILES, "copy": "copy"}


def _find_nothing(setting: Setting) -> NoReturn:
    setting.prepare()
    raise NothingToJudgeError("nothing")


def test_a_copy_that_a_killed_run_had_put_away_is_not_taken_for_another(setting: Setting) -> None:
    """The next run asks for its copy elsewhere, and finds nothing to tell: each file is what it was."""
    assert setting.json is not None
    other = setting.json.with_name("other.json")
    other.write_text("other", "utf-8")
    setting.prepare()  # and killed

    with pytest.raises(NothingToJudgeError), brought_back(setting.out, other):
        _find_nothing(replace(setting, json=other))

    assert other.read_text("utf-8") == "other"
    kept = [file.read_text("utf-8") for file in setting.json.parent.glob("copy.json*")]
    assert kept == ["copy"]


def test_a_partial_report_stays_and_the_last_one_does_not_come_back(setting: Setting) -> None:
    """As where somebody interrupts even the writing of the report."""
    with pytest.raises(KeyboardInterrupt), brought_back(setting.out, setting.json):  # noqa: PT012
        setting.prepare()
        (setting.out / "report.json").write_text("partial", "utf-8")
        raise KeyboardInterrupt

    assert found(setting)["report.json"] == "partial"


def test_a_last_report_that_cannot_be_put_away_is_a_sentence(setting: Setting) -> None:
    """A file is where it would be kept: nothing is lost, and nothing is run."""
    (setting.out / ".before").touch()

    with pytest.raises(ShakeproofError) as raised:
        setting.prepare()

    assert str(raised.value) == (
        f"The last report in {setting.out} cannot be put away (file exists): name another folder with --out."
    )
    assert set(found(setting)) == {*FILES, "copy", ".before"}


def test_a_new_report_leaves_nothing_of_the_last_one(setting: Setting) -> None:
    with brought_back(setting.out, setting.json):
        setting.prepare()
        (setting.out / "report.json").write_text("new", "utf-8")

    assert found(setting) == {"report.json": "new"}


@pytest.mark.parametrize("command", ["stability", "compare"])
def test_a_selection_of_no_tests_does_not_cost_the_last_report(
    command: str, specimen: Specimen, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    asked = [command, "--rootdir", str(specimen("stable")), "--out", str(out), "--seed", "1"]
    quickly = ["--repeat", "2", "--seeds", "0", "--quiet", "--jobs", "1"]
    assert main([*asked, *quickly]) == 0
    before = (out / "report.json").read_text("utf-8")

    assert main([*asked, *quickly, "--", "-k", "nothing_of_that_name"]) == 4

    assert (out / "report.json").read_text("utf-8") == before
    assert not (out / ".before").exists()
    assert main(["show", "--out", str(out)]) == 0
    assert "stable" in capsys.readouterr().out
