"""Resources: what a run works with, as the settings say. What they open is opened, and closed, by whoever runs.

No run can configure them: the web interface has no login, and a run that may name an endpoint can be made to send the
subscription's keys there. So they are no ``ConfigurableResource``, have no fields in the launchpad, and nothing of
them stands in the snapshot that is served.
"""

from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from typing import Any, cast

import dagster as dg

from polygon_assets.download import AsyncS3Downloader, S3Catalog, SyncS3Downloader
from polygon_assets.filters import ALL_ROWS, RowFilter
from polygon_assets.ingest import Limits, ParquetStore
from polygon_assets.ingest.connections import open_catalog, open_downloader, open_limits, open_store
from polygon_assets.orchestration.watching.apprise_services import Services
from polygon_assets.orchestration.watching.webhook import Receiver, Receivers, Webhook
from polygon_assets.reference.events import EventKind
from polygon_assets.reference.refreshing import address_of, open_api
from polygon_assets.reference.vendor_api import ReferenceApi
from polygon_assets.settings import Settings

_SENSOR_RETRIES = 1
_SENSOR_TIMEOUT = 10
_SENSOR_DEADLINE = 20.0
"""Seconds for each request of a sensor, everything included."""


class Bucket:
    """The vendor's bucket: opens one client for each run."""

    def __init__(self, settings: Settings) -> None:
        """Nothing is opened yet, and unset keys are no error yet."""
        self._settings = settings

    @asynccontextmanager
    async def open(self) -> AsyncIterator[AsyncS3Downloader]:
        """A downloader with one client, closed at the end.

        Raises:
            MissingCredentialsError: the subscription's keys are not set.
        """
        async with open_downloader(self._settings) as downloader:
            yield downloader

    @contextmanager
    def open_for_sensor(self) -> Iterator[SyncS3Downloader]:
        """A synchronous downloader that gives up early, since a tick may take 60 seconds at most."""
        with SyncS3Downloader(
            self._settings.credentials,
            self._settings.endpoint_url,
            max_retries=_SENSOR_RETRIES,
            timeout=_SENSOR_TIMEOUT,
            deadline=_SENSOR_DEADLINE,
        ) as downloader:
            yield downloader


class Store:
    """Where Parquet is published, what is kept beside it, and how large a file it takes."""

    def __init__(self, settings: Settings) -> None:
        """Nothing is opened yet."""
        self._settings = settings

    @property
    def keep_raw(self) -> bool:
        """Are the vendor's files kept, too?"""
        return self._settings.keep_raw

    def row_filter(self, dataset: str) -> RowFilter:
        """Which rows of ``dataset`` are kept."""
        return self._settings.filters.get(dataset, ALL_ROWS)

    def limits(self) -> Limits:
        """How large a file may be."""
        return open_limits(self._settings)

    def store(self) -> ParquetStore:
        """The store of the settings."""
        return open_store(self._settings)


class Reference:
    """The vendor's REST API."""

    def __init__(self, settings: Settings) -> None:
        """Nothing is opened yet, and an unset key is no error."""
        self._settings = settings

    @property
    def has_key(self) -> bool:
        """Is there a key to ask with?"""
        return self._settings.api_key is not None

    def address(self, kind: EventKind) -> str:
        """Where events of ``kind`` come from, for people."""
        return address_of(self._settings, kind)

    def open(self) -> ReferenceApi:
        """One conversation with it, for use as ``with``."""
        return open_api(self._settings)


CATALOG, DOWNLOADER, STORE, REFERENCE, WEBHOOK = "catalog", "downloader", "store", "reference", "webhook"


def resource_name(kind: str, scope: str = "") -> str:
    """The name of a resource in a code location, where others may have a store or a catalog of their own.

    >>> resource_name("store"), resource_name("store", "market")
    ('polygon_store', 'polygon_market_store')
    """
    return "_".join(part for part in ("polygon", scope, kind) if part)


class Resources:
    """What a run or a tick works with, by plain names; only what was asked for is there."""

    def __init__(self, opened: Any, scope: str) -> None:
        """``opened`` is a context's ``resources``."""
        self._opened, self._scope = opened, scope

    def _get(self, kind: str) -> Any:
        return getattr(self._opened, resource_name(kind, self._scope))

    @property
    def catalog(self) -> S3Catalog:
        """The vendor's keys."""
        return cast("S3Catalog", self._get(CATALOG))

    @property
    def downloader(self) -> Bucket:
        """The vendor's bucket."""
        return cast("Bucket", self._get(DOWNLOADER))

    @property
    def store(self) -> Store:
        """Where Parquet is published."""
        return cast("Store", self._get(STORE))

    @property
    def reference(self) -> Reference:
        """The vendor's REST API."""
        return cast("Reference", self._get(REFERENCE))

    @property
    def webhook(self) -> Receiver:
        """Where notifications go."""
        return cast("Receiver", self._get(WEBHOOK))


def build_resources(
    settings: Settings, overrides: Mapping[str, object] | None = None, scope: str = ""
) -> dict[str, object]:
    """The resources by their names in the code location; ``overrides`` replace them by kind, or add others."""
    own = {
        CATALOG: open_catalog(settings),
        DOWNLOADER: Bucket(settings),
        STORE: Store(settings),
        WEBHOOK: _receivers(settings),
        REFERENCE: Reference(settings),
    }
    wanted = {**own, **(overrides or {})}
    return {resource_name(kind, scope) if kind in own else kind: _fixed(each) for kind, each in wanted.items()}


def _receivers(settings: Settings) -> Receivers:
    receivers: list[Receiver] = []
    if settings.webhook_url:
        receivers.append(Webhook(settings.webhook_url.get_secret_value()))
    if settings.notify_urls:
        receivers.append(Services(settings.notify_urls.get_secret_value()))
    return Receivers(receivers)


def without_values() -> dg.IOManagerDefinition:
    """For assets without values; Dagster's own would take a folder, or any variable's name, from the run."""
    memory = dg.InMemoryIOManager()  # type: ignore[no-untyped-call]
    return dg.IOManagerDefinition(resource_fn=lambda _: memory, config_schema={})


def _fixed(resource: object) -> object:
    """``resource`` under a definition that takes no configuration: what a run says of it is refused, not ignored."""
    if isinstance(resource, dg.ResourceDefinition):
        return resource
    return dg.ResourceDefinition(resource_fn=lambda _: resource, config_schema={})
