"""What every test of the backend may ask for, and what every test is held to.

Each test gets its own settings, clock, database and app. Under `tests/integration` the database is
a file, copied from a template that is migrated once per session (per worker under pytest-xdist), or
with `--database postgres` one of a real server (tests/postgres_plugin.py); elsewhere it lives in memory.
"""

import gc
import os
import shutil
from collections.abc import Callable, Iterator, MutableMapping
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

import hypothesis
import pytest

from backend.core.errors import DatabaseError
from backend.core.settings import MEMORY, PREFIX, Settings
from backend.core.settings import POSTGRES as ADDRESS
from backend.core.storage import Database, open_database
from backend.core.storage.schema import build_schema
from tests import factories, isolation

if TYPE_CHECKING:  # unit tests, and the small suites that tests run, do without the API
    from fastapi import FastAPI
    from fastapi.testclient import TestClient
    from starlette.routing import BaseRoute

TESTS = Path(__file__).parent
SQLITE, POSTGRES = "sqlite", "postgres"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--database",
        choices=(SQLITE, POSTGRES),
        default=SQLITE,
        help="what integration tests run on; postgres starts a server of the installed package",
    )


def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("--database") == POSTGRES:
        config.pluginmanager.import_plugin("tests.postgres_plugin")
    # The same examples in every run, and no database of them: the sessions that compare runs would
    # otherwise compare different tests. New ones are looked for at night, where a find is printed
    # with what repeats it.
    quick = hypothesis.settings(max_examples=25, deadline=None, database=None, derandomize=True)
    hypothesis.settings.register_profile("quick", quick)
    hypothesis.settings.register_profile(
        "thorough", quick, max_examples=1000, derandomize=False, print_blob=True
    )
    hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "quick"))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark each test as its folder says, and skip those about another database than the run's."""
    for item in items:
        if TESTS in item.path.parents:
            folder = item.path.relative_to(TESTS).parts[0]
            item.add_marker("benchmark" if folder == "benchmarks" else folder)
        for database in (SQLITE, POSTGRES):
            if item.get_closest_marker(database) and config.getoption("--database") != database:
                item.add_marker(pytest.mark.skip(reason=f"needs --database {database}"))


def pytest_collection_finish() -> None:
    """Spare the garbage collector what was imported: it would look at all of it again and again."""
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def keep_isolation() -> Iterator[None]:
    """Look at what tests share before and after each one; undo, and name, what it changed."""
    before = isolation.look()
    yield
    after = isolation.look()
    isolation.clear_caches(after)
    if isolation.breaches(before, after):
        gc.collect()  # what nobody holds is not left behind, whenever Python gets round to it
        after = isolation.look()
    found = isolation.breaches(before, after)
    if found:
        isolation.restore(before, after)
        pytest.fail("; ".join(map(str, found)), pytrace=False)


class Environ(MutableMapping[str, str]):
    """The process's variables; whatever is changed here is undone after the test."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self._patch = patch

    def __getitem__(self, name: str) -> str:
        return os.environ[name]

    def __setitem__(self, name: str, value: str) -> None:
        self._patch.setenv(name, value)

    def __delitem__(self, name: str) -> None:
        self._patch.delenv(name)

    def __iter__(self) -> Iterator[str]:
        return iter(os.environ)

    def __len__(self) -> int:
        return len(os.environ)


@pytest.fixture
def environ(monkeypatch: pytest.MonkeyPatch) -> Environ:
    """Give the environment without a single setting of the service in it."""
    clean = Environ(monkeypatch)
    for name in tuple(clean):
        if name.startswith(PREFIX):
            del clean[name]
    return clean


@pytest.fixture(scope="session")
def health_check(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Migrate one empty database, and end the run where SQLite does not work in memory or in a file."""
    path = tmp_path_factory.mktemp("template") / "template.sqlite3"
    with _ending_the_run(request):
        open_database(MEMORY).close()
        database = open_database(str(path))
        try:
            database.migrate()
        finally:
            database.close()
    return path


@contextmanager
def _ending_the_run(request: pytest.FixtureRequest) -> Iterator[None]:
    try:
        yield
    except DatabaseError as error:
        # Not pytest.exit: of a worker of pytest-xdist that would look like a crash.
        request.session.shouldstop = f"No test that needs a database can run: {error}"
        pytest.fail(request.session.shouldstop, pytrace=False)


@pytest.fixture(scope="session")
def template_database(health_check: Path) -> Path:
    """Give the empty database of which every integration test gets a copy."""
    return health_check


@pytest.fixture
def database_address(
    health_check: Path,  # noqa: ARG001 - asked for so that it comes first
    request: pytest.FixtureRequest,
) -> Iterator[str]:
    """Give the place of this test's own database, as `open_database` takes it: a file, or an address."""
    if request.node.get_closest_marker("integration") is None:
        yield MEMORY
        return
    if request.config.getoption("--database") == POSTGRES:
        with _ending_the_run(request):
            name: str = request.getfixturevalue("postgres_template")
        with request.getfixturevalue("postgres_databases").new(name) as address:
            yield address
        return
    template: Path = request.getfixturevalue("template_database")
    tmp_path: Path = request.getfixturevalue("tmp_path")
    before = template.read_bytes()
    path = shutil.copyfile(template, tmp_path / "bus-times.sqlite3")
    yield str(path)
    if template.read_bytes() != before:
        pytest.fail("database isolation broke: the template was written to", pytrace=False)


