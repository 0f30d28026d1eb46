"""What a cluster lets out: no port beyond loopback, no page without a password, no secret anywhere."""

import base64
import json
import os
import socket
from pathlib import Path
from urllib.parse import quote, urlsplit

import pytest
import sqlalchemy

from polygon_assets_tests.cluster.databases import dump, redis_contents
from polygon_assets_tests.cluster.exposure import command_lines, family, listening_sockets, listens_beyond_loopback
from polygon_assets_tests.cluster.platform import Platform
from polygon_assets_tests.cluster.programs import wait_for
from polygon_assets_tests.cluster.units import DEPLOY, example_variables
from polygon_assets_tests.cluster.vendor import Objects
from polygon_assets_tests.cluster.web import Web

DAY = "2023-12-29"
"""A session that no other module of the suite asks for."""


@pytest.fixture(scope="module")
def processes(cluster: Platform) -> set[int]:
    """All that the cluster runs."""
    services = [*cluster.services, cluster.database.service, cluster.broker.service, cluster.web.service]
    return family(service.pid for service in services)


@pytest.fixture(scope="module")
def ran(cluster: Platform, s3: Objects) -> str:
    """A run that has ended: only then is there anything that a secret could stand in."""
    s3.publish("stocks_daily", [DAY])
    run = cluster.run("stocks_daily", [DAY])
    wait_for(f"run {run}", lambda: cluster.status(run) == "SUCCESS", 120)
    return run


def test_only_who_knows_the_password_gets_in(cluster: Platform) -> None:
    web = cluster.web
    assert web.status() == 401
    assert web.status(web.login("wrong")) == 401
    assert web.status(path="/graphql?query={version}") == 401
    assert web.status(web.login()) == 200


def websocket_status(web: Web, origin: str) -> str:
    """The status that answers a request for live pages, from a page of ``origin``."""
    key, address = base64.b64encode(os.urandom(16)).decode(), urlsplit(web.url)
    lines = [
        "GET /graphql HTTP/1.1", f"Host: {address.netloc}", "Connection: Upgrade", "Upgrade: websocket",
        "Sec-WebSocket-Version: 13", f"Sec-WebSocket-Key: {key}", "Sec-WebSocket-Protocol: graphql-ws",
        f"Origin: {origin}", *(f"{name}: {value}" for name, value in web.login().items()), "", "",
    ]  # fmt: skip
    with socket.create_connection((str(address.hostname), address.port or 0), 20) as connection:
        connection.sendall("\r\n".join(lines).encode())
        return connection.recv(12).decode().rpartition(" ")[2]


def test_live_pages_pass_the_proxy_and_those_of_other_sites_do_not(cluster: Platform) -> None:
    assert websocket_status(cluster.web, cluster.web.url) == "101"
    for origin in ("https://evil.example", "null", "http://127.0.0.1:1"):
        assert websocket_status(cluster.web, origin) == "403"


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Host": "evil.example"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Content-Type": "text/plain"},
    ],
)
def test_a_page_of_another_site_starts_nothing_with_the_browsers_password(
    cluster: Platform, headers: dict[str, str]
) -> None:
    """A browser adds the password to whatever a page asks for."""
    body = json.dumps({"query": "{version}"}).encode()
    own = {"Content-Type": "application/json", **cluster.web.login()}
    assert cluster.web.status(own, "/graphql", body) == 200
    assert cluster.web.status({**own, **headers}, "/graphql", body) in {403, 415}


def test_a_link_or_a_picture_starts_nothing_with_the_browsers_password(cluster: Platform) -> None:
    path = "/graphql?query=" + quote("mutation{reloadWorkspace{__typename}}")
    assert cluster.web.status(cluster.web.login(), path) == 405


def test_nothing_listens_beyond_this_machine(processes: set[int]) -> None:
    assert listening_sockets(processes) >= 4
    assert listens_beyond_loopback(processes) == []


def test_kept_connections_stay_few(cluster: Platform) -> None:
    engine = sqlalchemy.create_engine(cluster.database.url(), poolclass=sqlalchemy.NullPool)
    with engine.connect() as connection:
        count = connection.execute(sqlalchemy.text("SELECT count(*) FROM pg_stat_activity")).scalar_one()
    assert count < 60, "Debian's PostgreSQL takes 100"


def test_each_run_once_held_all_holidays_since_2003(cluster: Platform, ran: str) -> None:
    engine = sqlalchemy.create_engine(cluster.database.url(), poolclass=sqlalchemy.NullPool)
    asked = sqlalchemy.text("SELECT length(run_body) FROM runs WHERE run_id = :ran")
    with engine.connect() as connection:
        assert connection.execute(asked, {"ran": ran}).scalar_one() < 4_000, "it was 24 KB"


def test_the_example_names_what_the_cluster_was_started_with(cluster: Platform) -> None:
    assert example_variables() == {*cluster.settings, "DAGSTER_HOME"} - {"POLYGON_ENDPOINT_URL"}


@pytest.mark.scorecard(36)
def test_no_secret_is_left_anywhere(cluster: Platform, s3: Objects, processes: set[int], ran: str) -> None:
    secrets = {
        "PostgreSQL's": cluster.database.password,
        "Redis's": cluster.broker.password,
        "the web interface's": cluster.web.password,
        "the vendor's": s3.subscriber.secret_access_key,
        "the store's": s3.owner.secret_access_key,
    }
    places = {
        "PostgreSQL": dump(cluster.database),
        "Redis": redis_contents(cluster.broker),
        "the command lines": command_lines(processes),
        "the web interface": cluster.web.post("/graphql", {"query": "{instance{info}}"}),
        "the run's log": cluster.logs(ran).encode(),
        **{str(path.relative_to(cluster.folder)): path.read_bytes() for path in written_files(cluster.folder)},
    }
    assert len(places["PostgreSQL"]) > 10_000
    assert b'"date_done"' in places["Redis"], "the result of the run's task"
    assert ran.encode() in places["PostgreSQL"]
    assert DAY.encode() in places["the run's log"]
    assert b"run_launcher" in places["the web interface"]
    found = [
        f"{whose} in {where}"
        for where, content in places.items()
        for whose, secret in secrets.items()
        if secret.encode() in content and (whose, where) != ("Redis's", "redis/redis.conf")
    ]
    assert found == []


def written_files(folder: Path) -> list[Path]:
    """Logs, homes and configuration; PostgreSQL's and Redis's own files are read through them."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert any(path.name == "dagster.yaml" for path in files)
    assert any(path.name == "daemon.log" for path in files)
    return [path for path in files if "data" not in path.relative_to(folder).parts]


def test_the_files_to_deploy_hold_no_credentials() -> None:
    for path in DEPLOY.rglob("*"):
        if path.is_file() and path.name != "README.md":
            lines = [line for line in path.read_text().splitlines() if not line.lstrip().startswith("#")]
            for line in lines:
                if "SECRET" in line or "ACCESS_KEY" in line or "://" in line.partition("=")[2]:
                    assert "CHANGE-ME" in line or "_ENDPOINT_URL=" in line or "POLYGON_STORE=s3://" in line, line
