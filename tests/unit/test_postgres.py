"""PostgreSQL, as far as no server is needed: addresses, what is missing, and who waits for whom."""

import sys

import pytest
from sqlalchemy import make_url
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError, ProgrammingError
from sqlalchemy.sql import ClauseElement

from backend.core.errors import DatabaseError
from backend.core.storage import open_database
from backend.core.storage.postgres import Postgres, read_address

SECRET = "hunter2-hunter2"


def test_an_address_is_shown_without_its_password() -> None:
    url = f"postgresql://bus:{SECRET}@db.example/times?sslmode=require&password={SECRET}"
    assert Postgres(make_url(url)).place == "postgresql://bus:***@db.example/times"


def test_an_address_that_cannot_be_read_is_told_without_a_word_of_it() -> None:
    with pytest.raises(DatabaseError, match="cannot be read; write it as") as refusal:
        read_address(f"postgresql://bus:{SECRET}@host:{SECRET}/times")
    assert SECRET not in str(refusal.value)
    assert refusal.value.__suppress_context__


def test_without_psycopg_the_sentence_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)  # as Python marks what cannot be imported
    with pytest.raises(DatabaseError) as refusal:
        open_database(f"postgresql://bus:{SECRET}@host/times")
    assert str(refusal.value) == (
        "BMTC_DATABASE_URL needs the package psycopg, which cannot be imported; install it with "
        "`python -m pip install 'psycopg[binary]'`, or unset the variable to use SQLite."
    )


class Heard:
    """As much of a connection as `begin` and `claim` need; it keeps what was asked for."""

    def __init__(self) -> None:
        self.numbers: list[int] = []
        self.statement = ""

    def exec_driver_sql(self, statement: str) -> None:
        self.statement = statement

    def execute(self, statement: ClauseElement) -> None:
        compiled = statement.compile()
        (self.numbers,) = (value for value in compiled.params.values() if isinstance(value, list))


def claimed(*names: str) -> list[int]:
    heard = Heard()
    Postgres(make_url("postgresql://host/times")).claim(heard, names)  # type: ignore[arg-type]
    return heard.numbers


def test_claims_are_made_in_one_order_whoever_asks() -> None:
    """Two writers that need the same names never wait for each other in a circle."""
    names = [f"segment {number}" for number in range(20)]
    assert claimed(*names) == claimed(*reversed(names), names[0])
    assert len(set(claimed(*names))) == 20


def test_claims_fit_a_bigint() -> None:
    """The server's locks are numbered with 64 bits and a sign."""
    numbers = claimed(*(f"answer {number}" for number in range(100)))
    assert min(numbers) < 0 < max(numbers)
    assert all(-(2**63) <= number < 2**63 for number in numbers)


@pytest.mark.parametrize(
    ("writing", "mode"),
    [(True, "READ COMMITTED, READ WRITE"), (False, "REPEATABLE READ, READ ONLY")],
)
def test_writers_see_what_was_committed_last_and_readers_one_state(
    mode: str, *, writing: bool
) -> None:
    heard = Heard()
    Postgres(make_url("postgresql://host/times")).begin(heard, writing=writing)  # type: ignore[arg-type]
    assert heard.statement == f"SET TRANSACTION ISOLATION LEVEL {mode}"


class RefusalError(Exception):
    """An error of the server, with its code."""

    def __init__(self, sqlstate: str | None) -> None:
        super().__init__("one line\n\tand  a hint")
        self.sqlstate = sqlstate


@pytest.mark.parametrize(
    ("error", "mistake"),
    [
        (IntegrityError("INSERT", None, RefusalError("23505")), True),
        (ProgrammingError("SELEC", None, RefusalError("42601")), True),
        (ProgrammingError("CREATE TABLE", None, RefusalError("42501")), False),
        (ProgrammingError(None, None, RefusalError(None)), False),
        (OperationalError("SELECT", None, RefusalError("57P01")), False),
    ],
    ids=["broken rule", "bad statement", "not allowed", "bad option", "server stopped"],
)
def test_mistakes_of_the_program_are_told_from_those_of_the_machine(
    error: DBAPIError, *, mistake: bool
) -> None:
    dialect = Postgres(make_url("postgresql://host/times"))
    assert dialect.is_mistake(error) == mistake
    assert dialect.reason(error) == "one line"
