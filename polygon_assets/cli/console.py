"""What commands print with: a console for results, one for messages, and progress that is quiet off a terminal.

Both obey NO_COLOR, and neither lets a printed text steer the terminal.
Belongs here: how things look. Does not: what an error means (``app``).
"""

import codecs
import io
import json
import os
import re
import select
import shlex
import shutil
import socket
import sys
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.cells import cell_len, set_cell_size
from rich.console import Console, ConsoleOptions, RenderableType
from rich.measure import Measurement
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    TextColumn,
    TimeRemainingColumn,
)
from rich.segment import Segment
from rich.table import Table
from rich.text import Text

from polygon_assets import wording

if TYPE_CHECKING:  # pydantic's import is slow
    from polygon_assets.settings import Settings

counted = wording.counted
FAILED = 1
UNUSABLE = 2
INTERRUPTED = 130
READER_LEFT = 141
"""As a shell says of programs that SIGPIPE ended: whoever read the output had enough, ``head`` for example."""
TERMINATED = 143

_UNLIMITED = 1_000_000
"""Characters; into a pipe or a file, nothing is cut or wrapped."""
_DIRECTIONS = (0x61C, 0x200E, 0x200F, *range(0x2028, 0x202F), *range(0x2066, 0x206A))
"""Characters that turn the direction of text around, or end a line."""
_VISIBLE = {
    **{code: 0x2400 + code for code in range(0x20) if chr(code) not in "\t\n"},
    0x7F: 0x2421,
    **dict.fromkeys((*range(0x80, 0xA0), *_DIRECTIONS), 0xFFFD),
}


def visible(text: str) -> str:
    r"""``text`` without characters that a terminal would obey; each is shown as a picture of itself.

    >>> visible("AA\x1b[2JPL")
    'AA␛[2JPL'
    """
    return text.translate(_VISIBLE)


_NAME = "polygon-assets"
_COMMAND = re.compile(rf"(?<![\w./-]){_NAME}(?= [a-z-])")


def runnable(text: str) -> str:
    """``text`` with the commands in it as they can be called here: by the path that was just called, if by no name."""
    called = sys.argv[0]
    if Path(called).name != _NAME or "/" not in called or shutil.which(_NAME):
        return text
    return _COMMAND.sub(lambda _: shlex.quote(called), text)


class _Console(Console):
    """Prints text as it is, without markup and emoji codes; control characters are shown, not sent."""

    def print(self, *objects: Any, **options: Any) -> None:
        """Print; plain text is left to the terminal to wrap, and commands in it can be called as they stand."""
        if all(isinstance(each, str) for each in objects):
            options.setdefault("soft_wrap", True)
        super().print(*(runnable(each) if isinstance(each, str) else each for each in objects), **options)

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """What is printed, whatever it is made of; only rich's own control codes steer the terminal."""
        for segment in super().render(renderable, options):
            yield segment if segment.control else segment._replace(text=visible(segment.text))

    def on_broken_pipe(self) -> None:
        """End, in silence."""
        with suppress(SystemExit):
            super().on_broken_pipe()
        raise SystemExit(READER_LEFT)


class _Visible(io.RawIOBase):
    """Standard output as bytes of UTF-8, for a terminal."""

    def __init__(self) -> None:
        self._decode = codecs.getincrementaldecoder("utf-8")("replace").decode

    def writable(self) -> bool:
        """It is."""
        return True

    def write(self, data: Any, /) -> int:
        """Characters that are cut in two by a chunk's end are whole again in the next."""
        sys.stdout.write(visible(self._decode(bytes(data))))
        return len(bytes(data))


def raw_output() -> io.RawIOBase | io.BufferedIOBase:
    """Where data is written as bytes: as it is into a pipe or file, to a terminal as ``visible`` text."""
    return _Visible() if sys.stdout.isatty() else sys.stdout.buffer  # type: ignore[return-value]


def reader_left() -> bool:
    """Does nobody read standard output any more?"""
    looking = select.poll()
    looking.register(sys.stdout.fileno(), 0)
    return any(event & (select.POLLERR | select.POLLHUP) for _, event in looking.poll(0))


def _width() -> int | None:
    """A terminal's own width; into a pipe or file, there is none."""
    return None if sys.stdout.isatty() else _UNLIMITED


out = _Console(highlight=False, markup=False, emoji=False, width=_width())
messages = _Console(stderr=True, highlight=False, markup=False, emoji=False)


def progress(*columns: ProgressColumn) -> Progress:
    """A progress display on standard error, with ``columns`` of its own; nothing is shown off a terminal."""
    return Progress(
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        *columns,
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}", markup=False),
        console=messages,
        disable=not messages.is_terminal,
        transient=True,
    )


def table(title: str | None, *columns: str, right: tuple[str, ...] = ()) -> Table:
    """A table with ``columns``, those named in ``right`` aligned to the right; ``show`` prints it."""
    made = Table(title=visible(title) if title else None, title_justify="left")
    for column in columns:
        made.add_column(visible(column), justify="right" if column in right else "left", no_wrap=True)
    return made


def show(shown: Table) -> None:
    """Print a table whole: where there is no room for it, one row below the other, a line for each cell.

    Into a pipe or file there is room for any, unless ``COLUMNS`` says how much.
    """
    told = "" if sys.stdout.isatty() else os.environ.get("COLUMNS", "")
    width = int(told) if told.isdecimal() and int(told) else out.width
    room = out.options.update(width=_UNLIMITED)
    if Measurement.get(out, room, shown).maximum <= width:
        out.print(shown)
        return
    if shown.title:
        out.print(shown.title)
    names = [str(column.header) for column in shown.columns]
    widest = max(map(cell_len, names))
    rule = "─" * min(width, widest + 2)
    for row in zip(*(column.cells for column in shown.columns), strict=True):
        out.print(rule)
        for name, cell in zip(names, row, strict=True):
            text = cell if isinstance(cell, Text) else Text(str(cell))
            out.print(Text.assemble((set_cell_size(name, widest), "bold"), "  ", text), soft_wrap=True)


def print_json(value: Any) -> None:
    """Print ``value`` for scripts: plain JSON, never coloured or cut."""
    sys.stdout.write(json.dumps(value, indent=2, default=str) + "\n")


def fail(message: str) -> None:
    """Say what went wrong, in one line."""
    messages.print(Text.assemble(("error:", "bold red"), f" {runnable(message)}"), soft_wrap=True)


def warn(message: str) -> None:
    """Say what is worth knowing, in one line."""
    messages.print(Text.assemble(("note:", "bold yellow"), f" {runnable(message)}"), soft_wrap=True)


def name_place(settings: "Settings") -> None:
    """Say where the store is, where that depends on the working folder."""
    if settings.has_relative_store:
        named = (
            f"POLYGON_STORE={settings.store}" if "store" in settings.model_fields_set else "POLYGON_STORE is not set"
        )
        messages.print(f"Store: {settings.store_uri} ({named}: below this folder)", soft_wrap=True)


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
