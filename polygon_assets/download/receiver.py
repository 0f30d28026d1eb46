"""The way of the bytes: looked at, hashed, decompressed, kept. Blocking, so that it may run in a thread."""

import hashlib
import math
import sys
from collections.abc import Iterable
from typing import Any

from polygon_assets.download.failures import suspect
from polygon_assets.download.gunzip import Gunzip, GzipFault
from polygon_assets.download.options import TransferOptions
from polygon_assets.download.sinks import Sink
from polygon_assets.download.verification import HEAD_BYTES, check_head


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
        """Verify the whole; raises GzipFault only for bytes whose MD5 is right."""
        if not self._head_checked:
            check_head(self._key, self._head)
        if self._md5 is not None and self._md5.hexdigest() != self._expected:
            cause = f"the {self.received:,} bytes have the MD5 {self._md5.hexdigest()}, the ETag says {self._expected}"
            raise suspect(cause)
        if self._gunzip is not None:
            self._finish_gzip(self._gunzip)
        self._sink.publish()

    def _new_gunzip(self) -> Gunzip | None:
        """Decompress for the caller, or only to verify what no MD5 vouches for."""
        options = self._options
        if self._decompress:
            return Gunzip(max_bytes=options.max_decompressed_bytes, max_ratio=options.max_decompression_ratio)
        if self._md5 is None and self._key.endswith(".gz") and options.verify_md5 != "never":
            return Gunzip(max_bytes=sys.maxsize, max_ratio=math.inf)
        return None

    def _look_at(self, chunk: bytes) -> None:
        self._head += chunk[:HEAD_BYTES]
        if len(self._head) >= HEAD_BYTES:
            check_head(self._key, self._head)
            self._head_checked = True

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
            raise suspect(str(fault)) from fault
        raise fault
