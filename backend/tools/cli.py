"""The arguments of `python -m backend`, and one function call per command."""

import sys
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NoReturn

from backend.core.clock import Clock
from backend.core.errors import BackendError
from backend.core.scopes import Scope
from backend.core.settings import Settings, read_settings
from backend.tools.errors import CommandError

USAGE_ERROR = 2
INTERRUPTED = 130
LAST_PORT = 65535
MOST_RIDES = 1_000_000


class OneSentenceParser(ArgumentParser):
    """A parser whose errors are one sentence, like all others here."""

    def error(self, message: str) -> NoReturn:
        """Raise CommandError instead of printing the usage."""
        raise CommandError(f"{message}; `{self.prog} --help` shows what is possible.")


def main(argv: Sequence[str], environ: Mapping[str, str], clock: Clock) -> int:
    """Run one command and return the exit status: 0, 2 after one sentence on stderr, or 130."""
    try:
        arguments = _parser().parse_args(argv)
        _run(arguments, read_settings(environ), clock)
    except BackendError as problem:
        print(f"python -m backend: {problem}", file=sys.stderr)
        return USAGE_ERROR
    except KeyboardInterrupt:
        return INTERRUPTED
    return 0


def _run(arguments: Namespace, settings: Settings, clock: Clock) -> None:
    """Import the command and run it: so --help and a bad setting are answered without delay."""
    match arguments.command:
        case "serve":
            from backend.tools.serve import serve  # noqa: PLC0415

            serve(settings, clock, arguments.host, arguments.port)
        case "load-feed":
            from backend.tools.load_feed import load_feed  # noqa: PLC0415

            load_feed(settings, clock, arguments.feed)
        case "admin-token":
            from backend.tools.admin_token import print_token  # noqa: PLC0415

            print_token(settings, clock, arguments.scope, arguments.minutes, arguments.subject)
        case "keys":
            from backend.tools.keys import add, revoke, show  # noqa: PLC0415

            match arguments.action:
                case "add":
                    add(settings, clock, arguments.name)
                case "revoke":
                    revoke(settings, clock, arguments.name)
                case _:
                    show(settings)
        case "openapi":
            from backend.tools.openapi import document  # noqa: PLC0415

            print(document(settings, clock), end="")
        case "rebuild" | "retention" | "migrate" | "backup" | "restore":
            _keep(arguments, settings, clock)
        case _:
            from backend.tools.simulate import Plan, simulate  # noqa: PLC0415

            plan = Plan(arguments.seed, arguments.rides, arguments.write_feed, arguments.post)
            simulate(settings, clock, plan)


def _keep(arguments: Namespace, settings: Settings, clock: Clock) -> None:
    """Run a command that looks after the database, in the same way."""
    match arguments.command:
        case "rebuild":
            from backend.tools.upkeep import rebuild_learned  # noqa: PLC0415

            rebuild_learned(settings, replace=arguments.replace)
        case "retention":
            from backend.tools.upkeep import retain  # noqa: PLC0415

            retain(settings, clock)
        case "migrate":
            from backend.tools.migrate import migrate  # noqa: PLC0415

            migrate(settings, arguments.version)
        case _:
            from backend.tools.backup import back_up, restore  # noqa: PLC0415

            copy = back_up if arguments.command == "backup" else restore
            copy(settings, arguments.file, replace=arguments.replace)


def _parser() -> ArgumentParser:
    parser = OneSentenceParser(
        prog="python -m backend",
        description="Bus travel times learned from riders' phones.",
        epilog="Settings are BMTC_* variables of the environment; a phone needs a key:"
        " BMTC_API_KEY, or one that is added. backend/README.md lists them.",
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    serving = commands.add_parser("serve", help="answer HTTP requests until interrupted")
    serving.add_argument("--host", default="127.0.0.1", help="address to listen on (%(default)s)")
    serving.add_argument(
        "--port", type=_port, default=8000, help="port to listen on, 0 for any free (%(default)s)"
    )

    loading = commands.add_parser("load-feed", help="replace the timetable by that of a GTFS zip")
    loading.add_argument("feed", type=Path, metavar="FEED.zip")

    commands.add_parser("openapi", help="print the OpenAPI document of the service")
    rebuilding = commands.add_parser("rebuild", help="learn all again from the rides that are kept")
    rebuilding.add_argument(
        "--replace", action="store_true", help="lose what comes from rides that are kept nowhere"
    )
    commands.add_parser("retention", help="take away rides that are older than they are kept")

    migrating = commands.add_parser("migrate", help="bring the tables to a version, up or down")
    migrating.add_argument("version", metavar="VERSION", help="0001, 0002 and so on")

    saving = commands.add_parser(
        "backup", help="write the database into a file, also under a service"
    )
    saving.add_argument("file", type=Path, metavar="FILE")
    saving.add_argument("--replace", action="store_true", help="write over a file that exists")
    restoring = commands.add_parser("restore", help="put a backup in the place of the database")
    restoring.add_argument("file", type=Path, metavar="FILE")
    restoring.add_argument(
        "--replace", action="store_true", help="lose what the database holds at present"
    )

    simulating = commands.add_parser("simulate", help="invent a little city, its bus riders too")
    simulating.add_argument("--seed", type=int, default=1, help="which city (%(default)s)")
    simulating.add_argument(
        "--write-feed", type=Path, metavar="FEED.zip", help="write its timetable as a GTFS zip"
    )
    simulating.add_argument(
        "--post", metavar="URL", help="post its rides to the server at this address"
    )
    simulating.add_argument(
        "--rides", type=_count, default=200, metavar="N", help="how many to post (%(default)s)"
    )

    signing = commands.add_parser("admin-token", help="sign a token for an administrator")
    signing.add_argument(
        "--scope",
        action="append",
        required=True,
        choices=[scope.value for scope in Scope],
        help="what it is good for; may be given several times",
    )
    signing.add_argument(
        "--minutes", type=_count, default=15, metavar="N", help="for how long (%(default)s)"
    )
    signing.add_argument(
        "--subject", default="operator", metavar="WHO", help="for whom, in logs (%(default)s)"
    )

    keeping = commands.add_parser("keys", help="add, list and revoke the keys of phones")
    actions = keeping.add_subparsers(dest="action", required=True, metavar="ACTION")
    adding = actions.add_parser("add", help="make a key and print it, for the only time")
    adding.add_argument("name", metavar="NAME")
    actions.add_parser("list", help="say which keys there are and were")
    revoking = actions.add_parser("revoke", help="make a key worthless")
    revoking.add_argument("name", metavar="NAME")
    return parser


def _port(text: str) -> int:
    return _whole_number(text, LAST_PORT)


def _count(text: str) -> int:
    return _whole_number(text, MOST_RIDES)


def _whole_number(text: str, largest: int) -> int:
    if text.isascii() and text.isdecimal() and int(text) <= largest:
        return int(text)
    raise ArgumentTypeError(f"{text!r} is not a whole number from 0 to {largest}")
