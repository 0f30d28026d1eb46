"""Processes that a test has started, and what they left running."""

import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path


def processes_of(folder: Path) -> list[str]:
    """Command lines of the processes whose environment names ``folder``."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            names_it = str(folder).encode() in (process / "environ").read_bytes()
            if names_it and int(process.name) != os.getpid():
                found.append((process / "cmdline").read_bytes().replace(b"\0", b" ").decode())
        except (FileNotFoundError, PermissionError, ProcessLookupError):
            continue
    return found


def wait_for(what: Callable[[], bool], process: "subprocess.Popen[str]", said: Path) -> None:
    """Wait until ``what``; fail with the text in ``said`` where ``process`` ended, or after three minutes."""
    deadline = time.monotonic() + 180
    while not what():
        assert process.poll() is None, said.read_text()
        assert time.monotonic() < deadline, said.read_text()
        time.sleep(0.2)
