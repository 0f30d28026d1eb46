"""Pictures in the UI: the coverage asset, its sensor, and what a partition shows of its content."""

import base64
import re
from io import BytesIO
from typing import Any

import dagster as dg
import pytest
from PIL import Image

from polygon_assets.reading.pictures import COLOURS
from polygon_assets_tests.platforms import QUIET, Platform

KEY = dg.AssetKey("coverage")
DAYS = ["2024-01-02", "2024-01-03", "2024-01-04"]
pytestmark = pytest.mark.stores("disk", "s3")


def draw(platform: Platform) -> dict[str, Any]:
    """Materialise coverage; its metadata."""
    job = platform.definitions().resolve_implicit_global_asset_job_def().get_subset(asset_selection={KEY})
    assert job.execute_in_process(instance=platform.instance, run_config=QUIET).success, platform.why()
    event = platform.instance.get_latest_materialization_event(KEY)
    assert event is not None
    assert event.asset_materialization is not None
    return {name: value.value for name, value in event.asset_materialization.metadata.items()}


def test_a_picture_of_each_data_type(platform: Platform, monkeypatch: Any) -> None:
    monkeypatch.setenv("POLYGON_HISTORY_START", DAYS[0])
    platform.publish("stocks_daily", [DAYS[0], DAYS[2]])
    platform.put_broken("stocks_daily", DAYS[1])
    platform.run("stocks_daily", DAYS)
    metadata = draw(platform)
    assert (metadata["stocks_daily/published"], metadata["options_minute/published"]) == (2, 0)
    assert metadata["stocks_daily/quarantined"] == 1
    assert f"| {DAYS[1]} | {DAYS[1]} | 1 |" in metadata["stocks_daily"]
    months = metadata["stocks_daily/months"]
    assert months.startswith("2 days stored, ")
    assert "\n2024 ✗" in months, (
        "the pictures are behind a click: from 1,000 characters on, the web interface has a link"
    )
    assert max(len(text) for name, text in metadata.items() if name.endswith("/months")) < 1_000
    encoded = re.search(r"!\[Coverage of stocks_daily\]\(data:image/png;base64,([^)]+)\)", metadata["stocks_daily"])
    assert encoded
    picture = base64.b64decode(encoded[1])
    assert len(picture) < 30_000
    file = f"{platform.place.uri}/_coverage/stocks_daily.png"
    assert platform.place.read(file) == picture
    assert metadata["stocks_daily/picture"] == file
    with Image.open(BytesIO(picture)) as image:
        found = image.convert("RGB").getcolors(10_000) or []
    shades = [each for _, each in found if isinstance(each, tuple)]
    green = tuple(bytes.fromhex(next(iter(COLOURS.values())).removeprefix("#")))
    assert min(sum(abs(a - b) for a, b in zip(each, green, strict=True)) for each in shades) < 30


def refresh(platform: Platform, cursor: str | None) -> Any:
    sensor = platform.definitions().resolve_sensor_def("refresh_coverage")
    with dg.build_sensor_context(instance=platform.instance, cursor=cursor) as context:
        return sensor.evaluate_tick(context)


def test_refreshed_after_new_days_and_only_then(platform: Platform) -> None:
    assert "No day was stored" in refresh(platform, None).skip_message
    platform.publish("stocks_daily", DAYS[:1])
    platform.run("stocks_daily", DAYS[:1])
    due = refresh(platform, None)
    assert len(due.run_requests) == 1
    assert "No day was stored" in refresh(platform, due.cursor).skip_message
    draw(platform)
    assert "No day was stored" in refresh(platform, due.cursor).skip_message
    platform.publish("options_daily", DAYS[:1])
    platform.run("options_daily", DAYS[:1])
    assert len(refresh(platform, due.cursor).run_requests) == 1


def test_a_partition_shows_ten_rows_and_its_movers(platform: Platform) -> None:
    platform.publish("stocks_daily", DAYS[:2])
    platform.run("stocks_daily", DAYS[:2])
    for day in DAYS[:2]:
        shown = platform.metadata("stocks_daily", day)
        columns = shown["preview"].schema.columns
        assert [column.name for column in columns][:3] == ["ticker", "volume", "open"]
        assert all(column.description for column in columns), "Dagster's guess from the records has names alone"
        assert len(shown["preview"].records) == 10
        assert [column.name for column in shown["largest_movers"].schema.columns][:2] == ["ticker", "change"]
        changes = [float(str(record.data["change"]).rstrip("%")) for record in shown["largest_movers"].records]
        assert 0 < len(changes) <= 10
        assert changes == sorted(changes, reverse=True)
