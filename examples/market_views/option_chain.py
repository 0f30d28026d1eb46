"""The option chain of each day: calls and puts side by side, for each underlying, expiration and strike.

Its partitions are those of ``options_daily``, so that one day needs one day.
"""

import datetime as dt

import dagster as dg

import polygon_assets
from market_views.automation import when_complete
from market_views.views import Views, described, query
from polygon_assets.calendars import TradingCalendar
from polygon_assets.orchestration.partitions import trading_day_partitions

OPTIONS = polygon_assets.DATASETS["options_daily"]

CHAIN = """
    SELECT underlying, expiration, strike,
           max(close) FILTER (option_type = 'call') AS call_close,
           coalesce(sum(volume) FILTER (option_type = 'call'), 0) AS call_volume,
           max(close) FILTER (option_type = 'put') AS put_close,
           coalesce(sum(volume) FILTER (option_type = 'put'), 0) AS put_volume
    FROM contracts WHERE underlying IS NOT NULL
    GROUP BY ALL ORDER BY ALL
"""


def build_option_chain(calendar: TradingCalendar, history_start: dt.date | None = None) -> dg.AssetsDefinition:
    """The asset, for the partitions that the platform's ``options_daily`` has."""

    @dg.asset(
        partitions_def=trading_day_partitions(OPTIONS, calendar, history_start),
        deps=[OPTIONS.name],
        automation_condition=when_complete(),
        group_name="market_views",
        kinds={"duckdb", "parquet"},
    )
    def option_chain(context: dg.AssetExecutionContext, views: dg.ResourceParam[Views]) -> dg.MaterializeResult[None]:
        """Last price and volume of the call and the put at each strike, not adjusted."""
        day = context.partition_key
        table = query(CHAIN, contracts=polygon_assets.scan(OPTIONS.name, day, day))
        if not table.num_rows:
            raise dg.Failure(f"{OPTIONS.name} lacks {day}: ingest it first", allow_retries=False)
        path = views.publish("option_chain", day, table)
        return described(path, table, {"underlyings": len(table.column("underlying").unique())})

    return option_chain
