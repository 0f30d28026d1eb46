"""One object's way from the bucket: what both downloaders share, which is everything but I/O.

A downloader asks ``request()``, sends it, gives the answer to ``begin()`` and each chunk to ``count()`` and
``write()``, then ``finish()``; whatever is raised goes to ``failed()``, which says how long to wait before
``request()`` again.
"""

import hashlib
import logging
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any

from polygon_assets.download.gunzip import MAGIC, Gunzip, GzipFault
from polygon_assets.download.listing import FetchedObject, RemoteObject, described, identity
from polygon_assets.download.retry import MinimumRate, RetryState
from polygon_assets.download.service_errors import ReplacedFault, RetryAction, TransferFault, integrity_fault
from polygon_assets.download.sinks import FileSink, PartsFile, Sink
from polygon_assets.download.transfer_options import Counters, Credentials, Md5Policy, TransferOptions, checked_endpoint
from polygon_assets.errors import ArchiveError, IntegrityError, InvalidInputError, UnavailableError
from polygon_assets.expansion import ExpansionLimit
from polygon_assets.wording import counted

MD5_HEX = re.compile(r"[0-9a-f]{32}", re.ASCII)
CONTENT_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+)", re.ASCII)
PAGE_STARTS = (b"<!doctype", b"<html", b"<?xml", b"<error")
PAGE_SUFFIXES = (".html", ".htm", ".xhtml", ".xml", ".svg")
HEAD_BYTES = 64
"""First bytes that are looked at."""
HARMLESS_ENCODINGS = frozenset({"", "identity", "aws-chunked"})
"""``aws-chunked`` is how an upload was framed; some stores repeat it though the bytes are the object's own."""
NO_BYTES = hashlib.md5(b"", usedforsecurity=False).hexdigest()


@dataclass(frozen=True)
class Answer:
    """What the headers of a GET's answer promise."""

    remote: RemoteObject
    """The whole object, also where the answer carries a part of it."""
    md5: str | None
    """The MD5 that the whole object must have, in hex; None where nothing says it."""

    @property
    def resumable(self) -> bool:
        """Is there an identity that If-Match can ask for?"""
        return bool(self.remote.etag) and not self.remote.etag.startswith("W/")


def whole_answer(key: str, response: Mapping[str, Any], policy: Md5Policy) -> Answer:
    """Check the headers of an answer that carries the object from its first byte."""
    headers = _sound_headers(response)
    if _status(response) != HTTPStatus.OK:
        raise integrity_fault(f"an answer {_status(response)} to a request for the whole object")
    remote = described(key, response)
    answer = Answer(remote, _announced_md5(remote, headers, policy))
    if remote.size == 0 and remote.etag != NO_BYTES:
        raise integrity_fault("an empty body")
    return answer


def check_partial(response: Mapping[str, Any], expected: RemoteObject, offset: int, end: int | None = None) -> None:
    """Check that a 206 carries the bytes of ``expected`` from ``offset`` to ``end``, exclusive (None: its own)."""
    end = expected.size if end is None else end
    headers = _sound_headers(response)
    found = described(expected.key, response)
    if found.etag != expected.etag:
        raise ReplacedFault(f"the object was replaced during the download (ETag {expected.etag}, now {found.etag})")
    announced = headers.get("content-range", "")
    match = CONTENT_RANGE.fullmatch(announced.strip())
    wanted = (offset, end - 1, expected.size)
    if match is None or tuple(map(int, match.groups())) != wanted or found.size != end - offset:
        cause = f"asked for bytes {offset}-{end - 1}/{expected.size}, answered Content-Range {announced!r}"
        raise TransferFault(RetryAction.STOP, IntegrityError, cause)


def check_head(key: str, head: bytes) -> None:
    """Raise a fault for an error page, or anything but gzip under a ``.gz`` key, by its first bytes."""
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if start.startswith(PAGE_STARTS) and not key.lower().endswith(PAGE_SUFFIXES):
        raise integrity_fault("an HTML or XML page instead of the object")
    if key.endswith(".gz") and head[: len(MAGIC)] != MAGIC[: len(head)]:
        raise integrity_fault("not a gzip file, though the key says so")


