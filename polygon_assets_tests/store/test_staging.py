"""The lock of the staging folder: nobody is waited for without end, and whoever keeps it is named."""

import fcntl
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from polygon_assets.errors import StoreBusyError
from polygon_assets.store import staging as guards
from polygon_assets.store.staging import staging_folder
from polygon_assets_tests.factories import row, stamp, text
from polygon_assets_tests.vendor import Vendor

DAY = "2024-01-02"
_HOLD = "import fcntl, sys; f = open(sys.argv[1]); fcntl.flock(f, fcntl.LOCK_EX); print('held', flush=True); input()"


@contextmanager
def held(path: Path) -> Iterator["subprocess.Popen[str]"]:
    """Another process that has opened the guard for reading alone, and keeps its lock."""
    with subprocess.Popen(
        [sys.executable, "-c", _HOLD, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        yield holder
        holder.terminate()


@pytest.mark.stores("disk", "s3")
async def test_whoever_could_read_the_guard_once_stopped_every_ingest(
    vendor: Vendor, monkeypatch: pytest.MonkeyPatch
) -> None:
    vendor.put("stocks_daily", DAY, text([row("A", stamp())]))
    await vendor.ingest("stocks_daily", DAY)
    staging = Path(vendor.store.uri, "_staging") if "://" not in vendor.store.uri else vendor.place.staging
    (guard,) = staging.rglob("guard.lock")
    monkeypatch.setattr(guards, "GUARD_TIMEOUT", 0.1)
    with held(guard) as holder, pytest.raises(StoreBusyError) as caught:
        await vendor.ingest("stocks_daily", DAY)
    assert f"process {holder.pid} (python" in str(caught.value)
    assert f"user {os.geteuid()}" in str(caught.value)
    assert str(guard) in str(caught.value)
    assert "end that process" in str(caught.value)
    (again,) = await vendor.ingest("stocks_daily", DAY)
    assert again.error is None


def test_a_lock_that_is_let_go_in_time_is_waited_for(tmp_path: Path) -> None:
    with staging_folder(tmp_path):
        pass
    with held(tmp_path / "guard.lock") as holder:
        attempts: list[int] = []
        lock = fcntl.flock

        def counted(descriptor: int, operation: int) -> None:
            attempts.append(operation)
            if len(attempts) == 3:
                holder.terminate()
            lock(descriptor, operation)

        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(fcntl, "flock", counted)
            with staging_folder(tmp_path, timeout=60) as folder:
                assert folder.is_dir()
    assert len(attempts) > 3


@pytest.mark.parametrize(("umask", "mode"), [(0o022, "0o600"), (0o002, "0o660"), (0o000, "0o666")])
def test_only_who_may_write_the_folder_can_lock_it(tmp_path: Path, umask: int, mode: str) -> None:
    before = os.umask(umask)
    try:
        with staging_folder(tmp_path / "root"):
            pass
    finally:
        os.umask(before)
    assert oct((tmp_path / "root" / "guard.lock").stat().st_mode & 0o777) == mode


def test_a_guard_of_an_earlier_version_is_closed_to_readers(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    (tmp_path / "guard.lock").touch(0o644)
    (tmp_path / "guard.lock").chmod(0o644)
    with staging_folder(tmp_path):
        pass
    assert oct((tmp_path / "guard.lock").stat().st_mode & 0o777) == "0o600"


def test_the_holder_is_named_without_its_arguments(tmp_path: Path) -> None:
    """They may be secrets."""
    with staging_folder(tmp_path):
        pass
    with (
        held(tmp_path / "guard.lock"),
        pytest.raises(StoreBusyError) as caught,
        staging_folder(tmp_path, timeout=0),
    ):
        pass
    assert "flock" not in str(caught.value)
