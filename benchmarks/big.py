"""``make big``: a csv.gz of quotes of 2 GB, made up while it is written, goes whole through download and conversion.

It comes from a local server in ranges, by a process of its own, into a store in a folder; both are gone afterwards.
``--gigabytes`` for another size. Prints rows, bytes, wall, CPU and peak memory for ``docs/scaling.md``.
"""

import argparse
import itertools
import mmap
import os
import string
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import cast

from isal import igzip

from benchmarks.files import CATALOG, LAST_DAY
from benchmarks.processes import Outcome, ours, run
from polygon_assets.datasets import DATASETS
from polygon_assets.ingest import ParquetStore
from polygon_assets.sample.flat_files import flat_file
from polygon_assets.sample.generators import Size
from polygon_assets_tests.servers.origin import origin

DATASET, DAY = "stocks_quotes", LAST_DAY.isoformat()
PART = Size(symbols=600, rows=1_000_000)
"""Its rows come again and again, each time under tickers of their own: 600 of them with two letters before."""
_SMALLEST_PART = 10_000


def make(path: Path, wanted: int) -> int:
    """Write about ``wanted`` bytes of csv.gz, in one gzip stream as the vendor does; the number of its rows."""
    rows = max(_SMALLEST_PART, min(PART.rows or 0, wanted // 100))
    text = igzip.decompress(flat_file(DATASETS[DATASET], DAY, Size(PART.symbols, rows)))  # type: ignore[no-untyped-call]
    header, _, body = text.partition(b"\n")
    count = 0
    with path.open("wb") as out, igzip.open(out, "wb", compresslevel=1) as file:  # type: ignore[no-untyped-call]
        file.write(header + b"\n")
        for letters in itertools.product(string.ascii_uppercase, repeat=2):
            mark = "".join(letters).encode()
            file.write(mark + body[:-1].replace(b"\n", b"\n" + mark) + b"\n")
            count += body.count(b"\n")
            if out.tell() >= wanted:
                break
    return count


@contextmanager
def served(path: Path) -> Iterator[dict[str, str]]:
    """The environment for a bucket that holds the file, which is read as it is asked for."""
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as body, origin() as server:
        server.store(CATALOG.get_key(DATASET, DAY), cast("bytes", body), etag=f"{'0' * 32}-2")
        yield {
            "POLYGON_ACCESS_KEY_ID": server.credentials["access_key_id"],
            "POLYGON_SECRET_ACCESS_KEY": server.credentials["secret_access_key"],
            "POLYGON_ENDPOINT_URL": server.endpoint_url,
        }


def ingest(folder: Path, wanted: int) -> None:
    """Make the file in ``folder``, bring it through, and say what that took."""
    raw, store = folder / "file.csv.gz", folder / "store"
    print(f"Making {wanted / 1e9:.2f} GB of {DATASET} …", flush=True)
    count = make(raw, wanted)
    with served(raw) as environment:
        outcome = run(ours("backfill", "alone", folder, DATASET, DAY), {**environment, "POLYGON_STORE": str(store)})
    provenance = ParquetStore(str(store)).provenance(DATASET, DAY)
    if provenance is None or provenance.rows != count or outcome.answer["published"] != 1:
        raise SystemExit(f"{count:,} rows were made; stored: {provenance}")
    _tell(outcome, count, raw.stat().st_size, (store / DATASET / f"date={DAY}" / "data.parquet").stat().st_size)


def _tell(outcome: Outcome, rows: int, source: int, parquet: int) -> None:
    wall, cpu, peak = (outcome.answer[name] for name in ("wall", "cpu", "peak"))
    print(
        f"{rows:,} rows, {source / 1e9:.2f} GB in, {parquet / 1e9:.2f} GB out: {wall:.0f} s wall, {cpu:.0f} s CPU, "
        f"{peak / 1e6:.0f} MB peak memory; {source / cpu / 1e6:.0f} MB/CPU s; load {os.getloadavg()[0]:.0f}"
    )


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="make big", description=__doc__)
    parser.add_argument("--gigabytes", type=float, default=2.0, help="of csv.gz; three times as much disk is used")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="polygon-assets-big-") as folder:
        ingest(Path(folder), int(options.gigabytes * 1e9))


if __name__ == "__main__":
    main()
