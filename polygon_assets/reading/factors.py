"""By how much the prices and volumes of each ticker and day are multiplied, from stored splits and dividends.

A split from 1 to 4 makes prices before its execution date a quarter: on that date all trading is in new shares. A
dividend takes its part of the close of the session before, in that session's shares. Several events multiply. A factor
that cannot be known is NaN here and null in answers: an event with a ``problem``, a dividend without a stored close
before it, one that is as large as the close, or one with a split since that close, when its shares are not known.
"""

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from polygon_assets.calendars import parse_date
from polygon_assets.datasets import NEW_YORK
from polygon_assets.errors import InvalidInputError
from polygon_assets.flatfile.rows import Ints
from polygon_assets.ingest import ParquetStore
from polygon_assets.reference.closes import DAY_BITS, Wanted, closes_of, ticker_days
from polygon_assets.reference.events import DIVIDENDS, SPLITS, EventKind
from polygon_assets.reference.tables import read_events, read_record

Adjustment = Literal["splits", "splits+dividends"]
ADJUSTMENTS = ("splits", "splits+dividends")
Floats = npt.NDArray[np.float64]

_EPOCH = dt.date(1970, 1, 1)
_ALWAYS = 2**20 - 1
"""A day after all others; where an event's own day is not known, the one before it."""


@dataclass(frozen=True)
class Factors:
    """The factors of tickers with events; all others have 1."""

    tickers: "pa.Array[Any]"
    """Sorted, each once."""
    keys: Ints
    """For each step, its ticker's place in ``tickers`` and the first day after it, as ``ticker_days`` gives; rising."""
    splits: Floats
    """Of the days before each step, back to the one before it: prices are multiplied, volumes divided by it."""
    dividends: Floats
    """The same for prices alone."""
    as_of: dt.date
    """Events after it are left out."""
    known_until: dt.date
    """The New York date on which events were retrieved last."""

    def of(self, tickers: "pa.Array[Any]", days: Ints) -> tuple[Floats, Floats]:
        """The factors of rows with these tickers and days (since 1970): for splits, and for dividends."""
        runs: Any = pc.run_end_encode(tickers)  # type: ignore[attr-defined]
        lengths = np.diff(runs.run_ends.to_numpy(), prepend=0)
        if len(days) and days[0] == days[-1] and (days == days[0]).all():
            found = self._at(ticker_days(runs.values, self.tickers, np.full(len(lengths), days[0])))
            return np.repeat(found[0], lengths), np.repeat(found[1], lengths)
        first = ticker_days(runs.values, self.tickers, np.zeros(len(lengths), dtype=np.int64))
        return self._at(np.repeat(first, lengths) + days)

    def _at(self, keys: Ints) -> tuple[Floats, Floats]:
        # Places: that of the first step after the day; each ticker's last is after all days, with factors of 1.
        places = np.searchsorted(self.keys, keys, side="right")
        places[keys < 0] = len(self.keys)
        splits, dividends = self._with_ones
        return splits[places], dividends[places]

    def lacks_events_of(self, newest: str) -> str | None:
        """What to say where prices of ``newest`` are read, and no events of that day are known yet."""
        if newest <= self.known_until.isoformat():
            return None
        text = f"Splits and dividends are known until {self.known_until}, and {newest} is read as well"
        return f"{text}: events between are not applied. To have them: {_REMEDY}"

    @cached_property
    def _with_ones(self) -> tuple[Floats, Floats]:
        return np.append(self.splits, 1.0), np.append(self.dividends, 1.0)


@dataclass(frozen=True)
class _Steps:
    """What happens to tickers on days; several of one ticker and day multiply."""

    tickers: "pa.Array[Any]"
    days: Ints
    """Since 1970."""
    splits: Floats
    dividends: Floats


