"""Bring the tables of splits and dividends up to date: what is new, the last 30 days again, or all of it anew.

Belongs here: what is asked for, and what becomes of what was stored. Does not: who asks for it, and when.
"""

import datetime as dt
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import pyarrow as pa

from polygon_assets.errors import ApiAnswerError, StoreError
from polygon_assets.ingest import ParquetStore
from polygon_assets.reference.events import Event, EventKind, as_table, read_event, settle
from polygon_assets.reference.tables import Record, read_events, read_record, write_events
from polygon_assets.reference.vendor_api import Patience, ReferenceApi, missing_key
from polygon_assets.settings import Settings

OVERLAP = dt.timedelta(days=30)
"""How far back events are asked for again: so long after its day an event is still corrected."""
OnPage = Callable[[int], None]


@dataclass(frozen=True)
class Refreshed:
    """A table that was brought up to date."""

    kind: EventKind
    record: Record
    uri: str
    pages: int
    """Requests that were answered."""
    added: int
    """Events that were not stored before."""
    removed: int
    """Events that were stored before, and are not any more: withdrawn, or with other values."""
    since: dt.date | None
    """The first day that was asked for; None: all of the history."""


def refresh(
    store: ParquetStore,
    kind: EventKind,
    api: ReferenceApi,
    *,
    source: str,
    full: bool = False,
    now: dt.datetime | None = None,
    on_page: OnPage = lambda _: None,
) -> Refreshed:
    """Ask for events, and publish the table with them; nothing is published unless all pages came.

    Without ``full``, events of the 30 days before the last refresh and later are replaced by those of the answer, and
    older ones stay. A table that is missing or damaged is made anew. ``on_page`` hears how many events came so far.

    Raises:
        ApiError: a page could not be had, or there is not one event in all of the history.
        StoreError: the store cannot be written.
    """
    moment = now or dt.datetime.now(dt.UTC)
    before = _stored(store, kind)
    known = None if full or before is None else before[0]
    since = known.retrieved_at.date() - OVERLAP if known else None
    found: list[Event] = []
    pages = nobodys = 0
    for page in api.pages(kind, since):
        pages += 1
        events = [read_event(kind, answer) for answer in page]
        found += (event for event in events if event)
        nobodys += sum(event is None for event in events)
        on_page(len(found))
    if since is None and not found:
        raise ApiAnswerError(source, f"not one of the {kind.name} of all history")
    stored = before[1].to_pylist() if before else []
    kept = _older(kind, stored, found, since) if since else []
    settled, counts = settle(kind, [*kept, *found])
    if nobodys:
        counts["without_ticker"] = nobodys
    table = as_table(kind, settled)
    record = Record(source, moment, known.complete_at if known else moment, table.num_rows, dict(counts))
    uri = write_events(store, kind, table, record)
    old, new = _identities(stored), _identities(table.to_pylist())
    return Refreshed(kind, record, uri, pages, added=len(new - old), removed=len(old - new), since=since)


def _stored(store: ParquetStore, kind: EventKind) -> tuple[Record, pa.Table] | None:
    try:
        record = read_record(store, kind)
        return (record, read_events(store, kind)) if record else None
    except (StoreError, FileNotFoundError):
        return None


def _older(kind: EventKind, stored: Iterable[Event], found: Iterable[Event], since: dt.date) -> list[Event]:
    """The stored events of before ``since`` that the answer does not have under another date, or without one."""
    anew = {event["id"] for event in found if event["id"]}
    return [
        {**event, "problem": None if _may_pass(event) else event["problem"]}
        for event in stored
        if (event[kind.date] is None or event[kind.date] < since) and event["id"] not in anew
    ]


def _may_pass(event: Event) -> bool:
    """Is an event's problem one that only others gave it, and that is looked for again?"""
    return str(event["problem"]).startswith("several ")


def _identities(events: Iterable[Event]) -> set[tuple[object, ...]]:
    return {tuple(event.values()) for event in events}


def address_of(settings: Settings, kind: EventKind) -> str:
    """Where events of ``kind`` come from."""
    return settings.api_url.rstrip("/") + kind.path


def open_api(settings: Settings) -> ReferenceApi:
    """The REST API that the settings name, for use as ``with``.

    Raises:
        MissingCredentialsError: POLYGON_API_KEY is not set.
    """
    if settings.api_key is None:
        raise missing_key()
    patience = Patience(max_retries=settings.max_retries, timeout=settings.timeout)
    return ReferenceApi(settings.api_key.get_secret_value(), settings.api_url, patience)
