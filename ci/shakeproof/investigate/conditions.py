"""What about the machine is worth changing, one thing at a time (pure: what there is to change is an argument).

Each is something that differs between the machines and the days on which a suite is run: a contributor abroad, the
container of a CI job, the last day of a month.
"""

from __future__ import annotations

import os
import shlex
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from shakeproof.model import Condition

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping
    from pathlib import Path

    from shakeproof.lab.surroundings import Surroundings

# As far ahead and as far behind as people live: at any time one of the two has another date than UTC.
AHEAD, BEHIND = "Pacific/Kiritimati", "Pacific/Pago_Pago"  # UTC+14, UTC-11
# West of UTC, daylight saving, and not on the full hour.
HALF_HOURS = "America/St_Johns"
ZONES = (AHEAD, BEHIND, HALF_HOURS)
# Decimal comma, other names of days, another sorting; Turkish has other capitals besides. The first that is installed.
LOCALES = ("de_DE.UTF-8", "fr_FR.UTF-8", "tr_TR.UTF-8")
FEW_DESCRIPTORS = 256  # the soft limit of macOS
WITHOUT_TIME_MACHINE = (
    "other dates, which take time-machine beside the tests' pytest: "
    "`python -m pip install time-machine` there, and ask again with --conditions date"
)
# The mark in its docstring says that pytest need not warn of a plugin that is imported already: many a project takes
# warnings for errors.
TRAVEL = (
    'import time_machine; time_machine.__doc__ = "PYTEST_DONT_REWRITE"; '
    "time_machine.travel({moment}).start()"
)
# What a machine without network answers: names are not found but for those that it knows by itself, and no address can
# be reached but its own, to which a socket can be bound.
OFFLINE = """\
import errno, socket, sys
def is_own(host, family):
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        try: return probe.bind((host, 0)) is None
        except OSError: return False
def offline(event, given):
    if event in ("socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr"):
        host, family = given[0], None
    elif event in ("socket.connect", "socket.sendto", "socket.sendmsg") and given[1]:
        host, family = given[1][0], given[0].family
        if family not in (socket.AF_INET, socket.AF_INET6): return
    else: return
    host = host.decode() if isinstance(host, bytes) else host or "localhost"
    numeric = ":" in host or host.replace(".", "").isdigit()
    if family and (numeric or host in known) and is_own(host, family): return
    if not family and (host in known or (numeric and event == "socket.getaddrinfo")): return
    if family and numeric: raise OSError(errno.ENETUNREACH, "Network is unreachable")
    raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")
known = {"localhost", "localhost.localdomain", "0.0.0.0", "127.0.0.1", "::", "::1", socket.gethostname()}
try: known.update(open("/etc/hosts").read().split())
except (OSError, UnicodeDecodeError): pass
sys.addaudithook(offline)"""
# multiprocessing may fork: a fork keeps the clock that was put.
NO_PROGRAMS = """\
import errno, sys
def unassisted(event, given):
    if event in ("subprocess.Popen", "os.posix_spawn", "os.exec", "os.system", "os.spawn"):
        raise PermissionError(errno.EPERM, "Operation not permitted")
sys.addaudithook(unassisted)"""
DAYS_OF_LONG_MONTHS = 31
JULY, DECEMBER = 7, 12  # the long months with a long one behind them
FEBRUARY, LEAP = 2, 29
# By which the clock may be put without changing the date, here and in UTC: an hour from UTC, between the two midnights,
# there are at least twenty to go on one side.
MINUTES = (360, -360, 180, -180, 60, -60, 20, -20)


@dataclass(frozen=True, slots=True)
class Place:
    """Where and when the tests run as usual."""

    rootdir: Path  # in which pytest is started
    environ: Mapping[str, str]
    now: datetime  # aware, by the local time zone
    around: Surroundings


def names() -> tuple[str, ...]:
    """List what can be changed, what matters most often first."""
    return tuple(_makers())


def conditions(wanted: Collection[str], place: Place) -> tuple[tuple[Condition, ...], list[str]]:
    """Say how to change what is wanted, and a sentence for each thing that cannot be changed here.

    What is so already (a machine with one CPU) is no condition, nor is a locale that is not installed.
    """
    made: list[Condition] = []
    missing: list[str] = []
    for name, make in _makers().items():
        if name in wanted:
            found = make(place)
            if isinstance(found, str):
                missing.append(found)
            else:
                made += found
    return tuple(made), missing


def _makers() -> Mapping[str, Callable[[Place], list[Condition] | str]]:
    return {
        "timezone": _zones,
        "date": _dates,
        "locale": _locales,
        "network": _network,
        "cwd": _folder,
        "descriptors": _descriptors,
        "cpu": _cpu,
    }


def _zones(place: Place) -> list[Condition] | str:
    hour = place.now.astimezone(UTC).hour
    other_date = AHEAD if hour >= 24 - 14 else BEHIND
    here = [zone for zone in (other_date, HALF_HOURS) if zone in place.around.zones]
    if not here:
        return "other time zones, of which this machine knows none"
    return [
        _variable(place, "TZ", zone, f"time zone {zone}", "timezone")
        for zone in here
        if place.environ.get("TZ") != zone
    ]


def _locales(place: Place) -> list[Condition]:
    wanted = ("C", *place.around.locales[:1])
    return [
        _variable(place, "LC_ALL", name, f"locale LC_ALL={name}", "locale")
        for name in wanted
        if place.environ.get("LC_ALL") != name
    ]


