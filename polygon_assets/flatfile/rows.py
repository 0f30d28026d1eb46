"""Rows of one flat file as columns, between numpy and Arrow: what the steps of a conversion hand to each other.

pyarrow's type stubs guess wrong here, so ``Any`` ends in this module.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc


def array(values: "npt.NDArray[Any]", *, missing: "npt.NDArray[np.bool_] | None" = None, kind: Any = None) -> Any:
    """``values`` as an Arrow array of type ``kind`` (None: numpy's own), null where ``missing``."""
    return pa.array(values, mask=missing, type=kind)


def dictionary_array(codes: "npt.NDArray[np.int32] | Any", names: Any) -> Any:
    """The array that has ``names[code]`` for each of ``codes``."""
    return pa.DictionaryArray.from_arrays(codes if isinstance(codes, pa.Array) else array(codes), names)


def string_bytes(names: pa.StringArray) -> tuple["npt.NDArray[np.int32]", "npt.NDArray[np.uint8]"]:
    """Where each name starts, with the end of the last one, and the bytes these count in."""
    buffers: list[Any] = list(names.buffers())
    offsets = np.frombuffer(buffers[1] or bytes(4), dtype=np.int32)[names.offset :][: len(names) + 1]
    return offsets, np.frombuffer(buffers[2] or b"", dtype=np.uint8)


def ascending(names: Any) -> bool:
    """Does each name sort strictly after the one before it, byte by byte?"""
    return len(names) < 2 or bool(pc.all(pc.less(names.slice(0, len(names) - 1), names.slice(1))).as_py())  # noqa: PLR2004


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = 1_000
"""Nanoseconds."""

Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]
Column = npt.NDArray[Any]


@dataclass(frozen=True, kw_only=True)
class Batch:
    """Some rows of a flat file, in the order of the file unless sorted."""

    names: pa.StringArray
    """The tickers that occur, each once, in order of appearance."""
    codes: npt.NDArray[np.int32]
    """For each row the index of its ticker in ``names``."""
    columns: Mapping[str, Column]
    """Every column of numbers or of moments, the latter in nanoseconds since 1970, as in the file."""
    missing: Mapping[str, Mask] = field(default_factory=dict)
    """For columns with empty cells: which they are. What stands there in ``columns`` means nothing."""
    texts: Mapping[str, pa.StringArray] = field(default_factory=dict)
    """Every column of text but the ticker, those that the table does not know included."""
    time: str
    """The column that orders a ticker's rows."""
    granularity: int
    """Nanoseconds in a unit of ``times``."""
    times: Ints
    """The column ``time`` in units of ``granularity`` since 1970, rounded down."""
    lines: Ints
    """For each row the line of the file it stood on; the header is line 1."""

    def __len__(self) -> int:
        return len(self.codes)

    @property
    def on_grid(self) -> Mask:
        """Which rows' moments are whole multiples of ``granularity``."""
        on_grid: Mask = self.times * self.granularity == self.columns[self.time]
        return on_grid

    def take(self, rows: Ints | Mask) -> "Batch":
        """The rows that ``rows`` names, by mask or by index; ``names`` are reduced to those that still occur."""
        encoded = dictionary_array(self.codes[rows], self.names)
        compact = encoded.cast(pa.string()).dictionary_encode()
        indices = array(np.flatnonzero(rows) if rows.dtype == np.bool_ else rows)
        return replace(
            self,
            names=compact.dictionary,
            codes=compact.indices.to_numpy(),
            columns={name: column[rows] for name, column in self.columns.items()},
            missing={name: mask[rows] for name, mask in self.missing.items()},
            texts={name: text.take(indices) for name, text in self.texts.items()},
            times=self.times[rows],
            lines=self.lines[rows],
        )

    def describe(self, rows: Ints) -> tuple[dict[str, Any], ...]:
        """The rows at the indices ``rows`` as plain, JSON-ready values, ``line`` first."""
        described = []
        for row in rows.tolist():
            values: dict[str, Any] = {"line": int(self.lines[row]), "ticker": self.names[int(self.codes[row])].as_py()}
            values |= {name: self._plain(name, row) for name in self.columns}
            described.append(values | {name: text[row].as_py() for name, text in self.texts.items()})
        return tuple(described)

    def _plain(self, name: str, row: int) -> Any:
        if name in self.missing and self.missing[name][row]:
            return None
        value = self.columns[name][row].item()
        if name == self.time:
            return _moment(value, self.granularity)
        if isinstance(value, date):
            return value.isoformat()
        return value if np.isfinite(value) else str(value)

    @staticmethod
    def concatenated(batches: Sequence["Batch"]) -> "Batch":
        """All rows of ``batches`` (at least one), in their order."""
        tickers = pa.chunked_array([dictionary_array(batch.codes, batch.names) for batch in batches])
        merged: Any = tickers.unify_dictionaries().combine_chunks()
        first = batches[0]
        return replace(
            first,
            names=merged.dictionary,
            codes=merged.indices.to_numpy(),
            columns={name: np.concatenate([batch.columns[name] for batch in batches]) for name in first.columns},
            missing={
                name: np.concatenate([_mask(batch, name) for batch in batches])
                for name in {name for batch in batches for name in batch.missing}
            },
            texts={name: pa.concat_arrays([batch.texts[name] for batch in batches]) for name in first.texts},
            times=np.concatenate([batch.times for batch in batches]),
            lines=np.concatenate([batch.lines for batch in batches]),
        )


def name_lengths(names: pa.StringArray) -> Column:
    """The length of each name in bytes."""
    lengths: Column = np.diff(string_bytes(names)[0])
    return lengths


def _mask(batch: Batch, name: str) -> Mask:
    return batch.missing.get(name, np.zeros(len(batch), dtype=np.bool_))


def _moment(nanoseconds: int, granularity: int) -> Any:
    """ISO 8601 where the moment is a whole multiple of ``granularity``; else, or beyond all dates, the number."""
    if nanoseconds % granularity:
        return nanoseconds
    try:
        moment = _EPOCH + timedelta(microseconds=nanoseconds // _MICROSECOND)
    except OverflowError:
        return nanoseconds
    rest = nanoseconds % _MICROSECOND
    return moment.isoformat() if not rest else nanoseconds
