"""What may be asked of the web interface, by the real one: run configuration, WebSockets, and every way around."""

import asyncio
import json
import socket
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest
import websockets
from websockets.asyncio.client import connect

from polygon_assets_tests.servers.asking import asked
from polygon_assets_tests.servers.dagster_site import Site
from polygon_assets_tests.serving.site.conftest import WEBHOOK, Served

pytestmark = pytest.mark.slow
DAY = "2026-11-04"
JOB = {"repositoryLocationName": "polygon_assets", "repositoryName": "__repository__", "jobName": "__ASSET_JOB"}

SCHEMA = """query($job: PipelineSelector!) { runConfigSchemaOrError(selector: $job) { __typename
    ... on RunConfigSchema { rootConfigType { key } allConfigTypes { key __typename
    ... on CompositeConfigType { fields { name configTypeKey } } } } } }"""
LAUNCH = """mutation($params: ExecutionParams!) { launchRun(executionParams: $params) { __typename
    ... on RunConfigValidationInvalid { errors { message } } } }"""
BACKFILL = """mutation($params: LaunchBackfillParams!) { launchPartitionBackfill(backfillParams: $params) {
    __typename ... on LaunchBackfillSuccess { backfillId } ... on PythonError { message } } }"""

ENV = {"env": "POLYGON_SECRET_ACCESS_KEY"}
OVERRIDES = {
    "polygon_downloader": {"endpoint_url": "http://127.0.0.1:1", "access_key_id": ENV},
    "polygon_store": {"uri": "/elsewhere"},
    "polygon_catalog": {"bucket": "another"},
    "polygon_reference": {"url": "http://127.0.0.1:1", "key": ENV},
    "io_manager": {"base_dir": ENV},
}
"""What a run would say of each resource that it has; sensors, which alone have the webhook, are given nothing."""
PARTITION = {"key": "dagster/partition", "value": DAY}


def offered(site: Site) -> dict[str, str]:
    """Every field of a run's configuration by its path, and its type, as the launchpad gets them."""
    schema = site.ask(SCHEMA, job={"pipelineName": JOB["jobName"], **{k: JOB[k] for k in list(JOB)[:2]}})
    found = schema["runConfigSchemaOrError"]
    types = {each["key"]: each for each in found["allConfigTypes"]}

    def below(key: str, path: str) -> Iterator[tuple[str, str]]:
        kind = types[key]
        if "fields" not in kind:
            yield path, key
        for field in kind.get("fields", ()):
            yield from below(field["configTypeKey"], f"{path}.{field['name']}".lstrip("."))

    return dict(below(found["rootConfigType"]["key"], ""))


def test_every_field_that_a_run_may_set_is_known(served: Served) -> None:
    """A new one is looked at before it is offered: may anyone who sees the web interface set it?"""
    fields = offered(served[1])
    datasets = ("options_daily", "options_minute", "stocks_daily", "stocks_minute")
    expected = {
        "execution.config.marker_to_close": "String",
        "execution.config.step_dependency_config.require_upstream_step_success": "Bool",
        "loggers.console.config.log_level": "String",
        "loggers.console.config.name": "String",
        **{f"ops.{name}.config.overwrite": "Noneable.BoolSourceType" for name in datasets},
        **{f"ops.{name}.config.full": "Bool" for name in ("dividends", "splits")},
        "ops.agreement.config.last": "Int",
    }
    assert fields == expected


@pytest.mark.parametrize("name", OVERRIDES)
def test_no_resource_takes_configuration_from_a_run(served: Served, name: str) -> None:
    platform, site = served
    before = platform.instance.get_runs_count()
    asset, tags = ("splits", []) if name == "polygon_reference" else ("stocks_daily", [PARTITION])
    params = {
        "selector": {**JOB, "assetSelection": [{"path": [asset]}]},
        "runConfigData": {"resources": {name: {"config": OVERRIDES[name]}}},
        "executionMetadata": {"tags": tags},
    }
    launched = site.ask(LAUNCH, params=params)["launchRun"]
    assert launched["__typename"] == "RunConfigValidationInvalid"
    assert "unexpected config entr" in launched["errors"][0]["message"]
    assert platform.server.secret_access_key not in json.dumps(launched)
    assert platform.instance.get_runs_count() == before


