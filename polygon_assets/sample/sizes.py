"""How large a made-up day is: symbols and rows, for each instrument and window.

Belongs here: sizes. Does not: what the rows hold.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from polygon_assets.datasets import Dataset, Instrument, Window


@dataclass(frozen=True)
class Size:
    """How much a made-up file holds."""

    symbols: int
    """Tickers, or contracts, that may trade that day; about 0.5 % of the stocks do not."""
    rows: int | None = None
    """About how many rows a minute file has; None: twenty for each symbol. Day files have one for each symbol."""


_FULL: Mapping[tuple[Instrument, Window], Size] = {
    ("stock", "day"): Size(12_150),
    ("stock", "minute"): Size(12_150, 1_826_000),
    ("option", "day"): Size(364_000),
    ("option", "minute"): Size(364_000, 2_500_000),
    ("index", "day"): Size(500),
    ("index", "minute"): Size(500, 195_000),
}
_DEMO: Mapping[tuple[Instrument, Window], Size] = {
    ("stock", "day"): Size(4_000),
    ("stock", "minute"): Size(4_000, 150_000),
    ("option", "day"): Size(20_000),
    ("option", "minute"): Size(20_000, 100_000),
    ("index", "day"): Size(50),
    ("index", "minute"): Size(50, 19_500),
}


def full_size(dataset: Dataset) -> Size:
    """The size of a real file of ``dataset`` as of May 2026."""
    return _FULL[dataset.instrument, dataset.window]


def demo_size(dataset: Dataset) -> Size:
    """A size at which ten days of everything are made, served and ingested in seconds."""
    return _DEMO[dataset.instrument, dataset.window]
