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
from polygon_assets.flatfile.ticks import tick_rules
from polygon_assets.flatfile.ticks.whole_day import EarlyEnd, OneSize, WholeDay

RULES: Mapping[str, str] = {
    "foreign_date": "The row is of another day; rejected, unless when the dataset's days begin and end is in doubt.",
    "far_date": "Rejected: the row is more than two days from its file's, which no doubt explains; or a week, where it "
    "says that its session ends on the file's day.",
    "not_whole_minute": "Rejected: window_start is not on a whole minute, hence no window's start.",
    "ticker_empty": "The ticker is empty.",
    "ticker_characters": "The ticker holds a control character, a space or a letter outside ASCII.",
    "ticker_of_option": "The ticker is an option's, in a file of stocks.",
    "ticker_not_option": "The ticker is not in OCC notation; the four derived columns are null.",
    "ticker_not_marked": "The ticker lacks the mark of its asset class: I:, C: or X:.",
    "ticker_not_futures": "The ticker is no contract's, spread's or combination's; the three derived columns are null.",
    "price_not_finite": "A price is NaN or infinite.",
    "price_not_positive": "A price is zero or below.",
    "price_negative": "A bid or an ask is below zero.",
    "price_beyond_belief": "A price is above ten million dollars, or what else is beyond belief for the dataset.",
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
    "size_not_finite": "A size is NaN or infinite.",
    "size_negative": "A size is below zero.",
    "size_beyond_belief": "A size is above a trillion.",
    "quote_crossed": "Counted only: the bid is above the ask.",
    "quote_locked": "Counted only: the bid equals the ask.",
    "stamp_far_off": "A stamp beside the row's own is more than a day from it.",
    "other_session": "The row's session_end_date is not the file's day.",
    "session_ends_early": "What has the most trades has none in the last twenty minutes of regular trading.",
    "one_size": "More than 95 % of the trades have one size, or one of twenty sizes in a row, all above ten.",
    "codes_unreadable": "The cell is no list of codes; it is stored as null.",
    "ticker_scattered": "The ticker's rows do not stand together. Counted once for each further run.",
    "stamp_order": "The row is earlier than the one before it, of the same ticker.",
    "sequence_order": "The row's sequence number is below that of the one before it, of the same ticker.",
    "duplicate": "Same ticker and time as the row before it.",
    "unsorted": "The file was not sorted by ticker and window_start; what is published is. Counted once.",
    "unknown_column": "The file has a column that is not known; it is stored as text. Counted once for each.",
    "unterminated": "The last line has no newline, so that its last number may be cut; published as you asked.",
}
UNTERMINATED = "unterminated"
REJECTED = ("foreign_date", "far_date", "not_whole_minute")
ALIEN_IN_ANY_CASE = ("ticker_of_option", "ticker_not_option", "ticker_not_marked")
"""What all rows break where the file is another dataset's."""
ALIEN = (*ALIEN_IN_ANY_CASE, "not_midnight", "outside_session")
"""The same, where it is certain when the dataset's days begin and end."""
DOUBT = dt.timedelta(days=2)
"""How far from its day a row may be where that is not certain: beyond it, the stamp is wrong."""
_LONGEST_SESSION = dt.timedelta(days=7)
"""The same for rows that say that their session ends on the day: over holidays, one takes days."""
_SESSION = "session_end_date"
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
class Examination:
    """What a group of rules looks at."""

    dataset: Dataset
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
        self._dataset, self._day = dataset, day
        self._bounds = DayBounds.of(dataset, day)
        self._certain = dataset.day.certain
        self.rejected = 0
        """How many rows do not belong to the day."""
        groups = [CHECKS[name] for name in dataset.checks]
        self._checks = [group.apply for group in groups if group.apply]
        self._whole_day = [group.whole_day(dataset, day) for group in groups if group.whole_day]

    def admit(self, batch: Batch) -> Batch:
        """The rows of ``batch`` that belong to the day; the others are rejected.

        Where it is not certain when a day begins and ends, rows of the days around it are flagged and admitted.
        """
        times, bounds = batch.times, self._bounds
        whole = batch.on_grid
        if whole.all() and len(batch) and times.min() >= bounds.start and times.max() < bounds.end:
            return batch
        foreign = (times < bounds.start) | (times >= bounds.end)
        if self._certain:
            self.tally.add("foreign_date", batch, foreign, Severity.ERROR)
        else:
            far = self._beyond(times, DOUBT)
            if far.any() and _SESSION in batch.columns:
                far &= ~self._ends_on_the_day(batch) | self._beyond(times, _LONGEST_SESSION)
            self.tally.add("foreign_date", batch, foreign & ~far)
            self.tally.add("far_date", batch, far, Severity.ERROR)
            foreign = far
        self.tally.add("not_whole_minute", batch, ~whole & ~foreign, Severity.ERROR)
        rejected = foreign | ~whole
        if rejected.any():
            self.rejected_rows.append(batch.take(rejected))
            self.rejected += int(rejected.sum())
        return batch.take(~rejected)

    def _beyond(self, times: Ints, doubt: dt.timedelta) -> Mask:
        units = doubt // dt.timedelta(microseconds=1) * 1_000 // self._dataset.layout.granularity
        return (times < self._bounds.start - units) | (times >= self._bounds.end + units)

    def _ends_on_the_day(self, batch: Batch) -> Mask:
        on_the_day: Mask = batch.columns[_SESSION] == np.datetime64(self._day)
        if (empty := batch.missing.get(_SESSION)) is not None:
            on_the_day &= ~empty
        return on_the_day

    def examine(self, batch: Batch, parts: TickerParts | None = None) -> None:
        """Count the rows of ``batch``, all admitted, that are published and flagged.

        ``parts`` are those of its distinct tickers, where the dataset takes any from them.
        """
        if len(batch):
            examination = Examination(self._dataset, batch, self._day, self._bounds, parts, self.tally)
            for apply in self._checks:
                apply(examination)
            for each in self._whole_day:
                each.follow(batch, parts)

    def conclude(self) -> None:
        """Judge the day as a whole, after its last batch."""
        for each in self._whole_day:
            each.conclude(self.tally)


