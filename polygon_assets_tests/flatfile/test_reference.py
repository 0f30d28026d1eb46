"""Published implies: identical to what a slow, obvious reader gets, less the rows named.

Hypothesis makes whole days near the right schema and corrupts them, as text and as archives.
"""

import tempfile
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from polygon_assets.datasets import DATASETS
from polygon_assets.errors import ContentError
from polygon_assets.flatfile.archive import BLOCK_BYTES
from polygon_assets.flatfile.conversion import Conversion, convert
from polygon_assets_tests.factories import (
    DAY,
    HEADER,
    SOURCE,
    compressed,
    found,
    reference_rows,
    row,
    stamp,
    stored_stamp,
    text,
)
from polygon_assets_tests.session import in_ci

TICKERS = st.one_of(
    st.sampled_from(["A", "B", "CpP", "NA", "NAN", "NULL", "TRUE", "null", "", " ", "0x10", "O:SPY240119C00470000"]),
    st.text(st.characters(codec="utf-8", exclude_characters='",\r\n'), max_size=6),
)
NUMBERS = st.one_of(
    st.integers(0, 10**6).map(str),
    st.decimals(0, 10**6, places=6).map(str),
    st.floats().map(repr),
    st.sampled_from(["", "-0", "-1", "+1", "1e3", "1e999", ".5", "1.", "0x10", "1_0", "inf", "nan", " 1", "1 ", "١"]),
)
COUNTS = st.one_of(
    st.integers(-5, 10**5).map(str), st.sampled_from(["", "1.0", "1.5", "0x10", "0X1f", "nan", "1e2", str(2**60)])
)
STARTS = st.one_of(
    st.integers(0, 15).map(lambda hour: str(stamp(4 + hour))),
    st.integers(-3, 24 * 60 + 3).map(lambda minute: str(stamp() + minute * 60_000_000_000)),
    st.sampled_from(
        ["0", "-68400000000000", "", "0x10", hex(stamp(9)), str(stamp(9) + 1), str(stamp(9) + 1000), str(2**63 - 1)]
    ),
)
SOUND = st.builds(
    row, st.sampled_from(["A", "B", "C", "NA"]), st.integers(0, 900).map(lambda m: stamp(4) + m * 60 * 10**9)
)
NEAR = st.builds(
    lambda ticker, start, values: row(ticker, start, **values),
    TICKERS,
    STARTS,
    st.fixed_dictionaries(
        {}, optional=dict.fromkeys(("volume", "open", "close", "high", "low"), NUMBERS) | {"transactions": COUNTS}
    ),
)
ODD_LINES = st.sampled_from(["", "A", "A,1", row() + ",1", '"A' + row(), "\ufeff" + row(), "A\0" + row(), HEADER, "\r"])


@st.composite
def days(draw: st.DrawFn) -> bytes:
    """A day's raw bytes, more or less."""
    rows = draw(st.lists(st.one_of(SOUND, SOUND, NEAR), max_size=6))
    if draw(st.booleans()):  # enough sound rows for a few to be rejected
        rows += [row(f"T{number:03}", stamp(10, number % 60)) for number in range(draw(st.integers(95, 220)))]
    if draw(st.booleans()):
        rows = draw(st.permutations(rows)) if len(rows) < 10 else sorted(rows)
    for _ in range(draw(st.sampled_from([0, 0, 0, 1]))):
        rows.insert(draw(st.integers(0, len(rows))), draw(ODD_LINES))
    raw = bytearray(text(rows, end=draw(st.sampled_from(["\n", "\n", "\n", "\r\n"]))))
    for _ in range(draw(st.sampled_from([0, 0, 0, 1, 2]))):
        at = draw(st.integers(0, len(raw) - 1))
        raw[at : at + draw(st.integers(0, 2))] = draw(
            st.binary(max_size=2) | st.sampled_from([b",", b"\n", b'"', b"9"])
        )
    return bytes(raw)


@st.composite
def archives(draw: st.DrawFn) -> tuple[bytes, bytes]:
    """A raw file, and an archive that is its, or nearly."""
    raw = draw(days())
    cut = draw(st.integers(0, len(raw)))
    body = draw(st.sampled_from([compressed(raw), compressed(raw[:cut]) + compressed(raw[cut:])]))
    body += draw(st.sampled_from([b""] * 8 + [bytes(9), b"x"]))
    if draw(st.sampled_from([False] * 9 + [True])):
        at = draw(st.integers(0, len(body) - 1))
        body = draw(st.sampled_from([body[:at], body[:at] + bytes([body[at] ^ (1 << at % 8)]) + body[at + 1 :]]))
    return raw, body


@pytest.mark.slow
@settings(max_examples=in_ci(400), deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.sampled_from(["stocks_minute", "options_minute", "stocks_daily"]),
    archives(),
    st.sampled_from([150, 1000, BLOCK_BYTES]),
)
def test_published_implies_identical_to_the_reference(
    dataset: str, archive: tuple[bytes, bytes], block_bytes: int
) -> None:
    """Blocks of a few lines, too: what is checked across their ends is checked here."""
    raw, body = archive
    with tempfile.TemporaryDirectory() as folder, patch("polygon_assets.flatfile.archive.BLOCK_BYTES", block_bytes):
        source, target = Path(folder, "x.csv.gz"), Path(folder, "out.parquet")
        source.write_bytes(body)
        try:
            made = convert(source, target, DATASETS[dataset], DAY, SOURCE)
        except ContentError as error:
            event(f"refused: {type(error).__name__}")
            return
        event("published" + (" with rows rejected" if made.rejected_rows else ""))
        stored = pq.read_table(target).to_pylist()
    expected = reference_rows(raw, rejected_lines(made))
    expected.sort(key=lambda each: (each["ticker"].encode(), each["window_start"]))
    assert [comparable(each) for each in stored] == [comparable(reference_row(each)) for each in expected]
    assert made.provenance.rows == len(stored)
    assert made.provenance.symbols == len({each["ticker"] for each in stored})


def rejected_lines(made: Conversion) -> set[int]:
    """The lines of the rows that are named as not published; as many as the findings count."""
    lines: set[Any] = set(made.rejected_rows.column("line").to_pylist()) if made.rejected_rows is not None else set()
    assert len(lines) == sum(found(made).get(rule, 0) for rule in ("foreign_date", "not_whole_minute"))
    return lines


def reference_row(values: dict[str, Any]) -> dict[str, Any]:
    """A row of the reference as the store would have it."""
    return {**values, "window_start": stored_stamp(values["window_start"])}


def comparable(values: dict[str, Any]) -> list[str]:
    """Every value to its last bit; NaN is like NaN."""
    return [repr(values[name]) if name != "window_start" else values[name].isoformat() for name in HEADER.split(",")]
