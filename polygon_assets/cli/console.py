"""What commands print with: a console for results, one for messages, and progress that is quiet off a terminal.

Both obey NO_COLOR. Belongs here: how things look. Does not: what an error means (``app``).
"""

import json
import socket
import sys
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    TextColumn,
    TimeRemainingColumn,
)
from rich.table import Table

FAILED = 1
UNUSABLE = 2
INTERRUPTED = 130
TERMINATED = 143

_WIDTH_OFF_A_TERMINAL = 160


def _width() -> int | None:
    """A terminal's own width; into a pipe or file, wide enough that tables are not cut."""
    return None if sys.stdout.isatty() else _WIDTH_OFF_A_TERMINAL


out = Console(highlight=False, width=_width())
messages = Console(stderr=True, highlight=False)


def progress(*columns: ProgressColumn) -> Progress:
    """A progress display on standard error, with ``columns`` of its own; nothing is shown off a terminal."""
    return Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        *columns,
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}"),
        console=messages,
        disable=not messages.is_terminal,
    )


def table(title: str | None, *columns: str, right: tuple[str, ...] = ()) -> Table:
    """A table with ``columns``, those named in ``right`` aligned to the right."""
    made = Table(title=title, title_justify="left")
    for column in columns:
        made.add_column(column, justify="right" if column in right else "left")
    return made


def print_json(value: Any) -> None:
    """Print ``value`` for scripts: plain JSON, never coloured or cut."""
    sys.stdout.write(json.dumps(value, indent=2, default=str) + "\n")


def fail(message: str) -> None:
    """Say what went wrong, in one line."""
    messages.print(f"[bold red]error:[/] {message}", soft_wrap=True, markup=True)


def warn(message: str) -> None:
    """Say what is worth knowing, in one line."""
    messages.print(f"[bold yellow]note:[/] {message}", soft_wrap=True, markup=True)


class State(StrEnum):
    """How something is."""

    OK = "ok"
    NOTE = "note"
    """Works, and is worth knowing."""
    FAILED = "failed"
    """Does not work until someone acts."""


@dataclass(frozen=True)
class Line:
    """One finding."""

    topic: str
    state: State
    text: str
    remedy: str = ""
    """What to do; empty where nothing is to be done."""


def ok(topic: str, text: str) -> Line:
    """All is well."""
    return Line(topic, State.OK, text)


def note(topic: str, text: str, remedy: str = "") -> Line:
    """It works, but."""
    return Line(topic, State.NOTE, text, remedy)


def failed(topic: str, text: str, remedy: str) -> Line:
    """It does not work."""
    return Line(topic, State.FAILED, text, remedy)


def is_free(port: int) -> bool:
    """Does nothing listen on ``port`` of 127.0.0.1? Asked before the slow imports of what will."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True
