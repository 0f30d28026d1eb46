"""``polygon-assets status``: what is stored of each dataset, as a table, as gaps, and as a heatmap.

In the heatmap a row is a year and a cell a week; it can be read without colours, too.
"""

import datetime as dt
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from rich.filesize import decimal
from rich.progress import TaskID
from rich.text import Text

from polygon_assets.cli import console
from polygon_assets.cli.arguments import calendar_of
from polygon_assets.cli.reaching import reached_store
from polygon_assets.datasets import Dataset
from polygon_assets.flatfile.quality import RULES
from polygon_assets.reading.inventory import LACKING, DayState, Inventory, take_inventory
from polygon_assets.reading.weeks import MEANINGS, Week, weeks_of_years
from polygon_assets.settings import load_settings
from polygon_assets.wording import verb

_LOOKS = {
    Week.PUBLISHED: "green",
    Week.FLAGGED: "yellow",
    Week.PARTIAL: "yellow",
    Week.MISSING: "red",
    Week.BAD: "bold red",
    Week.WAITING: "cyan",
    Week.NONE: "",
}
_GAPS_SHOWN = 5
_RULES_SHOWN = 5


def draw(name: str, states: Mapping[dt.date, DayState]) -> Text:
    """The weeks of every year in which something is stored, or of the last one; empty years are summed up."""
    found = weeks_of_years(states)
    picture = Text(f"\n{name}\n", style="bold")
    begun = min(found.years)
    if begun > found.first:
        picture.append(f"  {found.first} to {begun - 1}: nothing stored\n", "dim")
    for year, weeks in found.years.items():
        picture.append(f"  {year} ", "not bold")
        for week in weeks:
            picture.append(week.value, _LOOKS[week])
        picture.append("\n")
    picture.rstrip()
    return picture


def legend() -> Text:
    """What the cells mean."""
    line = Text("\n  a cell is a week: ")
    for week, meaning in MEANINGS.items():
        line.append(week.value, _LOOKS[week]).append(f" {meaning}   ")
    return line


def run(datasets: Sequence[Dataset], *, as_json: bool, heatmap: bool) -> None:
    """Show what is stored of ``datasets``, what is missing, flagged or quarantined, and what is due."""
    settings = load_settings()
    store, now = reached_store(settings), dt.datetime.now(dt.UTC)
    taken = []
    with console.progress() as shown:
        for row in datasets:
            task = shown.add_task(row.name, total=None, note="reading footers")

            def on_day(total: int, task: TaskID = task) -> None:
                shown.update(task, total=total, advance=1)

            calendar = calendar_of(settings, row)
            start = settings.history_start
            taken.append(take_inventory(store, row, calendar, now=now, history_start=start, on_day=on_day))
    if as_json:
        console.print_json({"store": store.uri, "datasets": [plain(each) for each in taken]})
        return
    show(store.uri, taken, heatmap=heatmap)


def show(uri: str, taken: Sequence[Inventory], *, heatmap: bool) -> None:
    """Print what was found in the store at ``uri``."""
    console.out.print(f"Store: {uri}", soft_wrap=True)
    held = [each for each in taken if _holds_something(each)]
    if held:
        console.show(_summary(held))
    _print_before(held)
    for each in held:
        _print_gaps(each)
        _print_flags(each)
    if empty := [each.dataset.name for each in taken if each not in held]:
        console.out.print(f"Nothing stored: {', '.join(empty)}", soft_wrap=True)
    if not any(each.stored for each in held):
        console.messages.print("Nothing is stored yet. For a start: polygon-assets ingest stocks_daily --last 5")
    elif heatmap:
        for each in held:
            console.out.print(draw(each.dataset.name, each.states))
        console.out.print(legend())


def _holds_something(each: Inventory) -> bool:
    return bool(each.stored or each.quarantined or each.strays)


def _summary(taken: list[Inventory]) -> Any:
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


def _next(each: Inventory) -> Text:
    moment = f"{each.due_at:%Y-%m-%d %H:%M} New York"
    when = (f"due since {moment}", "bold yellow") if each.is_due else f"by {moment}"
    return Text.assemble(f"{each.next_day} ", when)


def _print_before(taken: Sequence[Inventory]) -> None:
    """Say how many trading days nobody has asked for yet, in one line for all datasets that begin on one day."""
    alike: dict[dt.date, dict[str, int]] = defaultdict(dict)
    for each in taken:
        if days_before := each.count(DayState.BEFORE):
            alike[each.begun][each.dataset.name] = days_before
    for first, before in alike.items():
        fewest, most = min(before.values()), max(before.values())
        days = f"{fewest:,} to {most:,} trading days" if fewest < most else console.counted(most, "trading day")
        said = f"{days} before {first}, the first stored, {verb(most, 'is', 'are')} not counted as missing"
        console.out.print(f"{', '.join(before)}: {said}", soft_wrap=True)


