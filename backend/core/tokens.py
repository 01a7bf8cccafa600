"""Administrators' tokens: signed, short-lived, and good for what their scopes say.

A token is a JSON Web Token (RFC 7519), signed with HMAC-SHA-256 (HS256 of RFC 7518) and nothing
else. Its header names the key (`kid`); the first key of the settings signs, all of them verify, so
that a new one can be put in front while tokens of the old one are still about. Its claims are `iss`,
`aud`, `sub`, `iat`, `nbf`, `exp`, `jti` of RFC 7519 and `scope` of RFC 8693: words with spaces between.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import jwt

from backend.core.admin_keys import AdminKey
from backend.core.scopes import Scope

ALGORITHM = "HS256"
ISSUER = "bus-times"
AUDIENCE = "bus-times-admin"
CLAIMS = ("iss", "aud", "sub", "iat", "nbf", "exp", "jti", "scope")
LONGEST_TOKEN = 4096
"""Characters: no token of ours is as long, and nobody else's is worth reading."""


@dataclass(frozen=True, slots=True)
class Administrator:
    """Who shows a token that is good."""

    subject: str
    scopes: frozenset[str]
    token_id: str


def issue_token(
    key: AdminKey,
    subject: str,
    scopes: Iterable[Scope],
    *,
    lifetime: timedelta,
    now: datetime,
    token_id: str,
) -> str:
    """Return a token that is good from now on, in whole seconds, for `lifetime`."""
    start = int(now.timestamp())
    claims = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": subject,
        "iat": start,
        "nbf": start,
        "exp": start + int(lifetime.total_seconds()),
        "jti": token_id,
        "scope": " ".join(sorted(scope.value for scope in scopes)),
    }
    return jwt.encode(claims, key.secret, algorithm=ALGORITHM, headers={"kid": key.kid})


def read_token(
    token: str, keys: Sequence[AdminKey], now: datetime, longest: timedelta
) -> Administrator | None:
    """Return whose token this is; None for one that is wrong in whatever way.

    `longest` is how long a token may be good: a stolen key does not make one that is good for ever.
    """
    if len(token) > LONGEST_TOKEN:
        return None
    secrets = {key.kid: key.secret for key in keys}
    try:
        secret = secrets.get(jwt.get_unverified_header(token).get("kid", ""))
        if secret is None:
            return None
        claims = jwt.decode(
            token,
            secret,
            algorithms=[ALGORITHM],
            audience=AUDIENCE,
            issuer=ISSUER,
            # The library would go by the machine's clock; the times are looked at below.
            options={
                "require": list(CLAIMS),
                "verify_exp": False,
                "verify_nbf": False,
                "verify_iat": False,
            },
        )
    except (
        jwt.PyJWTError,
        ValueError,
        RecursionError,
    ):  # the last two: JSON that Python gives up on
        return None
    return _administrator(claims) if _is_its_time(claims, now, longest) else None


def _administrator(claims: Mapping[str, object]) -> Administrator | None:
    """Return who the claims name, None where one of them is no text or empty."""
    texts = [claims[name] for name in ("sub", "jti", "scope")]
    subject, token_id, scope = (text if isinstance(text, str) else "" for text in texts)
    if not (subject and token_id and scope):
        return None
    return Administrator(subject, frozenset(scope.split()), token_id)


def _is_its_time(claims: Mapping[str, object], now: datetime, longest: timedelta) -> bool:
    """Whether a token is good now: from `nbf` on and before `exp` (RFC 7519, section 4.1), and not for too long."""
    issued, begins, ends = (claims[name] for name in ("iat", "nbf", "exp"))
    # A fraction, which the standard would allow, is not what we write; True is an int to Python.
    if type(issued) is not int or type(begins) is not int or type(ends) is not int:
        return False
    moment = now.timestamp()
    return issued <= moment and begins <= moment < ends and ends - issued <= longest.total_seconds()
