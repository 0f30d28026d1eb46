"""Assembly: one row of the table after the other becomes partitions, assets and a sensor.

Belongs here: which parts there are, and running some of them in this process. Does not: how any of them works. Tests
and the demo assemble their own.
"""

import re
import warnings
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import dagster as dg
from dagster_shared.utils.warnings import BetaWarning, PreviewWarning

from polygon_assets.calendars import trading_calendar
from polygon_assets.datasets import Dataset, get_dataset
from polygon_assets.errors import InvalidInputError
from polygon_assets.orchestration.assets.agreement import build_agreement, build_agreement_sensor
from polygon_assets.orchestration.assets.coverage import build_coverage, build_coverage_sensor
from polygon_assets.orchestration.assets.flat_file_assets import OnResult, build_asset, build_source
from polygon_assets.orchestration.assets.reference_assets import build_reference, build_reference_schedule
from polygon_assets.orchestration.assets.roll_up_assets import build_by_year, build_by_year_sensor
from polygon_assets.orchestration.partitions import first_partition, partitions_of
from polygon_assets.orchestration.resources import build_resources, without_values
from polygon_assets.orchestration.scope import DEFAULT_OWNERS, DEFAULT_POOL, FlatFilesTranslator, Scope, SensorMode
from polygon_assets.orchestration.watching.apprise_services import require_apprise
from polygon_assets.orchestration.watching.freshness import Watched, build_freshness_sensor
from polygon_assets.orchestration.watching.new_day_sensors import Clock, build_new_days_sensor, utc_now
from polygon_assets.orchestration.watching.notifications import build_failure_sensor, build_overdue_sensor
from polygon_assets.settings import Settings, load_settings

_NOT_IN_NAMES = re.compile(r"\W+", re.ASCII)


def build_defs(
    *,
    datasets: Sequence[str] | str | None = None,
    store: str | None = None,
    key_prefix: str | Sequence[str] | None = None,
    name: str | None = None,
    group_name: str | None = None,
    owners: Sequence[str] = DEFAULT_OWNERS,
    tags: Mapping[str, str] | None = None,
    kinds: Collection[str] | None = None,
    pool: str = DEFAULT_POOL,
    sensors: SensorMode = "on",
    coverage: bool = True,
    roll_ups: bool = True,
    reference: bool = True,
    translator: FlatFilesTranslator | None = None,
    resources: Mapping[str, object] | None = None,
    settings: Mapping[str, object] | None = None,
    standalone: bool = False,
) -> dg.Definitions:
    """The flat files' assets, checks, sensors and resources, to be merged into any project's definitions.

    Nothing is opened, and keys that are not set are no error, until a run or a sensor needs them. Several calls live
    in one code location if their ``key_prefix`` or ``name`` differ. The executor is the project's.

    Args:
        datasets: names and patterns of ``polygon_assets.DATASETS``, such as ``["stocks_daily", "options_*"]``;
            default: the variable POLYGON_DATASETS.
        store: a folder or ``s3://bucket/prefix``; default: POLYGON_STORE.
        key_prefix: before each asset key, upstream ones too; parts may be separated by "/"; default:
            POLYGON_KEY_PREFIX, by which ``polygon-assets ingest`` and ``record`` find the assets again.
        name: before the name of each op, sensor and resource; default: made from the prefix.
        group_name: the group of all assets; default: one for the days, one for the vendor's files, and so on.
        owners: of all assets.
        tags: of all assets, beside those that say what is in them.
        kinds: of all assets, three at most, instead of theirs.
        pool: of the runs that read the vendor's bucket.
        sensors: ``on``: they and schedules run from the start; ``stopped``: they are there; ``off``: they are not.
        coverage: are there assets that draw which days are stored, and that hold the datasets against each other?
        roll_ups: are there assets of yearly files beside datasets of daily bars?
        reference: are there splits and dividends, from the REST API, and a schedule for them?
        translator: has the last word on each asset's specification.
        resources: instead of ``catalog``, ``downloader``, ``store`` or ``webhook``; others are added as they are.
        settings: further fields of ``polygon_assets.settings.Settings``, instead of environment variables.
        standalone: nobody else is in the code location: steps run in the run's process, which saves a second each, and
            no run can choose where an I/O manager writes.

    Raises:
        InvalidInputError: a setting, a name or what the translator returns is invalid; names it.
    """
    given = {"datasets": datasets, "store": store, "key_prefix": key_prefix}
    own = load_settings({**(settings or {}), **{field: value for field, value in given.items() if value is not None}})
    scope = Scope(
        key_prefix=own.key_prefix,
        name=_name(own.key_prefix) if name is None else _valid(name),
        group_name=group_name,
        owners=owners,
        tags=tags or {},
        kinds=None if kinds is None else frozenset(kinds),
        pool=pool,
        sensors=sensors,
        translator=translator or FlatFilesTranslator(),
    )
    return build_definitions(
        own,
        scope=scope,
        resource_overrides=resources,
        coverage=coverage,
        roll_ups=roll_ups,
        reference=reference,
        standalone=standalone,
    )


