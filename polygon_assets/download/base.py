"""What both downloaders are before any I/O: checked settings, statistics, and a repr without secrets."""

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from polygon_assets.download.counters import Counters
from polygon_assets.download.options import Credentials, TransferOptions, checked_endpoint
from polygon_assets.download.sinks import Sink
from polygon_assets.download.transfer import Transfer, check_name
from polygon_assets.errors import InvalidInputError

logger = logging.getLogger("polygon_assets.download")


class Downloader:
    """Base of the twins; holds no connection."""

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

    def _transfer(self, bucket: str, key: str, sink: Sink, *, decompress: bool) -> Transfer:
        return Transfer(bucket, key, sink, self._options, decompress=decompress)


def checked_target(bucket: str, key: str, local_path: Path | str) -> Path:
    """Give ``local_path`` as a Path if it can name a file; raises InvalidInputError before any I/O."""
    check_name(bucket, key)
    path = Path(local_path)
    if not path.name:
        raise InvalidInputError(f"local_path must name a file; got {str(local_path)!r}.")
    return path
