"""The parsing kernel gives what pyarrow gives, bit for bit, or leaves the block to it."""

import ctypes
import datetime as dt
import mmap
import random
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from polygon_assets.datasets import DATASETS, Dataset
from polygon_assets.datasets.layouts import STOCK_QUOTES, STOCK_TRADES, VALUES
from polygon_assets.datasets.model import Column, Layout
from polygon_assets.errors import RowError
from polygon_assets.flatfile import kernel
from polygon_assets.flatfile.archive import PADDING
from polygon_assets.flatfile.conversion import convert
from polygon_assets.flatfile.kernel import Kernel, Parsed
from polygon_assets.flatfile.parsing import FlatFile
from polygon_assets.flatfile.provenance import Source
from polygon_assets.flatfile.rows import Batch
from polygon_assets.sample.flat_files import flat_file
from polygon_assets.sample.generators import Size
from polygon_assets_tests.factories import compressed
from polygon_assets_tests.session import in_ci

pytestmark = pytest.mark.skipif(not kernel.is_built(), reason="the kernel is not built: apt install gcc, make install")

EVERY_KIND = Layout(
    name="made up",
    columns=(
        Column("ticker", "string", ""),
        Column("price", "float64", ""),
        Column("size", "float64", "", nullable=True),
        Column("count", "int64", ""),
        Column("small", "int16", "", nullable=True),
        Column("day", "date32", ""),
        Column("later", "date32", "", nullable=True),
        Column("note", "string", ""),
        Column("codes", "list<int16>", ""),
        Column("stamp", "timestamp[ns, UTC]", ""),
        Column("other_stamp", "timestamp[ns, UTC]", "", nullable=True),
    ),
    time="stamp",
    identity=("ticker", "stamp"),
)
MADE_UP = replace(DATASETS["stocks_daily"], name="made_up", layout=EVERY_KIND)
ROW = [
    "A",
    "1.5",
    "2",
    "3",
    "4",
    "2024-01-02",
    "2024-02-29",
    "note",
    '"12,37"',
    "1704171600000000000",
    "1704171600000000001",
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("kernel")


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    yield
    kernel._library.cache_clear()


def without_kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernel, "LIBRARY", Path("no such library"))
    kernel._library.cache_clear()


def parsed(body: bytes, dataset: Dataset = MADE_UP) -> Parsed | None:
    """What the kernel makes of ``body``, lines without a header."""
    made = Kernel.of(dataset.header, dataset)
    assert made is not None
    return made.parse(bytearray(body + bytes(PADDING)), 0, len(body))


def read(path: Path, dataset: Dataset) -> list[Batch] | str:
    """The batches of a file, or its error."""
    try:
        with FlatFile(path, dataset, "key") as file:
            return list(file)
    except RowError as error:
        return str(error)


def outcome(batches: list[Batch] | str) -> object:
    """Everything that the batches say, floats as their bits."""
    if isinstance(batches, str):
        return batches
    said: list[object] = []
    for batch in batches:
        said += [batch.names.to_pylist(), batch.codes.tolist(), batch.lines.tolist(), batch.times.tolist()]
        said += [(name, str(each.dtype), each.tobytes()) for name, each in sorted(batch.columns.items())]
        said += [(name, each.tolist()) for name, each in sorted(batch.missing.items())]
        said += [(name, each.to_pylist()) for name, each in sorted(batch.texts.items())]
    return said


