"""The lines of a serving process: one line each, without secrets, and everything as before afterwards."""

import io
import json
import logging
import sys
from collections.abc import Mapping

import pytest
from pydantic import SecretStr

from backend.core.settings import Settings
from backend.tools.logs import OneLine, logging_to, secrets_of
from tests.factories import TEST_ADMIN_KEYS, TEST_API_KEY, FakeClock, make_settings


def record(
    message: str, extra: Mapping[str, object] | None = None, *, failed: bool = False
) -> logging.LogRecord:
    logger = logging.Logger("backend.some.part")  # noqa: LOG001 - shared with nobody
    problem = None
    if failed:
        try:
            raise ArithmeticError(message)  # noqa: TRY301 - for its traceback
        except ArithmeticError:
            problem = sys.exc_info()
    return logger.makeRecord(
        logger.name, logging.INFO, "file", 1, message, (), problem, extra=extra
    )


def written(told: logging.LogRecord, *, as_json: bool) -> str:
    return OneLine(FakeClock(), [TEST_API_KEY], as_json=as_json).format(told)


REQUEST = {"request_id": "abc", "method": "GET", "route": "/v1/eta", "status": 200}


def test_a_line_for_programs_is_json() -> None:
    line = written(record("GET /v1/eta 200", REQUEST | {"duration_ms": 1.5}), as_json=True)

    assert json.loads(line) == REQUEST | {
        "at": "2026-03-04T03:30:00.000+00:00",
        "level": "info",
        "logger": "backend.some.part",
        "message": "GET /v1/eta 200",
        "duration_ms": 1.5,
    }


def test_a_line_for_people_is_a_sentence() -> None:
    line = written(record("GET /v1/eta 200", REQUEST | {"duration_ms": 1.5}), as_json=False)

    assert line == ("2026-03-04T03:30:00.000+00:00 info GET /v1/eta 200 in 1.5 ms (request abc)")


def test_whatever_else_is_attached_stays_out() -> None:
    """A body or a header that somebody attaches is in no line."""
    assert "private" not in written(record("hello", {"body": "private"}), as_json=True)


def test_a_traceback_is_one_field() -> None:
    line = written(record("it broke", failed=True), as_json=True)

    assert line.count("\n") == 0
    assert json.loads(line)["traceback"].endswith("ArithmeticError: it broke")


def test_a_message_of_several_lines_is_one_line_of_text() -> None:
    """Nobody makes a second record out of one."""
    forged = "a\n2026-03-04T03:30:00.000+00:00 info forged"

    assert written(record(forged), as_json=False).count("\n") == 0
    below = written(record(forged, failed=True), as_json=False).splitlines()[1:]
    assert all(line.startswith("    ") for line in below)


@pytest.mark.parametrize("as_json", [True, False])
@pytest.mark.parametrize("key", [TEST_API_KEY, 'with"quotes"and\\slashes\\'])
def test_a_secret_is_in_no_line(*, as_json: bool, key: str) -> None:
    """Not in a message, not in a field, not in a traceback, and not in a spelling of JSON either."""
    formatter = OneLine(FakeClock(), [key], as_json=as_json)

    line = formatter.format(record(f"sent {key}", {"request_id": key}, failed=True))

    assert key not in line
    assert json.dumps(key)[1:-1] not in line
    assert line.count("[secret]") >= 3


def test_all_secrets_of_the_settings_are_known() -> None:
    url = "postgresql://user:password@host/database"

    settings = make_settings(database_url=SecretStr(url))

    signing = {key.secret for key in settings.admin_signing_keys}
    assert len(signing) == 2
    assert secrets_of(settings) == {TEST_API_KEY, TEST_ADMIN_KEYS, url} | signing
    assert secrets_of(make_settings(admin_keys=None)) == {TEST_API_KEY}


def lines_of(settings: Settings) -> list[str]:
    stream = io.StringIO()
    with logging_to(stream, settings, FakeClock()):
        for name in ("backend.api", "library"):
            for level in ("debug", "info", "warning", "error"):
                getattr(logging.getLogger(name), level)("%s %s", name, level)
    logging.getLogger("backend.api").error("too late")
    return [json.loads(line)["message"] for line in stream.getvalue().splitlines()]


@pytest.mark.parametrize(
    ("level", "lines"),
    [
        ("debug", ["debug", "info", "warning", "error"]),
        ("info", ["info", "warning", "error"]),
        ("warning", ["warning", "error"]),
        ("error", ["error"]),
    ],
)
def test_the_level_says_which_lines_are_written(level: str, lines: list[str]) -> None:
    """Libraries have their say from warnings on."""
    told = lines_of(make_settings(log_level=level))

    loud = [line for line in lines if line in {"warning", "error"}]
    assert told == [f"backend.api {line}" for line in lines] + [f"library {line}" for line in loud]


def test_the_process_logs_as_before_afterwards() -> None:
    """No handler and no level is left behind, whatever happened."""

    def state() -> tuple[object, ...]:
        root, ours = logging.getLogger(), logging.getLogger("backend")
        return tuple(root.handlers), root.level, tuple(ours.handlers), ours.level

    before = state()
    with pytest.raises(KeyboardInterrupt), logging_to(io.StringIO(), make_settings(), FakeClock()):
        raise KeyboardInterrupt

    assert state() == before


def test_what_was_told_is_not_told_again_by_the_server() -> None:
    stream, told, news = io.StringIO(), ArithmeticError("told"), ArithmeticError("news")
    told.add_note("The request's id is abc.")
    with logging_to(stream, make_settings(), FakeClock()):
        for problem in (told, news):
            logging.getLogger("uvicorn.error").error("Exception in app", exc_info=problem)

    (line,) = stream.getvalue().splitlines()
    assert "ArithmeticError: news" in line
