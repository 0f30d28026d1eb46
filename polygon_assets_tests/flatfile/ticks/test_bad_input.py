"""What becomes of a file with a fault, for each layout, as the data dictionary has it."""

from collections.abc import Callable
from pathlib import Path

import pytest

from polygon_assets.datasets import DATASETS
from polygon_assets.errors import ContentError, HeaderError, RowError, UnusableDayError
from polygon_assets_tests.factories import found
from polygon_assets_tests.flatfile.ticks.files import BY_LAYOUT, Row, made, raw_of, rows_of, spoiled, time_of

WITH_CODES = [
    (name, column.name)
    for name in BY_LAYOUT
    for column in DATASETS[name].columns
    if column.type == "list<int16>" and column.name in rows_of(name)[0]
]
EACH = pytest.mark.parametrize("name", BY_LAYOUT)


def optional(name: str, column: str) -> bool:
    return next(each.optional for each in DATASETS[name].columns if each.name == column)


@EACH
def test_a_missing_column_refuses_the_day_unless_it_is_optional(tmp_path: Path, name: str) -> None:
    rows = rows_of(name)
    for column in rows[0]:
        raw = raw_of(rows, [each for each in rows[0] if each != column])
        if optional(name, column):
            _, stored = made(tmp_path, name, raw)
            assert {row[column] for row in stored} == {None}
        else:
            with pytest.raises(HeaderError, match=column):
                made(tmp_path, name, raw)


@EACH
def test_a_renamed_column_refuses_the_day(tmp_path: Path, name: str) -> None:
    renamed = raw_of(rows_of(name)).replace(time_of(name).encode(), b"moment", 1)
    with pytest.raises(HeaderError, match="moment"):
        made(tmp_path, name, renamed)


@EACH
def test_an_extra_column_is_kept_and_flagged(tmp_path: Path, name: str) -> None:
    conversion, stored = made(tmp_path, name, raw_of([row | {"venue": "x7"} for row in rows_of(name)]))
    assert found(conversion)["unknown_column"] == 1
    assert {row["venue"] for row in stored} == {"x7"}


@EACH
def test_reordered_columns_give_the_same_rows(tmp_path: Path, name: str) -> None:
    rows = rows_of(name)
    _, expected = made(tmp_path, name, raw_of(rows))
    assert made(tmp_path, name, raw_of(rows, sorted(rows[0], reverse=True)))[1] == expected


@EACH
@pytest.mark.parametrize("change", [lambda line: line.rpartition(b",")[0], lambda line: line + b",1"])
def test_a_short_or_long_row_refuses_the_day(tmp_path: Path, name: str, change: "object") -> None:
    lines = raw_of(rows_of(name)).splitlines(keepends=False)
    assert callable(change)
    lines[5] = change(lines[5])
    with pytest.raises(RowError, match="line 6"):
        made(tmp_path, name, b"\n".join(lines) + b"\n")


@EACH
def test_a_quotation_mark_that_quotes_no_cell_refuses_the_day(tmp_path: Path, name: str) -> None:
    raw = raw_of(rows_of(name))
    lines = raw.splitlines()
    for wrong in (b'"' + lines[4], lines[4].replace(b",", b',"', 1), lines[4].replace(b",", b'x"y,', 1)):
        with pytest.raises(RowError, match="line 5 holds a quotation mark"):
            made(tmp_path, name, raw.replace(lines[4], wrong, 1))


@pytest.mark.parametrize(("name", "column"), WITH_CODES)
@pytest.mark.parametrize(
    ("text", "stored"),
    [
        ('"12,37"', [12, 37]), ("37", [37]), ("", []), ('""', []), ("[401]", [401]), ('"[401, 402]"', [401, 402]),
        ("-1", [-1]), ('"12,,37"', None), ("12;37", None), ("99999", None), ("@", None), ("[401", None),
        ('"12,"', None),
    ],
)  # fmt: skip
def test_codes_are_lists_and_what_is_none_is_null_and_flagged(
    tmp_path: Path, name: str, column: str, text: str, stored: list[int] | None
) -> None:
    raw = spoiled(name, lambda row: row.update({column: "@@"})).replace(b"@@", text.encode())
    conversion, rows = made(tmp_path, name, raw)
    assert rows[3][column] == stored
    assert found(conversion).get("codes_unreadable", 0) == (stored is None)


@EACH
def test_an_empty_number_refuses_the_day_unless_it_may_be_empty(tmp_path: Path, name: str) -> None:
    for column in DATASETS[name].columns:
        if column.type in ("string", "list<int16>") or column.name not in rows_of(name)[0]:
            continue

        def empty(row: Row, column: str = column.name) -> None:
            row[column] = ""

        if column.nullable:
            assert made(tmp_path, name, spoiled(name, empty))[1][3][column.name] is None
        else:
            with pytest.raises(RowError, match=f"line 5, column {column.name}: invalid value ''"):
                made(tmp_path, name, spoiled(name, empty))


@EACH
def test_a_stamp_of_twenty_digits_refuses_the_day(tmp_path: Path, name: str) -> None:
    time = time_of(name)
    with pytest.raises(RowError, match=f"line 5, column {time}"):
        made(tmp_path, name, spoiled(name, lambda row: row.update({time: row[time] + "0"})))


@EACH
@pytest.mark.parametrize("digits", [13, 16], ids=["milliseconds", "microseconds"])
def test_stamps_in_other_units_refuse_the_day_whatever_is_certain(tmp_path: Path, name: str, digits: int) -> None:
    rows, time = rows_of(name), time_of(name)
    for row in rows:
        row[time] = row[time][:digits]
    with pytest.raises(UnusableDayError, match="not of 2026-11-06"):
        made(tmp_path, name, raw_of(rows))


