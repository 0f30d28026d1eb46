"""What a sensor's tick decides, as plain values: which months to list, which days to ask for, and when again.

Belongs here: the rules, and what one tick tells the next. Does not: Dagster's events, or requests to the bucket
(``new_day_sensors``).
"""

import datetime as dt
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from math import isfinite
from typing import TypeVar

from polygon_assets.calendars import TradingCalendar, parse_date
from polygon_assets.datasets import DATASETS, expected_by

Read = TypeVar("Read")


def read_cursor(cursor: str | None, read: Callable[[str], Read], fresh: Read) -> Read:
    """What ``read`` makes of ``cursor``; ``fresh`` where there is none, or none that it understands.

    Another version may have written it, or a person in the UI. A tick that failed would find it again, for ever.
    """
    try:
        return read(cursor) if cursor else fresh
    except (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError):
        return fresh


HOUR = 3600.0
DAY = 24 * HOUR
RETRY_AFTER = (HOUR, 4 * HOUR, DAY)
EMPTY_STORE_SESSIONS = 5
REQUESTS_PER_TICK = 10
STEP = 60
"""Seconds between the ticks of a sensor that waits for its turn."""

_TIMES = ("oldest_known_until", "not_entitled_until", "floor_until", "look_at")


@dataclass(frozen=True)
class Memory:
    """What a tick tells the next one; small, since it is the sensor's cursor."""

    rotation: str | None = None
    """The older month, YYYY-MM, that was listed last."""
    store: str = ""
    """URI of the store that ``oldest`` is of."""
    oldest: str | None = None
    """The oldest day that is stored, or that was and is lost; looking it up reads folders, so it is kept for a day."""
    oldest_known_until: float = 0.0
    """Unix time from which ``oldest`` is looked up again."""
    not_entitled_until: float = 0.0
    """Unix time before which a plan that refused the newest day, or a listing, is not probed again."""
    refused: str | None = None
    """The day that the plan refused: the next probe asks for it alone, and lists nothing."""
    floor: str | None = None
    """The newest old day that the plan refused: it, and what is older, is not asked for."""
    floor_until: float = 0.0
    """Unix time until which ``floor`` holds; plans change."""
    look_at: float = 0.0
    """Unix time of the sensor's next turn; of no use to those that have none."""
    queued: bool = False
    """Did it queue for its turn, as after a start? Then it looks, however late the turn comes."""

    @classmethod
    def load(cls, cursor: str | None, now: float) -> "Memory":
        """From the cursor, at Unix time ``now``; one that makes no sense is forgotten, which costs one rotation.

        What it says of the future holds for a day at most: a clock that was ahead once would silence the sensor.
        """
        memory = read_cursor(cursor, cls._read, cls())

        def believed(until: float) -> float:
            return until if until <= now + DAY else 0.0

        return replace(
            memory,
            oldest_known_until=believed(memory.oldest_known_until),
            not_entitled_until=believed(memory.not_entitled_until),
            floor_until=believed(memory.floor_until),
        )

    @classmethod
    def _read(cls, cursor: str) -> "Memory":
        said = json.loads(cursor)
        memory = cls(**{**said, **{name: float(said.get(name, 0.0)) for name in _TIMES}})
        for day in (memory.oldest, memory.floor, memory.refused, memory.rotation and f"{memory.rotation}-01"):
            if day is not None:
                parse_date(day)
        if not isinstance(memory.store, str) or not all(map(isfinite, (getattr(memory, name) for name in _TIMES))):
            raise TypeError
        return memory

    def is_outside_plan(self, now: float) -> bool:
        """Was the dataset refused when it was probed last? The next probe may be due and not sent yet."""
        return self.not_entitled_until > now - HOUR

    def dump(self) -> str:
        """For the cursor."""
        return json.dumps(asdict(self))


@dataclass(frozen=True)
class Candidate:
    """A published day that should be ingested."""

    day: str
    etag: str


