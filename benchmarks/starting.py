"""What each start of the program costs: commands that have next to nothing to do, in a home of their own."""

import shutil
import sys
from functools import partial

from benchmarks.files import CATALOG, Extent, last_days
from benchmarks.processes import WORK, Figure, Outcome, alternate, run_program
from benchmarks.results import Result, Row
from polygon_assets.datasets import DATASETS
from polygon_assets.sample.flat_files import flat_file
from polygon_assets.sample.generators import Size
from polygon_assets_tests.servers.seaweed import S3Server

DATASET = "stocks_daily"
BUCKET = "starting"
STORED_DAYS = 40
NOTHING, STATUS = "Python itself", f"status, {STORED_DAYS} days stored"
HELP, SQL, INGEST = "--help", "sql 'SELECT 1'", "ingest --overwrite of one small day"


def measure(extent: Extent, server: S3Server) -> list[Result]:
    """One result."""
    title = "Starting: commands that do little"
    print(title, flush=True)
    days = _served(server)
    folder = WORK / "out" / "starting"
    shutil.rmtree(folder, ignore_errors=True)
    variables = {
        "POLYGON_ACCESS_KEY_ID": server.access_key_id,
        "POLYGON_SECRET_ACCESS_KEY": server.secret_access_key,
        "POLYGON_ENDPOINT_URL": server.endpoint_url,
        "POLYGON_BUCKET": BUCKET,
        "POLYGON_STORE": str(folder / "store"),
        "DAGSTER_HOME": str(folder / "home"),
        "XDG_STATE_HOME": str(folder / "state"),
        "NO_COLOR": "1",
        "PYTHONDONTWRITEBYTECODE": "",
    }
    _command(variables, "ingest", DATASET, "--start", days[0], "--end", days[-1])
    outcomes = alternate(
        {
            NOTHING: lambda: run_program([sys.executable, "-c", "pass"])[0],
            HELP: partial(_command, variables, "--help"),
            STATUS: partial(_command, variables, "status", DATASET),
            SQL: partial(_command, variables, "sql", "SELECT 1"),
            INGEST: partial(_command, variables, "ingest", DATASET, "--start", days[-1], "--overwrite"),
        },
        3 if extent.quick else 5,
    )
    rows = [
        Row(name, Figure.of([each.wall for each in runs]), Figure.of([each.cpu for each in runs]))
        for name, runs in outcomes.items()
    ]
    note = "Whole programs, byte code cached, from start to end."
    return [Result(title, rows, note=note)]


def _served(server: S3Server) -> list[str]:
    """Put small days into a bucket of their own; those days."""
    server.client().create_bucket(Bucket=BUCKET)
    days = last_days(DATASET, STORED_DAYS)
    for day in days:
        server.put(BUCKET, CATALOG.get_key(DATASET, day), flat_file(DATASETS[DATASET], day, Size(50)))
    return days


def _command(variables: dict[str, str], *arguments: str) -> Outcome:
    return run_program([sys.executable, "-m", "polygon_assets.cli", *arguments], variables)[0]
