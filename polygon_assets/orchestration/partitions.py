"""Partitions: the trading days of a dataset, as Dagster's time windows with the closures taken out."""

import datetime as dt

import dagster as dg

from polygon_assets.calendars import TradingCalendar, trading_calendar
from polygon_assets.datasets import Dataset
from polygon_assets.errors import InvalidInputError
from polygon_assets.settings import Settings, load_settings

_WEEKDAYS = 7


def trading_day_partitions(
    dataset: Dataset, calendar: TradingCalendar | None = None, history_start: dt.date | None = None
) -> dg.DailyPartitionsDefinition:
    """One partition, ``YYYY-MM-DD``, for every session from the dataset's first day on; a day's begins at its end.

    Without ``calendar``, those of ``build_defs`` under this environment's settings: POLYGON_EXTRA_CLOSURES are closed,
    and POLYGON_HISTORY_START is the first day unless ``history_start`` is another. Assets of one job need the same.

    Weekends go out as one cron string and only holidays as dates: a status page is ten times slower with thousands
    of dates. ``history_start`` moves the first day forward for plans with a shorter window; beyond the calendar's
    horizon it is an InvalidInputError.
    """
    if calendar is None:
        settings = load_settings()
        calendar = trading_calendar(dataset.calendar, settings.extra_closures)
        history_start = history_start or settings.history_start
    first = max(dataset.first_day, history_start or dataset.first_day)
    start = next((day for day in calendar.sessions if day >= first), None)
    if start is None:
        raise InvalidInputError(
            f"POLYGON_HISTORY_START {first} lies beyond the trading calendar's horizon, {calendar.end}"
        )
    never_open = sorted(set(range(_WEEKDAYS)) - calendar.weekdays)
    closures = [day for day in calendar.closures(start) if day.weekday() not in never_open]
    exclusions: list[str | dt.datetime] = [dt.datetime.combine(day, dt.time()) for day in closures]
    if never_open:
        exclusions.insert(0, f"0 0 * * {','.join(str((weekday + 1) % 7) for weekday in never_open)}")
    return dg.DailyPartitionsDefinition(
        start_date=start.isoformat(), timezone=dataset.day.zone, exclusions=exclusions or None
    )


def partitions_of(dataset: Dataset, settings: Settings) -> dg.DailyPartitionsDefinition:
    """The partitions of ``dataset`` under the user's settings."""
    calendar = trading_calendar(dataset.calendar, settings.extra_closures)
    return trading_day_partitions(dataset, calendar, settings.history_start)


def first_partition(partitions: dg.DailyPartitionsDefinition) -> dt.date:
    """The first trading day of ``partitions``."""
    return partitions.start.date()
