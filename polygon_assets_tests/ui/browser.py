"""Debian's Chromium, driven by Playwright."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

WIDTH, HEIGHT = 1280, 800
WAIT_SECONDS = 60
_OPTIONS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage",
]  # fmt: skip


def missing_parts() -> str | None:
    """What is not installed of what a browser test needs, and how to install it; None where all is there."""
    if find_spec("playwright") is None:
        return "playwright is not installed: make install"
    if shutil.which("chromium") is None:
        return "chromium is not installed: apt-get install chromium"
    return None


@contextmanager
def browser(*options: str) -> "Iterator[Browser]":
    """A browser without a window, with further command line ``options``; it ends with the block."""
    from playwright.sync_api import sync_playwright  # noqa: PLC0415 (only here is it needed)

    program = shutil.which("chromium")
    assert program, missing_parts()
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=program, args=[*_OPTIONS, *options])
        try:
            yield running
        finally:
            running.close()


@contextmanager
def new_page(running: "Browser", url: str) -> "Iterator[Page]":
    """A page in a profile of its own, whose relative addresses start from ``url``."""
    context = running.new_context(
        base_url=url, viewport={"width": WIDTH, "height": HEIGHT}, timezone_id="America/New_York", locale="en-US"
    )
    context.set_default_timeout(WAIT_SECONDS * 1000)
    try:
        yield context.new_page()
    finally:
        context.close()


def settle(page: "Page") -> None:
    """Wait until a page has fetched what it shows."""
    page.wait_for_load_state("networkidle")


def keep(page: "Page", picture: Path) -> None:
    """Write what a page shows, once it is at rest."""
    settle(page)
    picture.parent.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=picture, animations="disabled")
