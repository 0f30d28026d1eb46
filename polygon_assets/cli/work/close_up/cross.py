"""``polygon-assets verify --cross``: do the stored datasets agree with each other?

Belongs here: showing it. Does not: comparing (``reading.cross``).
"""

from collections.abc import Mapping, Sequence
from typing import Any

from polygon_assets.cli import console
from polygon_assets.cli.reaching import reached_store
from polygon_assets.cli.work.verify import none_of
from polygon_assets.datasets import Dataset
from polygon_assets.errors import StoreError
from polygon_assets.ingest import ParquetStore
from polygon_assets.reading.cross.checking import CrossChecks
from polygon_assets.reading.cross.cross_rules import CROSS_RULES, CrossFinding
from polygon_assets.reading.cross.ledger import CheckedDay, keep
from polygon_assets.settings import Settings

_KEPT_EVERY = 50
"""Days: what was found of them is kept when the command is interrupted."""


def run_cross(
    settings: Settings, datasets: Sequence[Dataset], start: str | None, end: str | None, last: int | None
) -> int:
    """Compare the stored days of ``datasets`` with what is stored beside them; the exit code."""
    store = reached_store(settings)
    checks = CrossChecks(store, settings.extra_closures)
    wrong = sum(_check(store, checks, row, _chosen(checks, row, start, end, last)) for row in datasets)
    return console.FAILED if wrong else 0


def _chosen(checks: CrossChecks, dataset: Dataset, start: str | None, end: str | None, last: int | None) -> list[str]:
    days = [day for day in checks.days(dataset.name) if (start or day) <= day <= (end or day)]
    return days[-last:] if last else days


def _check(store: ParquetStore, checks: CrossChecks, dataset: Dataset, days: Sequence[str]) -> int:
    """Check the ``days``; of how many something is wrong."""
    found: dict[str, CheckedDay] = {}
    wrong = unreadable = 0
    with console.progress() as shown:
        task = shown.add_task(dataset.name, total=len(days), note="")
        try:
            for day in days:
                shown.update(task, note=day)
                try:
                    findings = checks.check(dataset, day)
                except StoreError as error:
                    unreadable += 1
                    console.out.print(f"{dataset.name} {day}: {error}", soft_wrap=True)
                else:
                    found[day] = CheckedDay(checks.fingerprint(dataset, day), findings)
                    wrong += bool(findings)
                    for finding in findings:
                        console.out.print(f"{dataset.name} {day}: {describe(finding)}", soft_wrap=True)
                shown.update(task, advance=1)
                if len(found) >= _KEPT_EVERY:
                    _keep(store, dataset, found)
                    found.clear()
        finally:
            _keep(store, dataset, found)
    _conclude(dataset, checks.days(dataset.name), len(days), wrong, unreadable)
    return wrong + unreadable


def _keep(store: ParquetStore, dataset: Dataset, found: Mapping[str, CheckedDay]) -> None:
    """Remember what was found, where the store may be written."""
    try:
        keep(store, dataset.name, found)
    except PermissionError as error:
        console.warn(f"{dataset.name}: not remembered for the next time, since the store may only be read: {error}")


def _conclude(dataset: Dataset, stored: Sequence[str], days: int, wrong: int, unreadable: int) -> None:
    if not days:
        console.out.print(f"{dataset.name}: {none_of(stored)}")
        return
    of = console.counted(days, "day")
    verdict = f"findings on {wrong} of {of}" if wrong else f"{of}, nothing that the stored days beside them contradict"
    if unreadable:
        verdict += f"; {console.counted(unreadable, 'day')} could not be compared"
    console.out.print(f"{dataset.name}: {verdict}", soft_wrap=True)


def describe(finding: CrossFinding) -> str:
    """A finding in one line, with its ten worst."""
    count = f"{finding.count:,} of {finding.of:,}" if finding.of > 1 else ""
    said = f"{finding.rule} (against {finding.against}){': ' if count else ''}{count}"
    worst = "; ".join(_row(each) for each in finding.worst)
    rule = CROSS_RULES.get(finding.rule)
    return f"{said}. {rule.finds if rule else ''}{f' {worst}' if worst else ''}"


def _row(values: Mapping[str, Any]) -> str:
    ticker = f"{values['ticker']} " if "ticker" in values else ""
    rest = ", ".join(f"{name} {_value(value)}" for name, value in values.items() if name != "ticker")
    return f"{ticker}({rest})"


def _value(value: Any) -> str:
    if value is None:
        return "-"
    return value if isinstance(value, str) else f"{value:,}"
