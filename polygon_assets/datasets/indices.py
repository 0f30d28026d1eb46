"""Indices."""

import datetime as dt
from functools import partial

from polygon_assets.datasets.layouts import BARS_OF_INDICES, VALUES
from polygon_assets.datasets.model import Check, Dataset, DayDefinition, Session

_CHECKS: tuple[Check, ...] = ("ticker_text", "marked_tickers")
_DOUBTS = ("Files on the days of the New York Stock Exchange, and days by New York's date, are likely, not seen.",)
_WHOLE_DAY = Session(dt.time(0), dt.time(0))
_Index = partial(
    Dataset,
    prefix="us_indices",
    live_prefix="us_indices",
    first_day=dt.date(2023, 2, 14),
    day=DayDefinition(certain=False),
    ticker_mark="I:",
    universe="ticker",
    highest_price=1e9,
    schema_version="1",
)

ROWS = (
    _Index(
        name="indices_daily",
        title="Indices, one row for each index and day",
        kind="day_aggs_v1",
        layout=BARS_OF_INDICES,
        absent_rows="a day without values",
        checks=(*_CHECKS, "signed_bar_prices", "midnight_stamps"),
        dictionary=("window_start",),
        rolled_up_by_year=True,
        days_per_run=60,
        typical_bytes=350_000,
        verified="The header is documented; sizes were seen.",
        doubts=_DOUBTS,
    ),
    _Index(
        name="indices_minute",
        title="Indices, one row for each index and minute with values",
        kind="minute_aggs_v1",
        layout=BARS_OF_INDICES,
        session=_WHOLE_DAY,
        absent_rows="a minute without values",
        checks=(*_CHECKS, "signed_bar_prices"),
        dictionary=("ticker", "window_start"),
        days_per_run=5,
        typical_bytes=125_000_000,
        verified="The header is documented; sizes were seen.",
        doubts=_DOUBTS,
    ),
    _Index(
        name="indices_values",
        title="Indices, one row for each value",
        kind="values_v1",
        layout=VALUES,
        session=_WHOLE_DAY,
        absent_rows="an index without values",
        checks=(*_CHECKS, "index_values"),
        dictionary=("ticker",),
        row_group_bytes=16 * 1024**2,
        days_per_run=1,
        typical_bytes=2_400_000_000,
        verified="The header was seen once; sizes were seen.",
        doubts=_DOUBTS,
    ),
)
