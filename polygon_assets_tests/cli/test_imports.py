"""Which packages a command imports, each in an interpreter of its own: nobody waits for what is not needed."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from polygon_assets.datasets import DATASETS
from polygon_assets.download import S3Catalog
from polygon_assets.ingest import ParquetStore
from polygon_assets.sample.flat_files import flat_file
from polygon_assets.store.roll_ups import stale_years, write_year
from polygon_assets_tests.platforms import Platform
from polygon_assets_tests.reading.conftest import DAYS, SMALL, filled
from polygon_assets_tests.servers.seaweed import S3Server
from polygon_assets_tests.stores import Place

pytestmark = pytest.mark.slow

__all__ = ["filled"]
SLOW = ("aiobotocore", "dagster", "exchange_calendars", "numpy", "pandas", "pyarrow")


def imported(program: str, **environment: str) -> tuple[list[str], int, str]:
    """Which slow packages ``program`` imports, how it ends, and what it says."""
    told = f"import atexit, sys; atexit.register(lambda: print([n for n in {SLOW!r} if n in sys.modules]))\n{program}"
    done = subprocess.run(
        [sys.executable, "-c", told], env=os.environ | environment, capture_output=True, text=True, check=False,
        timeout=60,
    )  # fmt: skip
    return done.stdout.splitlines()[-1].strip("[]").replace("'", "").split(", "), done.returncode, done.stderr


def command(*arguments: str) -> str:
    return f"sys.argv = ['polygon-assets', *{arguments!r}]\nfrom polygon_assets.cli import main; main()"


@pytest.mark.parametrize(
    ("arguments", "code"),
    [("--help", 0), ("--version", 0), ("ingest --help", 0), ("status bonds", 2), ("verify --no-such-option", 2)],
)
def test_help_and_mistakes_import_nothing_slow(arguments: str, code: int) -> None:
    assert imported(command(*arguments.split()))[:2] == ([""], code)


@pytest.mark.parametrize("arguments", ["ingest stocks_daily --last 1", "ls stocks_daily", "verify --remote", "dev"])
def test_missing_keys_are_named_before_anything_slow_is_imported(arguments: str, tmp_path: Path) -> None:
    found, code, said = imported(command(*arguments.split()), POLYGON_STORE=str(tmp_path))
    assert (found, code) == ([""], 2)
    assert "POLYGON_ACCESS_KEY_ID" in said


@pytest.mark.usefixtures("filled")
@pytest.mark.parametrize(
    "arguments",
    [
        ["status"], ["ls", "stocks_daily", "--month", DAYS[0][:7]], ["verify"], ["rollup"],
        ["sql", "SELECT count(*) FROM stocks_daily"],
    ],
    ids=lambda arguments: arguments[0],
)  # fmt: skip
def test_what_reads_the_store_imports_neither_dagster_nor_pandas(
    place: Place, s3_server: S3Server, bucket: str, arguments: list[str]
) -> None:
    for year in stale_years(place.open(), "stocks_daily"):  # Dagster is told of years that are made
        write_year(place.open(), "stocks_daily", year)
    body = flat_file(DATASETS["stocks_daily"], DAYS[0], SMALL)
    s3_server.put(bucket, S3Catalog(bucket).get_key("stocks_daily", DAYS[0]), body)
    found, code, said = imported(
        command(*arguments),
        **place.environment(),
        POLYGON_ENDPOINT_URL=s3_server.endpoint_url,
        POLYGON_BUCKET=bucket,
        POLYGON_ACCESS_KEY_ID=s3_server.access_key_id,
        POLYGON_SECRET_ACCESS_KEY=s3_server.secret_access_key,
    )
    assert code == 0, said
    clients = {"aiobotocore"} if arguments[0] == "ls" else set()  # it lists the bucket
    assert set(found) - clients == {"numpy", "pyarrow"}


def test_an_ingest_that_finds_nothing_new_imports_no_dagster_and_tells_it_of_a_day_that_it_lacks(
    platform: Platform, fresh_home: Path
) -> None:
    """Dagster's import and two openings of its history were two thirds of the CPU of a day that is stored already."""
    arguments = ("ingest", "stocks_daily", "--start", DAYS[0])
    platform.publish("stocks_daily", DAYS[:1])
    found, code, said = imported(command(*arguments))
    assert (code, "dagster" in found) == (0, True), said
    found, code, said = imported(command(*arguments))
    assert (code, {"dagster", "pandas", "exchange_calendars"}.intersection(found)) == (0, set()), said
    platform.opened.close()
    shutil.rmtree(platform.home)
    shutil.copytree(fresh_home, platform.home)
    found, code, said = imported(command(*arguments))
    assert (code, "dagster" in found) == (0, True), said
    assert platform.materialised("stocks_daily") == DAYS[:1]


def test_reading_in_a_script_opens_no_client(filled: ParquetStore) -> None:
    program = f"import polygon_assets; assert polygon_assets.scan('stocks_daily', store={filled.uri!r}).count_rows()"
    found, code, said = imported(program)
    assert code == 0, said
    assert not {"dagster", "aiobotocore"}.intersection(found)


def test_pandas_is_there_for_whoever_asks_for_it() -> None:
    """As exchange_calendars does, where the table of sessions was made from another version of it."""
    program = (
        "from polygon_assets.lazy import spare_pandas; spare_pandas()\n"
        "import pyarrow as pa; assert pa.array([1, None]).null_count == 1; assert 'pandas' not in sys.modules\n"
        "from polygon_assets import calendars, session_table; session_table.MADE_FROM = 'another'\n"
        "assert len(calendars.trading_calendar().sessions) > 5000"
    )
    found, code, said = imported(program)
    assert code == 0, said
    assert {"exchange_calendars", "pandas"} <= set(found)
