"""Source files that lie in the store: handed out only as what they were, byte for byte, when they were kept.

So that rot on a disk is never taken for a wrong file of the vendor's. Belongs here: their digest. Does not: which
files are kept, and under which names (``raw_files``, ``quarantine``).
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from polygon_assets.errors import RottenCopyError
from polygon_assets.ingest.folders import Folder
from polygon_assets.ingest.provenance import Source


@dataclass(frozen=True)
class KeptCopy:
    """A source file that lies in the store."""

    source: Source
    bring: Callable[[Path], None]
    """Puts it at a path, where it is only to be read; RottenCopyError where it is not what was kept."""
    refused: bool
    """It lies in quarantine."""


def digest(path: Path) -> str:
    """The SHA-256 of a file, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def fetch_copy(folder: Folder, name: str, target: Path, expected: str) -> None:
    """Bring the file ``name`` to ``target``.

    Raises:
        RottenCopyError: its digest is not ``expected``.
        StoreError, OSError: it cannot be read.
    """
    folder.copy_to(name, target)
    if digest(target) != expected:
        raise RottenCopyError(
            f"{folder.uri}/{name}: no longer what was kept: its SHA-256 differs. It is fetched again."
        )