@pytest.fixture
def empty_address(request: pytest.FixtureRequest) -> Iterator[str]:
    """Give the place of a database without tables, of the kind that the run is for."""
    if request.config.getoption("--database") == POSTGRES:
        with request.getfixturevalue("postgres_databases").new() as address:
            yield address
    else:
        yield str(request.getfixturevalue("tmp_path") / "empty.sqlite3")


@pytest.fixture
def database_path(database_address: str) -> str:
    """Give the file of this test's database, or `:memory:`; on another database there is none."""
    if database_address.startswith(ADDRESS):
        pytest.skip("needs a SQLite file")
    return database_address


@pytest.fixture
def database_variables(database_address: str) -> dict[str, str]:
    """Give the variable of the environment that leads to this test's database."""
    place = factories.database_settings(database_address)
    return {PREFIX + name.upper(): text for name, text in place.items()}


@pytest.fixture
def settings_overrides() -> dict[str, object]:
    """Say what differs from the defaults; a module, class or parametrize overrides this."""
    return {}


@pytest.fixture
def make_settings(database_address: str) -> Callable[..., Settings]:
    """Give a function that makes settings for this test's database, with any field overridden."""
    place = factories.database_settings(database_address)

    def make(**overrides: object) -> Settings:
        elsewhere = overrides.keys() & {"db_path", "database_url"}
        return factories.make_settings(**overrides, **({} if elsewhere else place))

    return make


@pytest.fixture
def settings(
    make_settings: Callable[..., Settings], settings_overrides: dict[str, object]
) -> Iterator[Settings]:
    """Give this test's own settings."""
    value = make_settings(**settings_overrides)
    before = value.model_copy(deep=True)
    yield value
    if value != before:
        pytest.fail("settings isolation broke: a frozen value was forced", pytrace=False)


@pytest.fixture
def clock() -> factories.FakeClock:
    """Give a clock that stands still at `factories.START`."""
    return factories.FakeClock()


@pytest.fixture(scope="session")
def opening() -> Callable[[str], Database]:
    """Give what opens databases, with tables in common: to build them takes longer than to open a file."""
    return partial(open_database, schema=build_schema())


@pytest.fixture
def database(database_address: str, opening: Callable[[str], Database]) -> Iterator[Database]:
    """Give this test's database, migrated; a file is the very one that `app` works on."""
    database = opening(database_address)
    try:
        database.migrate()
        yield database
        busy = database.busy_connections
    finally:
        database.close()
    if busy:
        pytest.fail(f"database isolation broke: {busy} transactions were left open", pytrace=False)


@pytest.fixture(scope="session")
def routes() -> "tuple[BaseRoute, ...]":
    """Give the routes that all apps have in common: to build them takes longer than most tests."""
    from backend.api.app import all_routes  # noqa: PLC0415 - see above

    return all_routes()


@pytest.fixture
def app(
    settings: Settings,
    clock: factories.FakeClock,
    opening: Callable[[str], Database],
    routes: "tuple[BaseRoute, ...]",
) -> "FastAPI":
    """Give the assembled service; its lifespan runs only under `client`."""
    from backend.api.app import create_app  # noqa: PLC0415 - see above

    return create_app(settings, clock=clock, opening=opening, routes=routes)


@pytest.fixture
def client(app: "FastAPI") -> Iterator["TestClient"]:
    """Give an HTTP client of the running service, started and stopped around the test."""
    from fastapi.testclient import TestClient  # noqa: PLC0415 - see above

    with TestClient(app) as client:
        yield client


@pytest.fixture
def auth_headers(settings: Settings) -> dict[str, str]:
    """Give the headers by which a phone shows the key."""
    assert settings.api_key is not None
    return {"Authorization": f"Bearer {settings.api_key.get_secret_value()}"}


@pytest.fixture
def admin_token(settings: Settings, clock: factories.FakeClock) -> Callable[..., str]:
    """Give a function that signs a token with these scopes, good from now on."""
    from backend.core.scopes import Scope  # noqa: PLC0415 - see above
    from backend.core.tokens import issue_token  # noqa: PLC0415

    def make(*scopes: str, lifetime: timedelta = timedelta(minutes=15)) -> str:
        return issue_token(
            settings.admin_signing_keys[0],
            "tester",
            [Scope(scope) for scope in scopes],
            lifetime=lifetime,
            now=clock.now(),
            token_id=factories.unique_id("token"),
        )

    return make


@pytest.fixture
def unique_resource_name(request: pytest.FixtureRequest) -> Callable[[], str]:
    """Give a function that makes names no other call, test or worker makes."""
    worker = getattr(request.config, "workerinput", {"workerid": "master"})["workerid"]
    return lambda: f"test_{worker}_{uuid4().hex[:8]}"