def _status(response: Mapping[str, Any]) -> int:
    return int(response["ResponseMetadata"]["HTTPStatusCode"])


def _sound_headers(response: Mapping[str, Any]) -> Mapping[str, str]:
    headers: Mapping[str, str] = response["ResponseMetadata"]["HTTPHeaders"]
    encoding = headers.get("content-encoding", "").strip().lower()
    if encoding not in HARMLESS_ENCODINGS:
        raise integrity_fault(f"a Content-Encoding {encoding!r} was added on the way")
    if "content-length" not in headers:
        raise integrity_fault("an answer without Content-Length")
    return headers


def _announced_md5(remote: RemoteObject, headers: Mapping[str, str], policy: Md5Policy) -> str | None:
    if policy == "never":
        return None
    encrypted = headers.get("x-amz-server-side-encryption", "").startswith("aws:kms")
    keyed = "x-amz-server-side-encryption-customer-algorithm" in headers
    if MD5_HEX.fullmatch(remote.etag) and not encrypted and not keyed:
        return remote.etag
    if policy == "always":
        raise TransferFault(
            RetryAction.STOP, IntegrityError, f"the ETag {remote.etag!r} is no MD5 (verify_md5='always')"
        )
    return None


class Receiver:
    """Takes one object's bytes in order and hands them on to a sink."""

    def __init__(self, key: str, sink: Sink, options: TransferOptions, *, decompress: bool) -> None:
        """Decompress only where ``key`` ends in ``.gz``."""
        self._key, self._sink, self._options = key, sink, options
        self._decompress = decompress and key.endswith(".gz")
        self.received = 0

    def restart(self, md5: str | None) -> None:
        """Forget all bytes; those to come must have this ``md5`` (hex; None: unknown, then gzip's CRC must do)."""
        self._expected = md5
        self._md5: Any = hashlib.md5(usedforsecurity=False) if md5 else None
        self._gunzip = self._new_gunzip()
        self._gzip_fault: GzipFault | None = None
        self._head, self._head_checked = b"", False
        self._head_fault: TransferFault | None = None
        self.received = 0
        self._sink.restart()

    def write(self, chunks: Iterable[bytes]) -> None:
        """Take the next bytes as they came from the network."""
        for chunk in chunks:
            if not self._head_checked:
                self._look_at(chunk)
            if self._md5 is not None:
                self._md5.update(chunk)
            if not self._decompress:
                self._sink.write(chunk)
            if self._gunzip is not None:
                self._expand(self._gunzip, chunk)
            self.received += len(chunk)

    def finish(self) -> None:
        """Verify the whole; raises GzipFault only for bytes whose MD5 is right.

        What is no gzip, though its MD5 is right, is what the bucket has: without decompression it is handed over.
        """
        if not self._head_checked:
            self._check_head()
        if self._md5 is not None and self._md5.hexdigest() != self._expected:
            if self._head_fault is not None:
                raise self._head_fault
            cause = f"the {self.received:,} bytes have the MD5 {self._md5.hexdigest()}, the ETag says {self._expected}"
            raise integrity_fault(cause)
        if self._gunzip is not None:
            self._finish_gzip(self._gunzip)
        self._sink.publish()

    def _new_gunzip(self) -> Gunzip | None:
        """Decompress for the caller, or only to verify what no MD5 vouches for."""
        options = self._options
        if self._decompress:
            limit = options.max_decompressed_bytes, options.max_decompression_ratio
            return Gunzip(ExpansionLimit(*limit, "max_decompressed_bytes", "max_decompression_ratio"))
        if self._md5 is None and self._key.endswith(".gz") and options.verify_md5 != "never":
            return Gunzip()
        return None

    def _look_at(self, chunk: bytes) -> None:
        self._head += chunk[:HEAD_BYTES]
        if len(self._head) >= HEAD_BYTES:
            self._check_head()
            self._head_checked = True

    def _check_head(self) -> None:
        """Where an MD5 is announced, it has the last word: the bucket may really have such an object."""
        try:
            check_head(self._key, self._head)
        except TransferFault as fault:
            if self._md5 is None:
                raise
            self._head_fault = fault

    def _expand(self, gunzip: Gunzip, chunk: bytes) -> None:
        if self._gzip_fault is not None:
            return  # only the MD5 can still tell whether the object is bad or the transfer
        try:
            for piece in gunzip.feed(chunk):
                if self._decompress:
                    self._sink.write(piece)
        except GzipFault as fault:
            self._gzip_fault = fault

    def _finish_gzip(self, gunzip: Gunzip) -> None:
        fault = self._gzip_fault
        if fault is None:
            try:
                gunzip.end()
            except GzipFault as cut:
                fault = cut
        if fault is None:
            return
        if self._md5 is None:
            raise integrity_fault(str(fault)) from fault
        raise fault


