"""What each command does, once its arguments are known to make sense: one module a command, imported when it is called.

Where do I go to…
    serve the platform, or the demo?                     serve.py, demo.py
    bring days in, or say what that would take?          ingest.py, dry_run.py; days without a file: unpublished.py
    show what is stored, and what the bucket has?        status.py, ls.py
    query, verify, roll up, record?                      sql.py, verify.py, rollup.py, record.py
    bring splits and dividends up to date?               reference.py
    compare datasets with each other, or look at one ticker? close_up/
    change what ``doctor`` looks at?                     doctor.py; what it asks the vendor: vendor_checks.py

Does not belong here: options (``cli.commands``), or work that a script could want, too.
"""

from contextlib import nullcontext
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING

from polygon_assets.cli import console
from polygon_assets.lazy import spare_pandas

if TYPE_CHECKING:
    from polygon_assets.cli.work import (
        demo,
        doctor,
        dry_run,
        ingest,
        ls,
        record,
        reference,
        rollup,
        serve,
        sql,
        status,
        verify,
    )
    from polygon_assets.cli.work.close_up import cross, one_ticker

__all__ = [
    "cross",
    "demo",
    "doctor",
    "dry_run",
    "ingest",
    "ls",
    "one_ticker",
    "record",
    "reference",
    "rollup",
    "serve",
    "sql",
    "status",
    "verify",
]

_CLOSE_UP = ("cross", "one_ticker")
_SLOW = ("demo", "record", "serve")
"""What imports Dagster, for seconds."""


def __getattr__(name: str) -> ModuleType:
    """Import the work of a command when it is called: help and mistakes wait for none of it."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    spare_pandas()
    with console.messages.status("Starting …") if name in _SLOW else nullcontext():
        return import_module(f"{__name__}.close_up.{name}" if name in _CLOSE_UP else f"{__name__}.{name}")
