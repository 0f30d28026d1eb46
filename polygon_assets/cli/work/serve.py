"""``polygon-assets dev``: the platform on the vendor's bucket, served until a signal ends it.

Each signal that ends it is an exception, as Ctrl-C is, so that every ``finally`` runs.
"""

import os
import shlex
import shutil
import signal
import sys
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from types import FrameType

from rich.text import Text

from polygon_assets.cli import console
from polygon_assets.cli.work.vendor_checks import trouble
from polygon_assets.errors import PolygonAssetsError
from polygon_assets.orchestration.watching.new_day_sensors import utc_now
from polygon_assets.serving.home import open_instance
from polygon_assets.serving.own_history import require_own_history
from polygon_assets.serving.processes import (
    HOST,
    STOP_SECONDS,
    dagster_dev,
    log_of,
    wait_until_it_answers,
    wait_until_it_ends,
)
from polygon_assets.serving.recovery import end_orphans, forget_ticks_of_the_future
from polygon_assets.settings import Settings, dagster_home

_ENDINGS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Termination:
    """What the signals that end a command ask for, remembered.

    Python ignores an exception that a signal raises inside a finalizer, or a hook around a fork, such as logging has.
    """

    def __init__(self) -> None:
        """No signal has come yet."""
        self._asked: BaseException | None = None

    def check(self) -> None:
        """Raise what the last signal raised, wherever that was lost."""
        if self._asked is not None:
            raise self._asked

    def handle(self, number: int, _frame: FrameType | None) -> None:
        """Raise KeyboardInterrupt for SIGINT, else SystemExit with the exit code."""
        self._asked = KeyboardInterrupt() if number == signal.SIGINT else SystemExit(console.TERMINATED)
        raise self._asked


def handle_termination() -> Termination:
    """Raise KeyboardInterrupt at SIGINT, and SystemExit with its exit code at SIGTERM and SIGHUP.

    Also where a shell started this in the background with SIGINT ignored, which children would inherit.
    """
    termination = Termination()
    for number in _ENDINGS:
        signal.signal(number, termination.handle)
    return termination


def ignore_termination() -> None:
    """From here on, impatient repetitions do not interrupt what is being ended."""
    for number in _ENDINGS:
        signal.signal(number, signal.SIG_IGN)


def serve(home: Path, port: int, hints: Mapping[str, str], meanwhile: Callable[[], None] = lambda: None) -> None:
    """Serve the UI on ``home`` until a signal ends it, and say where it is and what to do with it (``hints``).

    ``meanwhile`` is called while it starts.

    Raises:
        KeyboardInterrupt, SystemExit: the signal; everything has ended by then.
        PolygonAssetsError: it ended by itself.
    """
    termination = handle_termination()
    log = log_of(home)
    console.messages.print("Starting the UI; that takes about fifteen seconds …")
    with ExitStack() as ending, dagster_dev(home, port, os.environ) as process:
        try:
            with console.messages.status("Waiting until it answers …"):
                meanwhile()
                answers = wait_until_it_answers(process, port, termination.check)
            if answers:
                _say(f"http://{HOST}:{port}/assets", {**hints, "Log": str(log), "Stop": "Ctrl-C"})
            code = wait_until_it_ends(process, termination.check)
        except (KeyboardInterrupt, SystemExit):
            ignore_termination()
            console.messages.print(f"Stopping … (up to {STOP_SECONDS} s)")
            ending.enter_context(console.messages.status("Waiting for what runs …"))
            raise
    raise PolygonAssetsError(_ended_by_itself(code, log))


def _say(url: str, hints: Mapping[str, str]) -> None:
    console.messages.print(Text.assemble("\nThe UI is at ", (url, "bold")))
    for name, text in hints.items():
        console.messages.print(f"  {name:<6} {text}", soft_wrap=True)


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


def run(settings: Settings, port: int) -> None:
    """Serve the platform on the subscription of ``settings`` until a signal ends it."""
    home = dagster_home()
    require_own_history(settings.store_uri)
    with open_instance() as instance:
        ended = end_orphans(instance)
        forget_ticks_of_the_future(instance, utc_now())
    if ended:
        said = f"Runs whose process was gone, ended now to be started again: {len(ended)}"
        console.messages.print(said, soft_wrap=True)
    command = this_command(Path.cwd())
    hints = {
        "Open": "an asset: new days come by themselves, older ones by Materialize",
        "Ask": f"{command} status, or {command} doctor where something does not work",
        "Store": settings.store_uri,
    }
    serve(home, port, hints, meanwhile=lambda: _warn_of_the_bucket(settings))


def _warn_of_the_bucket(settings: Settings) -> None:
    """Say in one line that the bucket cannot be read: the sensors would say it in the log, again and again."""
    found = trouble(settings)
    if found:
        console.warn(f"{found} The UI comes all the same, and the sensors ask again every ten minutes.")
