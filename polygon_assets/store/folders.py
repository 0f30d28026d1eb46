"""The small seam between the store and where it lies: a folder on this machine, or a prefix of an S3 bucket.

Belongs here: listing, reading, publishing and deleting whole files by relative name. Does not: the store's layout.
Whatever is published appears whole or not at all.
"""

import os
import shutil
import stat
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from typing import Protocol

import pyarrow.fs as pafs

from polygon_assets.errors import InvalidInputError
from polygon_assets.store.s3_folder import SCHEME, S3Folder, require_name
from polygon_assets.store.staging import staging_folder

STAGING = "_staging"


class Folder(Protocol):
    """Where a store lies. Names are relative, with ``/``."""

    uri: str
    """What it is called, without a trailing ``/``."""

    @property
    def filesystem(self) -> pafs.FileSystem:
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

    def holding(self, folder: str, file: str) -> dict[str, str]:
        """Those of ``names`` that are folders with a ``file`` in them, sorted, and what tells this file from others.

        On S3 it costs listings, no request for each.
        """

    def size(self, name: str) -> int | None:
        """Bytes of the file ``name``; None where there is none."""

    def read(self, name: str) -> bytes:
        """All of the small file ``name``; FileNotFoundError where there is none."""

    def copy_to(self, name: str, target: Path) -> None:
        """Copy the file ``name`` to ``target`` on this machine."""


class LocalFolder:
    """A folder on this machine, or one that is mounted."""

    def __init__(self, path: Path) -> None:
        self._path = path.expanduser().absolute()
        self.uri = str(self._path)
        self._filesystem = pafs.SubTreeFileSystem(str(self._path), pafs.LocalFileSystem())

    @property
    def filesystem(self) -> pafs.FileSystem:
        """Arrow's own reader."""
        return self._filesystem

    def staging(self) -> AbstractContextManager[Path]:
        """Within the store, so that publishing is a rename on one file system."""
        return staging_folder(self._path / STAGING)

    def publish(self, staged: Path, name: str) -> None:
        """Flush ``staged`` to the disk, then rename it; readers see the old file or the new one."""
        target = self._path / require_name(name)
        target.parent.mkdir(parents=True, exist_ok=True)
        with staged.open("rb") as file:
            os.fsync(file.fileno())
        staged.replace(target)
        _flush_folder(target.parent)

    def delete(self, name: str) -> None:
        """Remove the file; its folder stays, since another process may be about to publish into it."""
        (self._path / require_name(name)).unlink(missing_ok=True)

    def names(self, folder: str) -> list[str]:
        """Names in the folder."""
        path = self._path / require_name(folder) if folder else self._path
        return sorted(entry.name for entry in path.iterdir()) if path.is_dir() else []

    def holding(self, folder: str, file: str) -> dict[str, str]:
        """Names of the folders that hold ``file``, with its size and the moment in which it was written."""
        held = {}
        for name in self.names(folder):
            with suppress(FileNotFoundError, NotADirectoryError):
                found = (self._path / folder / name / file).stat()
                if stat.S_ISREG(found.st_mode):
                    held[name] = f"{found.st_size} {found.st_mtime_ns}"
        return held

    def size(self, name: str) -> int | None:
        """Bytes of the file."""
        try:
            return (self._path / require_name(name)).stat().st_size
        except (FileNotFoundError, NotADirectoryError):
            return None

    def read(self, name: str) -> bytes:
        """The file's bytes."""
        return (self._path / require_name(name)).read_bytes()

    def copy_to(self, name: str, target: Path) -> None:
        """A hard link where possible: staged sources are only read."""
        try:
            target.hardlink_to(self._path / require_name(name))
        except OSError:  # not every file system has hard links
            shutil.copyfile(self._path / require_name(name), target)


def open_folder(
    uri: str,
    *,
    endpoint_url: str | None = None,
    region: str | None = None,
    access_key_id: str | None = None,
    secret_access_key: str | None = None,
) -> Folder:
    """The folder that ``uri`` names; the settings are for S3.

    Raises:
        InvalidInputError: a kind of URI that is not supported.
    """
    if uri.startswith(SCHEME):
        return S3Folder(
            uri,
            endpoint_url=endpoint_url,
            region=region,
            access_key_id=access_key_id,
            secret_access_key=secret_access_key,
        )
    if "://" in uri or not uri:
        raise InvalidInputError(f"Invalid store: {uri.rpartition('@')[2]!r}; it is a folder or s3://bucket/prefix")
    return LocalFolder(Path(uri))


def _flush_folder(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
