"""What arguments can be: datasets, days, ranges of days; with completion for the shell.

Belongs here: reading an argument strictly. Does not: what a command does with it.
"""

import datetime as dt
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from polygon_assets.calendars import TradingCalendar, parse_date, require_order, trading_calendar
from polygon_assets.datasets import DATASETS, Dataset, choose_datasets
from polygon_assets.errors import (
    FutureDayError,
    InvalidInputError,
    NotATradingDayError,
    PolygonAssetsError,
    StoreUnreachableError,
)
from polygon_assets.lazy import spare_pandas

if TYPE_CHECKING:  # pydantic's import is slow
    from polygon_assets.settings import Settings


_EVENT_KINDS = ("splits", "dividends")


def _names(incomplete: str) -> list[tuple[str, str]]:
    return [(row.name, row.title) for row in DATASETS.values() if row.name.startswith(incomplete)]


_EXAMPLES = f"One of the {len(DATASETS)} datasets: stocks_daily, options_trades, crypto_minute, futures_cme_quotes, …"
SomeDatasets = Annotated[
    list[str],
    typer.Argument(metavar="DATASET", help=f"{_EXAMPLES}; several, and patterns: 'options_*'.", autocompletion=_names),
]
ChosenDatasets = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="DATASET",
        help=f"{_EXAMPLES}; several, and patterns: 'options_*'. Unless given, those that are chosen (POLYGON_DATASETS) "
        "or stored.",
        autocompletion=_names,
        show_default=False,
    ),
]


class AskedDays(NamedTuple):
    """Trading days, and the days from ``first`` to ``last`` among which the vendor may have others."""

    days: list[str]
    first: str
    last: str
    """Inclusive, and a day that its month may lack."""
    called: str
    """In titles."""


def datasets(patterns: Sequence[str] | None) -> list[Dataset]:
    """The rows that ``patterns`` name; without any, those that the user has chosen, and those that are stored.

    Raises:
        InvalidInputError: a pattern names none; names the nearest, or all.
    """
    return list(choose_datasets(patterns)) if patterns else _chosen_or_stored()


def _chosen_or_stored() -> list[Dataset]:
    spare_pandas()
    from polygon_assets.cli.reaching import reached_store  # noqa: PLC0415 (slow, and only here)
    from polygon_assets.settings import load_settings  # noqa: PLC0415

    settings = load_settings()
    try:
        stored = set(reached_store(settings).names(""))
    except StoreUnreachableError:  # after half a minute, which is not to be waited again
        raise
    except (PolygonAssetsError, OSError):  # whoever needs the store says so
        stored = set()
    names = stored | {row.name for row in settings.chosen}
    return [row for row in DATASETS.values() if row.name in names]


def event_kinds(name: str | None) -> list[str]:
    """The kind of corporate actions called ``name``, or both."""
    if name is None:
        return list(_EVENT_KINDS)
    if name in _EVENT_KINDS:
        return [name]
    raise InvalidInputError(f"Invalid kind: {name!r}; it is {' or '.join(_EVENT_KINDS)}")


def calendar_of(settings: "Settings", dataset: Dataset) -> TradingCalendar:
    """The trading days of ``dataset`` under the user's settings."""
    return trading_calendar(dataset.calendar, settings.extra_closures)


def today_of(dataset: Dataset) -> dt.date:
    """The date where the days of ``dataset`` begin and end."""
    return dataset.day.date_at(dt.datetime.now(dt.UTC))


def published_days(settings: "Settings", dataset: Dataset) -> Sequence[dt.date]:
    """The sessions from the first partition to yesterday: those that can be published."""
    first = max(dataset.first_day, settings.history_start or dataset.first_day)
    yesterday = today_of(dataset) - dt.timedelta(1)
    return calendar_of(settings, dataset).between(first, yesterday) if first <= yesterday else ()


def trading_days(settings: "Settings", dataset: Dataset, start: str, end: str) -> list[str]:
    """The trading days from ``start`` to ``end``; a single day that is none is an error that says so."""
    calendar, today = calendar_of(settings, dataset), today_of(dataset)
    days = [day.isoformat() for day in calendar.between(parse_date(start), parse_date(end))]
    if end > today.isoformat():
        raise FutureDayError(end, calendar.name, calendar.newest_session(today).isoformat())
    if not days and start == end:
        raise NotATradingDayError(start, calendar.name)
    if not days:
        raise InvalidInputError(f"No trading day of {calendar.name} from {start} to {end}")
    if end < dataset.first_day.isoformat():
        raise InvalidInputError(f"{dataset.name} begins on {dataset.first_day}; {end} lies before it")
    first = max(start, dataset.first_day.isoformat())
    return [day for day in days if day >= first]


