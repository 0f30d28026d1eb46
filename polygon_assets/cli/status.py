"""``polygon-assets status``: what is stored of each dataset, what is missing, and what comes next.

Belongs here: the table, its JSON and the gaps. Does not: taking the inventory (``reading``), or the picture
(``heatmap``).
"""

import datetime as dt
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.filesize import decimal
from rich.progress import TaskID

from polygon_assets.cli import console
from polygon_assets.cli.choices import AnyDataset, calendar_of, datasets
from polygon_assets.settings import load_settings

if TYPE_CHECKING:  # pyarrow's import is slow
    from polygon_assets.reading.inventory import Inventory

_GAPS_SHOWN = 5


def register(app: typer.Typer) -> None:
    """Add the command to ``app``."""
    app.command("status")(status)


def status(
    dataset: AnyDataset = None,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for scripts, with every gap.")] = False,
    heatmap: Annotated[bool, typer.Option("--heatmap/--no-heatmap", help="Draw years and weeks.")] = True,
) -> None:
    """Show what is stored of each dataset, what is missing, flagged or quarantined, and what is due."""
    rows = datasets(dataset)
    settings = load_settings()
    from polygon_assets.cli.connect import open_store  # noqa: PLC0415 (pyarrow's import is slow)
    from polygon_assets.cli.heatmap import draw, legend  # noqa: PLC0415
    from polygon_assets.reading.inventory import take_inventory  # noqa: PLC0415

    store, now = open_store(settings), dt.datetime.now(dt.UTC)
    taken = []
    with console.progress() as shown:
        for row in rows:
            task = shown.add_task(row.name, total=None, note="reading footers")

            def on_day(total: int, task: TaskID = task) -> None:
                shown.update(task, total=total, advance=1)

            calendar = calendar_of(settings, row)
            start = settings.history_start
            taken.append(take_inventory(store, row, calendar, now=now, history_start=start, on_day=on_day))
    if as_json:
        console.print_json({"store": store.uri, "datasets": [plain(each) for each in taken]})
        return
    console.out.print(f"Store: {store.uri}", soft_wrap=True)
    console.out.print(_summary(taken))
    for each in taken:
        _print_gaps(each)
    if not any(each.stored for each in taken):
        console.messages.print("Nothing is stored yet. For a start: polygon-assets ingest stocks_daily --last 5")
    elif heatmap:
        for each in taken:
            console.out.print(draw(each))
        console.out.print(legend())


def _summary(taken: "list[Inventory]") -> Any:
    figures = ("published", "missing", "flagged", "quarantined", "size")
    shown = console.table(None, "dataset", "first", "last", *figures, "next day", right=figures)
    for each in taken:
        known = plain(each)
        numbers = (f"{known[name]:,}" for name in figures[:-1])
        shown.add_row(
            each.dataset.name,
            known["first"] or "-",
            known["last"] or "-",
            *numbers,
            decimal(known["bytes"]),
            _next(each),
        )
    return shown


def _next(each: "Inventory") -> str:
    moment = f"{each.due_at:%Y-%m-%d %H:%M} New York"
    return f"{each.next_day} [bold yellow]due since {moment}[/]" if each.is_due else f"{each.next_day} by {moment}"


def _print_gaps(each: "Inventory") -> None:
    inside = [gap for gap in each.gaps if each.stored and gap.last > min(each.stored)]
    for gap in inside[:_GAPS_SHOWN]:
        days = f"{gap.first}" if gap.days == 1 else f"{gap.first} to {gap.last}, {gap.days} days"
        console.out.print(f"{each.dataset.name}: missing {days}", soft_wrap=True)
    if len(inside) > _GAPS_SHOWN:
        rest = len(inside) - _GAPS_SHOWN
        console.out.print(f"{each.dataset.name}: {rest} more gaps; all of them: polygon-assets status --json")
    for held in each.quarantined[-_GAPS_SHOWN:]:
        console.out.print(f"{each.dataset.name} {held.day}: {held.cause} ({held.uri})", soft_wrap=True, markup=False)


def plain(each: "Inventory") -> dict[str, Any]:
    """The inventory as plain values."""
    from polygon_assets.reading.inventory import STORED, DayState  # noqa: PLC0415

    days = list(each.stored)
    return {
        "dataset": each.dataset.name,
        "first": days[0].isoformat() if days else None,
        "last": days[-1].isoformat() if days else None,
        "published": sum(held.rows is not None for held in each.stored.values()),
        "missing": each.count(DayState.MISSING, DayState.REFUSED, DayState.DAMAGED),
        "flagged": each.count(DayState.FLAGGED),
        "damaged": each.count(DayState.DAMAGED),
        "quarantined": len(each.quarantined),
        "bytes": each.parquet_bytes,
        "rows": sum(held.rows or 0 for held in each.stored.values()),
        "next_day": each.next_day.isoformat(),
        "next_day_expected_by": each.due_at.isoformat(),
        "next_day_is_due": each.is_due,
        "complete": all(state in STORED | {DayState.OUTSIDE, DayState.WAITING} for state in each.states.values()),
        "gaps": [{"first": str(gap.first), "last": str(gap.last), "days": gap.days} for gap in each.gaps],
    }
