"""What a reader is told who asks for datasets or days of which nothing is stored, which would read like no trading.

Belongs here: seeing it, and the words. Does not: how they are said: a warning (``scanning``), a line (``cli``).
"""

from pathlib import Path

from polygon_assets.datasets import DATASETS
from polygon_assets.ingest import ParquetStore
from polygon_assets.store.marker import is_made_up
from polygon_assets.wording import counted, verb


def nothing_stored(store: ParquetStore, dataset: str, start: str | None, end: str | None) -> str:
    """What to say where no day of ``dataset`` from ``start`` to ``end`` (YYYY-MM-DD; None: open) is stored."""
    days = store.days(dataset)
    if not days:
        others = [name for name in store.names("") if name in DATASETS and name != dataset]
        there = f"stored {verb(len(others), 'is', 'are')} {', '.join(others)}" if others else "nor is anything else"
        return f"Nothing of {dataset} is stored in {store.uri}; {there}. {_remedy(store, dataset, start, end)}"
    asked = f"from {start} to {end}" if start and end else f"since {start}" if start else f"up to {end}"
    return f"No day of {dataset} {asked} is stored; {which_days(days)}. {_remedy(store, dataset, start, end)}"


def which_days(days: list[str]) -> str:
    """Which days are stored, in a few words; there is at least one."""
    if len(days) == 1:
        return f"stored is {days[0]} alone"
    return f"stored are {counted(len(days), 'day')}, {days[0]} to {days[-1]}"


def _remedy(store: ParquetStore, dataset: str, start: str | None, end: str | None) -> str:
    if "://" not in store.uri and is_made_up(Path(store.uri)):
        return "It is the demo's store, and gets no others."
    days = f"--start {start or 'DAY'} --end {end or 'DAY'}" if start or end else "--last 5"
    return f"To have {'them' if start or end else 'some'}: polygon-assets ingest {dataset} {days}"