def month_days(settings: "Settings", dataset: Dataset, month: str) -> list[str]:
    """The trading days of ``month``, YYYY-MM.

    Raises:
        InvalidInputError: no such month, or one outside the trading calendar.
    """
    try:
        first = parse_date(f"{month}-01")
    except InvalidInputError:
        raise InvalidInputError(f"Invalid month: {month!r}; a month is YYYY-MM, for example 2026-10") from None
    last = (first + dt.timedelta(31)).replace(day=1) - dt.timedelta(1)
    return [day.isoformat() for day in calendar_of(settings, dataset).between(first, last)]


def asked_days(settings: "Settings", dataset: Dataset, month: str | None, last: int | None) -> AskedDays:
    """The days that ``--month`` or ``--last`` names."""
    if last is None:
        month = month or f"{today_of(dataset):%Y-%m}"
        return AskedDays(month_days(settings, dataset, month), f"{month}-01", f"{month}-31", month)
    days = [day.isoformat() for day in published_days(settings, dataset)[-last:]]
    yesterday = f"{today_of(dataset) - dt.timedelta(1)}"
    first = days[0] if days else yesterday
    return AskedDays(days, first, yesterday, f"{first} to {yesterday}")


def require_choice(start: str | None, end: str | None, last: int | None, *, missing: bool) -> None:
    """Refuse options that name no days, or contradict each other."""
    if last is not None and (start or end):
        raise InvalidInputError("--last counts from yesterday: give it without --start and --end.")
    if end and not start:
        raise InvalidInputError("--end needs --start.")
    if last is None and not start and not missing:
        raise InvalidInputError("Say which days: --start DAY [--end DAY], --last N or --missing.")
    require_order(start or None, end or None)


def all_days(start: str, end: str) -> list[str]:
    """Every day from ``start`` to ``end``, whatever the calendar says."""
    require_order(start, end)
    first, last = parse_date(start), parse_date(end)
    return [(first + dt.timedelta(number)).isoformat() for number in range((last - first).days + 1)]


def chosen_days(
    settings: "Settings",
    dataset: Dataset,
    start: str | None,
    end: str | None,
    last: int | None,
    *,
    any_day: bool = False,
) -> list[str]:
    """The days that the options name; without any, the whole history. ``any_day`` takes all days of a range."""
    if any_day and not start:
        raise InvalidInputError("--any-day needs --start: days that the calendar does not know have to be named.")
    if any_day and start:
        return all_days(start, end or start)
    if start:
        return trading_days(settings, dataset, start, end or start)
    days = [day.isoformat() for day in published_days(settings, dataset)]
    return days[-last:] if last is not None else days


def days_of_each(
    rows: Sequence[Dataset], days_of: Callable[[Dataset], list[str]]
) -> tuple[list[tuple[Dataset, list[str]]], list[str]]:
    """The days of each dataset, and what is wrong with the days of the others, which have none such.

    Raises:
        PolygonAssetsError: none of them has such days.
    """
    found: list[tuple[Dataset, list[str]]] = []
    errors: list[tuple[Dataset, PolygonAssetsError]] = []
    for row in rows:
        try:
            found.append((row, days_of(row)))
        except PolygonAssetsError as error:
            errors.append((row, error))
    if errors and not found:
        raise errors[0][1]
    return found, [f"{row.name}: {error}" for row, error in errors]


def rolled_up(rows: Sequence[Dataset], patterns: Sequence[str]) -> list[Dataset]:
    """Those of ``rows``, which ``patterns`` name, that have files of years.

    Raises:
        InvalidInputError: one was named that has none, or no pattern names one that has.
    """
    found = [row for row in rows if row.rolled_up_by_year]
    for row in rows:
        if not row.rolled_up_by_year and (row.name in patterns or (patterns and not found)):
            raise InvalidInputError(f"{row.name} is no daily dataset; only those have a file for each year")
    return found
