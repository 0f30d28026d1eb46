"""Run the tests of the scorecard, print it as a table, and write ``docs/reliability.md``.

    python -m polygon_assets_tests.faults.scorecard [pytest's arguments]

Exits with pytest's code. The document is written only by a whole run, without arguments.
"""

import pickle
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from rich.table import Table

from polygon_assets_tests.faults.rows import PROPERTY, ROWS, Row

ROOT = Path(__file__).resolve().parents[2]
FAULTS = Path(__file__).resolve().parent
ROW_TESTS = FAULTS / "test_rows.py"
CLUSTER = FAULTS.parent / "cluster"
PARTS = (
    [str(ROW_TESTS)],
    [str(FAULTS), f"--ignore={ROW_TESTS}"],
    [str(FAULTS.parent), f"--ignore={FAULTS}", f"--ignore={CLUSTER}"],
    [str(CLUSTER)],
)
"""What runs side by side; the suite of many machines runs where it is named."""
EVIDENCE = "--evidence"
DOCUMENT = ROOT / "docs" / "reliability.md"
SOAK = "## The soak"
"""The part of the document that another command writes (``polygon_assets_tests.soak``)."""
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

    def add(self, other: "Evidence") -> None:
        """Take in what another process found."""
        self.passed += other.passed
        self.failed += other.failed
        self.skipped += other.skipped
        self.seen |= other.seen

    @property
    def verdict(self) -> str:
        if self.failed:
            return f"FAILED ({self.failed} of {self.failed + self.passed})"
        if self.passed:
            return f"held ({self.passed}{f', {self.skipped} skipped' if self.skipped else ''})"
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
                told = [str(text) for name, text in report.user_properties if name == PROPERTY]
                found.seen.update(dict.fromkeys(told or [_sentence(report.nodeid)]))


def _sentence(nodeid: str) -> str:
    """Give a test's name as a sentence, for one that records nothing."""
    name = nodeid.partition("[")[0].rpartition("::")[2]
    return name.removeprefix("test_").replace("_", " ")


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


def run(arguments: Sequence[str]) -> tuple[int, dict[int | str, Evidence]]:
    """Run pytest here and give its code and the evidence."""
    recorder = Recorder()
    plugins: list[Any] = [recorder]
    code = pytest.main(["-q", "-m", "scorecard", "--no-header", "-p", "no:cacheprovider", *arguments], plugins)
    return int(code), recorder.evidence


def run_beside(parts: Sequence[Sequence[str]]) -> tuple[int, dict[int | str, Evidence]]:
    """Run each part in a process of its own, all at once: much of a fault's time is waiting."""
    with tempfile.TemporaryDirectory() as folder:
        files = [Path(folder) / str(number) for number in range(len(parts))]
        commands = [[sys.executable, "-m", __spec__.name, EVIDENCE, str(file)] for file in files]
        started = [subprocess.Popen([*command, *part], cwd=ROOT) for command, part in zip(commands, parts, strict=True)]
        code = max(process.wait() for process in started)
        merged = {row.number: Evidence() for row in ROWS}
        for file in files:
            for row, found in pickle.loads(file.read_bytes()).items():  # noqa: S301 (just written by this program)
                merged[row].add(found)
    return code, merged


def main(arguments: Sequence[str]) -> int:
    """Run, print, and write the document if everything ran and held."""
    if arguments[:1] == [EVIDENCE]:
        code, evidence = run(arguments[2:])
        Path(arguments[1]).write_bytes(pickle.dumps(evidence))
        return code
    if arguments:
        code, evidence = run(arguments)
    else:
        code, evidence = run_beside(PARTS)
    show(ROWS, evidence)
    if code == pytest.ExitCode.OK and not arguments:
        DOCUMENT.parent.mkdir(exist_ok=True)
        kept = DOCUMENT.read_text(encoding="utf-8").partition(SOAK) if DOCUMENT.exists() else ("", "", "")
        DOCUMENT.write_text(document(ROWS, evidence) + "\n" * bool(kept[1]) + "".join(kept[1:]), encoding="utf-8")
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
