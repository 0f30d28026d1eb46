"""Sensors: one for each dataset, that notices new, late and replaced days in the vendor's bucket.

Belongs here: requests and Dagster's side of a tick. Does not: the rules (``new_day_rules``).
An outage of the bucket is raised, so that it shows as a failed tick with its cause.
"""

import datetime as dt
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

import dagster as dg

from polygon_assets.datasets import Dataset
from polygon_assets.download import S3Catalog, SyncS3Downloader
from polygon_assets.download.listing import RemoteObject, listed_days
from polygon_assets.errors import AccessDeniedError, InvalidKeysError, ObjectNotFoundError, PolygonAssetsError
from polygon_assets.ingest import ParquetStore
from polygon_assets.orchestration.lost_days import stored_and_lost
from polygon_assets.orchestration.resources import CATALOG, DOWNLOADER, STORE
from polygon_assets.orchestration.scope import Scope
from polygon_assets.orchestration.watching import new_day_rules as rules
from polygon_assets.orchestration.watching.active_runs import active_runs, covered
from polygon_assets.reading.store_against_bucket import TO_FETCH, Footers, compare_days, is_entitled

INTERVAL_SECONDS = 600
REQUEST_TAG = "polygon/request"
ATTEMPT_TAG = "polygon/attempt"
PRIORITY_TAG = "dagster/priority"
_NEW_DAY_PRIORITY, _OLDER_DAY_PRIORITY = "10", "1"

Clock = Callable[[], dt.datetime]


def sensor_name(dataset: Dataset) -> str:
    """Name of the sensor of a dataset."""
    return f"new_trading_days_{dataset.name}"


def utc_now() -> dt.datetime:
    """The time, in UTC."""
    return dt.datetime.now(dt.UTC)