def _name(prefix: Sequence[str]) -> str:
    return _NOT_IN_NAMES.sub("_", "_".join(prefix))


def _valid(name: str) -> str:
    if name != _NOT_IN_NAMES.sub("_", name):
        raise InvalidInputError(f"build_defs(name={name!r}): only letters, digits and '_' may stand in names")
    return name


def build_definitions(
    settings: Settings,
    *,
    scope: Scope | None = None,
    resource_overrides: Mapping[str, object] | None = None,
    on_result: OnResult | None = None,
    clock: Clock = utc_now,
    coverage: bool = True,
    roll_ups: bool = True,
    reference: bool = True,
    standalone: bool = True,
) -> dg.Definitions:
    """What ``build_defs`` returns, for settings that were read before; ``clock`` tells sensors and checks the time."""
    scope = scope or scope_of(settings)
    with warnings.catch_warnings():
        for noise in (PreviewWarning, BetaWarning):  # no news: tests pin what is used of them
            warnings.simplefilter("ignore", noise)
        parts = _Parts(settings, scope, on_result, clock)
        for dataset in settings.chosen:
            parts.add_dataset(dataset, roll_up=roll_ups and dataset.rolled_up_by_year)
        if reference:
            parts.add_reference()
        parts.add_overview(coverage=coverage)
        assets = dg.with_source_code_references([*parts.sources, *parts.days, *parts.others])
    resources = build_resources(settings, resource_overrides, scope.name)
    return dg.Definitions(
        assets=assets,
        sensors=[] if scope.sensors == "off" else parts.sensors,
        schedules=[] if scope.sensors == "off" else parts.schedules,
        resources={"io_manager": without_values(), **resources} if standalone else resources,
        executor=dg.in_process_executor if standalone else None,
    )


def scope_of(settings: Settings) -> Scope:
    """The names that ``build_defs`` gives by itself under ``settings``."""
    return Scope(key_prefix=settings.key_prefix, name=_name(settings.key_prefix))


