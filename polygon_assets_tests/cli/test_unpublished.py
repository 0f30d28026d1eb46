"""Days that the bucket lacks: one line for a range, oldest first, true at every age."""

import datetime as dt

from polygon_assets.calendars import trading_calendar
from polygon_assets.cli.console import counted
from polygon_assets.cli.work.unpublished import Lateness, refused_ranges, unpublished_ranges
from polygon_assets.datasets import DATASETS
from polygon_assets.errors import AccessDeniedError
from polygon_assets.ingest import DayResult, DayStatus

NOW = dt.datetime(2026, 11, 20, 12, tzinfo=dt.UTC)
"""A Friday, before the file of the Thursday is due."""
LACKING = DayStatus.NOT_PUBLISHED_YET


def ranges(*days: str, stored: tuple[str, ...] = ()) -> list[tuple[Lateness, str]]:
    results = [DayResult(day=day, status=LACKING, source_key="", uri="") for day in days]
    results += [DayResult(day=day, status=DayStatus.UNCHANGED, source_key="", uri="") for day in stored]
    found = unpublished_ranges(results, trading_calendar("XNYS"), NOW)
    return [(each.lateness, each.describe(DATASETS["stocks_daily"])) for each in found]


def test_a_range_is_one_line_and_stored_days_part_ranges() -> None:
    found = ranges("2024-01-05", "2024-01-02", "2024-01-03", stored=("2024-01-04",))
    assert [lateness for lateness, _ in found] == [Lateness.LACKING] * 2
    assert found[0][1].startswith("2024-01-02 to 2024-01-03: 2 days not published: the bucket has no file of them")
    assert found[1][1].startswith("2024-01-05: not published: the bucket has no file of it")
    assert "yet" not in found[0][1]


def test_days_that_may_still_come() -> None:
    assert ranges("2026-11-19", "2026-11-18", "2026-11-17") == [
        (
            Lateness.LATE,
            "2026-11-17 to 2026-11-18: 2 days not published yet, the last was expected by 11:00 New York on 2026-11-19",
        ),
        (Lateness.NOT_DUE, "2026-11-19: not published yet, expected by 11:00 New York on 2026-11-20"),
    ]


def test_a_day_without_trading_is_nobodys_failure() -> None:
    assert ranges("2024-01-06") == [
        (Lateness.NO_SESSION, "2024-01-06: not published: the calendar knows no trading then")
    ]


def test_one_is_not_many() -> None:
    """``1 days`` and ``1 years`` were said."""
    assert [counted(number, "day") for number in (0, 1, 2, 1200)] == ["0 days", "1 day", "2 days", "1,200 days"]


def test_nothing_is_said_of_stored_days() -> None:
    assert ranges(stored=("2024-01-02",)) == []


def test_each_day_that_a_plan_refuses_once_had_seventy_words() -> None:
    days = ["2024-01-02", "2024-01-03", "2024-01-05"]
    results = [
        DayResult(
            day=day,
            status=DayStatus.NOT_ENTITLED,
            source_key="",
            uri="",
            error=AccessDeniedError("flatfiles", day, "the service answered 403 AccessDenied"),
        )
        for day in reversed(days)
    ]
    results.append(DayResult(day="2024-01-04", status=DayStatus.PUBLISHED, source_key="", uri=""))
    assert refused_ranges(results) == [
        "2024-01-02 to 2024-01-03: 2 days not entitled: the service answered 403 AccessDenied",
        "2024-01-05: not entitled: the service answered 403 AccessDenied",
        AccessDeniedError.remedy,
    ]
    assert refused_ranges(results[-1:]) == []
