"""Reading an object of a store on S3: all of it from one version, however often it is replaced meanwhile.

Opening asks for the object's end, whose answer names its size and ETag; every further request demands that ETag.
Arrow's own reader asks for the rest where it gets less than the size that it was told: of whatever is there by then.
Belongs here: that, as a file system for Arrow. Does not: listing (``s3_folder``), which is left to Arrow's own.
"""

import atexit
import os
import threading
import time
import weakref
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager, suppress
from typing import Any, NoReturn, TypeVar

import botocore.exceptions
import pyarrow as pa
import pyarrow.fs as pafs

from polygon_assets.errors import ReplacedWhileReadError

OF_S3 = "AWS Error"
"""In the message of every error that an answer of S3, or none, is behind."""
FOOTER_BYTES = 64 * 1024
"""Of the end, where little more than the footer is wanted."""
TAIL_BYTES = 640 * 1024
"""Of the end, where rows are: all of a day of daily bars, which so costs one request."""
WHOLE_BYTES = 64 * 1024**2
"""Of the end, once an object was replaced while it was read: all of it in one request, so that none can come between"""
_LOOKS = 5
_BODIES = 3
"""Times that a body is asked for which breaks off."""
_END_SECONDS, _QUIET_SECONDS, _HELD_SECONDS = 10, 0.1, 1.0
"""How long is waited at most when the process ends; how long no request has come by then; and how long while files are
still held: by Arrow, whose threads are busy, or by a variable, which would hold them for ever."""
_BROKEN = (
    botocore.exceptions.IncompleteReadError,
    botocore.exceptions.ReadTimeoutError,
    botocore.exceptions.ResponseStreamingError,
)
Result = TypeVar("Result")
Batch = TypeVar("Batch")


def settled(call: Callable[[], Result]) -> Result:
    """``call()``, again where an object was replaced meanwhile.

    Raises:
        ReplacedWhileReadError: it was at each of five looks.
    """
    for _ in range(_LOOKS - 1):
        try:
            return call()
        except (ReplacedWhileReadError, OSError) as error:
            if not _was_replaced(error):
                raise
    return call()


def _was_replaced(error: Exception) -> bool:
    """Arrow gives an error of a file that Python reads as it came, or as an OSError with its words."""
    return isinstance(error, ReplacedWhileReadError) or ReplacedWhileReadError.WORDS in str(error)


