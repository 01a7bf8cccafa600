"""How a test is mended that minds what is around it, by category."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shakeproof.report.advice.idiom import Advice

if TYPE_CHECKING:
    from collections.abc import Mapping


def advice_for_condition(category: str) -> Advice:
    """Give the advice for a test that minds what is around it: it takes for granted what it had better set up."""
    return _advice_for_conditions().get(category, _advice_for_conditions()["global"])


def _advice_for_conditions() -> Mapping[str, Advice]:
    return {
        "timezone": Advice(
            "time zone",
            "the test holds in some places only: not for a colleague abroad, nor for a server that runs on UTC",
            "name the time zone wherever a time is made, and compare times that carry one",
            (
                "now = datetime.now(UTC)  # not datetime.now(), nor date.today()",
                'local = now.astimezone(ZoneInfo("Asia/Kolkata"))  # the zone that is meant, not the machine\'s',
            ),
        ),
        "clock": Advice(
            "date",
            "the test will fail one day though nobody has changed anything",
            "pass the time in, and give it a fixed one in the test",
            (
                "def is_due(invoice, now): ...  # not datetime.now() inside",
                "",
                "def test_it():",
                "    assert is_due(invoice, now=datetime(2024, 2, 29, tzinfo=UTC))",
            ),
        ),
        "locale": Advice(
            "locale",
            "the test holds on machines that are set up alike",
            "name the encoding and the format, or set the locale that the test is about",
            (
                'path.read_text(encoding="utf-8")',
                'subprocess.run(command, env={**os.environ, "LC_ALL": "C.UTF-8"})',
            ),
        ),
        "network": Advice(
            "network",
            "the test fails whenever the other side is slow, down or changed, and nobody can run it on a train",
            "talk to a server of the test's own on 127.0.0.1, or pass a client in that answers by itself",
            (
                "@pytest.fixture",
                "def server():",
                '    with serve("127.0.0.1", 0) as server:',
                "        yield server",
            ),
        ),
        "cwd": Advice(
            "current directory",
            "the test holds only where pytest is started in one folder: not from an editor, nor from the folder above",
            "find files from where the test's own file is, or go where it needs to be",
            (
                "DATA = Path(__file__).parent / 'data'",
                "",
                "def test_it(monkeypatch, tmp_path):",
                "    monkeypatch.chdir(tmp_path)",
            ),
        ),
        "descriptors": Advice(
            "open files",
            "files that are opened and not closed add up: with more tests, or on another system, there are none left",
            "close what is opened, and open less at a time",
            (
                "with path.open() as file:",
                "    ...",
            ),
        ),
        "cpu": Advice(
            "CPUs",
            "the test holds on a machine that does several things at once: not in a small container",
            "wait for what is to happen rather than for a time, and ask for no number of CPUs",
            (
                "ready = threading.Event()",
                "assert ready.wait(timeout=10)  # not time.sleep(0.1)",
            ),
        ),
        "global": Advice(
            "surroundings",
            "the test holds on machines like this one",
            "set up in the test what it takes for granted",
            (
                "def test_it(monkeypatch):",
                '    monkeypatch.setenv("NAME", "value")',
            ),
        ),
    }
