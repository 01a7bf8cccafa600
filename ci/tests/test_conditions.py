"""Which things about the machine are changed, and that a change does what its name says."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import psutil  # type: ignore[import-untyped]
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shakeproof.investigate.conditions import (
    OFFLINE,
    ZONES,
    Place,
    conditions,
    names,
    other_dates,
    same_date,
    shell_line,
)
from shakeproof.lab.base import Target
from shakeproof.lab.surroundings import Surroundings, look_around

if TYPE_CHECKING:
    from shakeproof.model import Condition

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
EVERYTHING = Surroundings(
    zones=ZONES, cpus=(2, 3), limited=True, descriptors=1024, time_machine=True
)
PLACE = Place(Path("/project"), {}, NOON, EVERYTHING)

local_times = st.datetimes(datetime(1971, 1, 2), datetime(2500, 1, 1))  # noqa: DTZ001
# No zone is half an hour from UTC.
halves = st.integers(-11 * 2, 14 * 2).filter(lambda halves: abs(halves) != 1)
offsets = halves.map(lambda halves: timezone(timedelta(hours=halves / 2)))


def chosen(place: Place, *wanted: str) -> list[str]:
    """Name what is changed there."""
    made, _ = conditions(wanted or names(), place)
    return [each.name for each in made]


def the(name: str, place: Place = PLACE) -> Condition:
    """Give the one condition that goes by a name."""
    ((made,), _) = conditions([name], place)
    return made


def test_what_matters_most_often_comes_first() -> None:
    assert chosen(PLACE) == [
        "time zone Pacific/Kiritimati",
        "time zone America/St_Johns",
        "date 2026-11-22 (tomorrow)",
        "date 2027-01-31 (end of a month)",
        "date 2028-02-29 (leap day)",
        "date 2027-11-21 (next year)",
        "locale LC_ALL=C",
        "network off",
        "another current directory",
        "at most 256 open files",
        "one CPU",
    ]


@given(st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001
def test_at_any_hour_a_zone_is_tried_that_has_another_date(now: datetime) -> None:
    first, *_ = conditions(["timezone"], replace(PLACE, now=now))[0]

    assert now.astimezone(ZoneInfo(first.after)).date() != now.date()


@given(local_times)
def test_other_dates_are_ahead_and_at_the_same_time_of_day(now: datetime) -> None:
    dates = dict(other_dates(now))

    assert all(then > now for then in dates.values())
    assert {then.time() for then in dates.values()} == {now.time()}
    assert dates["tomorrow"] - now == timedelta(days=1)
    assert (dates["leap day"].month, dates["leap day"].day) == (2, 29)
    assert dates["next year"].year == now.year + 1
    end = dates["end of a month"]
    assert end.day == 31
    with pytest.raises(ValueError, match="day"):  # the mistake it is there to show
        end.replace(month=end.month + 1)


@given(local_times, offsets)
def test_the_control_of_the_clock_keeps_the_date_here_and_in_utc(
    now: datetime, zone: timezone
) -> None:
    """A test that minds the date must not mind this: only one that cannot do with a false clock may."""
    aware = now.replace(tzinfo=zone)

    changed = same_date(replace(PLACE, now=aware))

    (moment,) = re.findall(r"travel\((\d+)\)", changed.code)
    then = datetime.fromtimestamp(int(moment), UTC)
    assert abs(then - aware) >= timedelta(minutes=19)
    assert (then.date(), then.astimezone(zone).date()) == (aware.astimezone(UTC).date(), now.date())


def test_within_half_an_hour_of_utc_the_clock_is_put_by_little_though_the_date_changes() -> None:
    """Between the two midnights no time near it has both dates, and there the control may say too much."""
    zone = timezone(timedelta(minutes=30))
    between = datetime(2026, 11, 21, 0, 15, tzinfo=zone)  # in UTC it is still the day before

    changed = same_date(replace(PLACE, now=between))

    (moment,) = re.findall(r"travel\((\d+)\)", changed.code)
    assert abs(datetime.fromtimestamp(int(moment), UTC) - between) == timedelta(minutes=20)


def test_what_is_so_already_is_no_condition() -> None:
    around = replace(EVERYTHING, cpus=(0,), descriptors=256)
    environ = {"TZ": "America/St_Johns", "LC_ALL": "C"}
    place = replace(PLACE, environ=environ, around=around)

    made = chosen(place, "timezone", "locale", "descriptors", "cpu")

    assert made == ["time zone Pacific/Kiritimati"]


def test_a_second_locale_is_tried_where_it_is_installed() -> None:
    around = replace(EVERYTHING, locales=("fr_FR.UTF-8", "tr_TR.UTF-8"))

    made = chosen(replace(PLACE, around=around), "locale")

    assert made == ["locale LC_ALL=C", "locale LC_ALL=fr_FR.UTF-8"]


def test_what_cannot_be_changed_is_said_and_how_to_get_it() -> None:
    made, missing = conditions(names(), replace(PLACE, around=Surroundings()))

    assert [each.name for each in made] == [
        "locale LC_ALL=C",
        "network off",
        "another current directory",
    ]
    assert [sentence.partition(",")[0] for sentence in missing] == [
        "other time zones",
        "other dates",
        "fewer file descriptors",
        "one CPU",
    ]
    assert "pip install time-machine" in missing[1]


def test_from_another_folder_the_same_is_imported() -> None:
    """What `python -m pytest` and PYTHONPATH put on the import path stays there, wherever pytest is started."""
    given_paths = os.pathsep.join(["src", "/lib"])

    changed = the("cwd", replace(PLACE, environ={"PYTHONPATH": given_paths}))

    wanted = os.pathsep.join(["/project", "/project/src", "/lib"])
    assert changed.environment == (("PYTHONPATH", wanted),)


def test_where_the_folder_is_not_on_the_import_path_it_stays_off() -> None:
    changed = the("cwd", replace(PLACE, environ={"PYTHONSAFEPATH": "1"}))

    assert changed.environment == ()


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("locale", "LC_ALL=C python -m pytest 'a b.py'"),
        ("cwd", "(cd \"$(mktemp -d)\" && PYTHONPATH=/project python -m pytest 'a b.py')"),
        ("descriptors", "(ulimit -S -n 256; python -m pytest 'a b.py')"),
        ("cpu", "taskset -c 2 python -m pytest 'a b.py'"),
    ],
)
def test_a_condition_is_said_as_a_shell_says_it(name: str, line: str) -> None:
    assert shell_line(the(name), ["a b.py"]) == line


def test_an_interpreter_is_asked_what_it_has(tmp_path: Path) -> None:
    around = look_around(Target(tmp_path, sys.executable), ["C", "no_SUCH"], [*ZONES, "No/Such"])

    assert around.locales == ("C",)
    assert "No/Such" not in around.zones
    assert around.time_machine


def test_an_interpreter_that_does_not_answer_has_nothing(tmp_path: Path) -> None:
    assert look_around(Target(tmp_path, str(tmp_path / "none")), ["C"], ZONES) == Surroundings()


ASK = """
import contextlib, socket
def told(what, *given):
    try:
        return what(*given) and "done" or "done"
    except OSError as error:
        return type(error).__name__
