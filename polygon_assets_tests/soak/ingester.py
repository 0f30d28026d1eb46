"""Who ingests in the soak, and is killed: ``python -m polygon_assets_tests.soak.ingester``, under a user's variables.

For each line of input, which names days, it forks a child that ingests them, prints the child's pid, and when it has
ended its exit code: 0, 2 where the run as a whole gave up, 1 for what must not happen, or a signal's number, negated.
"""

import asyncio
import os
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path

from polygon_assets.download import AsyncS3Downloader, S3Catalog
from polygon_assets.errors import PolygonAssetsError
from polygon_assets.ingest import DayResult, ingest_days
from polygon_assets.ingest.breaker import Patience
from polygon_assets.ingest.connections import open_store
from polygon_assets.settings import load_settings
from polygon_assets_tests.soak.chaos import DATASET

QUICK = {"timeout": 0.5, "max_retries": 3, "backoff_base": 0.01, "backoff_cap": 0.1, "deadline": 5.0}
"""What the soak's downloaders are told: the bucket is near, and half a second of silence is a fault."""
GAVE_UP, MUST_NOT_HAPPEN = 2, 1


async def ingest(days: Sequence[str]) -> list[DayResult]:
    """Ingest ``days`` under the environment's settings."""
    settings = load_settings()
    credentials = {"access_key_id": "soak", "secret_access_key": "soak"}
    async with AsyncS3Downloader(credentials, settings.endpoint_url, **QUICK) as downloader:  # type: ignore[arg-type]
        return await ingest_days(
            DATASET,
            days,
            catalog=S3Catalog(settings.bucket),
            downloader=downloader,
            store=open_store(settings),
            patience=Patience(first_pause=0.05, longest_pause=0.2),
        )


def child(days: Sequence[str]) -> int:
    """The exit code of one run."""
    try:
        asyncio.run(ingest(days))
    except PolygonAssetsError as error:
        print(f"gave up: {error}", file=sys.stderr, flush=True)  # noqa: T201
        return GAVE_UP
    except BaseException:  # noqa: BLE001 (what must not happen)
        traceback.print_exc()
        return MUST_NOT_HAPPEN
    return 0


def main() -> None:
    S3Catalog.get_business_days("2024-01-02", "2024-01-03")  # loads the calendar, which takes a second
    print("ready", flush=True)  # noqa: T201 (the parent waits for it)
    for line in sys.stdin:
        pid = os.fork()
        if not pid:
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
            os._exit(child(line.split()))
        print(pid, flush=True)  # noqa: T201
        _, status = os.waitpid(pid, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)  # noqa: T201


if __name__ == "__main__":
    Path(os.environ["TMPDIR"]).mkdir(exist_ok=True)
    main()
