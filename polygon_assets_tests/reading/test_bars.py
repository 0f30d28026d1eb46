"""``bars``: against a plain loop; half days, clock changes, anchors, grids, and what is refused."""

import datetime as dt
import math
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import polygon_assets
from polygon_assets.errors import InvalidInputError
from polygon_assets.ingest import ParquetStore
from polygon_assets.reference.events import SPLITS
from polygon_assets_tests.reading.market import midnight, put_day, put_events
from polygon_assets_tests.servers.rest_api import split
from polygon_assets_tests.session import in_ci

pytestmark = pytest.mark.slow

NEW_YORK = ZoneInfo("America/New_York")
WINTER, SUMMER, HALF_DAY = dt.date(2024, 3, 8), dt.date(2024, 3, 11), dt.date(2024, 7, 3)
"""The clocks changed between the first two."""
BELLS = {WINTER: dt.time(16), SUMMER: dt.time(16), HALF_DAY: dt.time(13)}
PRICES = ("open", "high", "low", "close")
Minute = tuple[str, dt.date, int]
"""Ticker, day, minute since midnight in New York."""


def bar(price: float, **more: float) -> dict[str, float]:
    return {
        "open": price,
        "high": price + 2,
        "low": price - 2,
        "close": price + 1,
        "volume": 10,
        "transactions": 2,
    } | more


