"""The small seam between the store and where it lies: a folder on this machine, or a prefix of an S3 bucket.

Belongs here: listing, reading, publishing and deleting whole files by relative name. Does not: the store's layout.
Whatever is published appears whole or not at all.
"""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Protocol

import pyarrow.fs as pafs

from polygon_assets.errors import StoreError
from polygon_assets.ingest.staging import staging_folder

STAGING = "_staging"


class Folder(Protocol):
    """Where a store lies. Names are relative, with ``/``."""

    uri: str
    """What it is called, without a trailing ``/``."""
    filesystem: pafs.FileSystem
    """Reads files by relative name."""

    def staging(self) -> AbstractContextManager[Path]:
        """A private folder on this machine from which files can be published."""

    def publish(self, staged: Path, name: str) -> None:
        """Make ``staged`` visible as ``name`` at once and whole, replacing what was there; ``staged`` may go.

        Raises:
            OSError, StoreError: it could not; what was there is still there.
        """

    def delete(self, name: str) -> None:
        """Remove the file ``name``, if there is one."""

    def names(self, folder: str) -> list[str]:
        """The names, below this one, of the files and folders in ``folder``, sorted; empty where it is missing."""

    def size(self, name: str) -> int | None:
        """Bytes of the file ``name``; None where there is none."""

    def copy_to(self, name: str, target: Path) -> None:
        """Copy the file ``name`` to ``target`` on this machine."""


class LocalFolder:
    """A folder on this machine, or one that is mounted."""

    def __init__(self, path: Path) -> None:
        self._path = path.expanduser().absolute()
        self.uri = str(self._path)
        self.filesystem: pafs.FileSystem = pafs.SubTreeFileSystem(str(self._path), pafs.LocalFileSystem())

    @contextmanager
    def staging(self) -> Iterator[Path]:
        """Within the store, so that publishing is a rename on one file system."""
        with staging_folder(self._path / STAGING) as folder:
            yield folder

    def publish(self, staged: Path, name: str) -> None:
        """Flush ``staged`` to the disk, then rename it; readers see the old file or the new one."""
        target = self._path / name
        target.parent.mkdir(parents=True, exist_ok=True)
        with staged.open("rb") as file:
            os.fsync(file.fileno())
        staged.replace(target)
        _flush_folder(target.parent)

    def delete(self, name: str) -> None:
        """Remove the file; its folder stays, since another process may be about to publish into it."""
        (self._path / name).unlink(missing_ok=True)

    def names(self, folder: str) -> list[str]:
        """Names in the folder."""
        path = self._path / folder
        return sorted(entry.name for entry in path.iterdir()) if path.is_dir() else []

    def size(self, name: str) -> int | None:
        """Bytes of the file."""
        try:
            return (self._path / name).stat().st_size
        except (FileNotFoundError, NotADirectoryError):
            return None

    def copy_to(self, name: str, target: Path) -> None:
        """A hard link where possible: staged sources are only read."""
        try:
            target.hardlink_to(self._path / name)
        except OSError:  # not every file system has hard links
            shutil.copyfile(self._path / name, target)


def open_folder(
    uri: str,
    *,
    endpoint_url: str | None = None,  # noqa: ARG001 (for S3, which is yet to come)
    region: str | None = None,  # noqa: ARG001
    access_key_id: str | None = None,  # noqa: ARG001
    secret_access_key: str | None = None,  # noqa: ARG001
) -> Folder:
    """The folder that ``uri`` names; the settings are for S3.

    Raises:
        StoreError: a kind of URI that is not supported.
    """
    if "://" in uri:
        raise StoreError(f"{uri}: a store is a folder on this machine")
    return LocalFolder(Path(uri))


def _flush_folder(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def temporary_staging() -> AbstractContextManager[Path]:
    """A staging folder for stores that do not lie on this machine."""
    return staging_folder(Path(tempfile.gettempdir()) / f"polygon-assets-staging-{os.getuid()}")
