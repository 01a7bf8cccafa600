"""Documents that gates read: what is none, or of another kind, is a sentence with its name and what to do."""

from __future__ import annotations

import re
import runpy
import sys
from pathlib import Path

import pytest

from shakeproof import gates
from shakeproof.errors import ShakeproofError
from shakeproof.gates.documents import count_at, read_object, text_at

GATES = Path(gates.__file__).parent


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (None, "cannot be read: No such file or directory."),
        ("{", "is not JSON (Expecting property name"),
        ("[]", "is not a JSON object: this is some other tool's file."),
    ],
)
def test_what_is_no_document_is_named(text: str | None, sentence: str, tmp_path: Path) -> None:
    path = tmp_path / "document.json"
    if text is not None:
        path.write_text(text, encoding="utf-8")

    with pytest.raises(ShakeproofError, match=re.escape(f"{path} {sentence}")):
        read_object(path)


@pytest.mark.parametrize("value", [None, -1, 1.0, True, "1"])
def test_what_is_no_count_is_named(value: object) -> None:
    """True is a whole number to Python, and to nobody else."""
    with pytest.raises(ShakeproofError, match=f"'runs' is {value!r} instead of a count"):
        count_at({"runs": value}, "runs")


@pytest.mark.parametrize("value", [None, "", 1])
def test_what_is_no_text_is_named(value: object) -> None:
    with pytest.raises(ShakeproofError, match=f"'name' is {value!r} instead of a text"):
        text_at({"name": value}, "name")


def test_counts_and_texts_are_given_as_they_are() -> None:
    assert (count_at({"runs": 0}, "runs"), text_at({"name": "x"}, "name")) == (0, "x")


@pytest.mark.parametrize("gate", ["coverage", "cost", "mutants"])
def test_each_gate_is_a_program(
    gate: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It goes by its own name, and without the folder for its reports it says what it needs."""
    polite: list[int] = []
    monkeypatch.setattr("os.nice", polite.append)
    monkeypatch.setattr(sys, "argv", [gate])

    with pytest.raises(SystemExit) as ended:
        runpy.run_path(str(GATES / gate / "__main__.py"), run_name="__main__")

    said = capsys.readouterr().err
    assert ended.value.code == 2
    assert f"python -m shakeproof.gates.{gate}" in said
    assert "--out" in said
    assert polite == ([10] if gate == "mutants" else [])  # that one runs for many minutes
