"""Serving on a terminal: quiet while it starts, then one block with the address, then a quiet end.

Belongs here: what is said around the servers. Does not: starting and ending them (``orchestration.serving``).
"""

import os
import shlex
import shutil
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from rich.markup import escape

from polygon_assets.cli import console
from polygon_assets.cli.endings import heed_endings, ignore_endings
from polygon_assets.errors import PolygonAssetsError
from polygon_assets.orchestration.serving import HOST, STOP_SECONDS, dagster_dev, log_of, wait_until_it_answers


def serve(home: Path, port: int, hints: Mapping[str, str], meanwhile: Callable[[], None] = lambda: None) -> None:
    """Serve the UI on ``home`` until a signal ends it, and say where it is and what to do with it (``hints``).

    ``meanwhile`` is called while it starts.

    Raises:
        KeyboardInterrupt, SystemExit: the signal; everything has ended by then.
        PolygonAssetsError: it ended by itself.
    """
    heed_endings()
    log = log_of(home)
    console.messages.print("Starting the UI; that takes about fifteen seconds …")
    with dagster_dev(home, port, os.environ) as process:
        try:
            meanwhile()
            if wait_until_it_answers(process, port):
                _say(f"http://{HOST}:{port}/assets", {**hints, "Log": str(log), "Stop": "Ctrl-C"})
            code = process.wait()
        except (KeyboardInterrupt, SystemExit):
            ignore_endings()
            console.messages.print(f"Stopping … (up to {STOP_SECONDS} s)")
            raise
    raise PolygonAssetsError(_ended_by_itself(code, log))


def _say(url: str, hints: Mapping[str, str]) -> None:
    console.messages.print(f"\nThe UI is at [bold]{url}[/]")
    for name, text in hints.items():
        console.messages.print(f"  {name:<6} {escape(text)}", soft_wrap=True)


def _ended_by_itself(code: int, log: Path) -> str:
    lines = [line for line in log.read_text(errors="replace").splitlines() if line.strip()]
    last = f" It said: {lines[-1].strip().rstrip('.')}." if lines else ""
    return f"The UI ended by itself with exit code {code}.{last} All of it: {log}"


def this_command(folder: Path) -> str:
    """How to call this program from ``folder``: by name where that is found, or by its path."""
    if shutil.which("polygon-assets"):
        return "polygon-assets"
    script = Path(sys.executable).parent / "polygon-assets"
    return shlex.quote(relative(script, folder))


def relative(path: Path, folder: Path) -> str:
    """``path`` as a person in ``folder`` would write it."""
    return str(path.relative_to(folder)) if path.is_relative_to(folder) else str(path)
