"""The rules for a day's rows: which are rejected, which are flagged, and what no row of the dataset may be.

Belongs here: rules and their application, batch by batch. Does not: order and duplicates (``ordering``), or which
groups of rules hold for a dataset (``datasets``).
"""

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from polygon_assets.datasets import Dataset
from polygon_assets.datasets.model import Check
from polygon_assets.flatfile.findings import Severity, Tally
from polygon_assets.flatfile.rows import Batch, Column, Ints, Mask, string_bytes
from polygon_assets.flatfile.tickers import PREFIX as OPTION_PREFIX
from polygon_assets.flatfile.tickers import TickerParts

RULES: Mapping[str, str] = {
    "foreign_date": "Rejected: the New York date of window_start is another day's.",
    "not_whole_minute": "Rejected: window_start is not on a whole minute, hence no window's start.",
    "ticker_empty": "The ticker is empty.",
    "ticker_characters": "The ticker holds a control character, a space or a letter outside ASCII.",
    "ticker_of_option": "The ticker is an option's, in a file of stocks.",
    "ticker_not_option": "The ticker is not in OCC notation; the four derived columns are null.",
    "price_not_finite": "A price is NaN or infinite.",
    "price_not_positive": "A price is zero or below.",
    "price_beyond_belief": "A price is above ten million dollars; the highest real ones are below one million.",
    "price_order": "Not low ≤ open ≤ high, or not low ≤ close ≤ high.",
    "volume_not_finite": "The volume is NaN or infinite.",
    "volume_beyond_belief": "A volume is above a trillion, more than the whole market trades in a day.",
    "volume_negative": "The volume is below zero.",
    "volume_zero": "The volume is zero.",
    "transactions_negative": "The number of trades is below zero.",
    "transactions_zero": "The number of trades is zero.",
    "transactions_beyond_belief": "A number of trades is above a trillion.",
    "option_expired": "The option had expired before the day.",
    "strike_zero": "The option's strike is zero.",
    "outside_session": "A minute outside the hours that the dataset's file covers.",
    "not_midnight": "A day's window that does not start at New York midnight.",
    "duplicate": "Same ticker and window_start as the row before it.",
    "unsorted": "The file was not sorted by ticker and window_start; what is published is. Counted once.",
    "unknown_column": "The file has a column that is not known; it is stored as text. Counted once for each.",
}
REJECTED = ("foreign_date", "not_whole_minute")
ALIEN = ("ticker_of_option", "ticker_not_option", "not_midnight", "outside_session")
"""What all rows break where the file is another dataset's."""
HIGHEST_PRICE = 1e7
"""Dollars."""
HIGHEST_AMOUNT = 1e12
"""Shares, contracts or trades."""
_PRICES = ("open", "close", "high", "low")


@dataclass(frozen=True)
class DayBounds:
    """The moments between which a day's rows lie, in the layout's granularity; starts inclusive, ends exclusive."""

    start: int
    end: int
    session_start: int
    session_end: int

    @classmethod
    def of(cls, dataset: Dataset, day: dt.date) -> "DayBounds":
        """The ``day`` of ``dataset``, and within it its session; without one, the whole day."""
        begins = day - dt.timedelta(days=dataset.day.begins_the_evening_before)

        def moment(date: dt.date, time: dt.time) -> int:
            seconds = int(dt.datetime.combine(date, time, ZoneInfo(dataset.day.zone)).timestamp())
            return seconds * 1_000_000_000 // dataset.layout.granularity

        start = moment(begins, dataset.day.start)
        end = moment(begins + dt.timedelta(days=1), dataset.day.start)
        session = dataset.session
        if session is None:
            return cls(start, end, start, end)
        closes = day + dt.timedelta(days=session.end <= session.start)
        return cls(start, end, moment(day, session.start), moment(closes, session.end))


@dataclass(frozen=True)
class _Examination:
    """What a group of rules looks at."""

    batch: Batch
    day: dt.date
    bounds: DayBounds
    parts: TickerParts | None
    """Of the batch's distinct tickers; None: the dataset takes nothing from them."""
    tally: Tally


class DayQuality:
    """The rules applied to one day, batch by batch."""

    def __init__(self, dataset: Dataset, day: dt.date) -> None:
        self.tally = Tally()
        self.rejected_rows: list[Batch] = []
        self._day = day
        self._bounds = DayBounds.of(dataset, day)
        self._certain = dataset.day.certain
        self.rejected = 0
        """How many rows do not belong to the day."""
        self._checks = [CHECKS[name].apply for name in dataset.checks]

    def admit(self, batch: Batch) -> Batch:
        """The rows of ``batch`` that belong to the day; the others are rejected.

        Where it is not certain when a day begins and ends, rows of another day are flagged and admitted.
        """
        times, bounds = batch.times, self._bounds
        whole = batch.on_grid
        if whole.all() and len(batch) and times.min() >= bounds.start and times.max() < bounds.end:
            return batch
        foreign = (times < bounds.start) | (times >= bounds.end)
        self.tally.add("foreign_date", batch, foreign, Severity.ERROR if self._certain else Severity.WARNING)
        if not self._certain:
            foreign = np.zeros(len(batch), dtype=np.bool_)
        self.tally.add("not_whole_minute", batch, ~whole & ~foreign, Severity.ERROR)
        rejected = foreign | ~whole
        if rejected.any():
            self.rejected_rows.append(batch.take(rejected))
            self.rejected += int(rejected.sum())
        return batch.take(~rejected)

    def examine(self, batch: Batch, parts: TickerParts | None = None) -> None:
        """Count the rows of ``batch``, all admitted, that are published and flagged.

        ``parts`` are those of its distinct tickers, where the dataset takes any from them.
        """
        if len(batch):
            examination = _Examination(batch, self._day, self._bounds, parts, self.tally)
            for apply in self._checks:
                apply(examination)


