"""``convert PEER FILE.csv.gz OUT.parquet WARM_UP.csv.gz``: a peer's conversion, after one small file.

Each writes the same columns as we do, window_start as a time stamp, with zstd at level 1. Runs in the peers'
environment.
"""

import sys
from pathlib import Path

from benchmarks.measuring import answer, repeated


def with_polars(raw: str, target: str) -> None:
    """Polars, lazily: it streams, on all cores."""
    import polars as pl  # noqa: PLC0415 (only the contestant's own libraries count)

    schema = {
        "ticker": pl.String, "volume": pl.Float64, "open": pl.Float64, "close": pl.Float64, "high": pl.Float64,
        "low": pl.Float64, "window_start": pl.Int64, "transactions": pl.Int64,
    }  # fmt: skip
    frame = pl.scan_csv(raw, schema=schema)
    stamped = frame.with_columns(pl.col("window_start").cast(pl.Datetime("ns", "UTC")))
    stamped.sink_parquet(target, compression="zstd", compression_level=1)


def with_duckdb(raw: str, target: str) -> None:
    """DuckDB's COPY, on all cores."""
    import duckdb  # noqa: PLC0415

    columns = (
        "{'ticker': 'VARCHAR', 'volume': 'DOUBLE', 'open': 'DOUBLE', 'close': 'DOUBLE', 'high': 'DOUBLE', "
        "'low': 'DOUBLE', 'window_start': 'BIGINT', 'transactions': 'BIGINT'}"
    )
    with duckdb.connect() as connection:
        connection.execute(
            f"COPY (SELECT * REPLACE (make_timestamp_ns(window_start) AS window_start) "
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


PEERS = {"polars": with_polars, "duckdb": with_duckdb, "puller": with_puller}


def main(name: str, raw: str, target: str, warm_up: str) -> None:
    """Convert."""
    PEERS[name](warm_up, target)
    answer(repeated(lambda: PEERS[name](raw, target)))


if __name__ == "__main__":
    main(*sys.argv[1:])
