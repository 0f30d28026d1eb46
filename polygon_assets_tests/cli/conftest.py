"""The command line as a user meets it: its exit code, and what it prints to each stream."""

import json
import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from unittest import mock

import pytest

from polygon_assets.cli import main
from polygon_assets_tests.platforms import Platform, fresh_home, platform, tables_of_a_run

__all__ = ["Command", "Outcome", "Platform", "fresh_home", "platform", "tables_of_a_run"]


@dataclass(frozen=True)
class Outcome:
    """What a command left behind."""

    code: int
    out: str
    err: str

    def json(self) -> Any:
        """What it printed for scripts."""
        return json.loads(self.out)


Command = Callable[..., Outcome]


@pytest.fixture
def cli(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Command]:
    """Run ``polygon-assets`` with some arguments, in this process, whose environment is restored: it reads ``.env``."""

    def run(*arguments: str) -> Outcome:
        monkeypatch.setattr(sys, "argv", ["polygon-assets", *arguments])
        capsys.readouterr()
        with pytest.raises(SystemExit) as ending:
            main()
        captured = capsys.readouterr()
        return Outcome(int(ending.value.code or 0), captured.out, captured.err)

    with mock.patch.dict(os.environ):
        yield run
