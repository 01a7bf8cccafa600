"""For each condition a test that takes it for granted, and one that does not."""

import contextlib
import datetime
import locale
import os
import pathlib
import socket
import subprocess
import time

NOON = time.localtime(12 * 3600).tm_hour  # on import: a fork would not see another time zone here


def test_time_zone():
    assert NOON == 12


def test_time_zone_named():
    noon = datetime.datetime.fromtimestamp(12 * 3600, datetime.timezone.utc)
    assert noon.hour == 12


def test_date():
    today = datetime.date.today()
    assert datetime.date(today.year - 1, today.month, today.day) < today


def test_date_given():
    today = datetime.date(2026, 11, 21)
    assert datetime.date(today.year - 1, today.month, today.day) < today


def test_date_of_a_file(tmp_path):
    # Fails on any day to which Python's clock is put, for that of the file system stays.
    file = tmp_path / "it.txt"
    file.write_text("x")
    assert abs(file.stat().st_mtime - time.time()) < 600


def test_date_of_a_program():
    # The same: another program goes by the true date.
    told = subprocess.run(["date", "+%Y"], capture_output=True, text=True, check=True).stdout
    assert int(told) == datetime.date.today().year


def test_locale():
    assert locale.nl_langinfo(locale.CODESET) == "UTF-8"


def test_locale_named(tmp_path):
    file = tmp_path / "it.txt"
    file.write_text("ä", encoding="utf-8")
    assert file.read_text(encoding="utf-8") == "ä"


def test_network():
    # Nothing is sent: the kernel only has to know a way there.
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as route:
        route.connect(("192.0.2.1", 9))


def test_network_of_its_own():
    with socket.create_server(("127.0.0.1", 0)) as server:
        with socket.create_connection(("localhost", server.getsockname()[1])):
            pass


def test_directory():
    assert pathlib.Path("data.txt").read_text() == "one line\n"


def test_directory_of_its_own():
    assert pathlib.Path(__file__).with_name("data.txt").read_text() == "one line\n"


def test_descriptors():
    with contextlib.ExitStack() as opened:
        for _ in range(300):
            opened.enter_context(open(os.devnull))


def test_few_descriptors():
    for _ in range(300):
        with open(os.devnull):
            pass


def test_cpus():
    assert len(os.sched_getaffinity(0)) > 1


def test_any_cpus():
    assert len(os.sched_getaffinity(0)) > 0
