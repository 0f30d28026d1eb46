"""``dev`` and ``demo`` in the foreground: what is shown while servers start, when they end, and at signals."""

import io
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from polygon_assets.cli import console
from polygon_assets.cli.work import serve as foreground
from polygon_assets.errors import PolygonAssetsError
from polygon_assets.serving.processes import _keep, log_of
from polygon_assets_tests.processes import processes_of
from polygon_assets_tests.servers.seaweed import free_ports

pytestmark = pytest.mark.slow


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
