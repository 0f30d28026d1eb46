"""THE TABLE: one row for each dataset. Everything that exists once per dataset is derived from here.

Where do I go to…
    add a dataset, or change a fact of one?      one file for each asset class: stocks.py, options.py,
                                                 indices.py, forex.py, crypto.py, futures.py
    change which columns a kind of file has?     layouts.py
    have a row say something that none does yet? model.py

Belongs here: facts that differ between datasets. Does not: what is done with them. Adding a dataset is adding a row;
keys, partitions, assets, checks, sensors, commands and views follow. Its made-up files need a generator in ``sample``.
"""

from collections.abc import Collection, Iterable, Mapping
from difflib import get_close_matches
from fnmatch import fnmatchcase

from polygon_assets.datasets import crypto, forex, futures, indices, options, stocks
from polygon_assets.datasets.model import (
    NEW_YORK,
    Column,
    Dataset,
    DayDefinition,
    Derived,
    Layout,
    Session,
    expected_by,
)
from polygon_assets.errors import InvalidInputError

__all__ = [
    "ALL",
    "DATASETS",
    "NEW_YORK",
    "SPECIFIED",
    "Column",
    "Dataset",
    "DayDefinition",
    "Derived",
    "Layout",
    "Session",
    "choose_datasets",
    "expected_by",
    "get_dataset",
    "no_such_dataset",
    "patterns_for",
]

_CLASSES = (stocks, options, indices, forex, crypto, futures)
DATASETS: Mapping[str, Dataset] = {row.name: row for each in _CLASSES for row in each.ROWS}
SPECIFIED = ("stocks_daily", "stocks_minute", "options_daily", "options_minute")
"""Those of the specification: what is shown and watched where nothing else is chosen."""
ALL = "all"
"""Stands for every dataset where some are chosen."""


def get_dataset(name: str) -> Dataset:
    """The row called ``name``.

    Raises:
        InvalidInputError: there is no such row; names the nearest, or lists those there are.
    """
    try:
        return DATASETS[name]
    except (KeyError, TypeError):
        raise no_such_dataset(name) from None


def choose_datasets(patterns: Iterable[str]) -> tuple[Dataset, ...]:
    """The rows that ``patterns`` name, each once, in the table's order: names, ``stocks_*``, or ``all``.

    Raises:
        InvalidInputError: a pattern names none; names the nearest dataset, or lists those there are.
    """
    chosen: set[str] = set()
    for pattern in patterns:
        found = [name for name in DATASETS if pattern == ALL or fnmatchcase(name, pattern)]
        if not found:
            raise no_such_dataset(pattern)
        chosen.update(found)
    return tuple(row for name, row in DATASETS.items() if name in chosen)


def patterns_for(names: Collection[str]) -> list[str]:
    """What ``choose_datasets`` takes for just these ``names``, in the table's order and as short as it can be said.

    >>> patterns_for({"stocks_daily", "stocks_minute", "indices_daily", "indices_minute", "indices_values"})
    ['stocks_daily', 'stocks_minute', 'indices_*']
    """
    if len(set(names)) == len(DATASETS):
        return [ALL]
    found: list[str] = []
    for each in _CLASSES:
        rows = [row.name for row in each.ROWS]
        whole = all(name in names for name in rows)
        found += [f"{rows[0].partition('_')[0]}_*"] if whole else [name for name in rows if name in names]
    return found


def no_such_dataset(name: object) -> InvalidInputError:
    """The error for people who wrote ``name``: what they may have meant, else all that there are."""
    wanted = name.lower() if isinstance(name, str) else ""
    near = get_close_matches(wanted, DATASETS, n=1) or [each for each in DATASETS if wanted and each.startswith(wanted)]
    helps = f"Did you mean {near[0]!r}?" if near else f"There are: {', '.join(DATASETS)}."
    return InvalidInputError(f"There is no dataset {name!r}. {helps}")
