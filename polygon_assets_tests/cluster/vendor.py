"""The vendor's bucket and the store, on one SeaweedFS behind two proxies, each with credentials of its own."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from polygon_assets.datasets import DATASETS
from polygon_assets.download import S3Catalog
from polygon_assets.ingest import ParquetStore
from polygon_assets.sample.flat_files import flat_file
from polygon_assets.sample.generators import Size
from polygon_assets_tests.cluster.databases import canary
from polygon_assets_tests.cluster.holding_proxy import HoldingProxy, holding_proxy
from polygon_assets_tests.servers.seaweed import Identity, S3Server, seaweed

BUCKET, LAKE = "flatfiles", "lake"
SMALL = Size(symbols=120, rows=1_500)
CATALOG = S3Catalog(BUCKET, options_prefix="us_options_opra")


@dataclass(frozen=True)
class Objects:
    """Where the files come from and where they go."""

    server: S3Server
    vendor: HoldingProxy
    store: HoldingProxy
    subscriber: Identity
    """May read the vendor's bucket, and nothing else."""
    owner: Identity
    """May read and write the store's bucket, and nothing else."""

    def publish(self, dataset: str, days: Sequence[str]) -> None:
        """Put made-up days into the vendor's bucket."""
        for day in days:
            self.server.put(BUCKET, CATALOG.get_key(dataset, day), flat_file(DATASETS[dataset], day, SMALL))

    def fetched(self, dataset: str, day: str) -> int:
        """How often the day's file was asked for."""
        return self.vendor.count("GET", f"/{BUCKET}/{CATALOG.get_key(dataset, day)}")

    def opened_store(self) -> ParquetStore:
        """The store, with its owner's credentials and past its proxy."""
        return ParquetStore(
            f"s3://{LAKE}/polygon",
            endpoint_url=self.server.endpoint_url,
            access_key_id=self.owner.access_key_id,
            secret_access_key=self.owner.secret_access_key,
        )

    def settings(self) -> dict[str, str]:
        """The environment that reaches both."""
        return {
            "POLYGON_ACCESS_KEY_ID": self.subscriber.access_key_id,
            "POLYGON_SECRET_ACCESS_KEY": self.subscriber.secret_access_key,
            "POLYGON_ENDPOINT_URL": self.vendor.endpoint_url,
            "POLYGON_STORE": f"s3://{LAKE}/polygon",
            "POLYGON_STORE_ENDPOINT_URL": self.store.endpoint_url,
            "POLYGON_STORE_ACCESS_KEY_ID": self.owner.access_key_id,
            "POLYGON_STORE_SECRET_ACCESS_KEY": self.owner.secret_access_key,
        }


@contextmanager
def objects() -> Iterator[Objects]:
    """Both buckets, empty."""
    subscriber = Identity("subscriber", canary("vendor"), (f"Read:{BUCKET}", f"List:{BUCKET}"))
    owner = Identity("owner", canary("store"), (f"Read:{LAKE}", f"Write:{LAKE}", f"List:{LAKE}"))
    with (
        seaweed([subscriber, owner]) as server,
        holding_proxy(server.endpoint_url) as vendor,
        holding_proxy(server.endpoint_url) as store,
    ):
        for bucket in (BUCKET, LAKE):
            server.client().create_bucket(Bucket=bucket)
        yield Objects(server, vendor, store, subscriber, owner)
