"""Signals that end a command: each one is an exception, as Ctrl-C is, so that every ``finally`` runs.

Belongs here: turning them into one. Does not: what is cleaned up on the way.
"""

import signal
import sys
from types import FrameType

from polygon_assets.cli import console

_ENDINGS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def heed_endings() -> None:
    """Raise KeyboardInterrupt at SIGINT, and SystemExit with its exit code at SIGTERM and SIGHUP.

    Also where a shell started this in the background with SIGINT ignored, which children would inherit.
    """
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for number in _ENDINGS[1:]:
        signal.signal(number, _terminate)


def ignore_endings() -> None:
    """From here on, impatient repetitions do not interrupt what is being ended."""
    for number in _ENDINGS:
        signal.signal(number, signal.SIG_IGN)


def _terminate(_number: int, _frame: FrameType | None) -> None:
    sys.exit(console.TERMINATED)
