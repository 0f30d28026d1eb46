"""What looks like a store, an endpoint or a bucket and is none is refused, with the form that is meant."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from polygon_assets.errors import InvalidInputError
from polygon_assets.ingest import ParquetStore
from polygon_assets.settings import load_settings, load_settings_of_folder, unknown_variables

MISSPELT = [
    ("s3:/bucket/x", "write s3://bucket/x"),
    ("s3:bucket/x", "write s3://bucket/x"),
    ("S3://bucket/x", "write s3://bucket/x"),
    ("s3a://bucket/x", "write s3://bucket/x"),
    ("s3n://bucket/x", "write s3://bucket/x"),
    ("s3:\\\\bucket\\x", "write s3://bucket/x"),
    ("s3://", "names no bucket"),
    ("s3:///x", "names no bucket"),
    ("file:/mnt/x", "write /mnt/x"),
    ("file:///mnt/x", "write /mnt/x"),
    ("FILE:///mnt/x", "write /mnt/x"),
    ("C:\\data", "a path of Windows"),
    ("d:/data", "a path of Windows"),
    ("\\\\server\\share", "a path of Windows"),
    ("gs://bucket", "a store is a folder, or s3://bucket/prefix"),
    ("https:/host/x", "a folder of that name is ./https:…"),
    ("  ", "names nothing"),
]


@pytest.mark.parametrize(("place", "message"), MISSPELT)
def test_a_misspelt_store_became_a_folder_with_a_year_of_data(
    place: str, message: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("POLYGON_STORE", place)
    with pytest.raises(InvalidInputError, match="POLYGON_STORE: ") as refused:
        load_settings()
    assert message in str(refused.value)
    with pytest.raises(InvalidInputError, match="Invalid store: ") as refused:
        ParquetStore(place)
    assert message in str(refused.value)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "place", ["data", "./s3:/x", "/mnt/s3:/x", "~/x", "s3://bucket", "s3://bucket/a/b", "a b", "x:y", "1:2/3"]
)
def test_folders_and_buckets_are_taken_as_they_are(place: str) -> None:
    assert load_settings({"store": place}).store == place


@pytest.mark.parametrize("below", ["", "/deeper/store"])
def test_a_store_that_is_a_file_is_called_one(below: str, tmp_path: Path) -> None:
    """It said: [Errno 20] Not a directory: …/_staging."""
    (tmp_path / "file").touch()
    store = ParquetStore(f"{tmp_path}/file{below}")
    for use in (store.check_writable, store.require_present, lambda: store.days("stocks_daily")):
        with pytest.raises(InvalidInputError, match=f"{tmp_path}/file is a file.*POLYGON_STORE"):
            use()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("POLYGON_STORE", "s3://"),
        ("POLYGON_ENDPOINT_URL", "foo"),
        ("POLYGON_ENDPOINT_URL", "https://"),
        ("POLYGON_ENDPOINT_URL", "ftp://host"),
        ("POLYGON_BUCKET", "a b"),
        ("POLYGON_BUCKET", "s3://flatfiles"),
        ("POLYGON_OPTIONS_PREFIX", "a/b"),
        ("POLYGON_STORE_ENDPOINT_URL", "minio:9000"),
        ("POLYGON_WEBHOOK_URL", "foo"),
        ("POLYGON_NOTIFY_URLS", "slack://a/b/c foo"),
    ],
)
def test_an_error_names_the_variable(name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(InvalidInputError, match=f"^Invalid settings: {name}: (?!Value error)"):
        load_settings()


def test_a_misspelt_variable_has_its_nearest_name(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("POLYGON_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("POLYGON_STROE", "x")
    monkeypatch.setenv("POLYGON_HISTORY_STRAT", "x")
    monkeypatch.setenv("POLYGON_RPC_NODE", "x")
    monkeypatch.setenv("POLYGON_BUCKET", "x")
    assert unknown_variables() == {
        "POLYGON_HISTORY_STRAT": "POLYGON_HISTORY_START",
        "POLYGON_RPC_NODE": None,
        "POLYGON_STROE": "POLYGON_STORE",
    }


def test_programs_read_the_environment_file_as_commands_do(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """``scan`` once read another store than the one that ``ingest`` had filled a line before."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("POLYGON_STORE", "elsewhere")
    monkeypatch.setenv("POLYGON_BUCKET", "elsewhere")
    assert load_settings_of_folder().store == "elsewhere"
    (tmp_path / ".env").write_text("POLYGON_STORE=here\nPOLYGON_BUCKET=\nOTHER=x\n")
    settings = load_settings_of_folder()
    assert (settings.store, settings.bucket) == ("here", "flatfiles")
    assert os.environ["POLYGON_STORE"] == "elsewhere"
    assert "OTHER" not in os.environ


def test_completion_offers_scan_before_it_is_imported() -> None:
    code = "import polygon_assets; assert 'scan' in dir(polygon_assets); assert 'scan' not in vars(polygon_assets)"
    subprocess.run([sys.executable, "-c", code], check=True)
