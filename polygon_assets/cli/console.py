"""What commands print with: a console for results, one for messages, and progress that is quiet off a terminal."""

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeRemainingColumn

FAILED = 1
UNUSABLE = 2
INTERRUPTED = 130

out = Console()
messages = Console(stderr=True, highlight=False)


def progress() -> Progress:
    """A progress display on standard error; nothing is shown where that is no terminal."""
    return Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[note]}"),
        console=messages,
        disable=not messages.is_terminal,
    )


def fail(message: str) -> None:
    """Say what went wrong, in one line."""
    messages.print(f"[bold red]error:[/] {message}", soft_wrap=True, markup=True)
