"""Notifications: a failed run and an overdue dataset, as JSON to a webhook; off unless its URL is set.

Belongs here: what is sent and when. Does not: judging what is late (``freshness``), or
delivering it (``webhook``).
"""

import json
from collections.abc import Mapping

import dagster as dg

from polygon_assets.orchestration.resources import WebhookParam
from polygon_assets.orchestration.watching.active_runs import covered
from polygon_assets.orchestration.watching.freshness import Watched, has_arrived
from polygon_assets.orchestration.watching.new_days import Clock
from polygon_assets.orchestration.watching.plans import read_cursor

_INTERVAL_SECONDS = 600
_CAUSE_LENGTH = 2000


def build_failure_sensor() -> dg.SensorDefinition:
    """Tells of each failed run: which datasets, which days, and why."""

    @dg.run_failure_sensor(
        name="notify_failed_runs",
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Posts each failed run to the webhook.",
    )
    def notify_failed_runs(context: dg.RunFailureSensorContext, webhook: WebhookParam) -> None:
        run = context.dagster_run
        first, last = covered(run.tags)
        failures = context.get_step_failure_events()
        selected = {key.to_user_string() for key in run.asset_selection or ()}
        message = {
            "event": "run_failed",
            "run_id": run.run_id,
            "datasets": sorted(selected or {str(event.step_key) for event in failures}),
            "first_day": first,
            "last_day": last,
            "cause": (
                "\n".join(event.step_failure_data.error_display_string for event in failures)
                or context.failure_event.message
                or ""
            )[:_CAUSE_LENGTH],
        }
        webhook.post(message, context.log)

    return notify_failed_runs


def build_overdue_sensor(watched: Mapping[str, Watched], clock: Clock) -> dg.SensorDefinition:
    """Tells once of each day that is overdue; ``watched`` has each dataset by its name."""

    @dg.sensor(
        name="notify_overdue",
        minimum_interval_seconds=_INTERVAL_SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Posts each dataset whose newest day is past its deadline to the webhook.",
    )
    def notify_overdue(context: dg.SensorEvaluationContext, webhook: WebhookParam) -> dg.SensorResult:
        told: dict[str, str] = read_cursor(context.cursor, _told, {})
        overdue = []
        for name, each in watched.items():
            day = each.due(clock())
            if (
                day is None
                or told.get(name) == day.isoformat()
                or has_arrived(context.instance, dg.AssetKey(name), day)
            ):
                continue
            message = {"event": "overdue", "dataset": name, "day": day.isoformat()}
            if webhook.post(message, context.log):
                told[name] = day.isoformat()
            overdue.append(f"{name} {day}")
        reason = f"Overdue: {', '.join(overdue)}." if overdue else "Nothing new is overdue."
        return dg.SensorResult(skip_reason=reason, cursor=json.dumps(told))

    return notify_overdue


def _told(cursor: str) -> dict[str, str]:
    return dict(json.loads(cursor))
