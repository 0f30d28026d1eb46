"""What the rows of a day must satisfy: which are set aside, which are published and flagged.

Belongs here: the rules. Does not: parsing (``flat_file``), order (``ordering``), what becomes of findings.
Each rule first asks, by a few vectorised passes, whether all rows of a batch are fine; only where one is not
does it find out which.
"""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from polygon_assets.datasets import NEW_YORK, Dataset
from polygon_assets.ingest.arrow_arrays import string_bytes
from polygon_assets.ingest.batch import NANOSECONDS_PER_MINUTE, Batch, Column, Ints, Mask
from polygon_assets.ingest.findings import Severity, Tally
from polygon_assets.ingest.option_tickers import OptionTickers

RULES: Mapping[str, str] = {
    "foreign_date": "Set aside: the New York date of window_start is another day's.",
    "not_whole_minute": "Set aside: window_start is not on a whole minute, hence no window's start.",
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
    "outside_session": "A minute outside the hours that the data type's file covers.",
    "not_midnight": "A day's window that does not start at New York midnight.",
    "duplicate": "Same ticker and window_start as the row before it.",
    "unsorted": "The file was not sorted by ticker and window_start; what is published is. Counted once.",
}
SET_ASIDE = ("foreign_date", "not_whole_minute")
ALIEN = ("ticker_of_option", "ticker_not_option", "not_midnight", "outside_session")
"""What all rows break where the file is another data type's."""
HIGHEST_PRICE = 1e7
"""Dollars."""
HIGHEST_AMOUNT = 1e12
"""Shares, contracts or trades."""
_OPTION_MARK = b"O:"
_PRICES = ("open", "close", "high", "low")


@dataclass(frozen=True)
class DayBounds:
    """The minutes since 1970 between which a day's rows lie; starts inclusive, ends exclusive."""

    start: int
    end: int
    session_start: int
    session_end: int

    @classmethod
    def of(cls, dataset: Dataset, day: dt.date) -> "DayBounds":
        """New York's ``day``, and within it the session of ``dataset``."""
        next_day = day + dt.timedelta(days=1)
        whole_night = dataset.session_end <= dataset.session_start
        return cls(
            _minute(day, dt.time(0)),
            _minute(next_day, dt.time(0)),
            _minute(day, dataset.session_start),
            _minute(next_day if whole_night else day, dataset.session_end),
        )


def _minute(day: dt.date, time: dt.time) -> int:
    return int(dt.datetime.combine(day, time, ZoneInfo(NEW_YORK)).timestamp()) // 60


