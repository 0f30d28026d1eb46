"""Who may ask the web interface, and how; each request goes to a real application, which counts what reaches it."""

import asyncio
from pathlib import Path
from typing import Any

import dagster_webserver
import pytest
from dagster_webserver.webserver import DagsterWebserver
from hypothesis import given
from hypothesis import strategies as st

from polygon_assets.errors import ConfigurationMissingError, InvalidInputError
from polygon_assets.serving import guarded
from polygon_assets.serving.web_guard import WebGuard

PORT = 3000
OWN = f"127.0.0.1:{PORT}"
JSON = {"content-type": "application/json"}


def asked(
    method: str = "GET",
    path: str = "/",
    headers: dict[str, str] | None = None,
    *,
    host: str | None = OWN,
    hosts: tuple[str, ...] = (),
    kind: str = "http",
) -> int:
    """The status that is answered: 200 where the application was reached, 101 for a WebSocket that it got."""
    reached: list[Any] = []

    async def application(scope: Any, _receive: Any, send: Any) -> None:
        reached.append(scope)
        if kind == "http":
            await send({"type": "http.response.start", "status": 200, "headers": []})

    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    path, _, query = path.partition("?")
    named = [] if host is None else [("host", host)]
    pairs = [(name.encode(), value.encode("latin-1")) for name, value in [*named, *(headers or {}).items()]]
    scope = {"type": kind, "method": method, "path": path, "query_string": query.encode(), "headers": pairs}
    asyncio.run(WebGuard(application, PORT, hosts)(scope, None, send))  # type: ignore[arg-type]  # it reads nothing
    if reached:
        return 101 if kind == "websocket" else 200
    return int(sent[0].get("status", 403))


@pytest.mark.parametrize("host", [OWN, "localhost:3000", "[::1]:3000", "LOCALHOST:3000"])
def test_it_answers_to_the_names_of_this_machine(host: str) -> None:
    assert asked(host=host) == 200


@pytest.mark.parametrize(
    "host",
    ["evil.example", "evil.example:3000", "127.0.0.1", "127.0.0.1:3001", "127.0.0.1:3000.evil.example", "", None,
     "localhost", "127.0.0.1:3000 evil", "0.0.0.0:3000", "2130706433:3000", "user@127.0.0.1:3000"],
)  # fmt: skip
def test_it_answers_to_no_other_name(host: str | None) -> None:
    """DNS can point any name at this machine."""
    assert asked(host=host) == 403


def test_two_hosts_are_none() -> None:
    assert asked(headers={"Host": "evil.example"}) == 403


def test_a_setting_adds_the_names_of_a_proxy() -> None:
    hosts = ("dagster.example.com", "10.0.0.5:8080")
    assert asked(host="dagster.example.com", hosts=hosts) == 200
    assert asked(host="10.0.0.5:8080", hosts=hosts) == 200
    assert asked(host="10.0.0.5", hosts=hosts) == 403
    origin = {"origin": "https://dagster.example.com"}
    assert asked("POST", "/graphql", {**JSON, **origin}, host="dagster.example.com", hosts=hosts) == 200


@pytest.mark.parametrize("origin", ["http://127.0.0.1:3000", "http://localhost:3000", "http://[::1]:3000"])
def test_its_own_pages_may_post(origin: str) -> None:
    assert asked("POST", "/graphql", {**JSON, "origin": origin, "sec-fetch-site": "same-origin"}) == 200
    assert asked(path="/graphql", headers={"origin": origin}, kind="websocket") == 101


@pytest.mark.parametrize(
    "origin",
    ["http://127.0.0.1:8000", "https://evil.example", "null", "", "http://127.0.0.1:3000.evil.example", "file://",
     "http://evil.example#127.0.0.1:3000", "ftp://127.0.0.1:3000", "http://[::1", "http://evil@127.0.0.1:3000"],
)  # fmt: skip
def test_pages_of_other_origins_may_not(origin: str) -> None:
    assert asked("POST", "/graphql", {**JSON, "origin": origin}) == 403
    assert asked(path="/graphql", headers={"origin": origin}, kind="websocket") == 403


@pytest.mark.parametrize("site", ["cross-site", "same-site", "anything"])
def test_of_another_site_only_links_are_followed(site: str) -> None:
    link = {"sec-fetch-site": site, "sec-fetch-mode": "navigate", "sec-fetch-dest": "document"}
    assert asked(path="/assets", headers=link) == 200
    assert asked("POST", "/graphql", {**JSON, **link}) == 403
    for mode, dest in (("no-cors", "image"), ("navigate", "iframe"), ("cors", "empty"), ("no-cors", "script")):
        assert asked(headers={"sec-fetch-site": site, "sec-fetch-mode": mode, "sec-fetch-dest": dest}) == 403


