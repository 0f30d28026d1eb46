"""``pull DATASET STORE DAY…``: ``ingest_days`` with its defaults, from the bucket to published Parquet.

Without pandas, which pyarrow would import: as the commands do.
"""

import asyncio
import os
import sys

from benchmarks.measuring import Stopwatch, answer
from polygon_assets.lazy import spare_pandas

spare_pandas()
from polygon_assets.download import AsyncS3Downloader, S3Catalog  # noqa: E402 (pandas first)
from polygon_assets.ingest import DayStatus, ParquetStore, ingest_days  # noqa: E402


async def pull(dataset: str, store: str, days: list[str]) -> None:
    """Ingest, and say how many days were published."""
    watch = Stopwatch()
    keys = {
        "access_key_id": os.environ["AWS_ACCESS_KEY_ID"],
        "secret_access_key": os.environ["AWS_SECRET_ACCESS_KEY"],
    }
    catalog = S3Catalog(os.environ["BENCH_BUCKET"], options_prefix="us_options_opra")
    async with AsyncS3Downloader(keys, os.environ["BENCH_ENDPOINT_URL"]) as downloader:
        results = await ingest_days(dataset, days, catalog=catalog, downloader=downloader, store=ParquetStore(store))
    answer(watch.read(), published=sum(result.status is DayStatus.PUBLISHED for result in results))


if __name__ == "__main__":
    asyncio.run(pull(sys.argv[1], sys.argv[2], sys.argv[3:]))