def check_name(bucket: str, key: str) -> None:
    """Refuse what cannot name an object, before any I/O."""
    for name, value in (("bucket", bucket), ("key", key)):
        if not isinstance(value, str) or not value or "\0" in value:
            raise InvalidInputError(f"{name} must be a text that is not empty; got {value!r}.")


class Transfer:
    """Downloads one object into ``sink``, over as many requests as it takes."""

    def __init__(
        self,
        bucket: str,
        key: str,
        sink: Sink,
        options: TransferOptions,
        *,
        decompress: bool,
        admit: Callable[[int], None] | None = None,
    ) -> None:
        """Start the deadline's clock; ``admit`` is told the object's bytes before the first, and may refuse them."""
        self._bucket, self._key, self.options = bucket, key, options
        self._admit = admit
        self._large_file = sink if isinstance(sink, FileSink) and not (decompress and key.endswith(".gz")) else None
        self.part_retries = 0
        """Retries of parts alone."""
        self.retry = RetryState(bucket, key, options)
        self._receiver = Receiver(key, sink, options, decompress=decompress)
        self._answer: Answer | None = None
        self._in_parts = False
        self._minimum_rate = MinimumRate(options)

    @property
    def retries(self) -> int:
        """Requests beyond the first."""
        return self.retry.retries + self.part_retries

    @property
    def remote(self) -> RemoteObject:
        """The object that is received now; only after ``begin()``."""
        return self._whole().remote

    @property
    def fetched(self) -> FetchedObject:
        """What was received; only after ``finish()``."""
        remote = self._whole().remote
        etag = identity(remote.etag, remote.size, remote.last_modified)
        return FetchedObject(remote.key, remote.size, etag, remote.last_modified, self.retries)

    def request(self) -> dict[str, str]:
        """Give the arguments of the next get_object: from the first missing byte, of the same object."""
        request = {"Bucket": self._bucket, "Key": self._key}
        if self._answer is not None:
            request["Range"] = f"bytes={self._receiver.received}-"
            request["IfMatch"] = f'"{self._answer.remote.etag}"'
        return request

    def begin(self, response: Mapping[str, Any]) -> None:
        """Check the answer's headers before any of its bytes."""
        self._minimum_rate = MinimumRate(self.options)
        status = response["ResponseMetadata"]["HTTPStatusCode"]
        if self._answer is not None and status == HTTPStatus.PARTIAL_CONTENT:
            check_partial(response, self._answer.remote, self._receiver.received)
            return
        # Also where a Range was asked for and ignored: then the whole object comes, and is taken.
        self._answer = None
        answer = whole_answer(self._key, response, self.options.verify_md5)
        if self._admit is not None:
            self._admit(answer.remote.size)
        self.retry.allow_for(answer.remote.size)
        self._receiver.restart(answer.md5)
        self._answer = answer

    def parts(self) -> PartsFile | None:
        """The file that takes the object's parts, where it is to come in parts; else all of it follows the answer.

        What was written there is then read back and given to ``write()`` in order, to be verified.
        """
        answer, file, options = self._whole(), self._large_file, self.options
        if file is None or not answer.resumable or answer.remote.size <= options.large_object_bytes:
            return None
        version = f"{self._bucket}/{self._key}", answer.remote.etag
        self._in_parts = True
        return file.begin_parts(*version, answer.remote.size, options.part_bytes)

    def ranged_request(self, start: int, end: int) -> dict[str, str]:
        """Give the arguments of a get_object for the bytes from ``start`` to ``end``, exclusive, of this version."""
        request = {"Bucket": self._bucket, "Key": self._key, "Range": f"bytes={start}-{end - 1}"}
        return {**request, "IfMatch": f'"{self._whole().remote.etag}"'}

    def one_stream(self) -> None:
        """Ask for no parts again: the service gives none."""
        self._large_file = None

    def count(self, size: int, seconds: float) -> None:
        """Count ``size`` bytes that took ``seconds`` to arrive; below the minimum rate it is a fault."""
        self._minimum_rate.add(size, seconds)
        if self.retry.seconds_left <= 0:
            raise TransferFault(RetryAction.STOP, UnavailableError, "the bytes still come")

    def write(self, chunks: Iterable[bytes]) -> None:
        """Take bytes. Blocking: may run in a thread, one call at a time."""
        self._receiver.write(chunks)

    def finish(self) -> None:
        """Verify what was received, then publish it. Blocking."""
        expected, received = self._whole().remote.size, self._receiver.received
        if received < expected:
            cause = f"the body ended after {received:,} of {counted(expected, 'byte')}"
            raise TransferFault(RetryAction.RESUME, UnavailableError, cause)
        try:
            self._receiver.finish()
        except GzipFault as fault:
            tries = f"attempt {self.retries + 1}, MD5 as announced"
            raise ArchiveError(f"s3://{self._bucket}/{self._key}", f"{fault} ({tries})") from fault

    def failed(self, error: Exception) -> float:
        """Prepare for the next request and give the seconds to wait before; raises the final error instead."""
        action, delay = self.retry.after(error)
        resumable = self._answer is None or (self._answer.resumable and not self._in_parts)
        if action is RetryAction.RESTART or not resumable:
            self._answer, self._in_parts = None, False
        return delay

    def _whole(self) -> Answer:
        assert self._answer is not None, "begin() comes first"  # noqa: S101 (an invariant of this module)
        return self._answer


