"""A store on S3: whole objects put at once, read in one version, listed through Arrow.

Belongs here: S3 for the store. Does not: the vendor's bucket (``download``), whose credentials are others, or reading
(``s3_reading``). Files are made on this machine first: an Arrow output stream completes its upload even when it is
dropped half-way.
"""

import datetime as dt
import logging
import re
from collections.abc import Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from email.utils import parsedate_to_datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import boto3
import botocore.exceptions
import pyarrow as pa
import pyarrow.fs as pafs
from boto3.exceptions import Boto3Error
from boto3.s3.transfer import TransferConfig
from botocore.config import Config

from polygon_assets.addresses import S3_SCHEME
from polygon_assets.errors import InvalidInputError, StoreError, StoreUnreachableError
from polygon_assets.log_redaction import redact_logs
from polygon_assets.store.local_entries import FILE, FOLDER, leads_down, require_name
from polygon_assets.store.s3_reading import FOOTER_BYTES, OF_S3, TAIL_BYTES, WHOLE_BYTES, PinnedFiles, PinnedObject
from polygon_assets.store.staging import temporary_staging

logger = logging.getLogger(__name__)

ABANDONED_AFTER = dt.timedelta(hours=24)
"""No file of a day takes that long; by the bucket's clock, not by this machine's."""
_OWN = re.compile(
    r"(_quarantine/|_raw/)?[a-z0-9_]+/date=\d{4}-\d\d-\d\d/[^/]+|_[a-z_]+/[a-z0-9_]+/year=\d{4}/[^/]+", re.ASCII
)
"""What the store's own files are called: a prefix may be shared, and others' uploads are theirs."""


def abort_abandoned(client: Any, bucket: str, prefix: str) -> int:
    """Abort the store's own uploads below ``prefix`` that were begun long ago; how many there were.

    What the keys may not do, or the bucket does not know, is no reason to fail: it is logged.
    """
    count = 0
    try:
        for upload in _abandoned(client, bucket, prefix):
            client.abort_multipart_upload(Bucket=bucket, Key=upload["Key"], UploadId=upload["UploadId"])
            logger.info("s3://%s/%s: aborted an upload begun at %s", bucket, upload["Key"], upload["Initiated"])
            count += 1
    except (botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError) as error:
        logger.info("s3://%s/%s: uploads that were left over are not looked for: %s", bucket, prefix, error)
    return count


def _abandoned(client: Any, bucket: str, prefix: str) -> Iterator[Any]:
    for page in client.get_paginator("list_multipart_uploads").paginate(Bucket=bucket, Prefix=prefix):
        now = parsedate_to_datetime(page["ResponseMetadata"]["HTTPHeaders"]["date"])
        for upload in page.get("Uploads", ()):
            begun: dt.datetime = upload["Initiated"]
            if now - begun > ABANDONED_AFTER and _OWN.fullmatch(upload["Key"].removeprefix(prefix)):
                yield upload


DEFAULT_REGION = "us-east-1"
_PART_BYTES = 16 * 1024**2
_READERS = 32
"""Connections kept: as many threads as Arrow may read with."""
_QUICK_SECONDS, _QUICK_ATTEMPTS = 5, 4
"""For people, who wait at a terminal."""
_ATTEMPTS = 8  # both clients wait up to 1, 2, 4, … 20 s between them: half a minute's outage fails no run