def moment(day: dt.date, minute: int) -> dt.datetime:
    return midnight(day, dt.time(minute // 60, minute % 60)).astimezone(dt.UTC)


def stored(folder: Path, minutes: dict[Minute, dict[str, float]]) -> ParquetStore:
    store = ParquetStore(str(folder))
    for day in BELLS:
        rows = [
            {"ticker": ticker, "window_start": moment(day, minute), **values}
            for (ticker, other, minute), values in sorted(minutes.items())
            if other == day
        ]
        put_day(store, "stocks_minute", day, rows)
    return store


def found(store: ParquetStore, **options: Any) -> dict[tuple[str, dt.datetime], dict[str, Any]]:
    rows = polygon_assets.bars("stocks_minute", store=store, **options).to_arrow_table().to_pylist()
    answer = {(row.pop("ticker"), row.pop("window_start").astimezone(dt.UTC)): row for row in rows}
    assert len(answer) == len(rows)
    return answer


def plain(minutes: dict[Minute, dict[str, float]], length: int, anchor: str, session: str, fill: str | None) -> Any:
    """The same, minute by minute."""
    answer: dict[Any, Any] = {}
    for ticker, day in sorted({(ticker, day) for ticker, day, _ in minutes}):
        opening, bell = 570, BELLS[day].hour * 60
        counted_from = opening if anchor == "open" else 0
        own = [(at, values) for (name, other, at), values in sorted(minutes.items()) if (name, other) == (ticker, day)]
        own = [each for each in own if session == "all" or opening <= each[0] < bell]
        starts = {counted_from + math.floor((at - counted_from) / length) * length for at, _ in own}
        if fill and own:
            first = counted_from + (opening - counted_from) // length * length
            starts |= set(range(first, bell, length))
        last, row = None, dict[str, Any]()
        for start in sorted(starts):
            inside = [values for at, values in own if start <= at < start + length]
            if inside:
                last = inside[-1]["close"]
                row = {
                    "open": inside[0]["open"],
                    "high": max(each["high"] for each in inside),
                    "low": min(each["low"] for each in inside),
                    "close": last,
                    "volume": sum(each["volume"] for each in inside),
                    "transactions": sum(each["transactions"] for each in inside),
                }
            else:
                row = {**dict.fromkeys(PRICES, last), "volume": 0, "transactions": 0}
            begin = (dt.datetime.combine(day, dt.time(0)) + dt.timedelta(minutes=start)).replace(tzinfo=NEW_YORK)
            answer[ticker, begin.astimezone(dt.UTC)] = {"date": day, **row}
    return answer


_MINUTES = st.dictionaries(
    st.tuples(st.sampled_from(["A", "b"]), st.sampled_from(list(BELLS)), st.integers(240, 1199)),
    st.builds(bar, st.integers(10, 99), volume=st.integers(1, 99), transactions=st.integers(1, 9)),
    max_size=40,
)


@settings(max_examples=in_ci(25), deadline=None)
@given(
    minutes=_MINUTES,
    length=st.sampled_from([1, 7, 15, 60, 240, 1440]),
    anchor=st.sampled_from(["open", "midnight"]),
    session_fill=st.sampled_from([("all", None), ("regular", None), ("regular", "grid")]),
)
def test_bars_are_those_of_a_plain_loop(
    tmp_path_factory: pytest.TempPathFactory, minutes: Any, length: int, anchor: str, session_fill: Any
) -> None:
    session, fill = session_fill
    store = stored(tmp_path_factory.mktemp("store"), minutes)
    answer = found(store, every=f"{length}m", session=session, anchor=anchor, fill=fill)
    assert answer == plain(minutes, length, anchor, session, fill)


def test_hours_begin_at_the_open_or_on_the_clock_and_end_at_the_bell(tmp_path: Path) -> None:
    store = stored(tmp_path, {("A", day, minute): bar(50) for day in BELLS for minute in range(540, 1020)})

    def starts(day: dt.date, **options: Any) -> list[str]:
        days = {"start": str(day), "end": str(day)}
        return [f"{at:%H:%M}" for _, at in sorted(found(store, every="1h", **days, **options))]

    assert starts(WINTER) == ["14:30", "15:30", "16:30", "17:30", "18:30", "19:30", "20:30"]
    assert starts(SUMMER) == ["13:30", "14:30", "15:30", "16:30", "17:30", "18:30", "19:30"]
    assert starts(HALF_DAY) == ["13:30", "14:30", "15:30", "16:30"]
    assert starts(HALF_DAY, anchor="midnight") == ["13:00", "14:00", "15:00", "16:00"]
    assert starts(HALF_DAY, anchor="midnight", session="all") == [f"{hour}:00" for hour in range(13, 21)]
    assert sum(row["volume"] for row in found(store, every="1h", start=str(HALF_DAY)).values()) == 210 * 10


def test_closes_are_carried_forward_within_a_day_when_asked_alone(tmp_path: Path) -> None:
    minutes = {("A", WINTER, 600): bar(50), ("A", SUMMER, 700): bar(70), ("B", SUMMER, 570): bar(9)}
    store = stored(tmp_path, minutes)
    assert len(found(store, every="30m")) == 3
    grid = found(store, every="30m", fill="grid")
    assert len(grid) == 3 * 13
    closes = [row["close"] for (ticker, _), row in sorted(grid.items()) if ticker == "A" and row["date"] == SUMMER]
    assert closes == [None] * 4 + [71.0] * 9
    empty = grid["A", moment(WINTER, 630)]
    assert empty == {"date": WINTER, **dict.fromkeys(PRICES, 51.0), "volume": 0, "transactions": 0}


def test_adjusted_bars_have_the_factors_of_their_day(tmp_path: Path) -> None:
    store = stored(tmp_path, {("A", day, 600): bar(50) for day in BELLS})
    put_events(store, SPLITS, [split("A", str(SUMMER), 1, 2)], dt.datetime(2024, 8, 1, 17, tzinfo=dt.UTC))
    grid = found(store, every="1h", fill="grid", adjust="splits")
    assert {(row["date"], row["split_factor"]) for row in grid.values()} == {
        (WINTER, 0.5), (SUMMER, 1.0), (HALF_DAY, 1.0),
    }  # fmt: skip
    first = grid["A", moment(WINTER, 570)]
    assert (first["open"], first["high"], first["low"], first["close"], first["volume"]) == (25, 26, 24, 25.5, 20)


def test_bars_are_lazy_and_know_their_columns(tmp_path: Path) -> None:
    store = stored(tmp_path, {("A", WINTER, 600): bar(50)})
    lazy = polygon_assets.bars(every="15m", store=store)
    assert lazy.columns == [
        "date", "ticker", "window_start", "open", "high", "low", "close", "volume", "transactions",
    ]  # fmt: skip
    Path(store.path("stocks_minute", str(SUMMER))).write_bytes(b"no Parquet")
    assert lazy.filter(f"date = DATE '{WINTER}'").select("close").fetchall() == [(51.0,)]


INVALID: dict[str, dict[str, Any]] = {
    "Invalid every: '0m'": {"every": "0m"},
    "Invalid every: '25h'": {"every": "25h"},
    "Invalid every: '15 minutes'": {"every": "15 minutes"},
    "Invalid every: 15": {"every": 15},
    "Invalid anchor: 'noon'": {"every": "1h", "anchor": "noon"},
    "Invalid fill: 'zero'": {"every": "1h", "fill": "zero"},
    "A grid needs session='regular'": {"every": "1h", "fill": "grid", "session": "all"},
    "stocks_daily are no minute bars": {"every": "1h", "dataset": "stocks_daily"},
    "Invalid session: 'late'": {"every": "1h", "session": "late"},
}


@pytest.mark.parametrize(("said", "options"), INVALID.items(), ids=INVALID)
def test_what_is_invalid_is_said(tmp_path: Path, said: str, options: dict[str, Any]) -> None:
    with pytest.raises(InvalidInputError, match=said):
        polygon_assets.bars(store=stored(tmp_path, {}), **options)
