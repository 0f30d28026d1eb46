"""Run the tests of the scorecard, print it as a table, and write ``docs/reliability.md``.

    python -m polygon_assets_tests.faults.scorecard [pytest's arguments]

Exits with pytest's code. The document is written only by a whole run, without arguments.
"""

import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from rich.table import Table

from polygon_assets_tests.faults.rows import PROPERTY, ROWS, Row

ROOT = Path(__file__).resolve().parents[2]
DOCUMENT = ROOT / "docs" / "reliability.md"
ABOUT = """\
# Reliability: what downloads and ingest survive

Made by `make faults` from what its tests saw; change the tests, not this file. Where nothing else is said, a row
holds for `AsyncS3Downloader` and `SyncS3Downloader`, to memory and to disk, and after every row: the final path is
absent or holds the previous good file, no part file is left, the error is one of
[our own](../polygon_assets/errors.py) and names key, cause and number of attempts, no secret shows, and the
statistics add up.

The servers are real: an HTTP origin that misbehaves by key (`polygon_assets_tests/servers/origin.py`), and a TCP
proxy (`proxy.py`) before a SeaweedFS that checks signatures, answers ranges and honours If-Match.
"""


@dataclass
class Evidence:
    """What the tests of one row gave."""

    passed: int = 0
    failed: int = 0
    skipped: int = 0
    seen: dict[str, None] = field(default_factory=dict)
    """Observations, each once, in the order of the tests."""

    @property
    def verdict(self) -> str:
        if self.failed:
            return f"FAILED ({self.failed} of {self.failed + self.passed})"
        if self.passed:
            return f"held ({self.passed})"
        return "skipped" if self.skipped else "not run"


class Recorder:
    """A pytest plugin that collects the evidence."""

    def __init__(self) -> None:
        self.evidence: dict[int | str, Evidence] = {row.number: Evidence() for row in ROWS}
        self._rows: dict[str, list[int | str]] = {}

    def pytest_collection_modifyitems(self, items: Sequence[pytest.Item]) -> None:
        """Remember which rows each test shows."""
        for item in items:
            self._rows[item.nodeid] = [row for mark in item.iter_markers("scorecard") for row in mark.args]

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Count one phase of one test: a failing setup or teardown counts, too."""
        for row in self._rows.get(report.nodeid, ()):
            found = self.evidence[row]
            if report.failed:
                found.failed += 1
            elif report.skipped:
                found.skipped += 1
            elif report.when == "call":
                found.passed += 1
                found.seen.update((str(text), None) for name, text in report.user_properties if name == PROPERTY)


def show(rows: Iterable[Row], evidence: Mapping[int | str, Evidence]) -> None:
    """Print the table."""
    table = Table(title="Scorecard", show_lines=True)
    for heading in ("#", "fault", "expected", "seen", "tests"):
        table.add_column(heading, overflow="fold")
    for row in rows:
        found = evidence[row.number]
        colour = "red" if found.failed else "green" if found.passed else "yellow"
        told = "\n".join(found.seen)
        table.add_row(str(row.number), row.fault, row.expected, told, f"[{colour}]{found.verdict}[/{colour}]")
    Console(width=None if sys.stdout.isatty() else 160).print(table)


def document(rows: Iterable[Row], evidence: Mapping[int | str, Evidence]) -> str:
    """Give the document's text: the same tests give the same text."""
    lines = [ABOUT, "| # | fault | expected | seen | tests |", "|---|---|---|---|---|"]
    for row in rows:
        found = evidence[row.number]
        told = "<br>".join(found.seen).replace("|", "\\|")
        lines.append(f"| {row.number} | {row.fault} | {row.expected} | {told} | {found.verdict} |")
    return "\n".join([*lines, ""])


def main(arguments: Sequence[str]) -> int:
    """Run, print, and write the document if everything ran and held."""
    recorder = Recorder()
    plugins: list[Any] = [recorder]
    where = arguments or [str(ROOT / "polygon_assets_tests")]
    code = pytest.main(["-q", "-m", "scorecard", "--no-header", *where], plugins)
    show(ROWS, recorder.evidence)
    if code == pytest.ExitCode.OK and not arguments:
        DOCUMENT.parent.mkdir(exist_ok=True)
        DOCUMENT.write_text(document(ROWS, recorder.evidence), encoding="utf-8")
    return int(code)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
