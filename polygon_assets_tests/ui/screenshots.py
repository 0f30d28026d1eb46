"""``make screenshots``: the README's pictures, taken in Chromium of what ``make demo`` serves."""

import io
import os
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from PIL import Image

from polygon_assets.datasets import DATASETS
from polygon_assets.download import S3Catalog
from polygon_assets.sample.local_s3 import last_sessions
from polygon_assets_tests.project import ROOT
from polygon_assets_tests.servers.seaweed import free_ports
from polygon_assets_tests.ui.browser import browser, missing_parts, new_page, settle
from polygon_assets_tests.ui.drawings import draw_status, draw_twenty_years

if TYPE_CHECKING:
    from playwright.sync_api import Page

FOLDER = ROOT / "docs" / "images"
_START_SECONDS = 300
_STOP_SECONDS = 60
_REST_MILLISECONDS = 1500
_ZOOM_OUT = 4
_GROUPS = "global@global:flat_files,global@global:market_data"


def asset_partitions(page: "Page") -> None:
    """The partitions of an asset, and where one of them came from."""
    (newest,) = last_sessions(S3Catalog(), DATASETS["stocks_daily"], 1)
    page.goto(f"/assets/stocks_daily?view=partitions&partition={newest}")
    page.get_by_text("source_etag").first.wait_for()


def asset_overview(page: "Page") -> None:
    """What an asset is, with its columns."""
    page.goto("/assets/options_daily?view=overview")
    page.get_by_text("Shares or contracts traded").first.wait_for()


def asset_checks(page: "Page") -> None:
    """A check's last result, and how the numbers behind it went."""
    page.goto("/assets/stocks_minute?view=checks&checkDetail=row_count")
    page.get_by_text("Plots").first.wait_for()


def lineage(page: "Page") -> None:
    """From the vendor's files to Parquet."""
    page.goto(f"/asset-groups?expanded={quote(_GROUPS)}")
    page.get_by_text("stocks_minute").last.wait_for()
    for _ in range(_ZOOM_OUT):  # until both groups are seen whole
        page.get_by_label("zoom_out").click()
        page.wait_for_timeout(_REST_MILLISECONDS)


PICTURES: dict[str, Callable[["Page"], None]] = {
    "asset-partitions": asset_partitions,
    "asset-overview": asset_overview,
    "asset-checks": asset_checks,
    "lineage": lineage,
}


@contextmanager
def demo() -> Iterator[str]:
    """Run the demo in a folder of its own; the URL of its web interface."""
    (port,) = free_ports(1)
    url = f"http://127.0.0.1:{port}"
    command = [str(Path(sys.executable).parent / "polygon-assets"), "demo", "--port", str(port)]
    with tempfile.TemporaryDirectory(prefix="demo-") as folder, tempfile.TemporaryFile("w+") as said:
        process = subprocess.Popen(command, cwd=folder, env=os.environ, stdout=said, stderr=said)
        try:
            if not _answers(url, process):
                said.seek(0)
                raise SystemExit(f"The demo does not serve its web interface. It said:\n{said.read()}")
            yield url
        finally:
            process.send_signal(signal.SIGINT)
            try:
                process.wait(_STOP_SECONDS)
            finally:
                process.kill()


def _answers(url: str, process: "subprocess.Popen[bytes]") -> bool:
    deadline = time.monotonic() + _START_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        with suppress(OSError), urllib.request.urlopen(f"{url}/server_info", timeout=5):  # noqa: S310 (our own http URL)
            return True
        time.sleep(0.5)
    return False


def _write_small(png: bytes, path: Path) -> None:
    """Write a picture with a palette: half the size of what a browser makes, and the eye sees no difference."""
    picture = Image.open(io.BytesIO(png)).convert("RGB")
    picture.quantize(256, method=Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE).save(path, optimize=True)


def main() -> None:
    """Take every picture, or those named on the command line."""
    if missing := missing_parts():
        raise SystemExit(missing)
    FOLDER.mkdir(parents=True, exist_ok=True)
    if not sys.argv[1:]:
        draw_status(FOLDER / "status.svg")
        draw_twenty_years(FOLDER / "coverage.png")
    with demo() as url, browser() as running, new_page(running, url) as page:
        for name in sys.argv[1:] or PICTURES:
            PICTURES[name](page)
            settle(page)
            page.wait_for_timeout(_REST_MILLISECONDS)
            picture = FOLDER / f"{name}.png"
            _write_small(page.screenshot(animations="disabled"), picture)
            print(f"{picture.name}: {picture.stat().st_size:,} bytes")  # noqa: T201 (says what it wrote)


if __name__ == "__main__":
    main()
