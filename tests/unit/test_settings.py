"""The settings: defaults, ranges, and the one sentence that a bad variable gets."""

from collections.abc import MutableMapping
from datetime import date, timedelta

import pytest
from pydantic import SecretStr, ValidationError

from backend.core.errors import SettingsError
from backend.core.limiting import Allowance
from backend.core.settings import CLOCK_SKEW, Settings, read_settings
from tests.factories import TEST_ADMIN_KEYS, TEST_API_KEY, make_settings

KEY = {"BMTC_API_KEY": TEST_API_KEY}
HOUR = timedelta(hours=1)


def test_everything_but_a_key_has_a_default() -> None:
    """Without one the service starts only if keys are stored, which is not for the settings to see."""
    assert read_settings({}).api_key is None
    settings = read_settings(KEY)
    assert settings.api_key == SecretStr(TEST_API_KEY)
    assert settings.model_dump(exclude={"api_key"}) == {
        "db_path": "bus-times.sqlite3",
        "database_url": None,
        "n0": 20,
        "half_life_days": 30,
        "outlier_sigma": 3.0,
        "mapmatch_min_conf": 0.7,
        "max_device_share": 0.5,
        "max_segments_per_ride": 50,
        "max_duration_sec": 7200,
        "observation_window_days": 7,
        "idempotency_ttl_hours": 192,
        "rate_limit_rides": 60,
        "rate_limit_seconds": 3600,
        "admin_keys": None,
        "admin_token_minutes": 60,
        "max_feed_mib": 64,
        "ride_retention_days": 90,
        "retention_interval_sec": 3600,
        "accuracy_interval_sec": 300,
        "live_connections": 200,
        "live_connections_per_address": 20,
        "live_segments": 50,
        "timezone": "Asia/Kolkata",
        "holidays": frozenset(),
        "log_level": "info",
        "log_format": "json",
    }


def test_each_setting_is_read_from_its_variable() -> None:
    settings = read_settings(
        KEY
        | {
            "BMTC_DB_PATH": ":memory:",
            "BMTC_N0": "5",
            "BMTC_HALF_LIFE_DAYS": "1.5",
            "BMTC_OUTLIER_SIGMA": "2.5",
            "BMTC_MAPMATCH_MIN_CONF": "0.5",
            "BMTC_MAX_DEVICE_SHARE": "0.25",
            "BMTC_MAX_SEGMENTS_PER_RIDE": "10",
            "BMTC_MAX_DURATION_SEC": "600",
            "BMTC_OBSERVATION_WINDOW_DAYS": "2",
            "BMTC_IDEMPOTENCY_TTL_HOURS": "49",
            "BMTC_RATE_LIMIT_RIDES": "3",
            "BMTC_RATE_LIMIT_SECONDS": "60",
            "BMTC_ADMIN_KEYS": TEST_ADMIN_KEYS,
            "BMTC_ADMIN_TOKEN_MINUTES": "5",
            "BMTC_MAX_FEED_MIB": "1",
            "BMTC_TIMEZONE": "Europe/Berlin",
            "BMTC_HOLIDAYS": "2026-01-26, 2026-08-15",
            "BMTC_LOG_LEVEL": "error",
            "BMTC_LOG_FORMAT": "text",
        }
    )
    assert settings == make_settings(
        n0=5,
        half_life_days=1.5,
        outlier_sigma=2.5,
        mapmatch_min_conf=0.5,
        max_device_share=0.25,
        max_segments_per_ride=10,
        max_duration_sec=600,
        observation_window_days=2,
        idempotency_ttl_hours=49,
        rate_limit_rides=3,
        rate_limit_seconds=60,
        admin_token_minutes=5,
        max_feed_mib=1,
        timezone="Europe/Berlin",
        holidays=frozenset({date(2026, 1, 26), date(2026, 8, 15)}),
        log_level="error",
        log_format="text",
    )


def test_the_process_environment_serves_as_an_argument(environ: MutableMapping[str, str]) -> None:
    environ["BMTC_API_KEY"] = TEST_API_KEY
    environ["BMTC_N0"] = "7"
    assert read_settings(environ).n0 == 7


