"""Where the lines of a serving process go: one line each on stderr, as JSON or as text, without secrets."""

import json
import logging
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC
from typing import TextIO

from pydantic import SecretStr

from backend.api.request_log import was_told
from backend.core.clock import Clock
from backend.core.settings import Settings

FIELDS = ("request_id", "method", "route", "status", "duration_ms")
"""What a line may say besides its message; nothing else that a caller attaches is written."""
CONCEALED = "[secret]"
OURS = "backend"


class OneLine(logging.Formatter):
    """Writes a record as one line, at the moment that an injected clock tells.

    A secret that found its way into a message or a traceback is concealed: a client may send its
    key anywhere.
    """

    def __init__(self, clock: Clock, secrets: Iterable[str], *, as_json: bool) -> None:
        super().__init__()
        self._clock = clock
        self._secrets = tuple(sorted(secrets, key=len, reverse=True))
        self._as_json = as_json

    def format(self, record: logging.LogRecord) -> str:
        """Write one record; a traceback is one field, and in a text indented below the line."""
        fields = {
            "at": self._clock.now().astimezone(UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage().strip(),
            **{name: getattr(record, name) for name in FIELDS if hasattr(record, name)},
        }
        if record.exc_info:
            fields["traceback"] = self.formatException(record.exc_info)
        shown = {name: self._conceal(value) for name, value in fields.items()}
        return json.dumps(shown) if self._as_json else _text(shown)

    def _conceal(self, value: object) -> object:
        if isinstance(value, str):
            for secret in self._secrets:
                value = value.replace(secret, CONCEALED)
        return value


def _text(fields: Mapping[str, object]) -> str:
    """Write a line for people: `2026-03-04T03:30:00.000+00:00 info GET /v1/eta 200 in 1.5 ms (request 3f...)`."""
    # Somebody else's message may have lines of its own, and would look like two records.
    message = " ".join(str(fields["message"]).split())
    line = f"{fields['at']} {fields['level']} {message}"
    if "duration_ms" in fields:
        line += f" in {fields['duration_ms']} ms"
    if "request_id" in fields:
        line += f" (request {fields['request_id']})"
    below = str(fields.get("traceback", "")).splitlines()
    return "\n    ".join((line, *below))


def secrets_of(settings: Settings) -> frozenset[str]:
    """Return the text of everything that the settings keep secret, each key of administrators by itself."""
    signing = (key.secret for key in settings.admin_signing_keys)
    return frozenset((*_secrets(dict(settings)), *signing))


def _secrets(value: object) -> Iterator[str]:
    if isinstance(value, SecretStr):
        yield value.get_secret_value()
    elif isinstance(value, Mapping):
        yield from _secrets(tuple(value.values()))
    elif isinstance(value, tuple | list | frozenset):
        for each in value:
            yield from _secrets(each)


@contextmanager
def logging_to(stream: TextIO, settings: Settings, clock: Clock) -> Iterator[None]:
    """Write the lines of the process to a stream, as the settings say; afterwards all is as before.

    Our own lines from `log_level` on; of the libraries' only warnings and worse.
    """
    handler = logging.StreamHandler(stream)
    as_json = settings.log_format == "json"
    handler.setFormatter(OneLine(clock, secrets_of(settings), as_json=as_json))
    handler.addFilter(_is_news)
    level = logging.getLevelNamesMapping()[settings.log_level.upper()]
    root, ours = logging.getLogger(), logging.getLogger(OURS)
    before = root.level, ours.level
    root.addHandler(handler)
    root.setLevel(max(level, logging.WARNING))
    ours.setLevel(level)
    try:
        yield
    finally:
        root.removeHandler(handler)
        root.setLevel(before[0])
        ours.setLevel(before[1])
        handler.close()


def _is_news(record: logging.LogRecord) -> bool:
    """Leave out what the server says about an exception that is in the log, under its request's id."""
    problem = record.exc_info[1] if record.exc_info else None
    ours = record.name == OURS or record.name.startswith(f"{OURS}.")
    return ours or problem is None or not was_told(problem)
