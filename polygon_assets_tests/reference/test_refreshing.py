"""Splits and dividends: what is asked for, what is stored, and what leaves the stored table as it was."""

import datetime as dt
import json
import logging
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from polygon_assets.errors import (
    ApiAnswerError,
    ApiKeyError,
    ApiRefusedError,
    ApiUnavailableError,
    InvalidInputError,
    MissingCredentialsError,
    PolygonAssetsError,
    StoreError,
)
from polygon_assets.ingest import ParquetStore
from polygon_assets.reference.events import DIVIDENDS, SPLITS, EventKind
from polygon_assets.reference.refreshing import Refreshed, open_api, refresh
from polygon_assets.reference.tables import read_events, read_record, table_name
from polygon_assets.reference.vendor_api import Patience, ReferenceApi
from polygon_assets.settings import load_settings
from polygon_assets_tests.servers.rest_api import KEY, RestApi, changed, cut, dividend, page, refusal, rest_api, split
from polygon_assets_tests.stores import Place

NOW = dt.datetime(2024, 6, 1, 12, tzinfo=dt.UTC)
QUICK = Patience(max_retries=3, timeout=5, rate_pause=0.01, backoff_base=0.01, deadline=20)


@pytest.fixture(scope="module")
def shared() -> Iterator[RestApi]:
    with rest_api() as server:
        yield server


@pytest.fixture
def server(shared: RestApi) -> RestApi:
    """The module's server, as new."""
    shared.faults.clear()
    shared.seen.clear()
    shared.keys.clear()
    shared.page_events = None
    shared.events["/stocks/v1/splits"] = [split("TSLA", "2022-08-25", 1, 3), split("AAPL", "2020-08-31")]
    shared.events["/stocks/v1/dividends"] = [dividend("AAPL", "2024-05-10"), dividend("AAPL", "2024-02-09", 0.24)]
    return shared


@pytest.fixture
def store(place: Place) -> ParquetStore:
    return place.open()


def ask(
    server: RestApi, store: ParquetStore, kind: EventKind = SPLITS, now: dt.datetime = NOW, *, full: bool = False
) -> Refreshed:
    with ReferenceApi(KEY, server.url, QUICK) as api:
        return refresh(store, kind, api, source=server.url + kind.path, full=full, now=now)


def rows(store: ParquetStore, kind: EventKind = SPLITS) -> list[dict[str, Any]]:
    return read_events(store, kind).to_pylist()


@pytest.mark.stores("disk", "s3")
def test_stores_typed_sorted_events_with_when_and_from_where(server: RestApi, store: ParquetStore) -> None:
    done = ask(server, store)
    assert read_events(store, SPLITS).schema.remove_metadata() == SPLITS.schema
    assert [(row["ticker"], row["execution_date"], row["split_to"]) for row in rows(store)] == [
        ("AAPL", dt.date(2020, 8, 31), 4.0),
        ("TSLA", dt.date(2022, 8, 25), 3.0),
    ]
    record = read_record(store, SPLITS)
    assert record == done.record
    assert (record.retrieved_at, record.complete_at, record.rows) == (NOW, NOW, 2)
    assert record.source_uri == f"{server.url}/stocks/v1/splits"
    assert done.uri == f"{store.uri}/_reference/splits/data.parquet"
    ask(server, store, DIVIDENDS)
    assert [row["cash_amount"] for row in rows(store, DIVIDENDS)] == [0.24, 0.25]
    assert rows(store, DIVIDENDS)[0]["pay_date"] == dt.date(2024, 2, 9)


def test_follows_pages_at_the_vendors_largest_size(server: RestApi, store: ParquetStore) -> None:
    server.page_events = 7
    server.events["/stocks/v1/splits"] = [split(f"T{number:03}", "2020-01-02") for number in range(50)]
    assert ask(server, store).pages == 8
    assert len(rows(store)) == 50
    assert server.seen[0][1] == {"limit": "5000", "sort": "execution_date.asc"}
    assert set(server.keys) == {f"Bearer {KEY}"}


