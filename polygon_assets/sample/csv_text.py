"""Rows → the vendor's text: the header line, numbers printed as the vendor prints them, gzip.

Belongs here: how a value is printed. Does not: which values there are.
"""

import datetime as dt
from functools import lru_cache
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute
from isal import igzip

from polygon_assets.datasets import Dataset
from polygon_assets.sample.prices import MICRO
from polygon_assets.sample.sessions import Ints

DECIMAL_VOLUMES_SINCE = dt.date(2026, 2, 23)
"""First day on which stocks' volumes are printed with six decimals; fractional shares are reported since."""
pc: Any = pyarrow.compute  # its stubs know neither mixed arguments nor plain strings among them
_ROWS_AT_ONCE = 250_000


def has_decimal_volumes(dataset: Dataset, day: dt.date) -> bool:
    """Does the vendor print the volumes of ``dataset`` with decimals on ``day``?"""
    return dataset.instrument == "stock" and day >= DECIMAL_VOLUMES_SINCE


def to_csv_gz(dataset: Dataset, day: dt.date, table: pa.Table) -> bytes:
    """The file: ``table`` holds the dataset's columns, prices and volumes in millionths, others as they are.

    The same table gives the same bytes.
    """
    body = [",".join(dataset.header).encode() + b"\n"]
    body.extend(_lines(dataset, day, batch) for batch in table.to_batches(max_chunksize=_ROWS_AT_ONCE))
    compressed: bytes = igzip.compress(b"".join(body), 3, mtime=0)
    return compressed


def _lines(dataset: Dataset, day: dt.date, batch: pa.RecordBatch) -> bytes:
    columns = [_text(dataset, day, name, batch.column(name)) for name in dataset.header]
    columns[-1] = joined(columns[-1], "\n")
    text: Any = joined(*columns, separator=",").buffers()[2]
    return bytes(text)


def joined(*parts: Any, separator: str = "") -> pa.StringArray:
    """The texts of each row joined; a part is an array, or one text for all rows."""
    texts: pa.StringArray = pc.binary_join_element_wise(*parts, separator)
    return texts


def _text(dataset: Dataset, day: dt.date, name: str, values: Any) -> pa.StringArray:
    if name in ("ticker", "window_start", "transactions"):
        return strings(values)
    if name != "volume":
        return _decimal(values, _fractions(trimmed=True))
    if has_decimal_volumes(dataset, day):
        return _decimal(values, _fractions(trimmed=False))
    return strings(pc.divide(values, MICRO))


def _decimal(millionths: Any, fractions: pa.StringArray) -> pa.StringArray:
    numbers: Ints = millionths.to_numpy()
    return joined(strings(pa.array(numbers // MICRO)), pc.take(fractions, numbers % MICRO))


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
