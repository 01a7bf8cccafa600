"""API keys of phones: shown once, and known by their digest from then on."""

import hashlib
import re
import secrets

from backend.core.errors import KeyNameError

MARK = "bmtc_"
"""How every key begins, so that whoever finds one in a log or a repository knows what it is."""

KEY_BYTES = 32
NAME_TEXT = r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}"
"""A name fits an address as it is."""


def new_key() -> str:
    """Return a new key of 256 random bits."""
    return MARK + secrets.token_urlsafe(KEY_BYTES)


def digest(key: str) -> str:
    """Return the SHA-256 digest of a key, in hexadecimal digits.

    A slow digest, as passwords need, would add nothing: nobody can try 2 ** 256 keys.
    """
    return hashlib.sha256(key.encode()).hexdigest()


def checked_name(name: str) -> str:
    """Return a name that a key may have; KeyNameError for any other."""
    if re.fullmatch(NAME_TEXT, name):
        return name
    raise KeyNameError(
        f"{name!r} is no name for a key; use 1 to 64 letters, digits, dots, hyphens and underscores, "
        "a letter or digit first."
    )
