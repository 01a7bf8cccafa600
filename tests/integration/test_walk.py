"""The walk through the service in backend/README.md does what the page says."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.factories import TEST_ADMIN_KEYS, TEST_API_KEY
from tests.integration.server import announced_url, running
from tests.integration.walk import BETWEEN, README, Step, alike, script, section, steps

SECONDS = 60


@pytest.fixture
def bash() -> str:
    """Give the shell that the walk is for, with a curl that it is for."""
    found, curl = shutil.which("bash"), shutil.which("curl")
    if found is None or curl is None:
        pytest.skip("needs bash and curl")
    knows = subprocess.run([curl, "--json", "{}", "--version"], capture_output=True, check=False)
    if knows.returncode != 0:
        pytest.skip("needs curl 7.82 or newer, which knows --json")
    return found


@pytest.mark.slow
def test_the_walk_gets_the_answers_that_the_page_shows(
    bash: str, database_variables: dict[str, str], tmp_path: Path
) -> None:
    """Every command as it stands there, one after the other, in one shell."""
    walk = list(steps(section(README.read_text(encoding="utf-8"))))
    variables = {"BMTC_API_KEY": TEST_API_KEY, "BMTC_ADMIN_KEYS": TEST_ADMIN_KEYS}
    variables |= database_variables
    (tmp_path / "walk").mkdir()

    with running(variables, "serve", "--port", "0") as process:
        done = subprocess.run(
            [bash, "-c", script(walk)],
            cwd=tmp_path / "walk",
            env=environment(tmp_path) | variables | {"URL": announced_url(process)},
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )

    assert done.returncode == 0, done.stdout + done.stderr
    answers = done.stdout.split(BETWEEN)[:-1]
    assert len(answers) == len(walk) > 20
    different = [
        (step.command, answer)
        for step, answer in zip(walk, answers, strict=True)
        if not alike(step.answer, answer)
    ]
    assert different == []


def environment(home: Path) -> dict[str, str]:
    """Return what a shell needs to run this very Python, and nothing of this machine's proxies and curl settings."""
    root = str(README.parents[1])
    kept = {name: os.environ[name] for name in ("SYSTEMROOT", "TMPDIR") if name in os.environ}
    path = os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"]))
    return kept | {"PATH": path, "PYTHONPATH": root, "HOME": str(home), "NO_PROXY": "*"}


@pytest.mark.parametrize(
    ("found", "is_alike"),
    [
        ('{"at":"2027-01-02T03:04:05Z","n":0.93,"age_seconds":7}', True),
        ('{"at":"2027-01-02T03:04:05Z","n":0.8,"age_seconds":7}', False),
        ('{"at":"never","n":0.93,"age_seconds":7}', False),
        ('{"at":"2027-01-02T03:04:05Z","n":0.93}', False),
        ('{"at":"2027-01-02T03:04:05Z","n":0.93,"age_seconds":7}\nmore', False),
        ("no answer", False),
    ],
)
def test_answers_are_alike_when_no_more_than_times_and_fading_numbers_differ(
    found: str, *, is_alike: bool
) -> None:
    assert alike('{"at":"2026-11-21T22:00:00+05:30","n":0.96,"age_seconds":9.5}', found) is is_alike


def test_a_command_goes_on_to_the_end_of_what_it_is_given() -> None:
    text = "```console\n$ cat <<END\nfirst\nEND\nfirst\n$ true\n```\n"

    assert list(steps(text)) == [Step("cat <<END\nfirst\nEND", "first"), Step("true", "")]
