"""What a ticker says: ``O:SPY240119C00470000`` is SPY, 2024-01-19, call, 470 dollars.

Belongs here: notations, parsed for many tickers at once. Does not: what becomes of tickers that do not parse.
"""

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


def parse_option_tickers(tickers: pa.StringArray) -> TickerParts:
    """Take the ``tickers`` of options apart.

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


DERIVATIONS: Mapping[Derivation, Callable[[pa.StringArray], TickerParts]] = {"option_contract": parse_option_tickers}


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
