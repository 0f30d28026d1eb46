"""One object's way from the bucket: what the twins share, which is everything but I/O.

A twin asks ``request()``, sends it, gives the answer to ``begin()`` and each chunk to ``count()`` and ``write()``,
then ``finish()``; whatever is raised goes to ``failed()``, which says how long to wait before ``request()`` again.
"""

from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Any

from polygon_assets.download.failures import TransferFault, Verdict
from polygon_assets.download.gunzip import GzipFault
from polygon_assets.download.objects import FetchedObject, RemoteObject
from polygon_assets.download.options import TransferOptions
from polygon_assets.download.receiver import Receiver
from polygon_assets.download.retrying import Attempts, Pace
from polygon_assets.download.sinks import Sink
from polygon_assets.download.verification import Answer, check_partial, whole_answer
from polygon_assets.errors import ArchiveError, InvalidInputError, UnavailableError

__all__ = ["FetchedObject", "RemoteObject", "Transfer", "check_name"]


def check_name(bucket: str, key: str) -> None:
    """Refuse what cannot name an object, before any I/O."""
    for name, value in (("bucket", bucket), ("key", key)):
        if not isinstance(value, str) or not value or "\0" in value:
            raise InvalidInputError(f"{name} must be a text that is not empty; got {value!r}.")


class Transfer:
    """Downloads one object into ``sink``, over as many requests as it takes."""

    def __init__(self, bucket: str, key: str, sink: Sink, options: TransferOptions, *, decompress: bool) -> None:
        """Start the deadline's clock on the first use of ``attempts``, that is, now."""
        self._bucket, self._key, self._options = bucket, key, options
        self.attempts = Attempts(bucket, key, options)
        self._receiver = Receiver(key, sink, options, decompress=decompress)
        self._answer: Answer | None = None
        self._pace = Pace(options)

    @property
    def retries(self) -> int:
        """Requests beyond the first."""
        return self.attempts.retries

    @property
    def fetched(self) -> FetchedObject:
        """What was received; only after ``finish()``."""
        remote = self._whole().remote
        return FetchedObject(remote.key, remote.size, remote.etag, remote.last_modified, self.retries)

    def request(self) -> dict[str, str]:
        """Give the arguments of the next get_object: from the first missing byte, of the same object."""
        request = {"Bucket": self._bucket, "Key": self._key}
        if self._answer is not None:
            request["Range"] = f"bytes={self._receiver.received}-"
            request["IfMatch"] = f'"{self._answer.remote.etag}"'
        return request

    def begin(self, response: Mapping[str, Any]) -> None:
        """Check the answer's headers before any of its bytes."""
        self._pace = Pace(self._options)
        status = response["ResponseMetadata"]["HTTPStatusCode"]
        if self._answer is not None and status == HTTPStatus.PARTIAL_CONTENT:
            check_partial(response, self._answer.remote, self._receiver.received)
            return
        # Also where a Range was asked for and ignored: then the whole object comes, and is taken.
        self._answer = None
        answer = whole_answer(self._key, response, self._options.verify_md5)
        self._receiver.restart(answer.md5)
        self._answer = answer

    def count(self, size: int, seconds: float) -> None:
        """Count ``size`` bytes that took ``seconds`` to arrive; below the minimum rate it is a fault."""
        self._pace.add(size, seconds)
        if self.attempts.seconds_left <= 0:
            raise TransferFault(Verdict.STOP, UnavailableError, "the bytes still come")

    def write(self, chunks: Iterable[bytes]) -> None:
        """Take bytes. Blocking: may run in a thread, one call at a time."""
        self._receiver.write(chunks)

    def finish(self) -> None:
        """Verify what was received, then publish it. Blocking."""
        expected, received = self._whole().remote.size, self._receiver.received
        if received < expected:
            cause = f"the body ended after {received:,} of {expected:,} bytes"
            raise TransferFault(Verdict.RESUME, UnavailableError, cause)
        try:
            self._receiver.finish()
        except GzipFault as fault:
            tries = f"attempt {self.retries + 1}, MD5 as announced"
            raise ArchiveError(f"s3://{self._bucket}/{self._key}", f"{fault} ({tries})") from fault

    def failed(self, error: Exception) -> float:
        """Prepare for the next request and give the seconds to wait before; raises the final error instead."""
        verdict, delay = self.attempts.after(error)
        if verdict is Verdict.RESTART or (self._answer is not None and not self._answer.resumable):
            self._answer = None
        return delay

    def _whole(self) -> Answer:
        assert self._answer is not None, "begin() comes first"  # noqa: S101 (an invariant of this module)
        return self._answer