def test_asks_again_for_thirty_days_and_what_is_new(server: RestApi, store: ParquetStore) -> None:
    known = server.events["/stocks/v1/splits"]
    known.append(split("OLD", "2024-04-01"))
    known.append(split("GONE", "2024-05-20"))
    ask(server, store)
    server.events["/stocks/v1/splits"] = [
        split("MUST", "2020-01-02"),  # of before the window: seen when all is asked for
        split("LATE", "2024-05-15", 1, 2),
        split("NEW", "2024-06-10", 1, 5),
    ]
    done = ask(server, store, now=NOW + dt.timedelta(days=7))
    assert server.seen[-1][1]["execution_date.gte"] == "2024-05-02"
    assert [row["ticker"] for row in rows(store)] == ["AAPL", "LATE", "NEW", "OLD", "TSLA"]
    assert (done.added, done.removed, done.since) == (2, 1, dt.date(2024, 5, 2))
    assert done.record.complete_at == NOW
    assert done.record.retrieved_at == NOW + dt.timedelta(days=7)
    ask(server, store, full=True)
    assert [row["ticker"] for row in rows(store)] == ["LATE", "MUST", "NEW"]


def test_an_event_whose_day_was_corrected_is_not_kept_twice(server: RestApi, store: ParquetStore) -> None:
    server.events["/stocks/v1/splits"] = [split("A", "2024-03-01", id="one"), split("B", "2020-01-02")]
    ask(server, store)
    server.events["/stocks/v1/splits"] = [split("A", "2024-06-05", id="one")]
    ask(server, store)
    assert [(row["ticker"], str(row["execution_date"])) for row in rows(store)] == [
        ("A", "2024-06-05"),
        ("B", "2020-01-02"),
    ]


UNUSABLE = {
    "zero": (split("X", "2024-01-02", 1, 0), "no ratio: 1.0 to 0.0"),
    "negative": (split("X", "2024-01-02", -1, 2), "no ratio: -1.0 to 2.0"),
    "missing": (split("X", "2024-01-02", split_from=None), "no ratio: None to 4.0"),
    "text": (split("X", "2024-01-02", split_to="4"), "no ratio: 1.0 to None"),
    "no such day": (split("X", "2024-02-30"), "execution_date is no date: '2024-02-30'"),
    "no day": (split("X", "2024-02-01", execution_date=None), "execution_date is no date: 'None'"),
    "no number": (split("X", "2024-01-02", 1, 10**400), "no ratio: 1.0 to None"),
}


@pytest.mark.parametrize(("event", "problem"), UNUSABLE.values(), ids=UNUSABLE)
def test_a_split_that_cannot_be_used_is_kept_with_its_problem(
    server: RestApi, store: ParquetStore, event: dict[str, Any], problem: str
) -> None:
    server.events["/stocks/v1/splits"].append(event)
    done = ask(server, store)
    (found,) = [row for row in rows(store) if row["problem"]]
    assert (found["ticker"], found["problem"]) == ("X", problem)
    assert done.record.findings == {"unusable": 1}


def test_dividends_that_cannot_be_used(server: RestApi, store: ParquetStore) -> None:
    server.events["/stocks/v1/dividends"] += [
        dividend("CAD", "2024-01-02", currency="CAD"),
        dividend("NONE", "2024-01-02", currency=None),
        dividend("NEG", "2024-01-02", -0.5),
        dividend("NULL", "2024-01-02", cash_amount=None),
    ]
    ask(server, store, DIVIDENDS)
    assert {row["ticker"]: row["problem"] for row in rows(store, DIVIDENDS) if row["problem"]} == {
        "CAD": "paid in CAD, and prices are in USD",
        "NONE": "paid in an unknown currency, and prices are in USD",
        "NEG": "no amount: -0.5",
        "NULL": "no amount: None",
    }


