"""Which made-up market stands behind each dataset, and how large its days are.

Belongs here: one generator for each row of the table. Does not: what a market does (``prices``, ``contracts``,
``minutes``), or how a value is printed (``csv_text``).
"""

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa

from polygon_assets.datasets import DATASETS, Dataset
from polygon_assets.datasets.futures import SIZES
from polygon_assets.errors import ConfigurationMissingError
from polygon_assets.sample.contracts import contracts
from polygon_assets.sample.minutes import Rows, day_rows, minute_rows
from polygon_assets.sample.noise import with_market_noise
from polygon_assets.sample.prices import MICRO, Market, market
from polygon_assets.sample.sessions import Trading, day_start, minute_profile, session_number
from polygon_assets.sample.symbols import Universe, coins, futures, indices, pairs, stocks
from polygon_assets.sample.ticks import Events, events_of, futures_bars, spread_prices, tick_table, trades_of

DECIMAL_VOLUMES_SINCE = dt.date(2026, 2, 23)
"""First day on which stocks' volumes are printed with six decimals; fractional shares are reported since."""
_ROWS_OF_A_SYMBOL = 20
_EVEN = Trading(even=True)


@dataclass(frozen=True)
class Size:
    """How much a made-up file holds."""

    symbols: int
    """Tickers, or contracts, that may trade that day; about 0.5 % of the stocks do not."""
    rows: int | None = None
    """About how many rows a minute file has; None: twenty for each symbol. Day files have one for each symbol."""
    trades: int | None = None
    """About how many trades the day has in all, so that made-up trades, minutes and days of this size add up; None:
    bars say as many as their volume would have, and a file of trades has about ``rows`` of them."""


MakeMarket = Callable[[Dataset, dt.date, int, int], Market]
"""Dataset, day, number of symbols and seed to the day of all symbols."""
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


def _universe(universe: Callable[[], Universe]) -> MakeMarket:
    def of_day(dataset: Dataset, day: dt.date, count: int, seed: int) -> Market:
        return market(universe().first(count), seed, session_number(dataset, day))

    return of_day


def bars(symbols: MakeMarket, trading: Trading | None, *, noisy: bool = False) -> MakeDay:
    """Bars of the market that ``symbols`` gives: of minutes, traded as ``trading`` says, or (None) of the day.

    ``noisy``: prices between cents and round lots, as stocks have.
    """

    def make(dataset: Dataset, day: dt.date, size: Size, seed: int) -> pa.Table:
        return _table(dataset, *_bar_rows(symbols, trading, dataset, day, size, seed, noisy=noisy))

    return make


def _bar_rows(
    symbols: MakeMarket, trading: Trading | None, dataset: Dataset, day: dt.date, size: Size, seed: int, *, noisy: bool
) -> tuple[Market, Rows]:
    traded = symbols(dataset, day, size.symbols, seed)
    if size.trades:
        scaled = traded.trades * (size.trades / traded.trades.sum())
        traded = replace(traded, trades=np.maximum(scaled, 1))
    rng = np.random.default_rng([seed, 6, session_number(dataset, day), *dataset.name.encode()])
    fractional = generator(dataset).prints_decimal_volumes(day)
    whole = day_rows(traded, day_start(dataset, day))
    if noisy:
        of_the_day = np.random.default_rng([seed, 7, session_number(dataset, day)])
        whole = with_market_noise(whole, of_the_day, fractional_shares=fractional)
        traded = replace(traded, open=whole.open, close=whole.close, high=whole.high, low=whole.low)
    if trading is None:
        return traded, whole
    wanted = _ROWS_OF_A_SYMBOL * size.symbols if size.rows is None else size.rows
    rows = minute_rows(traded, *minute_profile(dataset, day, trading), wanted, rng)
    if noisy:
        highest = traded.high[rows.symbol]
        rows = with_market_noise(rows, rng, fractional_shares=fractional, highest=highest)
    return traded, rows


