"""The rules for each row of ticks: prices, sizes and stamps.

Belongs here: their application. Does not: which there are and for which datasets (``quality``, ``datasets``).
"""

from typing import TYPE_CHECKING

import numpy as np

from polygon_assets.flatfile.findings import Severity
from polygon_assets.flatfile.rows import Mask

if TYPE_CHECKING:
    from polygon_assets.flatfile.quality import Examination

HIGHEST_AMOUNT = 1e12
"""Shares, contracts or trades."""
_DAY = 86_400_000_000_000
"""Nanoseconds."""


def prices(look: "Examination", *names: str, lowest: float | None) -> None:
    """Are the columns ``names`` finite, believable and, where there is a ``lowest``, at least that?"""
    dataset, batch = look.dataset, look.batch
    highest = dataset.highest_price
    floor = -highest if lowest is None else lowest
    columns = [batch.columns[name] for name in names]
    if all(column.min() >= floor and column.max() <= highest for column in columns):
        return
    values = np.stack(columns)
    finite: Mask = np.isfinite(values).all(axis=0)
    look.tally.add("price_not_finite", batch, ~finite)
    look.tally.add("price_beyond_belief", batch, finite & (np.abs(values) > highest).any(axis=0))
    if lowest is not None:
        rule = "price_not_positive" if lowest > 0 else "price_negative"
        look.tally.add(rule, batch, finite & (values < lowest).any(axis=0))


SMALLEST_PRICE = float(np.nextafter(0, 1))


def trade_prices(look: "Examination") -> None:
    """A trade has a price above zero."""
    prices(look, "price", lowest=SMALLEST_PRICE)


def signed_trade_prices(look: "Examination") -> None:
    """A spread's price may be zero or below."""
    prices(look, "price", lowest=None)


def index_values(look: "Examination") -> None:
    """A value is a number; that of a difference between two may be below zero."""
    prices(look, "value", lowest=None)


def quote_prices(look: "Examination") -> None:
    """Bid and ask are zero where there is none."""
    prices(look, "bid_price", "ask_price", lowest=0.0)
    bid, ask = look.batch.columns["bid_price"], look.batch.columns["ask_price"]
    _count_crossed(look, (bid > 0) & (ask > 0))


def signed_quote_prices(look: "Examination") -> None:
    """Bid and ask of a spread may be zero or below; they are null where there is none."""
    prices(look, "bid_price", "ask_price", lowest=None)
    both = np.ones(len(look.batch), dtype=np.bool_)
    for name in ("bid_price", "ask_price"):
        if (empty := look.batch.missing.get(name)) is not None:
            both &= ~empty
    _count_crossed(look, both)


def _count_crossed(look: "Examination", both: Mask) -> None:
    bid, ask = look.batch.columns["bid_price"], look.batch.columns["ask_price"]
    for rule, broken in (("quote_crossed", bid > ask), ("quote_locked", bid == ask)):
        look.tally.add(rule, look.batch, both & broken, Severity.NOTE)


def trade_sizes(look: "Examination") -> None:
    """A size is a number that is not negative."""
    _sizes(look, "size")


def quote_sizes(look: "Examination") -> None:
    """So are those of bid and ask."""
    _sizes(look, "bid_size", "ask_size")


def _sizes(look: "Examination", *names: str) -> None:
    columns = [look.batch.columns[name] for name in names]
    if all(column.min() >= 0 and column.max() <= HIGHEST_AMOUNT for column in columns):
        return
    values = np.stack(columns)
    finite: Mask = np.isfinite(values).all(axis=0)
    look.tally.add("size_not_finite", look.batch, ~finite)
    look.tally.add("size_negative", look.batch, finite & (values < 0).any(axis=0))
    look.tally.add("size_beyond_belief", look.batch, finite & (values > HIGHEST_AMOUNT).any(axis=0))


def further_stamps(look: "Examination") -> None:
    """Is a stamp beside the row's own more than a day away from it? It is in other units, then, or of another day."""
    batch = look.batch
    for column in look.dataset.columns:
        if column.type == "timestamp[ns, UTC]" and column.name != batch.time:
            far: Mask = np.abs(batch.columns[column.name] - batch.columns[batch.time]) > _DAY
            if (empty := batch.missing.get(column.name)) is not None:
                far &= ~empty
            look.tally.add("stamp_far_off", batch, far)


def session_dates(look: "Examination") -> None:
    """Does the row say that its session ends on another day?"""
    dates = look.batch.columns["session_end_date"]
    other: Mask = dates != np.datetime64(look.day)
    if (empty := look.batch.missing.get("session_end_date")) is not None:
        other &= ~empty
    look.tally.add("other_session", look.batch, other)
