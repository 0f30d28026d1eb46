"""Part files in a folder that several containers or machines share: process ids mean nothing there, locks do."""

import fcntl
import os
import subprocess
import sys
from pathlib import Path

import pytest

from polygon_assets.download import sinks
from polygon_assets.download.sinks import FileSink

HOLD = "import fcntl, sys; file = open(sys.argv[1], 'wb'); fcntl.flock(file, fcntl.LOCK_EX); print(flush=True); input()"
"""Another container's writer: its process id, as it sees it, is in the name."""


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a process that has swept no folder yet."""
    monkeypatch.setattr(sinks, "_swept", set())


def left_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def save(path: Path) -> None:
    with FileSink(path) as sink:
        sink.restart()
        sink.write(b"new")
        sink.publish()


def test_what_nobody_writes_goes_and_what_somebody_writes_stays_whatever_the_process_ids_say(tmp_path: Path) -> None:
    living = tmp_path / ".a.csv.4194999-0123abcd.part"  # a process id that nobody has here
    for dead in (f".b.csv.{os.getpid()}-0123abcd.part", ".c.csv.1-0123abcd.part", ".d.csv.4194999-0123abcd.part"):
        (tmp_path / dead).write_bytes(b"left")
    command = [sys.executable, "-c", HOLD, str(living)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        other.stdout.readline()
        save(tmp_path / "data.csv")
        assert left_in(tmp_path) == [living.name, "data.csv"]
        other.kill()
    sinks._swept.clear()
    save(tmp_path / "data.csv")
    assert left_in(tmp_path) == ["data.csv"]


def test_one_is_in_use_until_it_is_published(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Others sweep at the worst moments: right before it is locked, and between its last byte and its publishing."""
    lock, replace = sinks._lock, Path.replace
    swept: list[str] = []

    def sweep_as_another() -> None:
        monkeypatch.setattr(sinks, "_swept", set())
        before = left_in(tmp_path)
        sinks._sweep_once(tmp_path)
        swept.extend(set(before) - set(left_in(tmp_path)))

    def late_lock(file: object) -> None:
        if not swept:
            sweep_as_another()
        lock(file)  # type: ignore[arg-type]

    def late_replace(part: Path, target: Path) -> Path:
        sweep_as_another()
        return replace(part, target)

    monkeypatch.setattr(sinks, "_lock", late_lock)
    monkeypatch.setattr(Path, "replace", late_replace)
    save(tmp_path / "data.csv")
    assert (tmp_path / "data.csv").read_bytes() == b"new"
    assert left_in(tmp_path) == ["data.csv"]
    assert len(swept) == 1, "it was lost before it was locked, made again, and not lost when it was complete"


def test_a_file_system_without_locks_is_written_and_never_swept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unsupported(*_: object) -> None:
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr(fcntl, "flock", unsupported)
    (tmp_path / ".a.csv.4194999-0123abcd.part").write_bytes(b"perhaps in use")
    save(tmp_path / "data.csv")
    assert left_in(tmp_path) == [".a.csv.4194999-0123abcd.part", "data.csv"]


def test_other_peoples_files_stay(tmp_path: Path) -> None:
    for name in (".part", "a.csv.1-0123abcd.part", ".a.csv.x-0123abcd.part", ".a.csv.1-0123abcd.part.gz"):
        (tmp_path / name).write_bytes(b"mine")
    before = left_in(tmp_path)
    save(tmp_path / "data.csv")
    assert left_in(tmp_path) == sorted([*before, "data.csv"])