def _tick_events(
    symbols: MakeMarket, trading: Trading, dataset: Dataset, day: dt.date, size: Size, seed: int
) -> Events:
    traded = symbols(dataset, day, size.symbols, seed)
    rng = np.random.default_rng([seed, 6, session_number(dataset, day), *dataset.name.encode()])
    wanted = _ROWS_OF_A_SYMBOL * size.symbols if size.rows is None else size.rows
    minutes = minute_rows(traded, *minute_profile(dataset, day, trading), wanted * 2 // 3, rng)
    decimal_sizes = generator(dataset).prints_decimal_volumes(day)
    return events_of(traded, minutes, wanted, rng, day, has_decimal_sizes=decimal_sizes)


def ticks(symbols: MakeMarket, trading: Trading = _EVEN, *, noisy: bool = False) -> MakeDay:
    """Trades, quotes or values of the market that ``symbols`` gives, traded as ``trading`` says.

    Trades of a size that says how many there are in all are those of the minutes that they add up to.
    """

    def make(dataset: Dataset, day: dt.date, size: Size, seed: int) -> pa.Table:
        sums = next((row for row in DATASETS.values() if row.made_of == dataset.name), None)
        if sums and size.trades:
            traded, rows = _bar_rows(symbols, trading, sums, day, size, seed, noisy=noisy)
            rng = np.random.default_rng([seed, 6, session_number(dataset, day), *dataset.name.encode()])
            has_decimal_sizes = generator(dataset).prints_decimal_volumes(day)
            return tick_table(dataset, trades_of(traded, rows, rng, day, has_decimal_sizes=has_decimal_sizes))
        return tick_table(dataset, _tick_events(symbols, trading, dataset, day, size, seed))

    return make


def _futures(dataset: Dataset, day: dt.date, count: int, seed: int) -> Market:
    universe = futures(dataset.prefix.rpartition("_")[2], day.year, day.month)
    chosen = universe.first(min(count, len(universe)))
    made = market(chosen, seed, session_number(dataset, day))
    order = np.argsort(chosen.names)
    base = dict(zip(chosen.names[order].tolist(), chosen.base_price[order].tolist(), strict=True))
    off = [round(base[name.encode()] * 100) * MICRO // 100 for name in map(str, made.tickers.to_pylist())]
    return spread_prices(made, np.array(off, dtype=np.int64))


def _futures_bars(dataset: Dataset, day: dt.date, size: Size, seed: int) -> pa.Table:
    traded = _futures(dataset, day, size.symbols, seed)
    rng = np.random.default_rng([seed, 6, session_number(dataset, day), *dataset.name.encode()])
    if dataset.kind != "minute_aggs_v1":
        rows = day_rows(traded, day_start(dataset, day))
    else:
        wanted = _ROWS_OF_A_SYMBOL * size.symbols if size.rows is None else size.rows
        rows = minute_rows(traded, *minute_profile(dataset, day, _EVEN), wanted, rng)
    return futures_bars(dataset, day, traded, rows, rng)


def _table(dataset: Dataset, symbols: Market, rows: Rows) -> pa.Table:
    columns = {
        "ticker": symbols.tickers.take(rows.symbol),
        **{name: pa.array(getattr(rows, name)) for name in dataset.header if name != "ticker"},
    }
    return pa.table({name: columns[name] for name in dataset.header})


_STOCKS, _INDICES, _FOREX, _CRYPTO = (_universe(each) for each in (stocks, indices, pairs, coins))


def _ticks(make: MakeDay, full: Size, demo: Size, *, decimal_volumes: bool = False) -> Generator:
    since = DECIMAL_VOLUMES_SINCE if decimal_volumes else None
    return Generator(make=make, full=full, demo=demo, decimal_volumes_since=since)


def _of_futures(exchange: str) -> dict[str, Generator]:
    name = f"futures_{exchange}"
    return {
        f"{name}_daily": Generator(make=_futures_bars, full=Size(100), demo=Size(40)),
        f"{name}_minute": Generator(make=_futures_bars, full=Size(100, 90_000), demo=Size(40, 20_000)),
        f"{name}_trades": _ticks(ticks(_futures), Size(100, 3_000_000), Size(40, 20_000)),
        f"{name}_quotes": _ticks(ticks(_futures), Size(100, 3_000_000), Size(40, 20_000)),
    }


_STOCKS_OF_THE_DEMO = Size(4_000, 60_000, trades=120_000)
_OPTIONS_OF_THE_DEMO = Size(20_000, 60_000, trades=120_000)
"""Days, minutes and trades of one size add up."""

GENERATORS: dict[str, Generator] = {
    "stocks_daily": Generator(
        make=bars(_STOCKS, None, noisy=True),
        full=Size(12_150),
        demo=_STOCKS_OF_THE_DEMO,
        decimal_volumes_since=DECIMAL_VOLUMES_SINCE,
    ),
    "stocks_minute": Generator(
        make=bars(_STOCKS, Trading(outside_hours=True), noisy=True),
        full=Size(12_150, 1_826_000),
        demo=_STOCKS_OF_THE_DEMO,
        decimal_volumes_since=DECIMAL_VOLUMES_SINCE,
    ),
    "options_daily": Generator(make=bars(_options, None), full=Size(364_000), demo=_OPTIONS_OF_THE_DEMO),
    "options_minute": Generator(
        make=bars(_options, Trading()), full=Size(364_000, 2_500_000), demo=_OPTIONS_OF_THE_DEMO
    ),
    "indices_daily": Generator(make=bars(_INDICES, None), full=Size(500), demo=Size(50)),
    "indices_minute": Generator(
        make=bars(_INDICES, Trading(even=True)), full=Size(500, 195_000), demo=Size(50, 19_500)
    ),
    "stocks_trades": _ticks(
        ticks(_STOCKS, Trading(outside_hours=True), noisy=True),
        Size(12_150, 3_000_000),
        _STOCKS_OF_THE_DEMO,
        decimal_volumes=True,
    ),
    "stocks_quotes": _ticks(ticks(_STOCKS, Trading(outside_hours=True)), Size(12_150, 3_000_000), Size(400, 50_000)),
    "options_trades": _ticks(ticks(_options, Trading()), Size(364_000, 3_000_000), _OPTIONS_OF_THE_DEMO),
    "options_quotes": _ticks(ticks(_options, Trading()), Size(364_000, 3_000_000), Size(2_000, 30_000)),
    "indices_values": _ticks(ticks(_INDICES), Size(500, 3_000_000), Size(50, 30_000)),
    "forex_daily": Generator(make=bars(_FOREX, None), full=Size(1_200), demo=Size(100)),
    "forex_minute": Generator(make=bars(_FOREX, _EVEN), full=Size(1_200, 500_000), demo=Size(100, 20_000)),
    "forex_quotes": _ticks(ticks(_FOREX), Size(1_200, 3_000_000), Size(50, 30_000)),
    "crypto_daily": Generator(make=bars(_CRYPTO, None), full=Size(300), demo=Size(100)),
    "crypto_minute": Generator(make=bars(_CRYPTO, _EVEN), full=Size(300, 100_000), demo=Size(100, 20_000)),
    "crypto_trades": _ticks(ticks(_CRYPTO), Size(300, 1_500_000), Size(50, 30_000)),
    **{name: each for exchange in SIZES for name, each in _of_futures(exchange).items()},
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
