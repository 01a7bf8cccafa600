"""How much is told about what is wrong with a request: what is short to send must not be long to answer."""

from collections.abc import Iterable

MOST_DETAILS = 20
"""Of the mistakes of one body or message; who has mended these may ask again."""
LONGEST_FIELD = 100
"""Characters of the name of a field, which a client may have made up."""


def name_field(path: Iterable[int | str]) -> str:
    """Return the name of a field, such as segments.0.seconds, cut off where it is too long."""
    name = ".".join(map(str, path))
    return name if len(name) <= LONGEST_FIELD else f"{name[:LONGEST_FIELD]}..."
