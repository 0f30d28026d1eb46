"""What is left out of every request, since botocore's own share of it is most of what a small object costs."""

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import botocore.session
import pytest

from polygon_assets.download import AsyncS3Downloader, clients
from polygon_assets.download.clients import USER_AGENT, async_client, sync_client
from polygon_assets.download.transfer_options import Credentials, TransferOptions
from polygon_assets_tests.servers.seaweed import S3Server

CREDENTIALS = Credentials("id", "secret")


def looked_up_by(client: object) -> set[str]:
    return set(client._ruleset_resolver._param_definitions)  # type: ignore[attr-defined]


async def test_the_key_does_not_defeat_the_cache_of_endpoints() -> None:
    async with async_client(CREDENTIALS, "http://127.0.0.1:1", TransferOptions()) as client:
        assert "Key" not in looked_up_by(client)
        assert "Bucket" in looked_up_by(client)
    assert "Key" not in looked_up_by(sync_client(CREDENTIALS, "http://127.0.0.1:1", TransferOptions()))


def test_no_rule_of_botocore_asks_for_the_key() -> None:
    loader = botocore.session.get_session().get_component("data_loader")
    rules = json.dumps(loader.load_service_model("s3", "endpoint-rule-set-1")["rules"])
    assert '"ref": "Bucket"' in rules
    assert '"ref": "Key"' not in rules
    assert "{Key" not in rules


@pytest.mark.parametrize("kind", ["async", "sync"])
async def test_the_user_agent_is_given(kind: str, s3_server: S3Server) -> None:
    seen: list[str] = []

    def look(request: object, **_: object) -> None:
        agent = request.headers["User-Agent"]  # type: ignore[attr-defined]
        seen.append(agent.decode() if isinstance(agent, bytes) else agent)

    credentials = Credentials.of(s3_server.credentials)
    if kind == "sync":
        client = sync_client(credentials, s3_server.endpoint_url, TransferOptions())
        client.meta.events.register("before-send.s3", look)
        client.list_buckets()
    else:
        async with async_client(credentials, s3_server.endpoint_url, TransferOptions()) as client:
            client.meta.events.register("before-send.s3", look)
            await client.list_buckets()
    assert [agent.split()[0] for agent in seen] == [USER_AGENT]


async def test_a_small_object_needs_a_thread_once(
    s3_server: S3Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    s3_server.client().create_bucket(Bucket="one-thread")
    s3_server.put("one-thread", "a.csv", b"a" * 300_000)
    asked: list[object] = []

    class CountingPool(ThreadPoolExecutor):
        def submit(self, *arguments: Any, **named: Any) -> Any:
            asked.append(arguments)
            return super().submit(*arguments, **named)

    monkeypatch.setattr(clients, "ThreadPoolExecutor", CountingPool)
    async with AsyncS3Downloader(s3_server.credentials, s3_server.endpoint_url) as downloader:
        path = await downloader.download_to_file("one-thread", "a.csv", tmp_path / "a.csv")
    assert path.stat().st_size == 300_000
    assert len(asked) == 1


async def test_what_was_published_is_not_removed_again(
    s3_server: S3Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    s3_server.client().create_bucket(Bucket="one-look")
    s3_server.put("one-look", "a.csv", b"a")
    removed: list[Path] = []
    unlink = Path.unlink

    def counted(path: Path, *, missing_ok: bool = False) -> None:
        removed.append(path)
        unlink(path, missing_ok=missing_ok)

    monkeypatch.setattr(Path, "unlink", counted)
    async with AsyncS3Downloader(s3_server.credentials, s3_server.endpoint_url) as downloader:
        await downloader.download_to_file("one-look", "a.csv", tmp_path / "new" / "folder" / "a.csv")
    assert removed == []
