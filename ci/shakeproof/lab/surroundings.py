"""What there is around the tests that could be otherwise: asked of the tested interpreter."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from shakeproof.lab.base import Target

# An unknown zone is taken for UTC without a word: all that are asked for lie elsewhere.
LOOK = """
import json, locale, os, sys, time
locales, zones = json.loads(sys.argv[1])
seen = {"locales": [], "zones": [], "cpus": [], "descriptors": None, "time_machine": False}
for name in locales:
    try:
        locale.setlocale(locale.LC_ALL, name)
        seen["locales"].append(name)
    except locale.Error:
        pass
for name in zones if hasattr(time, "tzset") else ():
    os.environ["TZ"] = name
    time.tzset()
    if time.timezone:
        seen["zones"].append(name)
if hasattr(os, "sched_getaffinity"):
    seen["cpus"] = sorted(os.sched_getaffinity(0))
try:
    import resource
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    seen["descriptors"] = None if limit == resource.RLIM_INFINITY else limit
    seen["limited"] = True
except ImportError:
    seen["limited"] = False
try:
    import time_machine
    seen["time_machine"] = True
except Exception:
    pass
print(json.dumps(seen))
"""
SECONDS = 60.0  # an answer may take


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the tested interpreter can be given, and what it has."""

    locales: tuple[str, ...] = ()  # of those asked for, the installed ones
    zones: tuple[str, ...] = ()  # likewise, by their names
    cpus: tuple[int, ...] = ()  # that it may use; empty where that cannot be changed
    limited: bool = False  # whether the number of its open files can be limited
    descriptors: int | None = None  # that limit now; None: there is none
    time_machine: bool = False  # whether that package can be imported


def look_around(target: Target, locales: Iterable[str], zones: Iterable[str]) -> Surroundings:
    """Ask the tested interpreter. One that does not answer has nothing to offer."""
    try:
        answer = subprocess.run(
            [target.python, "-c", LOOK, json.dumps([list(locales), list(zones)])],
            cwd=target.rootdir,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=SECONDS,
        )
        # Whatever `sitecustomize` or a wrapper prints comes before.
        seen = json.loads(answer.stdout.strip().rpartition("\n")[2])
    except (OSError, ValueError, subprocess.TimeoutExpired):
        return Surroundings()
    return Surroundings(
        locales=tuple(seen["locales"]),
        zones=tuple(seen["zones"]),
        cpus=tuple(seen["cpus"]),
        limited=seen["limited"],
        descriptors=seen["descriptors"],
        time_machine=seen["time_machine"],
    )
