"""What a person does by hand, done in a browser: materialise, backfill, wait for a new day, read a check's result."""

from typing import TYPE_CHECKING

from polygon_assets_tests.ui.browser import WAIT_SECONDS, keep
from polygon_assets_tests.ui.conftest import ARTIFACTS, Served
from polygon_assets_tests.ui.dialog import launch, reload_until

if TYPE_CHECKING:
    from playwright.sync_api import Page

METADATA = (
    "dagster/partition_row_count", "dagster/uri", "symbols", "source_key", "source_etag", "source_bytes",
    "parquet_bytes", "retries", "download_seconds", "convert_seconds",
)  # fmt: skip


def choose(page: "Page", asset: str) -> None:
    """Tick an asset in the catalog."""
    link = page.locator(f"a[href^='/assets/{asset}']").first
    link.locator("xpath=ancestor::*[.//input[@type='checkbox']][1]").locator("label").first.click()


def test_one_day_is_materialised_from_the_asset_page(served: Served, page: "Page") -> None:
    day = served.days[20]
    served.platform.publish("stocks_daily", [day])
    page.goto("/assets/stocks_daily?view=partitions")
    page.get_by_role("button", name="Materialize").first.click()
    launch(page, day, "Launch 1 run", "Launched run")
    page.goto(f"/assets/stocks_daily?view=partitions&partition={day}")
    reload_until(page, page.get_by_text("View all historical events (1)"))
    assert page.get_by_text("Materialized (1)").count()
    shown = page.inner_text("body")
    stored = served.platform.metadata("stocks_daily", day)
    for name in METADATA:
        assert name in shown
    for name in ("source_key", "source_etag"):
        assert stored[name] in shown


def test_twenty_days_of_two_datasets_are_backfilled_from_the_dialog(served: Served, page: "Page") -> None:
    days = served.days[5:25]
    for asset in ("options_daily", "options_minute"):
        served.platform.publish(asset, days)
    page.goto("/assets")
    for asset in ("options_daily", "options_minute"):
        choose(page, asset)
    page.get_by_role("button", name="Materialize selected (2)").click()
    launch(page, f"[{days[0]}...{days[-1]}]", "Launch backfill", "Created backfill")
    page.goto("/runs?view=backfills")
    reload_until(page, page.get_by_text("Success", exact=True))
    assert page.get_by_text("20 partitions").count()
    keep(page, ARTIFACTS / "backfill completed.png")
    for asset in ("options_daily", "options_minute"):
        page.goto(f"/assets/{asset}?view=partitions")
        page.get_by_text("Materialized (20)").wait_for()


def test_a_new_file_becomes_a_partition_without_a_hand(served: Served, page: "Page") -> None:
    newest = served.days[-1]
    page.goto(f"/assets/stocks_minute?view=partitions&partition={newest}")
    page.get_by_text("Materialized (0)").wait_for()
    served.platform.publish("stocks_minute", [newest])
    reload_until(page, page.get_by_text("Materialized (1)"))
    keep(page, ARTIFACTS / "new day.png")
    page.goto("/automation")
    page.get_by_text("new_trading_days_stocks_minute").first.click()
    page.get_by_text("1 run requested").first.wait_for()


def test_a_checks_result_says_what_is_wrong(served: Served, page: "Page") -> None:
    broken = served.days[2]
    served.platform.put_broken("stocks_daily", broken)
    assert served.site.wait_for_backfill(served.site.backfill(["stocks_daily"], [broken])) == "COMPLETED_FAILED"
    page.goto(f"/assets/stocks_daily?view=partitions&partition={broken}")
    page.get_by_text("Failed (1)").wait_for()
    keep(page, ARTIFACTS / "failed partition.png")
    page.goto("/assets/stocks_daily?view=checks&checkDetail=readable")
    page.get_by_text("found ticker,price").first.wait_for(timeout=WAIT_SECONDS * 1000)
    assert page.get_by_text(broken).count()
    assert page.get_by_text("Failed").count()


def test_the_picture_of_what_is_stored(served: Served, page: "Page") -> None:
    stored, missing = served.days[30], served.days[31]
    served.platform.publish("stocks_daily", [stored])
    assert served.site.wait_for_backfill(served.site.backfill(["stocks_daily"], [stored])) == "COMPLETED_SUCCESS"
    page.goto("/assets/coverage")
    page.get_by_role("button", name="Materialize").first.click()
    page.get_by_role("button", name="Confirm").click()  # that agreement, which it shows, too, is not there yet
    markdown = page.get_by_text("Show Markdown")
    reload_until(page, markdown)
    markdown.first.click()
    picture = page.get_by_role("img", name="Coverage of stocks_daily")
    picture.wait_for()
    assert picture.evaluate("each => each.complete && each.naturalWidth > 500 && each.naturalHeight > 200")
    assert missing in page.inner_text("body"), "the table of gaps"


def test_a_partition_shows_rows_and_movers(served: Served, page: "Page") -> None:
    day = served.days[32]
    served.platform.publish("stocks_minute", [day])
    assert served.site.wait_for_backfill(served.site.backfill(["stocks_minute"], [day])) == "COMPLETED_SUCCESS"
    page.goto(f"/assets/stocks_minute?view=partitions&partition={day}")
    page.get_by_text("largest_movers").wait_for()
    rows = page.locator("table", has_text="window_start").last.locator("tr")
    assert rows.count() == 1 + 10
