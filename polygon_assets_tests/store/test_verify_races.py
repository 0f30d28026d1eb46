"""What is replaced while ``verify`` reads it is not damaged: a year made again, a raw file whose day was replaced."""

import datetime as dt
from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow as pa
import pytest

from polygon_assets.ingest import ParquetStore
from polygon_assets.store import verifying
from polygon_assets.store.digests import Digest, digest_of_stream
from polygon_assets.store.raw_files import RawFiles
from polygon_assets.store.roll_ups import write_year
from polygon_assets.store.verifying import verify_kept
from polygon_assets_tests.factories import row, stamp, text
from polygon_assets_tests.vendor import Vendor

DAY, NEXT = "2024-01-02", "2024-01-03"
YEAR = "_by_year/stocks_daily/year=2024"


def raw(day: int, volume: int = 100) -> bytes:
    start = stamp(day=dt.date(2024, 1, day))
    return text([row(f"T{number:03}", start, volume=volume + number) for number in range(60)])


@pytest.fixture
async def filled(both: Vendor) -> Vendor:
    both.put("stocks_daily", DAY, raw(2))
    await both.ingest("stocks_daily", DAY, keep_raw=True)
    write_year(both.store, "stocks_daily", 2024)
    both.put("stocks_daily", NEXT, raw(3))
    await both.ingest("stocks_daily", NEXT)
    return both


def problems(store: ParquetStore) -> dict[str, str]:
    return {uri: problem for uri, problem in verify_kept(store, "stocks_daily") if problem}


async def test_a_year_that_is_made_again_before_it_is_read(filled: Vendor, monkeypatch: pytest.MonkeyPatch) -> None:
    original = ParquetStore.open_file
    done: list[str] = []

    def open_file(store: ParquetStore, name: str) -> pa.NativeFile:
        if name.startswith(YEAR) and not done:
            done.append(name)
            write_year(store, "stocks_daily", 2024)
        return original(store, name)

    monkeypatch.setattr(ParquetStore, "open_file", open_file)
    assert problems(filled.store) == {}
    assert done


async def test_a_year_that_is_made_again_while_it_is_read(filled: Vendor, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its own digest, of two days before, is forgotten by then."""
    store, original = filled.store, digest_of_stream
    done: list[Digest] = []
    (own,) = store.digests.known(YEAR)
    store._folder.delete(f"_digests/{YEAR}/{own.name}")
    store._folder.mark(f"_digests/{YEAR}/{Digest(own.whole, own.footer, own.made - 2 * 86_400_000).name}")

    def make_the_year_again(file: pa.NativeFile) -> Digest:
        found = original(file)
        if not done:
            done.append(found)
            write_year(store, "stocks_daily", 2024)
        return found

    monkeypatch.setattr(verifying, "digest_of_stream", make_the_year_again)
    assert problems(store) == {}
    assert done


async def test_a_raw_file_that_is_dropped_before_it_is_read(filled: Vendor, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its day was replaced, and the vendor's new file took its place."""
    ((uri, bring),) = filled.store.raw_files.copies("stocks_daily")
    filled.put("stocks_daily", DAY, raw(2, volume=500))
    await filled.ingest("stocks_daily", DAY, keep_raw=True)
    original = RawFiles.copies
    done: list[str] = []

    def copies(files: RawFiles, dataset: str) -> Iterator[tuple[str, Callable[[Path], None]]]:
        if not done:
            done.append(uri)
            yield uri, bring
        yield from original(files, dataset)

    monkeypatch.setattr(RawFiles, "copies", copies)
    assert problems(filled.store) == {}
    assert done


async def test_a_raw_file_that_somebody_deleted_is_still_named(filled: Vendor) -> None:
    ((uri, _),) = filled.store.raw_files.copies("stocks_daily")
    filled.place.delete(uri)
    assert list(problems(filled.store)) == [uri]
