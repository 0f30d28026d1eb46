"""Two commands that record the same days at once: the second once failed with UNIQUE constraint failed."""

import dagster as dg
import pytest

from polygon_assets.orchestration.dagster_internals import report_evaluation

KEY = dg.AssetKey("stocks_daily")


def test_a_result_that_another_process_reports_in_between(monkeypatch: pytest.MonkeyPatch) -> None:
    with dg.instance_for_test() as instance:
        evaluation = dg.AssetCheckEvaluation(
            asset_key=dg.AssetKey("stocks_daily"),
            check_name="readable",
            passed=True,
            metadata={},
            partition="2024-01-02",
        )
        report, calls = instance.report_runless_asset_event, list[int]()

        def beaten_twice(event: dg.AssetCheckEvaluation) -> None:
            calls.append(1)
            if len(calls) <= 2:
                report(event)  # the other process
            report(event)

        monkeypatch.setattr(instance, "report_runless_asset_event", beaten_twice)
        report_evaluation(instance, evaluation)
        assert len(calls) == 3
        history = instance.event_log_storage.get_asset_check_execution_history(
            dg.AssetCheckKey(KEY, "readable"), limit=10
        )
        assert len(history) == 1
