"""What docs/deployment.md tells people to install fits the service."""

import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from backend.core.clock import SystemClock
from backend.core.errors import SettingsError
from backend.core.settings import Settings, read_settings
from backend.tools.cli import main

DEPLOY = Path(__file__).parents[2] / "docs" / "deploy"
PYTHON = "/opt/bus-times/bin/python"
ANALYZE = shutil.which("systemd-analyze")
UNITS = ("bus-times.service", "bus-times-backup.service", "bus-times-backup.timer")


def read(name: str) -> str:
    return (DEPLOY / name).read_text(encoding="utf-8")


def variables() -> dict[str, str]:
    lines = [line for line in read("bus-times.env").splitlines() if not line.startswith("#")]
    return dict(line.split("=", 1) for line in lines)


def test_the_settings_want_a_secret_and_nothing_else() -> None:
    """As it is delivered nobody could sign a token with what everybody can read."""
    delivered = variables()
    with pytest.raises(SettingsError, match="BMTC_ADMIN_KEYS is not usable"):
        read_settings(delivered)

    filled = read_settings(
        delivered | {"BMTC_ADMIN_KEYS": f"{delivered['BMTC_ADMIN_KEYS']}{'x' * 32}"}
    )

    assert filled.database == "/var/lib/bus-times/bus-times.sqlite3"


@pytest.mark.parametrize("unit", ["bus-times.service", "bus-times-backup.service"])
def test_the_units_run_commands_that_there_are(
    unit: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """With all their options; `--help` behind them keeps them from being done."""
    (line,) = [line for line in read(unit).splitlines() if line.startswith("ExecStart=")]
    words = shlex.split(line.partition("=")[2])
    if words[0] == "/bin/sh":
        words = shlex.split(words[-1])[1:]
    assert words[:4] == [PYTHON, "-P", "-m", "backend"]

    with pytest.raises(SystemExit) as ended:
        main([*words[4:], "--help"], {}, SystemClock())

    assert ended.value.code == 0
    assert words[4] in capsys.readouterr().out


@pytest.mark.skipif(ANALYZE is None, reason="needs systemd-analyze")
def test_systemd_finds_nothing_wrong_with_the_units(tmp_path: Path) -> None:
    """With this interpreter in the place of the one that is installed."""
    for name in UNITS:
        (tmp_path / name).write_text(read(name).replace(PYTHON, sys.executable), encoding="utf-8")
    done = subprocess.run(
        [str(ANALYZE), "verify", *(f"./{name}" for name in UNITS)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_the_proxy_lets_a_feed_through_that_the_service_takes() -> None:
    most = Settings.model_fields["max_feed_mib"].default
    assert f"client_max_body_size {most}m;" in read("nginx.conf")
