"""Whatever ends a process, and at whatever moment: the store stays whole, and the next run heals it."""

import asyncio
import contextlib
import datetime as dt
import functools
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from polygon_assets.ingest import DayStatus
from polygon_assets.store.staging import staging_folder
from polygon_assets_tests.factories import compressed, row, stamp, text
from polygon_assets_tests.vendor import Vendor, verified

DAYS = ["2024-01-02", "2024-01-03", "2024-01-04", "2024-01-05", "2024-01-08", "2024-01-09"]
pytestmark = [pytest.mark.slow, pytest.mark.stores("disk", "s3")]


@functools.cache
def minute_file(day: str, rows: int = 60_000) -> bytes:
    start = stamp(4, 0, dt.date.fromisoformat(day))
    minutes = [str(start + number * 60_000_000_000) for number in range(900)]
    return compressed(
        text([row(f"T{number // 900:04}", minutes[number % 900], volume=number + 1) for number in range(rows)])
    )


def launch(vendor: Vendor, *days: str, options: tuple[str, ...] = ()) -> "subprocess.Popen[str]":
    arguments = [*options, vendor.server.endpoint_url, vendor.bucket, vendor.store.uri, "stocks_minute", *days]
    return subprocess.Popen(
        [sys.executable, "-m", "polygon_assets_tests.ingest.child", *arguments],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        env={**os.environ, "PYTHONPATH": str(Path.cwd())},
    )  # fmt: skip


def start(vendor: Vendor, *days: str, options: tuple[str, ...] = ()) -> "subprocess.Popen[str]":
    """Ingest in a process of its own; back once it begins."""
    process = launch(vendor, *days, options=options)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def stored_names(vendor: Vendor) -> list[str]:
    return [f"date={day}/data.parquet" for day in vendor.store.days("stocks_minute")]


@pytest.fixture
def published(vendor: Vendor) -> Vendor:
    for day in DAYS:
        vendor.put_bytes("stocks_minute", day, minute_file(day))
    return vendor


@pytest.mark.scorecard(27)
def test_killed_twenty_times_at_random_the_store_is_whole(published: Vendor, store_kind: str) -> None:
    """On S3 eight times: there a file appears by one request, which is the server's matter."""
    generator = random.Random(27)
    kills = 20 if store_kind == "disk" else 8
    killed_at_work = 0
    with launch(published, *DAYS, options=("--nursery",)) as nursery:
        assert nursery.stdin is not None
        assert nursery.stdout is not None
        for _ in range(kills):
            stale, give_up = set(published.place.runs()), time.monotonic() + 60
            nursery.stdin.write("again\n")
            nursery.stdin.flush()
            child = int(nursery.stdout.readline())
            while not (begun := set(published.place.runs()) - stale):
                assert time.monotonic() < give_up, "the child never began"
                time.sleep(0.005)
            time.sleep(generator.uniform(0.0, 0.5))
            with contextlib.suppress(ProcessLookupError):  # it may have been quicker
                os.kill(child, signal.SIGKILL)
            assert nursery.stdout.readline() == "ended\n"
            killed_at_work += any(folder.exists() for folder in begun)
            assert published.place.files("stocks_minute") == stored_names(published)
            assert all(each.whole for each in verified(published.store, "stocks_minute"))
        nursery.communicate()
    assert killed_at_work >= kills / 4, "the kills must have hit runs at work"
    process = start(published, *DAYS)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 0, output
    assert published.left_over() == []
    assert [each.rows for each in verified(published.store, "stocks_minute")] == [60_000] * len(DAYS)


@pytest.mark.scorecard(28)
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_asked_to_stop_it_leaves_nothing(published: Vendor, number: signal.Signals) -> None:
    process = start(published, *DAYS)
    while not any(list(folder.glob("*.csv.gz")) for folder in published.place.runs()):
        assert process.poll() is None
        time.sleep(0.005)
    process.send_signal(number)
    process.communicate(timeout=30)
    assert process.returncode != 0
    assert published.place.runs() == []
    assert all(each.whole for each in verified(published.store, "stocks_minute"))


