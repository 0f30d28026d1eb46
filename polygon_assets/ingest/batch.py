"""Rows of one flat file, as columns: what the steps of a conversion hand to each other."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from polygon_assets.ingest.arrow_arrays import dictionary_array, string_bytes

NANOSECONDS_PER_MINUTE = 60_000_000_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]
Column = npt.NDArray[Any]


@dataclass(frozen=True)
class Batch:
    """Some rows of a flat file, in the order of the file unless sorted."""

    names: pa.StringArray
    """The tickers that occur, each once, in order of appearance."""
    codes: npt.NDArray[np.int32]
    """For each row the index of its ticker in ``names``."""
    columns: Mapping[str, Column]
    """Every other column of the header; ``window_start`` in nanoseconds since 1970, as in the file."""
    minutes: Ints
    """``window_start`` in whole minutes since 1970, rounded down."""
    lines: Ints
    """For each row the line of the file it stood on; the header is line 1."""

    def __len__(self) -> int:
        return len(self.codes)

    def take(self, rows: Ints | Mask) -> "Batch":
        """The rows that ``rows`` names, by mask or by index; ``names`` are reduced to those that still occur."""
        encoded = dictionary_array(self.codes[rows], self.names)
        compact = encoded.cast(pa.string()).dictionary_encode()
        return Batch(
            compact.dictionary,
            compact.indices.to_numpy(),
            {name: column[rows] for name, column in self.columns.items()},
            self.minutes[rows],
            self.lines[rows],
        )

    def describe(self, rows: Ints) -> tuple[dict[str, Any], ...]:
        """The rows at the indices ``rows`` as plain, JSON-ready values, ``line`` first."""
        described = []
        for row in rows.tolist():
            values: dict[str, Any] = {"line": int(self.lines[row]), "ticker": self.names[int(self.codes[row])].as_py()}
            values |= {name: _plain(name, column[row].item()) for name, column in self.columns.items()}
            described.append(values)
        return tuple(described)

    @staticmethod
    def concatenated(batches: Sequence["Batch"]) -> "Batch":
        """All rows of ``batches`` (at least one), in their order."""
        tickers = pa.chunked_array([dictionary_array(batch.codes, batch.names) for batch in batches])
        merged: Any = tickers.unify_dictionaries().combine_chunks()
        return Batch(
            merged.dictionary,
            merged.indices.to_numpy(),
            {name: np.concatenate([batch.columns[name] for batch in batches]) for name in batches[0].columns},
            np.concatenate([batch.minutes for batch in batches]),
            np.concatenate([batch.lines for batch in batches]),
        )


def name_lengths(names: pa.StringArray) -> Column:
    """The length of each name in bytes."""
    lengths: Column = np.diff(string_bytes(names)[0])
    return lengths


def _plain(name: str, value: float) -> Any:
    if name == "window_start":
        minutes, rest = divmod(int(value), NANOSECONDS_PER_MINUTE)
        try:
            moment = _EPOCH + timedelta(minutes=minutes)
        except OverflowError:
            return int(value)
        return moment.isoformat() if not rest else int(value)
    return value if np.isfinite(value) else str(value)
