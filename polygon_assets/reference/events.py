"""Splits and dividends: their columns, and which of them cannot be used, and why.

An event that cannot be used is stored with its ``problem`` and never dropped: readers then know that the prices before
it cannot be adjusted. Belongs here: one event, and events against each other. Does not: asking for them
(``vendor_api``).
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pyarrow as pa

from polygon_assets.calendars import parse_date
from polygon_assets.datasets.model import Column
from polygon_assets.errors import InvalidInputError

Event = dict[str, Any]
"""One event under the columns of its kind."""

_LARGEST = 2**53
"""Below it, every whole number is a float; no ratio and no amount is above it, nor is NaN below it."""
_ID = Column("id", "string", "The vendor's identifier of the event; may be empty.")
_TICKER = Column("ticker", "string", "Symbol as the vendor writes it, of whoever had it on the event's date.")
_FACTOR = Column(
    "historical_adjustment_factor", "float64", "The vendor's own cumulative factor; not used here.", nullable=True
)
_PROBLEM = Column("problem", "string", "Why the event cannot be used; null: it can.", nullable=True)


@dataclass(frozen=True, kw_only=True)
class EventKind:
    """One kind of corporate action."""

    name: str
    """Asset key, word of the command line, and folder of the table."""
    title: str
    """For people."""
    path: str
    """Of the REST API."""
    date: str
    """The column with the first day on which prices are of after the event."""
    columns: tuple[Column, ...]
    amounts: tuple[str, ...]
    """The columns that make up its effect; two events that differ in these differ."""

    @cached_property
    def schema(self) -> pa.Schema:
        """Of the stored table."""
        types = {"string": pa.string(), "float64": pa.float64(), "int64": pa.int64(), "date32": pa.date32()}
        return pa.schema([pa.field(each.name, types[each.type], nullable=each.nullable) for each in self.columns])

    @property
    def order(self) -> tuple[str, ...]:
        """The columns by which the stored table is sorted."""
        return ("ticker", self.date, "id")


SPLITS = EventKind(
    name="splits",
    title="Splits of US stocks: forward, reverse and stock dividends",
    path="/stocks/v1/splits",
    date="execution_date",
    columns=(
        _ID,
        _TICKER,
        Column("execution_date", "date32", "First day with prices of after the split.", nullable=True),
        Column("split_from", "float64", "Shares before.", nullable=True),
        Column("split_to", "float64", "Shares after; 1 to 4 is a split that makes four of one.", nullable=True),
        Column("adjustment_type", "string", "forward_split, reverse_split or stock_dividend.", nullable=True),
        _FACTOR,
        _PROBLEM,
    ),
    amounts=("split_from", "split_to"),
)
DIVIDENDS = EventKind(
    name="dividends",
    title="Cash dividends of US stocks",
    path="/stocks/v1/dividends",
    date="ex_dividend_date",
    columns=(
        _ID,
        _TICKER,
        Column("ex_dividend_date", "date32", "First day without the right to the dividend.", nullable=True),
        Column("cash_amount", "float64", "Paid for each share, in ``currency``.", nullable=True),
        Column("currency", "string", "ISO 4217; adjusting needs USD.", nullable=True),
        Column("split_adjusted_cash_amount", "float64", "The vendor's, in today's shares; not used.", nullable=True),
        Column("distribution_type", "string", "recurring, special, supplemental, irregular, unknown.", nullable=True),
        Column("frequency", "int64", "Payments a year; 0: irregular.", nullable=True),
        Column("declaration_date", "date32", "When it was announced.", nullable=True),
        Column("record_date", "date32", "Who is on record then is paid.", nullable=True),
        Column("pay_date", "date32", "When it is paid.", nullable=True),
        _FACTOR,
        _PROBLEM,
    ),
    amounts=("cash_amount", "currency", "distribution_type"),
)
KINDS: Mapping[str, EventKind] = {kind.name: kind for kind in (SPLITS, DIVIDENDS)}


def read_event(kind: EventKind, answer: object) -> Event | None:
    """One event as the vendor's JSON has it, typed; None where it names no ticker, so that it can be nobody's.

    A value that is not of its column's type is null, which is a ``problem`` where the value is needed.
    """
    if not isinstance(answer, Mapping):
        return None
    event = {column.name: _typed(column, answer.get(column.name)) for column in kind.columns}
    if not event["ticker"]:
        return None
    event["id"] = event["id"] or ""
    event["problem"] = _problem(kind, event, answer.get(kind.date))
    return event


def _typed(column: Column, value: object) -> Any:
    if column.type == "string":
        return value if isinstance(value, str) and value else None
    if column.type == "date32":
        with suppress(InvalidInputError):
            return parse_date(value)  # type: ignore[arg-type]  # says of anything else that it is no date
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not -_LARGEST < value < _LARGEST:
        return None
    if column.type == "int64":
        return int(value) if value == int(value) else None
    return float(value)


def _problem(kind: EventKind, event: Event, date: object) -> str | None:
    if event[kind.date] is None:
        return f"{kind.date} is no date: {str(date)[:40]!r}"
    if kind is SPLITS:
        ratio = event["split_from"], event["split_to"]
        return None if all(each is not None and each > 0 for each in ratio) else f"no ratio: {ratio[0]} to {ratio[1]}"
    if event["cash_amount"] is None or event["cash_amount"] < 0:
        return f"no amount: {event['cash_amount']}"
    if event["currency"] != "USD":
        return f"paid in {event['currency'] or 'an unknown currency'}, and prices are in USD"
    return None


def settle(kind: EventKind, events: Iterable[Event]) -> tuple[list[Event], Counter[str]]:
    """Sort ``events``, drop those that only repeat another, and mark those that contradict each other.

    A repeat has the same identifier and values, or the same ticker, date and amounts under another identifier.
    Contradictory are one identifier with different values, and two splits of one ticker on one day. How many there
    were of either, by name.
    """
    counts: Counter[str] = Counter()
    kept: dict[tuple[Any, ...], Event] = {}
    for event in events:
        key = (event["ticker"], event[kind.date], *(event[name] for name in kind.amounts), event["problem"])
        if key in kept:
            counts["repeated"] += 1
        else:
            kept[key] = event
    found = list(kept.values())
    _mark(found, [event["id"] for event in found], "several events with this id and different values", counts)
    if kind is SPLITS:
        days = [(event["ticker"], event[kind.date]) for event in found]
        _mark(found, days, "several different splits on one day", counts)
    counts["unusable"] = sum(event["problem"] is not None for event in found)
    return sorted(found, key=lambda event: [str(event[name] or "") for name in kind.order]), counts


def _mark(events: Sequence[Event], keys: Sequence[Any], problem: str, counts: Counter[str]) -> None:
    """Give a ``problem`` to all events that share a key."""
    alike = defaultdict(list)
    for key, event in zip(keys, events, strict=True):
        if key:
            alike[key].append(event)
    for each in alike.values():
        if len(each) > 1:
            counts["contradictory"] += len(each)
            for event in each:
                event["problem"] = event["problem"] or problem


def as_table(kind: EventKind, events: Sequence[Event]) -> pa.Table:
    """``events`` under the stored schema."""
    return pa.Table.from_pylist(list(events), schema=kind.schema)
