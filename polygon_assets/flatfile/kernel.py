"""The parsing kernel: a block of canonical lines → columns, through a small library in C (``kernel.c``).

It is built where this package is installed and a C compiler is there; without it everything works, more slowly.
Belongs here: the library, and memory for what it writes. Does not: what becomes of a block that is not canonical
(``parsing``).
"""

import ctypes
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from polygon_assets.datasets import Column, Dataset
from polygon_assets.flatfile.archive import PADDING
from polygon_assets.flatfile.parquet_format import LARGEST_COUNTS
from polygon_assets.flatfile.rows import Mask

LIBRARY = Path(__file__).with_name("_kernel.so")
VERSION = 3
"""Of ``kernel.c``; a library of another one is not used."""
MOST_COLUMNS = 64
_TICKER, _TEXT, _DECIMAL, _WHOLE, _MOMENT, _DATE = range(6)
_KINDS: Mapping[str, int] = {
    "string": _TEXT,
    "list<int16>": _TEXT,
    "float64": _DECIMAL,
    "int64": _WHOLE,
    "int32": _WHOLE,
    "int16": _WHOLE,
    "date32": _DATE,
    "timestamp[us, UTC]": _MOMENT,
    "timestamp[ns, UTC]": _MOMENT,
}
_QUOTED = frozenset({"list<int16>"})
"""Text with commas in it."""
_LAST_MOMENT = 2**63 - 1


class _Column(ctypes.Structure):
    """``struct column`` of ``kernel.c``."""

    _fields_ = (
        ("kind", ctypes.c_int32),
        ("nullable", ctypes.c_int32),
        ("quoted", ctypes.c_int32),
        ("unused", ctypes.c_int32),
        ("most", ctypes.c_int64),
        ("values", ctypes.c_void_p),
        ("missing", ctypes.c_void_p),
        ("offsets", ctypes.c_void_p),
        ("text", ctypes.c_void_p),
    )


@cache
def _library() -> ctypes.CDLL | None:
    """The built library; None: there is none that fits."""
    try:
        library = ctypes.CDLL(str(LIBRARY))
        version = ctypes.c_int32.in_dll(library, "kernel_version").value
    except (OSError, ValueError):
        return None
    if version != VERSION:
        return None
    pointer, number = ctypes.c_void_p, ctypes.c_int64
    library.count_lines.argtypes = (pointer, number, number)
    library.parse_lines.argtypes = (pointer, number, number, pointer, ctypes.c_int32, number)
    library.count_lines.restype = library.parse_lines.restype = number
    return library


def is_built() -> bool:
    """Is the library there, and of this version?"""
    return _library() is not None


@dataclass(frozen=True)
class Parsed:
    """The rows of one block."""

    run_names: Any
    """The ticker of each run of equal tickers, as an Arrow array of text."""
    run_of_row: "np.typing.NDArray[np.int32]"
    numbers: Mapping[str, "np.typing.NDArray[Any]"]
    """Numbers, moments in nanoseconds since 1970, dates; 0 where a cell is empty."""
    missing: Mapping[str, Mask]
    """For each column with empty cells, which they are."""
    texts: Mapping[str, pa.StringArray]


class Kernel:
    """Parses the blocks of one file."""

    def __init__(self, library: ctypes.CDLL, columns: Sequence[tuple[str, Column | None]]) -> None:
        """``columns`` are those of the file in its order; None: the table does not know it, and it is text."""
        self._library, self._columns = library, columns

    @classmethod
    def of(cls, names: Sequence[str], dataset: Dataset) -> "Kernel | None":
        """The kernel for a file of ``dataset`` whose header has ``names``; None: there is none."""
        library = _library()
        if library is None or len(names) > MOST_COLUMNS:
            return None
        known = {column.name: column for column in dataset.columns}
        return cls(library, [(name, known.get(name)) for name in names])

    def parse(self, buffer: bytearray, start: int, end: int) -> Parsed | None:
        """The rows of ``buffer[start:end]``, which are whole lines; None: they are not canonical.

        Nothing is read at or beyond ``end + PADDING``; a buffer that ends before is not read at all.
        """
        if end + PADDING > len(buffer):
            return None
        address = ctypes.addressof(ctypes.c_char.from_buffer(buffer))
        rows = self._library.count_lines(address, start, end)
        cells = [_Cells(name, column, rows, end - start) for name, column in self._columns]
        structures = (_Column * len(cells))(*(each.structure() for each in cells))
        runs = self._library.parse_lines(address, start, end, ctypes.addressof(structures), len(cells), rows)
        return None if runs < 0 else _parsed(cells, int(runs))


class _Cells:
    """Memory for the cells of one column."""

    def __init__(self, name: str, column: Column | None, rows: int, room: int) -> None:
        """``room``: bytes of the block, more than any column's text."""
        self.name, self.column, self.rows = name, column, rows
        self.kind = _TICKER if name == "ticker" else _KINDS[column.type] if column else _TEXT
        self.values: np.typing.NDArray[Any] | None = None
        self.missing: Mask | None = None
        self.offsets: np.typing.NDArray[np.int32] | None = None
        self.text: np.typing.NDArray[np.uint8] | None = None
        if self.kind in {_TICKER, _TEXT}:
            self.offsets, self.text = np.empty(rows + 1, np.int32), np.empty(room + PADDING, np.uint8)
            self.offsets[0] = 0
        if self.kind != _TEXT:
            kinds: dict[int, Any] = {_TICKER: np.int32, _DATE: np.int32, _DECIMAL: np.float64}
            self.values = np.empty(rows, kinds.get(self.kind, np.int64))
            if column and column.nullable:
                self.missing = np.empty(rows, np.bool_)

    def structure(self) -> _Column:
        most = LARGEST_COUNTS.get(self.column.type, _LAST_MOMENT) if self.column else 0
        pointers = (each.ctypes.data if each is not None else None for each in self._arrays)
        quoted = self.column is not None and self.column.type in _QUOTED
        return _Column(self.kind, self.missing is not None, quoted, 0, most, *pointers)

    @property
    def _arrays(self) -> "tuple[np.typing.NDArray[Any] | None, ...]":
        return self.values, self.missing, self.offsets, self.text

    def strings(self, count: int) -> Any:
        """The first ``count`` texts; their bytes are copied, since they are few beside the room for them."""
        assert self.offsets is not None  # noqa: S101 (made for text)
        assert self.text is not None  # noqa: S101
        offsets = self.offsets[: count + 1]
        text = self.text[: offsets[-1]].tobytes()
        return pa.StringArray.from_buffers(count, pa.py_buffer(offsets.tobytes()), pa.py_buffer(text))


def _parsed(cells: Sequence[_Cells], runs: int) -> Parsed:
    numbers: dict[str, np.typing.NDArray[Any]] = {}
    missing: dict[str, Mask] = {}
    texts: dict[str, pa.StringArray] = {}
    run_names, run_of_row = None, np.zeros(0, np.int32)
    for each in cells:
        if each.kind == _TICKER and each.values is not None:
            run_names, run_of_row = each.strings(runs), each.values
        elif each.kind == _TEXT:
            texts[each.name] = each.strings(each.rows)
        elif each.values is not None:
            numbers[each.name] = each.values.astype("datetime64[D]") if each.kind == _DATE else each.values
            if each.missing is not None and each.missing.any():
                missing[each.name] = each.missing
    return Parsed(run_names, run_of_row, numbers, missing, texts)
