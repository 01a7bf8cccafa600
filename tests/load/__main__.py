"""How many rides and questions one worker of the service takes in a second, and how many nothing at all.

python -m tests.load                    30 s of load by 8 clients, then the table
python -m tests.load --seconds 6        less
python -m tests.load --write            put the table into docs/load.md as well

Real servers, each in a process of its own, on free ports of 127.0.0.1: the service on SQLite, the service on
PostgreSQL where a server is installed, and a bare FastAPI route, served in the same way. Machines differ, and one
machine from minute to minute: what can be compared is the ratio to the bare route.
"""

import os
import signal
import subprocess
import sys
import tempfile
from argparse import ArgumentParser
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from backend.tools.city import City, build_city
from backend.tools.city_feed import write_feed
from shakeproof.errors import ShakeproofError
from shakeproof.gates import pages
from shakeproof.gates.documents import markdown
from shakeproof.gates.machine import this_machine
from tests.load.client import Measured, measure, request
from tests.load.importing import measured_imports
from tests.load.riders import among, queries, rides
from tests.postgres import NoServerError, find_programs, start

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "load.md"
API_KEY = "a-key-for-a-load-that-ends-by-itself"
BARE = "a bare route"
CLIENTS = 8
SECONDS = 30.0
QUERIES_PER_RIDE = 19
WARM_SECONDS = 0.5
APART = 10_000_000  # requests of one part: no part asks what another has asked


@dataclass(frozen=True)
class Kind:
    """Requests of one kind: who answers them, and the n-th of them."""

    name: str
    url: str
    make: Callable[[int], bytes]


def main(argv: Sequence[str], environ: Mapping[str, str]) -> int:
    """Measure and print; 0, 1 where a request was not answered with 200, 2 where nothing can be measured."""
    arguments = _parser().parse_args(argv)
    page: Path | None = arguments.write
    try:
        old = pages.read(page) if page is not None else pages.EMPTY
        with tempfile.TemporaryDirectory(prefix="bus-times-load-") as folder:
            found = measured(Path(folder), arguments.clients, arguments.seconds, environ)
            imports = measured_imports(Path(folder), own_only(environ))
    except ShakeproofError as problem:
        print(f"python -m tests.load: {problem}", file=sys.stderr)
        return problem.exit_status
    taken = {name: one for name, one in found.items() if isinstance(one, Measured)}
    errors = [error for one in taken.values() for error in one.errors]
    results = f"{conditions(arguments.clients, arguments.seconds)}\n\n{markdown(table(found))}\n\n{imports}"
    print(results)
    for error in dict.fromkeys(errors):
        print(f"{errors.count(error)} requests were answered with: {error}", file=sys.stderr)
    if page is not None and not errors:
        page.write_text(pages.replaced(old, results), encoding="utf-8")
    return 1 if errors else 0


def measured(
    folder: Path, clients: int, seconds: float, environ: Mapping[str, str]
) -> Mapping[str, Measured | str]:
    """Start the servers, load them in turn for so many seconds in all, and end them; by name, the bare route first.

    A sentence stands where there was nothing to measure.
    """
    city, now = build_city(1), datetime.now(UTC)
    own = own_only(environ)
    found: dict[str, Measured | str] = {}
    with ExitStack() as running:
        bare = running.enter_context(server(("-m", "tests.load.bare"), own))
        asked = request(bare, "GET", "/bare", {})
        kinds = [Kind(BARE, bare, lambda _: asked)]
        places = [("SQLite", {"BMTC_DB_PATH": str(folder / "load.sqlite3")})]
        try:
            places.append(("PostgreSQL", {"BMTC_DATABASE_URL": running.enter_context(postgres())}))
            why_not = ""
        except NoServerError as problem:
            why_not = str(problem)
        for database, place in places:
            load_city(city, now, folder, own | place)
            service = server(("-m", "backend", "serve", "--port", "0"), own | place)
            url = running.enter_context(service)
            asking, riding = queries(url, city, now), rides(url, city, now, API_KEY)
            kinds.append(Kind(f"ETA queries, {database}", url, asking))
            kinds.append(Kind(f"rides of 10 segments, {database}", url, riding))
            mixed = among(riding, asking, QUERIES_PER_RIDE)
            kinds.append(Kind(f"{QUERIES_PER_RIDE} queries to a ride, {database}", url, mixed))
        # There and back, so that no kind has the better half of the time alone.
        for part, kind in enumerate((*kinds, *reversed(kinds))):
            measure(kind.url, from_(kind.make, 2 * part), clients, WARM_SECONDS)
            one = measure(
                kind.url, from_(kind.make, 2 * part + 1), clients, seconds / (2 * len(kinds))
            )
            before = found.get(kind.name)
            found[kind.name] = before.plus(one) if isinstance(before, Measured) else one
    return found | ({"the same, PostgreSQL": why_not} if why_not else {})


