"""Filters: which tickers of a dataset are kept, as ``POLYGON_FILTERS`` and the command line say it.

    stocks_trades: tickers=AAPL,MSFT; options_*: underlyings=SPY,QQQ

Belongs here: the notation. Does not: leaving rows out (``flatfile.conversion``).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase

from polygon_assets.datasets import DATASETS, Dataset
from polygon_assets.errors import InvalidInputError

_TICKERS, _UNDERLYINGS = "tickers", "underlyings"
_FORM = "stocks_trades: tickers=AAPL,MSFT; options_*: underlyings=SPY,QQQ"
UNDERLYING_COLUMNS = ("underlying", "root")
"""The derived columns that name what a contract is on."""


@dataclass(frozen=True)
class RowFilter:
    """The rows that are kept: of these tickers, or of contracts on these underlyings."""

    tickers: frozenset[str] = frozenset()
    underlyings: frozenset[str] = frozenset()

    def __bool__(self) -> bool:
        return bool(self.tickers or self.underlyings)

    def __str__(self) -> str:
        """As it stands in a stored day's footer, the same for the same filter; empty where all rows are kept."""
        parts = ((_TICKERS, self.tickers), (_UNDERLYINGS, self.underlyings))
        return " ".join(f"{name}={','.join(sorted(values))}" for name, values in parts if values)

    def checked(self, dataset: Dataset) -> "RowFilter":
        """This filter; InvalidInputError where it names underlyings, and ``dataset`` has none."""
        if self.underlyings and underlying_column(dataset) is None:
            raise InvalidInputError(f"{dataset.name} has no underlyings; filter it by tickers.")
        return self


ALL_ROWS = RowFilter()


def underlying_column(dataset: Dataset) -> str | None:
    """The derived column of ``dataset`` that names the underlying; None: there is none."""
    names = [column.name for column in dataset.derived.columns] if dataset.derived else []
    return next((name for name in UNDERLYING_COLUMNS if name in names), None)


def kept_by(text: str, dataset: Dataset) -> RowFilter:
    """The filter that stands as ``text`` in a footer of ``dataset``; of all rows, where it cannot be read."""
    try:
        parts = [f"{dataset.name}: {part}" for part in text.split()]
        return parse_filters(";".join(parts)).get(dataset.name, ALL_ROWS)
    except InvalidInputError:
        return ALL_ROWS


def row_filter(tickers: str | None, underlyings: str | None) -> RowFilter:
    """The filter of two comma-separated lists; InvalidInputError for one that is given and names nothing."""
    for kind, given in ((_TICKERS, tickers), (_UNDERLYINGS, underlyings)):
        if given is not None and not _names(given):
            raise InvalidInputError(f"--{kind} names none: {given!r}; write it as in: --{kind} AAPL,MSFT")
    return RowFilter(_names(tickers or ""), _names(underlyings or ""))


def parse_filters(text: str) -> dict[str, RowFilter]:
    """The filter of each dataset that ``text`` names.

    >>> str(parse_filters("options_daily: underlyings=SPY,QQQ")["options_daily"])
    'underlyings=QQQ,SPY'

    Raises:
        InvalidInputError: it is not of the form; no such dataset; a dataset without underlyings.
    """
    filters: dict[str, RowFilter] = {}
    for entry in filter(None, map(str.strip, text.split(";"))):
        pattern, _, rule = entry.partition(":")
        kind, _, values = rule.strip().partition("=")
        names = _names(values)
        if kind not in {_TICKERS, _UNDERLYINGS} or not names:
            raise InvalidInputError(f"{entry!r} is no filter; one is written as in: {_FORM}")
        matching = [each for name, each in DATASETS.items() if fnmatchcase(name, pattern.strip())]
        if not matching:
            raise InvalidInputError(f"{pattern.strip()!r} names no dataset; there are: {', '.join(DATASETS)}")
        for dataset in matching:
            before = filters.get(dataset.name, ALL_ROWS)
            tickers = before.tickers | (names if kind == _TICKERS else frozenset())
            underlyings = before.underlyings | (names if kind == _UNDERLYINGS else frozenset())
            filters[dataset.name] = RowFilter(tickers, underlyings).checked(dataset)
    return filters


def _names(text: str | Iterable[str]) -> frozenset[str]:
    parts = text.split(",") if isinstance(text, str) else text
    return frozenset(part.strip() for part in parts if part.strip())
