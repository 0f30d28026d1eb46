"""The user's store and Dagster's history as commands open them, in view of a person who waits.

A bucket that does not answer ends a command in seconds, and is named meanwhile.
Belongs here: what a person at a terminal waits for. Does not: how often a run repeats its requests (``store``), which
outlives half a minute without an answer.
"""

import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING

from polygon_assets.cli import console
from polygon_assets.ingest.connections import open_store

if TYPE_CHECKING:
    import dagster as dg

    from polygon_assets.ingest import ParquetStore
    from polygon_assets.settings import Settings

PATIENCE = 2.0
"""Seconds of silence."""


def reached_store(settings: "Settings") -> "ParquetStore":
    """The user's store; of one in a bucket it is known that it answers, of one in a folder that it is not missing.

    Raises:
        StoreUnreachableError: it does not answer.
        StoreAbsentError: there was a store in the folder, and is none now.
    """
    store = open_store(settings)
    said = (
        f"{store.uri} has not answered yet; it is asked again. Where it is: POLYGON_STORE, POLYGON_STORE_ENDPOINT_URL"
    )
    waiting = threading.Timer(PATIENCE, console.warn, [said])
    waiting.daemon = True
    waiting.start()
    try:
        store.require_answer()
    finally:
        waiting.cancel()
    store.require_present()
    return store


@contextmanager
def history_for_many() -> Iterator["dg.DagsterInstance"]:
    """Dagster's instance for telling it of many days: its events reach the disk together (``many_at_once``)."""
    from polygon_assets.orchestration.sqlite_storage import many_at_once  # noqa: PLC0415 (Dagster is slow)
    from polygon_assets.serving.home import open_instance  # noqa: PLC0415

    with open_instance() as instance, many_at_once(instance):
        yield instance


def opening() -> AbstractContextManager[object]:
    """What a terminal shows while Dagster is imported and its history opened; nothing else may move there meanwhile."""
    return console.messages.status("Opening Dagster's history …")
