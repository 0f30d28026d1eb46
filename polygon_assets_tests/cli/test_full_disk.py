"""A roll-up for which the disk has no room: a real limit on files' size stands in for it."""

import resource
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from polygon_assets_tests.cli.conftest import Command, Platform

DAYS = ["2024-01-02", "2024-01-03", "2024-01-04"]
pytestmark = pytest.mark.stores("disk", "s3")


@contextmanager
def no_file_larger_than(size: int) -> Iterator[None]:
    """Every write beyond fails, as it would with a full disk."""
    before, handler = resource.getrlimit(resource.RLIMIT_FSIZE), signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)


def test_a_full_disk_once_had_the_roll_up_advise_to_verify(platform: Platform, cli: Command) -> None:
    platform.publish("stocks_daily", DAYS)
    assert cli("ingest", "stocks_daily", "--start", DAYS[0], "--end", DAYS[-1]).code == 0
    size = sum(len(platform.place.read(platform.place.file("stocks_daily", day))) for day in DAYS)
    with no_file_larger_than(1000):
        done = cli("rollup", "stocks_daily")
    assert done.code == 1
    assert f"the disk is full: the file takes about {size:,} bytes" in done.out
    assert "Free space" in done.out
    assert "verify" not in done.out
    staging = platform.place.staging if "://" in platform.place.uri else Path(platform.place.uri)
    assert str(staging) in done.out
    assert platform.place.left_over() == []
    assert cli("rollup", "stocks_daily").code == 0
