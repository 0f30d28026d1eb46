"""Freshness: a data type whose newest day has not arrived by its deadline is visibly overdue.

Belongs here: the deadline and what follows from it. Does not: telling anyone (``notifications``).
"""

import datetime as dt
from collections.abc import Sequence
from zoneinfo import ZoneInfo

import dagster as dg

from polygon_assets.datasets import NEW_YORK
from polygon_assets.trading_calendar import TradingCalendar

DEADLINE = dt.time(12, 30)
"""New York time, on the day after the trading day."""
_INTERVAL_SECONDS = 600


def build_freshness(
    assets: Sequence[dg.AssetsDefinition],
) -> tuple[Sequence[dg.AssetChecksDefinition], dg.SensorDefinition]:
    """A check ``freshness_check`` for each asset, and the sensor that evaluates them when their answer may change.

    ``FreshnessPolicy`` is not used: it looks at the asset as a whole, so an old backfilled day would make it green.
    """
    checks = dg.build_time_partition_freshness_checks(
        assets=assets,
        deadline_cron=f"{DEADLINE.minute} {DEADLINE.hour} * * *",
        timezone=NEW_YORK,
        severity=dg.AssetCheckSeverity.WARN,
    )
    sensor = dg.build_sensor_for_freshness_checks(
        freshness_checks=checks,
        minimum_interval_seconds=_INTERVAL_SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING,
    )
    return checks, sensor


def due_day(calendar: TradingCalendar, first: dt.date, now: dt.datetime) -> dt.date | None:
    """The newest trading day from ``first`` on whose deadline has passed at ``now``; None where there is none yet."""
    local = now.astimezone(ZoneInfo(NEW_YORK))
    last = local.date() - dt.timedelta(1 if local.time() >= DEADLINE else 2)
    sessions = calendar.between(first, last) if first <= last else ()
    return sessions[-1] if sessions else None
