"""Nothing of the user's can be reached from the demo."""

import os
from pathlib import Path

import pytest

from polygon_assets.errors import InvalidInputError
from polygon_assets.sample.environment import DemoFolder, demo_environment, fresh_folder
from polygon_assets.sample.local_s3 import LocalS3
from polygon_assets.settings import load_settings

SERVER = LocalS3("http://127.0.0.1:1")


def test_the_users_settings_are_out_of_reach_and_come_back(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    theirs = {
        "POLYGON_ACCESS_KEY_ID": "theirs",
        "POLYGON_SECRET_ACCESS_KEY": "theirs",
        "POLYGON_STORE": "s3://theirs/data",
        "POLYGON_STORE_ENDPOINT_URL": "https://theirs.example",
        "POLYGON_BUCKET": "theirs",
        "POLYGON_OPTIONS_PREFIX": "theirs",
        "POLYGON_KEEP_RAW": "true",
        "AWS_PROFILE": "theirs",
        "DAGSTER_HOME": "/theirs",
    }
    for name, value in theirs.items():
        monkeypatch.setenv(name, value)
    before, where = dict(os.environ), Path.cwd()
    with demo_environment(DemoFolder(tmp_path), SERVER, "2026-11-09"):
        settings = load_settings()
        assert settings.store_uri == str(tmp_path / "store")
        assert settings.endpoint_url == SERVER.endpoint_url
        assert settings.options_prefix == "us_options_opra"
        assert not settings.keep_raw
        assert "theirs" not in " ".join(os.environ.values())
        assert Path.cwd() == tmp_path, "where Dagster would read a .env file, which wins over the environment"
    assert dict(os.environ) == before
    assert Path.cwd() == where


def test_the_folder_is_emptied_but_only_of_what_the_demo_made(tmp_path: Path) -> None:
    theirs = tmp_path / "theirs"
    theirs.mkdir()
    (theirs / "data.parquet").touch()
    root = tmp_path / ".demo"
    with fresh_folder(root) as folder:
        folder.store.mkdir()
        (folder.store / "old").touch()
        folder.dagster_home.symlink_to(theirs, target_is_directory=True)
        (root / "notes.txt").touch()
    with fresh_folder(root) as folder:
        assert not folder.store.exists()
        assert not folder.dagster_home.is_symlink()
        assert (root / "notes.txt").exists()
        assert (theirs / "data.parquet").exists()


def test_two_demos_do_not_share_a_folder(tmp_path: Path) -> None:
    with fresh_folder(tmp_path), pytest.raises(InvalidInputError, match="Another demo runs"), fresh_folder(tmp_path):
        pass
    with fresh_folder(tmp_path):
        pass