def test_repeated_and_contradictory_events(server: RestApi, store: ParquetStore) -> None:
    server.events["/stocks/v1/splits"] = [
        split("SAME", "2024-01-02"),
        split("SAME", "2024-01-02"),
        split("TWICE", "2024-01-02", id="a"),
        split("TWICE", "2024-01-02", id="b"),
        split("ODD", "2024-01-02", 1, 2, id="x"),
        split("ODD", "2024-01-09", 1, 2, id="x"),
        split("DAY", "2024-01-02", 1, 2, id="y"),
        split("DAY", "2024-01-02", 1, 3, id="z"),
        {"id": "nobody", "execution_date": "2024-01-02", "split_from": 1, "split_to": 2},
        "no event",  # type: ignore[list-item]
    ]
    server.events["/stocks/v1/splits"].pop()
    done = ask(server, store)
    problems = [(row["ticker"], row["problem"]) for row in rows(store)]
    same_id, same_day = "several events with this id and different values", "several different splits on one day"
    assert problems == [
        ("DAY", same_day), ("DAY", same_day), ("ODD", same_id), ("ODD", same_id), ("SAME", None), ("TWICE", None),
    ]  # fmt: skip
    assert done.record.findings == {"repeated": 2, "contradictory": 4, "unusable": 4, "without_ticker": 1}
    again = ask(server, store)  # what was marked before is not repeated, and is marked again
    assert [row["problem"] for row in rows(store)] == [problem for _, problem in problems]
    assert (again.added, again.removed) == (0, 0)


def test_an_event_is_usable_again_when_the_other_one_was_withdrawn(server: RestApi, store: ParquetStore) -> None:
    older, newer = split("ODD", "2024-01-02", 1, 2, id="x"), split("ODD", "2024-05-28", 1, 2, id="x")
    server.events["/stocks/v1/splits"] = [older, newer, split("B", "2020-01-02")]
    ask(server, store)
    assert [row["problem"] is None for row in rows(store)] == [True, False, False]
    server.events["/stocks/v1/splits"] = [split("NEW", "2024-05-29")]
    ask(server, store)
    assert [(row["ticker"], row["problem"]) for row in rows(store)] == [("B", None), ("NEW", None), ("ODD", None)]


PASSING = {
    "503": [refusal(503)],
    "429 without a time": [refusal(429), refusal(429), refusal(429), refusal(429), refusal(429), refusal(429)],
    "429 with a time": [refusal(429, Retry_After="0"), refusal(429, Retry_After="1")],
    "cut": [cut, cut],
    "HTML once": [page(b"<html>busy</html>")],
}


@pytest.mark.parametrize("faults", PASSING.values(), ids=PASSING)
def test_survives_what_passes(server: RestApi, store: ParquetStore, faults: list[Any]) -> None:
    server.page_events = 1
    server.faults.extend([None, *faults])
    assert ask(server, store).pages == 2
    assert len(rows(store)) == 2
    assert len(server.seen) == 2 + len(faults)


def test_waits_as_long_as_it_is_told_and_never_beyond_the_deadline(server: RestApi, store: ParquetStore) -> None:
    server.faults.append(refusal(429, Retry_After="3600"))
    with pytest.raises(ApiUnavailableError, match="429"):
        ask(server, store)
    assert len(server.seen) == 1


LASTING: dict[str, tuple[list[Any], type[PolygonAssetsError], str, int]] = {
    "401": ([refusal(401, f"Unknown API Key {KEY}")], ApiKeyError, "it answered 401. Copy POLYGON_API_KEY", 1),
    "403": ([refusal(403, f"not entitled, {KEY}")], ApiRefusedError, "403: not entitled, …", 1),
    "404": ([refusal(404)], ApiRefusedError, "404", 1),
    "500": ([refusal(500)] * 4, ApiUnavailableError, "500", 4),
    "cut": ([cut] * 4, ApiUnavailableError, "the connection failed: IncompleteRead|the connection failed: Protocol", 4),
    "HTML": ([page(b"<html>log in</html>")] * 2, ApiAnswerError, "no JSON, but <html>log in", 2),
    "empty": ([page(b"")] * 2, ApiAnswerError, "no JSON", 2),
    "nested": ([page(b"[" * 100_000)] * 2, ApiAnswerError, "no JSON", 2),
    "a list": ([page(b"[]")] * 2, ApiAnswerError, "an answer without success", 2),
    "no success": ([page(b'{"status": "ERROR", "error": "x"}')] * 2, ApiAnswerError, "without success", 2),
    "no results": ([changed(results=None)] * 2, ApiAnswerError, "without a list of results", 2),
    "odd results": ([changed(results={"a": 1})] * 2, ApiAnswerError, "without a list of results", 2),
    "redirect": (
        [refusal(302, Location="http://127.0.0.1:9/a")], ApiRefusedError, "to 127.0.0.1:9, which is not followed", 1,
    ),
    "no address": ([changed(next_url="http://[")], ApiAnswerError, "next_url is no address", 1),
    "something else": (
        [changed(next_url="/v3/reference/tickers?cursor=1")], ApiAnswerError, "next_url leads to /v3/reference", 1,
    ),
}  # fmt: skip


