"""``doctor``: every line is ok, or says what helps."""

import datetime as dt
import http.server
import shutil
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from dagster._daemon.types import DaemonHeartbeat

from polygon_assets.datasets import DATASETS
from polygon_assets.download import SyncS3Downloader
from polygon_assets.errors import AccessDeniedError
from polygon_assets.reading.store_against_bucket import oldest_entitled
from polygon_assets_tests.cli.conftest import Command, Outcome, Platform
from polygon_assets_tests.factories import FOUR
from polygon_assets_tests.servers.origin import Origin, origin
from polygon_assets_tests.servers.seaweed import Identity, seaweed

DAYS = ["2024-01-02", "2024-01-03", "2024-01-04", "2024-01-05", "2024-01-08", "2024-01-09"]


def lines(outcome: Outcome) -> dict[str, Any]:
    """What was found, by topic."""
    return {each["topic"]: each for each in outcome.json()}


@pytest.mark.stores("disk", "s3")
def test_all_is_well(platform: Platform, cli: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    for dataset in FOUR:
        platform.publish(dataset, DAYS[:1])
    assert cli("ingest", "stocks_daily", "--start", DAYS[0]).code == 0
    monkeypatch.setenv("POLYGON_HISTORY_START", DAYS[0])
    for kind in platform.instance.get_required_daemon_types():
        platform.instance.add_daemon_heartbeat(DaemonHeartbeat(time.time(), kind, "made-up", []))
    done = cli("doctor", "--json")
    found = lines(done)
    assert done.code == 0
    assert {each["state"] for topic, each in found.items() if topic != "sensors"} == {"ok"}
    assert found["plan: options_minute"]["text"] == f"included from {DAYS[0]} on; 1 day listed"
    assert "1 day stored" in found["store"]["text"]
    assert platform.place.files() == [f"stocks_daily/date={DAYS[0]}/data.parquet"]
    assert found["credentials"]["text"].startswith("test… may list the bucket")
    assert "canary" not in done.out
    shown = cli("doctor").out
    assert "ok      clock                 within 1 s of the vendor's" in shown


def test_wrong_keys(platform: Platform, cli: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    platform.publish("stocks_daily", DAYS[:1])
    monkeypatch.setenv("POLYGON_SECRET_ACCESS_KEY", "wrong-canary")
    done = cli("doctor", "--json")
    assert done.code == 1
    assert lines(done)["credentials"]["state"] == "failed"
    assert "POLYGON_SECRET_ACCESS_KEY again from the flat files page" in lines(done)["credentials"]["remedy"]
    assert "canary" not in done.out


@pytest.mark.usefixtures("platform")
def test_a_store_that_may_only_be_read(cli: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """It was once called writable: all that had been written was the staging folder, which is this machine's."""
    reader = Identity("reader", "canary-reader", ("Read:lake", "List:lake"))
    with seaweed([reader]) as server:
        server.client().create_bucket(Bucket="lake")
        for name, value in (
            ("STORE", "s3://lake/polygon"),
            ("STORE_ENDPOINT_URL", server.endpoint_url),
            ("STORE_ACCESS_KEY_ID", reader.access_key_id),
            ("STORE_SECRET_ACCESS_KEY", reader.secret_access_key),
        ):
            monkeypatch.setenv(f"POLYGON_{name}", value)
        done = cli("doctor", "--json")
    store = lines(done)["store"]
    assert store["state"] == "failed"
    assert "not written" in store["text"]
    assert "POLYGON_STORE" in store["remedy"]
    assert "canary" not in done.out


@pytest.mark.usefixtures("platform")
def test_nothing_is_set_up(cli: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    monkeypatch.setenv("POLYGON_ENDPOINT_URL", f"http://127.0.0.1:{port}")
    monkeypatch.setenv("POLYGON_STORE", str(tmp_path / "file"))
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "nowhere"))
    done = cli("doctor", "--json")
    found = lines(done)
    assert done.code == 1
    assert "does not answer" in found["endpoint"]["text"]
    assert "credentials" not in found
    assert found["store"]["state"] == "failed"
    assert "POLYGON_STORE" in found["store"]["remedy"]
    assert (found["Dagster home"]["state"], found["Dagster home"]["remedy"]) == (
        "note",
        "It is made by: polygon-assets dev",
    )


def test_unset_keys(platform: Platform, cli: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """They come first; what needs none is still asked."""
    monkeypatch.delenv("POLYGON_ACCESS_KEY_ID")
    shutil.rmtree(platform.store, ignore_errors=True)
    done = cli("doctor", "--json")
    assert done.code == 1
    found = lines(done)
    assert next(iter(found)) == "credentials"
    assert found["credentials"]["state"] == "failed"
    assert "Set POLYGON_ACCESS_KEY_ID and POLYGON_SECRET_ACCESS_KEY" in found["credentials"]["remedy"]
    assert {"endpoint", "clock", "store", "disk", "calendar", "Dagster home"} < set(found)
    first, second, *_ = cli("doctor").out.splitlines()
    assert first.startswith("failed  credentials           not set")
    assert "polygon-assets demo" in second


@pytest.fixture
def limited() -> Iterator[Origin]:
    """A bucket that lists six days of stocks and hands out four, and lists options and refuses them."""
    with origin() as server:

        def key(kind: str, day: str) -> str:
            return f"{kind}/day_aggs_v1/2024/01/{day}.csv.gz"

        for day in DAYS:
            server.store(key("us_stocks_sip", day), b"x" * 100)
            server.store(key("us_options_opra", day), b"x")
        server.refused |= {key("us_stocks_sip", day) for day in DAYS[:2]}
        server.refused |= {key("us_options_opra", day) for day in DAYS}
        yield server


@pytest.mark.usefixtures("platform")
def test_the_floor_of_the_plan(limited: Origin, cli: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POLYGON_ENDPOINT_URL", limited.endpoint_url)
    monkeypatch.setenv("POLYGON_BUCKET", "flatfiles")
    found = lines(cli("doctor", "--json"))
    stocks, options = found["plan: stocks_daily"], found["plan: options_daily"]
    assert stocks["state"] == "note"
    assert stocks["text"].startswith(f"included from {DAYS[2]} on, partitions begin on 2003-09-10; 6 days listed")
    assert stocks["remedy"] == f"export POLYGON_HISTORY_START={DAYS[2]}"
    assert options["text"] == "not in your plan: listed, but refused"
    assert "nothing is listed under us_stocks_sip/minute_aggs_v1/" in found["plan: stocks_minute"]["text"]
    assert "needs about 540 bytes" in found["disk"]["text"]
    monkeypatch.setenv("POLYGON_HISTORY_START", DAYS[2])
    assert lines(cli("doctor", "--json"))["plan: stocks_daily"]["state"] == "ok"


@pytest.mark.usefixtures("platform")
def test_the_first_day_that_fits_the_plan_is_written_where_it_is_asked_for(
    limited: Origin, cli: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("POLYGON_ENDPOINT_URL", limited.endpoint_url)
    monkeypatch.setenv("POLYGON_BUCKET", "flatfiles")
    monkeypatch.chdir(tmp_path)
    written = tmp_path / ".env"
    offered = cli("doctor").err
    assert f"To have POLYGON_HISTORY_START={DAYS[2]} written into .env of this folder: polygon-assets doctor" in offered
    assert not written.exists()
    before = "# mine\nPOLYGON_TIMEOUT=30\nPOLYGON_HISTORY_START=2003-09-10\n"
    written.write_text(before)
    assert f"Written into {written}: POLYGON_HISTORY_START={DAYS[2]}" in cli("doctor", "--write").err
    assert written.read_text() == before.replace("2003-09-10", DAYS[2])
    assert "Nothing to write" in cli("doctor", "--write").err


@pytest.fixture
def recent(monkeypatch: pytest.MonkeyPatch) -> Iterator[Origin]:
    """A bucket with a day of every dataset in this month, or the one before; it refuses all ticks and all futures."""
    today = dt.datetime.now(dt.UTC).date()
    with origin() as server:
        for number, (name, dataset) in enumerate(DATASETS.items()):
            day = today.replace(day=1) - dt.timedelta(number % 2)
            key = f"{dataset.live_prefix}/{dataset.kind}/{day:%Y/%m}/{day}.csv.gz"
            server.store(key, b"x" * 100)
            if name.startswith("futures_") or name.endswith(("_trades", "_quotes", "_values")):
                server.refused.add(key)
        monkeypatch.setenv("POLYGON_ENDPOINT_URL", server.endpoint_url)
        monkeypatch.setenv("POLYGON_BUCKET", "flatfiles")
        yield server


@pytest.mark.usefixtures("platform")
def test_it_names_what_the_plan_includes_and_the_setting_that_fits(
    recent: Origin, cli: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    bars = [
        f"{asset_class}_{kind}"
        for asset_class in ("stocks", "options", "indices", "forex", "crypto")
        for kind in ("daily", "minute")
    ]
    setting = f"POLYGON_DATASETS='{','.join(bars)}'"
    plan = lines(cli("doctor", "--json"))["plan"]
    assert (plan["state"], plan["text"]) == (
        "ok",
        f"includes 10 of 33 datasets: {', '.join(bars)}; to have all of them: {setting}",
    )
    assert len(recent.seen) <= 1 + 3 * len(DATASETS)
    monkeypatch.setenv("POLYGON_DATASETS", "stocks_daily,crypto_trades")
    plan = lines(cli("doctor", "--json"))["plan"]
    assert (plan["state"], plan["remedy"]) == ("note", f"export {setting}")
    assert plan["text"].endswith("; chosen, but not included: crypto_trades")
    recent.refused.clear()
    monkeypatch.setenv("POLYGON_DATASETS", "all")
    plan = lines(cli("doctor", "--json"))["plan"]
    assert (plan["state"], plan["remedy"]) == ("ok", "")
    assert plan["text"].endswith("futures_nymex_quotes")


def test_names_of_long_datasets_ran_into_what_is_said_of_them(
    platform: Platform, cli: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    platform.publish("futures_comex_minute", DAYS)
    monkeypatch.setenv("POLYGON_DATASETS", "stocks_daily,futures_comex_minute")
    shown = cli("doctor").out
    assert f"ok      plan: futures_comex_minute  included from {DAYS[0]} on" in shown
    assert "plan: stocks_daily          nothing is listed" in shown


@pytest.mark.usefixtures("platform")
def test_a_dataset_whose_listing_is_refused_is_not_in_the_plan(
    recent: Origin, cli: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    recent.refused.clear()
    list_entries = SyncS3Downloader.list_entries

    def listed(self: SyncS3Downloader, bucket: str, prefix: str, *more: int) -> Any:
        if prefix.startswith("global_crypto/trades_v1"):
            raise AccessDeniedError(bucket, prefix, "AccessDenied")
        return list_entries(self, bucket, prefix, *more)

    monkeypatch.setattr(SyncS3Downloader, "list_entries", listed)
    found = lines(cli("doctor", "--json"))
    assert found["credentials"]["state"] == "ok"
    assert found["plan"]["text"].startswith("includes 32 of 33 datasets: ")
    assert "crypto_trades" not in found["plan"]["text"]


@pytest.mark.parametrize("floor", range(12))
def test_the_floor_is_found_with_few_questions(floor: int) -> None:
    asked: list[str] = []

    def granted(day: str) -> bool:
        asked.append(day)
        return int(day) >= floor

    days = [str(number) for number in range(11)]
    assert oldest_entitled(days, granted) == floor
    assert len(asked) <= 5
    assert oldest_entitled([], granted) == 0


@contextmanager
def answering(date: str) -> Iterator[str]:
    """A server that refuses everything at a time of its own."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self.send_response_only(403)
            self.send_header("Date", date)
            self.end_headers()

        do_GET = do_HEAD  # noqa: N815 (the name that http.server looks for)

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


@pytest.mark.usefixtures("platform")
def test_a_wrong_clock(cli: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    an_hour_ago = dt.datetime.now(dt.UTC) - dt.timedelta(hours=1)
    with answering(f"{an_hour_ago:%a, %d %b %Y %H:%M:%S} GMT") as url:
        monkeypatch.setenv("POLYGON_ENDPOINT_URL", url)
        done = cli("doctor", "--json")
    clock = lines(done)["clock"]
    assert done.code == 1
    assert clock["state"] == "failed"
    assert "+3600 seconds off" in clock["text"] or "+3601 seconds off" in clock["text"]
    assert "timedatectl" in clock["remedy"]


@pytest.mark.usefixtures("platform")
def test_services_to_be_told_are_looked_at_and_not_shown(cli: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "notifications" not in lines(cli("doctor", "--json"))
    monkeypatch.setenv("POLYGON_NOTIFY_URLS", "mailto://me:canary@example.invalid")
    done = cli("doctor", "--json")
    assert lines(done)["notifications"]["text"] == "1 service; apprise knows the addresses"
    monkeypatch.setenv("POLYGON_NOTIFY_URLS", "mailto://me:canary@example.invalid nosuch://canary")
    wrong = cli("doctor", "--json")
    assert lines(wrong)["notifications"]["state"] == "failed"
    assert "number 2 of POLYGON_NOTIFY_URLS" in lines(wrong)["notifications"]["text"]
    assert "canary" not in done.out + done.err + wrong.out + wrong.err