@dataclass
class _Parts:
    """What a call of ``build_defs`` puts together."""

    settings: Settings
    scope: Scope
    on_result: OnResult | None
    clock: Clock
    sources: list[dg.AssetSpec] = field(default_factory=list)
    days: list[dg.AssetsDefinition] = field(default_factory=list)
    others: list[dg.AssetsDefinition] = field(default_factory=list)
    events: list[dg.AssetsDefinition] = field(default_factory=list)
    sensors: list[dg.SensorDefinition] = field(default_factory=list)
    schedules: list[dg.ScheduleDefinition] = field(default_factory=list)
    watched: dict[str, Watched] = field(default_factory=dict)
    drawn: list[dg.AssetsDefinition] = field(default_factory=list)
    """What coverage draws beside the days."""

    @property
    def store_kinds(self) -> frozenset[str]:
        """The kind of storage, where it has a name that Dagster knows."""
        return frozenset({"s3"} if self.settings.store_uri.startswith("s3://") else ())

    def add_dataset(self, dataset: Dataset, *, roll_up: bool) -> None:
        """The asset of a dataset with what belongs to it; and its yearly files."""
        partitions = partitions_of(dataset, self.settings)
        first, scope, clock = first_partition(partitions), self.scope, self.clock
        source = build_source(dataset, scope)
        asset = build_asset(
            dataset, partitions, source, scope,
            store_kinds=self.store_kinds, on_result=self.on_result, clock=clock,
        )  # fmt: skip
        self.sources.append(source)
        self.days.append(asset)
        sensor = build_new_days_sensor(dataset, asset, first, scope, clock, position=len(self.days) - 1)
        self.sensors.append(sensor)
        closures = self.settings.extra_closures
        calendar = trading_calendar(dataset.calendar, closures)
        self.watched[dataset.name] = Watched(calendar, frozenset(closures), asset.key, first, sensor.name)
        if roll_up:
            years = build_by_year(dataset, asset, scope, store_kinds=self.store_kinds)
            self.others.append(years)
            self.sensors.append(build_by_year_sensor(dataset, years, asset, scope, clock))

    def add_reference(self) -> None:
        """Splits and dividends, and who asks for them."""
        tables = build_reference(self.settings, self.scope)
        self.others += tables
        self.events += tables
        self.schedules.append(build_reference_schedule(self.settings, tables, self.scope))

    def add_agreement(self) -> None:
        """Datasets against each other, and who asks for it."""
        checked = build_agreement(self.settings, self.days, self.scope)
        self.others.append(checked)
        self.sensors.append(build_agreement_sensor(checked, [*self.days, *self.events], self.scope))
        self.drawn.append(checked)

    def add_overview(self, *, coverage: bool) -> None:
        """What is of all datasets: the picture of them, and who says that something is late or has failed."""
        settings, scope, clock = self.settings, self.scope, self.clock
        if coverage:
            self.add_agreement()
            drawn = [*self.days, *self.drawn]
            picture = build_coverage(settings.chosen, drawn, scope, settings.history_start, clock)
            self.others.append(picture)
            self.sensors.append(build_coverage_sensor(picture, drawn, scope))
        self.sensors.append(build_freshness_sensor(self.watched, scope, clock))
        if settings.notify_urls:
            require_apprise()
        if settings.webhook_url or settings.notify_urls:
            assets = [*self.days, *self.others]
            self.sensors += [build_failure_sensor(assets, scope), build_overdue_sensor(self.watched, scope, clock)]


_QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


def materialise(dataset: str, days: Sequence[str], *, instance: dg.DagsterInstance, on_result: OnResult) -> bool:
    """Materialise ``days``, which are consecutive trading days, in runs of the table's size; True if all succeeded.

    The environment's settings hold. ``on_result`` is called with each day's result as it ends.
    """
    settings = load_settings()
    definitions = build_definitions(settings, on_result=on_result)
    key = scope_of(settings).key(dataset)
    job = definitions.resolve_implicit_global_asset_job_def()
    outcomes = [
        job.execute_in_process(
            asset_selection=[key], instance=instance, run_config=_QUIET, tags=tags, raise_on_error=False
        ).success
        for tags in _ranges(days, get_dataset(dataset).days_per_run)
    ]
    return all(outcomes)


def _ranges(days: Sequence[str], size: int) -> Iterator[dict[str, str]]:
    for position in range(0, len(days), size):
        chunk = days[position : position + size]
        yield {
            "dagster/asset_partition_range_start": chunk[0],
            "dagster/asset_partition_range_end": chunk[-1],
        }
