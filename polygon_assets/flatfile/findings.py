"""What was found wrong with a day, counted: plain values that go into footers, quarantine and Dagster's checks.

Belongs here: the finding and how it is written down. Does not: the rules (``quality``).
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np

from polygon_assets.flatfile.rows import Batch, Ints, Mask

SAMPLE_ROWS = 5


class Severity(StrEnum):
    """What became of the rows."""

    NOTE = "note"
    """Published and counted; nothing is wrong with them by itself."""
    WARNING = "warning"
    """Published as they are, and flagged."""
    ERROR = "error"
    """Not published: kept in quarantine, or the whole day refused."""


def flagged(findings: Iterable["Finding"]) -> tuple["Finding", ...]:
    """Those of ``findings`` that say that something is wrong."""
    return tuple(each for each in findings if each.severity is not Severity.NOTE)


@dataclass(frozen=True)
class Finding:
    """One rule that rows of a day break."""

    rule: str
    """Name of the rule; ``RULES`` of ``quality`` says what it means."""
    count: int
    """Rows that break it."""
    severity: Severity = Severity.WARNING
    sample: tuple[Mapping[str, Any], ...] = ()
    """The first of these rows, with their line in the file, as plain values."""


class Tally:
    """Counts findings over many batches and keeps the first rows of each."""

    def __init__(self) -> None:
        self._counts: dict[str, int] = {}
        self._severities: dict[str, Severity] = {}
        self._samples: dict[str, tuple[Mapping[str, Any], ...]] = {}

    def add(self, rule: str, batch: Batch, rows: Ints | Mask, severity: Severity = Severity.WARNING) -> int:
        """Count the ``rows`` of ``batch`` under ``rule``; how many they are."""
        indices: Ints = np.flatnonzero(rows) if rows.dtype == np.bool_ else rows.astype(np.int64)
        if len(indices):
            have = self._samples.get(rule, ())
            self.note(rule, len(indices), severity, have + batch.describe(indices[: SAMPLE_ROWS - len(have)]))
        return len(indices)

    def note(
        self,
        rule: str,
        count: int = 1,
        severity: Severity = Severity.WARNING,
        sample: tuple[Mapping[str, Any], ...] = (),
    ) -> None:
        """Count ``count`` rows under ``rule``, with all its sample rows so far."""
        self._counts[rule] = self._counts.get(rule, 0) + count
        self._severities[rule] = severity
        self._samples[rule] = sample

    def count(self, *rules: str) -> int:
        """Rows counted under ``rules``."""
        return sum(self._counts.get(rule, 0) for rule in rules)

    def findings(self) -> tuple[Finding, ...]:
        """All findings, in the order of their names."""
        return tuple(
            Finding(rule, self._counts[rule], self._severities[rule], self._samples[rule])
            for rule in sorted(self._counts)
        )


def to_json(findings: Iterable[Finding]) -> str:
    """Write ``findings`` down."""
    return json.dumps([_plain(each) for each in findings], separators=(",", ":"))


def from_json(text: str) -> tuple[Finding, ...]:
    """Read back what ``to_json`` wrote; ValueError or KeyError where it did not write it."""
    return tuple(
        Finding(each["rule"], each["count"], Severity(each["severity"]), tuple(each["sample"]))
        for each in json.loads(text)
    )


def _plain(finding: Finding) -> dict[str, Any]:
    return {
        "rule": finding.rule,
        "count": finding.count,
        "severity": finding.severity.value,
        "sample": [dict(row) for row in finding.sample],
    }
