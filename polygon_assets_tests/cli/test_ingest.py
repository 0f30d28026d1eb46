"""``ingest``: which days, what is said, and its end in the middle of everything."""

import datetime as dt
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from polygon_assets.cli.work import dry_run
from polygon_assets.datasets import DATASETS
from polygon_assets.download import S3Catalog
from polygon_assets.ingest import Patience
from polygon_assets.orchestration.assets import recording
from polygon_assets.sample.flat_files import flat_file
from polygon_assets_tests.cli.conftest import Command, Platform
from polygon_assets_tests.factories import compressed, row, stamp, text
from polygon_assets_tests.platforms import SMALL
from polygon_assets_tests.servers import faults
from polygon_assets_tests.servers.origin import Origin, origin

DAYS = ["2024-01-02", "2024-01-03", "2024-01-04", "2024-01-05"]
RANGE = ("--start", DAYS[0], "--end", DAYS[-1])
FUTURE = f"{dt.datetime.now(dt.UTC).year + 1}-03-02"
BOTH = pytest.mark.stores("disk", "s3")


@BOTH
def test_a_range_is_stored_and_recorded(platform: Platform, cli: Command) -> None:
    platform.publish("stocks_daily", DAYS[:3])
    done = cli("ingest", "stocks_daily", *RANGE)
    assert done.code == 1
    assert "stocks_daily: 3 published, 1 not published yet; " in done.out
    assert f"{DAYS[3]}: not published: the bucket has no file of it" in done.err
    assert platform.materialised("stocks_daily") == DAYS[:3]
    again = cli("ingest", "stocks_daily", *RANGE)
    assert again.out.strip() == "stocks_daily: 3 unchanged, 1 not published yet"


@BOTH
def test_only_what_is_missing(platform: Platform, cli: Command) -> None:
    platform.publish("stocks_daily", DAYS)
    assert cli("ingest", "stocks_daily", "--start", DAYS[1]).code == 0
    assert "3 published" in cli("ingest", "stocks_daily", *RANGE, "--missing").out
    assert cli("ingest", "stocks_daily", *RANGE, "--missing").out.strip() == "stocks_daily: nothing is missing"


@pytest.mark.usefixtures("platform")
def test_the_last_days(cli: Command) -> None:
    done = cli("ingest", "options_daily", "--last", "3", "--dry-run")
    assert done.code == 0
    assert "options_daily: 3 trading days: 3 not published" in done.out


@pytest.mark.usefixtures("platform")
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "Say which days: --start DAY [--end DAY], --last N or --missing."),
        (("--end", DAYS[0]), "--end needs --start."),
        (("--last", "3", "--start", DAYS[0]), "--last counts from yesterday"),
        (("--start", "2024-01-01"), "2024-01-01 is not a trading day of XNYS"),
        (("--start", "20240102"), "Invalid date: '20240102'; a date is YYYY-MM-DD and exists"),
        (
            ("--start", DAYS[0], "--end", FUTURE),
            "has not begun: the newest session of XNYS",
        ),
        (("--start", "2003-01-02"), "stocks_daily begins on 2003-09-10; 2003-01-02 lies before it"),
    ],
)
def test_days_that_is_invalid(cli: Command, arguments: tuple[str, ...], message: str) -> None:
    done = cli("ingest", "stocks_daily", *arguments)
    assert done.code == 2
    assert message in done.err
    assert len(done.err.splitlines()) == 1


def test_a_file_without_its_last_newline_is_published_on_demand(platform: Platform, cli: Command) -> None:
    body = compressed(text([row("A", stamp())]).removesuffix(b"\n"))
    platform.put("stocks_daily", DAYS[0], body)
    done = cli("ingest", "stocks_daily", "--start", DAYS[0])
    assert done.code == 1
    assert f"polygon-assets ingest stocks_daily --start {DAYS[0]} --accept-unterminated" in done.err
    accepted = cli("ingest", "stocks_daily", "--start", DAYS[0], "--accept-unterminated")
    assert accepted.code == 0
    assert "1 published" in accepted.out


