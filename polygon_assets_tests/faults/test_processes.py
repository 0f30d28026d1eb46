"""Whole processes: their memory, their end, their limits."""

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from polygon_assets_tests.scorecard import Seen
from polygon_assets_tests.servers import faults
from polygon_assets_tests.servers.origin import Origin

pytestmark = pytest.mark.slow
KINDS = ["async", "sync"]
MANY = 200_000_000


def child(command: str, kind: str, origin: Origin, folder: Path) -> "subprocess.Popen[str]":
    """Start one of the programs."""
    arguments = ["-m", "polygon_assets_tests.faults.children", command, kind, origin.endpoint_url, str(folder)]
    return subprocess.Popen(
        [sys.executable, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ}
    )


@pytest.mark.scorecard(26)
@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="memory is read from /proc")
@pytest.mark.parametrize("kind", KINDS)
def test_memory_is_bounded(origin: Origin, tmp_path: Path, seen: Seen, kind: str) -> None:
    body = os.urandom(1_000_000) * (MANY // 1_000_000)
    stored = origin.store("large", body)
    origin.store("small", body[:3_000_000])
    with child("measure", kind, origin, tmp_path) as process:
        output, errors = process.communicate(timeout=120)
    assert process.returncode == 0, errors
    assert json.loads(output)["grown"] < 64_000_000
    with (tmp_path / "large").open("rb") as file:
        assert hashlib.file_digest(file, "md5").hexdigest() == stored.etag
    seen("200 MB to disk: memory grew by less than 64 MB")


@pytest.mark.scorecard(28)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "SIGINT"])
def test_a_signal_leaves_no_part_file(
    origin: Origin, tmp_path: Path, seen: Seen, kind: str, number: signal.Signals
) -> None:
    origin.store("large", bytes(range(256)) * 20_000, always=faults.stall_after(3_000_000))
    (tmp_path / "large").write_bytes(b"previous")
    with child("save", kind, origin, tmp_path) as process:
        wait_for_part(tmp_path, process)
        process.send_signal(number)
        _, errors = process.communicate(timeout=60)
    assert process.returncode != 0
    assert [entry.name for entry in tmp_path.iterdir()] == ["large"], errors
    assert (tmp_path / "large").read_bytes() == b"previous"
    assert "canary" not in errors
    seen(f"{number.name}: exit code {process.returncode}, part file gone, the earlier file untouched")


def test_a_signal_is_obeyed_also_where_a_library_keeps_its_exception(origin: Origin, tmp_path: Path) -> None:
    """Happened in CI: SIGTERM while aiohttp took bytes in was told as a broken connection, and the download went on."""
    origin.store("large", bytes(range(256)) * 20_000)
    with child("save-terminated", "async", origin, tmp_path) as process:
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 128 + signal.SIGTERM, errors
    assert list(tmp_path.iterdir()) == []


def test_a_signal_between_two_steps_of_the_loop_once_was_waited_on_for_ever(origin: Origin, tmp_path: Path) -> None:
    """Happened in CI: a process told to end was there a quarter of an hour later, at the end of ``asyncio.run``."""
    origin.store("large", bytes(range(256)) * 20_000)
    with child("save-terminated-between", "async", origin, tmp_path) as process:
        try:
            _, errors = process.communicate(timeout=30)
        finally:
            process.kill()
    assert process.returncode == 128 + signal.SIGTERM, errors
    assert list(tmp_path.iterdir()) == []


def wait_for_part(folder: Path, process: "subprocess.Popen[str]") -> None:
    """Wait until the part file has bytes."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        if any(part.stat().st_size for part in folder.glob(".*.part")):
            return
        time.sleep(0.01)
    raise AssertionError(f"no part file was written: {process.communicate(timeout=1)}")


@pytest.mark.scorecard(30)
@pytest.mark.parametrize("kind", KINDS)
def test_a_limit_of_the_kernel(origin: Origin, tmp_path: Path, seen: Seen, kind: str) -> None:
    origin.store("large", bytes(range(256)) * 20_000)
    with child("starve", kind, origin, tmp_path) as process:
        output, errors = process.communicate(timeout=60)
    assert process.returncode == 0, errors
    said = json.loads(output)
    assert said["kind"] == "LocalWriteError"
    assert "EFBIG" in said["message"]
    assert list(tmp_path.iterdir()) == []
    assert len(origin.requests("large")) == 1
    seen("a real limit on file size (EFBIG): the same")
