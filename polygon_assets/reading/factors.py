"""By how much the prices and volumes of each ticker and day are multiplied, from stored splits and dividends.

A split from 1 to 4 makes prices before its execution date a quarter: on that date all trading is in new shares. A
dividend takes its part of the close of the session before, in that session's shares. Several events multiply. A factor
that cannot be known is NaN here and null in answers: an event with a ``problem``, a dividend without a stored close
before it, one that is as large as the close, or one on the day of a split, when its shares are not known.
"""

import datetime as dt
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
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
from polygon_assets.reference.closes import DAY_BITS, Wanted, closes_of, sessions_before, ticker_days
from polygon_assets.reference.events import DIVIDENDS, SPLITS, Event, EventKind
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
        return np.append(self.splits, 1.0)[places], np.append(self.dividends, 1.0)[places]


@dataclass
class _Step:
    """What happens to one ticker on one day."""

    split: float = 1.0
    dividend: float = 1.0
    amounts: list[float] = field(default_factory=list)
    has_split: bool = False


_Steps = dict[tuple[str, int], _Step]


def load_factors(
    store: ParquetStore,
    adjust: str,
    as_of: str | None = None,
    tickers: Sequence[str] | None = None,
    sessions: Sequence[dt.date] = (),
) -> Factors:
    """The factors of ``tickers`` (None: all) by the events up to ``as_of`` (None: those in effect when retrieved).

    ``sessions`` are the exchange's, oldest first.

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
    steps: _Steps = defaultdict(_Step)
    for event in _in_effect(store, SPLITS, tickers, last):
        step = steps[event["ticker"], _day(event[SPLITS.date])]
        step.has_split = True
        step.split = np.nan if event["problem"] else step.split * event["split_from"] / event["split_to"]
    if DIVIDENDS in kinds:
        _add_dividends(store, _in_effect(store, DIVIDENDS, tickers, last), steps, sessions)
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


def _in_effect(store: ParquetStore, kind: EventKind, tickers: Sequence[str] | None, last: dt.date) -> Iterator[Event]:
    """The events up to ``last``, and those whose day is not known."""
    events = read_events(store, kind, tickers, ["ticker", kind.date, *kind.amounts, "problem"])
    date = events.column(kind.date)
    chosen = pc.or_kleene(pc.is_null(date), pc.less_equal(date, pa.scalar(last, pa.date32())))
    for batch in events.filter(chosen).to_batches():
        yield from batch.to_pylist()


def _day(date: dt.date | None) -> int:
    return (date - _EPOCH).days if date else _ALWAYS - 1


def _add_dividends(store: ParquetStore, events: Iterator[Event], steps: _Steps, sessions: Sequence[dt.date]) -> None:
    paid: dict[tuple[str, dt.date], float] = defaultdict(float)
    for event in events:
        if event["problem"]:
            steps[event["ticker"], _day(event[DIVIDENDS.date])].dividend = np.nan
        else:
            paid[event["ticker"], event[DIVIDENDS.date]] += event["cash_amount"]
    before = sessions_before([day for _, day in paid], sessions)
    closes = closes_of(store, Wanted(pa.array([ticker for ticker, _ in paid], pa.string()), before))
    for ((ticker, day), amount), close in zip(paid.items(), closes, strict=True):
        step = steps[ticker, _day(day)]
        if amount:
            factor = 1 - amount / close if close > amount and not step.has_split else np.nan
            step.dividend *= factor


def _cumulated(steps: _Steps, as_of: dt.date, known_until: dt.date) -> Factors:
    """Multiply each step with all later ones of its ticker."""
    tickers = sorted({ticker for ticker, _ in steps})
    places = {ticker: place for place, ticker in enumerate(tickers)}
    rows: list[tuple[str, int, float, float]] = []
    following, split, dividend = "", 1.0, 1.0
    for (ticker, day), step in sorted(steps.items(), reverse=True):
        if ticker != following or not rows:
            following, split, dividend = ticker, 1.0, 1.0
            rows.append((ticker, _ALWAYS, 1.0, 1.0))
        split, dividend = split * step.split, dividend * step.dividend
        rows.append((ticker, day, split, dividend))
    rows.reverse()
    known = pa.array(tickers, pa.string())
    numbers = np.array([places[ticker] for ticker, *_ in rows], dtype=np.int64)
    days = np.array([day for _, day, *_ in rows], dtype=np.int64)
    keys = ticker_days(known.take(numbers), known, days) if rows else days
    return Factors(
        tickers=known,
        keys=keys,
        splits=np.array([row[2] for row in rows]),
        dividends=np.array([row[3] for row in rows]),
        as_of=as_of,
        known_until=known_until,
    )


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
