"""How an error ends a command: one line with its remedy, and an exit code.

Belongs here: errors that nobody translated nearer to their cause. Does not: the project's own errors' words
(``polygon_assets.errors``), which are shown as they are.
"""

import errno
from collections.abc import Iterator

import typer

from polygon_assets.cli import console
from polygon_assets.errors import InvalidInputError, MissingCredentialsError, PolygonAssetsError, UnavailableError

_LONGEST = 400
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})


def explain(error: BaseException) -> tuple[str, int]:
    """The line that says what happened and what helps, and the exit code."""
    if isinstance(error, InvalidInputError | MissingCredentialsError):
        return str(error), console.UNUSABLE
    if isinstance(error, typer.TyperException):
        return _misused(error), console.UNUSABLE
    if any(_is_full(each) for each in _causes(error)):
        return f"The disk is full: {_line(error)} Free space, then run the command again.", console.FAILED
    if isinstance(error, UnavailableError):
        return f"{error} What can be reached from here: polygon-assets doctor", console.FAILED
    return str(error) if isinstance(error, PolygonAssetsError) else _foreign(error), console.FAILED


def _misused(error: typer.TyperException) -> str:
    """What typer has to say of an option or argument; its classes for that are not public."""
    told: str = getattr(error, "format_message", error.__str__)()
    context = getattr(error, "ctx", None)
    return f"{_line(told)} See: {context.command_path if context else 'polygon-assets'} --help"


def _foreign(error: BaseException) -> str:
    """An error that nobody translated."""
    if isinstance(error, PermissionError):
        remedy = "Fix the permissions, or choose another place: POLYGON_STORE, DAGSTER_HOME."
        return f"Not permitted: {_line(error)} {remedy}"
    if isinstance(error, OSError):
        return f"This machine: {_line(error)} Check POLYGON_STORE and DAGSTER_HOME."
    if type(error).__module__.startswith(("dagster", "sqlalchemy")):
        return f"Dagster's history: {_line(error)} Check dagster.yaml in DAGSTER_HOME, and what it points to."
    return (
        f"unexpected {type(error).__name__}: {_line(error)} A fault of this program, not yours: run the command "
        "again with --debug and report the traceback."
    )


def _line(error: BaseException | str) -> str:
    """The message in one line that ends with a full stop."""
    text = " ".join(str(error).split()).partition(" [SQL:")[0] or type(error).__name__
    text = text if len(text) <= _LONGEST else text[:_LONGEST] + "…"
    return text if text.endswith((".", "…", "!", "?")) else f"{text}."


def _causes(error: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    following: BaseException | None = error
    while following is not None and id(following) not in seen:
        seen.add(id(following))
        yield following
        following = following.__cause__ or following.__context__


def _is_full(error: BaseException) -> bool:
    if isinstance(error, OSError):
        return error.errno in _FULL
    return "disk is full" in str(error)  # SQLite's words
