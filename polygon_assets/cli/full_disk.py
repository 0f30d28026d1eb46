"""Telling a full disk from other errors, in whatever words it comes, and naming it.

Belongs here: errors that reach a command. Does not: a day's, or a year's, which name themselves (``store.staging``).
"""

import errno
import shutil
from collections.abc import Iterator

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
_SQLITE = ("database or disk is full", "disk I/O error", "unable to open database file")
"""How SQLite puts it; the latter two are other things, too, where there is room."""
_SCANT = 1 << 20
"""Bytes; with fewer SQLite cannot work: its index of a database's log alone takes 32 kB."""


def full_disk(error: BaseException) -> str | None:
    """Which disk is full, if that is what ``error`` means; None where it is something else. One sentence."""
    for each in _causes(error):
        if isinstance(each, OSError) and each.errno in _FULL:
            return f"The disk is full: {' '.join(str(each).split())}."
        said = str(each).removeprefix("(sqlite3.OperationalError) ")
        if said.startswith(_SQLITE[0]) or (said.startswith(_SQLITE) and _is_home_full()):
            return f"The disk of DAGSTER_HOME, {_home()}, is full."
    return None


def _causes(error: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    following: BaseException | None = error
    while following is not None and id(following) not in seen:
        seen.add(id(following))
        yield following
        following = following.__cause__ or following.__context__


def _home() -> str:
    from polygon_assets.settings import dagster_home  # noqa: PLC0415 (pydantic's import is slow)

    return str(dagster_home())


def _is_home_full() -> bool:
    try:
        return shutil.disk_usage(_home()).free < _SCANT
    except OSError:
        return False
