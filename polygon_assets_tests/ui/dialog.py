"""What a person does with the dialog that materialises partitions, and waits for then."""

import time
from typing import TYPE_CHECKING

from polygon_assets_tests.ui.browser import keep, settle
from polygon_assets_tests.ui.conftest import ARTIFACTS

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page


def reload_until(page: "Page", shown: "Locator", seconds: float = 180) -> None:
    """Reload a page until it shows something, as an impatient person does."""
    deadline = time.monotonic() + seconds
    while True:
        page.wait_for_timeout(2000)
        page.reload()
        settle(page)
        if shown.count():
            return
        assert time.monotonic() < deadline, f"{shown} is not shown within {seconds} s:\n{page.inner_text('body')}"


def launch(page: "Page", selection: str, button: str, answer: str) -> None:
    """Choose partitions in the dialog that is open, launch them by ``button``, and wait for ``answer``."""
    field = page.get_by_text("Partition selection").locator("xpath=following::input[@type='text'][1]")
    field.fill(selection)
    field.press("Enter")
    keep(page, ARTIFACTS / f"dialog {button}.png")
    page.get_by_role("button", name=button, exact=True).click()
    page.get_by_text(answer).wait_for()
