"""What ``ingest`` says of days that the bucket lacks or refuses: a line for each range of them, oldest first.

Belongs here: when such a day is a failure, and the words. Does not: asking the bucket (``polygon_assets.ingest``).
"""

import datetime as dt
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from itertools import groupby

from polygon_assets.calendars import TradingCalendar
from polygon_assets.datasets import Dataset, expected_by
from polygon_assets.errors import TransferError
from polygon_assets.ingest import DayResult, DayStatus
from polygon_assets.wording import counted

LATEST = dt.timedelta(days=7)
"""How long after it was expected a file may still come; some were days late."""


class Lateness(Enum):
    """How a day without a file stands to the time at which its file was expected."""

    NOT_DUE = "not due"
    LATE = "late"
    LACKING = "lacking"
    """Due so long ago that it is a failure."""
    NO_SESSION = "no session"
    """The calendar knows no trading on it: nobody expected a file."""


@dataclass(frozen=True)
class UnpublishedRange:
    """Days that were asked for one after the other, are not published, and are late alike."""

    lateness: Lateness
    days: tuple[str, ...]
    """YYYY-MM-DD, oldest first."""

    def describe(self, dataset: Dataset) -> str:
        """One line for people."""
        first, last = self.days[0], self.days[-1]
        several, named = len(self.days) > 1, _named(self.days)
        them = "them" if several else "it"
        if self.lateness is Lateness.LACKING:
            listed = f"polygon-assets ls {dataset.name} --month {first[:7]}"
            return f"{named} not published: the bucket has no file of {them}, and none is to be expected: {listed}"
        if self.lateness is Lateness.NO_SESSION:
            return f"{named} not published: the calendar knows no trading then"
        due = expected_by(dt.date.fromisoformat(last))
        was = "was " if self.lateness is Lateness.LATE else ""
        which = "the last " if several else ""
        return f"{named} not published yet, {which}{was}expected by {due:%H:%M} New York on {due:%Y-%m-%d}"


def _named(days: Sequence[str]) -> str:
    return f"{days[0]} to {days[-1]}: {counted(len(days), 'day')}" if len(days) > 1 else f"{days[0]}:"


def refused_ranges(results: Sequence[DayResult]) -> list[str]:
    """The days of ``results`` that are listed and not handed out, a line for each range; then why that may be."""
    lines, remedy = [], ""
    by_day = sorted(results, key=lambda each: each.day)
    for refused, range_ in groupby(by_day, lambda each: each.status is DayStatus.NOT_ENTITLED):
        if refused:
            days, error = _days_and_error(range_)
            cause = error.cause if isinstance(error, TransferError) else str(error)
            remedy = error.remedy if isinstance(error, TransferError) else ""
            lines.append(f"{_named(days)} not entitled: {cause}")
    return [*lines, remedy] if remedy else lines


def _days_and_error(results: Iterable[DayResult]) -> tuple[list[str], Exception | None]:
    found = list(results)
    return [each.day for each in found], found[0].error


def unpublished_ranges(
    results: Sequence[DayResult], calendar: TradingCalendar, now: dt.datetime
) -> list[UnpublishedRange]:
    """The days of ``results`` that are not published at ``now`` (aware), as ranges, oldest first."""
    return list(_ranges(sorted(results, key=lambda each: each.day), calendar, now))


def _ranges(results: Sequence[DayResult], calendar: TradingCalendar, now: dt.datetime) -> Iterator[UnpublishedRange]:
    open_range: list[str] = []
    before: Lateness | None = None
    for each in results:
        lateness = _lateness(each.day, calendar, now) if each.status is DayStatus.NOT_PUBLISHED_YET else None
        if before is not None and lateness is not before:
            yield UnpublishedRange(before, tuple(open_range))
            open_range = []
        if lateness is not None:
            open_range.append(each.day)
        before = lateness
    if before is not None:
        yield UnpublishedRange(before, tuple(open_range))


def _lateness(text: str, calendar: TradingCalendar, now: dt.datetime) -> Lateness:
    day = dt.date.fromisoformat(text)
    if not calendar.between(day, day):
        return Lateness.NO_SESSION
    due = expected_by(day)
    if now < due:
        return Lateness.NOT_DUE
    return Lateness.LACKING if now >= due + LATEST else Lateness.LATE
