"""Telling failures apart by what they say (pure)."""

from __future__ import annotations

import re

# What differs from run to run without meaning anything, most specific first.
_NOISE = (
    (re.compile(r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b", re.IGNORECASE), "<uuid>"),
    (re.compile(r"0x[0-9a-fA-F]+"), "<address>"),
    (
        re.compile(r"(?:/[\w.+-]+)*/(?:pytest-of-[\w.+-]+|shakeproof-\w+)(?:/[\w.+\[\]-]+)*"),
        "<tmp>",
    ),
    (re.compile(r"\b(?=[0-9a-f]*[0-9])(?=[0-9a-f]*[a-f])[0-9a-f]{8,}\b", re.IGNORECASE), "<hex>"),
    (re.compile(r"\d+(?:\.\d+)?(?:[eE][+-]?\d+)?"), "<n>"),
)


def fingerprint(message: str) -> str:
    """Reduce a failure's message to what two failures for the same reason have in common.

    Only the first line counts: below it pytest explains with whole objects, which differ in every run. There,
    addresses, ids, temporary paths and numbers are replaced by their kind: `assert 3 == 2` and `assert 4 == 2` are one
    reason (so many rows were left behind), `assert 'fast' == 'safe'` is another.
    """
    message = message.strip().partition("\n")[0]
    for pattern, kind in _NOISE:
        message = pattern.sub(kind, message)
    return " ".join(message.split())


_VALUE = r"""(?:"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|<(?:n|hex|uuid|address|tmp)>)"""
# pytest shortens long containers with dots.
_VALUES = re.compile(rf"[+-]?{_VALUE}(?:(?:, |: )(?:{_VALUE}|\.\.\.))*")


def reason(message: str) -> str:
    """Reduce a failure's message further, to what was wrong whatever the values: what does not fit, not which.

    `assert not {'a'}` and `assert not {'b', 'c'}` are one reason, found with what different tests had left behind;
    `KeyError: 'a'` is another.
    """
    return _VALUES.sub("<value>", fingerprint(message))


_KEYED = re.compile(
    r"""(?<![\w.-])(?P<name>(?P<quote>["']?)[\w.-]{0,40}?(?:key|token|secret|password|passwd|credential|auth|dsn|cookie)[\w.-]{0,40}(?P=quote))
        (?P<between>\s?=(?!=)\s?|(?<=["']):\s?)
        (?P<value>"[^"]*+"?|'[^']*+'?|[^\s,;&)}\]]++)""",
    re.IGNORECASE | re.VERBOSE,
)
_URL_PASSWORD = re.compile(
    r"(?P<before>\b[\w+.-]{1,32}://[^\s:/@'\"]{0,100}:)[^\s/@'\"]{1,200}(?=@)"
)
MASK = "***"


def mask(text: str) -> str:
    """Hide values that look like secrets: of keys such as `API_KEY` (in `KEY=value` or `'key': value`), and in URLs."""
    return _URL_PASSWORD.sub(rf"\g<before>{MASK}", _KEYED.sub(_without_value, text))


_SECRET = re.compile(r"key|token|secret|password|passwd|credential|auth|dsn|cookie", re.IGNORECASE)


def mask_value(key: str, value: str | None) -> str | None:
    """Hide a value that stands by itself, where what it belongs to is called like a secret.

    What is told by its type, such as `<built-in compare_digest>`, gives nothing away.
    """
    if value is None:
        return None
    told_by_type = value.startswith("<") and value.endswith(">")
    return MASK if _SECRET.search(key) and not told_by_type else mask(value)


def _without_value(found: re.Match[str]) -> str:
    value = found["value"]
    quote = value[0] if value[0] in "\"'" else ""
    return f"{found['name']}{found['between']}{quote}{MASK}{quote}"


# The last line of an internal error is the exception; those before are the way to it.
_INTERNAL_ERROR = re.compile(r"^INTERNALERROR> (?=.*\S)(.+)$", re.MULTILINE)
_COMPLAINT = re.compile(r"^.*?\berror: (?!usage:)(.+)$", re.IGNORECASE | re.MULTILINE)


def complaint(printed: str) -> str:
    """Find what pytest complains of where it ran nothing: its own line, else the last that it printed."""
    if internal := _INTERNAL_ERROR.findall(printed):
        return mask(internal[-1]).strip()
    found = _COMPLAINT.search(printed)
    return mask(found[1] if found else printed.strip().rpartition("\n")[2]).strip()


def headline(message: str, width: int = 160) -> str:
    """Give the first line of a message, shortened to `width` characters, for a table or a summary.

    Where it only announces what follows, by ending with a colon, the next line that says something is part of it.
    """
    first, _, rest = message.strip().partition("\n")
    first = first.strip()
    if first.endswith(":"):
        following, _, _ = rest.strip().partition("\n")
        first = f"{first} {following}".strip()
    return first if len(first) <= width else first[: width - 1] + "…"