@pytest.mark.scorecard(29)
def test_two_processes_on_one_partition_make_one_whole_file(published: Vendor) -> None:
    both = [start(published, DAYS[0]) for _ in range(2)]
    outputs = [process.communicate(timeout=60)[0] for process in both]
    assert [process.returncode for process in both] == [0, 0], outputs
    assert published.place.files("stocks_minute") == [f"date={DAYS[0]}/data.parquet"]
    (day,) = verified(published.store, "stocks_minute")
    assert (day.whole, day.rows) == (True, 60_000)
    assert published.place.runs() == []


@pytest.mark.scorecard(30)
async def test_a_full_disk_fails_the_day_and_keeps_what_was_stored(published: Vendor) -> None:
    """RLIMIT_FSIZE stands in for a full disk: every write beyond it fails, as it would with ENOSPC."""
    (before,) = await published.ingest("stocks_minute", DAYS[0])
    assert before.status is DayStatus.PUBLISHED
    limit = f"--largest-file={len(published.stored_bytes('stocks_minute', DAYS[0])) - 1000}"
    process = await asyncio.to_thread(start, published, DAYS[0], options=(limit,))
    output, _ = await asyncio.to_thread(process.communicate, timeout=60)
    assert process.returncode == 1
    assert "failed" in output
    assert "Free space" in output
    assert published.place.runs() == []
    (day,) = verified(published.store, "stocks_minute")
    assert (day.whole, day.rows) == (True, 60_000)


def test_asked_to_stop_while_it_clears_up_it_still_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A SIGTERM in the last moment once left the folder to the next run."""
    remove, calls = shutil.rmtree, []

    def interrupted(folder: str, *, ignore_errors: bool, dir_fd: int) -> None:
        calls.append(folder)
        if len(calls) == 1:
            raise SystemExit(143)
        remove(folder, ignore_errors=ignore_errors, dir_fd=dir_fd)

    monkeypatch.setattr(shutil, "rmtree", interrupted)
    with pytest.raises(SystemExit), staging_folder(tmp_path):
        pass
    assert not list(tmp_path.glob("run-*"))


def test_a_folder_that_this_user_may_not_look_into_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another user's run in a shared store once ended every ingest."""
    foreign = tmp_path / "run-3-foreign"
    foreign.mkdir()
    opened = os.open

    def guarded(path: str | Path, *options: int, dir_fd: int | None = None) -> int:
        if path == foreign.name:
            raise PermissionError(13, "Permission denied", str(path))
        return opened(path, *options, dir_fd=dir_fd)

    monkeypatch.setattr(os, "open", guarded)
    with staging_folder(tmp_path):
        assert foreign.exists()


def test_a_group_may_share_a_staging_folder(tmp_path: Path) -> None:
    """Its members take the guard's lock; nobody who may only read does."""
    mask = os.umask(0o002)
    try:
        with staging_folder(tmp_path / "shared"):
            mode = (tmp_path / "shared" / "guard.lock").stat().st_mode & 0o777
    finally:
        os.umask(mask)
    assert oct(mode) == "0o660"


def test_folders_of_the_dead_go_and_those_of_the_living_stay(tmp_path: Path) -> None:
    with staging_folder(tmp_path) as living:
        (living / "part").write_text("x")
        dead, other = tmp_path / f"run-{os.getpid()}-dead", tmp_path / "run-1-dead"
        for folder in (dead, other):
            shutil.copytree(living, folder)
        (tmp_path / "run-2-without-owner").mkdir()
        with staging_folder(tmp_path) as second:
            assert {path.name for path in tmp_path.glob("run-*")} == {living.name, second.name}
            assert (living / "part").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["guard.lock"]