def _ticker_text(look: Examination, *, spaced: bool = False) -> None:
    """Is a ticker empty, or of strange characters? One of futures is ``spaced``: it may hold spaces."""
    batch = look.batch
    offsets, data = string_bytes(batch.names)
    data = data[offsets[0] : offsets[-1]]
    strange = (data <= ord(" ") - spaced) | (data > ord("~"))
    if strange.any():
        owners = np.searchsorted(offsets - offsets[0], np.flatnonzero(strange), side="right") - 1
        look.tally.add("ticker_characters", batch, np.isin(batch.codes, owners))
    if (offsets[1:] == offsets[:-1]).any():
        empty = np.flatnonzero(offsets[1:] == offsets[:-1])
        look.tally.add("ticker_empty", batch, np.isin(batch.codes, empty))


def _stock_tickers(look: Examination) -> None:
    """Is a stock's ticker an option's?"""
    first, second = OPTION_PREFIX.encode()
    offsets, data = string_bytes(look.batch.names)
    long: Ints = np.flatnonzero(np.diff(offsets) > len(OPTION_PREFIX))
    marked = (data[offsets[long]] == first) & (data[offsets[long] + 1] == second)
    if marked.any():
        look.tally.add("ticker_of_option", look.batch, np.isin(look.batch.codes, long[marked]))


def _marked_tickers(look: Examination) -> None:
    """Does a ticker lack its asset class' mark?"""
    marked: Any = pc.starts_with(look.batch.names, look.dataset.ticker_mark)
    if not pc.all(marked).as_py():
        look.tally.add("ticker_not_marked", look.batch, ~marked.to_numpy(zero_copy_only=False)[look.batch.codes])


def _futures_contracts(look: Examination) -> None:
    """Is a ticker's text strange, or no contract's?"""
    _ticker_text(look, spaced=True)
    assert look.parts is not None  # noqa: S101 (rows with these rules derive the contract; a test holds it)
    if not look.parts.parsed.all():
        look.tally.add("ticker_not_futures", look.batch, ~look.parts.parsed[look.batch.codes])


def _option_contracts(look: Examination) -> None:
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


def _bar_prices(look: Examination) -> None:
    batch, tally = look.batch, look.tally
    opened, closed, high, low = (batch.columns[name] for name in _PRICES)
    ordered = (low <= opened) & (low <= closed) & (opened <= high) & (closed <= high)
    if ordered.all() and low.min() > 0 and high.max() <= look.dataset.highest_price:
        return
    prices = np.stack([opened, closed, high, low])
    infinite: Mask = ~np.isfinite(prices).all(axis=0)
    tally.add("price_not_finite", batch, infinite)
    tally.add("price_beyond_belief", batch, (prices > look.dataset.highest_price).any(axis=0) & ~infinite)
    tally.add("price_not_positive", batch, np.flatnonzero((prices <= 0).any(axis=0)))
    tally.add("price_order", batch, ~ordered & ~infinite)


def _signed_bar_prices(look: Examination) -> None:
    """Prices may be zero or below, as those of spreads are."""
    opened, closed, high, low = (look.batch.columns[name] for name in _PRICES)
    tick_rules.prices(look, *_PRICES, lowest=None)
    ordered = (low <= opened) & (low <= closed) & (opened <= high) & (closed <= high)
    if not ordered.all():
        look.tally.add("price_order", look.batch, ~ordered & np.isfinite(opened + closed + high + low))