def own_only(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the variables without the settings of another service, and with the key of this load."""
    others = {name: value for name, value in environ.items() if not name.startswith("BMTC_")}
    return others | {"BMTC_API_KEY": API_KEY}


@contextmanager
def postgres() -> Iterator[str]:
    """Start a PostgreSQL server, give the address of an empty database, and end it; NoServerError says why not."""
    running = start(find_programs())
    try:
        yield running.address
    finally:
        running.stop()


def from_(make: Callable[[int], bytes], part: int) -> Callable[[int], bytes]:
    """Count the requests of one part from where no other part comes."""
    return lambda number: make(part * APART + number)


def load_city(city: City, now: datetime, folder: Path, environ: Mapping[str, str]) -> None:
    """Give the service its timetable; raise ShakeproofError where it does not take it."""
    feed = folder / "city.zip"
    write_feed(city, feed, now.date(), "Asia/Kolkata")
    done = subprocess.run(
        (sys.executable, "-m", "backend", "load-feed", str(feed)),
        cwd=ROOT, env=environ, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        raise ShakeproofError(f"The timetable was not loaded: {done.stderr.strip()}")


@contextmanager
def server(command: Sequence[str], environ: Mapping[str, str]) -> Iterator[str]:
    """Start a server, give its address once it listens, and end it; ShakeproofError where it does not start."""
    with subprocess.Popen(
        (sys.executable, *command), cwd=ROOT, env=environ, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            said = process.stdout.readline() if process.stdout is not None else ""
            if not said.startswith("Serving on "):
                raise ShakeproofError(f"The server {' '.join(command)} did not start; see above.")
            yield said.split()[2]
        finally:
            process.send_signal(signal.SIGINT)
            process.communicate()  # what it says in the end has to go somewhere


def table(found: Mapping[str, Measured | str]) -> tuple[tuple[str, ...], ...]:
    """Set out what was measured, each kind compared with the bare route, and why something was not."""
    bare = found[BARE]
    assert isinstance(bare, Measured)
    rows = (
        (name, *_cells(one, bare)) if isinstance(one, Measured) else (name, one, "", "", "", "")
        for name, one in found.items()
    )
    return (("what", "per second", "of a bare route", "p50", "p99", "errors"), *rows)


def _cells(one: Measured, bare: Measured) -> tuple[str, ...]:
    return (
        f"{one.per_second:.0f}",
        f"{one.per_second / bare.per_second:.2f}",
        f"{one.percentile(50) * 1000:.1f} ms",
        f"{one.percentile(99) * 1000:.1f} ms",
        str(len(one.errors)),
    )


def conditions(clients: int, seconds: float) -> str:
    """Say where and how it was measured."""
    return (
        f"Measured on {datetime.now(UTC):%Y-%m-%d}: {this_machine()}; {clients} clients for "
        f"{seconds:.0f} s in all on the same machine, one worker."
    )


def _parser() -> ArgumentParser:
    parser = ArgumentParser(prog="python -m tests.load", description="A bounded load on 127.0.0.1.")
    parser.add_argument("--clients", type=int, default=CLIENTS, metavar="N")
    parser.add_argument("--seconds", type=float, default=SECONDS, metavar="S", help="in all")
    parser.add_argument(
        "--write", nargs="?", type=Path, const=PAGE, metavar="PAGE",
        help="put the results between the markers of this page (default: docs/load.md)",
    )  # fmt: skip
    return parser


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:], os.environ))
