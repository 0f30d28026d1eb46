"""A machine that cannot write what it receives."""

import errno
import os
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from polygon_assets.download.sinks import FileSink
from polygon_assets.errors import LocalWriteError
from polygon_assets_tests.faults.conftest import MakeHarness
from polygon_assets_tests.faults.harness import BODY, CONTENT, KEY
from polygon_assets_tests.scorecard import Seen
from polygon_assets_tests.servers.origin import BUCKET, Origin

CODES = [errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EROFS]


class FullDisk(BytesIO):
    """A file of a disk that is full after some bytes."""

    def __init__(self, code: int, part: Path) -> None:
        super().__init__()
        self.code = code
        part.touch()

    def write(self, data: Any) -> int:
        if self.tell() + len(data) > 100_000:
            raise OSError(self.code, os.strerror(self.code))
        return super().write(data)


@pytest.mark.scorecard(30)
@pytest.mark.parametrize("code", CODES, ids=errno.errorcode.get)
@pytest.mark.parametrize("make_harness", ["disk"], indirect=True)
async def test_a_disk_that_refuses(
    make_harness: MakeHarness, origin: Origin, monkeypatch: pytest.MonkeyPatch, seen: Seen, code: int
) -> None:
    origin.store(KEY, BODY)
    harness = make_harness(origin)
    with monkeypatch.context() as patched:
        patched.setattr(FileSink, "_open", lambda sink: FullDisk(code, sink._part))
        with pytest.raises(LocalWriteError, match=errno.errorcode[code]) as caught:
            await harness.download(BUCKET)
    assert caught.value.attempts == 1
    assert len(origin.requests(KEY)) == 1
    assert await harness.download(BUCKET) == CONTENT
    seen("ENOSPC, EDQUOT, EACCES, EROFS: one request, LocalWriteError that names path and cause")


@pytest.mark.scorecard(30)
@pytest.mark.parametrize("make_harness", ["disk"], indirect=True)
async def test_full_at_the_last_moment(
    make_harness: MakeHarness, origin: Origin, monkeypatch: pytest.MonkeyPatch, seen: Seen
) -> None:
    def full(handle: int) -> None:
        del handle
        raise OSError(errno.ENOSPC, "No space left on device")

    origin.store(KEY, BODY)
    harness = make_harness(origin)
    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", full)
        with pytest.raises(LocalWriteError, match="ENOSPC"):
            await harness.download(BUCKET)
    assert await harness.download(BUCKET) == CONTENT
    seen("ENOSPC only at fsync: the same")
