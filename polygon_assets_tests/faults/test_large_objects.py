# ruff: noqa: ASYNC220, ASYNC240 (small files, and nothing else runs meanwhile)
"""Objects that come in parts at once: what may happen to one part, to the object, and to the process."""

import asyncio
import fcntl
import gzip
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from polygon_assets.download.async_downloader import AsyncS3Downloader
from polygon_assets.download.retry import RetryState
from polygon_assets.download.sync_downloader import SyncS3Downloader
from polygon_assets.download.transfer_options import TransferOptions
from polygon_assets.errors import IntegrityError, PolygonAssetsError, StoreError, UnavailableError
from polygon_assets_tests.download.clients import QUICK, Client
from polygon_assets_tests.faults.harness import BODY, KEY
from polygon_assets_tests.servers import faults
from polygon_assets_tests.servers.origin import BUCKET, Exchange, Fault, Origin, serve
from polygon_assets_tests.servers.seaweed import S3Server

PART = 32 * 1024
PARTS = -(-len(BODY) // PART)
LARGE: dict[str, Any] = {**QUICK, "large_object_bytes": 100_000, "part_bytes": PART}
MULTIPART = "9b2cf535f27731c974343645a3985328-7"
"""An ETag that is no MD5."""


def at(part: int, *answers: Fault, always: Fault = serve) -> Fault:
    """Answer requests that begin inside ``part`` by ``answers``, one after the other, then as ``always``."""
    left = list(answers)

    def fault(exchange: Exchange) -> None:
        inside = exchange.request.range is not None and exchange.offset // PART == part
        (left.pop(0) if inside and left else always if inside else serve)(exchange)

    return fault


def replaced_at(number: int, body: bytes, etag: str) -> Fault:
    """Replace the object when part request ``number``, from 0, arrives, which is then refused: it may be any part's."""
    seen = count()

    def fault(exchange: Exchange) -> None:
        if exchange.request.range is not None and next(seen) == number:
            exchange.object.body, exchange.object.etag = body, etag
        serve(exchange)

    return fault


@pytest.fixture
async def downloader(origin: Origin) -> AsyncIterator[AsyncS3Downloader]:
    async with AsyncS3Downloader(origin.credentials, origin.endpoint_url, **LARGE) as made:
        yield made


@pytest.fixture
def target(tmp_path: Path) -> Path:
    folder = tmp_path / "target"
    folder.mkdir()
    return folder / "data.csv.gz"


def ranges(origin: Origin) -> list[str]:
    """What was asked for, but for the first request, which tells the size."""
    return [request.range or "whole" for request in origin.requests(KEY)[1:]]


def first_bytes(origin: Origin) -> list[int]:
    return [int(asked.removeprefix("bytes=").partition("-")[0]) for asked in ranges(origin)]


def left_behind(target: Path) -> list[str]:
    return [entry.name for entry in target.parent.iterdir() if entry != target]


async def test_a_large_object_comes_in_ranges_of_one_version(
    origin: Origin, downloader: AsyncS3Downloader, target: Path
) -> None:
    stored = origin.store(KEY, BODY, always=faults.slowly(0.05))
    fetched = await downloader.fetch(BUCKET, KEY, target)
    assert target.read_bytes() == BODY
    assert (fetched.size, fetched.etag, fetched.retries) == (len(BODY), stored.etag, 0)
    bounds = [(start, min(start + PART, len(BODY)) - 1) for start in range(0, len(BODY), PART)]
    assert sorted(ranges(origin)) == sorted(f"bytes={first}-{last}" for first, last in bounds)
    assert {request.if_match for request in origin.requests(KEY)[1:]} == {f'"{stored.etag}"'}
    assert origin.most_at_once > 1
    assert left_behind(target) == []


@pytest.mark.parametrize("slots", [1, 2])
async def test_the_parts_count_as_requests_at_once(origin: Origin, target: Path, slots: int) -> None:
    keys = [f"{number}/{KEY}" for number in range(3)]
    for key in keys:
        origin.store(key, BODY, always=faults.slowly(0.01))
    async with AsyncS3Downloader(origin.credentials, origin.endpoint_url, max_concurrent=slots, **LARGE) as downloader:
        await asyncio.gather(*(downloader.fetch(BUCKET, key, target.parent / key) for key in keys))
    assert origin.most_at_once == slots
    assert all((target.parent / key).read_bytes() == BODY for key in keys)


async def test_a_small_object_takes_one_request(origin: Origin, downloader: AsyncS3Downloader, target: Path) -> None:
    origin.store(KEY, BODY[:100_000], etag=MULTIPART)
    with pytest.raises(IntegrityError):  # cut, which its CRC tells, not the number of its requests
        await downloader.fetch(BUCKET, KEY, target)
    assert {request.range for request in origin.requests(KEY)} == {None}


@pytest.mark.parametrize(
    ("fault", "resumed_at"),
    [
        (faults.status(503, "SlowDown"), 0),
        (faults.status(500), 0),
        (faults.cut_after(20_000), 20_000),
        (faults.reset_after(20_000), 20_000),
        (faults.encoded(), 0),
    ],
    ids=["503", "500", "cut", "reset", "encoded"],
)
async def test_a_part_that_fails_is_fetched_again_alone(
    origin: Origin, downloader: AsyncS3Downloader, target: Path, fault: Fault, resumed_at: int
) -> None:
    origin.store(KEY, BODY, always=at(4, fault))
    fetched = await downloader.fetch(BUCKET, KEY, target)
    assert target.read_bytes() == BODY
    assert fetched.retries == 1
    assert downloader.get_statistics()["total_retries"] == 1
    again = [start for start in first_bytes(origin) if start // PART == 4]
    assert again == [4 * PART, 4 * PART + resumed_at]
    assert len(ranges(origin)) == PARTS + 1


async def test_a_part_has_tries_of_its_own(origin: Origin, downloader: AsyncS3Downloader, target: Path) -> None:
    served: dict[int, int] = {}

    def each_fails_twice(exchange: Exchange) -> None:
        if exchange.request.range is None:
            serve(exchange)
            return
        served[exchange.offset] = served.get(exchange.offset, 0) + 1
        (faults.status(503) if served[exchange.offset] < 3 else serve)(exchange)

    origin.store(KEY, BODY, always=each_fails_twice)
    fetched = await downloader.fetch(BUCKET, KEY, target)
    assert target.read_bytes() == BODY
    assert fetched.retries == 2 * PARTS


async def test_an_object_that_is_replaced_meanwhile_is_begun_anew(
    origin: Origin, downloader: AsyncS3Downloader, target: Path
) -> None:
    other = bytes(reversed(BODY))
    other = BODY[:2] + other[2:]  # as long, and gzip to whoever looks at its first bytes
    origin.store(KEY, BODY, always=replaced_at(3, other, MULTIPART))
    with pytest.raises(IntegrityError):  # the new object is no whole gzip: a mix would have been told by its MD5
        await downloader.fetch(BUCKET, KEY, target)
    assert {request.if_match for request in origin.requests(KEY)} >= {f'"{MULTIPART}"'}
    assert left_behind(target) == []


async def test_a_replaced_object_is_never_mixed(origin: Origin, downloader: AsyncS3Downloader, target: Path) -> None:
    new = gzip.compress(b"another day" * 40_000, 0, mtime=0)
    origin.store(KEY, BODY, always=replaced_at(3, new, "f" * 31 + "-2"))
    fetched = await downloader.fetch(BUCKET, KEY, target)
    assert target.read_bytes() == new
    assert (fetched.etag, fetched.size) == ("f" * 31 + "-2", len(new))


async def test_a_wrong_content_range_ends_it(origin: Origin, downloader: AsyncS3Downloader, target: Path) -> None:
    origin.store(KEY, BODY, always=at(2, faults.wrong_range))
    with pytest.raises(IntegrityError, match="Content-Range"):
        await downloader.fetch(BUCKET, KEY, target, resume_in=target.parent / "parts")
    assert left_behind(target) in ([], ["parts"])
    assert list((target.parent / "parts").glob("*")) == []


async def test_a_service_without_ranges_sends_one_stream(
    origin: Origin, downloader: AsyncS3Downloader, target: Path
) -> None:
    origin.store(KEY, BODY, always=faults.range_ignored)
    await downloader.fetch(BUCKET, KEY, target)
    assert target.read_bytes() == BODY
    assert [request.range for request in origin.requests(KEY)].count(None) == 2, "the first one, and the stream"


@pytest.mark.parametrize("etag", [None, MULTIPART], ids=["MD5", "CRC"])
async def test_a_flipped_byte_costs_one_refetch(
    origin: Origin, downloader: AsyncS3Downloader, target: Path, etag: str | None
) -> None:
    origin.store(KEY, BODY, always=at(5, faults.flip(77)), etag=etag)
    await downloader.fetch(BUCKET, KEY, target, resume_in=target.parent / "parts")
    assert target.read_bytes() == BODY
    assert len(ranges(origin)) == 2 * PARTS + 1


@pytest.mark.parametrize("etag", [None, MULTIPART], ids=["MD5", "CRC"])
async def test_bytes_that_stay_flipped_are_refused(
    origin: Origin, downloader: AsyncS3Downloader, target: Path, etag: str | None
) -> None:
    origin.store(KEY, BODY, always=at(5, always=faults.flip(77)), etag=etag)
    parts = target.parent / "parts"
    with pytest.raises(IntegrityError):
        await downloader.fetch(BUCKET, KEY, target, resume_in=parts)
    assert not target.exists()
    assert list(parts.iterdir()) == []


async def test_a_later_call_goes_on_from_the_whole_parts(
    origin: Origin, downloader: AsyncS3Downloader, target: Path
) -> None:
    stored = origin.store(KEY, BODY, always=at(PARTS - 1, always=faults.status(503)))
    parts = target.parent / "parts"
    with pytest.raises(UnavailableError):
        await downloader.fetch(BUCKET, KEY, target, resume_in=parts)
    assert not target.exists()
    stored.always = None
    asked = len(ranges(origin))
    await downloader.fetch(BUCKET, KEY, target, resume_in=parts)
    assert target.read_bytes() == BODY
    assert ranges(origin)[asked:] == ["whole", f"bytes={(PARTS - 1) * PART}-{len(BODY) - 1}"]
    assert list(parts.iterdir()) == []


async def test_without_a_folder_for_them_no_parts_stay(
    origin: Origin, downloader: AsyncS3Downloader, target: Path
) -> None:
    origin.store(KEY, BODY, always=at(PARTS - 1, always=faults.status(503)))
    with pytest.raises(UnavailableError):
        await downloader.fetch(BUCKET, KEY, target)
    assert left_behind(target) == []


async def test_cancelled_in_the_middle_it_keeps_what_is_whole(
    origin: Origin, downloader: AsyncS3Downloader, target: Path
) -> None:
    stored = origin.store(KEY, BODY, always=at(PARTS - 1, always=faults.stall_after(10)))
    parts = target.parent / "parts"
    running = asyncio.create_task(downloader.fetch(BUCKET, KEY, target, resume_in=parts))
    await _until(lambda: len(_journal(parts)) >= PARTS)  # its first line says how the object is cut
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    stored.always, asked = None, len(ranges(origin))
    await downloader.fetch(BUCKET, KEY, target, resume_in=parts)
    assert target.read_bytes() == BODY
    assert len(ranges(origin)) - asked == 2


async def test_killed_between_two_parts_it_goes_on(origin: Origin, downloader: AsyncS3Downloader, target: Path) -> None:
    stored = origin.store(KEY, BODY, always=at(PARTS - 1, always=faults.stall_after(10)))
    parts = target.parent / "parts"
    program = (
        "import asyncio, sys; from pathlib import Path\n"
        "from polygon_assets.download.async_downloader import AsyncS3Downloader\n"
        "keys = {'access_key_id': 'origin-key', 'secret_access_key': 'made-up'}\n"
        "async def main(endpoint, key, target, parts):\n"
        f"    downloader = AsyncS3Downloader(keys, endpoint, large_object_bytes=100_000, part_bytes={PART})\n"
        f"    await downloader.fetch({BUCKET!r}, key, target, resume_in=Path(parts))\n"
        "asyncio.run(main(*sys.argv[1:]))"
    )
    child = subprocess.Popen([sys.executable, "-c", program, origin.endpoint_url, KEY, target, parts])
    try:
        await _until(lambda: len(_journal(parts)) >= PARTS)
    finally:
        os.kill(child.pid, signal.SIGKILL)
        child.wait()
    assert not target.exists()
    with next(parts.glob("*.whole")).open("ab") as journal:
        journal.write(b"%d" % (PARTS - 1))  # a line that was being written
    stored.always, asked = None, len(ranges(origin))
    await downloader.fetch(BUCKET, KEY, target, resume_in=parts)
    assert target.read_bytes() == BODY
    assert ranges(origin)[asked:] == ["whole", f"bytes={(PARTS - 1) * PART}-{len(BODY) - 1}"]
    assert list(parts.iterdir()) == []


async def _until(reached: Callable[[], bool]) -> None:
    for _ in range(2000):
        if reached():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it never came to that")


def _journal(parts: Path) -> list[str]:
    return [line for file in parts.glob("*.whole") for line in file.read_text().splitlines()]


async def _interrupted(origin: Origin, downloader: AsyncS3Downloader, target: Path, parts: Path) -> Path:
    """Leave all parts but the last behind; the file that they are in."""
    stored = origin.store(KEY, BODY, always=at(PARTS - 1, always=faults.status(503)))
    with pytest.raises(UnavailableError):
        await downloader.fetch(BUCKET, KEY, target, resume_in=parts)
    stored.always = None
    (file,) = parts.glob("*.parts")
    return file


async def test_parts_that_have_gone_bad_on_the_disk_are_fetched_again(
    origin: Origin, downloader: AsyncS3Downloader, target: Path
) -> None:
    file = await _interrupted(origin, downloader, target, target.parent / "parts")
    file.write_bytes(bytes(len(BODY)))
    await downloader.fetch(BUCKET, KEY, target, resume_in=target.parent / "parts")
    assert target.read_bytes() == BODY


async def test_parts_cut_otherwise_are_of_no_use(origin: Origin, downloader: AsyncS3Downloader, target: Path) -> None:
    await _interrupted(origin, downloader, target, target.parent / "parts")
    settings = {**LARGE, "part_bytes": PART // 2}
    async with AsyncS3Downloader(origin.credentials, origin.endpoint_url, **settings) as other:
        await other.fetch(BUCKET, KEY, target, resume_in=target.parent / "parts")
    assert target.read_bytes() == BODY


async def test_parts_of_another_version_and_forgotten_ones_are_removed(
    origin: Origin, downloader: AsyncS3Downloader, target: Path
) -> None:
    parts = target.parent / "parts"
    old = await _interrupted(origin, downloader, target, parts)
    forgotten, recent = parts / "0123456789abcdef-0.parts", parts / "fedcba9876543210-0.parts"
    for each in (forgotten, recent):
        each.write_bytes(b"x")
    long_ago = time.time() - 30 * 24 * 3600
    os.utime(forgotten, (long_ago, long_ago))
    origin.store(KEY, BODY, etag=MULTIPART)
    asked = len(ranges(origin))
    await downloader.fetch(BUCKET, KEY, target, resume_in=parts)
    assert target.read_bytes() == BODY
    assert len(ranges(origin)) - asked == 1 + PARTS, "each of its parts was asked for, after the object"
    assert not old.exists()
    assert [entry.name for entry in parts.iterdir()] == [recent.name]


async def test_parts_that_another_process_is_at_are_left_to_it(
    origin: Origin, downloader: AsyncS3Downloader, target: Path
) -> None:
    file = await _interrupted(origin, downloader, target, target.parent / "parts")
    before = file.read_bytes()
    with file.open("rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        await downloader.fetch(BUCKET, KEY, target, resume_in=target.parent / "parts")
    assert target.read_bytes() == BODY
    assert file.read_bytes() == before


async def test_who_is_asked_may_refuse_before_any_byte(
    origin: Origin, downloader: AsyncS3Downloader, target: Path
) -> None:
    asked: list[int] = []

    def refuse(size: int) -> None:
        asked.append(size)
        raise StoreError("no room")

    origin.store(KEY, BODY)
    with pytest.raises(PolygonAssetsError, match="no room"):
        await downloader.fetch(BUCKET, KEY, target, admit=refuse)
    assert asked == [len(BODY)]
    assert len(origin.requests(KEY)) == 1
    assert left_behind(target) == []


async def test_the_public_methods_give_the_same_bytes(
    origin: Origin, downloader: AsyncS3Downloader, target: Path
) -> None:
    origin.store(KEY, BODY)
    await downloader.download_to_file(BUCKET, KEY, target, decompress=False)
    assert target.read_bytes() == BODY
    assert len(origin.requests(KEY)) == PARTS + 1
    assert (await downloader.download_one(BUCKET, KEY, decompress=False)).read() == BODY
    assert len(origin.requests(KEY)) == PARTS + 2


async def test_a_real_s3_server_serves_the_parts(s3_server: S3Server, bucket: str, target: Path) -> None:
    s3_server.client().put_object(Bucket=bucket, Key="large/" + KEY, Body=BODY)
    async with AsyncS3Downloader(s3_server.credentials, s3_server.endpoint_url, **LARGE) as downloader:
        fetched = await downloader.fetch(bucket, "large/" + KEY, target, resume_in=target.parent / "parts")
    assert target.read_bytes() == BODY
    assert fetched.retries == 0


def test_the_deadline_grows_with_the_size() -> None:
    now = [0.0]
    options = TransferOptions(deadline=100.0, large_object_bytes=1000)
    state = RetryState(BUCKET, KEY, options, clock=lambda: now[0])
    state.allow_for(999)
    assert state.seconds_left == 100.0
    now[0] = 40.0
    for _ in range(2):  # an object that is begun anew has no more
        state.allow_for(10_000)
        assert state.seconds_left == 960.0
    part = state.of_a_part()
    now[0] = 1000.0
    assert part.seconds_left == 0.0


async def test_a_large_object_may_take_longer_than_a_small_one(
    origin: Origin, kind: type[AsyncS3Downloader] | type[SyncS3Downloader]
) -> None:
    def slow_body(exchange: Exchange) -> None:
        exchange.object_head()
        exchange.send(exchange.part[:1000])
        time.sleep(2.2)
        exchange.send(exchange.part[1000:])

    origin.store(KEY, BODY, always=slow_body)
    async with Client.of(
        kind, origin.credentials, origin.endpoint_url, deadline=2, large_object_bytes=len(BODY) // 20
    ) as client:
        assert (await client.get(BUCKET, KEY, decompress=False)).read() == BODY
