"""The walk in backend/README.md: its commands, the answers that the page shows, and whether others are like them."""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

README = Path(__file__).parents[2] / "backend" / "README.md"
HEADING = "## Walk through it, with curl\n"
BLOCK = re.compile(r"^```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)
HEREDOC = re.compile(r"<<'?(\w+)'?")
BETWEEN = "\x1e"
"""What the script prints after each answer: no answer has this character."""

VARYING: Sequence[tuple[str, str]] = (
    (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)", "<moment>"),
    (r"\d{4}-\d\d-\d\d", "<day>"),
    (r"bmtc_[\w-]{43}", "<key>"),
    (r"\bweek(days|ends)\b", "<kind of day>"),
    (r"(?m)^date: .*", "date: <moment>"),
    (r"(?m)^x-request-id: [0-9a-f]{32}$", "x-request-id: <id>"),
)
CLOSE = 0.1
"""How far numbers may be apart, of the larger one: what was observed fades from hour to hour."""


@dataclass(frozen=True)
class Step:
    """A command, and what the page says that it prints."""

    command: str
    answer: str


def section(page: str) -> str:
    """Return the walk's part of the page."""
    return page.partition(HEADING)[2].partition("\n## ")[0]


def steps(text: str) -> Iterator[Step]:
    """Yield the commands of all blocks, each with what stands below it."""
    for block in BLOCK.findall(text):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            first, _, rest = part.partition("\n")
            heredoc = HEREDOC.search(first)
            if heredoc:
                body, end, rest = rest.partition(f"\n{heredoc[1]}\n")
                first = f"{first}\n{body}{end}".rstrip("\n")
            yield Step(first, rest.rstrip("\n"))


def script(walk: Sequence[Step]) -> str:
    """Write the commands as one script, which stops at the first that fails."""
    return "set -eu\n" + "".join(f"{step.command}\nprintf '{BETWEEN}'\n" for step in walk)


def alike(shown: str, found: str) -> bool:
    """Say whether an answer is the one shown, but for what differs from run to run."""
    ours, theirs = _plain(shown).splitlines(), _plain(found).splitlines()
    return len(ours) == len(theirs) and all(map(_same_line, ours, theirs))


def _plain(text: str) -> str:
    """Put a word in the place of all that varies."""
    text = text.replace("\r", "").strip("\n")
    for pattern, word in VARYING:
        text = re.sub(pattern, word, text)
    return text


def _same_line(shown: str, found: str) -> bool:
    if not shown.startswith("{"):
        return shown == found
    return found.startswith("{") and _same(json.loads(shown), json.loads(found))


def _same(shown: object, found: object) -> bool:
    """Compare two values of JSON."""
    match shown, found:
        case {"type": "estimate", **ours}, {"type": "estimate", **theirs}:
            return ours.keys() == theirs.keys()  # it is about the moment at which it was asked for
        case dict(), dict():
            return shown.keys() == found.keys() and all(
                name in AT_ANY_TIME or _same(shown[name], found[name]) for name in shown
            )
        case list(), list():
            return len(shown) == len(found) and all(map(_same, shown, found))
        case int() | float(), int() | float():
            return abs(shown - found) <= CLOSE * max(abs(shown), abs(found))
        case _:
            return shown == found


AT_ANY_TIME = frozenset({"uptime_seconds", "age_seconds", "next"})
"""Numbers of seconds since something, and a place that has the day in it."""
