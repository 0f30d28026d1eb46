"""``dev`` on a terminal: quiet, one block with the address, everything else in a log, and a quiet end."""

import io
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from polygon_assets.cli import console
from polygon_assets.cli.work import serve as foreground
from polygon_assets.errors import PolygonAssetsError
from polygon_assets.serving.processes import _keep, log_of
from polygon_assets_tests.processes import processes_of, wait_for
from polygon_assets_tests.servers.seaweed import free_ports

pytestmark = pytest.mark.slow


def test_without_its_bucket_it_says_one_line_and_serves(tmp_path: Path) -> None:
    web, closed = free_ports(2)
    home, said = tmp_path / "home", tmp_path / "said"
    environment = os.environ | {
        "POLYGON_ACCESS_KEY_ID": "made-up",
        "POLYGON_SECRET_ACCESS_KEY": "canary",
        "POLYGON_ENDPOINT_URL": f"http://127.0.0.1:{closed}",
        "POLYGON_MAX_RETRIES": "0",
        "DAGSTER_HOME": str(home),
    }
    command = [sys.executable, "-m", "polygon_assets.cli", "dev", "--port", str(web)]
    with said.open("w") as output:
        process = subprocess.Popen(
            command, cwd=tmp_path, env=environment, stdout=output, stderr=output, text=True, start_new_session=True
        )
    try:
        wait_for(lambda: "Stop   Ctrl-C" in said.read_text(), process, said)
        wait_for(lambda: "UnavailableError" in log_of(home).read_text(), process, log_of(home))
        # As a terminal does it: the whole group at once, more than once.
        os.killpg(process.pid, signal.SIGTERM)
        time.sleep(0.5)
        os.killpg(process.pid, signal.SIGTERM)
        assert process.wait(60) == 143
    finally:
        process.kill()
    lines = said.read_text().splitlines()
    assert lines[0].startswith("Starting the UI")
    assert lines[1].startswith(
        f"note: http://127.0.0.1:{closed} does not answer: [Errno 111] Connection refused. Check"
    )
    assert lines[2:4] == ["", f"The UI is at http://127.0.0.1:{web}/assets"]
    assert lines[-2:] == ["  Stop   Ctrl-C", "Stopping … (up to 20 s)"]
    assert len(lines) == 10, said.read_text()
    for text in (said.read_text(), log_of(home).read_text()):
        assert "\x1b" not in text
        assert "canary" not in text
    assert processes_of(tmp_path) == []


def test_a_terminal_was_silent_for_twenty_five_seconds_while_the_interface_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []

    @contextmanager
    def spinning(text: str) -> Iterator[None]:
        told.append(text)
        try:
            yield
        finally:
            told.append("done")

    @contextmanager
    def servers(*_: object) -> Iterator[None]:
        try:
            yield
        finally:
            told.append("all have ended")

    def answers(*_: object) -> bool:
        told.append("answers")
        return True

    def interrupted(*_: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(foreground, "handle_termination", foreground.Termination)
    monkeypatch.setattr(foreground, "ignore_termination", lambda: None)
    monkeypatch.setattr(console.messages, "status", spinning)
    monkeypatch.setattr(foreground, "dagster_dev", servers)
    monkeypatch.setattr(foreground, "wait_until_it_answers", answers)
    monkeypatch.setattr(foreground, "wait_until_it_ends", interrupted)
    with pytest.raises(KeyboardInterrupt):
        foreground.serve(tmp_path, 1, {}, meanwhile=lambda: told.append("the bucket"))
    assert told[:4] == ["Waiting until it answers …", "the bucket", "answers", "done"]
    assert told[4:6] == ["Waiting for what runs …", "all have ended"], "up to twenty seconds more"


def test_servers_that_end_by_themselves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Their last words, and where the others are."""
    servers = tmp_path / "python"
    servers.write_text("#!/bin/sh\necho first\nprintf '\\033[31mworkspace is broken\\033[0m\\n'\nexit 3\n")
    servers.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(servers))
    (tmp_path / "serving.log").write_text("of the time before")
    (port,) = free_ports(1)
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    try:
        with pytest.raises(PolygonAssetsError) as ended:
            foreground.serve(tmp_path, port, {})
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    log = log_of(tmp_path)
    assert str(ended.value) == (
        f"The UI ended by itself with exit code 3. It said: workspace is broken. All of it: {log}"
    )
    assert log.read_text() == "first\nworkspace is broken\n"
    assert Path(f"{log}.1").read_text() == "of the time before"
    assert "The UI is at" not in capsys.readouterr().err


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
def test_a_full_disk_does_not_stop_the_servers() -> None:
    lines = [b"line\n"] * 1000

    class Pipe(io.BytesIO):
        def __next__(self) -> bytes:
            if not lines:
                raise StopIteration
            return lines.pop()

    _keep(Pipe(), Path("/dev/full"))
    assert lines == []


@pytest.mark.parametrize(("number", "ending"), [(signal.SIGTERM, SystemExit), (signal.SIGINT, KeyboardInterrupt)])
def test_a_signal_during_the_fork_once_was_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: signal.Signals, ending: type[BaseException]
) -> None:
    """Python ignores what is raised in hooks around a fork: the servers ran on, and nothing but SIGKILL ended them."""
    servers = tmp_path / "python"
    servers.write_text("#!/bin/sh\nsleep 60\n")
    servers.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(servers))
    ignored: list[object] = []
    monkeypatch.setattr(sys, "unraisablehook", ignored.append)
    parent, once = os.getpid(), [True]
    os.register_at_fork(after_in_parent=lambda: os.kill(parent, number) if once and once.pop() else None)
    (port,) = free_ports(1)
    before = {each: signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    try:
        with pytest.raises(ending):
            foreground.serve(tmp_path, port, {})
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
    assert len(ignored) == 1
    assert processes_of(tmp_path) == []
