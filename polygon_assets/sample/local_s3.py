"""A local S3 for as long as it is needed, and made-up days of every dataset to put into it.

Belongs here: starting, filling and stopping it. Does not: what is in the files (``flat_files``), ingesting them
(``cli.work.demo``), the server itself (``s3_server``).
"""

import datetime as dt
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING

import boto3
from botocore.config import Config

from polygon_assets.datasets import DATASETS, SPECIFIED, Dataset, get_dataset
from polygon_assets.download import S3Catalog
from polygon_assets.errors import ConfigurationMissingError
from polygon_assets.sample.flat_files import flat_file
from polygon_assets.sample.generators import Size, demo_size
from polygon_assets.wording import how_to_install

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

DAYS = 10
_PARTS = ("moto", "flask", "flask_cors")
_STOP_SECONDS = 5
_GENERATORS = 2

OnFile = Callable[[Dataset, str, int], None]
"""Told of each file's dataset, day and size in bytes, from several threads."""


@dataclass(frozen=True)
class LocalS3:
    """A running local S3: where it is, and keys that open nothing else."""

    endpoint_url: str
    """On 127.0.0.1."""
    access_key_id: str = "made-up"
    """It takes any."""
    secret_access_key: str = "made-up"  # noqa: S105 (no secret: it takes any)
    """It takes any."""

    def client(self) -> "S3Client":
        """A boto3 client for it, which ignores the machine's proxies."""
        return boto3.client(
            "s3",
            endpoint_url=self.endpoint_url,
            aws_access_key_id=self.access_key_id,
            aws_secret_access_key=self.secret_access_key,
            region_name="us-east-1",
            config=Config(s3={"addressing_style": "path"}, retries={"total_max_attempts": 3}, proxies={}),
        )


@contextmanager
def local_s3() -> Iterator[LocalS3]:
    """Start a local S3 on a free port of 127.0.0.1, in a process of its own that ends with the block.

    Raises:
        ConfigurationMissingError: the optional part that it is made of is not installed.
    """
    missing = [name for name in _PARTS if find_spec(name) is None]
    if missing:
        raise ConfigurationMissingError(
            f"The local S3 needs {', '.join(missing)}, not installed here: {how_to_install('sample')}"
        )
    process = subprocess.Popen(
        [sys.executable, "-m", "polygon_assets.sample.s3_server"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,
        text=True,
    )
    try:
        yield LocalS3(_endpoint(process))
    finally:
        _stop(process)


def _endpoint(process: "subprocess.Popen[str]") -> str:
    endpoint = process.stdout.readline().strip() if process.stdout else ""
    if not endpoint:
        raise ConfigurationMissingError(
            "The local S3 did not start (its message is above): pip install --force-reinstall 'polygon-assets[sample]'"
        )
    return endpoint


def _stop(process: "subprocess.Popen[str]") -> None:
    for stream in (process.stdin, process.stdout):
        if stream is not None:
            stream.close()
    try:
        process.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def last_sessions(
    catalog: S3Catalog, dataset: Dataset, count: int = DAYS, *, today: dt.date | None = None
) -> list[str]:
    """The ``count`` latest trading days of ``dataset`` before ``today`` (unless given, today), oldest first."""
    today = today or dataset.day.date_at(dt.datetime.now(dt.UTC))
    days = catalog.get_calendar(dataset.name).between(dataset.first_day, today - dt.timedelta(1))
    return [day.isoformat() for day in days[-count:]]


def sessions_since(catalog: S3Catalog, dataset: Dataset, first: str) -> list[str]:
    """The days of ``dataset`` from ``first`` to yesterday, oldest first."""
    yesterday = dataset.day.date_at(dt.datetime.now(dt.UTC)) - dt.timedelta(1)
    return [
        day.isoformat() for day in catalog.get_calendar(dataset.name).between(dt.date.fromisoformat(first), yesterday)
    ]


def fill(
    server: LocalS3,
    catalog: S3Catalog,
    days: int = DAYS,
    *,
    datasets: Sequence[str] = SPECIFIED,
    size_of: Callable[[Dataset], Size] = demo_size,
    on_file: OnFile | None = None,
) -> dict[str, list[str]]:
    """Create the catalog's bucket and put the last ``days`` sessions of the first of ``datasets`` into it.

    Of the others, all of theirs since the first of these days.

    The answer names each dataset's days, oldest first.
    """
    first = last_sessions(catalog, get_dataset(datasets[0]), days)[0]
    filled = {name: sessions_since(catalog, get_dataset(name), first) for name in datasets}
    pool = ThreadPoolExecutor(_GENERATORS)
    with closing(server.client()) as client:
        client.create_bucket(Bucket=catalog.bucket)

        def put(dataset: Dataset, day: str) -> None:
            body = flat_file(dataset, day, size_of(dataset))
            client.put_object(Bucket=catalog.bucket, Key=catalog.get_key(dataset.name, day), Body=body)
            if on_file is not None:
                on_file(dataset, day, len(body))

        try:
            for done in [pool.submit(put, DATASETS[name], day) for name, own in filled.items() for day in own]:
                done.result()
        finally:
            pool.shutdown(cancel_futures=True)
    return filled
