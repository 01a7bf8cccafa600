"""Naming the machine (effects)."""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Machine:
    """What two measurements must share before their seconds can be compared."""

    cpu: str
    cores: int
    system: str
    python: str

    def __str__(self) -> str:
        """Name it in one line."""
        return f"{self.cpu}, {self.cores} cores, {self.system}, Python {self.python}"


def this_machine() -> Machine:
    """Describe the machine that this runs on; `cores` are those that this process may use."""
    return Machine(
        cpu=_cpu() or platform.processor() or platform.machine() or "unknown CPU",
        cores=usable_cores(),
        system=f"{platform.system()} {platform.machine()}",
        python=platform.python_version(),
    )


def usable_cores() -> int:
    """Count the cores that this process may use: a container may have fewer than its machine."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _cpu() -> str:
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return ""
    lines = (line.partition(":") for line in text.splitlines())
    return next((value.strip() for key, _, value in lines if key.strip() == "model name"), "")