class Objects:
    """The connections to a bucket, and its objects to read.

    It holds no file system: Arrow's holds what reads for it where Python's collector does not look, and a circle of the
    two kept every store's connections open for good.
    """

    def __init__(
        self, bucket: str, prefix: str, endpoint_url: str | None, region: str, keys: tuple[str | None, str | None]
    ) -> None:
        """Take the settings; no request is sent."""
        self._bucket, self._prefix = bucket, prefix
        self._endpoint_url, self._region, self._keys = endpoint_url, region, keys
        self._replaced: set[str] = set()

    def __getstate__(self) -> dict[str, Any]:
        """Without connections: a dataset of this store may be pickled."""
        return {name: value for name, value in vars(self).items() if name != "client"}

    @cached_property
    def client(self) -> Any:
        """A client of its own."""
        return self.opened(Config(retries={"mode": "standard", "total_max_attempts": _ATTEMPTS}))

    def opened(self, patience: Config) -> Any:
        """Another client, which waits and tries again as ``patience`` says."""
        redact_logs(self._keys[1] or "")
        return boto3.client(
            "s3",
            endpoint_url=self._endpoint_url,
            aws_access_key_id=self._keys[0],
            aws_secret_access_key=self._keys[1],
            region_name=self._region,
            config=Config(
                s3={"addressing_style": "path"} if self._endpoint_url else {},
                request_checksum_calculation="when_required",
                response_checksum_validation="when_required",
                max_pool_connections=_READERS,
            ).merge(patience),
        )

    def pinned(self, name: str, tail: int = TAIL_BYTES) -> PinnedObject:
        """An object in one version, of which ``tail`` bytes are asked for at once."""
        if name in self._replaced:  # while it was read the last time
            self._replaced.discard(name)
            tail = WHOLE_BYTES
        key = self._prefix + require_name(name)
        return PinnedObject(self.client, self._bucket, key, tail, lambda: self._replaced.add(name))


