"""Weekly bars, rolled up from ``stocks_minute``: regular hours, one row for each ticker.

The mapping from days to weeks is where such a roll-up goes wrong. Dagster's mapping takes the trading day before as
well when a week begins on a holiday. That only makes a week wait for one day more; but what is *read* must be exact, so
the days come from the week's own time window.
"""

import datetime as dt

import dagster as dg

import polygon_assets
from market_views.automation import when_complete
from market_views.views import Views, described, query
from polygon_assets.calendars import TradingCalendar
from polygon_assets.orchestration.partitions import trading_day_partitions

MINUTES = polygon_assets.DATASETS["stocks_minute"]
MONDAY = 1

BARS = """
    SELECT ticker,
           arg_min(open, window_start) AS open, max(high) AS high, min(low) AS low,
           arg_max(close, window_start) AS close,
           sum(volume) AS volume, sum(transactions)::BIGINT AS transactions, count(*) AS minutes
    FROM minutes GROUP BY ticker ORDER BY ticker
"""


def weeks(days: dg.DailyPartitionsDefinition) -> dg.WeeklyPartitionsDefinition:
    """Weeks from Monday on, beginning with the first whole one; a week is there when it has ended."""
    return dg.WeeklyPartitionsDefinition(
        start_date=days.start.date().isoformat(), day_offset=MONDAY, timezone=days.timezone
    )


def build_weekly_bars(calendar: TradingCalendar, history_start: dt.date | None = None) -> dg.AssetsDefinition:
    """The asset, for the partitions that the platform's ``stocks_minute`` has."""
    days = trading_day_partitions(MINUTES, calendar, history_start)

    @dg.asset(
        partitions_def=weeks(days),
        deps=[dg.AssetDep(MINUTES.name, partition_mapping=dg.TimeWindowPartitionMapping())],
        automation_condition=when_complete(),
        group_name="market_views",
        kinds={"duckdb", "parquet"},
    )
    def weekly_bars(context: dg.AssetExecutionContext, views: dg.ResourceParam[Views]) -> dg.MaterializeResult[None]:
        """Open, high, low, close and volume of each week's regular hours, not adjusted."""
        wanted = trading_days(days, context.partition_time_window)
        require_stored(MINUTES.name, wanted)
        table = query(BARS, minutes=polygon_assets.scan(MINUTES.name, wanted[0], wanted[-1], session="regular"))
        path = views.publish("weekly_bars", context.partition_key, table)
        return described(path, table, {"days": len(wanted)})

    return weekly_bars


def trading_days(days: dg.DailyPartitionsDefinition, window: dg.TimeWindow) -> list[str]:
    """The trading days in ``window``, oldest first: never one of the week before."""
    return list(days.get_partition_keys_in_time_window(window))


def require_stored(dataset: str, wanted: list[str]) -> None:
    """Refuse to make a bar of half a week."""
    dates = polygon_assets.scan(dataset, wanted[0], wanted[-1]).get_fragments()
    stored = {str(fragment.path).split("date=")[1][:10] for fragment in dates}
    if missing := [day for day in wanted if day not in stored]:
        raise dg.Failure(f"{dataset} lacks {', '.join(missing)}: ingest them first", allow_retries=False)
