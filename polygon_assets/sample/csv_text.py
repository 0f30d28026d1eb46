"""Rows → the vendor's text: the header line, numbers printed as the vendor prints them, gzip.

Belongs here: how a value is printed. Does not: which values there are.
"""

from functools import lru_cache
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute
from isal import igzip

from polygon_assets.sample.prices import MICRO
from polygon_assets.sample.sessions import Ints

IN_MILLIONTHS = frozenset({"volume", "open", "close", "high", "low"})
"""Columns that are printed divided by a million where they hold whole numbers; others are printed as they are."""
pc: Any = pyarrow.compute  # its stubs know neither mixed arguments nor plain strings among them
_ROWS_AT_ONCE = 250_000


def to_csv_gz(table: pa.Table, *, decimal_volumes: bool) -> bytes:
    """The file: ``table`` holds its columns, prices and volumes in millionths, others as they are; null is empty.

    Volumes are printed with six decimals or as whole numbers. The same table gives the same bytes.
    """
    body = [",".join(table.schema.names).encode() + b"\n"]
    body.extend(_lines(batch, decimal_volumes) for batch in table.to_batches(max_chunksize=_ROWS_AT_ONCE))
    compressed: bytes = igzip.compress(b"".join(body), 3, mtime=0)
    return compressed


def _lines(batch: pa.RecordBatch, decimal_volumes: bool) -> bytes:
    columns = [_text(name, batch.column(name), decimal_volumes) for name in batch.schema.names]
    columns[-1] = joined(columns[-1], "\n")
    text: Any = joined(*columns, separator=",").buffers()[2]
    return bytes(text)


def joined(*parts: Any, separator: str = "") -> pa.StringArray:
    """The texts of each row joined; a part is an array, or one text for all rows."""
    texts: pa.StringArray = pc.binary_join_element_wise(*parts, separator)
    return texts


def _text(name: str, values: Any, decimal_volumes: bool) -> pa.StringArray:
    if name not in IN_MILLIONTHS or not pa.types.is_integer(values.type):
        text: Any = strings(values).fill_null("")
        return text  # type: ignore[no-any-return]
    if name != "volume":
        return _decimal(values, _fractions(trimmed=True))
    if decimal_volumes:
        return _decimal(values, _fractions(trimmed=False))
    return strings(pc.divide(values, MICRO))


def _decimal(millionths: Any, fractions: pa.StringArray) -> pa.StringArray:
    numbers: Ints = millionths.to_numpy()
    return joined(strings(pa.array(numbers // MICRO)), pc.take(fractions, numbers % MICRO))


def decimals(millionths: Ints, places: int = 6) -> pa.StringArray:
    """Text with at least six ``places`` behind the point, as ticks are printed: ``114.790000``, ``-0.250000000``."""
    signs = pc.take(pa.array(["", "-"]), (millionths < 0).astype(np.int64))
    return joined(signs, _decimal(pa.array(np.abs(millionths)), _fractions(trimmed=False)), "0" * (places - 6))


def strings(values: Any) -> pa.StringArray:
    """An array's values as text."""
    text: pa.StringArray = values.cast(pa.string())
    return text


@lru_cache
def _fractions(*, trimmed: bool) -> pa.StringArray:
    """What follows the whole number, for each millionth: ``.5`` and nothing for zero if trimmed, or ``.500000``."""
    digits = pc.utf8_slice_codeunits(strings(pa.array(np.arange(MICRO, 2 * MICRO))), 1)
    if not trimmed:
        return joined(".", digits)
    fractions: pa.StringArray = pc.utf8_rtrim(pc.utf8_rtrim(joined(".", digits), characters="0"), characters=".")
    return fractions
