"""`python -m backend admin-token`: a token for an administrator."""

from collections.abc import Sequence
from datetime import timedelta
from uuid import uuid4

from backend.core.clock import Clock
from backend.core.scopes import Scope
from backend.core.settings import Settings
from backend.core.tokens import issue_token
from backend.tools.errors import CommandError


def print_token(
    settings: Settings, clock: Clock, scopes: Sequence[str], minutes: int, subject: str
) -> None:
    """Print a token and nothing else; CommandError without a key to sign with, or for too long a time."""
    if not settings.admin_signing_keys:
        raise CommandError(
            "BMTC_ADMIN_KEYS is not set; set it to kid:secret with a secret of at least 32 characters."
        )
    if not 1 <= minutes <= settings.admin_token_minutes:
        raise CommandError(
            f"A token cannot be good for {minutes} minutes; ask for 1 to"
            f" {settings.admin_token_minutes}, or change BMTC_ADMIN_TOKEN_MINUTES."
        )
    token = issue_token(
        settings.admin_signing_keys[0],
        subject,
        [Scope(scope) for scope in scopes],
        lifetime=timedelta(minutes=minutes),
        now=clock.now(),
        token_id=str(uuid4()),
    )
    print(token)