@BOTH
@pytest.mark.parametrize(
    ("size", "days", "expected"),
    [(1, 1, "0:00:01"), (6 * 10**9, 1, "0:10:00"), (8 * 10**11, 100, "22.2 hours"), (0, 72_000, "2.0 hours")],
)
def test_a_dry_run_says_hours_where_it_takes_hours(size: int, days: int, expected: str) -> None:
    assert dry_run.expected_time(size, days) == f"about {expected} at 10.0 MB/s"


class Imagined(bytes):
    """A day of quotes, of which only the size is there."""

    def __len__(self) -> int:
        return 8 * 10**9


@pytest.mark.usefixtures("platform")
def test_a_dry_run_of_large_days_says_bytes_disk_and_hours(cli: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    days = S3Catalog.get_business_days("2024-01-02", "2024-03-28")
    monkeypatch.setattr(dry_run, "free_bytes", lambda _: 10**11)
    with origin() as server:
        for day in days:
            server.store(S3Catalog().get_key("stocks_quotes", day), Imagined(), etag="0" * 32)
        monkeypatch.setenv("POLYGON_ENDPOINT_URL", server.endpoint_url)
        monkeypatch.setenv("POLYGON_BUCKET", "flatfiles")
        done = cli("ingest", "stocks_quotes", "--start", days[0], "--end", days[-1], "--dry-run")
        assert not [request for request in server.seen if request.method == "GET" and request.key]
    assert done.code == 0, done.err
    assert "fetch: 61 days, 488.0 GB" in done.out
    assert "disk: about 398.4 GB needed in " in done.out  # 0.8 of it, and one source file beside
    assert "largest day: 8.0 GB, with its Parquet file 14.4 GB while it is converted" in done.out
    assert "time: about 13.6 hours at 10.0 MB/s" in done.out
    assert "The disk will not hold it" in done.err


def test_a_dry_run_fetches_nothing(platform: Platform, cli: Command) -> None:
    platform.publish("stocks_daily", DAYS[:3])
    assert cli("ingest", "stocks_daily", "--start", DAYS[0]).code == 0
    platform.publish("stocks_daily", DAYS[:1], seed=1)
    done = cli("ingest", "stocks_daily", *RANGE, "--dry-run")
    assert done.code == 0
    assert "stocks_daily: 4 trading days: 1 replaced, 2 new, 1 not published" in done.out
    assert "fetch: 3 days" in done.out
    assert "time: about 0:00:01 at 10.0 MB/s" in done.out
    assert f"needed in {platform.place.uri}; " in done.out
    assert platform.materialised("stocks_daily") == DAYS[:1]
    assert platform.place.files("stocks_daily") == [f"date={DAYS[0]}/data.parquet"]


@BOTH
def test_an_error_while_telling_dagster_is_told(
    platform: Platform, cli: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    platform.publish("stocks_daily", DAYS[:2])

    def full(*_: object) -> bool:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(recording.Recorder, "record", full)
        done = cli("ingest", "stocks_daily", "--start", DAYS[0], "--end", DAYS[1])
    assert done.code == 1
    assert "2 published" in done.out
    assert (
        "2 days stored, but Dagster could not be told: The disk is full: [Errno 28] No space left on device."
        in done.err
    )
    assert "polygon-assets record stocks_daily" in done.err
    assert cli("record", "stocks_daily").code == 0
    assert platform.materialised("stocks_daily") == DAYS[:2]


def test_raw_files_are_kept_where_the_environment_says_so(
    platform: Platform, cli: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    platform.publish("stocks_daily", DAYS[:1])
    monkeypatch.setenv("POLYGON_KEEP_RAW", "true")
    assert cli("ingest", "stocks_daily", "--start", DAYS[0]).code == 0
    (raw,) = platform.store.glob(f"_raw/stocks_daily/date={DAYS[0]}/*.csv.gz")
    assert raw.read_bytes() == flat_file(DATASETS["stocks_daily"], DAYS[0], SMALL)


def test_a_day_before_the_first_partition_is_stored_and_dagster_is_not_told(
    platform: Platform, cli: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    platform.publish("stocks_daily", DAYS[:2])
    monkeypatch.setenv("POLYGON_HISTORY_START", DAYS[1])
    done = cli("ingest", "stocks_daily", "--start", DAYS[0], "--end", DAYS[1])
    assert (done.code, "2 published" in done.out) == (0, True)
    said = f"{DAYS[0]} is stored, and not shown in Dagster: its days begin on {DAYS[1]} (POLYGON_HISTORY_START)."
    assert said in done.err
    assert platform.materialised("stocks_daily") == DAYS[1:2]
    assert "1 reported" not in cli("record", "stocks_daily").out


@pytest.fixture
def stalling() -> Iterator[Origin]:
    """A bucket whose second day begins to arrive, and does not end."""
    with origin() as server:
        for number, day in enumerate(DAYS):
            body = flat_file(DATASETS["stocks_daily"], day, SMALL)
            key = f"us_stocks_sip/day_aggs_v1/{day[:4]}/{day[5:7]}/{day}.csv.gz"
            server.store(key, body, always=faults.stall_after(len(body) // 2) if number == 1 else None)
        yield server


@pytest.mark.slow
@BOTH
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)], ids=["Ctrl-C", "SIGTERM"])
def test_interrupted(platform: Platform, stalling: Origin, cli: Command, number: signal.Signals, code: int) -> None:
    environment = os.environ | {
        "POLYGON_ENDPOINT_URL": stalling.endpoint_url,
        "POLYGON_BUCKET": "flatfiles",
        "POLYGON_MAX_CONCURRENT": "2",  # one for the day that stalls, whichever is asked for first
    }
    command = [sys.executable, "-m", "polygon_assets.cli", "ingest", "stocks_daily", *RANGE]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as child:
        wait_until_stored(platform, stalling, child)
        child.send_signal(number)
        out, err = child.communicate(timeout=60)
    assert child.returncode == code, err
    assert err.strip().splitlines() == ["Interrupted. What was published stays; call it again to go on."]
    assert out == ""
    left = platform.place.files()
    assert {name.rpartition("/")[2] for name in left} == {"data.parquet"}
    assert not [name for name in left if DAYS[1] in name]
    assert platform.place.left_over() == []
    assert cli("verify", "stocks_daily").code == 0


def wait_until_stored(platform: Platform, stalling: Origin, child: "subprocess.Popen[str]") -> None:
    """Wait until a day is stored and the second, which stalls, is being fetched."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and child.poll() is None:
        stored = platform.place.files("stocks_daily")
        if stored and any(DAYS[1] in seen.key and seen.method == "GET" for seen in list(stalling.seen)):
            return
        time.sleep(0.02)
    raise AssertionError(f"nothing was under way: {child.communicate(timeout=1)}")


@BOTH
def test_the_history_of_dagster_is_whole_after_an_interrupt(platform: Platform, cli: Command) -> None:
    """What was stored but not recorded when it was interrupted is recorded by the next call."""
    platform.publish("stocks_daily", DAYS[:1])
    assert cli("ingest", "stocks_daily", "--start", DAYS[0]).code == 0
    platform.instance.wipe_assets([dg.AssetKey("stocks_daily")])
    assert platform.materialised("stocks_daily") == []
    assert cli("ingest", "stocks_daily", "--start", DAYS[0]).code == 0
    assert platform.materialised("stocks_daily") == DAYS[:1]


@BOTH
def test_a_day_can_be_recorded_twice(platform: Platform, cli: Command) -> None:
    """Dagster 1.13 fails at a second result of a partition's check that was reported without a run."""
    for seed in (0, 1):
        platform.publish("stocks_daily", DAYS[:1], seed=seed)
        done = cli("ingest", "stocks_daily", "--start", DAYS[0])
        assert (done.code, done.err) == (0, "")
    assert cli("ingest", "stocks_daily", "--start", DAYS[0], "--overwrite").code == 0
    assert platform.checks("stocks_daily")["readable", DAYS[0]]
    platform.put_broken("stocks_daily", DAYS[0])
    assert cli("ingest", "stocks_daily", "--start", DAYS[0]).code == 1
    assert not platform.checks("stocks_daily")["readable", DAYS[0]]


@pytest.mark.usefixtures("platform")
def test_old_days_that_the_bucket_lacks_are_one_line_and_a_failure(cli: Command) -> None:
    """Each was once promised for the following day, in a line of its own."""
    done = cli("ingest", "stocks_daily", "--start", "2024-01-02", "--end", "2024-02-29")
    assert done.code == 1
    assert "41 not published yet" in done.out
    assert done.err.splitlines() == [
        "2024-01-02 to 2024-02-29: 41 days not published: the bucket has no file of them, and none is to be expected: "
        "polygon-assets ls stocks_daily --month 2024-01"
    ]


@pytest.mark.slow
@pytest.mark.parametrize("configuration", [None, "telemetry: {enabled: false}\n"], ids=["none", "its own"])
def test_a_home_that_dagster_had_made_before_was_once_refused(
    platform: Platform, cli: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, configuration: str | None
) -> None:
    home = tmp_path / "made before"
    home.mkdir()
    if configuration:
        (home / "dagster.yaml").write_text(configuration)
    with dg.DagsterInstance.from_config(str(home)) as instance:
        instance.report_runless_asset_event(dg.AssetMaterialization("mine"))
    monkeypatch.setenv("DAGSTER_HOME", str(home))
    platform.publish("stocks_daily", DAYS[:1])
    assert cli("ingest", "stocks_daily", "--start", DAYS[0]).code == 0
    with dg.DagsterInstance.from_config(str(home)) as instance:
        assert instance.get_materialized_partitions(dg.AssetKey("stocks_daily")) == set(DAYS[:1])
        assert instance.get_latest_materialization_event(dg.AssetKey("mine"))
    if configuration:
        assert (home / "dagster.yaml").read_text() == configuration


def test_many_days_that_are_refused_are_not_all_named(platform: Platform, cli: Command) -> None:
    days = S3Catalog.get_business_days("2024-01-02", "2024-01-31")
    for day in days:
        platform.put_broken("stocks_daily", day)
    done = cli("ingest", "stocks_daily", "--start", days[0], "--end", days[-1])
    assert done.code == 1
    lines = done.err.splitlines()
    assert len(lines) == 21
    assert lines[-1] == "Further days are counted only; polygon-assets status and doctor say more."


@pytest.mark.usefixtures("platform")
def test_a_refused_listing_once_blamed_the_plan_and_refused_days_had_a_line_each(
    cli: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("POLYGON_BUCKET", "flatfiles")
    with origin() as bucket:
        monkeypatch.setenv("POLYGON_ENDPOINT_URL", bucket.endpoint_url)
        for day in DAYS:
            bucket.store(S3Catalog().get_stocks_daily_key(day), b"x", always=faults.status(403, "AccessDenied"))
        done = cli("ingest", "stocks_daily", "--start", DAYS[0], "--end", DAYS[-1])
        assert (done.code, done.out.strip()) == (1, f"stocks_daily: {len(DAYS)} not entitled")
        assert len(done.err.splitlines()) == 2
        assert f"{DAYS[0]} to {DAYS[-1]}: {len(DAYS)} days not entitled: the service answered 403" in done.err
        assert done.err.count("The vendor does not say why") == 1
        for command in (("ls", "stocks_daily", "--month", DAYS[0][:7]), ("ingest", "stocks_daily", "--start", DAYS[0])):
            bucket.page_faults[0].append(faults.status(403, "AccessDenied"))
            refused = cli(*command)
            assert refused.code == 1
            assert "Listing works on every plan: as a rule the S3 keys are wrong or have expired." in refused.err
            assert "your plan may not include" not in refused.err


def test_an_outage_ends_the_call_with_one_line(
    platform: Platform, cli: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once, 5,000 days of 503 took an hour and a half, and a line each."""
    quick = Patience(first_pause=0.001, longest_pause=0.001)
    monkeypatch.setattr("polygon_assets.ingest.pipeline.DEFAULT_PATIENCE", quick)
    monkeypatch.setenv("POLYGON_MAX_RETRIES", "0")
    monkeypatch.setenv("POLYGON_BUCKET", "flatfiles")
    with origin() as bucket:
        monkeypatch.setenv("POLYGON_ENDPOINT_URL", bucket.endpoint_url)
        days = S3Catalog.get_business_days("2024-01-02", "2024-06-28")
        for day in days:
            bucket.store(S3Catalog().get_stocks_daily_key(day), b"", always=faults.status(503, "SlowDown"))
        done = cli("ingest", "stocks_daily", "--start", days[0], "--end", days[-1])
        asked = [each for each in bucket.seen if each.method == "GET" and not each.query]
    assert done.code == 1
    assert f"stocks_daily: {len(days)} failed" in done.out
    assert done.err.count("not tried: the 8 days before it failed in a row, for one reason") == 1
    assert done.err.count("So are the days after it.") == 1
    assert len(asked) < 30
    assert platform.materialised("stocks_daily") == []


def test_a_stored_day_that_the_plan_no_longer_reaches_once_said_so_twice_in_one_line(
    platform: Platform, cli: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    platform.publish("stocks_daily", DAYS[:1])
    assert cli("ingest", "stocks_daily", "--start", DAYS[0]).code == 0
    monkeypatch.setenv("POLYGON_BUCKET", "flatfiles")
    with origin() as bucket:
        monkeypatch.setenv("POLYGON_ENDPOINT_URL", bucket.endpoint_url)
        key = S3Catalog().get_stocks_daily_key(DAYS[0])
        bucket.store(key, b"any")
        bucket.refused = {key}
        done = cli("ingest", "stocks_daily", "--start", DAYS[0])
        assert platform.checks("stocks_daily")["readable", DAYS[0]]
        platform.place.flip(platform.place.file("stocks_daily", DAYS[0]), 2)
        kept = cli("ingest", "stocks_daily", "--start", DAYS[0], "--overwrite")
    assert (done.code, done.out.strip()) == (0, "stocks_daily: 1 unchanged")
    assert done.err.count("Stored, and the source is out of reach now") == 1
    assert kept.code == 1
    assert not platform.checks("stocks_daily")["readable", DAYS[0]], "it could not be replaced, and is corrupt"


def test_some_tickers_alone(platform: Platform, cli: Command) -> None:
    platform.publish("stocks_daily", DAYS[:2])
    both = ("--start", DAYS[0], "--end", DAYS[1])
    done = cli("ingest", "stocks_daily", *both, "--tickers", "AAPL,MSFT")
    assert done.code == 0
    assert platform.materialised("stocks_daily") == DAYS[:2]
    assert platform.metadata("stocks_daily", DAYS[0])["filter"] == "tickers=AAPL,MSFT"
    said = f"stocks_daily: some rows only, on 2 of 2 days, {DAYS[0]} to {DAYS[1]}: tickers=AAPL,MSFT"
    assert said in cli("status", "stocks_daily", "--no-heatmap").out
    assert "some rows only, by a filter: 2 days" in cli("verify", "stocks_daily").out
    assert "2 published" in cli("ingest", "stocks_daily", *both).out
    assert "some rows only" not in cli("status", "stocks_daily", "--no-heatmap").out
    refused = cli("ingest", "stocks_daily", *both, "--underlyings", "SPY")
    assert (refused.code, "has no underlyings" in refused.err) == (2, True)


def test_a_misspelt_ticker_once_stored_days_without_rows_in_silence(platform: Platform, cli: Command) -> None:
    platform.publish("stocks_daily", DAYS[:2])
    both = ("--start", DAYS[0], "--end", DAYS[1])
    done = cli("ingest", "stocks_daily", *both, "--tickers", "aapl")
    assert (done.code, "2 published" in done.out) == (0, True)
    assert "tickers=aapl kept no row of 2 days. The vendor writes tickers in capitals" in done.err
    assert "kept no row" not in cli("ingest", "stocks_daily", *both, "--tickers", "AAPL,aapl").err
    assert "kept no row" not in cli("ingest", "stocks_daily", *both).err
    lost = cli("ingest", "stocks_daily", *both, "--tickers", "aapl")
    assert lost.code == 1, "a typing error once replaced good days by empty ones"
    assert "tickers=aapl keeps no row of the vendor's file, and 20 rows are stored" in lost.out + lost.err
    assert platform.place.open().provenance("stocks_daily", DAYS[0]).rows == 20  # type: ignore[union-attr]
    assert cli("ingest", "stocks_daily", *both, "--tickers", "aapl", "--overwrite").code == 0
