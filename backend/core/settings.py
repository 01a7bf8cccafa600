"""One frozen, validated value holds every setting; only the command line reads the environment."""

import difflib
import re
from collections.abc import Mapping
from datetime import date, timedelta
from typing import Annotated, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    ValidationInfo,
    field_serializer,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticCustomError

from backend.core.admin_keys import AdminKey, parse_admin_keys
from backend.core.errors import SettingsError
from backend.core.limiting import Allowance

PREFIX = "BMTC_"
MEMORY = ":memory:"
POSTGRES = "postgresql://"
DATE_TEXT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
ADDRESS_TEXT = re.compile(POSTGRES + r"[^/]*/[^/]+")
PRIVATE = frozenset({"admin_keys", "api_key", "db_path", "database_url"})

CLOCK_SKEW = timedelta(minutes=5)
"""How far a phone's clock may be ahead of ours."""


class Settings(BaseModel):
    """Everything that can be chosen about one running service."""

    # An error must never repeat what was typed: it may be the key.
    model_config = ConfigDict(
        frozen=True, extra="forbid", allow_inf_nan=False, hide_input_in_errors=True
    )

    api_key: Annotated[SecretStr, Field(min_length=16)] | None = Field(
        default=None, description="a secret of at least 16 visible ASCII characters"
    )
    """What a phone sends as its Bearer token; keys that are stored do as well."""

    db_path: str = Field(
        default="bus-times.sqlite3", min_length=1, description="a file name, or :memory:"
    )
    """The SQLite file, or `:memory:` for a database that ends with the process."""

    database_url: SecretStr | None = Field(
        default=None, description=f"an address such as {POSTGRES}user:password@host/database"
    )
    """A PostgreSQL database, which takes the place of the SQLite file."""

    n0: int = Field(default=20, ge=1, le=10_000)
    """How many observations the timetable is worth."""

    half_life_days: float = Field(default=30.0, ge=0.01, le=3650)
    """Days after which an observation counts half."""

    outlier_sigma: float = Field(default=3.0, ge=1, le=100)
    """How many standard deviations from the mean an observation may lie."""

    mapmatch_min_conf: float = Field(default=0.7, ge=0, le=1)
    """Map-matching confidence below which an observation is not learned."""

    max_device_share: float = Field(default=0.5, ge=0.01, le=1)
    """Of what decides an estimate, how much may be one device's."""

    max_segments_per_ride: int = Field(default=50, ge=1, le=1000)
    """Segments a ride may have."""

    max_duration_sec: int = Field(default=7200, ge=1, le=86_400)
    """Seconds one segment may take."""

    observation_window_days: float = Field(default=7.0, ge=0.01, le=3650)
    """Days after which a ride is too old to be told."""

    idempotency_ttl_hours: float = Field(default=192.0, ge=0.01, le=87_720)
    """Hours for which the answer to an idempotency key is kept; longer than its ride may be told."""

    rate_limit_rides: int = Field(default=60, ge=1, le=100_000)
    """Rides that a device may send at once."""

    rate_limit_seconds: float = Field(default=3600.0, ge=1, le=604_800)
    """Seconds after which a device that has sent as many may send as many again."""

    admin_keys: SecretStr | None = Field(
        default=None,
        description="kid:secret or several of them, comma-separated, each secret of at least 32 visible ASCII"
        " characters",
    )
    """What signs the tokens of administrators; the first one signs, all verify."""

    admin_token_minutes: int = Field(default=60, ge=1, le=1440)
    """Minutes for which such a token may be good."""

    max_feed_mib: int = Field(default=64, ge=1, le=4096)
    """Megabytes (2 ** 20 bytes) that a feed sent over HTTP may have."""

    ride_retention_days: float = Field(default=90.0, ge=1, le=3650)
    """Days for which rides are kept; what was learned from them stays."""

    retention_interval_sec: int = Field(default=3600, ge=1, le=86_400)
    """Seconds between two looks for what is too old."""

    accuracy_interval_sec: int = Field(default=300, ge=1, le=86_400)
    """Seconds between two looks for predictions that can be scored."""

    live_connections: int = Field(default=200, ge=1, le=10_000)
    """WebSocket connections that the service keeps at the same time."""

    live_connections_per_address: int = Field(default=20, ge=1, le=10_000)
    """Those of them that may come from one address."""

    live_segments: int = Field(default=50, ge=1, le=200)
    """Segments that one connection may be subscribed to."""

    timezone: str = Field(
        default="Asia/Kolkata", description="a name of the IANA time zone database"
    )
    """The zone whose clock and calendar decide the time bin."""

    holidays: frozenset[date] = Field(
        default=frozenset(), description="dates such as 2026-01-26, comma-separated"
    )
    """Days on which buses run as at weekends."""

    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="debug, info, warning or error"
    )
    """The least that a line must be to stand in the log."""

    log_format: Literal["json", "text"] = Field(default="json", description="json or text")
    """How the lines of the log are written: for programs or for people."""

    @field_validator("api_key")
    @classmethod
    def _fits_a_header(cls, key: SecretStr | None) -> SecretStr | None:
        if key is not None and not all(
            "!" <= character <= "~" for character in key.get_secret_value()
        ):
            raise ValueError("a key that a header cannot carry would never match")
        return key

    @field_validator("database_url")
    @classmethod
    def _is_an_address(cls, url: SecretStr | None) -> SecretStr | None:
        if url is not None and not ADDRESS_TEXT.fullmatch(url.get_secret_value()):
            raise ValueError("no address of a PostgreSQL database")
        return url

    @field_validator("admin_keys")
    @classmethod
    def _are_keys(cls, text: SecretStr | None) -> SecretStr | None:
        if text is not None:
            parse_admin_keys(text.get_secret_value())
        return text

    @field_validator("timezone")
    @classmethod
    def _is_a_zone(cls, name: str) -> str:
        # ZoneInfo raises KeyError for an unknown zone, OSError for a folder such as "Asia".
        try:
            ZoneInfo(name)
        except (KeyError, OSError) as error:
            raise ValueError("not a time zone") from error
        return name

    @field_validator("*", mode="before")
    @classmethod
    def _plain_number(cls, value: object, info: ValidationInfo) -> object:
        # Python, and pydantic with it, reads 1_0 as 10.
        kind = cls.model_fields[str(info.field_name)].annotation
        if kind in {int, float} and isinstance(value, str) and "_" in value:
            raise ValueError("no plain number")
        return value

    @field_validator("holidays", mode="before")
    @classmethod
    def _split_dates(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        return frozenset(_plain_date(day.strip()) for day in value.split(",") if day.strip())

    @model_validator(mode="after")
    def _answers_outlast_their_rides(self) -> Self:
        # A phone with a fast clock tells a ride before it began, and may tell it again until it is too old.
        if self.idempotency_ttl <= CLOCK_SKEW + self.observation_window:
            raise PydanticCustomError(
                "answers_too_short",
                "BMTC_IDEMPOTENCY_TTL_HOURS is {hours}, but must be more than the {window} hours of"
                " BMTC_OBSERVATION_WINDOW_DAYS and {skew} minutes for wrong clocks: a ride sent again"
                " late would count twice.",
                {
                    "hours": f"{self.idempotency_ttl_hours:g}",
                    "window": f"{24 * self.observation_window_days:g}",
                    "skew": CLOCK_SKEW // timedelta(minutes=1),
                },
            )
        return self

    @field_serializer("holidays", when_used="json")
    def _sorted_dates(self, days: frozenset[date]) -> list[str]:
        return sorted(day.isoformat() for day in days)

    @property
    def database(self) -> str:
        """Where the database is, a password included: what `open_database` asks for."""
        return self.db_path if self.database_url is None else self.database_url.get_secret_value()

    @property
    def zone(self) -> ZoneInfo:
        """The time zone itself."""
        return ZoneInfo(self.timezone)

    @property
    def half_life(self) -> timedelta:
        """The time after which an observation counts half."""
        return timedelta(days=self.half_life_days)

    @property
    def observation_window(self) -> timedelta:
        """The age up to which a ride is accepted."""
        return timedelta(days=self.observation_window_days)

    @property
    def idempotency_ttl(self) -> timedelta:
        """The time for which the answer to an idempotency key is kept."""
        return timedelta(hours=self.idempotency_ttl_hours)

    @property
    def allowance(self) -> Allowance:
        """The rides that each device may send."""
        return Allowance(self.rate_limit_rides, timedelta(seconds=self.rate_limit_seconds))

    @property
    def admin_signing_keys(self) -> tuple[AdminKey, ...]:
        """The keys of administrators' tokens, the one that signs first; none if there are no administrators."""
        return (
            () if self.admin_keys is None else parse_admin_keys(self.admin_keys.get_secret_value())
        )

    @property
    def admin_token_lifetime(self) -> timedelta:
        """The longest time for which an administrator's token may be good."""
        return timedelta(minutes=self.admin_token_minutes)

    @property
    def ride_retention(self) -> timedelta:
        """The time for which rides are kept."""
        return timedelta(days=self.ride_retention_days)

    def public(self) -> dict[str, object]:
        """Return what anybody may know, ready for JSON: all but the key and where the database is."""
        return self.model_dump(mode="json", exclude=set(PRIVATE))


def read_settings(environ: Mapping[str, str]) -> Settings:
    """Return the settings that the `BMTC_*` variables of `environ` describe.

    `BMTC_N0` is `n0`, `BMTC_API_KEY` is `api_key`, and so on. `environ` is an argument: only the
    command-line entry point passes the process's own.

    Raises SettingsError, one sentence naming the variable and what it may be, for the first
    variable that is unknown or out of range, or for two that do not fit together. The key's value is never repeated.
    """
    given = {name: value for name, value in environ.items() if name.startswith(PREFIX)}
    known = {_variable(field): field for field in Settings.model_fields}
    for name in sorted(given.keys() - known.keys()):
        raise SettingsError(_unknown(name, tuple(known)))
    try:
        return Settings.model_validate({known[name]: value for name, value in given.items()})
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        # What is wrong with one field is said from its bounds; what is wrong with two says so itself.
        sentence = _unfit(str(first["loc"][0]), given) if first["loc"] else first["msg"]
        raise SettingsError(sentence) from None  # the cause may hold the key


def _plain_date(text: str) -> date:
    """Read a date such as 2026-01-26; ValueError for the other ways in which ISO 8601 has it."""
    if not DATE_TEXT.fullmatch(text):
        raise ValueError("not a date such as 2026-01-26")
    return date.fromisoformat(text)


def _variable(field: str) -> str:
    return PREFIX + field.upper()


def _unknown(name: str, known: tuple[str, ...]) -> str:
    nearest = difflib.get_close_matches(name, known, n=1, cutoff=0.0)
    return f"{name} is not a setting of this service; the nearest that exists is {nearest[0]}."


def _unfit(field: str, given: Mapping[str, str]) -> str:
    name, allowed = _variable(field), _allowed(field)
    if field in PRIVATE:
        return f"{name} is not usable; set it to {allowed}."
    return f"{name} is {given[name]!r}, but must be {allowed}."


def _allowed(field: str) -> str:
    """Say what a field may be: its description, or else the bounds that are enforced."""
    schema = Settings.model_json_schema()["properties"][field]
    if "description" in schema:
        return str(schema["description"])
    kind = "a whole number" if schema["type"] == "integer" else "a number"
    return f"{kind} from {schema['minimum']:g} to {schema['maximum']:g}"