def _print_flags(each: Inventory) -> None:
    """Say what is odd about the days that are flagged."""
    for rule, days in [*each.flagged.items()][:_RULES_SHOWN]:
        said = (
            f"flagged on {console.counted(days, 'day')}, by the rule {rule}: {RULES.get(rule, 'of another version.')}"
        )
        console.out.print(f"{each.dataset.name}: {said} Published as the vendor has it.", soft_wrap=True)
    if len(each.flagged) > _RULES_SHOWN:
        rest = console.counted(len(each.flagged) - _RULES_SHOWN, "further rule")
        console.out.print(f"{each.dataset.name}: flagged by {rest}; all of them: polygon-assets status --json")


def _print_gaps(each: Inventory) -> None:
    damaged = [str(day) for day, state in each.states.items() if state is DayState.DAMAGED]
    if damaged:
        name, few = each.dataset.name, ", ".join(damaged[-_GAPS_SHOWN:])
        said = f"{console.counted(len(damaged), 'file')} that cannot be read, counted as missing: {few}"
        console.out.print(f"{name}: {said}. To have them again: polygon-assets ingest {name} --missing", soft_wrap=True)
    inside = each.gaps if each.stored else ()
    for gap in inside[:_GAPS_SHOWN]:
        days = f"{gap.first}" if gap.days == 1 else f"{gap.first} to {gap.last}, {gap.days:,} days"
        console.out.print(f"{each.dataset.name}: missing {days}", soft_wrap=True)
    if len(inside) > _GAPS_SHOWN:
        rest = len(inside) - _GAPS_SHOWN
        console.out.print(
            f"{each.dataset.name}: {console.counted(rest, 'more gap')}; all of them: polygon-assets status --json"
        )
    if each.unexpected:
        days = ", ".join(map(str, each.unexpected[-_GAPS_SHOWN:]))
        count = len(each.unexpected)
        said = f"{console.counted(count, 'stored day')} that the calendar does not know"
        console.out.print(f"{each.dataset.name}: {said}: {days}", soft_wrap=True)
    for rows_kept, filtered in each.filtered.items():
        days = f"{len(filtered)} of {console.counted(len(each.stored), 'day')}, {filtered[0]} to {filtered[-1]}"
        console.out.print(f"{each.dataset.name}: some rows only, on {days}: {rows_kept}", soft_wrap=True)
    for stray in each.strays[:_GAPS_SHOWN]:
        console.out.print(f"{each.dataset.name}: {stray.uri}: {stray.what}", soft_wrap=True)
    if len(each.strays) > _GAPS_SHOWN:
        rest = len(each.strays) - _GAPS_SHOWN
        console.out.print(f"{each.dataset.name}: not belonging there either: {rest} more: polygon-assets status --json")
    for found in each.quarantined[-_GAPS_SHOWN:]:
        console.out.print(f"{each.dataset.name} {found.day}: {found.cause} ({found.uri})", soft_wrap=True)


def plain(each: Inventory) -> dict[str, Any]:
    """The inventory as plain values."""
    stored = list(each.stored)
    return {
        "dataset": each.dataset.name,
        "first": stored[0].isoformat() if stored else None,
        "last": stored[-1].isoformat() if stored else None,
        "published": sum(found.rows is not None for found in each.stored.values()),
        "missing": each.count(*LACKING),
        "before_first": each.count(DayState.BEFORE),
        "flagged": each.count(DayState.FLAGGED),
        "flagged_by": dict(each.flagged),
        "damaged": each.count(DayState.DAMAGED),
        "quarantined": len(each.quarantined),
        "bytes": each.parquet_bytes,
        "rows": sum(found.rows or 0 for found in each.stored.values()),
        "next_day": each.next_day.isoformat(),
        "next_day_expected_by": each.due_at.isoformat(),
        "next_day_is_due": each.is_due,
        "complete": bool(each.stored) and not each.count(*LACKING),
        "filtered": {rows_kept: [str(day) for day in days] for rows_kept, days in each.filtered.items()},
        "unexpected": [day.isoformat() for day in each.unexpected],
        "strays": [{"uri": stray.uri, "what": stray.what} for stray in each.strays],
        "gaps": [{"first": str(gap.first), "last": str(gap.last), "days": gap.days} for gap in each.gaps],
    }
