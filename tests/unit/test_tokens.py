"""Administrators' tokens: what makes one good, and everything that makes one wrong."""

import base64
import json
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial

import jwt
import pytest

from backend.core.admin_keys import AdminKey
from backend.core.scopes import Scope
from backend.core.tokens import Administrator, issue_token, read_token
from tests.factories import START

NEW = AdminKey("new", "a-secret-that-signs-all-the-tokens-of-today")
OLD = AdminKey("old", "a-secret-that-signed-all-tokens-of-yesterday")
STRANGE = AdminKey("strange", "a-secret-that-nobody-here-has-ever-heard-of")
KEYS = (NEW, OLD)
HOUR = timedelta(hours=1)
SECOND = timedelta(seconds=1)
NOW = int(START.timestamp())


def token(key: AdminKey = NEW, *, lifetime: timedelta = HOUR, now: datetime = START) -> str:
    scopes = [Scope.STATS_READ, Scope.FEED_WRITE]
    return issue_token(key, "ops", scopes, lifetime=lifetime, now=now, token_id="t1")


def forged(
    claims: dict[str, object] | None = None,
    *,
    without: str = "",
    key: AdminKey = NEW,
    kid: object = "new",
    algorithm: str = "HS256",
) -> str:
    """Sign whatever claims differ from those of a good token."""
    good = jwt.decode(token(), options={"verify_signature": False}) | (claims or {})
    good.pop(without, None)
    headers = {} if kid is None else {"kid": kid}
    return jwt.encode(good, key.secret, algorithm=algorithm, headers=headers)


def unsigned(header: dict[str, object]) -> str:
    """Write a token without a signature, as attackers do."""
    body = forged().split(".")[1]
    return f"{base64.urlsafe_b64encode(json.dumps(header).encode()).decode().rstrip('=')}.{body}."


def test_a_token_says_whose_it_is_and_what_for() -> None:
    found = read_token(token(), KEYS, START, HOUR)
    assert found == Administrator("ops", frozenset({"stats:read", "feed:write"}), "t1")


def test_a_token_has_the_standard_claims() -> None:
    claims = jwt.decode(token(), options={"verify_signature": False})
    assert claims == {
        "iss": "bus-times",
        "aud": "bus-times-admin",
        "sub": "ops",
        "iat": NOW,
        "nbf": NOW,
        "exp": NOW + 3600,
        "jti": "t1",
        "scope": "feed:write stats:read",
    }
    assert jwt.get_unverified_header(token()) == {"alg": "HS256", "kid": "new", "typ": "JWT"}


def test_every_key_verifies_so_that_keys_can_be_changed() -> None:
    """In order: a new one is put in front, the old one signs no more, and then it is taken out."""
    assert read_token(token(OLD), KEYS, START, HOUR) is not None
    assert read_token(token(OLD), (NEW,), START, HOUR) is None
    assert read_token(token(NEW), (), START, HOUR) is None


@pytest.mark.parametrize(
    ("passed", "good"),
    [(-SECOND, False), (0 * SECOND, True), (HOUR - SECOND, True), (HOUR, False)],
)
def test_a_token_is_good_from_its_first_second_to_before_its_last(
    passed: timedelta, *, good: bool
) -> None:
    """By the clock that is given, and not by that of the machine."""
    assert (read_token(token(), KEYS, START + passed, HOUR) is not None) == good


def test_a_token_for_a_longer_time_than_allowed_is_never_good() -> None:
    assert read_token(token(lifetime=HOUR + SECOND), KEYS, START, HOUR) is None


WRONG: dict[str, Callable[[], str]] = {
    "none": lambda: "",
    "garbage": lambda: "garbage",
    "three parts of garbage": lambda: "a.b.c",
    "no text of ours": lambda: "ключ",
    "too long": lambda: token() + "x" * 4096,
    "deep": lambda: f"{base64.urlsafe_b64encode(b'[' * 3000).decode()}.a.b",
    "a long number": lambda: f"{base64.urlsafe_b64encode(b'9' * 3000).decode()}.a.b",
    "no algorithm": lambda: unsigned({"alg": "none", "kid": "new", "typ": "JWT"}),
    "no algorithm, in capitals": lambda: unsigned({"alg": "NONE", "kid": "new"}),
    "no word about the algorithm": lambda: unsigned({"kid": "new"}),
    "signature left out": lambda: unsigned({"alg": "HS256", "kid": "new"}),
    "HS384": lambda: forged(algorithm="HS384"),
    "HS512": lambda: forged(algorithm="HS512"),
    "unknown kid": lambda: token(STRANGE),
    "no kid": lambda: forged(kid=None),
    "kid of another key": lambda: forged(kid="old"),
    "key of a stranger": lambda: forged(key=STRANGE),
    "changed claims": lambda: ".".join(
        (token().split(".")[0], forged({"sub": "root"}).split(".")[1], token().split(".")[2])
    ),
    "another audience": lambda: forged({"aud": "bus-times"}),
    "another issuer": lambda: forged({"iss": "somebody"}),
    "not yet valid": lambda: forged({"nbf": NOW + 1}),
    "issued in the future": lambda: forged({"iat": NOW + 1}),
    "expired": lambda: forged({"exp": NOW}),
    "too long a life": lambda: forged({"exp": NOW + 3601}),
    "life without end": lambda: forged({"exp": 10**400}),
    "no number as a time": lambda: forged({"exp": float("nan")}),
    "truth as a time": lambda: forged({"iat": True}),
    "text as a time": lambda: forged({"nbf": "0"}),
    "no scope in it": lambda: forged({"scope": ""}),
    "list of scopes": lambda: forged({"scope": ["feed:write"]}),
    "no subject in it": lambda: forged({"sub": ""}),
    "number as a subject": lambda: forged({"sub": 7}),
} | {
    f"without {name}": partial(forged, without=name)
    for name in ("iss", "aud", "sub", "iat", "nbf", "exp", "jti", "scope")
}


@pytest.mark.filterwarnings("ignore::jwt.InsecureKeyLengthWarning")  # of HS384 and HS512
@pytest.mark.parametrize("kind", WRONG)
def test_a_wrong_token_is_nobodys(kind: str) -> None:
    assert read_token(WRONG[kind](), KEYS, START, HOUR) is None


def test_the_forger_of_these_tests_can_make_a_good_one() -> None:
    """Otherwise what is wrong above would not be what its name says."""
    assert read_token(forged(), KEYS, START, HOUR) is not None