def load_factors(
    store: ParquetStore,
    adjust: str,
    as_of: str | None = None,
    tickers: Sequence[str] | None = None,
    sessions: Sequence[dt.date] = (),
    *,
    newest: str | None = None,
) -> Factors:
    """The factors of ``tickers`` (None: all) by the events up to ``as_of`` (None: those in effect when retrieved).

    ``sessions`` are the exchange's, oldest first. Without ``as_of``, dividends after ``newest``, the last day of the
    prices, are left out: they change no price against another, and the close that they are a part of may come later.

    Raises:
        InvalidInputError: an unknown kind of adjustment, no stored events, or an ``as_of`` after they were retrieved.
        StoreError: a table is damaged.
    """
    if adjust not in ADJUSTMENTS:
        raise InvalidInputError(f"Invalid adjust: {adjust!r}; it is {' or '.join(map(repr, ADJUSTMENTS))}, or None")
    kinds = (SPLITS, DIVIDENDS) if adjust == "splits+dividends" else (SPLITS,)
    known_until = min(_retrieved(store, kind) for kind in kinds)
    last = parse_date(as_of) if as_of else known_until
    if last > known_until:
        raise InvalidInputError(
            f"as_of {last} lies after {known_until}, when events were retrieved; newer ones: {_REMEDY}"
        )
    steps = [_of_splits(_in_effect(store, SPLITS, tickers, last))]
    if DIVIDENDS in kinds:
        until = min(last, parse_date(newest)) if newest and not as_of else last
        steps += _of_dividends(store, _in_effect(store, DIVIDENDS, tickers, until), steps[0], sessions)
    return _cumulated(steps, last, known_until)


_REMEDY = "polygon-assets reference"


def _retrieved(store: ParquetStore, kind: EventKind) -> dt.date:
    record = read_record(store, kind)
    if record is None:
        raise InvalidInputError(
            f"No {kind.name} are stored in {store.uri}, and adjusting needs them. To bring them in, with the key of "
            f"the vendor's REST API in POLYGON_API_KEY: {_REMEDY}"
        )
    return record.retrieved_at.astimezone(ZoneInfo(NEW_YORK)).date()


def _in_effect(store: ParquetStore, kind: EventKind, tickers: Sequence[str] | None, last: dt.date) -> pa.Table:
    """The events up to ``last``, and those whose day is not known."""
    events = read_events(store, kind, tickers, ["ticker", kind.date, *kind.amounts, "problem"])
    date = events.column(kind.date)
    return events.filter(pc.or_kleene(pc.is_null(date), pc.less_equal(date, pa.scalar(last, pa.date32()))))


def _days(events: pa.Table, kind: EventKind) -> Ints:
    """The day of each event; where it is not known, the last but one of all."""
    days: Any = events.column(kind.date).combine_chunks().cast(pa.int32())
    found: Ints = days.fill_null(_ALWAYS - 1).to_numpy().astype(np.int64)
    return found


def _of_splits(events: pa.Table) -> _Steps:
    before, after = (_numbers(events, name) for name in SPLITS.amounts)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratios = np.where(_is_usable(events), before / after, np.nan)
    return _Steps(events.column("ticker").combine_chunks(), _days(events, SPLITS), ratios, np.ones(len(ratios)))


def _numbers(events: pa.Table, name: str) -> Floats:
    values: Any = events.column(name).combine_chunks()
    found: Floats = values.to_numpy(zero_copy_only=False).astype(np.float64)
    return found


def _is_usable(events: pa.Table) -> "np.ndarray[Any, np.dtype[np.bool_]]":
    usable: Any = pc.is_null(events.column("problem"))
    found: np.ndarray[Any, np.dtype[np.bool_]] = usable.to_numpy(zero_copy_only=False)
    return found


