"""Splits and dividends as assets, and the schedule that refreshes them every morning.

Belongs here: when, and what the UI shows. Does not: asking and storing (``polygon_assets.reference``).
"""

from collections.abc import Iterator, Sequence
from typing import Any

import dagster as dg

from polygon_assets.calendars import trading_calendar
from polygon_assets.datasets import NEW_YORK
from polygon_assets.datasets.stocks import ROWS
from polygon_assets.errors import PolygonAssetsError
from polygon_assets.orchestration.resources import REFERENCE, STORE
from polygon_assets.orchestration.scope import Scope
from polygon_assets.reference.closes import remember_closes
from polygon_assets.reference.events import DIVIDENDS, KINDS, EventKind
from polygon_assets.reference.refreshing import Refreshed, refresh
from polygon_assets.settings import Settings, variable

SCHEDULE = "refresh_reference"
CRON = "30 6 * * *"
"""In New York, before pre-market prices are of after the day's events become of use to anyone."""
_POOL = "polygon_rest_api"
"""Five requests a minute are shared by all who ask."""


def unset_key() -> str:
    """What is said where there is no key."""
    return f"{variable('api_key')} is not set, so splits and dividends are not asked for. All else works without."


def build_reference(settings: Settings, scope: Scope) -> list[dg.AssetsDefinition]:
    """The assets ``splits`` and ``dividends``."""
    return [_build(kind, settings, scope) for kind in KINDS.values()]


def _build(kind: EventKind, settings: Settings, scope: Scope) -> dg.AssetsDefinition:
    plain = dg.AssetSpec(
        scope.key(kind.name),
        description=f"{kind.title}, from the vendor's REST API: one small table. Needs {variable('api_key')}; "
        "refreshed every morning: what is new, and the last 30 days again. `full: true` asks for all of it.",
        kinds={"parquet", "python"},
        group_name="reference",
        skippable=True,
    )

    @dg.multi_asset(
        name=scope.named(kind.name),
        specs=[scope.translate("reference", None, plain)],
        pool=_POOL,
        required_resource_keys=scope.resource_keys(STORE, REFERENCE),
        config_schema={"full": dg.Field(bool, default_value=False, description="Ask for all of the history.")},
    )
    def events(context: dg.AssetExecutionContext) -> Iterator[dg.MaterializeResult[None]]:
        resources = scope.resources(context.resources)
        reference, store = resources.reference, resources.store
        if not reference.has_key:
            context.log.warning(unset_key())
            return
        full, parquet = bool(context.op_execution_context.op_config["full"]), store.store()
        try:
            with reference.open() as api:
                done = refresh(parquet, kind, api, source=reference.address(kind), full=full)
            if kind is DIVIDENDS:
                calendar = trading_calendar(ROWS[0].calendar, settings.extra_closures)
                context.log.info(f"{remember_closes(parquet, calendar.sessions):,} closes before ex-dates are known")
        except PolygonAssetsError as error:
            raise dg.Failure(str(error), allow_retries=False) from error
        yield dg.MaterializeResult(metadata=table_metadata(done))

    return events


def table_metadata(done: Refreshed) -> dict[str, Any]:
    """What is true of a table that was brought up to date."""
    return {
        "dagster/row_count": done.record.rows,
        "dagster/uri": done.uri,
        "source": done.record.source_uri,
        "complete_at": dg.MetadataValue.timestamp(done.record.complete_at),
        "added": done.added,
        "removed": done.removed,
        "pages": done.pages,
        **{f"events/{name}": count for name, count in done.record.findings.items()},
    }


def build_reference_schedule(
    settings: Settings, tables: Sequence[dg.AssetsDefinition], scope: Scope
) -> dg.ScheduleDefinition:
    """Asks for both tables every morning; says so where there is no key."""

    @dg.schedule(
        name=scope.named(SCHEDULE),
        cron_schedule=CRON,
        execution_timezone=NEW_YORK,
        target=list(tables),
        default_status=dg.DefaultScheduleStatus(scope.sensor_status.value),
        description="Refreshes splits and dividends before the market opens.",
    )
    def refresh_reference() -> dg.RunRequest | dg.SkipReason:
        return dg.RunRequest() if settings.api_key else dg.SkipReason(unset_key())

    return refresh_reference
