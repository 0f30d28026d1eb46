"""Names of a store lead down from it, on disk as on S3, however long the vendor's ETags are."""

import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest

from polygon_assets.errors import InvalidInputError
from polygon_assets.flatfile.provenance import etag_stem
from polygon_assets.ingest import ParquetStore
from polygon_assets.store.folders import LocalFolder, open_folder
from polygon_assets.store.s3_folder import S3Folder
from polygon_assets_tests.stores import Place

ESCAPING = (
    "_/../../x",
    "..",
    "../x",
    "/x-of-the-root/x",
    "_a//x",
    "_a/",
    "_a/./x",
    "_a\\..\\x",
    "_a/\0",
    "",
)
LONG = "e" * 240


@pytest.mark.stores("disk", "s3")
def test_a_name_that_leads_out_of_the_store_is_refused(place: Place, tmp_path: Path) -> None:
    store = place.open()
    staged = tmp_path / "staged"
    staged.write_bytes(b"x")
    before = sorted(tmp_path.rglob("*"))
    for name in ESCAPING:
        with pytest.raises(InvalidInputError, match="Invalid name"):
            store.publish_beside(staged, name)
    assert staged.read_bytes() == b"x"
    assert sorted(tmp_path.rglob("*")) == before
    assert place.files() == []


@pytest.mark.parametrize("uri", ["folder", "s3://bucket/prefix"])
@pytest.mark.parametrize("name", ESCAPING)
def test_no_way_into_a_folder_takes_such_a_name(uri: str, name: str, tmp_path: Path) -> None:
    """Refused before anything is asked: the bucket does not exist."""
    folder = open_folder(uri if "://" in uri else str(tmp_path / uri))
    assert isinstance(folder, LocalFolder | S3Folder)
    ways: list[Callable[[], object]] = [
        lambda: folder.publish(tmp_path / "staged", name),
        lambda: folder.delete(name),
        lambda: folder.size(name),
        lambda: folder.read(name),
        lambda: folder.copy_to(name, tmp_path / "copy"),
    ]
    if name:  # the topmost folder itself
        ways += [lambda: folder.names(name), lambda: folder.holding(name, "data.parquet")]
    (tmp_path / "staged").write_bytes(b"x")
    for way in ways:
        with pytest.raises(InvalidInputError, match="names of a store lead down from it"):
            way()


@pytest.mark.parametrize("prefix", ["a/../b", "a//b", "./a", "a\\b", "a/\0"])
def test_a_prefix_on_s3_leads_down_too(prefix: str) -> None:
    with pytest.raises(InvalidInputError, match="A store on S3 is s3://bucket/prefix"):
        ParquetStore(f"s3://bucket/{prefix}")


@pytest.mark.parametrize("etag", ["0123456789abcdef0123456789abcdef", "0123456789abcdef0123456789abcdef-12", "e" * 128])
def test_ordinary_etags_keep_their_names(etag: str) -> None:
    assert etag_stem(etag) == etag


def test_an_etag_of_240_characters_makes_a_name_that_a_disk_takes(tmp_path: Path) -> None:
    stem = etag_stem(LONG)
    assert stem == f"{LONG[:63]}-{hashlib.sha256(LONG.encode()).hexdigest()}"
    assert len({etag_stem(LONG + end) for end in ("", "a", "b", ".", "_")}) == 5
    (tmp_path / f"{stem}.v12.rejected-rows.parquet.json").write_bytes(b"")


@pytest.mark.stores("disk", "s3")
def test_folders_agree_on_ordinary_names(place: Place, tmp_path: Path) -> None:
    store = place.open()
    staged = tmp_path / "staged"
    staged.write_bytes(b"x")
    assert store.publish_beside(staged, "_raw/a b/date=2024-01-03/x..y") == f"{store.uri}/_raw/a b/date=2024-01-03/x..y"
    assert place.files() == ["_raw/a b/date=2024-01-03/x..y"]
