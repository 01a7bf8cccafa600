"""`python -m backend`: serve, load-feed and simulate, and what they say when they cannot."""

import importlib
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Mapping, MutableMapping
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from zoneinfo import ZoneInfo

import httpx2
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

import backend
from backend.api.app import create_app
from backend.core.clock import SystemClock
from backend.core.errors import DatabaseError
from backend.core.rides import Segment
from backend.core.settings import Settings
from backend.core.storage import Database
from backend.core.store import save_feed
from backend.tools.city import build_city, commute_truth, submissions
from backend.tools.cli import main
from backend.tools.errors import CommandError
from backend.tools.serve import listen
from backend.tools.simulate import next_commute, post_rides, ride_the_city
from tests.factories import TEST_API_KEY, FakeClock, make_feed, make_stops
from tests.feeds import calendar, feed_tables, write_tables
from tests.integration.live import connect, serving
from tests.integration.phone import ask, eta, headers
from tests.integration.server import announced_url, running

SECONDS_TO_END = 30
ZONE = ZoneInfo("Asia/Kolkata")


@pytest.fixture
def variables(database_variables: dict[str, str]) -> dict[str, str]:
    """Give the variables of a service on this test's database."""
    return {"BMTC_API_KEY": TEST_API_KEY} | database_variables


@pytest.fixture
def rider(client: TestClient) -> TestClient:
    """Give the client of the service with a phone's key in every request."""
    client.headers.update({"Authorization": headers()["Authorization"]})
    return client


@pytest.mark.slow
def test_the_whole_way_from_the_timetable_to_what_was_observed(
    variables: dict[str, str], tmp_path: Path
) -> None:
    """A real server moves from the timetable to nearly the true time, and ends in good order."""
    variables |= {"BMTC_N0": "5", "BMTC_LOG_LEVEL": "info"}
    clock, feed = SystemClock(), str(tmp_path / "city.zip")
    assert main(["simulate", "--write-feed", feed], variables, clock) == 0
    assert main(["load-feed", feed], variables, clock) == 0
    city = build_city(seed=1)
    way = Segment(*city.commute.ends)
    leaving = next_commute(clock.now().astimezone(ZONE))

    with (
        running(variables, "serve", "--port", "0") as process,
        connect(announced_url(process)) as passenger,
    ):
        before = eta(passenger, way, at=leaving)
        posting = ["simulate", "--post", str(passenger.base_url), "--rides", "60"]
        assert main(posting, variables, clock) == 0
        after = eta(passenger, way, at=leaving)
        process.send_signal(signal.SIGINT)  # as Ctrl-C does
        out, err = process.communicate(timeout=SECONDS_TO_END)

    assert (process.returncode, out) == (0, "Stopped.\n")
    first, *requests, last = map(json.loads, err.splitlines())
    assert (first["message"], last["message"]) == ("The service has started.", "The service stops.")
    assert {line["status"] for line in requests} == {200}

    truth = commute_truth(city, leaving)
    assert (before["mean_seconds"], before["weight"]) == (sum(city.commute.seconds), 0)
    assert before["mean_seconds"] < after["mean_seconds"] < truth * 1.1
    assert truth - after["mean_seconds"] < 0.5 * (truth - before["mean_seconds"])
    assert after["weight"] > 0.5


def test_importing_the_command_starts_nothing() -> None:
    """Tools that import every module of a package must not end up serving."""
    assert importlib.import_module("backend.__main__").__name__ == "backend.__main__"