logger = logging.getLogger("polygon_assets.download")


class Downloader:
    """Base of the two downloaders; holds no connection."""

    def __init__(self, credentials: Mapping[str, str], endpoint_url: str, options: TransferOptions) -> None:
        """Check everything that can be checked without I/O; InvalidInputError names the parameter."""
        self._credentials = Credentials.of(credentials)
        self._endpoint_url = checked_endpoint(endpoint_url)
        self._options = options
        self._counters = Counters()

    def __repr__(self) -> str:
        return f"{type(self).__name__}(endpoint_url={self._endpoint_url!r}, max_retries={self._options.max_retries})"

    def get_statistics(self) -> dict[str, Any]:
        """Count the downloads so far, objects and not requests; HEAD and LIST are none.

        Keys: total_downloads, successful_downloads, failed_downloads, total_retries, success_rate (0.0 to 1.0).
        """
        return self._counters.snapshot()

    def reset_statistics(self) -> None:
        """Set the counters back to zero."""
        self._counters.reset()

    def _transfer(
        self, bucket: str, key: str, sink: Sink, *, decompress: bool, admit: Callable[[int], None] | None = None
    ) -> Transfer:
        return Transfer(bucket, key, sink, self._options, decompress=decompress, admit=admit)


def checked_target(bucket: str, key: str, local_path: Path | str) -> Path:
    """Give ``local_path`` as a Path if it can name a file; raises InvalidInputError before any I/O."""
    check_name(bucket, key)
    path = Path(local_path)
    if not path.name:
        raise InvalidInputError(f"local_path must name a file; got {str(local_path)!r}.")
    return path
