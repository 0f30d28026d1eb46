"""Agreement: one asset that holds stored datasets against each other, with a check for each of them.

Belongs here: the asset, its checks and the sensor that refreshes them. Does not: comparing (``reading.cross``). Why
the checks are not on the datasets' own assets is told in ``docs/adr``.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import dagster as dg

from polygon_assets.datasets import Dataset
from polygon_assets.errors import StoreError, StoreUnreachableError
from polygon_assets.ingest import ParquetStore
from polygon_assets.orchestration.assets.coverage import INTERVAL_SECONDS, newest_event
from polygon_assets.orchestration.resources import STORE
from polygon_assets.orchestration.scope import Scope
from polygon_assets.orchestration.watching.active_runs import UNFINISHED
from polygon_assets.orchestration.watching.new_day_rules import read_cursor
from polygon_assets.orchestration.watching.new_day_sensors import PRIORITY_TAG
from polygon_assets.reading.cross.checking import CrossChecks
from polygon_assets.reading.cross.cross_rules import CROSS_RULES
from polygon_assets.reading.cross.ledger import CheckedDay, keep, read_ledger, unchecked_days
from polygon_assets.settings import Settings
from polygon_assets.wording import counted

DAYS = 20
"""Stored days of each dataset that are checked and shown, unless a run asks for more."""
_POOL = "polygon_agreement"
_SENSOR = "refresh_agreement"
_BEHIND_NEW_DAYS = "-10"
_LINES_SHOWN = 50
_COLUMNS = [
    dg.TableColumn("day", "string", "The stored day."),
    dg.TableColumn("rule", "string", "Which rule it breaks: docs/data-dictionary.md."),
    dg.TableColumn("against", "string", "The dataset or the day that it was compared with."),
    dg.TableColumn("count", "int", "Tickers, or underlyings, that break it."),
    dg.TableColumn("of", "int", "How many there are."),
    dg.TableColumn("worst", "string", "The worst of them."),
]


def build_agreement(settings: Settings, assets: Sequence[dg.AssetsDefinition], scope: Scope) -> dg.AssetsDefinition:
    """The asset, with a check for each dataset that is chosen; ``assets`` are those of the datasets."""
    key = scope.key("agreement")
    plain = dg.AssetSpec(
        key,
        deps=[asset.key for asset in assets],
        description="Do the stored datasets agree with each other: bars with minutes, minutes with trades and the "
        f"closing bell, each day with the one before? Looks at the last {DAYS} stored days where their files are new. "
        "`last: 250` looks further back. A finding changes nothing of what is stored.",
        kinds={"python"},
        group_name="overview",
    )
    spec = scope.translate("agreement", None, plain)

    @dg.multi_asset(
        name=scope.named("agreement"),
        specs=[spec],
        check_specs=[_check_spec(spec.key, dataset) for dataset in settings.chosen],
        pool=_POOL,
        required_resource_keys=scope.resource_keys(STORE),
        config_schema={"last": dg.Field(int, default_value=DAYS, description="Stored days of each dataset.")},
    )
    def agreement(context: dg.AssetExecutionContext) -> Iterator[Any]:
        store = scope.resources(context.resources).store.store()
        last = max(1, int(context.op_execution_context.op_config["last"]))
        checks, figures = CrossChecks(store, settings.extra_closures), dict[str, Any]()
        results = []
        for dataset in settings.chosen:
            unreadable = _check_days(context, store, checks, dataset, last)
            known = read_ledger(store, dataset.name)
            shown = {day: known[day] for day in checks.days(dataset.name)[-last:] if day in known}
            results.append(_result(spec.key, dataset, shown, unreadable))
            figures[f"{dataset.name}/days"] = len(shown)
            figures[f"{dataset.name}/findings"] = sum(len(each.findings) for each in shown.values())
        yield dg.MaterializeResult(asset_key=spec.key, metadata=figures, check_results=results)

    return agreement


def _check_spec(key: dg.AssetKey, dataset: Dataset) -> dg.AssetCheckSpec:
    others = f"{dataset.made_of}, " if dataset.made_of else ""
    return dg.AssetCheckSpec(
        dataset.name,
        asset=key,
        description=f"The last stored days of {dataset.name} agree with {others}the days before them.",
    )


def _check_days(
    context: dg.AssetExecutionContext, store: ParquetStore, checks: CrossChecks, dataset: Dataset, last: int
) -> dict[str, str]:
    """Check what was not checked, and keep what was found; the days that could not be read, with why."""
    unreadable: dict[str, str] = {}
    found: dict[str, CheckedDay] = {}
    try:
        for day in unchecked_days(store, checks, dataset, last):
            try:
                findings = checks.check(dataset, day)
            except StoreUnreachableError:
                raise
            except StoreError as error:
                unreadable[day] = str(error)
                context.log.warning(f"{dataset.name} {day}: {error}")
                continue
            found[day] = CheckedDay(checks.fingerprint(dataset, day), findings)
            for each in findings:
                context.log.warning(f"{dataset.name} {day}: {each.rule}: {each.count:,} of {each.of:,}")
    finally:
        keep(store, dataset.name, found)
    return unreadable


def _result(
    key: dg.AssetKey, dataset: Dataset, shown: dict[str, CheckedDay], unreadable: dict[str, str]
) -> dg.AssetCheckResult:
    """What is shown of a dataset; every text in it stands in a table, where the web interface shows it as it is."""
    lines = [
        dg.TableRecord(
            {
                "day": day,
                "rule": each.rule,
                "against": each.against,
                "count": each.count,
                "of": each.of,
                "worst": "; ".join(", ".join(f"{name} {value}" for name, value in row.items()) for row in each.worst),
            }
        )
        for day in sorted(shown, reverse=True)
        for each in shown[day].findings
    ]
    rules = sorted({str(each.data["rule"]) for each in lines})
    looked_at = counted(len(shown), "day")
    said = f"{counted(len(lines), 'finding')} on {looked_at}: {', '.join(rules)}" if lines else f"agreeing: {looked_at}"
    metadata: dict[str, Any] = {"days": len(shown), "findings": len(lines)}
    if lines:
        metadata["days_and_worst"] = dg.MetadataValue.table(lines[:_LINES_SHOWN], dg.TableSchema(columns=_COLUMNS))
        metadata |= {f"{rule}/finds": CROSS_RULES[rule].finds for rule in rules if rule in CROSS_RULES}
    if unreadable:
        metadata["not_readable"] = dg.MetadataValue.text("; ".join(unreadable.values()))
        said += f"; {len(unreadable)} could not be read"
    return dg.AssetCheckResult(
        asset_key=key,
        check_name=dataset.name,
        passed=not lines and not unreadable,
        severity=dg.AssetCheckSeverity.WARN,
        description=said,
        metadata=metadata,
    )


def build_agreement_sensor(
    agreement: dg.AssetsDefinition, assets: Sequence[dg.AssetsDefinition], scope: Scope
) -> dg.SensorDefinition:
    """Asks for the checks when days or splits, the ``assets``, were stored since the last ones, and no more will be."""
    read = [asset.key for asset in assets]
    waited_for = {agreement.key, *read}

    @dg.sensor(
        name=scope.named(_SENSOR),
        target=agreement,
        minimum_interval_seconds=INTERVAL_SECONDS,
        default_status=scope.sensor_status,
        description="Holds stored datasets against each other after new days and splits.",
    )
    def refresh_agreement(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        newest = newest_event(context.instance, read)
        if newest in (0, read_cursor(context.cursor, int, 0)):  # one ahead is of a history that was replaced
            return dg.SensorResult(skip_reason="Nothing was stored since the last comparison.")
        runs = context.instance.get_runs(dg.RunsFilter(statuses=UNFINISHED))
        if any(waited_for & set(run.asset_selection or ()) for run in runs):
            return dg.SensorResult(skip_reason="More days are on their way, or are being compared.")
        request = dg.RunRequest(asset_selection=[agreement.key], tags={PRIORITY_TAG: _BEHIND_NEW_DAYS})
        return dg.SensorResult(run_requests=[request], cursor=str(newest))

    return refresh_agreement
