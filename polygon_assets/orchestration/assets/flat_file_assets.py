"""Assets: one for each row of the table, and upstream of it the vendor's files.

Belongs here: how days become events. Does not: what an event shows (``metadata``) or judges (``checks``).
"""

import asyncio
import contextlib
from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from functools import partial

import dagster as dg

from polygon_assets.datasets import Dataset
from polygon_assets.errors import NotATradingDayError, NotReplacedError, ReplacedWhileReadError, StoreError
from polygon_assets.ingest import DayResult, DayStatus, ParquetStore, ingest_days
from polygon_assets.ingest.results import STORED, describe, stored_result
from polygon_assets.orchestration.assets.checks import check_specs, day_checks, unreadable
from polygon_assets.orchestration.assets.metadata import (
    Extract,
    asset_metadata,
    asset_tags,
    day_extracts,
    day_metadata,
    derived_lineage,
    run_metadata,
    source_metadata,
)
from polygon_assets.orchestration.dagster_internals import leave_missing, log_event, outputs_of_checks
from polygon_assets.orchestration.partitions import first_partition
from polygon_assets.orchestration.resources import CATALOG, DOWNLOADER, STORE
from polygon_assets.orchestration.scope import Scope
from polygon_assets.orchestration.watching.active_runs import covered
from polygon_assets.orchestration.watching.freshness import (
    due_day,
    evaluate_freshness,
    freshness_spec,
    is_outside_plan,
)
from polygon_assets.orchestration.watching.new_day_sensors import Clock, sensor_name
from polygon_assets.store.row_counts import RowCounts
from polygon_assets.store.verifying import is_as_published
from polygon_assets.wording import counted

GROUP = "market_data"
SOURCE_GROUP = "flat_files"

OnResult = Callable[[str, DayResult], None]


class IngestConfig(dg.Config):
    """What can be chosen for one run in the launchpad."""

    overwrite: bool = False
    """Fetch and convert again, even where the stored day is up to date or the source was refused before."""


def build_source(dataset: Dataset, scope: Scope) -> dg.AssetSpec:
    """The vendor's files of a dataset, for lineage.

    Without partitions: Dagster hears of no file before it is ingested, and would show all of them as missing.
    """
    plain = dg.AssetSpec(
        scope.key("flat_files", dataset.name),
        description=f"The vendor's daily files: {dataset.title}.",
        kinds={"s3", "csv"},
        group_name=SOURCE_GROUP,
        metadata=source_metadata(dataset),
    )
    return scope.translate("source", dataset, plain)


def build_asset(
    dataset: Dataset,
    partitions: dg.DailyPartitionsDefinition,
    source: dg.AssetSpec,
    scope: Scope,
    *,
    store_kinds: AbstractSet[str] = frozenset(),
    on_result: OnResult | None,
    clock: Clock,
) -> dg.AssetsDefinition:
    """The asset of a dataset; ``on_result`` is called with each day's result as it ends, beside Dagster's log."""
    plain = dg.AssetSpec(
        scope.key(dataset.name),
        deps=[source],
        description=_description(dataset),
        partitions_def=partitions,
        kinds={"parquet", "python", *store_kinds},
        group_name=GROUP,
        metadata=asset_metadata(dataset),
        tags=asset_tags(dataset),
        skippable=True,
    )
    spec = scope.translate("days", dataset, plain)
    lineage = derived_lineage(dataset, source.key)

    @dg.multi_asset(
        name=scope.named(dataset.name),
        specs=[spec],
        check_specs=[*check_specs(spec.key, partitions), freshness_spec(spec.key)],
        can_subset=True,
        backfill_policy=dg.BackfillPolicy.multi_run(dataset.days_per_run),
        pool=scope.pool,
        required_resource_keys=scope.resource_keys(CATALOG, DOWNLOADER, STORE),
    )
    async def flat_file_days(context: dg.AssetExecutionContext, config: IngestConfig):  # type: ignore[no-untyped-def]  # noqa: ANN202 (Dagster takes it for an output's type)
        resources = scope.resources(context.resources)
        catalog, store = resources.catalog, resources.store
        checked = {check.asset_key for check in context.selected_asset_check_keys}
        (key,) = context.selected_asset_keys or checked  # someone may have renamed the asset since

        def report(result: DayResult) -> None:
            (context.log.warning if result.warning or result.error else context.log.info)(describe(result))
            if on_result:
                on_result(dataset.name, result)

        parquet = store.store()
        fresh = partial(
            evaluate_freshness,
            context.instance,
            key,
            due_day(catalog.get_calendar(dataset.name), first_partition(partitions), clock()),
            is_refused=is_outside_plan(context.instance, scope.named(sensor_name(dataset)), clock()),
        )
        if not context.selected_asset_keys:
            _check_stored(context, key, dataset, parquet, fresh())
            for output in outputs_of_checks(context):
                yield output
            return
        async with resources.downloader.open() as client:
            results = await ingest_days(
                dataset.name,
                _days(context, dataset),
                catalog=catalog,
                downloader=client,
                store=parquet,
                on_result=report,
                overwrite=config.overwrite,
                keep_raw=store.keep_raw,
                limits=store.limits(),
                row_filter=store.row_filter(dataset.name),
            )
            of_the_run = run_metadata(context.run.run_id, client.get_statistics()) | lineage
        stored = [result.day for result in results if result.status in STORED]
        extracts = await asyncio.to_thread(day_extracts, parquet, dataset.name, stored)
        kept = [each.day for each in results if each.status is DayStatus.UNCHANGED or _was_kept(each)]
        problems = await asyncio.to_thread(_read_again, parquet, dataset.name, kept)
        counts = RowCounts(parquet, dataset.name)
        if _record(context, key, results, of_the_run, extracts, counts, problems, fresh(stored)):
            yield dg.MaterializeResult(asset_key=key)
        for output in outputs_of_checks(context):
            yield output

    return flat_file_days


