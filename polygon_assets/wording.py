"""Words that messages of every layer are put together from, so that a count of one reads like one."""

from pathlib import Path


def counted(number: int, noun: str, plural: str = "") -> str:
    """``number`` of ``noun``, which takes an s, or has another ``plural``.

    >>> counted(1, "day"), counted(1200, "day"), counted(2, "entry", "entries")
    ('1 day', '1,200 days', '2 entries')
    """
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def verb(number: int, singular: str, plural: str) -> str:
    """The verb that goes with ``number`` of something.

    >>> verb(1, "is", "are"), verb(0, "is", "are")
    ('is', 'are')
    """
    return singular if number == 1 else plural


def in_a_clone() -> bool:
    """Is this package read from a clone of the repository? Only there is a Makefile to make anything with."""
    return (Path(__file__).parent.parent / "Makefile").is_file()


def how_to_install(extra: str) -> str:
    """The command that brings what is missing: of a clone, its own; elsewhere there is no Makefile to make.

    ``extra`` is the optional part of this package that has it.
    """
    return "make install" if in_a_clone() else f"pip install 'polygon-assets[{extra}]'"
