"""``S3Catalog``: which key holds which day of which dataset. Paths only; it sends no request."""

import re
from collections import Counter
from collections.abc import Iterable

from polygon_assets.addresses import is_name
from polygon_assets.calendars import TradingCalendar, parse_date, trading_calendar
from polygon_assets.datasets import DATASETS, Dataset
from polygon_assets.errors import InvalidInputError

_KEY = re.compile(r"(?P<folder>[^/]+/[^/]+)/(?P<year>[0-9]{4})/(?P<month>[0-9]{2})/(?P<date>[0-9-]{10})\.csv\.gz")
_OPTIONS_PREFIX = "us_options"


class S3Catalog:
    """Manages the S3 file paths of the vendor's daily flat files.

    >>> S3Catalog().get_stocks_daily_key("2024-01-02")
    'us_stocks_sip/day_aggs_v1/2024/01/2024-01-02.csv.gz'
    """

    def __init__(
        self,
        bucket: str = "flatfiles",
        *,
        options_prefix: str = _OPTIONS_PREFIX,
        extra_closures: Iterable[str] = (),
    ) -> None:
        """Set up the paths of ``bucket``.

        ``options_prefix`` is the options files' folder (``us_options_opra`` on the live bucket). ``extra_closures``
        are dates, YYYY-MM-DD, on which the exchange was closed although the installed calendar says otherwise.
        """
        if not is_name(bucket):
            raise InvalidInputError(f"Invalid bucket: {bucket!r}; a bucket is a name of letters, digits, '.', '_', '-'")
        if not is_name(options_prefix):
            raise InvalidInputError(f"Invalid options_prefix: {options_prefix!r}; it is one folder name")
        if any(options_prefix == row.prefix for row in DATASETS.values() if row.prefix != _OPTIONS_PREFIX):
            raise InvalidInputError(f"Invalid options_prefix: {options_prefix!r} is the folder of another dataset")
        self.bucket = bucket
        self.options_prefix = options_prefix
        self._extra_closures = frozenset(parse_date(day) for day in extra_closures)

    def __repr__(self) -> str:
        return f"S3Catalog(bucket={self.bucket!r}, options_prefix={self.options_prefix!r})"

    def get_stocks_daily_key(self, date: str) -> str:
        """Key of the stocks' day aggregates of ``date`` (any valid YYYY-MM-DD)."""
        return self.get_key("stocks_daily", date)

    def get_stocks_minute_key(self, date: str) -> str:
        """Key of the stocks' minute aggregates of ``date`` (any valid YYYY-MM-DD)."""
        return self.get_key("stocks_minute", date)

    def get_options_daily_key(self, date: str) -> str:
        """Key of the options' day aggregates of ``date`` (any valid YYYY-MM-DD)."""
        return self.get_key("options_daily", date)

    def get_options_minute_key(self, date: str) -> str:
        """Key of the options' minute aggregates of ``date`` (any valid YYYY-MM-DD)."""
        return self.get_key("options_minute", date)

    def get_key(self, data_type: str, date: str) -> str:
        """Key of ``data_type`` on ``date``, which need not be a trading day.

        Raises:
            ValueError: an unknown dataset, or a date that is not an existing YYYY-MM-DD.
        """
        prefix = self.get_prefix(data_type)
        parse_date(date)
        return f"{prefix}{date[:4]}/{date[5:7]}/{date}.csv.gz"

    def get_prefix(self, data_type: str) -> str:
        """The folder, ending in ``/``, below which all files of ``data_type`` lie."""
        dataset = _dataset(data_type)
        return f"{self._folder(dataset)}/{dataset.kind}/"

    def get_month_prefix(self, data_type: str, date: str) -> str:
        """The folder, ending in ``/``, that holds the files of the month in which ``date`` lies."""
        parse_date(date)
        return f"{self.get_prefix(data_type)}{date[:4]}/{date[5:7]}/"

    def get_date_range_keys(
        self,
        data_type: str,
        start_date: str,
        end_date: str,
        symbols: list[str] | None = None,  # noqa: ARG002 (accepted for compatibility)
    ) -> list[str]:
        """Keys of the trading days from ``start_date`` to ``end_date``, both inclusive, oldest first.

        A flat file holds all symbols of its day, so ``symbols`` changes no key; filter when reading.

        Raises:
            ValueError: an unknown dataset, an invalid date, a start after its end, a day beyond the horizon.
        """
        calendar = self.get_calendar(data_type)
        days = calendar.between(parse_date(start_date), parse_date(end_date))
        return [self.get_key(data_type, day.isoformat()) for day in days]

    def get_calendar(self, data_type: str) -> TradingCalendar:
        """The trading calendar of ``data_type``, less this catalog's extra closures."""
        return trading_calendar(_dataset(data_type).calendar, self._extra_closures)

    def parse_key_metadata(self, key: str) -> dict[str, str]:
        """What a key says: ``{'data_type': …, 'date': …, 'year': …, 'month': …}``.

        The options' folder may be this catalog's, the specified or the live one.

        Raises:
            ValueError: the key is not exactly what the getters produce.
        """
        match = _KEY.fullmatch(key) if isinstance(key, str) else None
        data_type = self._data_type(match["folder"]) if match else None
        if match is None or data_type is None or match["date"][:7] != f"{match['year']}-{match['month']}":
            raise InvalidInputError(f"Unknown key pattern: {key!r}")
        try:
            parse_date(match["date"])
        except InvalidInputError:
            raise InvalidInputError(f"Unknown key pattern: {key!r}") from None
        return {"data_type": data_type, "date": match["date"], "year": match["year"], "month": match["month"]}

    def validate_key(self, key: str) -> bool:
        """Does ``key`` match the expected pattern exactly?"""
        try:
            self.parse_key_metadata(key)
        except InvalidInputError:
            return False
        return True

    def get_summary(self, keys: list[str]) -> dict[str, int]:
        """Counts: ``total``, one for each dataset that occurs, and ``invalid`` where there are any."""
        counts = Counter(self.parse_key_metadata(key)["data_type"] for key in keys if self.validate_key(key))
        invalid = len(keys) - counts.total()
        return {"total": len(keys), **counts, **({"invalid": invalid} if invalid else {})}

    @staticmethod
    def get_business_days(start_date: str, end_date: str) -> list[str]:
        """US stock market trading days from ``start_date`` to ``end_date``, both inclusive, oldest first.

        Raises:
            ValueError: an invalid date, a start after its end, a day before 2003 or beyond the horizon.
        """
        days = trading_calendar().between(parse_date(start_date), parse_date(end_date))
        return [day.isoformat() for day in days]

    @staticmethod
    def get_missing_dates(existing_dates: list[str], start_date: str, end_date: str) -> list[str]:
        """Trading days in the range, both ends inclusive, that are not among ``existing_dates``.

        Raises:
            ValueError: as for ``get_business_days``; an existing date that is invalid.
        """
        existing = {parse_date(day).isoformat() for day in existing_dates}
        return [day for day in S3Catalog.get_business_days(start_date, end_date) if day not in existing]

    def _folder(self, dataset: Dataset) -> str:
        return self.options_prefix if dataset.prefix == _OPTIONS_PREFIX else dataset.prefix

    def _data_type(self, folder: str) -> str | None:
        """The dataset whose files lie in ``folder``; asked for each key of a listing."""
        prefix, _, kind = folder.partition("/")
        for dataset in DATASETS.values():
            if dataset.kind == kind and prefix in (dataset.live_prefix, dataset.prefix, self._folder(dataset)):
                return dataset.name
        return None


def _dataset(data_type: str) -> Dataset:
    """The row called ``data_type``; the error's words are those that the specified interface promises."""
    try:
        return DATASETS[data_type]
    except (KeyError, TypeError):
        raise InvalidInputError(f"Invalid data_type: {data_type!r}; choose one of {', '.join(DATASETS)}") from None
