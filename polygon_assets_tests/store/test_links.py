"""Symbolic links inside a store lead nowhere: nothing beyond them is written, deleted or read."""

import datetime as dt
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from polygon_assets.errors import InvalidInputError, LinkInStoreError, StoreError
from polygon_assets.ingest import DayStatus, ParquetStore
from polygon_assets.store.local_entries import put_file
from polygon_assets.store.roll_ups import stale_years, write_year
from polygon_assets.store.staging import staging_folder
from polygon_assets.store.verifying import verify_day
from polygon_assets_tests.factories import row, stamp, text
from polygon_assets_tests.vendor import Vendor

DAY, OTHER = "2024-01-02", "2024-01-03"
GOOD = text([row("A", stamp()), row("B", stamp())])


@pytest.fixture
def foreign(tmp_path: Path) -> Path:
    """Somebody's folder, outside of the store, with files called as the store's are."""
    folder = tmp_path / "foreign"
    for name in ("data.parquet", "run-1/theirs", f"date={DAY}/data.parquet", f"stocks_daily/date={DAY}/data.parquet"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("precious")
    return folder


def contents(folder: Path) -> dict[str, str]:
    """Every file below ``folder``."""
    return {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*") if path.is_file()}


def link(store: str, name: str, target: Path) -> Path:
    """Plant a link in the store."""
    made = Path(store, name)
    made.parent.mkdir(parents=True, exist_ok=True)
    made.symlink_to(target)
    return made


async def test_a_staging_folder_that_is_a_link_once_deleted_what_it_pointed_to(vendor: Vendor, foreign: Path) -> None:
    vendor.put("stocks_daily", DAY, GOOD)
    before, planted = contents(foreign), link(vendor.store.uri, "_staging", foreign)
    with pytest.raises(LinkInStoreError, match=str(planted)):
        await vendor.ingest("stocks_daily", DAY)
    assert contents(foreign) == before


def test_a_run_folder_that_is_a_link_is_not_swept(tmp_path: Path, foreign: Path) -> None:
    before, root = contents(foreign), tmp_path / "staging"
    root.mkdir()
    (root / "run-1").symlink_to(foreign)
    (root / "run-2").mkdir()
    (root / "run-2" / "owner.lock").symlink_to(foreign / "data.parquet")
    with staging_folder(root):
        assert contents(foreign) == before
    assert {path.name for path in root.iterdir()} == {"guard.lock", "run-1", "run-2"}


@pytest.mark.parametrize("make", [lambda path, to: path.symlink_to(to), lambda path, _: os.mkfifo(path)])
def test_a_guard_that_is_no_file_is_refused(tmp_path: Path, make: Callable[[Path, Path], None]) -> None:
    """A pipe of that name must not be waited for, and a link not be followed."""
    target = tmp_path / "theirs"
    make(tmp_path / "guard.lock", target)
    with pytest.raises((OSError, StoreError), match=r"guard\.lock"), staging_folder(tmp_path):
        pass
    assert not target.exists()


@pytest.mark.parametrize("name", ["stocks_daily", f"stocks_daily/date={DAY}"])
async def test_a_linked_folder_once_had_a_foreign_file_overwritten(vendor: Vendor, foreign: Path, name: str) -> None:
    vendor.put("stocks_daily", DAY, GOOD)
    before, planted = contents(foreign), link(vendor.store.uri, name, foreign)
    (found,) = await vendor.ingest("stocks_daily", DAY)
    assert found.status is DayStatus.FAILED
    assert isinstance(found.error, LinkInStoreError)
    assert str(planted) in str(found.error)
    assert "mount" in str(found.error)
    assert contents(foreign) == before
    assert vendor.downloader.get_statistics()["total_downloads"] == 0


@pytest.mark.parametrize("root", ["_quarantine", "_quarantine/stocks_daily", f"_quarantine/stocks_daily/date={DAY}"])
async def test_a_linked_quarantine_takes_no_refused_file(vendor: Vendor, foreign: Path, root: str) -> None:
    vendor.put("stocks_daily", DAY, text([]))
    before = contents(foreign)
    link(vendor.store.uri, root, foreign)
    (found,) = await vendor.ingest("stocks_daily", DAY)
    assert (found.status, type(found.error)) == (DayStatus.FAILED, LinkInStoreError)
    assert contents(foreign) == before


@pytest.mark.parametrize("root", ["_raw", "_raw/stocks_daily", f"_raw/stocks_daily/date={DAY}"])
async def test_linked_raw_files_delete_nothing_older_elsewhere(vendor: Vendor, foreign: Path, root: str) -> None:
    """Keeping a source file drops whatever else lies there."""
    vendor.put("stocks_daily", DAY, GOOD)
    before = contents(foreign)
    link(vendor.store.uri, root, foreign)
    (found,) = await vendor.ingest("stocks_daily", DAY, keep_raw=True)
    assert (found.status, type(found.error)) == (DayStatus.FAILED, LinkInStoreError)
    assert contents(foreign) == before


@pytest.mark.parametrize("root", ["_by_year", "_by_year/stocks_daily", "_by_year/stocks_daily/year=2024"])
async def test_a_linked_folder_of_years_takes_no_file(vendor: Vendor, foreign: Path, root: str) -> None:
    vendor.put("stocks_daily", DAY, GOOD)
    await vendor.ingest("stocks_daily", DAY)
    before = contents(foreign)
    link(vendor.store.uri, root, foreign)
    with pytest.raises(LinkInStoreError):
        write_year(vendor.store, "stocks_daily", 2024)
    assert contents(foreign) == before


async def test_a_file_that_is_a_link_is_not_read_and_not_written_through(vendor: Vendor, foreign: Path) -> None:
    """Its day counts as not stored; what is published takes the link's place."""
    vendor.put("stocks_daily", OTHER, text([row("A", stamp(day=dt.date(2024, 1, 3)))]))
    await vendor.ingest("stocks_daily", OTHER)
    store, before = vendor.store, contents(foreign)
    good = store.path("stocks_daily", OTHER)
    planted = link(store.uri, f"stocks_daily/date={DAY}/data.parquet", Path(good))
    assert store.days("stocks_daily") == [OTHER]
    assert store.scan("stocks_daily").count_rows() == 1
    assert "symbolic link" in "".join(verify_day(store, "stocks_daily", DAY).problems)
    with pytest.raises(LinkInStoreError):
        store.open_input_file("stocks_daily", DAY)
    whole = vendor.place.read(good)
    with store.staging() as staging:
        (staging / "new").write_bytes(b"new")
        store.publish(staging / "new", "stocks_daily", DAY)
    assert (planted.is_symlink(), planted.read_bytes(), vendor.place.read(good)) == (False, b"new", whole)
    assert contents(foreign) == before


def test_a_link_planted_between_looking_and_writing_is_refused(
    tmp_path: Path, foreign: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The folder is there when it is made, and is a link when it is entered."""
    before, staged, store = contents(foreign), tmp_path / "staged", tmp_path / "store"
    staged.write_bytes(b"new")
    make = os.mkdir

    def swapped(path: str | Path, mode: int = 0o777, *, dir_fd: int | None = None) -> None:
        make(path, mode, dir_fd=dir_fd)
        if path == f"date={DAY}":
            os.rmdir(path, dir_fd=dir_fd)
            os.symlink(foreign, path, dir_fd=dir_fd)

    store.mkdir()
    monkeypatch.setattr(os, "mkdir", swapped)
    with pytest.raises(LinkInStoreError):
        put_file(staged, store, f"stocks_daily/date={DAY}/data.parquet")
    assert contents(foreign) == before


async def test_the_folder_of_the_store_itself_may_be_a_link(vendor: Vendor, tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    (tmp_path / "store").symlink_to(tmp_path / "disk")
    vendor.put("stocks_daily", DAY, GOOD)
    (found,) = await vendor.ingest("stocks_daily", DAY)
    assert found.status is DayStatus.PUBLISHED
    assert (tmp_path / "disk" / "stocks_daily" / f"date={DAY}" / "data.parquet").is_file()
    assert list(stale_years(vendor.store, "stocks_daily")) == [2024]


@pytest.mark.parametrize("name", ["_/../../x", "_/./x", "_//x", "/x", "_x/"])
def test_names_lead_down(tmp_path: Path, name: str) -> None:
    staged = tmp_path / "staged"
    staged.write_bytes(b"x")
    with pytest.raises(InvalidInputError):
        put_file(staged, tmp_path / "a" / "store", name)
    assert sorted(path.name for path in tmp_path.rglob("*") if path.is_file()) == ["staged"]


def test_a_pipe_in_place_of_a_day_is_not_waited_for(tmp_path: Path) -> None:
    """Opening one waits for whoever writes it: for ever."""
    store = ParquetStore(str(tmp_path))
    place = Path(store.path("stocks_daily", DAY))
    place.parent.mkdir(parents=True)
    os.mkfifo(place)
    assert store.days("stocks_daily") == []
    assert "named pipe" in "".join(verify_day(store, "stocks_daily", DAY).problems)
    with pytest.raises(StoreError, match="named pipe"):
        store.provenance("stocks_daily", DAY)