class _Reads:
    """Requests of Arrow's threads, which come back to Python, so that a process can end while they are at it.

    A scan that is not read to its end leaves some under way, and more that wait for a thread. One that comes back after
    Python's end aborts the process, or waits for ever.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._under_way = self._asked = 0
        self._ending = False
        self._files: weakref.WeakSet[PinnedObject] = weakref.WeakSet()
        self._scans: weakref.WeakSet[Generator[Any, None, None]] = weakref.WeakSet()

    def given(self, file: "PinnedObject") -> None:
        """Arrow has ``file`` now, and reads it when it likes."""
        self._files.add(file)

    def scanning(self, batches: Generator[Batch, None, None]) -> Generator[Batch, None, None]:
        """``batches``, which are closed with the process where nobody has read all of them."""
        self._scans.add(batches)
        return batches

    @contextmanager
    def one(self, uri: str) -> Iterator[None]:
        """Around a request; an error at once where the process ends."""
        with self._changed:
            if not self._asked:
                atexit.register(self.end)
            self._asked += 1
            if self._ending:
                raise OSError(f"{OF_S3}: {uri}: not read, since this process ends")
            self._under_way += 1
        try:
            yield
        finally:
            with self._changed:
                self._under_way -= 1
                self._changed.notify_all()

    def end(self) -> None:
        """Let no request begin any more, and wait until Arrow asks for none, a while longer if a file is held."""
        until = time.monotonic() + _END_SECONDS
        with self._changed:
            self._ending = True
            self._changed.wait_for(lambda: not self._under_way, _END_SECONDS)
        for batches in list(self._scans):
            with suppress(ValueError):  # another thread is in it
                batches.close()
        asked, since = -1, time.monotonic()
        while (now := time.monotonic()) < until:
            if asked != self._asked:
                asked, since = self._asked, now
            elif now - since >= (_HELD_SECONDS if len(self._files) else _QUIET_SECONDS):
                return
            time.sleep(_QUIET_SECONDS)


reads = _Reads()


class PinnedObject:
    """An object as a file that is open for reading, as far as Arrow needs one; its errors are those of files."""

    def __init__(
        self, client: Any, bucket: str, key: str, tail: int, on_replaced: Callable[[], None] = lambda: None
    ) -> None:
        """Ask for the last ``tail`` bytes; ``on_replaced`` is told where the rest is found to be another's.

        Raises:
            FileNotFoundError: there is no such object.
            OSError: the bucket does not answer, or refuses.
        """
        self._client, self._place, self._on_replaced = client, {"Bucket": bucket, "Key": key}, on_replaced
        self._uri = f"s3://{bucket}/{key}"
        self._pin: dict[str, str] = {}
        self._position, self.closed = 0, False
        answer, self._end = self._get(f"bytes=-{tail}")
        self.size = int(answer["ContentRange"].rpartition("/")[2]) if "ContentRange" in answer else len(self._end)
        self._pin = {"IfMatch": answer["ETag"]} if "ETag" in answer else {}

    def as_arrow(self) -> pa.NativeFile:
        """For Arrow's readers; what is here already is read without Python."""
        if len(self._end) == self.size:
            return pa.BufferReader(self._end)
        reads.given(self)
        return pa.PythonFile(self, mode="r")  # type: ignore[arg-type]  # it asks for these methods alone

    def read(self, count: int | None = -1) -> bytes:
        """The next ``count`` bytes; all that are left where it is negative."""
        stop = self.size if count is None or count < 0 else min(self._position + count, self.size)
        start, self._position = self._position, max(self._position, stop)
        first = self.size - len(self._end)
        if start >= stop:
            return b""
        if start >= first:
            return self._end[start - first : stop - first]
        return self._get(f"bytes={start}-{stop - 1}")[1]

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Go there; the position from the beginning."""
        self._position = offset + {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self.size}[whence]
        return self._position

    def tell(self) -> int:
        """The position from the beginning."""
        return self._position

    def close(self) -> None:
        """Forget what was read."""
        self.closed, self._end = True, b""

    def readable(self) -> bool:
        """Yes."""
        return True

    def seekable(self) -> bool:
        """Yes."""
        return True

    def _get(self, wanted: str) -> tuple[Any, bytes]:
        with reads.one(self._uri):
            return self._got(wanted)

    def _got(self, wanted: str) -> tuple[Any, bytes]:
        for attempt in range(1, _BODIES + 1):
            try:
                answer = self._client.get_object(**self._place, Range=wanted, **self._pin)
                with answer["Body"] as body:
                    return answer, body.read()
            except botocore.exceptions.ClientError as error:
                if _status(error) == 416 and not self._pin:  # noqa: PLR2004 (an empty object has no last byte)
                    return {}, b""
                self._fail(error)
            except _BROKEN as error:
                if attempt == _BODIES:
                    raise OSError(f"{OF_S3}: {self._uri}: {error}") from error
            except botocore.exceptions.BotoCoreError as error:
                raise OSError(f"{OF_S3}: {self._uri}: {error}") from error
        raise AssertionError

    def _fail(self, error: botocore.exceptions.ClientError) -> NoReturn:
        code = str(error.response.get("Error", {}).get("Code"))
        gone = code in {"NoSuchKey", "404"}
        if self._pin and (gone or _status(error) in {412, 416}):
            self._on_replaced()
            raise ReplacedWhileReadError(self._uri) from error
        if gone:
            raise FileNotFoundError(2, os.strerror(2), self._uri) from error
        raise OSError(f"{OF_S3} {code}: {self._uri}: {error}") from error


class PinnedFiles(pafs.FileSystemHandler):
    """Arrow's own file system ``inner``, which looks, with ``open_object`` in its place, which reads."""

    def __init__(self, inner: pafs.FileSystem, open_object: Callable[[str], PinnedObject]) -> None:
        """``open_object`` takes a name as ``inner`` does; both are pickled with a dataset."""
        self._inner, self._open = inner, open_object

    def __eq__(self, other: object) -> bool:
        return isinstance(other, PinnedFiles) and self._inner == other._inner

    def __ne__(self, other: object) -> bool:
        return not self == other

    __hash__ = None  # type: ignore[assignment]

    def get_type_name(self) -> str:
        """What it is called."""
        return "pinned-s3"

    def normalize_path(self, path: str) -> str:
        """As it is."""
        return path

    def get_file_info(self, paths: str | list[str]) -> list[pafs.FileInfo]:
        """Look at each."""
        return list(self._inner.get_file_info([paths] if isinstance(paths, str) else paths))

    def get_file_info_selector(self, selector: pafs.FileSelector) -> list[pafs.FileInfo]:
        """Look into a folder."""
        return list(self._inner.get_file_info(selector))

    def open_input_file(self, path: str) -> pa.NativeFile:
        """Of one version."""
        return self._open(path).as_arrow()

    def open_input_stream(self, path: str) -> pa.NativeFile:
        """The same."""
        return self.open_input_file(path)

    def _refuse(self, *_: object, **__: object) -> NoReturn:
        raise PermissionError("A store is published to, not written through its file system")

    create_dir = delete_dir = delete_dir_contents = delete_root_dir_contents = delete_file = _refuse
    move = copy_file = open_output_stream = open_append_stream = _refuse


def _status(error: botocore.exceptions.ClientError) -> int:
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
