"""Decoding to the letter: each gzip and CSV input with its exact outcome (scorecard rows 31 to 33)."""

import gzip
import resource
from pathlib import Path

import pytest

from polygon_assets.datasets import get_dataset
from polygon_assets.errors import ArchiveError, ContentError, HeaderError, RowError, UnusableDayError
from polygon_assets.flatfile.archive import BLOCK_BYTES
from polygon_assets.flatfile.conversion import convert
from polygon_assets.flatfile.limits import Limits
from polygon_assets_tests.factories import DAY, HEADER, SOURCE, compressed, converted, found, row, stamp, text

RAW = text([row("A"), row("B")])
GOOD = compressed(RAW)
SECOND = compressed("".join(row(name) + "\n" for name in ("C", "D")).encode())
WHOLE = "not one whole gzip archive"

ARCHIVES: dict[str, tuple[bytes, int | str]] = {
    "one member": (GOOD, 2),
    "two members": (GOOD + SECOND, 4),
    "a member without content": (GOOD + compressed(b""), 2),
    "zero padded": (GOOD + bytes(1000), 2),
    "two members, zeros between": (GOOD + bytes(4) + SECOND, 4),
    "no bytes": (b"", "the file is empty"),
    "only zeros": (bytes(100), WHOLE),
    "no gzip": (RAW, WHOLE),
    "truncated by one byte": (GOOD[:-1], WHOLE),
    "truncated before its trailer": (GOOD[:-8], WHOLE),
    "truncated by half": (GOOD[: len(GOOD) // 2], WHOLE),
    "only a header": (GOOD[:10], WHOLE),
    "wrong CRC": (GOOD[:-8] + b"abcd" + GOOD[-4:], WHOLE),
    "wrong ISIZE": (GOOD[:-4] + b"abcd", WHOLE),
    "a flipped bit": (GOOD[:40] + bytes([GOOD[40] ^ 4]) + GOOD[41:], WHOLE),
    "garbage after": (GOOD + b"garbage", WHOLE),
    "garbage after zeros": (GOOD + bytes(10) + b"x", WHOLE),
    "second member cut": (GOOD + SECOND[:-3], WHOLE),
    "second member only begun": (GOOD + SECOND[:2], WHOLE),
}


@pytest.mark.scorecard(31)
@pytest.mark.parametrize("case", ARCHIVES)
def test_archive(tmp_path: Path, case: str) -> None:
    body, outcome = ARCHIVES[case]
    (tmp_path / "x.csv.gz").write_bytes(body)
    job = (tmp_path / "x.csv.gz", tmp_path / "out.parquet", get_dataset("stocks_minute"), DAY, SOURCE)
    if isinstance(outcome, int):
        assert convert(*job).provenance.rows == outcome
    else:
        with pytest.raises(ArchiveError, match=outcome):
            convert(*job)


@pytest.mark.slow
@pytest.mark.scorecard(32)
@pytest.mark.parametrize(
    ("limits", "cause"),
    [(Limits(), "more than 200 times its"), (Limits(max_raw_bytes=10**7), "more than 10,000,000 bytes")],
)
def test_a_gzip_bomb_is_refused_in_bounded_memory(tmp_path: Path, limits: Limits, cause: str) -> None:
    """A thousand bytes for each one, and every line of it parses."""
    bomb = tmp_path / "bomb.csv.gz"
    member = gzip.compress((row("A") + "\n").encode() * 200_000)
    bomb.write_bytes(compressed(f"{HEADER}\n".encode()) + member * 10)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(ArchiveError, match=cause):
        convert(bomb, tmp_path / "out.parquet", get_dataset("stocks_minute"), DAY, SOURCE, limits=limits)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 256 * 1024


def lines(*rows: str) -> bytes:
    return text([row("A"), *rows, row("Z")])


# What a file holds, and the one thing that comes of it: an error's class and a part of its message, or the findings
# of a day that is published.
CONTENT: dict[str, tuple[bytes, tuple[type[ContentError], str] | dict[str, int]]] = {
    "as it should be": (lines(row("B")), {}),
    "renamed column": (text([row()], HEADER.replace("open", "opened")), (HeaderError, "found ticker,volume,opened")),
    "missing column": (text([row()], HEADER.removesuffix(",transactions")), (HeaderError, "window_start$")),
    "extra column": (text([row() + ",1"], HEADER + ",vwap"), {"unknown_column": 1}),
    "two extra columns": (text(["x," + row() + ",1"], f"first,{HEADER},vwap"), {"unknown_column": 2}),
    "extra column without a name": (text([row() + ","], HEADER + ","), (HeaderError, "transactions,$")),
    "extra column with a blank in its name": (text([row() + ",1"], HEADER + ",v wap"), (HeaderError, "v wap")),
    "the same column twice": (text([row() + ",1"], HEADER + ",open"), (HeaderError, "transactions,open")),
    "more extra columns than are ever added": (
        text([row() + ",1" * 33], HEADER + "".join(f",c{number}" for number in range(33))),
        (HeaderError, "c32"),
    ),
    "bad UTF-8 in an extra column": (
        text([row() + ",a", row("B") + ",\udcff"], HEADER + ",note"),
        (RowError, r"line 3, column note: b'\\xff' is not UTF-8"),
    ),
    "reordered columns": (text([row()], HEADER.replace("high,low", "low,high")), {"price_order": 1}),
    "no header": (text([], row()), (HeaderError, "found A,10")),
    "header in capitals": (text([row()], HEADER.upper()), (HeaderError, "found TICKER")),
    "byte order mark first": (b"\xef\xbb\xbf" + lines(), (HeaderError, r"found \\ufeffticker")),
    "byte order mark before the rows": (text(["\ufeff" + row()]), (RowError, "line 2 starts with a byte order mark")),
    "nothing": (b"", (HeaderError, "found $")),
    "HTML": (b"<!DOCTYPE html>\n<html></html>\n", (HeaderError, "found <!DOCTYPE html>")),
    "header only": (text([]), (UnusableDayError, "it holds no rows")),
    "header without newline": (HEADER.encode(), (UnusableDayError, "it holds no rows")),
    "short row": (lines("A,1.5"), (RowError, "line 3: expected 8 columns, got 2")),
    "long row": (lines(row() + ",9"), (RowError, "line 3: expected 8 columns, got 9")),
    "empty line": (lines(""), (RowError, "line 3, column volume: invalid value '', where a number is due")),
    "no final newline": (lines().removesuffix(b"\n"), (UnusableDayError, "the last line has no newline")),
    "cut in the last row": (lines()[:-9], (RowError, "line 3: expected 8 columns, got 7")),
    "CRLF": (text([row("A"), row("B")], end="\r\n"), {}),
    "CR": (text([row("A"), row("B")], end="\r"), (HeaderError, "transactions")),
    "bad UTF-8": (lines(row("B\udcff")), (RowError, r"line 3, column ticker: b'B\\xff' is not UTF-8")),
    "NUL in a ticker": (lines(row("B\0C")), {"ticker_characters": 1}),
    "NUL in a number": (lines(row("B", open="1\0")), (RowError, "line 3, column open")),
    "control characters in a ticker": (lines(row("B\x07"), row("B\x7f")), {"ticker_characters": 2}),
    "blank in a ticker": (lines(row("B C")), {"ticker_characters": 1}),
    "letter outside ASCII": (lines(row("B\u00e9")), {"ticker_characters": 1}),
    "empty ticker": (text([row(""), row("A")]), {"ticker_empty": 1}),
    "quoted ticker": (lines(row('"B"')), (RowError, "line 3 holds a quotation mark")),
    "unclosed quote": (lines(row('"B')), (RowError, "line 3 holds a quotation mark")),
    "empty number": (lines(row(open="")), (RowError, "line 3, column open: invalid value '', where a number is due")),
    "text for a number": (
        lines(row(close="1.5.1")),
        (RowError, "line 3, column close: invalid value '1.5.1', where a number"),
    ),
    "blanks around a number": (lines(row("B", open=" 1.5 ")), {}),
    "exponent": (lines(row("B", volume="1e3")), {}),
    "NaN price": (lines(row("B", open="NaN")), {"price_not_finite": 1}),
    "infinite price": (lines(row("B", high="inf")), {"price_not_finite": 1}),
    "price too large for a float": (lines(row("B", high="1e999")), {"price_not_finite": 1}),
    "negative price": (lines(row("B", low="-1")), {"price_not_positive": 1}),
    "zero price": (lines(row("B", low="0")), {"price_not_positive": 1}),
    "NaN volume": (lines(row("B", volume="nan")), {"volume_not_finite": 1}),
    "negative volume": (lines(row("B", volume="-1")), {"volume_negative": 1}),
    "hexadecimal price": (
        lines(row(open="0x10")),
        (RowError, "line 3, column open: invalid value '0x10', where a number is due"),
    ),
    "hexadecimal count": (
        lines(row(transactions="0x10")),
        (RowError, "line 3, column transactions: invalid value '0x10'"),
    ),
    "count that is no whole number": (lines(row(transactions="1.5")), (RowError, "line 3, column transactions: '1.5'")),
    "count that is NaN": (lines(row(transactions="nan")), (RowError, "line 3, column transactions: 'nan'")),
    "count beyond exact floats": (lines(row("B", transactions=2**60 + 1)), {"transactions_beyond_belief": 1}),
    "count beyond 64 bits": (lines(row(transactions=2**63)), (RowError, "line 3, column transactions")),
    "count that is whole within a float's precision": (lines(row("B", transactions="2." + "9" * 20)), {}),
    "stamp in hexadecimal, which gives the number that it writes": (lines(row("B", hex(stamp(9, 30)))), {}),
    "stamp beyond 64 bits": (lines(row(start=2**63)), (RowError, "line 3, column window_start")),
    "stamp with decimals": (
        lines(row(start="1.5e18")),
        (RowError, "line 3, column window_start: invalid value '1.5e18'"),
    ),
    "field of two megabytes": (lines(row("B" * 2_000_000)), (RowError, "line 3, column ticker: longer than 64")),
    "number of two megabytes": (lines(row("B", open="1" * 2_000_000)), {"price_not_finite": 1}),
    "line longer than a block": (lines(row("B" * BLOCK_BYTES)), (RowError, "longer than 4,194,304 bytes")),
}


@pytest.mark.scorecard(33)
@pytest.mark.parametrize("case", CONTENT)
def test_content(tmp_path: Path, case: str) -> None:
    raw, outcome = CONTENT[case]
    if isinstance(outcome, dict):
        made, _rows = converted(tmp_path, raw)
        assert found(made) == outcome
    else:
        kind, cause = outcome
        with pytest.raises(ContentError, match=cause) as refused:
            converted(tmp_path, raw)
        assert type(refused.value) is kind
        assert len(str(refused.value)) < 1000
        assert str(refused.value).startswith("a/key: ")


@pytest.mark.slow
@pytest.mark.parametrize("error", ["B,1", row("B", open="x")])
def test_a_line_number_is_exact_beyond_the_first_block(tmp_path: Path, error: str) -> None:
    many = [row(f"T{number:06}") for number in range(150_000)]
    with pytest.raises(RowError, match=r"line 150002[:,]"):
        converted(tmp_path, text([*many, error]))


def test_a_stamp_keeps_its_time(tmp_path: Path) -> None:
    _made, rows = converted(tmp_path, text([row(start=stamp(4)), row(start=stamp(19, 59))]))
    assert [each["window_start"].isoformat() for each in rows] == [
        "2024-01-02T09:00:00+00:00",
        "2024-01-03T00:59:00+00:00",
    ]


@pytest.mark.parametrize("beside", ["1", "1.0"], ids=["kernel", "pyarrow"])
@pytest.mark.parametrize("count", [2**53, 2**53 + 1, 10**18 + 1, 2**63 - 1])
def test_a_count_has_all_its_digits(tmp_path: Path, count: int, beside: str) -> None:
    """A sequence number of sixteen digits refused its day where a neighbouring cell was empty: counts were floats."""
    raw = text([row("A", stamp(9), transactions=beside), row("B", stamp(9), transactions=count)])
    assert [each["transactions"] for each in converted(tmp_path, raw)[1]] == [1, count]