def test_programs_that_are_no_browser_may_ask() -> None:
    assert asked("POST", "/graphql", JSON) == 200
    assert asked("POST", "/graphql", {"content-type": "application/json; charset=utf-8"}) == 200
    assert asked(path="/server_info") == 200


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/graphql", "multipart/form-data", "application/x-www-form-urlencoded",
             "application/jsonp", "text/plain; application/json", ""],
)  # fmt: skip
@pytest.mark.parametrize("path", ["/graphql", "/report_asset_materialization/stocks_daily", "/anything"])
def test_only_json_is_posted(kind: str, path: str) -> None:
    assert asked("POST", path, {"content-type": kind}) == 415


@pytest.mark.parametrize("query", ["query=mutation{x}", "a=1&query=x", "query=", "%71uery=x"])
def test_graphql_is_not_asked_by_get(query: str) -> None:
    assert asked("GET", f"/graphql?{query}") == 405
    assert asked("HEAD", f"/graphql?{query}") == 405


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"])
def test_other_methods_are_not_answered(method: str) -> None:
    assert asked(method, "/graphql", JSON) == 405


def test_a_page_may_load_no_picture_from_elsewhere_and_be_framed_by_no_one() -> None:
    """Whatever becomes Markdown one day, and what was recorded before, when tickers did."""
    sent: list[Any] = []

    async def application(_scope: Any, _receive: Any, send: Any) -> None:
        own = [(b"content-security-policy", b"script-src 'self'")]
        await send({"type": "http.response.start", "status": 200, "headers": own})

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "GET", "path": "/", "headers": [(b"host", OWN.encode())]}
    asyncio.run(WebGuard(application, PORT)(scope, None, send))  # type: ignore[arg-type]  # it reads nothing
    policies = [value.decode() for name, value in sent[0]["headers"] if name == b"content-security-policy"]
    assert policies[0] == "script-src 'self'", "Dagster's own holds beside it"
    assert "img-src 'self' data: blob:" in policies[1]
    assert "frame-ancestors 'self'" in policies[1]


@given(st.text(st.characters(min_codepoint=33, max_codepoint=255), max_size=30))
def test_no_made_up_host_gets_in(host: str) -> None:
    own = {f"{name}:{PORT}" for name in ("127.0.0.1", "localhost", "[::1]")}
    assert asked(host=host) == (200 if host.lower() in own else 403)


def test_the_routes_that_are_guarded_are_those_that_dagster_has() -> None:
    """A new one is looked at before it is served: does it change something, what does it read, how is it asked?"""
    server: Any = object.__new__(DagsterWebserver)
    server._app_path_prefix = ""
    routes = {(route.path, tuple(sorted(getattr(route, "methods", None) or ()))) for route in server.build_routes()}
    changing = {path for path, methods in routes if "POST" in methods}
    assert changing == {
        "/graphql",
        "/report_asset_materialization/{asset_key:path}",
        "/report_asset_check/{asset_key:path}",
        "/report_asset_observation/{asset_key:path}",
    }
    built = Path(dagster_webserver.__file__).parent / "webapp/build"
    assert {path for path, _ in routes} - {f"/{each.name}" for each in built.iterdir()} - changing == {
        "/",
        "/{path:path}",
        "/server_info",
        "/dagit_info",
        "/logs/{path:path}",
        "/notebook",
        "/dagit/notebook",
        "/download_debug/{run_id:str}",
    }
    assert {type(route).__name__ for route in server.build_routes()} == {"Route", "Mount", "WebSocketRoute"}


@pytest.mark.parametrize(("arguments", "port"), [(["-p", "1"], 1), (["--port", "2"], 2), (["--port=3"], 3), ([], 3000)])
def test_the_port_is_the_one_that_dagster_is_told(arguments: list[str], port: int) -> None:
    assert guarded._port(arguments) == port


def test_a_dagster_that_cannot_be_guarded_is_not_started() -> None:
    with pytest.raises(ConfigurationMissingError, match="has no create_app: this version of Dagster cannot be guarded"):
        guarded._attribute(guarded, "create_app")
    with pytest.raises(InvalidInputError, match="choose one of webserver, dev"):
        guarded.main(["webserver2"])