DIGITS = st.text("0123456789", min_size=1, max_size=20)
ODD_DECIMALS = (
    "", " 1", "1 ", "1,5", "0", "-0", "-0.0", "00.5", ".5", "5.", "-", "1e5", "1E-3", "+1", "nan", "inf", "0x10", "1_0",
    "1.2.3", "--1", "1-", "9007199254740992", "9007199254740993", "999999999999999", "1234567890123456.7",
    "0.1234567890123456789", "12345678", "167.82000000000000", "48615918.703800000",
    "90071992547409930.0", "9007199254740993.00", "1000000000000000000", "1234567.8", "123456.78", "12345678.9",
)  # fmt: skip
ODD_WHOLES = ("", "0", "007", "-1", "9007199254740991", "9007199254740992", "1.0", "32767", "32768")
ODD_MOMENTS = (
    "", "0", "01", "9223372036854775807", "9223372036854775808", "12345678901234567890", "-1", "1704171600",
)  # fmt: skip
ODD_DATES = (
    "", "2023-02-29", "2024-02-30", "1900-02-29", "2000-02-29", "2024-13-01", "2024-00-01", "2024-1-1", "20240101",
)  # fmt: skip
DECIMALS = st.one_of(
    st.floats(allow_nan=False, allow_infinity=False).map(lambda value: f"{value:.6f}"),
    st.tuples(DIGITS, DIGITS).map(".".join),
    DIGITS,
    st.sampled_from(ODD_DECIMALS),
)
WHOLES = st.one_of(DIGITS, st.sampled_from(ODD_WHOLES))
MOMENTS = st.one_of(st.integers(0, 2**63).map(str), st.sampled_from(ODD_MOMENTS))
DATES = st.one_of(st.dates(dt.date(1500, 1, 1), dt.date(2500, 12, 31)).map(str), st.sampled_from(ODD_DATES))
TEXTS = st.one_of(
    st.text("ABCz.:/ 0", max_size=66), st.sampled_from(["", '"', "é", "a\rb", "\x00", "x" * 64, "x" * 65, "~", "\x7f"])
)
CODES = st.sampled_from(
    ("", "12", '"12,37"', '""', '"', '"12"', '"1"2', '1"2"', "12,37", "[401]", '"12,,37"', '"a\nb"')
)
CELLS = (TEXTS, DECIMALS, DECIMALS, WHOLES, WHOLES, DATES, DATES, TEXTS, CODES, MOMENTS, MOMENTS)
FAULT = st.tuples(st.integers(0, len(ROW) - 1), st.integers(0, 11)).flatmap(
    lambda at: st.tuples(st.just(at), CELLS[at[0]])
)


@pytest.mark.slow
@settings(max_examples=in_ci(300), deadline=None)
@given(faults=st.lists(FAULT, max_size=3), ending=st.sampled_from(["\n", "\r\n", ""]))
@example(faults=[((1, 3), "9007199254740993")], ending="\n")
@example(faults=[((0, 0), ""), ((0, 1), "")], ending="\n")
@example(faults=[((2, 0), "")], ending="\n")
def test_the_same_as_pyarrow(folder: Path, faults: list[tuple[tuple[int, int], str]], ending: str) -> None:
    rows = [[f"T{number // 4}", *ROW[1:]] for number in range(12)]
    for (column, row), cell in faults:
        rows[row][column] = cell
    body = ",".join(MADE_UP.header) + "\n" + "\n".join(",".join(row) for row in rows) + ending
    path = folder / "file.csv.gz"
    path.write_bytes(compressed(body.encode()))
    ours = outcome(read(path, MADE_UP))
    with pytest.MonkeyPatch.context() as patch:
        without_kernel(patch)
        assert outcome(read(path, MADE_UP)) == ours
    kernel._library.cache_clear()


@settings(max_examples=in_ci(500), deadline=None)
@given(text=DECIMALS)
def test_a_decimal_is_what_python_reads(text: str) -> None:
    rows = parsed(",".join([ROW[0], text, *ROW[2:]]).encode() + b"\n")
    if rows is not None:
        assert np.float64(rows.numbers["price"][0]).tobytes() == np.float64(float(text)).tobytes()


@pytest.mark.parametrize(
    "text", ["189.07", "0.0001", "12345", "-3.25", "1234567.891", "99999999", "123456789.5", "0", "0.5"]
)
def test_what_the_vendor_writes_is_read_by_the_kernel(text: str) -> None:
    rows = parsed(",".join([ROW[0], text, *ROW[2:]]).encode() + b"\n")
    assert rows is not None
    assert rows.numbers["price"].tolist() == [float(text)]


@pytest.mark.parametrize("day", ["1970-01-01", "2000-02-29", "2024-02-29", "1969-12-31", "2026-11-27", "2100-03-01"])
def test_dates(day: str) -> None:
    rows = parsed(",".join([*ROW[:5], day, "", *ROW[7:]]).encode() + b"\n")
    assert rows is not None
    assert rows.numbers["day"].tolist() == [dt.date.fromisoformat(day)]
    assert rows.missing["later"].tolist() == [True]


def test_what_is_not_canonical_is_left_alone() -> None:
    good = ",".join(ROW).encode() + b"\n"
    assert parsed(good) is not None
    for wrong in (
        b"",
        good[:-1],
        good + b"\n",
        good[:-1] + b",\n",
        b"A\n",
        good.replace(b"note", b'"no"'),
        b"\xef\xbb\xbf" + good,
    ):
        assert parsed(wrong) is None, wrong


def test_a_buffer_without_padding_is_not_read() -> None:
    good = ",".join(ROW).encode() + b"\n"
    made = Kernel.of(MADE_UP.header, MADE_UP)
    assert made is not None
    assert made.parse(bytearray(good + bytes(PADDING - 1)), 0, len(good)) is None


