"""Source files that lie in the store: handed out only as what they were, byte for byte, when they were kept.

So that corruption on a disk is never taken for a wrong file of the vendor's.
"""

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from polygon_assets.errors import CorruptFileError
from polygon_assets.flatfile.provenance import UNREADABLE, Source, etag_stem, source_from_plain, source_to_plain
from polygon_assets.store.folders import Folder


@dataclass(frozen=True)
class RetainedSource:
    """A source file that lies in the store."""

    source: Source
    bring: Callable[[Path], None]
    """Puts it at a path, where it is only to be read; CorruptFileError where it is not what was kept."""
    refused: bool
    """It lies in quarantine."""


def digest(path: Path) -> str:
    """The SHA-256 of a file, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def fetch_copy(folder: Folder, name: str, target: Path, expected: str) -> None:
    """Bring the file ``name`` to ``target``.

    Raises:
        CorruptFileError: its digest is not ``expected``.
        StoreError, OSError: it cannot be read.
    """
    folder.copy_to(name, target)
    if digest(target) != expected:
        raise CorruptFileError(
            f"{folder.uri}/{name}: no longer what was kept: its SHA-256 differs. It is fetched again."
        )


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
        """Bring the kept file to ``target``, which is only to be read; CorruptFileError where it has changed."""
        self._bring(f"{_place(dataset, day)}/{etag_stem(source.etag)}", target)

    def copies(self, dataset: str) -> Iterator[tuple[str, Callable[[Path], None]]]:
        """Every kept file of ``dataset``: its URI, and what brings it to a path, or says that it has changed."""
        for day in self._folder.names(f"{ROOT}/{dataset}"):
            place = f"{ROOT}/{dataset}/{day}"
            for name in self._folder.names(place):
                if name.endswith(".json"):
                    stem = f"{place}/{name.removesuffix('.json')}"
                    yield f"{self._folder.uri}/{stem}.csv.gz", partial(self._bring, stem)

    def _bring(self, stem: str, target: Path) -> None:
        expected = str(json.loads(self._folder.read(f"{stem}.json"))["sha256"])
        fetch_copy(self._folder, f"{stem}.csv.gz", target, expected)

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
        except UNREADABLE:
            return None


def _place(dataset: str, day: str) -> str:
    return f"{ROOT}/{dataset}/date={day}"
