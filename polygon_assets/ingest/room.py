"""Room on the disk: asked for before a file is fetched, and kept for it until its day ends.

A source file and its Parquet file lie side by side while one becomes the other. Belongs here: how much that is, and who
has it. Does not: how many days are under way (``pipeline``).
"""

import asyncio
import shutil
from pathlib import Path

from polygon_assets.datasets import Dataset
from polygon_assets.download.transfer_options import DEFAULTS
from polygon_assets.errors import StoreError

PARTS_FOLDER = "downloads"
"""Beside the staging folders of runs: what is whole of large objects, for the run after one that was killed."""

_UNITS = (("GB", 10**9), ("MB", 10**6), ("kB", 10**3))


def parts_folder(staging: Path) -> Path:
    """Where the parts of large objects are collected, on the disk of a run's ``staging`` folder."""
    return staging.parent / PARTS_FOLDER


def is_large(dataset: Dataset) -> bool:
    """Are the days of ``dataset`` so large that the disk is asked about each before its first byte?"""
    return dataset.typical_bytes > DEFAULTS.large_object_bytes


def bytes_while_converting(dataset: Dataset, source_bytes: int, *, filtered: bool) -> int:
    """What a source file and its Parquet file take together; of a ``filtered`` day, little is left."""
    return source_bytes if filtered else round(source_bytes * (1 + dataset.layout.parquet_per_source_byte))


def days_for(dataset: Dataset, wanted: int, workers: int, staging: Path, *, filtered: bool) -> int:
    """How many of the ``wanted`` days the disk holds at once, at least one; of large ones no more than ``workers``."""
    each = max(1, bytes_while_converting(dataset, dataset.typical_bytes, filtered=filtered))
    if is_large(dataset):
        wanted = min(wanted, workers)
    return max(1, min(wanted, shutil.disk_usage(staging).free // each))


class Room:
    """What the days under way need of the disk of a run's staging folder, until they end.

    What one of them has written already is counted once: as needed, and no longer as free. For one event loop.
    """

    def __init__(self, dataset: Dataset, staging: Path, *, filtered: bool) -> None:
        """Nobody needs anything yet; ``filtered``: little is left of each day."""
        self._dataset, self._staging, self._filtered = dataset, staging, filtered
        self._needed: dict[str, int] = {}
        self._released = asyncio.Condition()

    async def wait_for(self, key: str, source_bytes: int) -> None:
        """Wait until the disk holds ``key`` beside the others under way, then keep room for it.

        Raises:
            StoreError: it does not even hold it alone.
        """
        async with self._released:
            await self._released.wait_for(lambda: self._fits(key, source_bytes))
        self.take(key, source_bytes)

    def take(self, key: str, source_bytes: int) -> None:
        """Keep room for ``key``, whose size was not known before, or was another one.

        Raises:
            StoreError: the disk cannot hold it, however few the others are; says how much is needed.
        """
        needed = self._bytes_for(source_bytes)
        if not self._holds(needed):
            free = self._free()
            raise StoreError(
                f"{key}: the source file ({_amount(source_bytes)}) and its Parquet file need {_amount(needed)} "
                f"in {self._staging.parent}, where {_amount(free)} are free. Free {_amount(needed - free)}, or "
                "set POLYGON_STORE (for a store on S3: TMPDIR) to a larger disk."
            )
        self._needed[key] = needed

    async def release(self, key: str) -> None:
        """The day of ``key`` has ended; whoever waits looks again."""
        if self._needed.pop(key, None) is not None:
            async with self._released:
                self._released.notify_all()

    def _fits(self, key: str, source_bytes: int) -> bool:
        others = sum(needed for each, needed in self._needed.items() if each != key)
        return not others or self._holds(others + self._bytes_for(source_bytes))

    def _bytes_for(self, source_bytes: int) -> int:
        return bytes_while_converting(self._dataset, source_bytes, filtered=self._filtered)

    def _holds(self, needed: int) -> bool:
        """Folders are walked only where that can make the difference: a third of what many small days cost the loop."""
        return needed <= shutil.disk_usage(self._staging).free or needed <= self._free()

    def _free(self) -> int:
        """What is free, and what days under way, and parts of earlier runs, take already."""
        return shutil.disk_usage(self._staging).free + sum(map(_bytes_in, (self._staging, parts_folder(self._staging))))


def _bytes_in(folder: Path) -> int:
    """What the files of ``folder`` take of the disk; some may vanish meanwhile."""
    taken = 0
    for entry in folder.rglob("*") if folder.is_dir() else ():
        try:
            taken += entry.stat().st_blocks * 512
        except FileNotFoundError:
            continue
    return taken


def _amount(size: int) -> str:
    """In the unit of which there is at least one; a small file once needed "0.0 GB" where "0.0 GB" were free."""
    unit, scale = next((each for each in _UNITS if size >= each[1]), _UNITS[-1])
    return f"{size / scale:,.1f} {unit}"
