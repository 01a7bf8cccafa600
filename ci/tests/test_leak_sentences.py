"""What is said of a leak reads as a sentence in every category, and gives no secret away."""

from __future__ import annotations

import pytest

from shakeproof.inject.shakeproof_state.fills import Meanwhile
from shakeproof.inject.shakeproof_state.protocol import CATEGORIES, Change
from shakeproof.leaks.sentences import sentence, sentence_of_fill, shortly

VARIABLE = Change("environment", "APP_MODE", None, "'fast'", "environment")
SAID = {
    "environment": (VARIABLE, "changed environment variable APP_MODE (not there -> 'fast')"),
    "settings": (
        Change("settings", "app.settings.debug", "False", "True", "globals"),
        "changed settings app.settings.debug (False -> True)",
    ),
    "cache": (
        Change("cache", "app.CACHE['a']", None, "1", "globals"),
        "changed cache app.CACHE['a'] (not there -> 1)",
    ),
    "database": (
        Change("database", "app.sqlite3: table users", "1 row", "2 rows", "sqlite"),
        "changed database app.sqlite3: table users (1 row -> 2 rows)",
    ),
    "global": (
        Change("global", "app.LIMIT", "1", "2", "globals"),
        "changed global app.LIMIT (1 -> 2)",
    ),
    "import": (
        Change("import", "sys.path", "['a']", "['a', 'b']", "path"),
        "changed import state sys.path (['a'] -> ['a', 'b'])",
    ),
    "cwd": (
        Change("cwd", "cwd", "'/a'", "'/b'", "cwd"),
        "changed current directory ('/a' -> '/b')",
    ),
    "filesystem": (
        Change("filesystem", "out.txt", None, "12 bytes", "files"),
        "left the file out.txt behind (12 bytes)",
    ),
    "logging": (
        Change("logging", "app.level", "INFO", "DEBUG", "logging"),
        "changed logging app.level (INFO -> DEBUG)",
    ),
    "warnings": (
        Change("warnings", "warnings.filters", "(1,)", "(2,)", "warnings"),
        "changed warning filters ((1,) -> (2,))",
    ),
    "random": (
        Change(
            "random",
            "random",
            "not seeded by the test",
            "seeded, or set to another state",
            "random",
        ),
        "changed random numbers (not seeded by the test -> seeded, or set to another state)",
    ),
    "clock": (
        Change("clock", "time.time", "<built-in time.time>", "<function fake>", "globals"),
        "changed clock time.time (<built-in time.time> -> <function fake>)",
    ),
    "timezone": (
        Change(
            "timezone", "time.tzname", "('UTC', 'UTC', 0)", "('CET', 'CEST', -3600)", "timezone"
        ),
        "changed time zone time.tzname (('UTC', 'UTC', 0) -> ('CET', 'CEST', -3600))",
    ),
    "locale": (
        Change("locale", "LC_NUMERIC", "'C'", "'de_DE.UTF-8'", "locale"),
        "changed locale LC_NUMERIC ('C' -> 'de_DE.UTF-8')",
    ),
    "thread": (
        Change("thread", "thread Thread-1 (poll)", None, "daemon thread running", "threads"),
        "left the daemon thread Thread-1 (poll) running",
    ),
    "network": (
        Change("network", "descriptor 12", None, "listening on ('127.0.0.1', 80)", "descriptors"),
        "left a socket open (listening on ('127.0.0.1', 80), descriptor 12)",
    ),
}


@pytest.mark.parametrize("category", CATEGORIES)
def test_a_leak_of_any_category_reads_as_a_sentence(category: str) -> None:
    change, said = SAID[category]

    text, _, advice = sentence("test_it", change).partition("; ")

    assert text == f"test_it {said}"
    assert advice


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            Change("filesystem", "data.csv", "12 bytes", None, "files"),
            "removed the file data.csv",
        ),
        (
            Change("filesystem", "data.csv", "12 bytes", "13 bytes", "files"),
            "changed file data.csv (12 bytes -> 13 bytes)",
        ),
        (
            Change("filesystem", "descriptor 7", None, "/project/data.csv", "descriptors"),
            "left a file open (/project/data.csv, descriptor 7)",
        ),
        (
            Change("thread", "asyncio event loop", None, "open: Task-1", "threads"),
            "left the asyncio event loop open: Task-1",
        ),
        (
            Change("filesystem", "umask", "0o022", "0o077", "umask"),
            "changed the umask (0o022 -> 0o077)",
        ),
        (
            Change("global", "SIGTERM", "SIG_DFL", "SIG_IGN", "interpreter"),
            "changed the handler of SIGTERM (SIG_DFL -> SIG_IGN)",
        ),
        (
            Change("environment", "APP_MODE", "'fast'", None, "environment"),
            "changed environment variable APP_MODE ('fast' -> not there)",
        ),
    ],
)
def test_what_was_left_or_removed_is_said_to_be(change: Change, said: str) -> None:
    assert sentence("test_it", change, "do so").rpartition("; ")[0] == f"test_it {said}"


def test_secrets_are_masked_wherever_they_stand() -> None:
    leaks = [
        Change("environment", "APP_API_KEY", "'hunter1'", "'hunter2'", "environment"),
        Change("global", "app.client('token=hunter2')", None, "1", "globals"),
        Change(
            "global",
            "app.CONFIG",
            "{'password': 'hunter2'}",
            "'redis://me:hunter2@host'",
            "globals",
        ),
        Change("network", "descriptor 3", None, "token=hunter2", "descriptors"),
    ]

    for each in leaks:
        assert "hunter" not in sentence("test_it", each)
        assert "hunter" not in sentence_of_fill(
            "test_it", each, Meanwhile((each,), by_fixture=False)
        )


def test_a_probe_of_ones_own_may_say_what_to_use() -> None:
    assert sentence("test_it", VARIABLE, "use the fixture `mode`").endswith(
        "; use the fixture `mode`"
    )


@pytest.mark.parametrize(
    ("probe", "key"),
    [("umask", "umask"), ("interpreter", "SIGTERM"), ("interpreter", "sys.getrecursionlimit()")],
)
def test_what_monkeypatch_cannot_set_is_put_back_in_a_fixture(probe: str, key: str) -> None:
    said = sentence("test_it", Change("global", key, "1", "2", probe))

    assert said.endswith("; put it back in a fixture")


def test_the_first_few_are_named() -> None:
    assert shortly("abc") == "a, b, c"
    assert shortly("abcde") == "a, b, c and 2 more"
