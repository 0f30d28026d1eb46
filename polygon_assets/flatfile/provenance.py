"""Where a stored day came from: the record in its own footer.

Belongs here: the footer's key-value metadata, written and read. Does not: the rest of the Parquet file.
"""

import datetime as dt
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from polygon_assets.datasets import Dataset
from polygon_assets.errors import StoreError
from polygon_assets.filters import ALL_ROWS, RowFilter
from polygon_assets.flatfile.findings import Finding, from_json, to_json

_PREFIX = "polygon."
_LONGEST_STEM = 128
"""S3's own ETags have 32 to 38 characters; a file's name has 255, what stands behind this one included."""
UNREADABLE = (OSError, StoreError, ValueError, KeyError, TypeError, AttributeError, RecursionError)
"""What reading a record raises that is no record of this project: garbage, a folder or a pipe of that name."""


@dataclass(frozen=True)
class Source:
    """The object that a day was made from, as the answer that carried its bytes described it."""

    uri: str
    """``s3://bucket/key``."""
    key: str
    """Full key inside the bucket."""
    etag: str
    """Without quotes."""
    last_modified: dt.datetime
    """Aware, UTC."""
    size: int
    """Compressed bytes."""


def etag_stem(etag: str) -> str:
    """``etag`` as a part of a file's name: what is kept of two versions of an object never shares a name."""
    stem = re.sub(r"[^0-9A-Za-z-]", "_", etag) or "unknown"
    if len(stem) <= _LONGEST_STEM:
        return stem
    return f"{stem[: _LONGEST_STEM - 65]}-{hashlib.sha256(etag.encode()).hexdigest()}"


def source_to_plain(source: Source) -> dict[str, Any]:
    """``source`` as values for JSON."""
    return {**vars(source), "last_modified": source.last_modified.isoformat()}


def source_from_plain(record: Mapping[str, Any]) -> Source:
    """Read back what ``source_to_plain`` gave; ValueError, KeyError or TypeError where it did not give it."""
    last_modified = dt.datetime.fromisoformat(record["last_modified"])
    if last_modified.tzinfo is None:
        raise ValueError("last_modified without a time zone")
    return Source(
        uri=str(record["uri"]),
        key=str(record["key"]),
        etag=str(record["etag"]),
        last_modified=last_modified,
        size=int(record["size"]),
    )


_OF_A_FILTER = frozenset({"filter", "dropped_rows"})


@dataclass(frozen=True)
class Provenance:
    """What the footer of a stored day says."""

    source_uri: str
    source_key: str
    source_etag: str
    """Without quotes."""
    source_last_modified: str
    """ISO 8601, UTC."""
    source_bytes: int
    """Compressed bytes of the source file."""
    rows: int
    symbols: int
    """Distinct tickers."""
    schema_version: str
    """The dataset's schema version when it was written."""
    findings: tuple[Finding, ...]
    version: str
    """Version of this package that wrote it."""
    filter: str = ""
    """Which rows were kept (``filters.RowFilter``); empty: all."""
    dropped_rows: int = 0
    """Rows of the file that the filter left out."""

    def is_current(self, dataset: Dataset, row_filter: RowFilter = ALL_ROWS) -> bool:
        """Was it written under the schema version that ``dataset`` has today, with ``row_filter``?"""
        return self.has_current_rules(dataset) and self.filter == str(row_filter)

    def has_current_rules(self, dataset: Dataset) -> bool:
        """Was it written under the schema version that ``dataset`` has today, whatever was filtered?"""
        return self.schema_version == dataset.schema_version

    @classmethod
    def of(
        cls,
        source: Source,
        dataset: Dataset,
        *,
        rows: int,
        symbols: int,
        findings: tuple[Finding, ...],
        row_filter: RowFilter = ALL_ROWS,
        dropped_rows: int = 0,
    ) -> "Provenance":
        """The record of a day that is being written now."""
        return cls(
            source_uri=source.uri,
            source_key=source.key,
            source_etag=source.etag,
            source_last_modified=source.last_modified.astimezone(dt.UTC).isoformat(),
            source_bytes=source.size,
            rows=rows,
            symbols=symbols,
            schema_version=dataset.schema_version,
            findings=findings,
            version=_package_version(),
            filter=str(row_filter),
            dropped_rows=dropped_rows,
        )

    def to_metadata(self) -> dict[str, str]:
        """The footer's entries; those of a filter where there is one."""
        left_out = {"findings"} if self.filter else {"findings", *_OF_A_FILTER}
        values = {name: str(value) for name, value in vars(self).items() if name not in left_out}
        return {_PREFIX + name: value for name, value in {**values, "findings": to_json(self.findings)}.items()}

    @classmethod
    def from_metadata(cls, metadata: Mapping[bytes, bytes] | None) -> "Provenance":
        """Read the entries back.

        Raises:
            ValueError: entries are missing or not this project's; the message names them.
        """
        held = {key.decode(): value.decode() for key, value in (metadata or {}).items()}
        required = [name for name in cls.__dataclass_fields__ if name not in _OF_A_FILTER]
        missing = [_PREFIX + name for name in required if _PREFIX + name not in held]
        if missing:
            raise ValueError(f"the footer lacks {', '.join(missing)}")
        values = {name: held.get(_PREFIX + name, "") for name in cls.__dataclass_fields__}
        try:
            return cls(
                source_uri=values["source_uri"],
                source_key=values["source_key"],
                source_etag=values["source_etag"],
                source_last_modified=values["source_last_modified"],
                source_bytes=int(values["source_bytes"]),
                rows=int(values["rows"]),
                symbols=int(values["symbols"]),
                schema_version=values["schema_version"],
                findings=from_json(values["findings"]),
                version=values["version"],
                filter=values["filter"],
                dropped_rows=int(values["dropped_rows"] or 0),
            )
        except (KeyError, TypeError) as error:
            raise ValueError(f"the footer's findings are not this project's: {error!r}") from error


@cache
def _package_version() -> str:
    try:
        return version("polygon-assets")
    except PackageNotFoundError:  # run from a checkout that is not installed
        return "unknown"
