"""Counts of one: messages once said "1 days are not readable" and "1 events cannot be used"."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from polygon_assets_tests.cli.conftest import Command, Platform
from polygon_assets_tests.project import ROOT

DAY = "2024-01-03"
NOUNS = (
    "bytes|causes|closures|columns|datasets|days|events|files|findings|gaps|lines|months|pages|requests|rows|runs|rules|"
    "seconds|sensors|sessions|symbols|tickers|trades|years"
)
ADJECTIVES = r"(?:(?!(?:beside|of|on|the|whose) )[a-z]+ ){0,2}"
COUNT_OF_MANY = re.compile(rf"^ {ADJECTIVES}(?:{NOUNS})\b")
ONE_OF_MANY = re.compile(rf"(?<![\d.,:-])1 {ADJECTIVES}(?:{NOUNS})\b")
CONSTANT = re.compile(r"[A-Z_.]*[A-Z][A-Z_]+|len\(DATASETS\)|len\(DEMO\)")
NEVER_ONE = {
    "self.limits.max_sort_rows", "self._block_bytes", "self.max_bytes", "_HEARTBEAT", "skew", "limit", "rate",
    "self._rate", "self.received", "gap.days", "fewest", "most", "len(statements)",
}  # fmt: skip
"""Limits, and what stands in a branch for more than one."""


def counts_without_their_noun(path: Path) -> Iterator[str]:
    """The places where a message puts a number before a plural, whatever the number is."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.JoinedStr):
            for value, after in zip(node.values, node.values[1:], strict=False):
                if not isinstance(value, ast.FormattedValue) or not isinstance(after, ast.Constant):
                    continue
                text = ast.unparse(value.value)
                if COUNT_OF_MANY.match(str(after.value)) and text not in NEVER_ONE and not CONSTANT.fullmatch(text):
                    yield f"{path.relative_to(ROOT)}:{node.lineno}: {{{text}}}{after.value!s}"


def test_no_message_puts_a_count_before_a_plural() -> None:
    """``counted`` chooses; of what is a limit, or stands in a branch for more than one, this test is told."""
    modules = sorted((ROOT / "polygon_assets").rglob("*.py"))
    assert [each for path in modules for each in counts_without_their_noun(path)] == []


def test_commands_that_have_one_of_everything(
    platform: Platform, cli: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One day stored, one corrupt, one refused, one missing, one replaced, one outside the calendar."""
    platform.publish("stocks_daily", [DAY])
    said = [cli("ingest", "stocks_daily", "--start", DAY)]
    said += [cli("ingest", "stocks_daily", "--start", DAY), cli("status", "stocks_daily")]
    said += [cli("verify", "stocks_daily")]
    said += [cli("record", "stocks_daily"), cli("rollup", "stocks_daily"), cli("rollup", "stocks_daily")]
    said += [cli("verify", "stocks_daily"), cli("sql", "FROM stocks_daily LIMIT 1"), cli("doctor")]
    platform.publish("stocks_daily", [DAY], seed=1)
    said += [cli("verify", "stocks_daily", "--remote"), cli("ls", "stocks_daily", "--month", DAY[:7])]
    said += [cli("ingest", "stocks_daily", "--start", DAY, "--dry-run")]
    platform.put_broken("stocks_daily", "2024-01-04")
    said += [cli("ingest", "stocks_daily", "--start", "2024-01-04", "--end", "2024-01-05")]
    monkeypatch.setenv("POLYGON_HISTORY_START", "2024-01-02")
    said += [cli("status", "stocks_daily"), cli("record", "stocks_daily")]
    Path(platform.store / "stocks_daily" / f"date={DAY}" / "data.parquet").write_bytes(b"PAR1")
    said += [cli("verify", "stocks_daily"), cli("status", "stocks_daily")]
    said += [cli("ingest", "stocks_daily", "--missing", "--dry-run")]
    text = "\n".join(each.out + each.err for each in said)
    assert len(re.findall(r"\b1 (?:day|row|year|file|trading day)\b", text)) > 5
    assert ONE_OF_MANY.findall(text) == []