def _positive_amounts(look: Examination) -> None:
    for name in ("volume", "transactions"):
        amounts: Column = look.batch.columns[name]
        if amounts.min() > 0 and amounts.max() <= tick_rules.HIGHEST_AMOUNT:
            continue
        finite = np.isfinite(amounts)
        if not finite.all():
            look.tally.add(f"{name}_not_finite", look.batch, ~finite)
        look.tally.add(f"{name}_beyond_belief", look.batch, finite & (amounts > tick_rules.HIGHEST_AMOUNT))
        look.tally.add(f"{name}_negative", look.batch, finite & (amounts < 0))
        look.tally.add(f"{name}_zero", look.batch, amounts == 0)


def _midnight_stamps(look: Examination) -> None:
    look.tally.add("not_midnight", look.batch, np.flatnonzero(look.batch.times != look.bounds.start))


def _session_stamps(look: Examination) -> None:
    times, bounds = look.batch.times, look.bounds
    if times.min() < bounds.session_start or times.max() >= bounds.session_end:
        outside = (times < bounds.session_start) | (times >= bounds.session_end)
        look.tally.add("outside_session", look.batch, outside)


@dataclass(frozen=True)
class RuleGroup:
    """Rules that hold for a dataset together; a rule of several groups means the same in each."""

    rules: tuple[str, ...]
    apply: Callable[[Examination], None] | None
    """Batch by batch; None: only the whole day tells."""
    whole_day: Callable[[Dataset, dt.date], WholeDay] | None = None
    """What follows the batches in the file's order, and judges at the end."""


_PRICE = ("price_not_finite", "price_beyond_belief")
_CROSSED = ("quote_crossed", "quote_locked")
_SIZE = ("size_not_finite", "size_negative", "size_beyond_belief")

CHECKS: Mapping[Check, RuleGroup] = {
    "ticker_text": RuleGroup(("ticker_empty", "ticker_characters"), _ticker_text),
    "stock_tickers": RuleGroup(("ticker_of_option",), _stock_tickers),
    "marked_tickers": RuleGroup(("ticker_not_marked",), _marked_tickers),
    "option_contracts": RuleGroup(("ticker_not_option", "option_expired", "strike_zero"), _option_contracts),
    "futures_contracts": RuleGroup(("ticker_empty", "ticker_characters", "ticker_not_futures"), _futures_contracts),
    "bar_prices": RuleGroup((*_PRICE, "price_not_positive", "price_order"), _bar_prices),
    "signed_bar_prices": RuleGroup((*_PRICE, "price_order"), _signed_bar_prices),
    "positive_amounts": RuleGroup(
        tuple(rule for rule in RULES if rule.startswith(("volume_", "transactions_"))), _positive_amounts
    ),
    "midnight_stamps": RuleGroup(("not_midnight",), _midnight_stamps),
    "session_stamps": RuleGroup(("outside_session",), _session_stamps),
    "session_dates": RuleGroup(("other_session",), tick_rules.session_dates),
    "trade_prices": RuleGroup((*_PRICE, "price_not_positive"), tick_rules.trade_prices),
    "signed_trade_prices": RuleGroup(_PRICE, tick_rules.signed_trade_prices),
    "trade_sizes": RuleGroup(_SIZE, tick_rules.trade_sizes),
    "quote_prices": RuleGroup((*_PRICE, "price_negative", *_CROSSED), tick_rules.quote_prices),
    "signed_quote_prices": RuleGroup((*_PRICE, *_CROSSED), tick_rules.signed_quote_prices),
    "quote_sizes": RuleGroup(_SIZE, tick_rules.quote_sizes),
    "index_values": RuleGroup(_PRICE, tick_rules.index_values),
    "further_stamps": RuleGroup(("stamp_far_off",), tick_rules.further_stamps),
    "early_end": RuleGroup(("session_ends_early",), None, EarlyEnd),
    "one_size": RuleGroup(("one_size",), None, OneSize),
}
_OF_EVERY_DAY = ("foreign_date", "unknown_column", UNTERMINATED)
_OF_SORTED_DAYS = ("not_whole_minute", "duplicate", "unsorted")


def rules_of(dataset: Dataset) -> dict[str, str]:
    """The rules that the rows of ``dataset`` are held against, and what each means."""
    layout = dataset.layout
    held = {*_OF_EVERY_DAY, *(rule for name in dataset.checks for rule in CHECKS[name].rules)}
    held.update(_OF_SORTED_DAYS if layout.is_sorted else ("ticker_scattered", "stamp_order"))
    held.update(
        rule
        for rule, holds in (
            ("sequence_order", layout.sequence),
            ("codes_unreadable", layout.has_codes),
            ("far_date", not dataset.day.certain),
        )
        if holds
    )
    return {rule: meaning for rule, meaning in RULES.items() if rule in held}
