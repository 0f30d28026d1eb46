"""What is stored of a dataset, day by day, against its trading calendar. Reads names, sizes and footers only.

Belongs here: the state of every day. Does not: drawing it (``cli``, ``orchestration``), or what the bucket has
(``store_against_bucket``).
"""

import datetime as dt
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

from polygon_assets.calendars import TradingCalendar
from polygon_assets.datasets import Dataset, expected_by
from polygon_assets.errors import LinkInStoreError, StoreError
from polygon_assets.filters import ALL_ROWS, RowFilter
from polygon_assets.flatfile.findings import flagged
from polygon_assets.ingest import ParquetStore
from polygon_assets.store.quarantine import QuarantinedDay
from polygon_assets.store.verifying import Stray, find_strays

_READERS = 8


class DayState(StrEnum):
    """What is true of one trading day in the store."""

    PUBLISHED = "published"
    """Stored, and nothing was found wrong with it."""
    FLAGGED = "flagged"
    """Stored, with findings."""
    REFUSED = "refused"
    """Not stored: its file was refused and lies in quarantine."""
    DAMAGED = "damaged"
    """A file is there, but its footer cannot be read."""
    MISSING = "missing"
    """Not stored, although its file is due."""
    WAITING = "not due yet"
    """Not stored, and its file is not due yet."""
    OUTSIDE = "not in the plan"
    """Before the first day that the settings ask for."""
    BEFORE = "before the first stored day"
    """Where the settings name no first day: nobody has asked for it yet."""


STORED = frozenset({DayState.PUBLISHED, DayState.FLAGGED})
LACKING = (DayState.MISSING, DayState.REFUSED, DayState.DAMAGED)
"""States of the days that count as missing."""


@dataclass(frozen=True)
class StoredDay:
    """A stored file, by its size and footer."""

    day: dt.date
    parquet_bytes: int
    rows: int | None
    """None: its footer cannot be read."""
    rules: tuple[str, ...] = ()
    """The rules that its rows break."""
    filter: str = ""
    """Which rows of its file are stored; empty: all."""


@dataclass(frozen=True)
class Gap:
    """Consecutive trading days that are missing."""

    first: dt.date
    last: dt.date
    days: int


@dataclass(frozen=True)
class Inventory:
    """Everything known of one dataset's days."""

    dataset: Dataset
    states: Mapping[dt.date, DayState]
    """Every session from the dataset's first day to the last that has ended, oldest first."""
    stored: Mapping[dt.date, StoredDay]
    """The files that are there, oldest first, damaged ones among them."""
    quarantined: Sequence[QuarantinedDay]
    """Refused files and rejected rows, oldest first."""
    strays: Sequence[Stray]
    """What lies among them and does not belong there; a day outside of its time is one, and in no other field."""
    next_day: dt.date
    """The session that comes after the last stored one; of an empty store, the last that has ended."""
    now: dt.datetime
    """When it was taken; aware."""

    def count(self, *states: DayState) -> int:
        """How many days are in one of ``states``."""
        return sum(state in states for state in self.states.values())

    @property
    def begun(self) -> dt.date:
        """The first day that is stored or was refused; there is one where some day is ``BEFORE``."""
        return min([*self.stored, *(dt.date.fromisoformat(each.day) for each in self.quarantined if each.refused)])

    @property
    def unexpected(self) -> tuple[dt.date, ...]:
        """Stored days that the calendar does not know, oldest first: their file was listed, and asked for."""
        return tuple(day for day in self.stored if day not in self.states and day <= max(self.states))

    @property
    def parquet_bytes(self) -> int:
        """Bytes of all stored files."""
        return sum(each.parquet_bytes for each in self.stored.values())

    @property
    def due_at(self) -> dt.datetime:
        """When the file of ``next_day`` is expected, in New York."""
        return expected_by(self.next_day)

    @property
    def is_due(self) -> bool:
        """Is the next day's file expected to be there by now?"""
        return self.due_at <= self.now

    @cached_property
    def flagged(self) -> Mapping[str, int]:
        """On how many stored days each rule is broken that is broken on any, the most frequent first."""
        return dict(Counter(rule for day in self.stored.values() for rule in day.rules).most_common())

    @cached_property
    def filtered(self) -> Mapping[str, tuple[dt.date, ...]]:
        """The days of which only some rows are stored, oldest first, by their filter."""
        days: dict[str, list[dt.date]] = {}
        for day, found_day in self.stored.items():
            if found_day.filter:
                days.setdefault(found_day.filter, []).append(day)
        return {name: tuple(found) for name, found in days.items()}

    @cached_property
    def gaps(self) -> tuple[Gap, ...]:
        """Runs of days that are due and not stored, newest first."""
        return tuple(reversed(_runs([(day, state) for day, state in self.states.items()])))


