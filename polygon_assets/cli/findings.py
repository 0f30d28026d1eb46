"""A line of ``doctor``: what was looked at, how it is, and what helps.

Belongs here: the line. Does not: looking (``vendor_checks``, ``machine_checks``).
"""

from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    """How something is."""

    OK = "ok"
    NOTE = "note"
    """Works, and is worth knowing."""
    FAILED = "failed"
    """Does not work until someone acts."""


@dataclass(frozen=True)
class Line:
    """One finding."""

    topic: str
    state: State
    text: str
    remedy: str = ""
    """What to do; empty where nothing is to be done."""


def ok(topic: str, text: str) -> Line:
    """All is well."""
    return Line(topic, State.OK, text)


def note(topic: str, text: str, remedy: str = "") -> Line:
    """It works, but."""
    return Line(topic, State.NOTE, text, remedy)


def failed(topic: str, text: str, remedy: str) -> Line:
    """It does not work."""
    return Line(topic, State.FAILED, text, remedy)