def _of_dividends(
    store: ParquetStore, events: pa.Table, splits: _Steps, sessions: Sequence[dt.date]
) -> Iterator[_Steps]:
    """Those that cannot be used, which make factors unknown, and the sums of those of one ticker and day."""
    usable = _is_usable(events)
    others = events.filter(pa.array(~usable))
    unknown = np.full(others.num_rows, np.nan)
    yield _Steps(others.column("ticker").combine_chunks(), _days(others, DIVIDENDS), np.ones(len(unknown)), unknown)
    sums = events.filter(pa.array(usable)).group_by(["ticker", DIVIDENDS.date], use_threads=False)
    paid = sums.aggregate([("cash_amount", "sum")])
    tickers, days, amounts = (
        paid.column("ticker").combine_chunks(),
        _days(paid, DIVIDENDS),
        _numbers(paid, "cash_amount_sum"),
    )
    before = _sessions_before(days, sessions)
    closes = closes_of(store, Wanted(tickers, before))
    known = pc.unique(tickers)
    of_splits = np.sort(ticker_days(splits.tickers, known, splits.days))
    since, until = (ticker_days(tickers, known, each) for each in (before, days))
    split_between = np.searchsorted(of_splits, since, side="right") < np.searchsorted(of_splits, until, side="right")
    with np.errstate(divide="ignore", invalid="ignore"):
        factors = np.where((closes > amounts) & ~split_between, 1 - amounts / closes, np.nan)
    yield _Steps(tickers, days, np.ones(len(days)), np.where(amounts == 0, 1.0, factors))


def _sessions_before(days: Ints, sessions: Sequence[dt.date]) -> Ints:
    """The last of ``sessions`` before each of ``days``, in days since 1970; 0 where there is none."""
    known = np.array([0, *((session - _EPOCH).days for session in sessions)], dtype=np.int64)
    found: Ints = known[np.searchsorted(known[1:], days, side="left")]
    return found


def _cumulated(steps: Sequence[_Steps], as_of: dt.date, known_until: dt.date) -> Factors:
    """Multiply each step with all later ones of its ticker."""
    names = pa.concat_arrays([each.tickers for each in steps])
    known: Any = pc.unique(names)
    known = known.take(pc.sort_indices(known))
    keys = ticker_days(names, known, np.concatenate([each.days for each in steps]))
    order = np.argsort(keys, kind="stable")
    keys, starts = np.unique(keys[order], return_index=True)
    numbers = keys >> DAY_BITS
    ends = np.flatnonzero(np.diff(numbers, append=-1)) + 1
    factors = []
    for given in (np.concatenate([each.splits for each in steps]), np.concatenate([each.dividends for each in steps])):
        products = np.multiply.reduceat(given[order], starts) if len(starts) else given
        for first, end in zip([0, *ends[:-1].tolist()], ends.tolist(), strict=True) if len(ends) else ():
            products[first:end] = np.cumprod(products[first:end][::-1])[::-1]
        factors.append(np.insert(products, ends, 1.0))
    last_keys = (numbers[ends - 1] << DAY_BITS) + _ALWAYS
    splits, dividends = factors
    return Factors(known, np.insert(keys, ends, last_keys), splits, dividends, as_of, known_until)


def factor_table(factors: Factors | None) -> pa.Table:
    """The factors of each ticker with events, one row from ``first_day`` on, before ``end_day``; null: not known.

    None: no rows. Days after a ticker's last event have none.
    """
    if factors is None:
        return _FACTOR_TABLE.empty_table()
    number, day = factors.keys >> DAY_BITS, factors.keys & ((1 << DAY_BITS) - 1)
    before = np.roll(day, 1)
    before[np.diff(number, prepend=-1) != 0] = 0
    columns = {
        "ticker": factors.tickers.take(number),
        "first_day": pa.array(before.astype(np.int32)).cast(pa.date32()),
        "end_day": pa.array(day.astype(np.int32)).cast(pa.date32()),
        "split_factor": pa.array(factors.splits, from_pandas=True),
        "dividend_factor": pa.array(factors.dividends, from_pandas=True),
    }
    return pa.table(columns, schema=_FACTOR_TABLE).filter(day < _ALWAYS)


_FACTOR_FIELDS: Any = {  # Arrow's stubs want all types alike
    "ticker": pa.string(),
    "first_day": pa.date32(),
    "end_day": pa.date32(),
    "split_factor": pa.float64(),
    "dividend_factor": pa.float64(),
}
_FACTOR_TABLE = pa.schema(_FACTOR_FIELDS)
