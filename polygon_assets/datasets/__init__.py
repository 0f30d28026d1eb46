"""THE TABLE: one row for each dataset. Everything that exists once per dataset is derived from here.

Where do I go to…
    add a dataset, or change a fact of one?      stocks.py, options.py: one file for each asset class
    change which columns a kind of file has?     layouts.py
    have a row say something that none does yet? model.py

Belongs here: facts that differ between datasets. Does not: what is done with them. Adding a dataset is adding a row;
keys, partitions, assets, checks, sensors, commands and views follow. Its made-up files need a generator in ``sample``.
"""

from collections.abc import Mapping
from difflib import get_close_matches

from polygon_assets.datasets import options, stocks
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
    "DATASETS",
    "NEW_YORK",
    "Column",
    "Dataset",
    "DayDefinition",
    "Derived",
    "Layout",
    "Session",
    "expected_by",
    "get_dataset",
    "no_such_dataset",
]

DATASETS: Mapping[str, Dataset] = {row.name: row for rows in (stocks.ROWS, options.ROWS) for row in rows}


def get_dataset(name: str) -> Dataset:
    """The row called ``name``.

    Raises:
        InvalidInputError: there is no such row; the message lists those there are.
    """
    try:
        return DATASETS[name]
    except (KeyError, TypeError):
        raise InvalidInputError(f"Invalid data_type: {name!r}; choose one of {', '.join(DATASETS)}") from None


def no_such_dataset(name: str) -> InvalidInputError:
    """The error for people who wrote ``name``: what they may have meant, and all that there are."""
    near = get_close_matches(name, DATASETS, n=1)
    meant = f" Did you mean {near[0]}?" if near else ""
    return InvalidInputError(f"There is no dataset {name!r}.{meant} There are: {', '.join(DATASETS)}.")
