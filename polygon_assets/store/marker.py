"""The markers of a store: one by which it is known again, and one that says that its days are made up.

By the first, a store whose disk is not mounted is missed, and not filled anew.
"""

import hashlib
import json
import logging
import os
import secrets
import shlex
import uuid
from contextlib import suppress
from functools import cache
from pathlib import Path

from polygon_assets.errors import InvalidInputError, StoreAbsentError
from polygon_assets.settings import state_folder
from polygon_assets.store.local_entries import opened_file, opened_folder

logger = logging.getLogger(__name__)


def remembered(root: Path) -> str | None:
    """The id of the store that lay at ``root`` when this user last wrote to it; None: none, or it is not known."""
    record = _record(root)
    try:
        known = json.loads(record.read_text(encoding="utf-8")) if record else {}
        return str(known["id"]) if known.get("path") == str(root) else None
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def remember(root: Path, store_id: str) -> None:
    """Keep in mind that the store ``store_id`` lies at ``root``; nothing is written where that is known."""
    if remembered(root) == store_id:
        return
    record = _record(root)
    if record is None:
        _warn("there is no home folder")
        return
    part = record.with_name(f".{record.name}.{secrets.token_hex(8)}.part")
    try:
        record.parent.mkdir(parents=True, exist_ok=True)
        part.write_text(json.dumps({"path": str(root), "id": store_id}) + "\n", encoding="utf-8")
        part.replace(record)
    except OSError as error:
        _warn(str(error))
        if part.exists():
            part.unlink()


def _record(root: Path) -> Path | None:
    folder = state_folder()
    return folder / "stores" / f"{hashlib.sha256(os.fsencode(root)).hexdigest()[:32]}.json" if folder else None


@cache
def _warn(cause: str) -> None:
    logger.warning(
        "It cannot be remembered which stores there are (%s): one whose disk is not mounted will not be missed. "
        "Set XDG_STATE_HOME to a folder that stays.",
        cause,
    )


MARKER = "_store.json"
MADE_UP = "_made_up.txt"
_ABOUT_MADE_UP = "The days in here are made up, by polygon-assets demo, which empties this folder when it starts.\n"


def mark_made_up(folder: Path) -> None:
    """Say of ``folder``, a store or a Dagster home, that its days are made up; it is made where it is missing."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / MADE_UP).write_text(_ABOUT_MADE_UP, encoding="utf-8")


def is_made_up(folder: Path) -> bool:
    """Are the days of this store, or of this Dagster home, made up?"""
    return os.path.lexists(folder / MADE_UP)


def require_present(root: Path) -> None:
    """See that the store at ``root`` is there, if there was one; writes nothing.

    Raises:
        InvalidInputError: ``root``, or what should be a folder on the way to it, is a file.
        StoreAbsentError: this user has written to a store there, and now there is none.
    """
    _require_no_file(root)
    # In this order: another process may mark the store, and remember it, in between.
    if remembered(root) and _id(root) is None:
        place = shlex.quote(str(root))
        raise StoreAbsentError(
            f"{root}: the store that was here is not ({MARKER} is missing): is its disk mounted? Nothing was written. "
            f"Mount it, and try again; to begin a new store instead: mkdir -p {place} && touch {place}/{MARKER}"
        )


def _require_no_file(root: Path) -> None:
    there = next((each for each in (root, *root.parents) if os.path.lexists(each)), root)
    if there.exists() and not there.is_dir():
        on_the_way = "" if there == root else f", and {root} cannot lie in it"
        raise InvalidInputError(
            f"The store has to be a folder: {there} is a file{on_the_way}. Set POLYGON_STORE to a folder, "
            "which is made where it is missing."
        )


def identify(root: Path) -> None:
    """Mark the store at ``root``, where it is not marked yet, and remember it.

    Raises:
        StoreAbsentError: as ``require_present``; nothing was written then.
        OSError: it cannot be marked.
    """
    require_present(root)
    if not _id(root):
        _mark(root)
    if found := _id(root):
        remember(root, found)


def _id(root: Path) -> str | None:
    """The id in the marker; empty where the marker has none, None where there is no marker."""
    try:
        with opened_file(root, MARKER) as descriptor, os.fdopen(os.dup(descriptor), "rb") as file:
            return str(json.loads(file.read())["id"])
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (ValueError, KeyError, TypeError):
        return ""


def _mark(root: Path) -> None:
    """Write a marker; of two processes at once, the later finds that of the other."""
    part = f".{MARKER}.{secrets.token_hex(8)}.part"
    with opened_folder(root, "", make=True) as folder:
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666, dir_fd=folder)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(json.dumps({"id": uuid.uuid4().hex, "what": "a store of polygon-assets"}).encode() + b"\n")
                file.flush()
                os.fsync(descriptor)
            now = _id(root)
            if now is None:
                _name(folder, part)
            elif not now:  # empty, or garbage; else another process was first
                os.replace(part, MARKER, src_dir_fd=folder, dst_dir_fd=folder)
        finally:
            with suppress(FileNotFoundError):
                os.unlink(part, dir_fd=folder)
        os.fsync(folder)


def _name(folder: int, part: str) -> None:
    try:
        os.link(part, MARKER, src_dir_fd=folder, dst_dir_fd=folder)
    except FileExistsError:  # another process was first
        pass
    except OSError:  # not every file system has hard links
        os.replace(part, MARKER, src_dir_fd=folder, dst_dir_fd=folder)
