"""Freshness: a dataset whose newest day has not arrived by its deadline is visibly overdue.

Belongs here: the deadline, the check that shows it, and the sensor that keeps the check true. Does not: telling
anyone (``notifications``). Why these are not Dagster's own freshness checks is told in ``docs/adr``.
"""

import datetime as dt
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from zoneinfo import ZoneInfo

import dagster as dg

from polygon_assets.calendars import TradingCalendar, trading_calendar
from polygon_assets.datasets import NEW_YORK
from polygon_assets.orchestration.dagster_internals import report_evaluation, sensor_cursors
from polygon_assets.orchestration.scope import Scope
from polygon_assets.orchestration.watching.new_day_rules import Memory
from polygon_assets.orchestration.watching.new_day_sensors import INTERVAL_SECONDS, Clock

CHECK = "freshness_check"
DEADLINE = dt.time(12, 30)
"""New York time, on the day after the trading day."""
_DUE = "due_day"


@dataclass(frozen=True)
class Watched:
    """A dataset whose newest day is waited for."""

    calendar: TradingCalendar
    """As it was when the code location was loaded."""
    extra_closures: frozenset[dt.date]
    key: dg.AssetKey
    """Of its asset."""
    first: dt.date
    """The first partition."""
    sensor: str
    """Name of the one that asks for its new days."""

    def due(self, now: dt.datetime) -> dt.date | None:
        """The newest trading day that is due at ``now``, by a calendar of that time."""
        current = trading_calendar(self.calendar.name, self.extra_closures, now.date())
        return due_day(current, self.first, now)


def outside_plan(instance: dg.DagsterInstance, watched: Mapping[str, Watched], now: dt.datetime) -> frozenset[str]:
    """Those of the ``watched`` datasets that the vendor refused when their sensors asked last."""
    cursors = sensor_cursors(instance)
    return frozenset(name for name, each in watched.items() if _refused(cursors.get(each.sensor, ()), now))


def is_outside_plan(instance: dg.DagsterInstance, sensor: str, now: dt.datetime) -> bool:
    """Did the vendor refuse the dataset of ``sensor`` when that asked last?"""
    return _refused(sensor_cursors(instance).get(sensor, ()), now)


def _refused(cursors: Collection[str | None], now: dt.datetime) -> bool:
    """In each code location that has the sensor, one at least."""
    moment = now.timestamp()
    return bool(cursors) and all(Memory.load(cursor, moment).is_outside_plan(moment) for cursor in cursors)


def freshness_spec(key: dg.AssetKey) -> dg.AssetCheckSpec:
    """The check of a dataset as a whole; each run evaluates it, and the sensor when its answer changes."""
    return dg.AssetCheckSpec(
        CHECK,
        asset=key,
        description=f"The newest day has arrived by {DEADLINE:%H:%M} New York on the day after it.",
    )


def due_day(calendar: TradingCalendar, first: dt.date, now: dt.datetime) -> dt.date | None:
    """The newest trading day from ``first`` on whose deadline has passed at ``now``; None where there is none yet."""
    local = now.astimezone(ZoneInfo(NEW_YORK))
    last = local.date() - dt.timedelta(1 if local.time() >= DEADLINE else 2)
    sessions = calendar.between(first, last) if first <= last else ()
    return sessions[-1] if sessions else None


def has_arrived(instance: dg.DagsterInstance, key: dg.AssetKey, day: dt.date) -> bool:
    """Is the partition of ``day`` materialised?"""
    asked = dg.AssetRecordsFilter(asset_key=key, asset_partitions=[day.isoformat()])
    return bool(instance.fetch_materializations(asked, limit=1).records)


def evaluate_freshness(
    instance: dg.DagsterInstance,
    key: dg.AssetKey,
    due: dt.date | None,
    stored_now: Collection[str] = (),
    *,
    is_refused: bool = False,
) -> dg.AssetCheckEvaluation:
    """Is ``due`` there, among the materialised partitions or the days ``stored_now`` by the run that asks?

    ``is_refused``: the dataset is not in the plan, so that no day of it is waited for.
    """
    arrived = due is not None and (due.isoformat() in stored_now or has_arrived(instance, key, due))
    passed = arrived or due is None or is_refused
    if arrived:
        description = f"{due} has arrived."
    elif due is None:
        description = "Nothing is due yet."
    elif is_refused:
        description = "It is not in your plan, as the vendor answered its sensor: no day is waited for."
    else:
        description = f"{due} is overdue: expected by {DEADLINE:%H:%M} New York on {due + dt.timedelta(1)}."
    return dg.AssetCheckEvaluation(
        asset_key=key,
        check_name=CHECK,
        passed=passed,
        severity=dg.AssetCheckSeverity.WARN,
        description=description,
        metadata={_DUE: dg.MetadataValue.text(str(due))},
    )


def build_freshness_sensor(watched: Mapping[str, Watched], scope: Scope, clock: Clock) -> dg.SensorDefinition:
    """Keeps every dataset's check true without a run, and says when partitions have outlived their calendar."""

    @dg.sensor(
        name=scope.named("freshness"),
        minimum_interval_seconds=INTERVAL_SECONDS,
        default_status=scope.sensor_status,
        description=f"Marks datasets overdue whose newest day is not there by {DEADLINE:%H:%M} New York.",
    )
    def freshness(context: dg.SensorEvaluationContext) -> dg.SkipReason:
        overdue, now = [], clock()
        refused = outside_plan(context.instance, watched, now)
        for name, each in watched.items():
            evaluation = evaluate_freshness(context.instance, each.key, each.due(now), is_refused=name in refused)
            if not _is_shown(context.instance, evaluation):
                report_evaluation(context.instance, evaluation)
            if not evaluation.passed:
                overdue.append(f"{name}: {evaluation.description}")
        end = min(each.calendar.end for each in watched.values())
        if now.date() > end:
            context.log.warning(
                f"This process knows the exchange's holidays up to {end} only, so that later ones are shown as missing "
                "partitions. Reload the code location (Deployment, Reload) or start the platform again."
            )
        return dg.SkipReason(" ".join(overdue) or "Every dataset is up to date.")

    return freshness


def _is_shown(instance: dg.DagsterInstance, evaluation: dg.AssetCheckEvaluation) -> bool:
    """Does the UI show this already? A run that ended before evaluating leaves the check without an answer."""
    key = dg.AssetCheckKey(evaluation.asset_key, evaluation.check_name)
    latest = instance.event_log_storage.get_latest_asset_check_execution_by_key([key]).get(key)
    shown = latest.event.dagster_event if latest is not None and latest.event is not None else None
    if shown is None or shown.event_type is not dg.DagsterEventType.ASSET_CHECK_EVALUATION:
        return False
    data = shown.asset_check_evaluation_data
    same = data.passed == evaluation.passed and data.metadata.get(_DUE) == evaluation.metadata[_DUE]
    return same and data.description == evaluation.description
