"""Draw the picture in docs/reading.md: one made-up ticker, as traded and adjusted, with a split and dividends.

python tools/picture.py    writes docs/images/adjusted.png
"""

import datetime as dt
import random
import tempfile
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image, ImageDraw, ImageFont

import polygon_assets
from polygon_assets.calendars import trading_calendar
from polygon_assets.datasets import DATASETS
from polygon_assets.flatfile.parquet_format import stored_schema
from polygon_assets.ingest import ParquetStore
from polygon_assets.reference.events import DIVIDENDS, SPLITS, EventKind, as_table, read_event, settle
from polygon_assets.reference.tables import Record, write_events

TARGET = Path(__file__).resolve().parent.parent / "docs" / "images" / "adjusted.png"
TICKER = "MADE"
SESSIONS = trading_calendar().between(dt.date(2022, 1, 3), dt.date(2024, 6, 28))
SPLIT = SESSIONS[380]
DIVIDENDS_PAID = SESSIONS[40::63]
RETRIEVED = dt.datetime(2024, 7, 1, tzinfo=dt.UTC)

WIDTH, HEIGHT = 920, 420
LEFT, RIGHT, TOP, BOTTOM = 64, 24, 56, 36
INK, PALE, GRID, PAPER = "#343a40", "#868e96", "#e9ecef", "#ffffff"
SERIES = {"as traded": "#c2255c", "adjusted for splits": "#2f9e44", "adjusted for splits and dividends": "#4c6ef5"}
_TWICE = 2
"""Drawn so many times larger, and made smaller: lines without steps."""


def made_up_closes() -> dict[dt.date, float]:
    """A walk that rises, and falls to a quarter on the day of the split, as raw prices do."""
    chance, price, closes = random.Random(4), 180.0, {}  # noqa: S311 (made up)
    for day in SESSIONS:
        price *= chance.gauss(1.0011, 0.013)
        price /= 4 if day == SPLIT else 1
        closes[day] = round(price, 2)
    return closes


def put(store: ParquetStore, closes: dict[dt.date, float]) -> None:
    """Store each close as a day of bars, and the events as the vendor would give them."""
    schema = stored_schema(DATASETS["stocks_daily"])
    for day, close in closes.items():
        bar = dict.fromkeys(("open", "close", "high", "low"), close)
        row = {
            "ticker": TICKER,
            "volume": 1.0,
            "transactions": 1,
            "window_start": dt.datetime.combine(day, dt.time(5), dt.UTC),
        }
        path = Path(store.path("stocks_daily", day.isoformat()))
        path.parent.mkdir(parents=True)
        pq.write_table(pa.Table.from_pylist([bar | row], schema=schema), path)
    split = {"ticker": TICKER, "execution_date": SPLIT.isoformat(), "split_from": 1, "split_to": 4}
    paid = [
        {
            "ticker": TICKER,
            "ex_dividend_date": day.isoformat(),
            "cash_amount": round(closes[day] * 0.012, 2),
            "currency": "USD",
        }
        for day in DIVIDENDS_PAID
    ]
    _put_events(store, SPLITS, [split])
    _put_events(store, DIVIDENDS, paid)


def _put_events(store: ParquetStore, kind: EventKind, answers: list[dict[str, Any]]) -> None:
    events, counts = settle(kind, [event for each in answers if (event := read_event(kind, each))])
    record = Record("made up", RETRIEVED, RETRIEVED, len(events), dict(counts))
    write_events(store, kind, as_table(kind, events), record)


def series() -> dict[str, list[float]]:
    """The closes as ``scan`` gives them: as traded, and adjusted in both ways."""
    with tempfile.TemporaryDirectory() as folder:
        store = ParquetStore(f"{folder}/store")
        put(store, made_up_closes())
        found = dict[str, list[float]]()
        for name, adjust in zip(SERIES, (None, "splits", "splits+dividends"), strict=True):
            rows = polygon_assets.scan("stocks_daily", tickers=TICKER, store=store, adjust=adjust)  # type: ignore[arg-type]
            found[name] = rows.to_table(columns=["date", "close"]).sort_by("date")["close"].to_numpy().tolist()
    return found


def draw(closes: dict[str, list[float]]) -> Image.Image:
    """The picture."""
    size = WIDTH * _TWICE, HEIGHT * _TWICE
    image = Image.new("RGB", size, PAPER)
    canvas = ImageDraw.Draw(image)
    small, large = ImageFont.load_default(12 * _TWICE), ImageFont.load_default(15 * _TWICE)
    highest = max(max(values) for values in closes.values()) * 1.05
    right, bottom = WIDTH - RIGHT, HEIGHT - BOTTOM

    def place(number: int, price: float) -> tuple[float, float]:
        across = LEFT + (right - LEFT) * number / (len(SESSIONS) - 1)
        return across * _TWICE, (bottom - (bottom - TOP) * price / highest) * _TWICE

    canvas.text((LEFT * _TWICE, 8 * _TWICE), "One made-up ticker: daily closes in US dollars", INK, large)
    for price in range(0, int(highest) + 1, 50):
        height = place(0, price)[1]
        canvas.line((LEFT * _TWICE, height, right * _TWICE, height), GRID, _TWICE)
        label = str(price)
        canvas.text(
            (LEFT * _TWICE - 10 * _TWICE - canvas.textlength(label, small), height - 8 * _TWICE), label, PALE, small
        )
    for number, day in enumerate(SESSIONS):
        if day.month in {1, 7} and SESSIONS[number - 1].month != day.month:
            canvas.text((place(number, 0)[0], (bottom + 8) * _TWICE), f"{day:%b %Y}", PALE, small)
    at = place(SESSIONS.index(SPLIT), 0)[0]
    canvas.line((at, TOP * _TWICE, at, bottom * _TWICE), PALE, _TWICE)
    canvas.text((at + 6 * _TWICE, TOP * _TWICE), "4-for-1 split", INK, small)
    for day in DIVIDENDS_PAID:
        across = place(SESSIONS.index(day), 0)[0]
        canvas.line(
            (across, (bottom - 7) * _TWICE, across, bottom * _TWICE),
            SERIES["adjusted for splits and dividends"],
            2 * _TWICE,
        )
    for name, values in closes.items():
        points = [place(number, price) for number, price in enumerate(values)]
        canvas.line(points, SERIES[name], 2 * _TWICE, joint="curve")
    across = LEFT
    for name, colour in SERIES.items():
        canvas.rectangle((across * _TWICE, 36 * _TWICE, (across + 10) * _TWICE, 46 * _TWICE), colour)
        canvas.text(((across + 16) * _TWICE, 33 * _TWICE), name, INK, small)
        across += 36 + round(canvas.textlength(name, small) / _TWICE)
    canvas.text(((across + 8) * _TWICE, 33 * _TWICE), "marks below: dividends", PALE, small)
    return image.resize((WIDTH, HEIGHT), Image.Resampling.LANCZOS)


def main() -> None:
    """Write the picture."""
    draw(series()).quantize(64).save(TARGET, "PNG", optimize=True)
    print(TARGET.name)


if __name__ == "__main__":
    main()
