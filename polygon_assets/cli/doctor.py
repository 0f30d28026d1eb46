"""``polygon-assets doctor``: is everything in place, and if not, what helps?

Belongs here: the order of the questions, and printing. Does not: asking (``vendor_checks``, ``machine_checks``).
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from polygon_assets.cli import console
from polygon_assets.settings import Settings, load_settings

if TYPE_CHECKING:
    from polygon_assets.cli.findings import Line

_LOOKS = {"ok": "[green]ok    [/]", "note": "[yellow]note  [/]", "failed": "[bold red]failed[/]"}


def register(app: typer.Typer) -> None:
    """Add the command to ``app``."""
    app.command("doctor")(doctor)


def doctor(*, as_json: Annotated[bool, typer.Option("--json", help="Print JSON for scripts.")] = False) -> None:
    """Check credentials, clock, endpoint, plan, disk, calendar and Dagster; each line is ok or says what helps.

    Exit code 1 where something failed; notes do not count.
    """
    lines = []
    for line in _lines(load_settings()):
        lines.append(line)
        if not as_json:
            _print(line)
    if as_json:
        console.print_json([vars(line) for line in lines])
    if any(line.state == "failed" for line in lines):
        raise typer.Exit(console.FAILED)


def _lines(settings: Settings) -> "Iterator[Line]":
    from polygon_assets.cli import machine_checks, vendor_checks  # noqa: PLC0415 (slow imports)

    reaches: dict[str, vendor_checks.Reach] = {}
    unset = vendor_checks.unset_credentials(settings)
    if unset:
        yield unset
    answering = list(vendor_checks.endpoint(settings))
    yield from answering
    if not unset and answering[0].state == "ok":
        with console.messages.status("Asking the vendor …"):
            yield from vendor_checks.credentials(settings, reaches)
    usable = machine_checks.store(settings)
    yield usable
    if usable.state == "ok":
        yield machine_checks.room(settings, reaches)
    yield machine_checks.calendar(settings)
    yield from machine_checks.dagster()


def _print(line: "Line") -> None:
    console.out.print(f"{_LOOKS[line.state]}  {line.topic:<22}{escape(line.text)}", soft_wrap=True)
    if line.remedy:
        console.out.print(f"{'':30}→ {escape(line.remedy)}", soft_wrap=True)
