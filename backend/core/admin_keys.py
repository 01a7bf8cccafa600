"""The keys that sign administrators' tokens, as a setting spells them."""

import re
from dataclasses import dataclass, field

LEAST_SECRET = 32
"""Characters: HS256 asks for a key of at least 256 bits (RFC 7518, section 3.2)."""

PAIR_TEXT = re.compile(r"(?P<kid>[A-Za-z0-9._-]{1,64}):(?P<secret>[!-+\--~]+)")


@dataclass(frozen=True, slots=True)
class AdminKey:
    """A key with the id by which tokens name it (`kid`)."""

    kid: str
    secret: str = field(repr=False)


def parse_admin_keys(text: str) -> tuple[AdminKey, ...]:
    """Read `kid:secret,kid2:secret2`; ValueError, which repeats none of it, for anything else.

    A secret has at least `LEAST_SECRET` visible ASCII characters, none of them a comma; each id occurs once.
    """
    found = [PAIR_TEXT.fullmatch(pair.strip()) for pair in text.split(",")]
    keys = tuple(AdminKey(pair["kid"], pair["secret"]) for pair in found if pair is not None)
    if len(keys) < len(found) or any(len(key.secret) < LEAST_SECRET for key in keys):
        raise ValueError("not pairs of an id and a long secret")
    if len({key.kid for key in keys}) < len(keys):
        raise ValueError("an id occurs twice")
    return keys
