"""The local S3 serves what it was filled with, and ends with whoever started it."""

import datetime as dt
import hashlib
import importlib.util
import signal
import subprocess
import sys
import time
from pathlib import Path

import botocore.exceptions
import pytest

from polygon_assets.datasets import DATASETS, SPECIFIED, Dataset
from polygon_assets.download import S3Catalog
from polygon_assets.errors import ConfigurationMissingError
from polygon_assets.sample import local_s3 as module
from polygon_assets.sample.flat_files import flat_file
from polygon_assets.sample.generators import Size
from polygon_assets.sample.local_s3 import LocalS3, fill, last_sessions, local_s3

pytestmark = pytest.mark.slow
CATALOG = S3Catalog(options_prefix="us_options_opra")
STARTER = """
import sys, time
from polygon_assets.sample.local_s3 import local_s3
with local_s3() as server:
    print(server.endpoint_url, flush=True)
    sys.stdin.read()
"""


def small(_: Dataset) -> Size:
    return Size(20, 100)


def answers(endpoint_url: str) -> bool:
    try:
        LocalS3(endpoint_url).client().list_buckets()
    except botocore.exceptions.EndpointConnectionError:
        return False
    return True


def test_it_serves_the_last_sessions_of_every_data_type_and_then_ends() -> None:
    seen: list[tuple[str, str, int]] = []
    with local_s3() as server:
        filled = fill(
            server, CATALOG, 3, size_of=small, on_file=lambda dataset, day, size: seen.append((dataset.name, day, size))
        )
        client = server.client()
        listed = {each["Key"]: each for each in client.list_objects_v2(Bucket="flatfiles")["Contents"]}
        assert filled.keys() == set(SPECIFIED)
        assert listed.keys() == {CATALOG.get_key(name, day) for name, days in filled.items() for day in days}
        assert len(seen) == len(listed) == 12
        for name, day, size in seen:
            key = CATALOG.get_key(name, day)
            body = client.get_object(Bucket="flatfiles", Key=key)["Body"].read()
            assert body == flat_file(DATASETS[name], day, small(DATASETS[name]))
            assert size == len(body) == listed[key]["Size"]
            assert listed[key]["ETag"] == f'"{hashlib.md5(body, usedforsecurity=False).hexdigest()}"'
    assert not answers(server.endpoint_url)


def test_it_ends_even_when_its_owner_is_killed() -> None:
    owner = subprocess.Popen([sys.executable, "-c", STARTER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert owner.stdin is not None
    assert owner.stdout is not None
    with owner, owner.stdin, owner.stdout:
        endpoint = owner.stdout.readline().strip()
        assert answers(endpoint)
        owner.send_signal(signal.SIGKILL)
        owner.wait()
    deadline = time.monotonic() + 60
    while answers(endpoint):
        assert time.monotonic() < deadline, "the server outlived its owner"
        time.sleep(0.05)


@pytest.mark.parametrize(
    ("today", "last"),
    [
        ("2026-11-22", "2026-11-20"),  # a Sunday
        ("2026-11-23", "2026-11-20"),  # Monday's file does not exist before Tuesday
        ("2026-11-27", "2026-11-25"),  # the day after Thanksgiving
    ],
)
def test_the_last_sessions_end_before_today(today: str, last: str) -> None:
    days = last_sessions(CATALOG, DATASETS["stocks_daily"], today=dt.date.fromisoformat(today))
    assert len(days) == 10
    assert days == sorted(set(days))
    assert days[-1] == last


def test_without_moto_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    found = importlib.util.find_spec
    monkeypatch.setattr(module, "find_spec", lambda name: None if name == "moto" else found(name))
    with (
        pytest.raises(ConfigurationMissingError, match="needs moto, not installed here: make install"),
        local_s3(),
    ):
        pass


def test_a_server_that_does_not_start_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    stub = tmp_path / "python"
    stub.write_text("#!/bin/sh\necho broken >&2\nexit 3\n")
    stub.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(stub))
    with pytest.raises(ConfigurationMissingError, match="did not start"), local_s3():
        pass
