"""``pull PEER PREFIX OUT FIRST LAST WORKERS``: a peer's way from the bucket to Parquet."""

import datetime as dt
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from benchmarks.measuring import Stopwatch, answer

S5CMD = Path(sys.prefix, f"lib/python{sys.version_info.major}.{sys.version_info.minor}/site-packages/s5cmd/bin/s5cmd")


def with_puller(prefix: str, out: str, first: str, last: str, workers: int) -> None:
    """polygon-options-puller's ``pull`` with its defaults."""
    from polygon_options_puller import pull  # noqa: PLC0415
    from polygon_options_puller.s3 import get_s3_client  # noqa: PLC0415

    client = get_s3_client(
        os.environ["AWS_ACCESS_KEY_ID"], os.environ["AWS_SECRET_ACCESS_KEY"], os.environ["BENCH_ENDPOINT_URL"]
    )
    result = pull(
        output_dir=out,
        datasets=[prefix],
        start_date=dt.date.fromisoformat(first),
        end_date=dt.date.fromisoformat(last),
        workers=workers,
        progress=False,
        s3_client=client,
    )
    if result.failed:
        raise SystemExit(str(result.failed))


def with_s5cmd_and_polars(prefix: str, out: str, _first: str, _last: str, workers: int) -> None:
    """S5cmd brings the files, then Polars converts them, ``workers`` at once."""
    raw = Path(out) / "raw"
    raw.mkdir(parents=True)
    source = f"s3://{os.environ['BENCH_BUCKET']}/{prefix}/*"
    command: list[str | Path] = [
        S5CMD,
        "--endpoint-url",
        os.environ["BENCH_ENDPOINT_URL"],
        "--log",
        "error",
        "cp",
        source,
        f"{raw}/",
    ]
    subprocess.run(command, check=True)
    from benchmarks.peers.convert import with_polars  # noqa: PLC0415

    def convert(path: Path) -> None:
        with_polars(str(path), f"{out}/{path.name.removesuffix('.csv.gz')}.parquet")

    with ThreadPoolExecutor(workers) as pool:
        list(pool.map(convert, sorted(raw.rglob("*.csv.gz"))))


PEERS = {"puller": with_puller, "s5cmd+polars": with_s5cmd_and_polars}


def main(name: str, prefix: str, out: str, first: str, last: str, workers: str) -> None:
    """Pull."""
    watch = Stopwatch()
    PEERS[name](prefix, out, first, last, int(workers))
    answer(watch.read())


if __name__ == "__main__":
    main(*sys.argv[1:])