def of(kind, host):
    with socket.socket(socket.AF_INET, kind) as asking:
        return told(asking.connect, (host, server.getsockname()[1]))
with socket.create_server(("127.0.0.1", 0)) as server:
    print(
        of(socket.SOCK_STREAM, "127.0.0.1"), of(socket.SOCK_STREAM, "localhost"),
        of(socket.SOCK_DGRAM, "192.0.2.1"), of(socket.SOCK_STREAM, "192.0.2.1"),
        told(socket.getaddrinfo, "localhost", 80), told(socket.getaddrinfo, None, 80),
        told(socket.getaddrinfo, b"192.0.2.1", 80), told(socket.getaddrinfo, "example.invalid", 80),
        told(socket.gethostbyname, "example.invalid"),
    )
one, other = socket.socketpair()
one.sendall(b"x")
print(other.recv(1).decode(), told(one.connect, "/no/such/socket"))
"""


def test_without_network_this_machine_is_reached_by_each_of_its_addresses() -> None:
    """In a container its name stands for an address that is not 127.0.0.1."""
    own = [
        each.address
        for addresses in psutil.net_if_addrs().values()
        for each in addresses
        if each.family == socket.AF_INET
    ]
    code = (
        f"{OFFLINE}\n"
        "with socket.create_server(('0.0.0.0', 0)) as server:\n"
        "    for address in sys.argv[1:]:\n"
        "        socket.create_connection((address, server.getsockname()[1])).close()\n"
    )

    subprocess.run([sys.executable, "-c", code, *own], check=True)


def test_without_network_only_this_machine_is_reached() -> None:
    shown = subprocess.run(
        [sys.executable, "-c", OFFLINE + ASK], capture_output=True, text=True, check=True
    )

    assert shown.stdout.split() == [
        *("done", "done", "OSError", "OSError"),
        *("done", "done", "done", "gaierror", "gaierror"),
        *("x", "FileNotFoundError"),
    ]
