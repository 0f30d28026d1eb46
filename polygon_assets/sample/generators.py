"""Which made-up market stands behind each dataset, and how large its days are.

Belongs here: one generator for each row of the table. Does not: what a market does (``prices``, ``contracts``,
``minutes``), or how a value is printed (``csv_text``).
"""

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from polygon_assets.datasets import Dataset
from polygon_assets.errors import ConfigurationMissingError
from polygon_assets.sample.contracts import contracts
from polygon_assets.sample.minutes import Rows, day_rows, minute_rows
from polygon_assets.sample.noise import with_market_noise
from polygon_assets.sample.prices import Market, market
from polygon_assets.sample.sessions import Trading, minute_profile, nanoseconds, session_number
from polygon_assets.sample.symbols import Universe, indices, stocks

DECIMAL_VOLUMES_SINCE = dt.date(2026, 2, 23)
"""First day on which stocks' volumes are printed with six decimals; fractional shares are reported since."""
_ROWS_OF_A_SYMBOL = 20


@dataclass(frozen=True)
class Size:
    """How much a made-up file holds."""

    symbols: int
    """Tickers, or contracts, that may trade that day; about 0.5 % of the stocks do not."""
    rows: int | None = None
    """About how many rows a minute file has; None: twenty for each symbol. Day files have one for each symbol."""


MakeDay = Callable[[Dataset, dt.date, Size, int], pa.Table]
"""Dataset, day, size and seed to the file's columns: prices and volumes in millionths, text as it is printed."""


@dataclass(frozen=True, kw_only=True)
class Generator:
    """How days of a dataset are made up."""

    make: MakeDay
    full: Size
    """The size of a real file as of May 2026."""
    demo: Size
    """A size at which ten days of everything are made, served and ingested in seconds."""
    decimal_volumes_since: dt.date | None = None
    """First day on which the vendor prints volumes with six decimals; None: it prints whole ones."""

    def prints_decimal_volumes(self, day: dt.date) -> bool:
        """Are the volumes of ``day`` printed with decimals?"""
        return self.decimal_volumes_since is not None and day >= self.decimal_volumes_since


def _options(dataset: Dataset, day: dt.date, count: int, seed: int) -> Market:
    return contracts(dataset, day, session_number(dataset, day), count, seed)


def _universe(universe: Callable[[], Universe]) -> Callable[[Dataset, dt.date, int, int], Market]:
    def of_day(dataset: Dataset, day: dt.date, count: int, seed: int) -> Market:
        return market(universe().first(count), seed, session_number(dataset, day))

    return of_day


def bars(
    symbols: Callable[[Dataset, dt.date, int, int], Market], trading: Trading | None, *, noisy: bool = False
) -> MakeDay:
    """Bars of the market that ``symbols`` gives: of minutes, traded as ``trading`` says, or (None) of the day.

    ``noisy``: prices between cents and round lots, as stocks have.
    """

    def make(dataset: Dataset, day: dt.date, size: Size, seed: int) -> pa.Table:
        traded = symbols(dataset, day, size.symbols, seed)
        rng = np.random.default_rng([seed, 6, session_number(dataset, day), *dataset.name.encode()])
        if trading is None:
            rows = day_rows(traded, nanoseconds(day))
        else:
            wanted = _ROWS_OF_A_SYMBOL * size.symbols if size.rows is None else size.rows
            rows = minute_rows(traded, *minute_profile(dataset, day, trading), wanted, rng)
        if noisy:
            fractional = generator(dataset).prints_decimal_volumes(day)
            rows = with_market_noise(rows, rng, fractional_shares=fractional)
        return _table(dataset, traded, rows)

    return make


def _table(dataset: Dataset, symbols: Market, rows: Rows) -> pa.Table:
    columns = {
        "ticker": symbols.tickers.take(rows.symbol),
        **{name: pa.array(getattr(rows, name)) for name in dataset.header if name != "ticker"},
    }
    return pa.table({name: columns[name] for name in dataset.header})


_STOCKS, _INDICES = _universe(stocks), _universe(indices)

GENERATORS: dict[str, Generator] = {
    "stocks_daily": Generator(
        make=bars(_STOCKS, None, noisy=True),
        full=Size(12_150),
        demo=Size(4_000),
        decimal_volumes_since=DECIMAL_VOLUMES_SINCE,
    ),
    "stocks_minute": Generator(
        make=bars(_STOCKS, Trading(outside_hours=True), noisy=True),
        full=Size(12_150, 1_826_000),
        demo=Size(4_000, 150_000),
        decimal_volumes_since=DECIMAL_VOLUMES_SINCE,
    ),
    "options_daily": Generator(make=bars(_options, None), full=Size(364_000), demo=Size(20_000)),
    "options_minute": Generator(
        make=bars(_options, Trading()), full=Size(364_000, 2_500_000), demo=Size(20_000, 100_000)
    ),
    "indices_daily": Generator(make=bars(_INDICES, None), full=Size(500), demo=Size(50)),
    "indices_minute": Generator(
        make=bars(_INDICES, Trading(even=True)), full=Size(500, 195_000), demo=Size(50, 19_500)
    ),
}


def generator(dataset: Dataset) -> Generator:
    """How days of ``dataset`` are made up.

    Raises:
        ConfigurationMissingError: its row has no generator.
    """
    try:
        return GENERATORS[dataset.name]
    except KeyError:
        raise ConfigurationMissingError(
            f"There are no made-up files of {dataset.name}: give it a generator in polygon_assets/sample/generators.py"
        ) from None


def full_size(dataset: Dataset) -> Size:
    """The size of a real file of ``dataset`` as of May 2026."""
    return generator(dataset).full


def demo_size(dataset: Dataset) -> Size:
    """A size at which ten days of everything are made, served and ingested in seconds."""
    return generator(dataset).demo
