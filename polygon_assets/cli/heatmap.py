"""The heatmap in the terminal: a row for each year, a cell for each week, readable without colours, too.

Belongs here: characters and colours. Does not: what they stand for (``reading.inventory``).
"""

import datetime as dt
from collections import defaultdict
from collections.abc import Collection, Sequence

from rich.text import Text

from polygon_assets.reading.inventory import STORED, DayState, Inventory

_PARTIAL = ("◧", "yellow")
_CELLS = {
    DayState.PUBLISHED: ("■", "green"),
    DayState.FLAGGED: ("▲", "yellow"),
    DayState.REFUSED: ("✗", "bold red"),
    DayState.DAMAGED: ("✗", "bold red"),
    DayState.MISSING: ("·", "red"),
    DayState.WAITING: ("○", "cyan"),
    DayState.OUTSIDE: (" ", ""),
}
_LAST_WEEK = 54


def draw(inventory: Inventory) -> Text:
    """The weeks of every year in which something is stored, or of the last one; empty years are summed up."""
    weeks = _weeks(inventory)
    years = sorted({year for year, _ in weeks})
    shown = [year for year in years if any(set(states) & STORED for key, states in weeks.items() if key[0] == year)]
    shown = shown or years[-1:]
    picture = Text(f"\n{inventory.dataset.name}\n", style="bold")
    if shown[0] > years[0]:
        picture.append(f"  {years[0]} to {shown[0] - 1}: nothing stored\n", "dim")
    for year in range(shown[0], years[-1] + 1):
        picture.append(f"  {year} ", "not bold")
        for week in range(1, _LAST_WEEK + 1):
            picture.append(*_cell(weeks.get((year, week), ())))
        picture.append("\n")
    picture.rstrip()
    return picture


def legend() -> Text:
    """What the cells mean."""
    line = Text("\n  a cell is a week: ")
    meanings = [
        (*_CELLS[DayState.PUBLISHED], "all published"),
        (*_CELLS[DayState.FLAGGED], "published, some flagged"),
        (*_PARTIAL, "some missing"),
        (*_CELLS[DayState.MISSING], "missing"),
        (*_CELLS[DayState.REFUSED], "refused or damaged"),
        (*_CELLS[DayState.WAITING], "not due yet"),
    ]
    for character, style, meaning in meanings:
        line.append(character, style).append(f" {meaning}   ")
    return line


def _weeks(inventory: Inventory) -> dict[tuple[int, int], Sequence[DayState]]:
    """The states of the sessions of each week, by year and number of the week from 1."""
    weeks: dict[tuple[int, int], list[DayState]] = defaultdict(list)
    for day, state in inventory.states.items():
        offset = dt.date(day.year, 1, 1).weekday()
        weeks[day.year, (day.timetuple().tm_yday - 1 + offset) // 7 + 1].append(state)
    return dict(weeks)


def _cell(states: Collection[DayState]) -> tuple[str, str]:
    """One character and its style for the days of a week; the worst counts."""
    held = set(states)
    if held & {DayState.REFUSED, DayState.DAMAGED}:
        return _CELLS[DayState.REFUSED]
    if DayState.MISSING in held:
        return _PARTIAL if held & STORED else _CELLS[DayState.MISSING]
    for state in (DayState.FLAGGED, DayState.PUBLISHED, DayState.WAITING):
        if state in held:
            return _CELLS[state]
    return _CELLS[DayState.OUTSIDE]
