"""Polygon.io (Massive) flat files as checked, typed Parquet, on Dagster.

Where do I go to…
    add a dataset, or look up a fact about one?          datasets/
    find out on which days there are files?              calendars.py; a copy that loads fast: session_table.py
    see every error and what it means?                   errors.py
    bound what an archive may decompress to?             expansion.py
    keep some tickers of a dataset alone?                filters.py
    change a setting?                                    settings.py; what an address can be: addresses.py
    get bytes out of the vendor's bucket?                download/
    turn a csv.gz into checked Parquet?                  flatfile/
    keep days, on a disk or on S3?                       store/
    bring many days in at once?                          ingest/
    get splits and dividends?                            reference/
    read what is stored?                                 reading/, scan(), stored_days(), bars()
    see assets, checks, sensors and resources?           orchestration/
    start the web interface and the daemon?              serving/
    see what Dagster loads?                              definitions.py
    have a command start fast?                           lazy.py
    leave nothing behind at SIGTERM?                     termination.py
    say "1 day" and "2 days"?                            wording.py
    keep secrets out of the libraries' logs?             log_redaction.py
    see the commands?                                    cli/
    see the made-up data of the demo?                    sample/

Imports point one way: the modules here ← download, flatfile ← store ← ingest ← reference ← reading ←
orchestration ← serving, definitions. ``cli`` and ``sample`` stand on the side.
"""

from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from polygon_assets.datasets import DATASETS, Dataset
from polygon_assets.lazy import imported

if TYPE_CHECKING:
    from polygon_assets.orchestration.assembly import build_defs
    from polygon_assets.orchestration.component import FlatFilesComponent
    from polygon_assets.orchestration.partitions import trading_day_partitions
    from polygon_assets.orchestration.scope import FlatFilesTranslator, TranslatorData
    from polygon_assets.reading.bars import bars
    from polygon_assets.reading.scanning import scan, stored_days

__all__ = [
    "DATASETS",
    "Dataset",
    "FlatFilesComponent",
    "FlatFilesTranslator",
    "TranslatorData",
    "bars",
    "build_defs",
    "scan",
    "stored_days",
    "trading_day_partitions",
]

_LATE = {
    "FlatFilesComponent": "polygon_assets.orchestration.component",
    "FlatFilesTranslator": "polygon_assets.orchestration.scope",
    "TranslatorData": "polygon_assets.orchestration.scope",
    "bars": "polygon_assets.reading.bars",
    "build_defs": "polygon_assets.orchestration.assembly",
    "scan": "polygon_assets.reading.scanning",
    "stored_days": "polygon_assets.reading.scanning",
    "trading_day_partitions": "polygon_assets.orchestration.partitions",
}
"""Where names are that are imported when they are asked for: importing the package must stay light."""


def __getattr__(name: str) -> Any:
    """Import what is asked for: importing the package must stay light."""
    return version("polygon-assets") if name == "__version__" else imported(__name__, name, _LATE)


def __dir__() -> list[str]:
    """What completion offers: what is imported late, too."""
    return sorted({*globals(), *__all__})