def test_a_server_without_a_key_ends_with_a_sentence(database_path: str) -> None:
    """The real process exits with 2 and one line that names the variable and what it may be."""
    with running({"BMTC_DB_PATH": database_path}, "serve") as process:
        out, err = process.communicate(timeout=SECONDS_TO_END)

    assert (process.returncode, out) == (2, "")
    assert err == (
        "python -m backend: BMTC_API_KEY is not set and no key is stored;"
        " set it to a secret of at least 16 visible ASCII characters,"
        " or run `python -m backend keys add NAME`.\n"
    )


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "required: COMMAND"),
        (["fly"], "invalid choice: 'fly'"),
        (["serve", "--port", "65536"], "'65536' is not a whole number from 0 to 65535"),
        (["serve", "--port", "²"], "'²' is not a whole number"),
        (["load-feed"], "required: FEED.zip"),
        (["simulate"], "nothing to do"),
        (["simulate", "--rides", "-1"], "--rides"),
        (["simulate", "--post", "nonsense"], "does not answer"),
        (["simulate", "--post", "http://["], "does not answer"),
        (["simulate", "--post", "http://a..b"], "does not answer"),
        (["keys"], "required: ACTION"),
        (["keys", "add"], "required: NAME"),
        (["keys", "add", "two words"], "'two words' is no name for a key"),
        (["keys", "revoke", "nobody"], "no key with the name 'nobody'"),
    ],
    ids=" ".join,
)
def test_bad_arguments_are_told_in_one_sentence(
    variables: dict[str, str], capsys: pytest.CaptureFixture[str], arguments: list[str], words: str
) -> None:
    assert words in refusal(arguments, variables, capsys)


