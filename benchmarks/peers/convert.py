"""``convert PEER FILE.csv.gz OUT WARM_UP.csv.gz REPEATS``: a peer's conversion, after one small file.

Each writes the same columns as we do, moments as time stamps, with zstd at level 1; massive-speedup writes the format
that it has, a folder of records. Runs in the peers' environment.
"""

import ctypes
import gzip
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

from benchmarks.measuring import answer, repeated

TEXTS = ("ticker", "conditions", "id")
NUMBERS = ("volume", "open", "close", "high", "low", "price", "size")
STAMPS = ("window_start", "participant_timestamp", "sip_timestamp", "trf_timestamp")


def header(raw: str) -> list[str]:
    """The columns of the file; what is not text, a number or a stamp is a whole number."""
    with gzip.open(raw, "rt") as file:
        return file.readline().strip().split(",")


def with_polars(raw: str, target: str) -> None:
    """Polars, lazily: it streams, on all cores."""
    import polars as pl  # noqa: PLC0415 (only the contestant's own libraries count)

    kinds = {**dict.fromkeys(TEXTS, pl.String), **dict.fromkeys(NUMBERS, pl.Float64)}
    schema = {name: kinds.get(name, pl.Int64) for name in header(raw)}
    stamps = [pl.col(name).cast(pl.Datetime("ns", "UTC")) for name in schema if name in STAMPS]
    stamped = pl.scan_csv(raw, schema=schema).with_columns(stamps)
    stamped.sink_parquet(target, compression="zstd", compression_level=1)


def with_duckdb(raw: str, target: str) -> None:
    """DuckDB's COPY, on all cores."""
    import duckdb  # noqa: PLC0415

    kinds = {**dict.fromkeys(TEXTS, "VARCHAR"), **dict.fromkeys(NUMBERS, "DOUBLE")}
    columns = {name: kinds.get(name, "BIGINT") for name in header(raw)}
    stamps = ", ".join(f"make_timestamp_ns({name}) AS {name}" for name in columns if name in STAMPS)
    with duckdb.connect() as connection:
        connection.execute(
            f"COPY (SELECT * REPLACE ({stamps}) "
            f"FROM read_csv('{raw}', header=true, columns={columns}, compression='gzip')) "
            f"TO '{target}' (FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1)"
        )


def with_puller(raw: str, target: str) -> None:
    """The conversion of polygon-options-puller, with its defaults."""
    from polygon_options_puller.formats import get_format  # noqa: PLC0415
    from polygon_options_puller.reader import open_csv_stream  # noqa: PLC0415

    with Path(raw).open("rb") as file, get_format("parquet")(target) as writer:
        for batch in open_csv_stream(file, compression="gzip"):
            writer.write_batch(batch)


def with_speedup(raw: str, target: str) -> int:
    """massive-speedup's packed records, one file for each ticker; checks nothing; how many rows there were."""
    # Its wheel forgets to ask for zlib, without which it would fall back to Python.
    ctypes.CDLL("libz.so.1", mode=ctypes.RTLD_GLOBAL)
    from massive_speedup import build_database_file  # noqa: PLC0415

    shutil.rmtree(target, ignore_errors=True)
    Path(target, "stock_trade").mkdir(parents=True)
    return int(build_database_file(Path(raw), Path(target), "stock_trade", force=True))


PEERS: dict[str, Callable[[str, str], int | None]] = {
    "polars": with_polars,
    "duckdb": with_duckdb,
    "puller": with_puller,
    "speedup": with_speedup,
}


def main(name: str, raw: str, target: str, warm_up: str, repeats: str) -> None:
    """Convert."""
    PEERS[name](warm_up, target)
    rows: list[int | None] = []
    took = repeated(lambda: rows.append(PEERS[name](raw, target)), int(repeats))
    answer(took, rows=rows[-1])


if __name__ == "__main__":
    main(*sys.argv[1:])
