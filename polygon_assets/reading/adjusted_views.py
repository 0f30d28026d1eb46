"""SQL views of bars adjusted for splits and dividends: ``stocks_daily_adjusted`` and ``stocks_minute_adjusted``.

Belongs here: how the raw view and the factors are joined. Does not: the factors (``factors``), or the raw views
(``queries``).
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pyarrow.dataset as pads

from polygon_assets.calendars import NEW_YORK_EXCHANGE, trading_calendar
from polygon_assets.datasets import DATASETS
from polygon_assets.ingest import ParquetStore
from polygon_assets.reading.adjusting import DIVIDEND_FACTOR, PRICES, SPLIT_FACTOR, VOLUME, adjusted_schema
from polygon_assets.reading.factors import factor_table, load_factors
from polygon_assets.reference.closes import SOURCE
from polygon_assets.settings import load_settings_of_folder
from polygon_assets.store.parquet_store import scanned_schema

if TYPE_CHECKING:
    import duckdb

ADJUSTED = "_adjusted"
"""What the name of a view of adjusted bars ends in."""
_FACTORS = "adjustment_factors"
_FACTOR_COLUMNS = (SPLIT_FACTOR, DIVIDEND_FACTOR)
_InMemory: Any = pads.InMemoryDataset  # Arrow's stubs know neither its constructor nor what it may be subclassed for


def add_adjusted_views(
    connection: "duckdb.DuckDBPyConnection", store: ParquetStore, warn: Callable[[str], None]
) -> None:
    """A view beside that of each dataset that can be adjusted; events are read when a query asks for one.

    Its rows are those of ``scan(…, adjust="splits+dividends")``, with the same warning where events are out of date.
    """
    for dataset in DATASETS.values():
        if dataset.adjustable:
            columns = adjusted_schema(scanned_schema(dataset)).names
            factors = f"{_FACTORS}_{dataset.name}"
            connection.register(factors, _FactorsWhenAsked(store, dataset.name, warn))
            connection.execute(_adjusted_view(dataset.name, factors, columns))
    connection.execute(f"CREATE VIEW {_FACTORS} AS FROM {_FACTORS}_{SOURCE}")


def _adjusted_view(name: str, factors: str, columns: list[str]) -> str:
    """The statement that makes the view: rows without a later event have no match, and factors of 1."""
    split, dividend = (f"CASE WHEN f.ticker IS NULL THEN 1.0::DOUBLE ELSE f.{each} END" for each in _FACTOR_COLUMNS)
    formulas = {
        **{price: f'b."{price}" * (({split}) * ({dividend}))' for price in PRICES},
        VOLUME: f'b."{VOLUME}" / ({split})',
        SPLIT_FACTOR: split,
        DIVIDEND_FACTOR: dividend,
    }
    chosen = ", ".join(f'{formulas.get(each, "b." + each)} AS "{each}"' for each in columns)
    join = "b.ticker = f.ticker AND b.date >= f.first_day AND b.date < f.end_day"
    return (
        f'CREATE VIEW "{name}{ADJUSTED}" AS SELECT {chosen} FROM "{name}" AS b '  # noqa: S608 (our own names)
        f'LEFT JOIN "{factors}" AS f ON {join}'
    )


class _FactorsWhenAsked(_InMemory):  # type: ignore[misc]
    """The factors of all tickers as a dataset that reads the stored events when it is scanned first."""

    def __init__(self, store: ParquetStore, dataset: str, warn: Callable[[str], None]) -> None:
        self._store, self._dataset, self._warn = store, dataset, warn
        self._loaded: pads.Dataset | None = None
        super().__init__(factor_table(None))

    def scanner(self, *arguments: Any, **options: Any) -> pads.Scanner:
        if self._loaded is None:
            sessions = trading_calendar(NEW_YORK_EXCHANGE, load_settings_of_folder().extra_closures).sessions
            newest = max(self._store.days(self._dataset), default=None)
            factors = load_factors(self._store, "splits+dividends", sessions=sessions, newest=newest)
            if newest and (lacking := factors.lacks_events_of(newest)):
                self._warn(lacking)
            self._loaded = pads.dataset(factor_table(factors))
        return self._loaded.scanner(*arguments, **options)
