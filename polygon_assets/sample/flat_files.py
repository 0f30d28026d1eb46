"""``flat_file``: a made-up day in the vendor's exact format, the same for the same arguments.

Belongs here: from a day to its file. Does not: what is in it (``generators``), or how it is printed (``csv_text``).
"""

import pyarrow as pa

from polygon_assets.calendars import parse_date
from polygon_assets.datasets import Dataset
from polygon_assets.sample.csv_text import to_csv_gz
from polygon_assets.sample.generators import Size, generator


def flat_file(dataset: Dataset, day: str, size: Size | None = None, *, seed: int = 0) -> bytes:
    """The csv.gz of ``dataset`` on ``day`` (YYYY-MM-DD), of the demo's size unless told otherwise.

    Raises:
        InvalidInputError: no date, no trading day, or more symbols than there are.
    """
    return printed(dataset, day, day_table(dataset, day, size, seed=seed))


def day_table(dataset: Dataset, day: str, size: Size | None = None, *, seed: int = 0) -> pa.Table:
    """The rows of ``flat_file`` before they are printed: prices and volumes in millionths.

    Raises:
        InvalidInputError: as for ``flat_file``.
    """
    making = generator(dataset)
    return making.make(dataset, parse_date(day), size or making.demo, seed)


def printed(dataset: Dataset, day: str, table: pa.Table) -> bytes:
    """The csv.gz of the rows in ``table``, which ``day_table`` gave, changed or not."""
    return to_csv_gz(table, decimal_volumes=generator(dataset).prints_decimal_volumes(parse_date(day)))