class DayQuality:
    """The rules applied to one day, batch by batch."""

    def __init__(self, dataset: Dataset, day: dt.date) -> None:
        self.tally = Tally()
        self.set_aside: list[Batch] = []
        self._dataset = dataset
        self._day = day
        self._bounds = DayBounds.of(dataset, day)

    def admit(self, batch: Batch) -> Batch:
        """The rows of ``batch`` that belong to the day; the others are set aside."""
        minutes, bounds = batch.minutes, self._bounds
        whole = minutes * NANOSECONDS_PER_MINUTE == batch.columns["window_start"]
        if whole.all() and len(batch) and minutes.min() >= bounds.start and minutes.max() < bounds.end:
            return batch
        foreign = (minutes < bounds.start) | (minutes >= bounds.end)
        self.tally.add("foreign_date", batch, foreign, Severity.ERROR)
        self.tally.add("not_whole_minute", batch, ~whole & ~foreign, Severity.ERROR)
        aside = foreign | ~whole
        self.set_aside.append(batch.take(aside))
        return batch.take(~aside)

    def examine(self, batch: Batch) -> None:
        """Count the rows of ``batch``, all admitted, that are published and flagged."""
        if len(batch):
            self._examine_tickers(batch)
            self._examine_prices(batch)
            for name in ("volume", "transactions"):
                if name in batch.columns:
                    self._examine_amount(batch, name)
            self._examine_stamps(batch)

    def _examine_tickers(self, batch: Batch) -> None:
        offsets, data = string_bytes(batch.names)
        data = data[offsets[0] : offsets[-1]]
        strange = (data <= ord(" ")) | (data > ord("~"))
        if strange.any():
            owners = np.searchsorted(offsets - offsets[0], np.flatnonzero(strange), side="right") - 1
            self.tally.add("ticker_characters", batch, np.isin(batch.codes, owners))
        if self._dataset.instrument == "stock":
            self._examine_kind(batch, offsets - offsets[0], data)
        if (offsets[1:] == offsets[:-1]).any():
            empty = np.flatnonzero(offsets[1:] == offsets[:-1])
            self.tally.add("ticker_empty", batch, np.isin(batch.codes, empty))

    def _examine_kind(self, batch: Batch, offsets: Ints, data: Column) -> None:
        """Is a stock's ticker an option's?"""
        long = np.flatnonzero(np.diff(offsets) > len(_OPTION_MARK))
        marked = (data[offsets[long]] == _OPTION_MARK[0]) & (data[offsets[long] + 1] == _OPTION_MARK[1])
        if marked.any():
            self.tally.add("ticker_of_option", batch, np.isin(batch.codes, long[marked]))

    def examine_options(self, batch: Batch, option: OptionTickers) -> None:
        """Count the rows whose ticker, taken apart as ``option``, is not an option's, or not a living one's."""
        if not option.parsed.all():
            self.tally.add("ticker_not_option", batch, ~option.parsed[batch.codes])
        # Null where the ticker is no option's, hence neither.
        expired: Any = pc.less(option.expiration, pa.scalar(self._day, pa.date32()))
        worthless: Any = pc.equal(option.strike, pa.scalar(0.0))
        for rule, broken in (("option_expired", expired), ("strike_zero", worthless)):
            if pc.any(broken).as_py():
                names: Mask = np.array(broken.to_pylist(), dtype=bool)  # null becomes False
                self.tally.add(rule, batch, names[batch.codes])

    def _examine_prices(self, batch: Batch) -> None:
        opened, closed, high, low = (batch.columns[name] for name in _PRICES)
        ordered = (low <= opened) & (low <= closed) & (opened <= high) & (closed <= high)
        if ordered.all() and low.min() > 0 and high.max() <= HIGHEST_PRICE:
            return
        prices = np.stack([opened, closed, high, low])
        infinite: Mask = ~np.isfinite(prices).all(axis=0)
        self.tally.add("price_not_finite", batch, infinite)
        self.tally.add("price_beyond_belief", batch, (prices > HIGHEST_PRICE).any(axis=0) & ~infinite)
        self.tally.add("price_not_positive", batch, np.flatnonzero((prices <= 0).any(axis=0)))
        self.tally.add("price_order", batch, ~ordered & ~infinite)

    def _examine_amount(self, batch: Batch, name: str) -> None:
        amounts: Column = batch.columns[name]
        if amounts.min() > 0 and amounts.max() <= HIGHEST_AMOUNT:
            return
        finite = np.isfinite(amounts)
        if not finite.all():
            self.tally.add(f"{name}_not_finite", batch, ~finite)
        self.tally.add(f"{name}_beyond_belief", batch, finite & (amounts > HIGHEST_AMOUNT))
        self.tally.add(f"{name}_negative", batch, finite & (amounts < 0))
        self.tally.add(f"{name}_zero", batch, amounts == 0)

    def _examine_stamps(self, batch: Batch) -> None:
        bounds, minutes = self._bounds, batch.minutes
        if self._dataset.window == "day":
            self.tally.add("not_midnight", batch, np.flatnonzero(minutes != bounds.start))
        elif minutes.min() < bounds.session_start or minutes.max() >= bounds.session_end:
            outside = (minutes < bounds.session_start) | (minutes >= bounds.session_end)
            self.tally.add("outside_session", batch, outside)
