"""How tests are mended that use the same thing at the same time, by category."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shakeproof.report.advice.idiom import Advice

if TYPE_CHECKING:
    from collections.abc import Mapping


def advice_on_overlap(category: str) -> Advice:
    """Give the advice for what two tests use at the same time."""
    return _overlap_advice().get(category, _overlap_advice()["filesystem"])


def _overlap_advice() -> Mapping[str, Advice]:
    return {
        "filesystem": Advice(
            "file",
            "whoever writes last decides what both of them read",
            "write below tmp_path, which each test has for itself",
            (
                "def test_it(tmp_path):",
                '    file = tmp_path / "it.txt"',
            ),
        ),
        "network": Advice(
            "port",
            "only one of them can have it at a time",
            "bind port 0, and ask the socket which port it was given",
            (
                "@pytest.fixture",
                "def server():",
                '    with serve("127.0.0.1", 0) as server:',
                "        yield server  # its port: server.socket.getsockname()[1]",
            ),
        ),
        "database": Advice(
            "database",
            "each sees the other's rows, or waits for its lock",
            "give each test a database below tmp_path, or each worker one of its own",
            (
                '@pytest.fixture(scope="session")',
                "def database(tmp_path_factory, worker_id):  # worker_id is pytest-xdist's",
                '    return tmp_path_factory.mktemp("data") / f"{worker_id}.sqlite3"',
            ),
        ),
    }
