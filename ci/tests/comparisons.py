"""What became of a comparison, as tests look at it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

AT_MOST = 60  # seconds that a process of these tests may take before it counts as hanging

Specimen: TypeAlias = Callable[[str], Path]
Project: TypeAlias = Callable[..., Path]


@dataclass(frozen=True)
class Judged:
    """What became of one comparison."""

    status: int
    out: str
    err: str
    rootdir: Path
    folder: Path

    @property
    def report(self) -> dict[str, Any]:
        value: dict[str, Any] = json.loads(self.written("report.json"))
        return value

    @property
    def kinds(self) -> dict[str, str]:
        """Give the kind of each finding by its test."""
        return {each["test"]: each["kind"] for each in self.report["findings"]}

    @property
    def only(self) -> dict[str, Any]:
        """Give the one finding."""
        (found,) = self.report["findings"]
        assert isinstance(found, dict)
        return found

    def written(self, name: str) -> str:
        return (self.folder / name).read_text(encoding="utf-8")


Judge: TypeAlias = Callable[..., Judged]
