"""``limit DATASET FILE.csv.gz OUT.parquet``: the three parts that no conversion can do without, each alone.

isal's decompression into one buffer, pyarrow's parsing of the raw bytes, and the Parquet encoding of the same rows
with our writer's settings; no checks, nothing between them.
"""

import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from isal import igzip
from pyarrow import csv

from benchmarks.measuring import REPEATS, Stopwatch, answer
from polygon_assets.datasets import Dataset, get_dataset
from polygon_assets.flatfile.archive import BLOCK_BYTES
from polygon_assets.flatfile.parquet_format import parsed_types, writer_options

Seconds = dict[str, float]


def decompress(raw: Path) -> tuple[Seconds, list[memoryview]]:
    """Read ``raw`` in blocks, as the conversion does; the lines are put together outside the measured part."""
    buffer, parts = bytearray(BLOCK_BYTES), []
    took = {"wall": 0.0, "cpu": 0.0}
    with igzip.open(raw, "rb") as file:  # type: ignore[no-untyped-call]
        while True:
            watch = Stopwatch()
            filled = got = file.readinto(buffer)
            while got and filled < BLOCK_BYTES:
                got = file.readinto(memoryview(buffer)[filled:])
                filled += got
            took = {name: took[name] + seconds for name, seconds in watch.read().items()}
            if not filled:
                break
            parts.append(bytes(buffer[:filled]))
    return took, _whole_lines(b"".join(parts))


def _whole_lines(text: bytes) -> list[memoryview]:
    start, blocks = text.index(b"\n") + 1, []
    while start < len(text):
        end = text.rfind(b"\n", start, start + BLOCK_BYTES) + 1
        blocks.append(memoryview(text)[start:end])
        start = end
    return blocks


def parse(blocks: list[memoryview], dataset: Dataset) -> Seconds:
    """Parse each block as the conversion does, and keep none."""
    header = list(dataset.header)
    read = csv.ReadOptions(use_threads=False, block_size=BLOCK_BYTES + 1, column_names=header)
    rules = csv.ParseOptions(quote_char=False, ignore_empty_lines=False)
    convert = csv.ConvertOptions(column_types=parsed_types(dataset), null_values=[], strings_can_be_null=False)
    watch = Stopwatch()
    for block in blocks:
        data: Any = pa.BufferReader(pa.py_buffer(block))
        csv.read_csv(data, read_options=read, parse_options=rules, convert_options=convert)
    return watch.read()


def encode(path: Path, target: Path, dataset: Dataset) -> Seconds:
    """Write the rows of the Parquet file at ``path`` again, from memory."""
    derived = [column.name for column in dataset.stored_columns if column.type == "string"]
    with pq.ParquetFile(path, read_dictionary=derived) as file:
        tables = [file.read_row_group(number) for number in range(file.num_row_groups)]
    watch = Stopwatch()
    with pq.ParquetWriter(target, tables[0].schema, **writer_options(dataset)) as writer:
        for table in tables:
            writer.write_table(table, row_group_size=table.num_rows)
    return watch.read()


def main(name: str, raw: str, converted: str, target: str) -> None:
    """Measure the three parts; ``converted`` is our Parquet of ``raw``."""
    dataset = get_dataset(name)
    tries: dict[str, list[Seconds]] = {"decompression": [], "parsing": [], "encoding": []}
    for _ in range(REPEATS):
        decompressing, blocks = decompress(Path(raw))
        tries["decompression"].append(decompressing)
        tries["parsing"].append(parse(blocks, dataset))
        del blocks
        tries["encoding"].append(encode(Path(converted), Path(target), dataset))
    parts = {part: sorted(seconds, key=lambda each: each["cpu"])[REPEATS // 2] for part, seconds in tries.items()}
    total = {unit: sum(part[unit] for part in parts.values()) for unit in ("wall", "cpu")}
    answer(total, parts={part: seconds["cpu"] for part, seconds in parts.items()})


if __name__ == "__main__":
    main(*sys.argv[1:])
