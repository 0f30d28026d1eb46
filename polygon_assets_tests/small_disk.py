"""A disk of a few megabytes that is really full, as a pytest plugin: a tmpfs, mounted where the test writes.

Belongs here: mounting and filling it. Does not: what is to happen then.
"""

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

_BALLAST, _BALLASTS = "ballast", "ballasts"
_PAGE = 4096
MEGABYTES, _NAMES = 16, 1000


@dataclass(frozen=True)
class SmallDisk:
    """A mounted disk."""

    path: Path

    @property
    def free(self) -> int:
        """Bytes that are left."""
        return shutil.disk_usage(self.path).free

    def fill(self, *, but: int = 0) -> None:
        """Let it have ``but`` bytes left, in whole pages."""
        with (self.path / _BALLAST).open("ab") as file:
            while (room := (self.free - but) // _PAGE * _PAGE) > 0:
                file.write(bytes(min(room, 1 << 20)))
                file.flush()

    def fill_names(self) -> None:
        """Let it take no new file, not even an empty one."""
        folder = self.path / _BALLASTS
        folder.mkdir(exist_ok=True)
        with suppress(OSError):
            for number in range(_NAMES):
                (folder / str(number)).touch(exist_ok=False)

    def relieve(self) -> None:
        """Free what was filled."""
        (self.path / _BALLAST).unlink(missing_ok=True)
        shutil.rmtree(self.path / _BALLASTS, ignore_errors=True)


Mount = Callable[[Path], SmallDisk]


def _mounted(path: Path) -> str | None:
    """Mount a small disk at ``path``; why it cannot be, None where it is."""
    if os.geteuid() != 0:
        return "only root mounts a small disk: sudo .venv/bin/python -m pytest, and this file"
    mounted = ["mount", "-t", "tmpfs", "-o", f"size={MEGABYTES}m,nr_inodes={_NAMES}", "polygon-assets-test", str(path)]
    done = subprocess.run(mounted, capture_output=True, text=True, check=False)
    return f"this root may not mount (in a container: --cap-add SYS_ADMIN): {done.stderr}" if done.returncode else None


@pytest.fixture
def mount() -> Iterator[Mount]:
    """Mount a small disk at a path; where that is not allowed, the test is skipped."""
    with ExitStack() as mounts:

        def make(path: Path) -> SmallDisk:
            path.mkdir(parents=True, exist_ok=True)
            if why := _mounted(path):
                pytest.skip(why)
            mounts.callback(subprocess.run, ["umount", "--lazy", str(path)], check=True)
            return SmallDisk(path)

        yield make