def build_new_days_sensor(
    dataset: Dataset,
    asset: dg.AssetsDefinition,
    first: dt.date,
    scope: Scope,
    clock: Clock = utc_now,
    position: int = 0,
) -> dg.SensorDefinition:
    """The sensor of a dataset; ``first`` is the first partition, ``clock`` tells the time in UTC.

    ``position`` is the dataset's among those that are watched: their sensors take turns, a few each minute.
    """
    name = scope.named(sensor_name(dataset))
    wait = rules.wait_of(position, INTERVAL_SECONDS)
    failure, footers = _Failure(), Footers()

    @dg.sensor(
        name=name,
        target=asset,
        minimum_interval_seconds=rules.STEP if wait else INTERVAL_SECONDS,
        default_status=scope.sensor_status,
        required_resource_keys=scope.resource_keys(CATALOG, DOWNLOADER, STORE),
        description=f"Asks for new, late and replaced days of {dataset.name} as the vendor publishes them.",
    )
    def new_trading_days(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        resources = scope.resources(context.resources)
        catalog = resources.catalog
        now = clock()
        if why := wait and failure.reason_to_wait(now):
            return dg.SensorResult(skip_reason=why)
        memory, looks = rules.take_turn(
            rules.Memory.load(context.cursor, now.timestamp()), now.timestamp(), wait, INTERVAL_SECONDS
        )
        if not looks:
            return _skip(f"Datasets take turns; that of {dataset.name} comes at {_utc(memory.look_at)}.", memory)
        if now.timestamp() < memory.not_entitled_until:
            return _skip(
                f"{dataset.name} is not in your plan; asked again after {_utc(memory.not_entitled_until)}.", memory
            )
        newest = _newest(catalog, dataset, first, now)
        if newest is None:
            return _skip(f"The first partition, {first}, has not ended yet.", memory)
        with failure.remembered(now), resources.downloader.open_for_sensor() as client:
            watched = _Watched(dataset, asset.key, name, first, footers)
            tick = _Tick(watched, newest, now, catalog, client, resources.store.store(), context.instance)
            return tick.evaluate(memory)

    return new_trading_days


class _Failure:
    """A look that failed, as long as the process lives: a tick that fails leaves its cursor as it was.

    Sensors that take turns tick every minute, and would ask a bucket that is out every minute.
    """

    def __init__(self) -> None:
        self._cause: str | None = None
        self._until = 0.0

    def reason_to_wait(self, now: dt.datetime) -> str | None:
        """What to say instead of looking; None: nothing failed within the interval."""
        if self._cause is None or not now.timestamp() < self._until <= now.timestamp() + INTERVAL_SECONDS:
            return None
        return f"Looking again at {_utc(self._until)}; the last look failed: {self._cause}"

    @contextmanager
    def remembered(self, now: dt.datetime) -> Iterator[None]:
        """Keep what a look raises, and forget what the one before raised."""
        self._cause = None
        try:
            yield
        except PolygonAssetsError as error:
            self._cause, self._until = str(error), now.timestamp() + INTERVAL_SECONDS
            raise


def _skip(reason: str, memory: rules.Memory) -> dg.SensorResult:
    return dg.SensorResult(skip_reason=reason, cursor=memory.dump())


def _utc(moment: float) -> str:
    return f"{dt.datetime.fromtimestamp(moment, dt.UTC):%Y-%m-%d %H:%M} UTC"


def _newest(catalog: S3Catalog, dataset: Dataset, first: dt.date, now: dt.datetime) -> dt.date | None:
    """The newest session whose partition exists; None where the first one has not ended yet."""
    yesterday = dataset.day.date_at(now) - dt.timedelta(1)
    sessions = catalog.get_calendar(dataset.name).between(first, yesterday) if first <= yesterday else ()
    return sessions[-1] if sessions else None


@dataclass(frozen=True)
class _Watched:
    """What a sensor looks after."""

    dataset: Dataset
    key: dg.AssetKey
    sensor: str
    first: dt.date
    """The first partition."""
    footers: Footers
    """Of the stored days that the look before compared, as long as the process lives."""


class _Tick:
    """One look at the bucket: at most three listings, and a HEAD of the newest and the oldest day before asking."""

    def __init__(
        self,
        watched: _Watched,
        newest: dt.date,
        now: dt.datetime,
        catalog: S3Catalog,
        client: SyncS3Downloader,
        store: ParquetStore,
        instance: dg.DagsterInstance,
    ) -> None:
        self.dataset, self.key, self.sensor, self.first = watched.dataset, watched.key, watched.sensor, watched.first
        self.footers = watched.footers
        self.newest, self.now = newest, now
        self.catalog, self.client, self.store, self.instance = catalog, client, store, instance
        self.calendar = catalog.get_calendar(self.dataset.name)

    def evaluate(self, memory: rules.Memory) -> dg.SensorResult:
        if memory.refused and not self._entitled(memory.refused):
            return self._outside(memory, memory.refused, f"{memory.refused} is listed, but refused.")
        memory = self._with_oldest(replace(memory, refused=None))
        since = rules.first_wanted(self.calendar, memory.oldest, self.first, self.newest)
        months, rotation = rules.months_to_list(since, self.newest, memory.rotation)
        memory = replace(memory, rotation=rotation)
        try:
            published = {day: entry for month in months for day, entry in self._list(month).items()}
        except InvalidKeysError:
            raise
        except AccessDeniedError as error:
            return self._outside(memory, None, f"listing it is refused ({error.cause}).")
        wanted = {day.isoformat() for day in self.calendar.between(since, self.newest)} & published.keys()
        days = sorted(wanted, reverse=True)
        compared = compare_days(self.store, self.dataset.name, days, published, self.footers)
        candidates = [
            rules.Candidate(each.day, each.listed.etag)
            for each in compared
            if each.listed and each.standing in TO_FETCH
        ]
        requests = list(self._requests(candidates))[: rules.REQUESTS_PER_TICK]
        newest = max(wanted, default=None)
        if requests and newest is not None and not self._entitled(newest):
            return self._outside(memory, newest, f"{newest} is listed, but refused.")
        memory, requests = self._within_plan(memory, requests)
        if requests:
            return dg.SensorResult(run_requests=requests, cursor=memory.dump())
        return _skip(self._why_idle(candidates, published, memory, months), memory)

    def _outside(self, memory: rules.Memory, refused: str | None, why: str) -> dg.SensorResult:
        """Leave the dataset alone for a day; then one probe of what was ``refused`` tells more."""
        until = self.now.timestamp() + rules.DAY
        memory = replace(memory, refused=refused, not_entitled_until=until)
        return _skip(f"{self.dataset.name} is not in your plan: {why}", memory)

    def _within_plan(
        self, memory: rules.Memory, requests: list[dg.RunRequest]
    ) -> tuple[rules.Memory, list[dg.RunRequest]]:
        """The requests that lie within the plan's window, which ends days ago for every plan but the largest."""
        known = memory.floor if self.now.timestamp() < memory.floor_until else None
        by_day = {str(request.partition_key): request for request in requests}
        days, floor = rules.within_plan(list(by_day), known, self._entitled)
        if floor != known:
            memory = replace(memory, floor=floor, floor_until=self.now.timestamp() + rules.DAY)
        return memory, [by_day[day] for day in days]

    def _with_oldest(self, memory: rules.Memory) -> rules.Memory:
        known = memory.oldest is not None and memory.store == self.store.uri
        if known and self.now.timestamp() < memory.oldest_known_until:
            return memory
        stored, lost = stored_and_lost(self.instance, self.key, self.store, self.dataset.name)
        until = self.now.timestamp() + rules.DAY
        oldest = min([*stored, *lost], default=None)
        return replace(memory, store=self.store.uri, oldest=oldest, oldest_known_until=until)

    def _list(self, month: str) -> dict[str, RemoteObject]:
        prefix = self.catalog.get_month_prefix(self.dataset.name, f"{month}-01")
        return listed_days(self.client.list_entries(self.catalog.bucket, prefix), self.catalog, self.dataset.name)

    def _entitled(self, day: str) -> bool:
        try:
            return is_entitled(self.client, self.catalog, self.dataset.name, day)
        except ObjectNotFoundError:  # gone since it was listed, which the plan has nothing to do with
            return True

    def _requests(self, candidates: list[rules.Candidate]) -> Iterator[dg.RunRequest]:
        active = self._active_days(candidates) if candidates else set()
        for candidate in candidates:
            request = f"{self.key.to_user_string()}/{candidate.day}/{candidate.etag}"
            attempt = rules.next_attempt(self._past_runs(request), self.now.timestamp())
            if attempt is None or candidate.day in active:
                continue
            newest = candidate.day == self.newest.isoformat()
            yield dg.RunRequest(
                run_key=f"{request}/{attempt}",
                partition_key=candidate.day,
                asset_selection=[self.key],
                tags={
                    REQUEST_TAG: request,
                    ATTEMPT_TAG: str(attempt),
                    PRIORITY_TAG: _NEW_DAY_PRIORITY if newest else _OLDER_DAY_PRIORITY,
                },
            )

    def _past_runs(self, request: str) -> list[rules.PastRun]:
        records = self.instance.get_run_records(dg.RunsFilter(tags={REQUEST_TAG: request}))
        return [
            rules.PastRun(
                int(record.dagster_run.tags.get(ATTEMPT_TAG, "1")),
                record.end_time or record.update_timestamp.timestamp(),
            )
            for record in records
            if record.dagster_run.is_finished
        ]

    def _active_days(self, candidates: list[rules.Candidate]) -> set[str]:
        """The candidates that an unfinished run of this asset covers, alone or in a range."""
        active: set[str] = set()
        for run in active_runs(self.instance, self.key, self.sensor):
            first, last = covered(run.tags)
            active |= {each.day for each in candidates if first <= each.day <= last}
        return active

    def _why_idle(
        self,
        candidates: list[rules.Candidate],
        published: Collection[str],
        memory: rules.Memory,
        months: Sequence[str],
    ) -> str:
        above = [each.day for each in candidates if memory.floor is None or each.day > memory.floor]
        if above:
            return f"{', '.join(above)}: a run is active, or the last attempt is too recent."
        return rules.waiting_for(self.newest, self.now, published=self.newest.isoformat() in published, months=months)
