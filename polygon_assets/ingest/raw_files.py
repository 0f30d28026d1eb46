"""Source files kept beside the Parquet: what fell below the plan's history floor can never be fetched again.

    {store}/_raw/{dataset}/date=YYYY-MM-DD/{etag}.csv.gz    as received and verified
    {store}/_raw/{dataset}/date=YYYY-MM-DD/{etag}.json      where it came from; written last, so it vouches for the file

Belongs here: keeping and finding them. Does not: whether to (``pipeline``).
"""

import json
from pathlib import Path

from polygon_assets.ingest.copies import digest, fetch_copy
from polygon_assets.ingest.folders import Folder
from polygon_assets.ingest.provenance import Source, etag_stem, source_from_plain, source_to_plain

ROOT = "_raw"


class RawFiles:
    """The kept source files of one store."""

    def __init__(self, folder: Folder) -> None:
        self._folder = folder

    def source(self, dataset: str, day: str) -> Source | None:
        """Where the newest kept file of ``day`` came from; None where none is kept whole."""
        place = _place(dataset, day)
        records = (self._read(f"{place}/{name}") for name in self._folder.names(place) if name.endswith(".json"))
        whole = [
            source
            for source in records
            if source and self._folder.size(f"{place}/{etag_stem(source.etag)}.csv.gz") == source.size
        ]
        return max(whole, key=lambda source: source.last_modified, default=None)

    def fetch(self, dataset: str, day: str, source: Source, target: Path) -> None:
        """Bring the kept file to ``target``, which is only to be read; RottenCopyError where it has changed."""
        name = f"{_place(dataset, day)}/{etag_stem(source.etag)}"
        expected = str(json.loads(self._folder.read(f"{name}.json"))["sha256"])
        fetch_copy(self._folder, f"{name}.csv.gz", target, expected)

    def keep(self, raw: Path, dataset: str, day: str, source: Source) -> None:
        """Keep ``raw``, which moves here, and drop an older version."""
        place, stem = _place(dataset, day), etag_stem(source.etag)
        record = raw.with_name(f"{raw.name}.json")
        record.write_text(json.dumps({**source_to_plain(source), "sha256": digest(raw)}), encoding="utf-8")
        self._folder.publish(raw, f"{place}/{stem}.csv.gz")
        self._folder.publish(record, f"{place}/{stem}.json")
        older = [name for name in self._folder.names(place) if not name.startswith(f"{stem}.")]
        for name in sorted(older, key=lambda name: not name.endswith(".json")):  # it vouches for the other
            self._folder.delete(f"{place}/{name}")

    def _read(self, name: str) -> Source | None:
        try:
            return source_from_plain(json.loads(self._folder.read(name)))
        except (FileNotFoundError, ValueError, KeyError, TypeError):
            return None


def _place(dataset: str, day: str) -> str:
    return f"{ROOT}/{dataset}/date={day}"