@dataclass(frozen=True)
class PastRun:
    """A finished run that was asked for by the sensor."""

    attempt: int
    """Its number, from 1."""
    ended: float
    """Unix time."""


def wait_of(position: int, interval: int) -> int:
    """Seconds that the sensor of the dataset at ``position``, from 0, waits for its turn; 0: it has none.

    Those of the whole table are spread over the ``interval``; the first few look at once, as if there were no others.
    """
    return position * interval // len(DATASETS) // STEP * STEP


def take_turn(memory: Memory, now: float, wait: int, interval: int) -> tuple[Memory, bool]:
    """Does a sensor whose turn comes ``wait`` seconds after the first one's look at the bucket now?

    Looks are at least ``interval`` seconds apart. After a start or a long pause everyone queues again, since all
    turns have passed by then.
    """
    if not wait:
        return memory, True
    late = now - memory.look_at
    if late < -2 * interval or (late > 2 * STEP and not memory.queued):
        return replace(memory, look_at=now + wait, queued=True), False
    if late < 0:
        return memory, False
    following = max(memory.look_at + interval + STEP, now + interval)
    return replace(memory, look_at=following, queued=False), True


def first_wanted(calendar: TradingCalendar, oldest: str | None, first: dt.date, last: dt.date) -> dt.date:
    """The first day that should be stored: the oldest one that is or was, or the last five of an empty store."""
    if oldest is not None:
        return min(last, max(first, dt.date.fromisoformat(oldest)))
    sessions = calendar.between(first, last)
    return sessions[-EMPTY_STORE_SESSIONS:][0] if sessions else last


def months_to_list(since: dt.date, last: dt.date, rotation: str | None) -> tuple[list[str], str | None]:
    """The month of ``last``, the one before it and, in rotation, one older; and which older one it was.

    Months before ``since`` are not listed. At most three, each as YYYY-MM, newest first.
    """
    months = [f"{last:%Y-%m}"]
    cursor = last.replace(day=1)
    while (cursor := (cursor - dt.timedelta(1)).replace(day=1)) >= since.replace(day=1):
        months.append(f"{cursor:%Y-%m}")
    recent, older = months[:2], months[2:]
    if not older:
        return recent, None
    following = older.index(rotation) + 1 if rotation in older else 0
    chosen = older[following % len(older)]
    return [*recent, chosen], chosen


def next_attempt(past: Sequence[PastRun], now: float) -> int | None:
    """The number of the attempt that is due now, from 1; None while it is too early after the last one.

    It follows the highest number there was: of runs that were deleted since, none comes again, because Dagster starts
    no second run for the same request. A run that ended in the future had a clock that was ahead: nobody waits for it.
    """
    made = max((run.attempt for run in past), default=0)
    if not made:
        return 1
    wait = RETRY_AFTER[min(made, len(RETRY_AFTER)) - 1]
    last = max((run.ended for run in past if run.ended <= now), default=0.0)
    return made + 1 if now >= last + wait else None


def within_plan(
    days: Sequence[str], floor: str | None, entitled: Callable[[str], bool]
) -> tuple[list[str], str | None]:
    """Those of ``days`` that lie above the plan's floor, newest first, and the floor as it is now known.

    ``entitled`` asks for one day, from the oldest up until one is granted: a rolling window has no holes.
    """
    reachable = sorted((day for day in days if floor is None or day > floor), reverse=True)
    while reachable and not entitled(reachable[-1]):
        floor = reachable.pop()
    return reachable, floor


def waiting_for(newest: dt.date, now: dt.datetime, *, published: bool, months: Sequence[str]) -> str:
    """What an idle tick at ``now`` says, which has listed ``months`` (YYYY-MM) alone."""
    if published:
        return (
            f"Every published day of {', '.join(sorted(months))} up to {newest} is stored; other months come in turn."
        )
    due = expected_by(newest)
    expected = "was expected" if now >= due else "expected"
    return f"{newest} is not published yet, {expected} by {due:%H:%M} New York on {due:%Y-%m-%d}."