def test_riders_without_a_key_are_refused_in_one_sentence(
    variables: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    keyless = {name: value for name, value in variables.items() if name != "BMTC_API_KEY"}
    arguments = ["simulate", "--post", "http://127.0.0.1"]
    assert "BMTC_API_KEY is not set" in refusal(arguments, keyless, capsys)


def refusal(
    arguments: list[str], variables: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> str:
    """Return what a command says that cannot be run: exit 2, nothing on stdout, one line on stderr."""
    assert main(arguments, variables, FakeClock()) == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    return err


def test_a_bad_setting_is_told_in_one_sentence(
    variables: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    """The sentence names the variable and its range, and never the key."""
    assert main(["simulate"], variables | {"BMTC_N0": "0"}, FakeClock()) == 2

    out, err = capsys.readouterr()
    assert (out, err) == (
        "",
        "python -m backend: BMTC_N0 is '0', but must be a whole number from 1 to 10000.\n",
    )


@pytest.mark.parametrize(
    "command", [[], ["serve"], ["load-feed"], ["simulate"], ["keys"], ["admin-token"]], ids=str
)
def test_help_is_given_without_any_setting(
    command: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """--help works on a machine where nothing is configured yet."""
    with pytest.raises(SystemExit) as left:
        main([*command, "--help"], {}, FakeClock())

    assert left.value.code == 0
    assert capsys.readouterr().out.startswith("usage: python -m backend")


def test_a_port_that_is_taken(
    variables: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    """Two servers cannot share a port; the second says so."""
    with listen("127.0.0.1", 0) as listener:
        port = str(listener.getsockname()[1])
        assert main(["serve", "--port", port], variables, FakeClock()) == 2

    assert f"Nothing can listen on port {port} of 127.0.0.1" in capsys.readouterr().err


def test_a_database_that_is_none(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A server whose database cannot be opened does not start."""
    variables = {
        "BMTC_API_KEY": TEST_API_KEY,
        "BMTC_DB_PATH": str(tmp_path / "missing" / "db"),
    }

    assert main(["serve", "--port", "0"], variables, FakeClock()) == 2
    assert "cannot be opened" in capsys.readouterr().err


def test_a_service_that_fails_while_it_starts(
    variables: dict[str, str],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A database that vanishes after the first look ends the server with 2, not with uvicorn's 3."""

    def vanish(path: str) -> Database:
        raise DatabaseError(f"The database {path} is gone.")

    monkeypatch.setattr("backend.tools.serve.create_app", partial(create_app, opening=vanish))

    assert main(["serve", "--port", "0"], variables, FakeClock()) == 2
    assert capsys.readouterr().err.endswith("what failed stands in the log above.\n")


def test_ctrl_c_ends_with_130(variables: dict[str, str], tmp_path: Path) -> None:
    """As shells expect of a program that was interrupted."""

    class Interrupted(FakeClock):
        """A clock at which somebody presses Ctrl-C."""

        def now(self) -> datetime:
            raise KeyboardInterrupt

    command = ["simulate", "--write-feed", str(tmp_path / "city.zip")]
    assert main(command, variables, Interrupted()) == 130


def test_riders_go_by_no_proxy(
    app: FastAPI, variables: dict[str, str], environ: MutableMapping[str, str]
) -> None:
    """Settings are BMTC_* variables alone: a proxy for other programs is not asked."""
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        environ[name] = "http://127.0.0.1:1"
    for name in ("no_proxy", "NO_PROXY"):
        environ[name] = ""
    with serving(app) as url:
        assert main(["simulate", "--post", url, "--rides", "1"], variables, FakeClock()) == 0


def test_a_feed_is_loaded_with_its_counts(
    variables: dict[str, str],
    database: Database,
    client: TestClient,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """load-feed replaces the timetable under a running service, and prints what it found."""
    old, feed = make_stops(2), tmp_path / "city.zip"
    with database.writing() as transaction:
        save_feed(transaction, make_feed(old))
    main(["simulate", "--seed", "3", "--write-feed", str(feed)], variables, FakeClock())

    assert main(["load-feed", str(feed)], variables, FakeClock()) == 0

    assert "3 routes, 6 patterns, 42 segments" in capsys.readouterr().out
    assert eta(client, Segment(*build_city(3).commute.ends))["observations"] == 0
    assert ask(client, Segment(*old)).status_code == 404
    assert main(["load-feed", str(feed)], variables, FakeClock()) == 0
    assert capsys.readouterr().out.endswith("loaded already; nothing has changed.\n")


@pytest.mark.parametrize(
    ("days", "told"),
    [
        ({}, ""),
        (
            calendar("S,1,1,1,1,1,1,1,20260201,20260303"),
            "Mind that its last service day was 2026-03-03",
        ),
        (calendar("S,1,1,1,1,1,1,1,20260201,20260304"), ""),
        (
            calendar("S,0,0,0,0,0,0,0,20260201,20260331"),
            "Mind that none of its trips runs on any day",
        ),
    ],
)
def test_a_timetable_that_is_over_is_told_of(
    days: dict[str, str],
    told: str,
    variables: dict[str, str],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """It is loaded: its durations are worth something. But nobody should wonder why no bus is announced."""
    feed = tmp_path / "feed.zip"
    write_tables(feed, feed_tables("A", "B") | days)

    assert main(["load-feed", str(feed)], variables, FakeClock()) == 0

    assert capsys.readouterr().err.partition(":")[0] == told
    # Whoever loads it every night hears of it every night.
    assert main(["load-feed", str(feed)], variables, FakeClock()) == 0
    assert capsys.readouterr().err.partition(":")[0] == told


def test_today_is_that_of_the_riders(
    variables: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """In the evening of UTC it is tomorrow in Kolkata already."""
    feed, evening = tmp_path / "feed.zip", FakeClock(datetime(2026, 3, 3, 20, tzinfo=UTC))
    write_tables(feed, feed_tables("A", "B") | calendar("S,1,1,1,1,1,1,1,20260201,20260303"))

    assert main(["load-feed", str(feed)], variables, evening) == 0

    assert "its last service day was 2026-03-03" in capsys.readouterr().err


def test_a_command_whose_output_is_closed_does_its_work(
    environ: Mapping[str, str], tmp_path: Path
) -> None:
    """As with `>&-`: Python has no standard output then."""
    feed = tmp_path / "city.zip"
    command = (sys.executable, "-m", "backend", "simulate", "--write-feed", str(feed))
    ended = subprocess.run(
        ["sh", "-c", 'exec "$@" >&-', "sh", *command],  # noqa: S607 - whichever shell there is
        env=dict(environ),
        stderr=subprocess.PIPE,
        check=False,
    )
    assert (ended.returncode, ended.stderr, feed.exists()) == (0, b"", True)


@pytest.mark.parametrize("command", [("admin-token", "--scope", "keys:manage"), ("--help",)])
def test_who_has_read_enough_of_the_output_gets_no_traceback(
    command: tuple[str, ...], environ: Mapping[str, str]
) -> None:
    """As with `| head`: the status is what a shell tells of a program that wrote for nobody."""
    reading, writing = os.pipe()
    os.close(reading)
    try:
        ended = subprocess.run(
            [sys.executable, "-m", "backend", *command],
            # Unbuffered, argparse would meet the closed pipe by itself, and be content.
            env={**environ, "BMTC_ADMIN_KEYS": f"k:{'s' * 32}", "PYTHONUNBUFFERED": ""},
            stdout=writing,
            stderr=subprocess.PIPE,
            check=False,
        )
    finally:
        os.close(writing)
    assert (ended.returncode, ended.stderr) == (141, b"")


def test_a_bad_feed_leaves_the_old_timetable(
    variables: dict[str, str], database: Database, client: TestClient, tmp_path: Path
) -> None:
    """A feed that cannot be read changes nothing."""
    stops = make_stops(2)
    with database.writing() as transaction:
        save_feed(transaction, make_feed(stops))
    (tmp_path / "bad.zip").write_bytes(b"no zip")

    assert main(["load-feed", str(tmp_path / "bad.zip")], variables, FakeClock()) == 2

    assert ask(client, Segment(*stops)).status_code == 200


def test_a_feed_is_not_loaded_into_nowhere(capsys: pytest.CaptureFixture[str]) -> None:
    """A database in memory would forget the timetable at once, so load-feed asks for a file."""
    variables = {"BMTC_API_KEY": TEST_API_KEY, "BMTC_DB_PATH": ":memory:"}
    assert main(["load-feed", "x.zip"], variables, FakeClock()) == 2
    assert "name a file" in capsys.readouterr().err


def test_a_feed_that_cannot_be_written(
    variables: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Simulate says where it could not write."""
    target = str(tmp_path / "missing" / "city.zip")

    assert main(["simulate", "--write-feed", target], variables, FakeClock()) == 2
    assert f"{target}: the feed cannot be written there" in capsys.readouterr().err


def test_riders_of_the_same_day_are_the_same(rider: TestClient, clock: FakeClock) -> None:
    """Simulating twice on one day adds only the rides that are new."""
    city, now = build_city(seed=5), clock.now().astimezone(ZONE)

    first = post_rides(rider, submissions(city, 10, now))
    second = post_rides(rider, submissions(city, 15, now))

    assert (first.rides, first.known) == (10, 0)
    assert (second.rides, second.known) == (15, 10)
    assert first.learned > 10 > first.rejected


def test_the_simulation_tells_how_the_estimate_moved(rider: TestClient, clock: FakeClock) -> None:
    """Before the first ride nothing is known about the commute; afterwards there is an estimate."""
    told = ride_the_city(rider, build_city(seed=5), 20, clock.now().astimezone(ZONE))

    assert told.startswith("Posted 20 rides: ")
    assert "leaving Thu 2026-03-05 08:30: p50 unknown before, " in told


def test_a_refused_ride_ends_the_simulation_with_the_servers_words(
    app: FastAPI, variables: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    """With another key than the server's, simulate repeats what the server said."""
    wrong = variables | {"BMTC_API_KEY": "another-key-for-tests"}
    with serving(app) as url:
        assert main(["simulate", "--post", url, "--rides", "1"], wrong, FakeClock()) == 2

    assert "refuses with 401: The key is missing or wrong;" in capsys.readouterr().err


def test_a_server_of_somebody_else_is_not_understood(clock: FakeClock) -> None:
    """Whatever answers at the address without our envelope is told by its status."""
    teapot = httpx2.MockTransport(lambda _: httpx2.Response(418, text="short and stout"))

    with (
        httpx2.Client(transport=teapot, base_url="http://teapot") as client,
        pytest.raises(CommandError, match="refuses with 418"),
    ):
        post_rides(client, submissions(build_city(1), 1, clock.now()))


def test_a_weekend_is_over_before_the_next_commute(clock: FakeClock) -> None:
    """After Friday the next commute is on Monday."""
    friday = (clock.now() + timedelta(days=2)).astimezone(ZONE)

    assert next_commute(friday).strftime("%A %H:%M") == "Monday 08:30"


def test_the_readme_lists_every_setting_with_its_default() -> None:
    """The table of settings in backend/README.md says what the code says."""
    readme = Path(backend.__file__).with_name("README.md").read_text(encoding="utf-8")
    row = re.compile(r"^\| `BMTC_(\w+)` \| (?:`(.+?)`|none) \|", re.MULTILINE)
    written = {name.lower(): default for name, default in row.findall(readme)}

    fields = Settings.model_fields
    assert written.keys() == fields.keys()
    documented = {name: default for name, default in written.items() if default}
    assert Settings.model_validate(documented) == Settings()
    without = {name for name in fields if name not in documented}
    assert without == {"admin_keys", "api_key", "database_url", "holidays"}