def _variable(place: Place, key: str, value: str, name: str, category: str) -> Condition:
    before = place.environ.get(key)
    return Condition(name, category, key, before, value, environment=((key, value),))


def _dates(place: Place) -> list[Condition] | str:
    if not place.around.time_machine:
        return WITHOUT_TIME_MACHINE
    today = place.now.replace(tzinfo=None)
    return [
        _travel(today, moment, f"date {moment:%Y-%m-%d} ({what})")
        for what, moment in other_dates(today)
    ]


def other_dates(now: datetime) -> tuple[tuple[str, datetime], ...]:
    """Choose the days that show most, at the same time of day: `now` and they are local times without a zone.

    The end of a month is one with 31 days before a shorter one: `replace(month=month + 1)` fails there, as
    `replace(day=day + 1)` does at the end of any.
    """
    tomorrow = now + timedelta(days=1)
    end = tomorrow + timedelta(days=1)
    while end.day != DAYS_OF_LONG_MONTHS or end.month in (JULY, DECEMBER):
        end += timedelta(days=1)
    leap = tomorrow + timedelta(days=1)
    while (leap.month, leap.day) != (FEBRUARY, LEAP):
        leap += timedelta(days=1)
    leaping = (now.month, now.day) == (FEBRUARY, LEAP)
    next_year = now.replace(year=now.year + 1, day=LEAP - 1 if leaping else now.day)
    return (
        ("tomorrow", tomorrow),
        ("end of a month", end),
        ("leap day", leap),
        ("next year", next_year),
    )


def same_date(place: Place) -> Condition:
    """Put the clock by some hours and leave the date as it is: who minds that, minds that the clock is a false one.

    Only Python's own clock can be put. A test that compares it with the times of files, or with what a database or
    another program says, would fail on any date.
    """
    now = place.now
    for minutes in MINUTES:
        then = now + timedelta(minutes=minutes)
        if then.date() == now.date() and then.astimezone(UTC).date() == now.astimezone(UTC).date():
            break
    return _travel(now, then, f"time {then:%H:%M} of the same day")


def no_programs() -> Condition:
    """Let no other program be started: who minds that works with one, whose clock is the true one on any date."""
    return Condition("no other programs", "programs", "programs", "any", "none", code=NO_PROGRAMS)


def _travel(now: datetime, then: datetime, name: str) -> Condition:
    # A number: time-machine takes the zone of anything else for an order to change the time zone too.
    code = TRAVEL.format(moment=int(then.timestamp()))
    return Condition(name, "clock", "date", f"{now:%Y-%m-%d}", f"{then:%Y-%m-%d}", code=code)


def _network(_: Place) -> list[Condition]:
    return [
        Condition(
            "network off",
            "network",
            "connections",
            "to anywhere",
            "only to this machine",
            code=OFFLINE,
        )
    ]


def _folder(place: Place) -> list[Condition]:
    # Where pytest is started is on the import path: it has to stay there, so that only the folder changes.
    listed = [place.environ["PYTHONPATH"]] if place.environ.get("PYTHONPATH") else []
    given = [path for paths in listed for path in paths.split(os.pathsep)]
    own = () if place.environ.get("PYTHONSAFEPATH") else (str(place.rootdir),)
    paths = (*own, *(str(place.rootdir / path) for path in given))
    return [
        Condition(
            name="another current directory",
            category="cwd",
            key="cwd",
            before=str(place.rootdir),
            after="an empty folder",
            environment=(("PYTHONPATH", os.pathsep.join(paths)),) if paths else (),
            elsewhere=True,
            wrapper='(cd "$(mktemp -d)" && {})',
        )
    ]


def _descriptors(place: Place) -> list[Condition] | str:
    around = place.around
    if not around.limited:
        return "fewer file descriptors, which cannot be limited on this machine"
    if around.descriptors is not None and around.descriptors <= FEW_DESCRIPTORS:
        return []
    code = (
        "import resource; resource.setrlimit(resource.RLIMIT_NOFILE, "
        f"({FEW_DESCRIPTORS}, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))"
    )
    return [
        Condition(
            name=f"at most {FEW_DESCRIPTORS} open files",
            category="descriptors",
            key="RLIMIT_NOFILE",
            before="unlimited" if around.descriptors is None else str(around.descriptors),
            after=str(FEW_DESCRIPTORS),
            code=code,
            wrapper=f"(ulimit -S -n {FEW_DESCRIPTORS}; {{}})",
        )
    ]


def _cpu(place: Place) -> list[Condition] | str:
    cpus = place.around.cpus
    if not cpus:
        return "one CPU, to which no process can be bound on this machine"
    if len(cpus) == 1:
        return []
    return [
        Condition(
            name="one CPU",
            category="cpu",
            key="CPUs",
            before=str(len(cpus)),
            after="1",
            code=f"import os; os.sched_setaffinity(0, {{{cpus[0]}}})",
            wrapper=f"taskset -c {cpus[0]} {{}}",
        )
    ]


def shell_line(condition: Condition, arguments: Collection[str]) -> str:
    """Write the command that runs pytest under a condition, for a shell: it needs nothing of Shakeproof."""
    variables = "".join(f"{key}={shlex.quote(value)} " for key, value in condition.environment)
    program = ["python", "-m", "pytest"]
    if condition.code and not condition.wrapper:
        joint = "\n" if "\n" in condition.code else "; "
        run = "import pytest, sys; sys.exit(pytest.main())"
        program = ["python", "-c", f"{condition.code}{joint}{run}"]
    line = f"{variables}{shlex.join([*program, *arguments])}"
    return condition.wrapper.replace("{}", line, 1) if condition.wrapper else line
