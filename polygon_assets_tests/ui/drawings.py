"""The two pictures that need no browser: ``status`` on a terminal, and coverage of twenty years, of made-up days."""

import datetime as dt
import io
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from polygon_assets.calendars import trading_calendar
from polygon_assets.cli import console
from polygon_assets.cli.work import status
from polygon_assets.datasets import DATASETS
from polygon_assets.reading.inventory import DayState, Inventory, StoredDay
from polygon_assets.reading.pictures import draw_coverage

LAST = dt.date(2026, 11, 19)
NOW = dt.datetime(2026, 11, 20, 22, tzinfo=dt.UTC)
GAP = (dt.date(2026, 3, 2), dt.date(2026, 3, 20))
ROWS = {"stocks_daily": 11_400, "stocks_minute": 1_730_000, "options_daily": 231_000}
BYTES_OF_A_ROW = 21
ODD_DAYS = 0.012
WIDTH = 152
_FONTS = re.compile(r"@font-face \{.*?\}\s*", re.DOTALL)


def made_up(name: str, first: dt.date, gaps: tuple[tuple[dt.date, dt.date], ...] = ()) -> Inventory:
    """What a store could hold of a dataset since ``first``, but for ``gaps``: some days are flagged."""
    row = DATASETS[name]
    rng = np.random.default_rng([*name.encode()])
    sessions = trading_calendar(row.calendar).between(row.first_day, LAST)
    stored = dict(_stored(name, [day for day in sessions if day >= first], gaps, rng))

    def state(day: dt.date) -> DayState:
        if day < first:
            return DayState.BEFORE
        if day not in stored:
            return DayState.MISSING
        return DayState.FLAGGED if stored[day].rules else DayState.PUBLISHED

    return Inventory(row, {day: state(day) for day in sessions}, stored, [], [], LAST + dt.timedelta(1), NOW)


def _stored(
    name: str, days: list[dt.date], gaps: tuple[tuple[dt.date, dt.date], ...], rng: np.random.Generator
) -> Iterator[tuple[dt.date, StoredDay]]:
    for number, day in enumerate(days):
        if not any(first <= day <= last for first, last in gaps):
            grown = 0.35 + 0.65 * (number + 1) / len(days)
            rows = round(ROWS[name] * grown * rng.uniform(0.93, 1.07))
            rules = ("volume_zero",) if rng.random() < ODD_DAYS else ()
            yield day, StoredDay(day, rows * BYTES_OF_A_ROW, rows, rules)


def draw_status(path: Path) -> None:
    """What ``polygon-assets status`` prints on a wide terminal; it fetches no fonts."""
    shown = console._Console(
        record=True, width=WIDTH, force_terminal=True, file=io.StringIO(), highlight=False, markup=False, emoji=False
    )
    before, console.out = console.out, shown
    try:
        status.show(
            "/srv/market-data",
            [
                made_up("stocks_daily", dt.date(2024, 11, 21), (GAP, (dt.date(2025, 8, 7), dt.date(2025, 8, 7)))),
                made_up("stocks_minute", dt.date(2026, 6, 2)),
                made_up("options_daily", dt.date(2025, 11, 21), (GAP,)),
            ],
            heatmap=True,
        )
    finally:
        console.out = before
    path.write_text(_FONTS.sub("", shown.export_svg(title="polygon-assets status")))


def draw_twenty_years(path: Path) -> None:
    """The coverage of ``stocks_daily`` from its first day, with findings in its last year."""
    taken = made_up("stocks_daily", DATASETS["stocks_daily"].first_day, (GAP,))
    rng = np.random.default_rng(7)
    findings = {day: int(rng.random() < ODD_DAYS) for day in taken.stored if day.year == LAST.year}
    path.write_bytes(draw_coverage(taken, findings))