def test_what_lies_behind_a_block_means_nothing() -> None:
    good = ",".join(ROW).encode() + b"\n"
    expected = parsed(good)
    assert expected is not None
    made = Kernel.of(MADE_UP.header, MADE_UP)
    assert made is not None
    for behind in (b"9", b",", b"\n", b"A", b"\xff", b"."):
        found = made.parse(bytearray(good + behind * PADDING), 0, len(good))
        assert found is not None
        assert {name: each.tolist() for name, each in found.numbers.items()} == {
            name: each.tolist() for name, each in expected.numbers.items()
        }


def test_nothing_is_read_beyond_the_padding() -> None:
    """Behind it lies a page that may not be read: one byte of it would end this process."""
    page = mmap.PAGESIZE
    memory = mmap.mmap(-1, 3 * page)
    base = ctypes.addressof(ctypes.c_char.from_buffer(memory))
    library = ctypes.CDLL(None, use_errno=True)
    library.mprotect.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)
    assert library.mprotect(base + 2 * page, page, 0) == 0
    generator = random.Random(14)
    alphabet = b"0123456789,.-\nA:"
    try:
        for _ in range(300):
            length = generator.randrange(1, 400)
            body = bytes(generator.choice(alphabet) for _ in range(length - 1)) + b"\n"
            if generator.random() < 0.5:
                body = ",".join(ROW).encode()[: generator.randrange(1, 60)] + b"\n"
            end = 2 * page - PADDING
            start = end - len(body)
            memory[: 2 * page] = bytes(generator.choice(b"09,A") for _ in range(1)) * (2 * page)
            memory[start:end] = body
            rows = kernel._library().count_lines(base, start, end)  # type: ignore[union-attr]
            cells = [kernel._Cells(column.name, column, rows, len(body)) for column in MADE_UP.columns]
            structures = (kernel._Column * len(cells))(*(each.structure() for each in cells))
            address = ctypes.addressof(structures)
            kernel._library().parse_lines(base, start, end, address, len(cells), rows)  # type: ignore[union-attr]
    finally:
        library.mprotect(base + 2 * page, page, mmap.PROT_READ | mmap.PROT_WRITE)


@pytest.mark.parametrize("layout", [STOCK_TRADES, STOCK_QUOTES, VALUES], ids=lambda layout: layout.name)
def test_every_layout_has_a_kernel(layout: Layout) -> None:
    cells = {"string": "x", "float64": "1.25", "int64": "7", "int16": "3", "list<int16>": "37"}
    cells |= {"timestamp[ns, UTC]": "1704171600000000001"}
    dataset = replace(DATASETS["stocks_daily"], layout=layout)
    line = ",".join("AAPL" if column.name == "ticker" else cells[column.type] for column in layout.columns)
    rows = parsed(line.encode() + b"\n", dataset)
    assert rows is not None
    assert rows.run_names.to_pylist() == ["AAPL"]
    assert {*rows.numbers, *rows.texts, "ticker"} == {column.name for column in layout.columns}


LAYOUTS = {each.layout.name: each.name for each in reversed(list(DATASETS.values()))}
"""One dataset of each."""


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted({"stocks_minute", "options_daily", "options_minute", *LAYOUTS.values()}))
def test_a_large_file_becomes_the_same_bytes(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dataset, day = DATASETS[name], dt.date(2026, 3, 4)
    raw = tmp_path / "raw.csv.gz"
    raw.write_bytes(flat_file(dataset, day.isoformat(), Size(symbols=1000, rows=80_000)))
    source = Source("s3://b/k", "k", "e", dt.datetime(2024, 1, 4, tzinfo=dt.UTC), raw.stat().st_size)
    used: list[bool] = []
    original = Kernel.parse

    def parse(self: Kernel, *block: Any) -> Parsed | None:
        found = original(self, *block)
        used.append(found is not None)
        return found

    monkeypatch.setattr(Kernel, "parse", parse)
    convert(raw, tmp_path / "ours.parquet", dataset, day, source)
    assert used, "there were blocks"
    assert all(used), "and the kernel took each"
    without_kernel(monkeypatch)
    convert(raw, tmp_path / "pyarrow.parquet", dataset, day, source)
    assert (tmp_path / "ours.parquet").read_bytes() == (tmp_path / "pyarrow.parquet").read_bytes()


def test_a_library_of_another_version_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernel, "VERSION", kernel.VERSION + 1)
    kernel._library.cache_clear()
    assert not kernel.is_built()
