"""Words that messages of every layer are put together from, so that a count of one reads like one."""


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