def take_inventory(
    store: ParquetStore,
    dataset: Dataset,
    calendar: TradingCalendar,
    *,
    now: dt.datetime,
    history_start: dt.date | None = None,
    on_day: Callable[[int], None] | None = None,
) -> Inventory:
    """Look at every stored day of ``dataset``.

    ``now`` is aware. Days before ``history_start`` count as outside, unless stored; without it, missing days are
    counted from the first that is stored or was refused. ``on_day`` is told, for each footer that was read, how many
    days are stored in all.
    """
    found = _stored_days(store, dataset, on_day)
    quarantined = _quarantined(store, dataset)
    refused = {dt.date.fromisoformat(each.day) for each in quarantined if each.refused}
    today = dataset.day.date_at(now)
    yesterday = today - dt.timedelta(1)
    stored = {day: found_day for day, found_day in found.items() if dataset.first_day <= day <= today}
    outside = [_outside(store, dataset, day, today) for day in found if day not in stored]
    sessions = calendar.between(dataset.first_day, max(yesterday, dataset.first_day))
    begun = min([*stored, *refused], default=None)

    def state(day: dt.date) -> DayState:
        found_day = stored.get(day)
        if found_day is not None and found_day.rows is None:
            return DayState.DAMAGED
        if found_day is not None:
            return DayState.FLAGGED if found_day.rules else DayState.PUBLISHED
        if history_start and day < history_start:
            return DayState.OUTSIDE
        if history_start is None and begun and day < begun:
            return DayState.BEFORE
        if day in refused:
            return DayState.REFUSED
        return DayState.MISSING if expected_by(day) <= now else DayState.WAITING

    last = max(stored, default=None)
    upcoming = calendar.between(last + dt.timedelta(1), calendar.end)[0] if last else sessions[-1]
    strays = [*outside, *find_strays(store, dataset.name)]
    return Inventory(dataset, {day: state(day) for day in sessions}, stored, quarantined, strays, upcoming, now)


def _outside(store: ParquetStore, dataset: Dataset, day: dt.date, today: dt.date) -> Stray:
    when = f"after today, {today}" if day > today else f"before {dataset.first_day}, the first day of {dataset.name}"
    return Stray(store.path(dataset.name, day.isoformat()), f"a day {when}", hides_data=False)


def _quarantined(store: ParquetStore, dataset: Dataset) -> list[QuarantinedDay]:
    try:
        return store.quarantined(dataset.name)
    except LinkInStoreError:  # one of the strays
        return []


def without_stored(
    store: ParquetStore, dataset: Dataset, days: Sequence[str], row_filter: RowFilter = ALL_ROWS
) -> list[str]:
    """Those of ``days``, YYYY-MM-DD, that are not stored with the rows of ``row_filter``, or cannot be read.

    A day that was stored with another filter lacks rows.
    """
    enough = {"", str(row_filter)}
    stored = _stored_days(store, dataset, None)
    whole = {str(day) for day, found_day in stored.items() if found_day.rows is not None and found_day.filter in enough}
    return [day for day in days if day not in whole]


def _stored_days(
    store: ParquetStore, dataset: Dataset, on_day: Callable[[int], None] | None
) -> dict[dt.date, StoredDay]:
    try:
        days = store.days(dataset.name)
    except LinkInStoreError:  # one of the strays
        return {}
    found: dict[dt.date, StoredDay] = {}
    with ThreadPoolExecutor(_READERS) as readers:
        for day, found_day in zip(days, readers.map(lambda day: _look(store, dataset, day), days), strict=True):
            if found_day is not None:
                found[dt.date.fromisoformat(day)] = found_day
            if on_day:
                on_day(len(days))
    return found


def _look(store: ParquetStore, dataset: Dataset, day: str) -> StoredDay | None:
    size = store.parquet_bytes(dataset.name, day) or 0
    try:
        provenance = store.provenance(dataset.name, day)
    except StoreError:
        return StoredDay(dt.date.fromisoformat(day), size, None)
    if provenance is None:  # removed since the days were listed
        return None
    rules = tuple(each.rule for each in flagged(provenance.findings))
    return StoredDay(dt.date.fromisoformat(day), size, provenance.rows, rules, provenance.filter)


def _runs(states: Sequence[tuple[dt.date, DayState]]) -> list[Gap]:
    runs: list[Gap] = []
    open_run: list[dt.date] = []
    for day, state in [*states, (dt.date.max, DayState.PUBLISHED)]:
        if state in LACKING:
            open_run.append(day)
        elif open_run:
            runs.append(Gap(open_run[0], open_run[-1], len(open_run)))
            open_run = []
    return runs
