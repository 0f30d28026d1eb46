"""The small seam between the store and where it lies: a folder on this machine, or a prefix of an S3 bucket.

Belongs here: listing, reading, publishing and deleting whole files by relative name. Does not: the store's layout.
Whatever is published appears whole or not at all.
"""

import os
import stat
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from tempfile import TemporaryFile
from typing import Protocol

import pyarrow as pa
import pyarrow.fs as pafs

from polygon_assets.addresses import S3_SCHEME, require_store
from polygon_assets.errors import InvalidInputError
from polygon_assets.store.local_entries import (
    copy_file,
    file_status,
    kind_of,
    mark_file,
    opened_file,
    opened_folder,
    put_file,
    remove_file,
)
from polygon_assets.store.marker import MARKER, identify, require_present
from polygon_assets.store.s3_folder import S3Folder
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

    def mark(self, name: str) -> None:
        """Make an empty file ``name``, if there is none."""

    def require_present(self) -> None:
        """See that the place is there that once held a store; StoreAbsentError where its disk is not mounted."""

    def require_answer(self) -> None:
        """See, within seconds, that whoever keeps the place answers; StoreUnreachableError where nobody does."""

    def is_begun(self) -> bool:
        """Has something been stored here? If not, that it can be made is looked at, and nothing is left behind.

        Raises:
            OSError: it cannot be made here.
        """

    def delete(self, name: str) -> None:
        """Remove the file ``name``, if there is one."""

    def names(self, folder: str) -> list[str]:
        """The names, below this one, of the files and folders in ``folder``, sorted; empty where it is missing."""

    def kinds(self, folder: str) -> dict[str, str]:
        """The same names, each with what it is, in words: ``a file``, ``a folder``, or something else."""

    def holding(self, folder: str, file: str) -> dict[str, str]:
        """Those of ``names`` that are folders with a ``file`` in them, sorted, and what tells this file from others.

        On S3 it costs listings, no request for each.
        """

    def size(self, name: str) -> int | None:
        """Bytes of the file ``name``; None where there is none."""

    def open(self, name: str) -> pa.NativeFile:
        """The file ``name``, for reading; FileNotFoundError where there is none.

        Raises:
            StoreError: on this machine, it is a link, or no file.
        """

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
        identify(self._path)
        return staging_folder(self._path / STAGING)

    def publish(self, staged: Path, name: str) -> None:
        """Flush ``staged`` to the disk, then rename it; readers see the old file or the new one."""
        put_file(staged, self._path, name)

    def mark(self, name: str) -> None:
        """An empty file, whose name has reached the disk."""
        mark_file(self._path, name)

    def delete(self, name: str) -> None:
        """Remove the file; its folder stays, since another process may be about to publish into it."""
        remove_file(self._path, name)

    def names(self, folder: str) -> list[str]:
        """Names in the folder."""
        try:
            with opened_folder(self._path, folder) as descriptor, os.scandir(descriptor) as entries:
                return sorted(entry.name for entry in entries)
        except (FileNotFoundError, NotADirectoryError):
            return []

    def kinds(self, folder: str) -> dict[str, str]:
        """What each name is itself, no link followed."""
        kinds = {}
        for name in self.names(folder):
            with suppress(FileNotFoundError, NotADirectoryError), opened_folder(self._path, folder) as descriptor:
                kinds[name] = kind_of(os.stat(name, dir_fd=descriptor, follow_symlinks=False).st_mode)
        return kinds

    def require_present(self) -> None:
        """By the marker in it."""
        require_present(self._path)

    def require_answer(self) -> None:
        """A folder needs nobody to answer."""

    def is_begun(self) -> bool:
        """By the marker; else the nearest folder that there is has to take a file."""
        require_present(self._path)
        if os.path.lexists(self._path / MARKER):
            return True
        with TemporaryFile(dir=next(each for each in (self._path, *self._path.parents) if each.is_dir())):
            return False

    def holding(self, folder: str, file: str) -> dict[str, str]:
        """Names of the folders that hold ``file``, with its size and the moment in which it was written."""
        require_present(self._path)
        held = {}
        try:
            with opened_folder(self._path, folder) as descriptor, os.scandir(descriptor) as entries:
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False):
                        with suppress(FileNotFoundError, NotADirectoryError):
                            found = os.stat(f"{entry.name}/{file}", dir_fd=descriptor, follow_symlinks=False)
                            if stat.S_ISREG(found.st_mode):
                                held[entry.name] = f"{found.st_size} {found.st_mtime_ns}"
        except (FileNotFoundError, NotADirectoryError):
            return {}
        return dict(sorted(held.items()))

    def size(self, name: str) -> int | None:
        """Bytes of the file."""
        try:
            return file_status(self._path, name).st_size
        except (FileNotFoundError, NotADirectoryError):
            return None

    def read(self, name: str) -> bytes:
        """The file's bytes."""
        with opened_file(self._path, name) as descriptor, os.fdopen(os.dup(descriptor), "rb") as file:
            return file.read()

    def open(self, name: str) -> pa.NativeFile:
        """Through Arrow, once it is known to be a file and no link."""
        file_status(self._path, name)
        return self._filesystem.open_input_file(name)

    def copy_to(self, name: str, target: Path) -> None:
        """A hard link where possible: staged sources are only read."""
        copy_file(self._path, name, target)


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
        InvalidInputError: it is neither a folder nor ``s3://bucket/prefix``.
    """
    try:
        require_store(uri)
    except InvalidInputError as error:
        raise InvalidInputError(f"Invalid store: {error}") from None
    if uri.startswith(S3_SCHEME):
        return S3Folder(
            uri,
            endpoint_url=endpoint_url,
            region=region,
            access_key_id=access_key_id,
            secret_access_key=secret_access_key,
        )
    return LocalFolder(Path(uri))