def test_a_backfill_can_say_no_more_than_a_run(served: Served) -> None:
    platform, site = served
    platform.publish("options_minute", [DAY])
    with socket.socket() as elsewhere:
        elsewhere.bind(("127.0.0.1", 0))
        elsewhere.listen()
        elsewhere.settimeout(1)
        endpoint = f"http://127.0.0.1:{elsewhere.getsockname()[1]}"
        params = {
            "assetSelection": [{"path": ["options_minute"]}],
            "partitionNames": [DAY],
            "runConfigData": {
                "resources": {"polygon_downloader": {"config": {"endpoint_url": endpoint, "access_key_id": ENV}}}
            },
        }
        launched = site.ask(BACKFILL, params=params)["launchPartitionBackfill"]
        assert launched["__typename"] == "LaunchBackfillSuccess"
        assert site.wait_for_backfill(launched["backfillId"]) in {"FAILED", "COMPLETED_FAILED"}
        with pytest.raises(TimeoutError):
            elsewhere.accept()
    assert platform.materialised("options_minute") == []


def test_what_the_interface_tells_holds_no_secret_and_no_address(served: Served) -> None:
    platform, site = served
    asked = site.ask("""{ instance { info } repositoriesOrError { ... on RepositoryConnection { nodes {
        allTopLevelResourceDetails { name configFields { name } configuredValues { key value } } } } } }""")
    text = json.dumps(asked)
    for hidden in (platform.server.secret_access_key, platform.server.endpoint_url, platform.bucket, WEBHOOK):
        assert hidden not in text
    (repository,) = asked["repositoriesOrError"]["nodes"]
    shown = {each["name"]: each for each in repository["allTopLevelResourceDetails"]}
    assert {*OVERRIDES, "polygon_webhook"} == set(shown)
    assert all(each["configFields"] == [] == each["configuredValues"] for each in shown.values())


async def _subscribe(url: str, query: str, origin: str | None) -> Any:
    """The first answer to an operation that is sent through the WebSocket of live pages."""
    address = url.replace("http://", "ws://") + "/graphql"
    async with connect(address, origin=origin, subprotocols=["graphql-ws"]) as channel:  # type: ignore[arg-type, list-item]
        await channel.send(json.dumps({"type": "connection_init"}))
        assert json.loads(await channel.recv())["type"] == "connection_ack"
        await channel.send(json.dumps({"type": "start", "id": "1", "payload": {"query": query}}))
        return json.loads(await asyncio.wait_for(channel.recv(), 30))


def test_a_websocket_of_another_origin_is_refused(served: Served) -> None:
    for origin in ("http://127.0.0.1:1", "https://evil.example", "null"):
        with pytest.raises(websockets.exceptions.InvalidStatus) as refused:
            asyncio.run(_subscribe(served[1].url, "{version}", origin))
        assert refused.value.response.status_code == 403


def test_a_mutation_through_a_websocket_changes_nothing(served: Served) -> None:
    """Dagster looks for subscriptions there and finds no other field."""
    _, site = served
    mutation = "mutation { reloadWorkspace { __typename } }"
    for origin in (None, site.url):
        answer = asyncio.run(_subscribe(site.url, mutation, origin))
        assert answer["type"] == "error"
        assert "is not defined" in answer["payload"]["message"]


@pytest.mark.parametrize(
    "path", ["/logs/../../dagster.yaml", f"/logs/{quote('../../', safe='')}dagster/yaml", "/logs//etc/passwd"]
)
def test_logs_are_served_from_their_folder_alone(served: Served, path: str) -> None:
    status, text = asked(served[1].url, "GET", path)
    assert status in {404, 500}
    assert text in {"No log files available for download", "Internal Server Error"}
