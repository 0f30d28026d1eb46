"""``flat_file``: a made-up day in the vendor's exact format, the same for the same arguments.

Belongs here: putting market, minutes and text together. Does not: any of them.
"""

import datetime as dt

import numpy as np
import pyarrow as pa

from polygon_assets.datasets import Dataset
from polygon_assets.sample.contracts import contracts
from polygon_assets.sample.csv_text import has_decimal_volumes, to_csv_gz
from polygon_assets.sample.minutes import Rows, day_rows, minute_rows
from polygon_assets.sample.prices import Market, market
from polygon_assets.sample.sessions import minute_profile, nanoseconds, session_number
from polygon_assets.sample.sizes import Size, demo_size
from polygon_assets.sample.symbols import indices, stocks
from polygon_assets.sample.wear import weathered
from polygon_assets.trading_calendar import parse_date


def flat_file(dataset: Dataset, day: str, size: Size | None = None, *, seed: int = 0) -> bytes:
    """The csv.gz of ``dataset`` on ``day`` (YYYY-MM-DD), of the demo's size unless told otherwise.

    Raises:
        InvalidInputError: no date, no trading day, or more symbols than there are.
    """
    return to_csv_gz(dataset, parse_date(day), day_table(dataset, day, size, seed=seed))


def day_table(dataset: Dataset, day: str, size: Size | None = None, *, seed: int = 0) -> pa.Table:
    """The rows of ``flat_file`` before they are printed: prices and volumes in millionths.

    Raises:
        InvalidInputError: as for ``flat_file``.
    """
    date = parse_date(day)
    session = session_number(dataset, date)
    size = size or demo_size(dataset)
    symbols = _market(dataset, date, session, size.symbols, seed)
    rng = np.random.default_rng([seed, 6, session, *dataset.name.encode()])
    if dataset.window == "day":
        rows = day_rows(symbols, nanoseconds(date))
    else:
        wanted = 20 * size.symbols if size.rows is None else size.rows
        rows = minute_rows(symbols, *minute_profile(dataset, date), wanted, rng)
    if dataset.instrument == "stock":
        rows = weathered(rows, rng, fractional_shares=has_decimal_volumes(dataset, date))
    return _table(dataset, symbols, rows)


def _market(dataset: Dataset, day: dt.date, session: int, count: int, seed: int) -> Market:
    if dataset.instrument == "option":
        return contracts(dataset, day, session, count, seed)
    universe = indices() if dataset.instrument == "index" else stocks()
    return market(universe.first(count), seed, session)


def _table(dataset: Dataset, symbols: Market, rows: Rows) -> pa.Table:
    columns = {
        "ticker": symbols.tickers.take(rows.symbol),
        **{name: pa.array(getattr(rows, name)) for name in dataset.header if name != "ticker"},
    }
    return pa.table({name: columns[name] for name in dataset.header})