def test_variables_of_other_programs_are_none_of_our_business() -> None:
    assert read_settings(KEY | {"PATH": "/bin", "N0": "0"}) == read_settings(KEY)


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("N0", "0", "BMTC_N0 is '0', but must be a whole number from 1 to 10000."),
        (
            "LOG_LEVEL",
            "loud",
            "BMTC_LOG_LEVEL is 'loud', but must be debug, info, warning or error.",
        ),
        ("N0", "2.5", "BMTC_N0 is '2.5', but must be a whole number from 1 to 10000."),
        ("N0", "", "BMTC_N0 is '', but must be a whole number from 1 to 10000."),
        ("N0", "1_0", "BMTC_N0 is '1_0', but must be a whole number from 1 to 10000."),
        (
            "OUTLIER_SIGMA",
            "1_0.5",
            "BMTC_OUTLIER_SIGMA is '1_0.5', but must be a number from 1 to 100.",
        ),
        (
            "HOLIDAYS",
            "2026W011",
            "BMTC_HOLIDAYS is '2026W011', but must be dates such as 2026-01-26, comma-separated.",
        ),
        (
            "HALF_LIFE_DAYS",
            "nan",
            "BMTC_HALF_LIFE_DAYS is 'nan', but must be a number from 0.01 to 3650.",
        ),
        (
            "OUTLIER_SIGMA",
            "inf",
            "BMTC_OUTLIER_SIGMA is 'inf', but must be a number from 1 to 100.",
        ),
        (
            "MAPMATCH_MIN_CONF",
            "1.1",
            "BMTC_MAPMATCH_MIN_CONF is '1.1', but must be a number from 0 to 1.",
        ),
        (
            "TIMEZONE",
            "Mars/Olympus",
            "BMTC_TIMEZONE is 'Mars/Olympus', but must be a name of the IANA time zone database.",
        ),
        (
            "TIMEZONE",
            "Asia",
            "BMTC_TIMEZONE is 'Asia', but must be a name of the IANA time zone database.",
        ),
        (
            "TIMEZONE",
            "../etc/passwd",
            "BMTC_TIMEZONE is '../etc/passwd', but must be a name of the IANA time zone database.",
        ),
        (
            "HOLIDAYS",
            "26 January",
            "BMTC_HOLIDAYS is '26 January', but must be dates such as 2026-01-26, comma-separated.",
        ),
        ("DB_PATH", "", "BMTC_DB_PATH is not usable; set it to a file name, or :memory:."),
    ],
)
def test_a_bad_value_gets_one_sentence_that_names_variable_and_range(
    name: str, value: str, sentence: str
) -> None:
    with pytest.raises(SettingsError) as refusal:
        read_settings(KEY | {f"BMTC_{name}": value})
    assert str(refusal.value) == sentence


@pytest.mark.parametrize("key", ["short", "sixteen letters and spaces", "schlüssel-zum-bus", ""])
def test_an_unusable_key_is_refused_and_never_repeated(key: str) -> None:
    with pytest.raises(SettingsError) as refusal:
        read_settings({"BMTC_API_KEY": key})
    assert str(refusal.value) == (
        "BMTC_API_KEY is not usable; set it to a secret of at least 16 visible ASCII characters."
    )
    assert refusal.value.__suppress_context__


def test_a_misspelt_variable_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(SettingsError) as refusal:
        read_settings(KEY | {"BMTC_HALFLIFE_DAYS": "10"})
    assert str(refusal.value) == (
        "BMTC_HALFLIFE_DAYS is not a setting of this service; "
        "the nearest that exists is BMTC_HALF_LIFE_DAYS."
    )


@pytest.mark.parametrize(
    ("ttl", "days", "hours", "told"), [("24", None, "168", "24"), (None, "8", "192", "192")]
)
def test_answers_must_outlast_the_rides_that_they_answer(
    ttl: str | None, days: str | None, hours: str, told: str
) -> None:
    """Whichever of the two is set; otherwise a phone that repeats itself late is learned twice."""
    given = {"BMTC_IDEMPOTENCY_TTL_HOURS": ttl, "BMTC_OBSERVATION_WINDOW_DAYS": days}
    with pytest.raises(SettingsError) as refusal:
        read_settings(KEY | {name: value for name, value in given.items() if value is not None})
    assert str(refusal.value) == (
        f"BMTC_IDEMPOTENCY_TTL_HOURS is {told}, but must be more than the {hours} hours of"
        " BMTC_OBSERVATION_WINDOW_DAYS and 5 minutes for wrong clocks: a ride sent again late would"
        " count twice."
    )


