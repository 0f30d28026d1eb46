"""What ``deploy/cluster`` says: the units' commands and the example's variables, which are what the suite starts."""

import shlex
import string
import sys
from collections.abc import Mapping
from pathlib import Path

from polygon_assets_tests.project import ROOT

DEPLOY = ROOT / "deploy" / "cluster"
_INSTALLED = "/opt/polygon-assets"
_FASTER = {
    # The waits of a real cluster would make up most of the suite.
    "start_timeout_seconds: 180": "start_timeout_seconds: 45",
    "poll_interval_seconds: 30": "poll_interval_seconds: 4",
}


def unit_command(unit: str, variables: Mapping[str, str], *, instance: str = "") -> list[str]:
    """``ExecStart`` of a unit as systemd would run it, from this checkout and this Python environment."""
    text = (DEPLOY / "systemd" / unit).read_text()
    (line,) = (line.removeprefix("ExecStart=") for line in text.splitlines() if line.startswith("ExecStart="))
    line = line.replace("%i", instance).replace("%H", "127.0.0.1").replace("%%", "%")
    line = string.Template(line).substitute(variables)
    line = line.replace(f"{_INSTALLED}/.venv/bin", str(Path(sys.executable).parent)).replace(_INSTALLED, str(ROOT))
    return shlex.split(line)


def example_variables() -> set[str]:
    """The names that ``environment.example`` sets."""
    lines = (DEPLOY / "environment.example").read_text().splitlines()
    return {line.partition("=")[0] for line in lines if line and not line.startswith("#")}


def write_home(home: Path) -> None:
    """A fresh DAGSTER_HOME with the cluster's ``dagster.yaml``, its intervals shortened."""
    text = (DEPLOY / "dagster.yaml").read_text()
    for slow, fast in _FASTER.items():
        assert slow in text
        text = text.replace(slow, fast)
    home.mkdir()
    (home / "dagster.yaml").write_text(text)
