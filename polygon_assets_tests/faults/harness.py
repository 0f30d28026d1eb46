"""A downloader, a place to download to, and the invariant that holds after every fault."""

import gzip
import random
import traceback
from dataclasses import dataclass, field
from pathlib import Path

from polygon_assets.errors import PolygonAssetsError, TransferError
from polygon_assets_tests.download.clients import Client

KEY = "us_stocks_sip/day_aggs_v1/2024/01/2024-01-02.csv.gz"
PREVIOUS = b"the previous good file"
CONTENT = random.Random(1).randbytes(300_000)
BODY = gzip.compress(CONTENT, 1, mtime=0)
SECRETS = ("canary-4f1c2b7e-never-to-be-seen",)


@dataclass
class Harness:
    """Downloads to memory or to disk, where a previous good file stands."""

    client: Client
    folder: Path
    to_disk: bool
    successes: int = 0
    failures: list[PolygonAssetsError] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.target.write_bytes(PREVIOUS)

    @property
    def target(self) -> Path:
        return self.folder / "data.csv"

    async def download(self, bucket: str, key: str = KEY) -> bytes:
        """Give the decompressed bytes; the invariant is checked in either outcome."""
        try:
            if self.to_disk:
                found = (await self.client.save(bucket, key, self.target)).read_bytes()
            else:
                found = (await self.client.get(bucket, key)).read()
        except PolygonAssetsError as error:
            self.failures.append(error)
            check_error(error, key)
            self.check(published=False)
            raise
        self.successes += 1
        self.check(published=True)
        return found

    def check(self, *, published: bool) -> None:
        """No part file, a whole file, statistics that add up."""
        assert [entry.name for entry in self.folder.iterdir()] == [self.target.name]
        if self.to_disk and not published:
            assert self.target.read_bytes() == PREVIOUS
        total = self.successes + len(self.failures)
        statistics = self.client.statistics()
        assert statistics["successful_downloads"] == self.successes
        assert statistics["failed_downloads"] == len(self.failures)
        assert statistics["total_downloads"] == total
        assert statistics["success_rate"] == self.successes / total

    @property
    def retries(self) -> int:
        retries: int = self.client.statistics()["total_retries"]
        return retries


def check_error(error: PolygonAssetsError, key: str) -> None:
    """An error of our own tree that names key, cause and attempts, and shows no secret."""
    message = str(error)
    assert key in message
    assert "attempt" in message
    if isinstance(error, TransferError):
        assert error.key == key
        assert error.cause in message
        assert error.attempts >= 1
    for text in (message, repr(error), "".join(traceback.format_exception(error))):
        assert not any(secret in text for secret in SECRETS)
