"""Programs that the suite starts: where they are, and processes that end with the block that started them."""

import os
import pwd
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

INSTALL = "apt-get install postgresql redis-server nginx"
UNPRIVILEGED = "postgres"
"""Who runs the servers where the tests run as root, which PostgreSQL refuses; Debian's package brings the user."""


def find_program(name: str) -> str | None:
    """Where a server's program is; Debian keeps some outside the PATH."""
    newest_first = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    return shutil.which(name, path=os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", *map(str, newest_first)]))


def missing_programs() -> list[str]:
    """What is not installed of what the suite needs."""
    return [name for name in ("initdb", "postgres", "pg_dump", "redis-server", "nginx") if find_program(name) is None]


def program(name: str) -> str:
    """Where a program is that must be there."""
    found = find_program(name)
    assert found, f"{name} is missing: {INSTALL}"
    return found


def python_program(name: str) -> str:
    """A program of this Python environment."""
    return str(Path(sys.executable).parent / name)


def unprivileged_user() -> str | None:
    """Whom to start servers as; None where the tests themselves are unprivileged."""
    return UNPRIVILEGED if os.geteuid() == 0 else None


def give_to(user: str | None, *paths: Path) -> None:
    """Make files and folders the property of ``user``."""
    if user is not None:
        owner = pwd.getpwnam(user)
        for path in paths:
            os.chown(path, owner.pw_uid, owner.pw_gid)


class Service:
    """A program with a log, in a process group of its own, that can be stopped, killed and started again."""

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        folder: Path,
        *,
        environment: Mapping[str, str] | None = None,
        user: str | None = None,
        stop_signal: signal.Signals = signal.SIGTERM,
    ) -> None:
        self.name, self.command, self.folder = name, list(command), folder
        self.log = folder / f"{name}.log"
        self._environment = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8", **(environment or {})}
        self._user, self._stop_signal = user, stop_signal
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """Of the running program, and its group's."""
        assert self.process
        return self.process.pid

    def start(self) -> None:
        """Start the program; its output is added to the log."""
        identity = {} if self._user is None else {"user": self._user, "group": self._user, "extra_groups": []}
        with self.log.open("ab") as output:
            self.process = subprocess.Popen(
                self.command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd=self.folder,
                env=self._environment,
                start_new_session=True,
                **identity,  # type: ignore[call-overload]
            )

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the whole group, and wait for the program's end."""
        assert self.process
        try:
            os.killpg(self.process.pid, number)
        except ProcessLookupError:
            return
        self.process.wait(60)

    def stop(self) -> None:
        """End it as its own manual says, and kill what is left of its group."""
        if self.process is None:
            return
        if self.process.poll() is None:
            self.process.send_signal(self._stop_signal)
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(20)
        self.signal(signal.SIGKILL)
        self.process.wait()
        self.process = None

    def tail(self) -> str:
        """The end of the log, for a failure's message."""
        return self.log.read_text(errors="replace")[-3000:] if self.log.exists() else "(no log)"

    def wait_until(self, ready: Callable[[], bool], seconds: float = 60) -> None:
        """Wait for ``ready``; fail with the log's end where the program ends, or after ``seconds``."""
        deadline = time.monotonic() + seconds
        while not ready():
            ended = self.process is None or self.process.poll() is not None
            if ended or time.monotonic() > deadline:
                raise AssertionError(f"{self.name} {'ended' if ended else 'was not ready'}:\n{self.tail()}")
            time.sleep(0.1)


@contextmanager
def running(service: Service) -> Iterator[Service]:
    """Start a service; it ends with the block."""
    service.start()
    try:
        yield service
    finally:
        service.stop()


def wait_for(what: str, done: Callable[[], bool], seconds: float, every: float = 0.2) -> None:
    """Wait until ``done``; fail after ``seconds`` and say what was waited for."""
    deadline = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < deadline, f"{what}: not within {seconds} s"
        time.sleep(every)
