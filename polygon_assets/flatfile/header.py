"""The header line of a flat file against the table: which columns there are, whatever their order.

A column that the table does not know is kept as text, and one that is optional may be missing: what the vendor adds
tomorrow must not cost a day. A required column that is missing or renamed refuses the file.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from polygon_assets.datasets import Dataset
from polygon_assets.errors import HeaderError

READER_VERSION = "2"
"""Raise it when files that were refused can be read now: those in quarantine are then judged again."""
MAX_UNKNOWN_COLUMNS = 32
"""More are no added columns but another kind of file."""
MAX_NAME_LENGTH = 64
_RESERVED = ("date", "line")
"""Columns that readers, and the rejected rows, add under these names."""


@dataclass(frozen=True)
class Header:
    """The columns of one file."""

    names: tuple[str, ...]
    """As in the file, in its order."""
    unknown: Mapping[str, str]
    """Columns that the table does not know, and the names they are stored under, in the file's order."""
    absent: tuple[str, ...]
    """Optional columns of the table that the file lacks."""

    @classmethod
    def of(cls, names: Sequence[str], dataset: Dataset, source: str) -> "Header":
        """Find the columns of ``dataset`` among ``names``, the header line of the file called ``source``.

        Raises:
            HeaderError: a required column is missing, a name stands there twice or is none; names expected and found.
        """
        known = {column.name: column for column in dataset.columns}
        missing = [name for name, column in known.items() if name not in names and not column.optional]
        unknown = [name for name in names if name not in known]
        twice = [name for name, count in Counter(names).items() if count > 1]
        if missing or twice or len(unknown) > MAX_UNKNOWN_COLUMNS or not all(map(_is_name, unknown)):
            raise HeaderError(source, expected=dataset.header, found=names)
        taken = {column.name for column in dataset.stored_columns} | set(_RESERVED)
        return cls(
            tuple(names),
            {name: f"file_{name}" if name in taken else name for name in unknown},
            tuple(name for name in known if name not in names),
        )

    @property
    def sample(self) -> tuple[Mapping[str, Any], ...]:
        """The unknown columns, as the rows that a finding shows."""
        return tuple({"column": name} for name in self.unknown)


def _is_name(name: str) -> bool:
    return 0 < len(name) <= MAX_NAME_LENGTH and name.isascii() and name.isidentifier()
