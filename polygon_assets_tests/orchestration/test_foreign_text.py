"""What a file holds is shown as text: nothing of it becomes Markdown, which the web interface renders."""

import ast
from collections.abc import Iterator
from typing import Any

import dagster as dg

from polygon_assets_tests.foreign_text import hostile_day, hostile_header, hostile_tickers
from polygon_assets_tests.platforms import Platform
from polygon_assets_tests.project import ROOT

URL = "http://stranger.invalid"
DAYS = ["2026-11-04", "2026-11-05", "2026-11-06"]


def every_metadata(platform: Platform) -> Iterator[dg.MetadataValue[Any]]:
    """All that the events of all runs show."""
    for run in platform.instance.get_runs():
        for entry in platform.instance.all_logs(run.run_id):
            data: Any = entry.dagster_event.event_specific_data if entry.dagster_event else None
            for holder in (
                getattr(data, "materialization", None),
                data if isinstance(data, dg.AssetCheckEvaluation) else None,
                getattr(data, "user_failure_data", None),
            ):
                yield from (holder.metadata if holder else {}).values()


def test_markdown_in_tickers_and_columns_stays_text(platform: Platform) -> None:
    """A ticker ``![](/graphql?query=mutation…)`` once started a run when someone looked at the day."""
    for day in DAYS[:2]:
        platform.put("stocks_daily", day, hostile_day("stocks_daily", day, URL))
    platform.put("stocks_daily", DAYS[2], hostile_header(URL))
    assert not platform.run("stocks_daily", DAYS).success
    found = list(every_metadata(platform))
    hostile = [value for value in found if "![](" in repr(value)]
    assert {type(value).__name__ for value in hostile} == {"TableMetadataValue", "TextMetadataValue"}
    assert [value for value in found if isinstance(value, dg.MarkdownMetadataValue)] == []
    said = [
        str(entry.dagster_event.asset_check_evaluation_data.description)
        for run in platform.instance.get_runs()
        for entry in platform.instance.all_logs(run.run_id, of_type=dg.DagsterEventType.ASSET_CHECK_EVALUATION)
        if entry.dagster_event
    ]
    assert any("markdown" in each for each in said)
    assert not [each for each in said if set("[]<>") & set(each)], "descriptions are rendered as Markdown"
    shown = platform.metadata("stocks_daily", DAYS[0])["preview"].records
    assert {record.data["ticker"] for record in shown} >= set(hostile_tickers(URL))


def test_markdown_is_made_of_nothing_but_our_own_text() -> None:
    """``coverage`` alone needs it, for its picture; who adds another place decides here what may stand in it."""
    places = set()
    for path in [*(ROOT / "polygon_assets").rglob("*.py"), *(ROOT / "examples").rglob("*.py")]:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Attribute) and node.attr in {"md", "MarkdownMetadataValue"}:
                places.add(str(path.relative_to(ROOT)))
    assert places == {"polygon_assets/orchestration/assets/coverage.py"}
