"""Is this answer the object that was asked for? Pure functions over headers and first bytes."""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from polygon_assets.download.failures import TransferFault, Verdict, suspect
from polygon_assets.download.gunzip import MAGIC
from polygon_assets.download.objects import RemoteObject, described
from polygon_assets.download.options import Md5Policy
from polygon_assets.errors import IntegrityError

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
        raise suspect(f"an answer {_status(response)} to a request for the whole object")
    remote = described(key, response)
    answer = Answer(remote, _announced_md5(remote, headers, policy))
    if remote.size == 0 and (key.endswith(".gz") or remote.etag != NO_BYTES):
        raise suspect("an empty body")
    return answer


def check_partial(response: Mapping[str, Any], expected: RemoteObject, offset: int) -> None:
    """Check that a 206 carries the bytes of ``expected`` from ``offset`` to its end."""
    headers = _sound_headers(response)
    found = described(expected.key, response)
    if found.etag != expected.etag:
        raise suspect(f"the object was replaced during the download (ETag {expected.etag}, now {found.etag})")
    announced = headers.get("content-range", "")
    match = CONTENT_RANGE.fullmatch(announced.strip())
    wanted = (offset, expected.size - 1, expected.size)
    if match is None or tuple(map(int, match.groups())) != wanted or found.size != expected.size - offset:
        cause = f"asked for bytes {offset}-{expected.size - 1}/{expected.size}, answered Content-Range {announced!r}"
        raise TransferFault(Verdict.STOP, IntegrityError, cause)


def check_head(key: str, head: bytes) -> None:
    """Refuse an error page, or anything but gzip under a ``.gz`` key, by its first bytes."""
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if start.startswith(PAGE_STARTS) and not key.lower().endswith(PAGE_SUFFIXES):
        raise suspect("an HTML or XML page instead of the object")
    if key.endswith(".gz") and head[: len(MAGIC)] != MAGIC[: len(head)]:
        raise suspect("not a gzip file, though the key says so")


def _status(response: Mapping[str, Any]) -> int:
    return int(response["ResponseMetadata"]["HTTPStatusCode"])


def _sound_headers(response: Mapping[str, Any]) -> Mapping[str, str]:
    headers: Mapping[str, str] = response["ResponseMetadata"]["HTTPHeaders"]
    encoding = headers.get("content-encoding", "").strip().lower()
    if encoding not in HARMLESS_ENCODINGS:
        raise suspect(f"a Content-Encoding {encoding!r} was added on the way")
    if "content-length" not in headers:
        raise suspect("an answer without Content-Length")
    return headers


def _announced_md5(remote: RemoteObject, headers: Mapping[str, str], policy: Md5Policy) -> str | None:
    if policy == "never":
        return None
    encrypted = headers.get("x-amz-server-side-encryption", "").startswith("aws:kms")
    keyed = "x-amz-server-side-encryption-customer-algorithm" in headers
    if MD5_HEX.fullmatch(remote.etag) and not encrypted and not keyed:
        return remote.etag
    if policy == "always":
        raise TransferFault(Verdict.STOP, IntegrityError, f"the ETag {remote.etag!r} is no MD5 (verify_md5='always')")
    return None
