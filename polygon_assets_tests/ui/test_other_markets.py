"""Days on which the stock exchange is closed, backfilled in a browser: a Saturday of crypto, a Sunday of forex."""

import datetime as dt
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from polygon_assets_tests.servers.seaweed import S3Server
from polygon_assets_tests.ui.browser import keep
from polygon_assets_tests.ui.conftest import ARTIFACTS, Served, serving
from polygon_assets_tests.ui.dialog import launch, reload_until

if TYPE_CHECKING:
    from playwright.sync_api import Page


@pytest.fixture(scope="module")
def served(s3_server: S3Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A platform that watches currencies, and no stocks."""
    with serving(s3_server, tmp_path_factory.mktemp("ui"), "crypto_daily, forex_*") as running:
        yield running


def weekend(served: Served) -> tuple[str, str, str, str]:
    """Friday to Monday, in the middle of the history: no sensor asks for them by itself."""
    day = dt.date.fromisoformat(served.days[len(served.days) // 2])
    friday = day - dt.timedelta((day.weekday() - 4) % 7)
    first, second, third, fourth = ((friday + dt.timedelta(number)).isoformat() for number in range(4))
    return first, second, third, fourth


def backfill(page: "Page", asset: str, selection: str, button: str, answer: str) -> None:
    """Materialise a selection of partitions from the asset's page."""
    page.goto(f"/assets/{asset}?view=partitions")
    page.get_by_role("button", name="Materialize").first.click()
    launch(page, selection, button, answer)


def test_a_saturday_of_crypto_is_backfilled(served: Served, page: "Page") -> None:
    _, saturday, sunday, _ = weekend(served)
    served.platform.publish("crypto_daily", [saturday, sunday])
    backfill(page, "crypto_daily", f"[{saturday}...{sunday}]", "Launch backfill", "Created backfill")
    page.goto(f"/assets/crypto_daily?view=partitions&partition={saturday}")
    reload_until(page, page.get_by_text("Materialized (2)"))
    keep(page, ARTIFACTS / "crypto saturday.png")
    assert served.platform.materialised("crypto_daily") == [saturday, sunday]
    assert served.platform.metadata("crypto_daily", saturday)["dagster/partition_row_count"] > 0


def test_a_sunday_of_forex_is_backfilled_and_there_is_no_saturday(served: Served, page: "Page") -> None:
    friday, saturday, sunday, monday = weekend(served)
    served.platform.publish("forex_daily", [friday, sunday, monday])
    backfill(page, "forex_daily", f"[{friday}...{monday}]", "Launch backfill", "Created backfill")
    page.goto(f"/assets/forex_daily?view=partitions&partition={sunday}")
    reload_until(page, page.get_by_text("Materialized (3)"))
    keep(page, ARTIFACTS / "forex sunday.png")
    assert served.platform.materialised("forex_daily") == [friday, sunday, monday]
    assert saturday not in page.inner_text("body")


def test_one_sunday_of_ticks_is_materialised_with_every_nanosecond(served: Served, page: "Page") -> None:
    _, _, sunday, _ = weekend(served)
    served.platform.publish("forex_quotes", [sunday])
    backfill(page, "forex_quotes", sunday, "Launch 1 run", "Launched run")
    page.goto(f"/assets/forex_quotes?view=partitions&partition={sunday}")
    reload_until(page, page.get_by_text("View all historical events (1)"))
    shown = page.inner_text("body")
    assert served.platform.metadata("forex_quotes", sunday)["source_key"] in shown
    assert "participant_timestamp" in shown
