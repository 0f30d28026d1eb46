"""Serving: webserver, daemon and code server of ``dagster dev`` on 127.0.0.1, their log, and their end.

Belongs here: starting and stopping. Does not: what they serve.
"""

import fcntl
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from threading import Thread
from typing import IO

from polygon_assets.errors import InvalidInputError, PortTakenError

HOST = "127.0.0.1"
STOP_SECONDS = 20
"""How long the servers may take to end before they are killed."""
_LOOK_EVERY = 0.5
_COLOURS = re.compile(rb"\x1b\[[0-9;]*m")
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


def log_of(home: Path) -> Path:
    """Where the servers on ``home`` write what they have to say; that of the time before ends in ``.1``."""
    return home / "serving.log"


@contextmanager
def dagster_dev(home: Path, port: int, environment: Mapping[str, str]) -> Iterator["subprocess.Popen[bytes]"]:
    """Run ``dagster dev`` on ``home`` and ``port`` with ``environment``; all its processes end with the block.

    Raises:
        InvalidInputError: something is served from ``home`` already.
        PortTakenError: something listens on ``port`` already.

    What they print goes to ``log_of(home)``. It gets a process group of its own and default signal handlers: started
    from a shell's background it would ignore SIGINT and leave its children behind.
    """
    with _served_once(home, port):
        require_free_port(port)
        with _dagster_dev(home, port, environment) as process:
            yield process


@contextmanager
def _served_once(home: Path, port: int) -> Iterator[None]:
    """Keep others from serving ``home``: Dagster knows no two daemons on one history, and each would fill its log."""
    descriptor = os.open(home / ".serving.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        where = f"http://{HOST}:{os.read(descriptor, 5).decode() or '…'}"
        raise InvalidInputError(
            f"The platform of {home} is served already, at {where}. Stop that one first (Ctrl-C where it runs), or set "
            "DAGSTER_HOME and POLYGON_STORE to folders of another's own."
        ) from None
    else:
        os.ftruncate(descriptor, 0)
        os.write(descriptor, str(port).encode())
        yield
    finally:
        os.close(descriptor)


@contextmanager
def _dagster_dev(home: Path, port: int, environment: Mapping[str, str]) -> Iterator["subprocess.Popen[bytes]"]:
    workspace = home / "workspace.yaml"  # the checkout's own is not installed with the package
    workspace.write_text(_WORKSPACE)
    command = [sys.executable, "-m", "polygon_assets.serving.guarded", "dev"]
    command += ["-w", str(workspace), "-h", HOST, "-p", str(port)]
    log = log_of(home)
    if log.exists():
        log.replace(f"{log}.1")
    process = subprocess.Popen(  # noqa: S603 (our own interpreter and arguments)
        [*command, "--log-level", "warning"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env={**environment, "DAGSTER_HOME": str(home)},
        start_new_session=True,
        preexec_fn=_default_signals,  # noqa: PLW1509 (no thread has started yet)
    )
    assert process.stdout is not None  # noqa: S101 (asked for)
    writer = Thread(target=_keep, args=(process.stdout, log), daemon=True)
    writer.start()
    try:
        yield process
    finally:
        _end(process)
        writer.join(_LOOK_EVERY)


def wait_until_it_answers(
    process: "subprocess.Popen[bytes]", port: int, check: Callable[[], None] = lambda: None
) -> bool:
    """Wait for the webserver on ``port``; False: ``process`` ended before it answered.

    ``check`` is called between the attempts, and may raise.
    """
    while process.poll() is None:
        check()
        with suppress(OSError, HTTPException), closing(HTTPConnection(HOST, port, timeout=5)) as connection:
            connection.request("GET", "/server_info")
            if connection.getresponse().status == HTTPStatus.OK:
                return True
        time.sleep(_LOOK_EVERY)
    return False


def wait_until_it_ends(process: "subprocess.Popen[bytes]", check: Callable[[], None]) -> int:
    """Wait for the end of ``process``, and give its exit code; ``check`` is called meanwhile, and may raise."""
    while True:
        check()
        with suppress(subprocess.TimeoutExpired):
            return process.wait(_LOOK_EVERY)


def _keep(said: IO[bytes], log: Path) -> None:
    """Write what is said to ``log``, without the colours that Dagster gives it on a terminal or not.

    Where the disk is full it is still read: whoever writes into a pipe that nobody reads stands still.
    """
    with said:
        with suppress(OSError), log.open("wb", buffering=0) as file:
            for line in said:
                file.write(_COLOURS.sub(b"", line))
        for _ in said:
            pass


def _default_signals() -> None:
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)


def _end(process: "subprocess.Popen[bytes]") -> None:
    """Interrupt the group, and kill what is left of it."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGKILL):
        if not _signal_group(process.pid, number):
            break
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            continue
    process.wait()


def _signal_group(group: int, number: signal.Signals) -> bool:
    try:
        os.killpg(group, number)
    except ProcessLookupError:
        return False
    return True