def test_answers_outlast_their_rides_by_more_than_a_clock_may_be_wrong() -> None:
    """A ride told five minutes before it began, and again in the last moment: to the microsecond."""
    window = timedelta(days=1)
    with pytest.raises(ValidationError, match="count twice"):
        make_settings(observation_window_days=1, idempotency_ttl_hours=(window + CLOCK_SKEW) / HOUR)
    longer = (window + CLOCK_SKEW + timedelta(microseconds=1)) / HOUR
    settings = make_settings(observation_window_days=1, idempotency_ttl_hours=longer)
    assert settings.idempotency_ttl > settings.observation_window + CLOCK_SKEW


def test_the_longest_window_has_answers_that_outlast_it() -> None:
    longest = make_settings(observation_window_days=3650, idempotency_ttl_hours=87_720)
    assert longest.idempotency_ttl > longest.observation_window


def test_settings_cannot_be_changed() -> None:
    settings = make_settings()
    with pytest.raises(ValidationError, match="frozen"):
        settings.n0 = 1  # type: ignore[misc]  # the very mistake


def test_unknown_fields_are_refused() -> None:
    with pytest.raises(ValidationError, match="Extra inputs"):
        make_settings(colour="red")


def test_what_is_public_leaves_out_the_key_and_the_file() -> None:
    public = make_settings(holidays="2026-08-15,2026-01-26").public()
    assert public["holidays"] == ["2026-01-26", "2026-08-15"]
    private = {"admin_keys", "api_key", "db_path", "database_url"}
    assert public.keys() == Settings.model_fields.keys() - private


def test_the_first_of_the_administrators_keys_signs() -> None:
    keys = read_settings({"BMTC_ADMIN_KEYS": TEST_ADMIN_KEYS}).admin_signing_keys
    assert [key.kid for key in keys] == ["new", "old"]
    assert make_settings(admin_keys=None).admin_signing_keys == ()


LONG = "s" * 32


@pytest.mark.parametrize(
    "keys",
    [
        "",
        LONG,
        f":{LONG}",
        f"a b:{LONG}",
        "a:" + "s" * 31,
        f"a:{LONG},",
        f"a:{LONG},b:short",
        f"a:{LONG},a:{LONG}x",
        f"a:{LONG[1:]}ü",
    ],
)
def test_administrators_keys_that_are_none_are_refused_and_not_repeated(keys: str) -> None:
    with pytest.raises(SettingsError) as refusal:
        read_settings(KEY | {"BMTC_ADMIN_KEYS": keys})
    assert str(refusal.value) == (
        "BMTC_ADMIN_KEYS is not usable; set it to kid:secret or several of them, comma-separated,"
        " each secret of at least 32 visible ASCII characters."
    )


def test_an_address_takes_the_place_of_the_file() -> None:
    address = "postgresql://buses:secret@127.0.0.1:5433/buses"
    assert read_settings(KEY).database == "bus-times.sqlite3"
    assert read_settings(KEY | {"BMTC_DATABASE_URL": address}).database == address


@pytest.mark.parametrize("address", ["", "mysql://host/buses", "postgresql://host", "buses"])
def test_an_address_of_something_else_is_refused_and_not_repeated(address: str) -> None:
    with pytest.raises(SettingsError) as refusal:
        read_settings(KEY | {"BMTC_DATABASE_URL": address})
    assert str(refusal.value) == (
        "BMTC_DATABASE_URL is not usable; "
        "set it to an address such as postgresql://user:password@host/database."
    )


def test_the_key_shows_in_no_text_made_of_the_settings() -> None:
    settings = make_settings()
    shown = f"{settings} {settings!r} {settings.model_dump_json()} {settings.admin_signing_keys}"
    assert TEST_API_KEY not in shown
    assert "a-secret" not in shown


def test_an_error_shows_no_value() -> None:
    with pytest.raises(ValidationError) as refusal:
        make_settings(api_key="too short")
    assert "too short" not in str(refusal.value)


def test_times_come_with_their_unit() -> None:
    settings = make_settings(
        half_life_days=2, observation_window_days=3, idempotency_ttl_hours=80, timezone="UTC"
    )
    assert settings.half_life == timedelta(days=2)
    assert settings.observation_window == timedelta(days=3)
    assert settings.idempotency_ttl == timedelta(hours=80)
    assert settings.zone.key == "UTC"
    assert settings.allowance == Allowance(60, timedelta(hours=1))
