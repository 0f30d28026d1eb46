"""What a ticker says: ``O:SPY240119C00470000`` is SPY, 2024-01-19, call, 470 dollars; ``ESU6`` is ES, September 2026.

Belongs here: notations, parsed for many tickers at once. Does not: what becomes of tickers that do not parse.
"""

import datetime as dt
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from polygon_assets.datasets.model import Derivation
from polygon_assets.flatfile.rows import Ints, Mask, array, dictionary_array, string_bytes

Bytes = npt.NDArray[np.uint8]

PREFIX = "O:"
_TAIL = 15
"""yymmdd, C or P, and the strike in thousandths of a dollar in 8 digits."""
_MONTHS = np.arange("2000-01", "2100-02", dtype="datetime64[M]").astype("datetime64[D]").astype(np.int64)
"""Days since 1970 of the first of each month."""
_TYPES = pa.array(["call", "put"])


@dataclass(frozen=True)
class TickerParts:
    """What distinct tickers say, by the names of the derived columns; null where one does not parse."""

    columns: Mapping[str, Any]
    """Arrow arrays, text as dictionaries."""
    parsed: Mask
    """Which tickers parse."""


def parse_option_tickers(tickers: pa.StringArray, day: dt.date | None = None) -> TickerParts:  # noqa: ARG001
    """Take the ``tickers`` of options apart; they say the same on every ``day``.

    >>> parse_option_tickers(pa.array(["O:BRKB240119P00350500"])).columns["strike"].to_pylist()
    [350.5]
    """
    parsed, tail = _tails(tickers)
    digits = tail - np.uint8(ord("0"))  # what is no digit becomes more than 9
    parsed &= (np.delete(digits, 6, axis=0) <= 9).all(axis=0)  # noqa: PLR2004
    parsed &= (tail[6] == ord("C")) | (tail[6] == ord("P"))
    expiration, dated = _dates(*(_number(digits[at : at + 2]) for at in (0, 2, 4)))
    parsed &= dated
    missing = ~parsed
    roots: Any = pc.if_else(array(parsed), pc.utf8_slice_codeunits(tickers, 2, -_TAIL), None)
    types = array((tail[6] == ord("P")).astype(np.int32), missing=missing)
    columns = {
        "underlying": roots.dictionary_encode(),
        "expiration": array(expiration, missing=missing, kind=pa.date32()),
        "option_type": dictionary_array(types, _TYPES),
        "strike": array(_number(digits[7:]) / 1000.0, missing=missing),
    }
    return TickerParts(columns, parsed)


_MONTH_CODES = "FGHJKMNQUVXZ"
_LEG = rf"(?P<root>[A-Z0-9]+?)(?P<month>[{_MONTH_CODES}])(?P<year>[0-9]{{1,2}})"
_OUTRIGHT = re.compile(_LEG)
_SPREAD = re.compile(rf"{_LEG}-[A-Z0-9]+?[{_MONTH_CODES}][0-9]{{1,2}}")
_COMBINATION = re.compile(
    rf"(?P<root>[A-Z0-9]+):[A-Z0-9]+ (?:[A-Z0-9]+ )?(?P<month>[{_MONTH_CODES}])(?P<year>[0-9]{{1,2}})(?:[- ].*)?"
)
_KINDS = {"outright": _OUTRIGHT, "spread": _SPREAD, "combination": _COMBINATION}


_TRADES_ON = {"SR3": 3}
"""By root, for how many months after the one in its name a contract trades; others, for one at most."""
_LATEST_THIRD_WEDNESDAY = 21


@dataclass(frozen=True)
class FuturesContract:
    """What the ticker of a contract says."""

    root: str
    kind: str
    """``outright``, ``spread`` or ``combination``."""
    expiry: dt.date
    """First day of its month, or of its first leg's."""


