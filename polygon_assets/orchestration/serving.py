"""Serving: webserver, daemon and code server of ``dagster dev`` on 127.0.0.1, and their end.

Belongs here: starting and stopping. Does not: what they serve.
"""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from polygon_assets.errors import PortTakenError

HOST = "127.0.0.1"
_STOP_SECONDS = 20
_WORKSPACE = """load_from:
  - python_module:
      module_name: polygon_assets.definitions
      location_name: polygon_assets
"""


def require_free_port(port: int) -> None:
    """Raise PortTakenError where something listens on ``port`` of 127.0.0.1 already."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            raise PortTakenError(port) from None


@contextmanager
def dagster_dev(home: Path, port: int, environment: Mapping[str, str]) -> Iterator["subprocess.Popen[bytes]"]:
    """Run ``dagster dev`` on ``home`` and ``port`` with ``environment``; all its processes end with the block.

    It gets a process group of its own and default signal handlers: started from a shell's background it would
    ignore SIGINT and leave its children behind.
    """
    require_free_port(port)
    workspace = home / "workspace.yaml"  # the checkout's own is not installed with the package
    workspace.write_text(_WORKSPACE)
    command = [sys.executable, "-m", "dagster", "dev", "-w", str(workspace), "-h", HOST, "-p", str(port)]
    process = subprocess.Popen(  # noqa: S603 (our own interpreter and arguments)
        command,
        env={**environment, "DAGSTER_HOME": str(home)},
        start_new_session=True,
        preexec_fn=_default_signals,  # noqa: PLW1509 (no thread has started yet)
    )
    try:
        yield process
    finally:
        _end(process)


def _default_signals() -> None:
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)


def _end(process: "subprocess.Popen[bytes]") -> None:
    """Interrupt the group, and kill what is left of it."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGKILL):
        if not _signal_group(process.pid, number):
            break
        try:
            process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            continue
    process.wait()


def _signal_group(group: int, number: signal.Signals) -> bool:
    try:
        os.killpg(group, number)
    except ProcessLookupError:
        return False
    return True
