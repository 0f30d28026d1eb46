"""A store whose disk is not mounted is missed, and the empty folder underneath is not filled."""

import json
import shutil
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from polygon_assets.errors import LinkInStoreError, StoreAbsentError
from polygon_assets.ingest import DayStatus, ParquetStore
from polygon_assets.ingest.connections import existing_store
from polygon_assets.settings import load_settings
from polygon_assets.store import marker
from polygon_assets.store.marker import MARKER, identify, remember, remembered
from polygon_assets_tests.factories import row, stamp, text
from polygon_assets_tests.vendor import Vendor

DAY = "2024-01-02"
GOOD = text([row("A", stamp())])


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A memory of this test's own."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return tmp_path / "state" / "polygon-assets" / "stores"


@pytest.fixture
def root(vendor: Vendor) -> Path:
    return Path(vendor.store.uri)


def unmount(root: Path, *, gone: bool = False) -> None:
    """Leave an empty folder where the store was, or none."""
    root.rename(root.with_name("on the disk"))
    if not gone:
        root.mkdir()


def mount(root: Path) -> None:
    """Put the store back, in place of a folder that must be empty."""
    root.rmdir()
    root.with_name("on the disk").rename(root)


async def test_a_store_whose_disk_was_unmounted_was_once_filled_again_underneath(vendor: Vendor, root: Path) -> None:
    vendor.put("stocks_daily", DAY, GOOD)
    await vendor.ingest("stocks_daily", DAY)
    unmount(root)
    with pytest.raises(StoreAbsentError, match="is its disk mounted"):
        await vendor.ingest("stocks_daily", DAY)
    mount(root)
    (again,) = await vendor.ingest("stocks_daily", DAY)
    assert again.status is DayStatus.UNCHANGED


READ: dict[str, Callable[[ParquetStore], object]] = {
    "days": lambda store: store.days("stocks_daily"),
    "scan": lambda store: store.scan("stocks_daily"),
    "versions": lambda store: store.versions("stocks_daily"),
    "existing": lambda store: existing_store(load_settings(), store.uri),
    "writable": lambda store: store.check_writable(),
}


@pytest.mark.parametrize("gone", [False, True], ids=["empty", "no folder"])
@pytest.mark.parametrize("question", READ)
async def test_one_that_is_not_mounted_does_not_read_like_an_empty_one(
    vendor: Vendor, root: Path, question: str, gone: bool
) -> None:
    vendor.put("stocks_daily", DAY, GOOD)
    await vendor.ingest("stocks_daily", DAY)
    unmount(root, gone=gone)
    with pytest.raises(StoreAbsentError):
        READ[question](ParquetStore(vendor.store.uri))
    assert vendor.place.files() == []


async def test_a_store_of_an_earlier_version_is_marked_at_its_first_use(vendor: Vendor, root: Path) -> None:
    """It holds days, and nothing says of it that it was there."""
    vendor.put("stocks_daily", DAY, GOOD)
    await vendor.ingest("stocks_daily", DAY)
    (root / MARKER).unlink()
    shutil.rmtree(root.parent / "state")
    assert vendor.store.days("stocks_daily") == [DAY]
    (again,) = await vendor.ingest("stocks_daily", DAY)
    assert again.status is DayStatus.UNCHANGED
    assert remembered(root) == json.loads((root / MARKER).read_text())["id"]


async def test_the_remedy_begins_a_new_store(vendor: Vendor, root: Path) -> None:
    vendor.put("stocks_daily", DAY, GOOD)
    await vendor.ingest("stocks_daily", DAY)
    first = remembered(root)
    unmount(root)
    with pytest.raises(StoreAbsentError, match=f"touch {root}/{MARKER}"):
        await vendor.ingest("stocks_daily", DAY)
    (root / MARKER).touch()
    (again,) = await vendor.ingest("stocks_daily", DAY)
    assert again.status is DayStatus.PUBLISHED
    assert remembered(root) == json.loads((root / MARKER).read_text())["id"] != first


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", "\xff"])
def test_a_marker_that_says_nothing_gets_an_id(tmp_path: Path, content: str) -> None:
    (tmp_path / MARKER).write_text(content, encoding="latin-1")
    identify(tmp_path)
    assert remembered(tmp_path) == json.loads((tmp_path / MARKER).read_text())["id"]
    assert {path.name for path in tmp_path.iterdir()} == {MARKER, "state"}


def test_a_marker_that_is_a_link_is_refused(tmp_path: Path) -> None:
    (tmp_path / "foreign").write_text("precious")
    (tmp_path / "store").mkdir()
    (tmp_path / "store" / MARKER).symlink_to(tmp_path / "foreign")
    with pytest.raises(LinkInStoreError):
        identify(tmp_path / "store")
    assert (tmp_path / "foreign").read_text() == "precious"


def test_eight_that_begin_at_once_agree(tmp_path: Path) -> None:
    together = threading.Barrier(8)

    def begin(_: int) -> str | None:
        together.wait()
        identify(tmp_path / "store")
        return remembered(tmp_path / "store")

    with ThreadPoolExecutor(8) as threads:
        found = set(threads.map(begin, range(8)))
    assert found == {json.loads((tmp_path / "store" / MARKER).read_text())["id"]}
    assert [path.name for path in (tmp_path / "store").iterdir()] == [MARKER]


def test_a_store_that_another_process_begins_meanwhile_is_not_missed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of eight that began at once, one looked before the marker was there, and remembered after."""
    original, root = marker.remembered, tmp_path / "store"

    def remembered_by_another(place: Path) -> str | None:
        monkeypatch.setattr(marker, "remembered", original)
        identify(root)
        return original(place)

    monkeypatch.setattr(marker, "remembered", remembered_by_another)
    marker.require_present(root)
    assert (root / MARKER).exists()


def test_without_a_place_to_remember_it_works_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A container's home may be read-only, or not there."""
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "file"))
    for name in ("one", "two"):
        identify(tmp_path / name)
        assert (tmp_path / name / MARKER).exists()
    assert caplog.records
    assert all("XDG_STATE_HOME" in record.message for record in caplog.records)


@pytest.mark.parametrize("content", ["", "{", "[]", '{"path": "/another", "id": "x"}'])
def test_a_memory_that_is_garbage_is_none(tmp_path: Path, state: Path, content: str) -> None:
    identify(tmp_path / "store")
    (record,) = state.iterdir()
    record.write_text(content)
    assert remembered(tmp_path / "store") is None
    remember(tmp_path / "store", "x")
    assert remembered(tmp_path / "store") == "x"