def parse_futures_ticker(ticker: str, day: dt.date) -> FuturesContract | None:
    """Take a ticker of futures apart, as of the file of ``day``; None where it is none.

    A year of one digit is the first that is not before the month before the file's: a contract trades until its
    month, or shortly into the next one. Those on three months' interest are named after the first of these, and trade
    to the third Wednesday of the fourth.

    >>> parse_futures_ticker("6AU6-6AZ6", dt.date(2026, 7, 14))
    FuturesContract(root='6A', kind='spread', expiry=datetime.date(2026, 9, 1))
    """
    for kind, pattern in _KINDS.items():
        if found := pattern.fullmatch(ticker):
            month = _MONTH_CODES.index(found["month"]) + 1
            oldest = _months_before(day, _TRADES_ON.get(found["root"], 1))
            if found["root"] in _TRADES_ON and day.day > _LATEST_THIRD_WEDNESDAY:
                oldest = _months_before(day, _TRADES_ON[found["root"]] - 1)
            return FuturesContract(found["root"], kind, dt.date(_full_year(found["year"], month, oldest), month, 1))
    return None


def _months_before(day: dt.date, months: int) -> dt.date:
    """The first of the month that lies so many ``months`` before that of ``day``."""
    years, month = divmod(day.year * 12 + day.month - 1 - months, 12)
    return dt.date(years, month + 1, 1)


def _full_year(digits: str, month: int, oldest: dt.date) -> int:
    """The first year that ends in ``digits`` whose ``month`` does not lie before ``oldest``."""
    if len(digits) > 1:
        return 2000 + int(digits)
    year = oldest.year - oldest.year % 10 + int(digits)
    return year if (year, month) >= (oldest.year, oldest.month) else year + 10


def parse_futures_tickers(tickers: pa.StringArray, day: dt.date) -> TickerParts:
    """Take the ``tickers`` of futures apart, as of the file of ``day``."""
    found = [parse_futures_ticker(str(ticker), day) for ticker in tickers.to_pylist()]
    columns: dict[str, Any] = {
        name: pa.array([each and getattr(each, name) for each in found], kind)
        for name, kind in (("root", pa.string()), ("kind", pa.string()), ("expiry", pa.date32()))
    }
    encoded = {name: each.dictionary_encode() if name != "expiry" else each for name, each in columns.items()}
    return TickerParts(encoded, np.array([each is not None for each in found], dtype=np.bool_))


DERIVATIONS: Mapping[Derivation, Callable[[pa.StringArray, dt.date], TickerParts]] = {
    "option_contract": parse_option_tickers,
    "futures_contract": parse_futures_tickers,
}


def _tails(tickers: pa.StringArray) -> tuple[Mask, Bytes]:
    """Which tickers have the prefix, a root and 15 characters more; and by position those 15, or filler."""
    offsets, data = string_bytes(tickers)
    starts, ends = offsets[:-1], offsets[1:]
    shaped: Mask = ends - starts > len(PREFIX) + _TAIL
    for at, byte in enumerate(PREFIX.encode()):
        shaped[shaped] = data[starts[shaped] + at] == byte
    tail = np.full((_TAIL, len(tickers)), ord("x"), dtype=np.uint8)
    tail[:, shaped] = data[(ends[shaped] - _TAIL)[None, :] + np.arange(_TAIL)[:, None]]
    return shaped, tail


def _number(digits: Bytes) -> Ints:
    """The number that each column of ``digits`` writes, most significant first."""
    number: Ints = digits[0].astype(np.int64)
    for digit in digits[1:]:
        number *= 10
        number += digit
    return number


def _dates(year: Ints, month: Ints, day: Ints) -> tuple[npt.NDArray[np.int32], Mask]:
    """Days since 1970, and which of the dates exist."""
    at = np.minimum(year, 99) * 12 + np.clip(month, 1, 12) - 1
    exists = (month >= 1) & (month <= 12) & (day >= 1) & (day <= _MONTHS[at + 1] - _MONTHS[at])  # noqa: PLR2004
    return np.where(exists, _MONTHS[at] + day - 1, 0).astype(np.int32), exists