def _days(context: dg.AssetExecutionContext, dataset: Dataset) -> Sequence[str]:
    """The trading days of this run; for a closed day Dagster silently gives the next session, which nobody asked for.

    Raises:
        NotATradingDayError: a day was asked for on which the exchange was closed.
    """
    first, last = covered(context.run.tags)
    if first <= last and not all(first <= day <= last for day in context.partition_keys):
        raise NotATradingDayError(first, dataset.calendar)
    return list(context.partition_keys)


def _was_kept(result: DayResult) -> bool:
    """Was a stored day to be replaced, and could not be?"""
    return isinstance(result.error, NotReplacedError)


def _read_again(store: ParquetStore, dataset: str, days: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """What is wrong with the bytes of each stored day: an unchanged footer alone would certify a corrupt file.

    Nothing is said of a day that another process goes on replacing.
    """
    problems = {}
    for day in days:
        with contextlib.suppress(ReplacedWhileReadError):
            problems[day] = is_as_published(store, dataset, day)
    return problems


def _record(
    context: dg.AssetExecutionContext,
    key: dg.AssetKey,
    results: Sequence[DayResult],
    of_the_run: dict[str, object],
    extracts: Mapping[str, Extract],
    row_counts: RowCounts,
    problems: Mapping[str, Sequence[str]],
    freshness: dg.AssetCheckEvaluation,
) -> bool:
    """Write the events of each day; True when every day is stored and the output may be yielded.

    A yielded output marks every partition of the run, so where one is not stored the good ones are logged alone.
    """
    stored = [result for result in results if result.status in STORED]
    complete = len(stored) == len(results)
    for result in stored:
        metadata = {**day_metadata(result), **extracts[result.day], **of_the_run}
        if complete:
            context.add_asset_metadata(metadata, asset_key=key, partition_key=result.day)
        else:
            log_event(context, dg.AssetMaterialization(key, partition=result.day, metadata=metadata))
    for evaluation in (
        each for result in results for each in day_checks(key, result, row_counts, problems.get(result.day))
    ):
        log_event(context, evaluation)
    log_event(context, freshness)
    failed = [result for result in results if result.status not in STORED | {DayStatus.NOT_PUBLISHED_YET}]
    if failed:
        for result in results:
            if result.status is DayStatus.NOT_PUBLISHED_YET:
                leave_missing(context, key, result.day)
        raise dg.Failure(
            f"{len(failed)} of {counted(len(results), 'day')} failed: " + "; ".join(describe(each) for each in failed),
            metadata={each.day: describe(each) for each in failed},
            allow_retries=False,
        )
    return complete


def _check_stored(
    context: dg.AssetExecutionContext,
    key: dg.AssetKey,
    dataset: Dataset,
    store: ParquetStore,
    freshness: dg.AssetCheckEvaluation,
) -> None:
    """Evaluate the checks alone, from what is stored: nothing is fetched."""
    log_event(context, freshness)
    ranged = context.has_partition_key or context.has_partition_key_range
    row_counts = RowCounts(store, dataset.name)
    for day in context.partition_keys if ranged else ():
        try:
            result = stored_result(store, dataset.name, day)
        except StoreError as error:
            log_event(context, unreadable(key, day, str(error)))
            continue
        problems = is_as_published(store, dataset.name, day) if result else ()
        for evaluation in day_checks(key, result, row_counts, problems) if result else ():
            log_event(context, evaluation)


def _description(dataset: Dataset) -> str:
    derived = dataset.derived.description if dataset.derived else ""
    return (
        f"{dataset.title}, from the vendor's daily files, checked and typed {derived}".rstrip()
        + f". Prices are not adjusted; tickers are renamed and reused over the years; {dataset.absent_rows} "
        "has no row; extended hours are included."
    )
