"""``download s5cmd|boto3 CONCURRENCY FOLDER KEY…``: a peer's download to disk. Runs in the peers' environment."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import boto3
from boto3.s3.transfer import TransferConfig
from botocore.config import Config

from benchmarks.measuring import Stopwatch, answer
from benchmarks.peers.pull import S5CMD

ENDPOINT = os.environ["BENCH_ENDPOINT_URL"]
BUCKET = os.environ["BENCH_BUCKET"]


def with_s5cmd(concurrency: int, folder: Path, keys: tuple[str, ...]) -> None:
    """S5cmd's ``cp`` of all that starts with what the keys have in common: its fastest way."""
    source = f"s3://{BUCKET}/{_common_start(keys)}*"
    options = ["--endpoint-url", ENDPOINT, "--log", "error", "--numworkers", str(concurrency)]
    subprocess.run([S5CMD, *options, "cp", "--flatten", source, f"{folder}/"], check=True)


def _common_start(keys: tuple[str, ...]) -> str:
    first, last = min(keys), max(keys)
    return first[: next(at for at, letter in enumerate(first) if letter != last[at])]


def with_boto3(concurrency: int, folder: Path, keys: tuple[str, ...]) -> None:
    """One client of boto3, shared by threads."""
    config = Config(s3={"addressing_style": "path"}, max_pool_connections=max(10, concurrency))
    client = boto3.client("s3", endpoint_url=ENDPOINT, config=config)
    plain = TransferConfig(use_threads=False)

    def fetch(key: str) -> None:
        client.download_file(BUCKET, key, str(folder / Path(key).name), Config=plain)

    with ThreadPoolExecutor(concurrency) as pool:
        list(pool.map(fetch, keys))


PEERS = {"s5cmd": with_s5cmd, "boto3": with_boto3}


def main(name: str, concurrency: str, folder: str, *keys: str) -> None:
    """Download."""
    watch = Stopwatch()
    PEERS[name](int(concurrency), Path(folder), keys)
    answer(watch.read())


if __name__ == "__main__":
    main(*sys.argv[1:])
