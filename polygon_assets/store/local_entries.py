"""What entries of a store are; and files below a folder of this machine, reached without following a symbolic link.

Each folder is opened from the one before, so that a link planted between looking and using is refused, too. Belongs
here: reaching them. Does not: what they are for (``folders``). The topmost folder itself may be a link or a mount.
"""

import errno
import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from polygon_assets.calendars import parse_date
from polygon_assets.errors import InvalidInputError, LinkInStoreError, StoreError

FILE, FOLDER = "a file", "a folder"
"""What the entries of a store are; anything else does not belong there."""
_PREFIX = "date="
_YEARS = range(1900, 2200)
"""Beyond, arithmetic with dates and time zones fails."""
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
"""Opening a FIFO must not wait for its writer."""
_KINDS = (
    (stat.S_ISLNK, "a symbolic link"),
    (stat.S_ISDIR, FOLDER),
    (stat.S_ISREG, FILE),
    (stat.S_ISFIFO, "a named pipe"),
)


def is_partition(name: str) -> bool:
    """Is ``name`` that of a day's folder?

    >>> is_partition("date=2024-01-02"), is_partition("date=2024-02-30"), is_partition("date=9999-12-31")
    (True, False, False)
    """
    try:
        return name.startswith(_PREFIX) and parse_date(name.removeprefix(_PREFIX)).year in _YEARS
    except InvalidInputError:
        return False


@contextmanager
def opened_folder(root: Path, name: str, *, make: bool = False) -> Iterator[int]:
    """A descriptor of the folder ``name`` below ``root``; empty: ``root``. ``make`` makes what is missing.

    Raises:
        LinkInStoreError: a link on the way.
        FileNotFoundError, NotADirectoryError: there is no such folder.
    """
    parts = _parts(name)
    if make:
        root.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for number, part in enumerate(parts, start=1):
            inner = _entered(descriptor, part, root.joinpath(*parts[:number]), make=make)
            os.close(descriptor)
            descriptor = inner
        yield descriptor
    finally:
        os.close(descriptor)


@contextmanager
def opened_file(root: Path, name: str) -> Iterator[int]:
    """A descriptor of the regular file ``name`` below ``root``, for reading.

    Raises:
        LinkInStoreError: it is a link, or one is on the way.
        StoreError: it is no file, but a folder, a pipe or a device.
        FileNotFoundError, NotADirectoryError: there is none.
    """
    with _beside(root, name) as (folder, last):
        _require_file(os.stat(last, dir_fd=folder, follow_symlinks=False), root / name)
        try:
            descriptor = os.open(last, _FILE, dir_fd=folder)
        except OSError as error:
            raise (LinkInStoreError(root / name) if error.errno == errno.ELOOP else error) from None
        try:
            _require_file(os.fstat(descriptor), root / name)
            yield descriptor
        finally:
            os.close(descriptor)


def file_status(root: Path, name: str) -> os.stat_result:
    """What is known of the file ``name`` below ``root``; raises as ``opened_file`` does."""
    with _beside(root, name) as (folder, last):
        found = os.stat(last, dir_fd=folder, follow_symlinks=False)
    _require_file(found, root / name)
    return found


def put_file(staged: Path, root: Path, name: str) -> None:
    """Flush ``staged`` and rename it to ``name`` below ``root``; a link of that name is replaced, not followed."""
    folder, last = _split(name)
    with opened_folder(root, folder, make=True) as descriptor:
        with staged.open("rb") as file:
            os.fsync(file.fileno())
        os.replace(staged, last, dst_dir_fd=descriptor)
        os.fsync(descriptor)


def mark_file(root: Path, name: str) -> None:
    """Make an empty file ``name`` below ``root``, and see that its name has reached the disk."""
    folder, last = _split(name)
    with opened_folder(root, folder, make=True) as descriptor:
        os.close(os.open(last, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o666, dir_fd=descriptor))
        os.fsync(descriptor)


def copy_file(root: Path, name: str, target: Path) -> None:
    """Give the file ``name`` below ``root`` the second name ``target``, or copy it where there are no hard links."""
    with opened_file(root, name) as source, _beside(root, name) as (folder, last):
        try:
            os.link(last, target, src_dir_fd=folder, follow_symlinks=False)
        except OSError:  # not every file system has hard links
            with os.fdopen(os.dup(source), "rb") as file, target.open("xb") as copy:
                shutil.copyfileobj(file, copy)


def remove_file(root: Path, name: str) -> None:
    """Remove the file ``name`` below ``root``, if there is one; of a link, the link."""
    with suppress(FileNotFoundError), _beside(root, name) as (folder, last):
        os.unlink(last, dir_fd=folder)


def kind_of(mode: int) -> str:
    """What the mode of an entry says that it is, in words."""
    return next((words for test, words in _KINDS if test(mode)), "a device or a socket")


def _entered(parent: int, part: str, path: Path, *, make: bool) -> int:
    if make:
        with suppress(FileExistsError):
            os.mkdir(part, dir_fd=parent)
    try:
        return os.open(part, _FOLDER, dir_fd=parent)
    except OSError as error:
        if error.errno in {errno.ELOOP, errno.ENOTDIR} and _is_link(parent, part):
            raise LinkInStoreError(path) from None
        raise type(error)(error.errno, os.strerror(error.errno or 0), str(path)) from None


def _is_link(parent: int, name: str) -> bool:
    with suppress(FileNotFoundError):
        return stat.S_ISLNK(os.stat(name, dir_fd=parent, follow_symlinks=False).st_mode)
    return False


@contextmanager
def _beside(root: Path, name: str) -> Iterator[tuple[int, str]]:
    folder, last = _split(name)
    with opened_folder(root, folder) as descriptor:
        yield descriptor, last


def _split(name: str) -> tuple[str, str]:
    *folders, last = require_name(name).split("/")
    return "/".join(folders), last


def require_name(name: str) -> str:
    """``name``, if it leads down from the store, one folder at a time: on S3 and on disk the same names are refused.

    Raises:
        InvalidInputError: it is empty, absolute, or has an empty part, ``.``, ``..``, a backslash or NUL in it.
    """
    if not leads_down(name):
        raise InvalidInputError(f"Invalid name: {name!r}; names of a store lead down from it, one folder at a time")
    return name


def leads_down(name: str) -> bool:
    """Is it the name of something below a folder?"""
    return not any(part in {"", ".", ".."} or "\\" in part or "\0" in part for part in name.split("/"))


def _parts(name: str) -> list[str]:
    return require_name(name).split("/") if name else []


def _require_file(found: os.stat_result, path: Path) -> None:
    if stat.S_ISLNK(found.st_mode):
        raise LinkInStoreError(path)
    if not stat.S_ISREG(found.st_mode):
        raise StoreError(f"{path}: {kind_of(found.st_mode)}, where a file should be. Remove it, or move it away.")