def _ticker_text(look: _Examination) -> None:
    batch = look.batch
    offsets, data = string_bytes(batch.names)
    data = data[offsets[0] : offsets[-1]]
    strange = (data <= ord(" ")) | (data > ord("~"))
    if strange.any():
        owners = np.searchsorted(offsets - offsets[0], np.flatnonzero(strange), side="right") - 1
        look.tally.add("ticker_characters", batch, np.isin(batch.codes, owners))
    if (offsets[1:] == offsets[:-1]).any():
        empty = np.flatnonzero(offsets[1:] == offsets[:-1])
        look.tally.add("ticker_empty", batch, np.isin(batch.codes, empty))


def _stock_tickers(look: _Examination) -> None:
    """Is a stock's ticker an option's?"""
    first, second = OPTION_PREFIX.encode()
    offsets, data = string_bytes(look.batch.names)
    long: Ints = np.flatnonzero(np.diff(offsets) > len(OPTION_PREFIX))
    marked = (data[offsets[long]] == first) & (data[offsets[long] + 1] == second)
    if marked.any():
        look.tally.add("ticker_of_option", look.batch, np.isin(look.batch.codes, long[marked]))


def _option_contracts(look: _Examination) -> None:
    """Is a ticker not an option's, or not a living one's?"""
    batch, parts = look.batch, look.parts
    assert parts is not None  # noqa: S101 (rows with these rules derive the contract; a test holds it)
    if not parts.parsed.all():
        look.tally.add("ticker_not_option", batch, ~parts.parsed[batch.codes])
    # Null where the ticker is no option's, hence neither.
    expired: Any = pc.less(parts.columns["expiration"], pa.scalar(look.day, pa.date32()))
    worthless: Any = pc.equal(parts.columns["strike"], pa.scalar(0.0))
    for rule, broken in (("option_expired", expired), ("strike_zero", worthless)):
        if pc.any(broken).as_py():
            names: Mask = np.array(broken.to_pylist(), dtype=bool)  # null becomes False
            look.tally.add(rule, batch, names[batch.codes])


def _bar_prices(look: _Examination) -> None:
    batch, tally = look.batch, look.tally
    opened, closed, high, low = (batch.columns[name] for name in _PRICES)
    ordered = (low <= opened) & (low <= closed) & (opened <= high) & (closed <= high)
    if ordered.all() and low.min() > 0 and high.max() <= HIGHEST_PRICE:
        return
    prices = np.stack([opened, closed, high, low])
    infinite: Mask = ~np.isfinite(prices).all(axis=0)
    tally.add("price_not_finite", batch, infinite)
    tally.add("price_beyond_belief", batch, (prices > HIGHEST_PRICE).any(axis=0) & ~infinite)
    tally.add("price_not_positive", batch, np.flatnonzero((prices <= 0).any(axis=0)))
    tally.add("price_order", batch, ~ordered & ~infinite)


def _positive_amounts(look: _Examination) -> None:
    for name in ("volume", "transactions"):
        amounts: Column = look.batch.columns[name]
        if amounts.min() > 0 and amounts.max() <= HIGHEST_AMOUNT:
            continue
        finite = np.isfinite(amounts)
        if not finite.all():
            look.tally.add(f"{name}_not_finite", look.batch, ~finite)
        look.tally.add(f"{name}_beyond_belief", look.batch, finite & (amounts > HIGHEST_AMOUNT))
        look.tally.add(f"{name}_negative", look.batch, finite & (amounts < 0))
        look.tally.add(f"{name}_zero", look.batch, amounts == 0)


def _midnight_stamps(look: _Examination) -> None:
    look.tally.add("not_midnight", look.batch, np.flatnonzero(look.batch.times != look.bounds.start))


def _session_stamps(look: _Examination) -> None:
    times, bounds = look.batch.times, look.bounds
    if times.min() < bounds.session_start or times.max() >= bounds.session_end:
        outside = (times < bounds.session_start) | (times >= bounds.session_end)
        look.tally.add("outside_session", look.batch, outside)


@dataclass(frozen=True)
class RuleGroup:
    """Rules that hold for a dataset together."""

    rules: tuple[str, ...]
    apply: Callable[[_Examination], None]


CHECKS: Mapping[Check, RuleGroup] = {
    "ticker_text": RuleGroup(("ticker_empty", "ticker_characters"), _ticker_text),
    "stock_tickers": RuleGroup(("ticker_of_option",), _stock_tickers),
    "option_contracts": RuleGroup(("ticker_not_option", "option_expired", "strike_zero"), _option_contracts),
    "bar_prices": RuleGroup(
        ("price_not_finite", "price_not_positive", "price_beyond_belief", "price_order"), _bar_prices
    ),
    "positive_amounts": RuleGroup(
        tuple(rule for rule in RULES if rule.startswith(("volume_", "transactions_"))), _positive_amounts
    ),
    "midnight_stamps": RuleGroup(("not_midnight",), _midnight_stamps),
    "session_stamps": RuleGroup(("outside_session",), _session_stamps),
}
_OF_EVERY_DAY = ("foreign_date", "not_whole_minute", "duplicate", "unsorted", "unknown_column")


def rules_of(dataset: Dataset) -> dict[str, str]:
    """The rules that the rows of ``dataset`` are held against, and what each means."""
    held = {*_OF_EVERY_DAY, *(rule for name in dataset.checks for rule in CHECKS[name].rules)}
    return {rule: meaning for rule, meaning in RULES.items() if rule in held}
