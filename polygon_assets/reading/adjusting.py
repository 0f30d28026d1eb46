"""Stored bars with their prices and volumes adjusted while they are read, as an Arrow dataset like any other.

Belongs here: reading batch by batch, and which conditions can be handed to the files. Does not: the factors
(``factors``).
"""

import datetime as dt
from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as pads

from polygon_assets.errors import InvalidInputError
from polygon_assets.flatfile.rows import Ints
from polygon_assets.reading.factors import Factors

SPLIT_FACTOR, DIVIDEND_FACTOR = "split_factor", "dividend_factor"
PRICES = frozenset({"open", "high", "low", "close"})
VOLUME = "volume"
_CHANGED = PRICES | {VOLUME, SPLIT_FACTOR, DIVIDEND_FACTOR}
_NEEDED = ("ticker", "date")


def adjusted_schema(schema: pa.Schema) -> pa.Schema:
    """``schema`` of raw bars with what adjusting changes: nulls where a factor is not known, and both factors.

    Raises:
        InvalidInputError: they are adjusted already.
    """
    if SPLIT_FACTOR in schema.names:
        raise InvalidInputError("These bars are adjusted already: adjusting them again would apply every event twice.")
    fields = [each.with_nullable(each.nullable or each.name in _CHANGED) for each in schema]
    return pa.schema([*fields, pa.field(SPLIT_FACTOR, pa.float64()), pa.field(DIVIDEND_FACTOR, pa.float64())])


def adjust_batch(batch: pa.RecordBatch, factors: Factors, names: list[str]) -> pa.RecordBatch:
    """The columns ``names`` of raw bars with ``ticker`` and ``date``, adjusted."""
    schema = adjusted_schema(batch.schema)
    days: Ints = batch.column("date").cast(pa.int32()).to_numpy().astype(np.int64)
    split, dividend = factors.of(batch.column("ticker"), days)
    both = split * dividend
    changed = {SPLIT_FACTOR: split, DIVIDEND_FACTOR: dividend, VOLUME: split, **dict.fromkeys(PRICES, both)}
    unknown = {id(factor): np.isnan(factor) for factor in (split, dividend, both)}
    masks = {key: mask if mask.any() else None for key, mask in unknown.items()}  # without one, nothing is copied
    columns: list[Any] = []
    for name in names:
        if name in changed:
            factor = changed[name]
            values = factor
            if name in PRICES:
                values = batch.column(name).to_numpy() * factor
            elif name == VOLUME:
                values = batch.column(name).to_numpy() / factor
            columns.append(pa.array(values, mask=masks[id(factor)]))
        else:
            columns.append(batch.column(name))
    return pa.record_batch(columns, schema=pa.schema([schema.field(name) for name in names]))


_InMemory: Any = pads.InMemoryDataset  # Arrow's stubs know neither its constructor nor what it may be subclassed for


class AdjustedDataset(_InMemory):  # type: ignore[misc]
    """A dataset of bars that are adjusted as they are read.

    Whatever reads through a scanner works on it: ``to_table``, ``to_batches``, ``head``, pandas, Polars, DuckDB. What
    Arrow would do without one (fragments, joins, sorting) is refused; do that with the table.
    """

    def __init__(self, raw: pads.Dataset, factors: Factors, condition: pc.Expression | None = None) -> None:
        """Adjust ``raw`` by ``factors``; ``condition`` holds for the rows that are given."""
        self._schema = adjusted_schema(raw.schema)
        super().__init__(self._schema.empty_table())
        self._raw, self._factors, self._condition = raw, factors, condition

    @property
    def as_of(self) -> dt.date:
        """Events after this day are left out."""
        return self._factors.as_of

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self._raw, self._factors, self._condition)

    def filter(self, expression: pc.Expression) -> "AdjustedDataset":
        """The rows for which ``expression`` holds, too; prices in it are adjusted ones."""
        both = expression if self._condition is None else self._condition & expression
        return AdjustedDataset(self._raw, self._factors, both)

    def scanner(self, columns: Any = None, filter: Any = None, **options: Any) -> pads.Scanner:  # noqa: A002 (Arrow's)
        """Read ``columns`` of the rows for which ``filter`` holds."""
        condition = filter
        if self._condition is not None:
            condition = self._condition if filter is None else self._condition & filter
        names = list(columns) if isinstance(columns, list | tuple) else list(self._schema.names)
        before, after = condition, None
        if condition is not None and not self._is_of_raw_columns(condition):
            before, after, names = None, condition, list(self._schema.names)
        schema = pa.schema([self._schema.field(name) for name in dict.fromkeys(names)])
        chosen = {"columns": columns} if columns is not None else {}
        return pads.Scanner.from_batches(
            self._batches(schema.names, before, options), schema=schema, filter=after, **chosen
        )

    def _batches(self, names: list[str], condition: Any, options: dict[str, Any]) -> Iterator[pa.RecordBatch]:
        needed = [name for name in self._raw.schema.names if name in names or name in _NEEDED]
        for batch in self._raw.to_batches(columns=needed, filter=condition, **options):
            if batch.num_rows:
                yield adjust_batch(batch, self._factors, names)

    def _is_of_raw_columns(self, condition: pc.Expression) -> bool:
        """Does ``condition`` name only columns that adjusting leaves alone? Arrow tells by binding it to those."""
        untouched = pa.schema([each for each in self._schema if each.name not in _CHANGED])
        try:
            pads.dataset(untouched.empty_table()).scanner(filter=condition)
        except (pa.ArrowInvalid, pa.ArrowKeyError):
            return False
        return True

    def count_rows(self, **options: Any) -> int:
        """The number of rows, from footers where that suffices."""
        condition = options.pop("filter", None)
        if self._condition is None and (condition is None or self._is_of_raw_columns(condition)):
            return int(self._raw.count_rows(filter=condition, **options))
        return int(self.scanner(filter=condition, **options).count_rows())

    def get_fragments(self, *_: Any, **__: Any) -> Iterator[pads.Fragment]:
        """Not to be had: a fragment is a file, and holds raw prices."""
        raise InvalidInputError("Adjusted bars have no fragments, which would be raw: read them with to_batches().")

    def replace_schema(self, *_: Any) -> "AdjustedDataset":
        """Not to be had."""
        raise InvalidInputError("The columns of adjusted bars are fixed: cast the table that to_table() gives.")

    def join(self, *arguments: Any, **options: Any) -> Any:
        """Join the adjusted rows, which are read first."""
        return _InMemory(self.to_table()).join(*arguments, **options)

    def join_asof(self, *arguments: Any, **options: Any) -> Any:
        """Join the adjusted rows, which are read first."""
        return _InMemory(self.to_table()).join_asof(*arguments, **options)

    def sort_by(self, sorting: Any, **options: Any) -> Any:
        """Sort the adjusted rows, which are read first."""
        return _InMemory(self.to_table()).sort_by(sorting, **options)