@pytest.mark.parametrize(("faults", "error", "said", "requests"), LASTING.values(), ids=LASTING)
def test_a_page_that_cannot_be_had_leaves_the_table_as_it_was(
    server: RestApi,
    store: ParquetStore,
    faults: list[Any],
    error: type[PolygonAssetsError],
    said: str,
    requests: int,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    ask(server, store)
    before = Path(store.uri, table_name("splits")).read_bytes()
    server.seen.clear()
    server.page_events = 1
    server.events["/stocks/v1/splits"] += [split("NEW", "2024-05-30"), split("NEWER", "2024-05-31")]
    server.faults.extend([None, *faults])
    with caplog.at_level(logging.DEBUG), pytest.raises(error, match=said) as caught:
        ask(server, store)
    assert len(server.seen) == 1 + requests
    assert Path(store.uri, table_name("splits")).read_bytes() == before
    printed = capfd.readouterr()
    told = "".join(traceback.format_exception(caught.value)) + caplog.text + printed.out + printed.err
    assert KEY not in told
    assert "/stocks/v1/splits: " in str(caught.value)


def test_the_key_goes_to_no_other_host(server: RestApi, store: ParquetStore) -> None:
    with rest_api() as other:
        server.faults.append(changed(next_url=f"{other.url}/stocks/v1/splits?cursor=1"))
        with pytest.raises(ApiAnswerError, match=r"next_url leads to 127.0.0.1/stocks/v1/splits, where the key is not"):
            ask(server, store)
        server.faults.append(refusal(307, Location=f"{other.url}/stocks/v1/splits"))
        with pytest.raises(ApiRefusedError):
            ask(server, store)
        assert other.seen == []
    assert read_record(store, SPLITS) is None


def test_pages_that_go_round_in_a_circle(server: RestApi, store: ParquetStore) -> None:
    loop = changed(next_url=f"{server.url}/stocks/v1/splits?cursor={json.dumps({}).encode().hex()}")
    server.faults.extend([loop, loop, loop, loop])
    with pytest.raises(ApiAnswerError, match="round in a circle"):
        ask(server, store)
    assert len(server.seen) == 2


def test_no_event_in_all_of_history_is_no_answer(server: RestApi, store: ParquetStore) -> None:
    ask(server, store)
    server.events["/stocks/v1/splits"] = []
    with pytest.raises(ApiAnswerError, match="not one of the splits"):
        ask(server, store, full=True)
    assert len(rows(store)) == 2


def test_a_damaged_table_is_named_and_made_anew(server: RestApi, store: ParquetStore) -> None:
    ask(server, store)
    path = Path(store.uri, table_name("splits"))
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(StoreError, match="polygon-assets reference --full"):
        read_record(store, SPLITS)
    assert ask(server, store).since is None
    assert len(rows(store)) == 2


def test_what_is_invalid(server: RestApi, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InvalidInputError, match="https"):
        ReferenceApi(KEY, "http://example.com")
    with pytest.raises(InvalidInputError, match="POLYGON_API_KEY"):
        ReferenceApi(f"{KEY}\n", server.url)
    with pytest.raises(MissingCredentialsError, match="POLYGON_API_KEY"):
        open_api(load_settings())
    monkeypatch.setenv("POLYGON_API_KEY", KEY)
    monkeypatch.setenv("POLYGON_API_URL", server.url)
    settings = load_settings()
    with open_api(settings) as api:
        assert KEY not in repr(api) + repr(settings)
        assert len(next(api.pages(SPLITS))) == 2
