"""Notifications: a failed run and an overdue dataset, told to a webhook and to services; off unless one is set.

Belongs here: what is sent and when. Does not: judging what is late (``freshness``), or
delivering it (``webhook``, ``apprise_services``).
"""

import json
import time
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet

import dagster as dg

from polygon_assets.orchestration.resources import WEBHOOK
from polygon_assets.orchestration.scope import Scope
from polygon_assets.orchestration.watching.active_runs import covered
from polygon_assets.orchestration.watching.freshness import Watched, has_arrived, outside_plan
from polygon_assets.orchestration.watching.new_day_rules import read_cursor
from polygon_assets.orchestration.watching.new_day_sensors import Clock

_INTERVAL_SECONDS = 600
_CAUSE_LENGTH = 2000
_TELLING_SECONDS = 30.0
"""After which a tick begins no other message: Dagster gives up a tick of a minute, and forgets what it has told."""


def build_failure_sensor(assets: Sequence[dg.AssetsDefinition], scope: Scope) -> dg.SensorDefinition:
    """Tells of each failed run of ``assets``: which datasets, which days, and why. It tells of no other runs."""
    own = {key for asset in assets for key in asset.keys}
    steps = {asset.node_def.name for asset in assets}

    def notify_failed_runs(told: dg.RunStatusSensorContext, **_: object) -> None:  # invoked in a test, it is given some
        context = told.for_run_failure()
        run = context.dagster_run
        failures = context.get_step_failure_events()
        if not (own & run.asset_selection if run.asset_selection else _concerns(steps, failures)):
            return
        first, last = covered(run.tags)
        selected = {key.to_user_string() for key in run.asset_selection or ()}
        datasets = sorted(selected or {str(event.step_key) for event in failures})
        displayed = "\n".join(event.step_failure_data.error_display_string for event in failures)
        cause = (displayed or context.failure_event.message or "")[:_CAUSE_LENGTH]
        days = "" if first is None else f" {first}" if first == last else f" {first} to {last}"
        message = {
            "event": "run_failed",
            "run_id": run.run_id,
            "datasets": datasets,
            "first_day": first,
            "last_day": last,
            "cause": cause,
            "text": f"Run {run.run_id[:8]} failed: {', '.join(datasets)}{days}\n{cause}".strip(),
        }
        scope.resources(told.resources).webhook.post(message, told.log)

    return dg.RunStatusSensorDefinition(  # the decorator knows resources by fixed names only
        scope.named("notify_failed_runs"),
        dg.DagsterRunStatus.FAILURE,
        notify_failed_runs,
        description="Tells of each failed run, by webhook and services.",
        default_status=scope.sensor_status,
        required_resource_keys=scope.resource_keys(WEBHOOK),
    )


def _concerns(steps: AbstractSet[str], failures: Sequence[dg.DagsterEvent]) -> bool:
    """Is one of ``steps`` what failed, or is it not known what did?"""
    return not failures or any(str(event.step_key).partition("[")[0] in steps for event in failures)


def build_overdue_sensor(watched: Mapping[str, Watched], scope: Scope, clock: Clock) -> dg.SensorDefinition:
    """Tells once of each day that is overdue; ``watched`` has each dataset by its name."""

    @dg.sensor(
        name=scope.named("notify_overdue"),
        minimum_interval_seconds=_INTERVAL_SECONDS,
        default_status=scope.sensor_status,
        required_resource_keys=scope.resource_keys(WEBHOOK),
        description="Tells of each dataset whose newest day is past its deadline, by webhook and services.",
    )
    def notify_overdue(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        webhook = scope.resources(context.resources).webhook
        told: dict[str, str] = read_cursor(context.cursor, _told, {})
        overdue, now, began = [], clock(), time.monotonic()
        refused = outside_plan(context.instance, watched, now)
        for name, each in watched.items():
            day = each.due(now)
            if day is None or name in refused or told.get(name) == day.isoformat():
                continue
            if has_arrived(context.instance, each.key, day):
                continue
            overdue.append(f"{name} {day}")
            if time.monotonic() - began > _TELLING_SECONDS:
                continue
            message = {"event": "overdue", "dataset": each.key.to_user_string(), "day": day.isoformat()}
            message["text"] = f"Overdue: {message['dataset']} {day}"
            if webhook.post(message, context.log):
                told[name] = day.isoformat()
        reason = f"Overdue: {', '.join(overdue)}." if overdue else "Nothing new is overdue."
        return dg.SensorResult(skip_reason=reason, cursor=json.dumps(told))

    return notify_overdue


def _told(cursor: str) -> dict[str, str]:
    return dict(json.loads(cursor))