@EACH
def test_one_stamp_in_other_units_rejects_its_row_alone(tmp_path: Path, name: str) -> None:
    if len(rows_of(name)) < 100:
        # A day file of twenty rows: one of them would be more than one in a hundred.
        rows = rows_of(name) * 6
        rows[3] = rows[3] | {time_of(name): rows[3][time_of(name)][:13]}
        raws = raw_of(rows)
    else:
        raws = spoiled(name, lambda row: row.update({time_of(name): row[time_of(name)][:13]}))
    conversion, stored = made(tmp_path, name, raws)
    assert conversion.rejected_rows is not None
    assert conversion.rejected_rows.num_rows == 1
    assert conversion.rejected_rows.column("line").to_pylist() == [5]
    assert len(stored) == len(raws.splitlines()) - 2


OF_ONE_KIND = {("futures_cme_minute", "futures_cme_daily"), ("futures_cme_daily", "futures_cme_minute")}
"""Sessions of futures may have the columns and the stamps of minutes: what window_start is there is not known."""


@EACH
def test_a_file_under_the_key_of_another_layout_is_refused(tmp_path: Path, name: str) -> None:
    for file in BY_LAYOUT:
        if file == name:
            continue
        if (file, name) in OF_ONE_KIND:
            conversion, _ = made(tmp_path, name, raw_of(rows_of(file)))
            assert found(conversion).keys() <= {"duplicate", "unknown_column"}
            continue
        with pytest.raises((HeaderError, RowError, UnusableDayError)):
            made(tmp_path, name, raw_of(rows_of(file)))


@pytest.mark.parametrize(
    ("file", "key", "error"),
    [
        ("stocks_minute", "crypto_minute", UnusableDayError),
        ("stocks_minute", "futures_cme_minute", HeaderError),
        ("crypto_daily", "forex_daily", UnusableDayError),
        ("options_trades", "stocks_trades", HeaderError),
        ("options_minute", "stocks_minute", UnusableDayError),
        ("stocks_minute", "options_minute", UnusableDayError),
        ("stocks_trades", "options_trades", UnusableDayError),
        ("stocks_trades", "futures_cme_trades", HeaderError),
        ("stocks_quotes", "futures_cme_quotes", HeaderError),
    ],
)
def test_a_file_under_the_key_of_another_market_is_refused(
    tmp_path: Path, file: str, key: str, error: type[ContentError]
) -> None:
    with pytest.raises(error):
        made(tmp_path, key, raw_of(rows_of(file)))


def _line_five(change: Callable[[bytes], bytes]) -> Callable[[bytes], bytes]:
    def changed(raw: bytes) -> bytes:
        lines = raw.split(b"\n")
        lines[4] = change(lines[4])
        return b"\n".join(lines)

    return changed


@EACH
@pytest.mark.parametrize(
    ("spoil", "error", "cause"),
    [
        (lambda raw: b"\xef\xbb\xbf" + raw, HeaderError, "ufeffticker"),
        (lambda _: b"", HeaderError, "expected the columns"),
        (lambda _: b"<html><body>Sorry</body></html>\n", HeaderError, "found <html>"),
        (lambda raw: raw.partition(b"\n")[0] + b"\n", UnusableDayError, "holds no rows"),
        (lambda raw: raw[:-1], UnusableDayError, "last line has no newline"),
        (_line_five(lambda line: b"\xff\xfe" + line), RowError, "line 5, column ticker: .* is not UTF-8"),
        (_line_five(lambda line: b"A" * 2_000_000 + line), RowError, "line 5, column ticker: longer than 64 bytes"),
        (_line_five(lambda line: b"\n" + line), RowError, "line 5, column .*: invalid value ''"),
        (_line_five(lambda line: line[:-1] + b"\0" + line[-1:]), RowError, "line 5, column"),
    ],
    ids=["byte order mark", "empty", "HTML", "header alone", "cut", "not UTF-8", "2 MB", "blank line", "NUL"],
)
def test_what_is_no_file_of_the_vendors_refuses_the_day(
    tmp_path: Path, name: str, spoil: Callable[[bytes], bytes], error: type[ContentError], cause: str
) -> None:
    with pytest.raises(error, match=cause):
        made(tmp_path, name, spoil(raw_of(rows_of(name))))


@EACH
def test_lines_may_end_as_on_windows(tmp_path: Path, name: str) -> None:
    raw = raw_of(rows_of(name))
    _, expected = made(tmp_path, name, raw)
    assert made(tmp_path, name, raw.replace(b"\n", b"\r\n"))[1] == expected


@EACH
@pytest.mark.parametrize("text", ["x", "1,5", "0x1F", "1_0", "٣", "1e400", "--1"])
def test_what_is_no_number_refuses_the_day_or_is_flagged(tmp_path: Path, name: str, text: str) -> None:
    (column,) = [each.name for each in DATASETS[name].columns if each.type == "float64"][:1]
    raw = spoiled(name, lambda row: row.update({column: "@@"})).replace(b"@@", text.encode())
    try:
        conversion, stored = made(tmp_path, name, raw)
    except RowError as error:
        assert "line 5" in str(error)  # noqa: PT017 (either outcome is right)
    else:
        assert text == "1e400"  # infinite
        assert stored[3][column] == float("inf")
        assert found(conversion)
