"""Columns are found by the header's names: the vendor's next added column must not cost a day."""

import datetime as dt
from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from polygon_assets.datasets import DATASETS, Column, Dataset, get_dataset
from polygon_assets.errors import HeaderError
from polygon_assets.flatfile.parquet_format import Header
from polygon_assets_tests.factories import DAY, FOUR, HEADER, converted, found, row, stamp, stored_stamp, text

NAMES = HEADER.split(",")
VALUES = dict(zip(NAMES, row("B", start=stamp(10)).split(","), strict=True))


def file_of(names: list[str], **extra: str) -> bytes:
    """A flat file of one row with ``names`` in this order."""
    return text([",".join({**VALUES, **extra}[name] for name in names)], ",".join(names))


def read_by_name(made: list[dict[str, object]]) -> dict[str, object]:
    """What ``VALUES`` must read back as."""
    (stored,) = made
    return {name: stored[name] for name in NAMES}


EXPECTED = {
    "ticker": "B",
    "volume": 10.0,
    "open": 1.5,
    "close": 1.6,
    "high": 1.7,
    "low": 1.4,
    "window_start": stored_stamp(stamp(10)),
    "transactions": 3,
}


@given(st.permutations(NAMES))
def test_reordered_columns_are_read_by_their_names(tmp_path_factory: pytest.TempPathFactory, names: list[str]) -> None:
    made, rows = converted(tmp_path_factory.mktemp("day"), file_of(names))
    assert read_by_name(rows) == EXPECTED
    assert made.findings == ()
    assert list(rows[0]) == NAMES, "the stored order is the table's"


@given(st.integers(0, len(NAMES)), st.sampled_from(["vwap", "date", "line", "underlying", "x1"]))
def test_an_unknown_column_is_kept_as_text_and_the_day_is_flagged(
    tmp_path_factory: pytest.TempPathFactory, at: int, name: str
) -> None:
    names = [*NAMES[:at], name, *NAMES[at:]]
    made, rows = converted(tmp_path_factory.mktemp("day"), file_of(names, **{name: "1.50"}))
    assert read_by_name(rows) == EXPECTED
    stored_as = f"file_{name}" if name in ("date", "line") else name
    assert rows[0][stored_as] == "1.50"
    assert found(made) == {"unknown_column": 1}
    assert made.findings[0].sample == ({"column": name},)


def test_an_unknown_column_never_replaces_a_derived_one(tmp_path: Path) -> None:
    names = [*NAMES, "underlying"]
    values = {"ticker": "O:SPY240119C00470000", "window_start": str(stamp()), "underlying": "vendor's"}
    _made, rows = converted(tmp_path, file_of(names, **values), "options_daily")
    assert rows[0]["underlying"] == "SPY"
    assert rows[0]["file_underlying"] == "vendor's"


def test_rejected_rows_keep_their_unknown_columns(tmp_path: Path) -> None:
    names = [*NAMES, "vwap"]
    tomorrow = DAY + dt.timedelta(days=1)
    lines = [",".join([*row(f"T{number:03}").split(","), "1"]) for number in range(150)]
    lines.append(",".join([*row("T999", stamp(10, day=tomorrow)).split(","), "kept"]))
    made, rows = converted(tmp_path, text(lines, ",".join(names)))
    assert len(rows) == 150
    assert made.rejected_rows is not None
    assert made.rejected_rows.column("vwap").to_pylist() == ["kept"]


@pytest.mark.parametrize("name", NAMES)
def test_a_missing_column_refuses_the_day_and_both_headers_are_named(tmp_path: Path, name: str) -> None:
    rest = [each for each in NAMES if each != name]
    with pytest.raises(HeaderError) as refused:
        converted(tmp_path, file_of(rest))
    assert f"expected the columns {HEADER}; found {','.join(rest)}" in str(refused.value)


def test_an_optional_column_may_be_missing() -> None:
    row_of_table = with_optional_volume()
    header = Header.of([name for name in NAMES if name != "volume"], row_of_table, "a/key")
    assert header.absent == ("volume",)


def test_the_other_columns_of_the_file_are_read_where_an_optional_one_is_missing(tmp_path: Path) -> None:
    names = [name for name in NAMES if name != "volume"]
    row_of_table = replace(with_optional_volume(), checks=("ticker_text", "bar_prices"))
    _made, rows = converted(tmp_path, file_of(names), row_of_table)
    assert {name: rows[0][name] for name in names} == {name: EXPECTED[name] for name in names}
    assert rows[0]["volume"] is None
    assert pq.read_schema(tmp_path / "out.parquet").field("volume").type == "double"


def with_optional_volume() -> Dataset:
    """stocks_minute, of a vendor that may leave out volumes."""
    row_of_table = DATASETS["stocks_minute"]
    columns = tuple(
        replace(each, optional=True, nullable=True) if each.name == "volume" else each for each in row_of_table.columns
    )
    return replace(row_of_table, layout=replace(row_of_table.layout, columns=columns))


def test_names_must_be_names() -> None:
    for wrong in ("", "a b", "a\tb", "1st", "é", "x" * 65):
        with pytest.raises(HeaderError):
            Header.of([*NAMES, wrong], get_dataset("stocks_minute"), "a/key")


def test_columns_say_what_they_are() -> None:
    for dataset in FOUR.values():
        for column in dataset.stored_columns:
            assert isinstance(column, Column)
            assert column.description.endswith(".")