class S3Folder:
    """``s3://bucket/prefix``; an object is put whole, or its multipart upload is aborted."""

    def __init__(
        self,
        uri: str,
        *,
        endpoint_url: str | None,
        region: str | None,
        access_key_id: str | None,
        secret_access_key: str | None,
    ) -> None:
        """Take the settings; no request is sent."""
        self._bucket, _, prefix = uri.removeprefix(S3_SCHEME).strip("/").partition("/")
        if not self._bucket or "@" in uri or "?" in uri or not (prefix == "" or leads_down(prefix)):
            raise InvalidInputError("A store on S3 is s3://bucket/prefix; keys go into POLYGON_STORE_ACCESS_KEY_ID")
        self._prefix = f"{prefix}/" if prefix else ""
        self.uri = f"{S3_SCHEME}{self._bucket}/{prefix}".rstrip("/")
        self._endpoint_url = endpoint_url or None
        self._region = region or DEFAULT_REGION
        self._keys = (access_key_id or None, secret_access_key or None)
        self._objects = Objects(self._bucket, self._prefix, self._endpoint_url, self._region, self._keys)

    def __repr__(self) -> str:
        return f"S3Folder({self.uri!r})"

    def __getstate__(self) -> dict[str, Any]:
        """Without connections."""
        return {name: value for name, value in vars(self).items() if name not in {"filesystem", "_looking"}}

    @cached_property
    def filesystem(self) -> pafs.FileSystem:
        """Looks through Arrow's own, and reads each object in one version."""
        return pafs.PyFileSystem(PinnedFiles(self._looking, self._objects.pinned))

    @cached_property
    def _looking(self) -> pafs.FileSystem:
        scheme, _, host = (self._endpoint_url or "").partition("://")
        options: dict[str, Any] = {"endpoint_override": host.rstrip("/"), "scheme": scheme} if host else {}
        reader = pafs.S3FileSystem(
            access_key=self._keys[0],
            secret_key=self._keys[1],
            region=self._region,
            background_writes=False,
            retry_strategy=pafs.AwsStandardS3RetryStrategy(max_attempts=_ATTEMPTS),
            **options,
        )
        return pafs.SubTreeFileSystem(f"{self._bucket}/{self._prefix}".rstrip("/"), reader)

    @property
    def _client(self) -> Any:
        return self._objects.client

    def staging(self) -> AbstractContextManager[Path]:
        """In this machine's temporary folder; uploads that dead processes left in the bucket are aborted."""
        abort_abandoned(self._client, self._bucket, self._prefix)
        return temporary_staging()

    def publish(self, staged: Path, name: str) -> None:
        """Put the object; until the put is complete, readers see what was there."""
        config = TransferConfig(multipart_threshold=_PART_BYTES, multipart_chunksize=_PART_BYTES, use_threads=False)
        try:
            self._client.upload_file(str(staged), self._bucket, self._prefix + require_name(name), Config=config)
        except (botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError, Boto3Error) as error:
            raise StoreError(f"{self.uri}/{name}: not written: {error}. Check the POLYGON_STORE_* settings.") from error
        staged.unlink()

    def mark(self, name: str) -> None:
        """An object of one byte: after an empty one, SeaweedFS leaves the next request on its connection unanswered."""
        try:
            self._client.put_object(Bucket=self._bucket, Key=self._prefix + require_name(name), Body=b"\n")
        except (botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError) as error:
            raise StoreError(f"{self.uri}/{name}: not written: {error}. Check the POLYGON_STORE_* settings.") from error

    def require_present(self) -> None:
        """A bucket that is not there is an error of its own."""

    def require_answer(self) -> None:
        """See that there is an answer, whatever it says, with a few quick attempts.

        Raises:
            StoreUnreachableError: there is none.
        """
        quick = Config(
            connect_timeout=_QUICK_SECONDS,
            read_timeout=_QUICK_SECONDS,
            retries={"mode": "standard", "total_max_attempts": _QUICK_ATTEMPTS},
        )
        try:
            with closing(self._objects.opened(quick)) as client:
                client.list_objects_v2(Bucket=self._bucket, Prefix=self._prefix, MaxKeys=1)
        except botocore.exceptions.ClientError:  # an answer
            return
        except botocore.exceptions.BotoCoreError as error:
            raise StoreUnreachableError(self.uri, error) from error

    def is_begun(self) -> bool:
        """A prefix needs not be made, and a file that is removed again leaves nothing."""
        return True

    def delete(self, name: str) -> None:
        """Remove the object, if there is one."""
        try:
            self._client.delete_object(Bucket=self._bucket, Key=self._prefix + require_name(name))
        except (botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError) as error:
            raise StoreError(f"{self.uri}/{name}: not deleted: {error}") from error

    def names(self, folder: str) -> list[str]:
        """The names one level below ``folder``."""
        return list(self.kinds(folder))

    def kinds(self, folder: str) -> dict[str, str]:
        """The names one level below ``folder``, each with what it is: a file or a folder."""
        if folder:
            require_name(folder)
        with answering(f"{self.uri}/{folder}"):
            entries = self._looking.get_file_info(pafs.FileSelector(folder, allow_not_found=True))
        kinds = {entry.base_name: FILE if entry.type is pafs.FileType.File else FOLDER for entry in entries}
        return dict(sorted(kinds.items()))

    def holding(self, folder: str, file: str) -> dict[str, str]:
        """The names one level below ``folder`` under which an object ``file`` lies, with its size and ETag."""
        pages = self._client.get_paginator("list_objects_v2").paginate(
            Bucket=self._bucket, Prefix=f"{self._prefix}{require_name(folder)}/"
        )
        try:
            entries = [entry for page in pages for entry in page.get("Contents", ())]
        except (botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError) as error:
            raise StoreUnreachableError(f"{self.uri}/{folder}", error) from error
        held = {}
        for entry in entries:
            name, *rest = entry["Key"].removeprefix(f"{self._prefix}{folder}/").split("/")
            if rest == [file]:
                held[name] = f"{entry['Size']} {entry['ETag']}"
        return dict(sorted(held.items()))

    def size(self, name: str) -> int | None:
        """Bytes of the object."""
        with answering(f"{self.uri}/{name}"):
            entry = self._looking.get_file_info(require_name(name))
        return entry.size if entry.type is pafs.FileType.File else None

    def open(self, name: str) -> pa.NativeFile:
        """The object, for reading."""
        return self._objects.pinned(name, FOOTER_BYTES).as_arrow()

    def read(self, name: str) -> bytes:
        """The object's bytes."""
        with answering(f"{self.uri}/{name}"), self.open(name) as file:
            return bytes(file.read())

    def copy_to(self, name: str, target: Path) -> None:
        """Download the object."""
        try:
            self._client.download_file(self._bucket, self._prefix + require_name(name), str(target))
        except (botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError, Boto3Error) as error:
            raise StoreError(f"{self.uri}/{name}: not read: {error}") from error


@contextmanager
def answering(uri: str) -> Iterator[None]:
    """Tell a bucket that does not answer from a file that is damaged: Arrow raises OSError for both.

    Raises:
        StoreUnreachableError: the bucket did not answer a request within the block, or refused it.
    """
    try:
        yield
    except FileNotFoundError:
        raise
    except OSError as error:
        if OF_S3 in str(error):
            raise StoreUnreachableError(uri, error) from error
        raise
