"""Years as rows of characters, a week each: what a terminal and the web interface can show of an inventory at once.

Belongs here: which character a week is. Does not: colours (``cli``), or the picture of days (``pictures``).
"""

import datetime as dt
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from polygon_assets.reading.inventory import STORED, DayState


class Week(StrEnum):
    """What is true of a week's days, as a character that can be read without colours; the worst counts."""

    PUBLISHED = "■"
    FLAGGED = "▲"
    PARTIAL = "◧"
    MISSING = "·"
    BAD = "✗"
    WAITING = "○"
    NONE = " "


MEANINGS = {
    Week.PUBLISHED: "all published",
    Week.FLAGGED: "published, some flagged",
    Week.PARTIAL: "some missing",
    Week.MISSING: "missing",
    Week.BAD: "refused or damaged",
    Week.WAITING: "not due yet",
}
_ALONE = {DayState.FLAGGED: Week.FLAGGED, DayState.PUBLISHED: Week.PUBLISHED, DayState.WAITING: Week.WAITING}
_LAST_WEEK = 54


@dataclass(frozen=True)
class WeeksOfYears:
    """The years that are worth showing."""

    first: int
    """The first year of all, shown or not."""
    years: Mapping[int, Sequence[Week]]
    """From the first with a stored day to the last, or the last alone: its weeks."""


def weeks_of_years(states: Mapping[dt.date, DayState]) -> WeeksOfYears:
    """The weeks of each year in which something is stored, and of those between; of the last where nothing is."""
    weeks: dict[tuple[int, int], list[DayState]] = defaultdict(list)
    for day, state in states.items():
        offset = dt.date(day.year, 1, 1).weekday()
        weeks[day.year, (day.timetuple().tm_yday - 1 + offset) // 7 + 1].append(state)
    last = max(year for year, _ in weeks)
    begun = min((year for (year, _), found in weeks.items() if STORED & set(found)), default=last)
    shown = {
        year: [_week(weeks.get((year, week), ())) for week in range(1, _LAST_WEEK + 1)]
        for year in range(begun, last + 1)
    }
    return WeeksOfYears(min(year for year, _ in weeks), shown)


def _week(states: Collection[DayState]) -> Week:
    found = set(states)
    if found & {DayState.REFUSED, DayState.DAMAGED}:
        return Week.BAD
    if DayState.MISSING in found:
        return Week.PARTIAL if found & STORED else Week.MISSING
    return next((week for state, week in _ALONE.items() if state in found), Week.NONE)


def in_months(states: Mapping[dt.date, DayState], limit: int) -> str:
    """The newest years, a line of twelve months each, and what their characters mean; shorter than ``limit``."""
    months: dict[int, list[list[DayState]]] = defaultdict(lambda: [[] for _ in range(12)])
    for day, state in states.items():
        months[day.year][day.month - 1].append(state)
    shown = {year: [_week(each) for each in months[year]] for year in weeks_of_years(states).years}
    years = [f"{year} {''.join(each)}".rstrip() for year, each in shown.items()]
    seen = {month for each in shown.values() for month in each}
    legend = ["a month each:", *(f"{each} {said}" for each, said in MEANINGS.items() if each in seen)]
    while len(years) > 1 and len("\n".join([*years, "", *legend])) >= limit:
        years = years[1:]
    return "\n".join([*years, "", *legend])
