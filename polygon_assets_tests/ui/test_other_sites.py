"""What pages of other sites, and texts of a file, can do in the browser of a person who has the interface open."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode, urlsplit

import dagster as dg
import pytest

from polygon_assets_tests.foreign_text import hostile_day, hostile_header, hostile_tickers
from polygon_assets_tests.ui.browser import WAIT_SECONDS, keep, new_page, settle
from polygon_assets_tests.ui.conftest import ARTIFACTS, REBOUND, Served

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

FAILED = dg.RunsFilter(statuses=[dg.DagsterRunStatus.FAILURE])
LAUNCH = "mutation($params: ExecutionParams!) { launchRun(executionParams: $params) { __typename } }"
ATTACKS = """
async (target) => {
  const body = JSON.stringify({query: target.query, variables: target.variables});
  const get = target.url + "/graphql?" + target.encoded;
  const tried = {};
  const attempt = async (name, what) => {
    try { tried[name] = String(await what()); } catch (error) { tried[name] = "failed"; }
  };
  const later = (wait) => new Promise((done) => setTimeout(done, wait));
  const form = (type, values) => {
    const frame = document.body.appendChild(document.createElement("iframe"));
    frame.name = "f" + Math.random();
    const made = document.body.appendChild(document.createElement("form"));
    Object.assign(made, {method: "POST", action: target.url + "/graphql", enctype: type, target: frame.name});
    for (const [name, value] of Object.entries(values)) {
      const input = made.appendChild(document.createElement("input"));
      Object.assign(input, {name, value});
    }
    made.submit();
  };
  const loaded = (tag, address) => new Promise((done, failed) => {
    const made = document.createElement(tag);
    Object.assign(made, {onload: () => done("loaded"), onerror: failed, src: address});
    document.body.appendChild(made);
  });
  const values = {query: target.query, variables: JSON.stringify(target.variables)};
  await attempt("image", () => loaded("img", get));
  await attempt("script", () => loaded("script", get));
  for (const type of ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data"])
    await attempt("form " + type, () => form(type, values));
  await attempt("form json", () => form("text/plain", {[body.slice(0, -1) + ',"a":"']: '"}'}));
  for (const type of ["text/plain", "application/json", "application/graphql"])
    for (const mode of ["no-cors", "cors"])
      await attempt(mode + " " + type, async () => {
        const headers = {"Content-Type": type};
        const answer = await fetch(target.url + "/graphql", {method: "POST", mode, body, headers});
        return answer.type === "opaque" ? "sent" : await answer.text();
      });
  await attempt("report", () => fetch(target.url + "/report_asset_materialization/stocks_daily?partition=2026-01-02",
    {method: "POST", mode: "no-cors", body: "{}", headers: {"Content-Type": "text/plain"}}).then(() => "sent"));
  await attempt("beacon", () => navigator.sendBeacon(target.url + "/graphql", new Blob([body], {type: "text/plain"})));
  await attempt("reading", () => fetch(target.url + "/server_info").then((answer) => answer.text()));
  await attempt("websocket", () => new Promise((done, failed) => {
    const socket = new WebSocket(target.url.replace("http", "ws") + "/graphql", "graphql-ws");
    socket.onopen = () => done("open");
    socket.onerror = failed;
  }));
  await later(1500);
  return tried;
}
"""


@dataclass
class Stranger:
    """A web server of another origin on this machine, and what it was asked for."""

    url: str
    asked: list[str] = field(default_factory=list)


@contextmanager
def stranger() -> Iterator[Stranger]:
    """Serves an empty page at every address."""
    found = Stranger("")

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found.asked.append(self.path)
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(b"<!doctype html><title>A stranger</title>")

        do_POST = do_GET  # noqa: N815 (named by the standard library)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 (named so there)
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    found.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield found
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)


def target(served: Served) -> dict[str, Any]:
    """A run of a stored day, asked for as the interface itself does."""
    params = {
        "selector": {
            "repositoryLocationName": "polygon_assets",
            "repositoryName": "__repository__",
            "jobName": "__ASSET_JOB",
            "assetSelection": [{"path": ["stocks_daily"]}],
        },
        "runConfigData": {"ops": {"stocks_daily": {"config": {"overwrite": True}}}},
        "executionMetadata": {"tags": [{"key": "dagster/partition", "value": served.days[1]}]},
    }
    variables = {"params": params}
    encoded = urlencode({"query": LAUNCH, "variables": json.dumps(variables)})
    return {"url": served.site.url, "query": LAUNCH, "variables": variables, "encoded": encoded}


def hand_launched(served: Served) -> int:
    """Runs that neither a sensor nor a backfill asked for."""
    runs = served.platform.instance.get_runs()
    return sum(not {"dagster/sensor_name", "dagster/backfill"} & set(run.tags) for run in runs)


def test_a_page_of_another_origin_starts_nothing_and_reads_nothing(served: Served, chromium: "Browser") -> None:
    """From another port of this machine: a site of its own for cookies, and another origin."""
    before = hand_launched(served)
    stored = served.platform.materialised("stocks_daily")
    with stranger() as other, new_page(chromium, other.url) as page:
        page.goto("/")
        tried = page.evaluate(ATTACKS, target(served))
        keep(page, ARTIFACTS / "another origin.png")
    assert hand_launched(served) == before
    assert served.platform.materialised("stocks_daily") == stored
    sent = {"form text/plain", "form application/x-www-form-urlencoded", "form multipart/form-data", "form json"}
    assert {name: said for name, said in tried.items() if said not in {"failed", "sent", "true"}} == dict.fromkeys(
        sent, "undefined"
    ), "answers are opaque, or none"
    assert tried["websocket"] == tried["reading"] == tried["image"] == tried["script"] == "failed"


def test_the_interfaces_own_page_starts_the_same_run(served: Served, page: "Page") -> None:
    """So that the test above refuses what would work."""
    before = hand_launched(served)
    page.goto("/assets")
    answer = page.evaluate(
        """async (target) => (await fetch("/graphql", {method: "POST", headers: {"Content-Type": "application/json"},
        body: JSON.stringify({query: target.query, variables: target.variables})})).json()""",
        target(served),
    )
    assert answer["data"]["launchRun"]["__typename"] == "LaunchRunSuccess"
    assert hand_launched(served) == before + 1


def test_a_name_that_is_rebound_to_this_machine_is_not_answered(served: Served, chromium: "Browser") -> None:
    """DNS rebinding: the page's own name comes to mean 127.0.0.1, and the browser takes all for one origin."""
    port = urlsplit(served.site.url).port
    url = f"http://{REBOUND}:{port}"
    with new_page(chromium, url) as page:
        answer = page.goto("/assets")
        assert answer is not None
        assert answer.status == 403
        assert f"is not served as '{REBOUND}" in page.inner_text("body")
        status = page.evaluate(
            """async () => (await fetch("/graphql", {method: "POST", headers: {"Content-Type": "application/json"},
            body: JSON.stringify({query: "{version}"})})).status"""
        )
        assert status == 403


@pytest.fixture(scope="module")
def stranger_and_days(served: Served) -> Iterator[tuple[Stranger, str, str]]:
    """A day with hostile tickers, and one that was refused for its hostile header."""
    with stranger() as other:
        odd, refused = served.days[11], served.days[12]
        served.platform.put("stocks_daily", odd, hostile_day("stocks_daily", odd, other.url))
        served.platform.put("stocks_daily", refused, hostile_header(other.url))
        served.site.wait_for_backfill(served.site.backfill(["stocks_daily"], [odd, refused]))
        yield other, odd, refused


@contextmanager
def nothing_but_own(served: Served, page: "Page") -> Iterator[None]:
    """Fail where the page asks another server for anything, or its own by GraphQL in an address."""
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    yield
    settle(page)
    assert [url for url in asked if not url.startswith((served.site.url, "data:", "blob:"))] == []
    assert [url for url in asked if "query=" in url] == []


def test_a_ticker_that_is_markdown_or_html_is_shown_as_its_letters_and_loads_nothing(
    served: Served, page: "Page", stranger_and_days: tuple[Stranger, str, str]
) -> None:
    other, odd, _ = stranger_and_days
    with nothing_but_own(served, page):
        page.goto(f"/assets/stocks_daily?view=partitions&partition={odd}")
        page.get_by_text(hostile_tickers(other.url)[0], exact=True).first.scroll_into_view_if_needed()
        shown = page.inner_text("body")
        keep(page, ARTIFACTS / "hostile tickers.png")
        for ticker in hostile_tickers(other.url):
            assert ticker in shown
        assert page.locator(f"[src*='{other.url}'], [href*='{other.url}'], [src*='/graphql']").count() == 0
    assert other.asked == []


def test_a_refused_files_columns_are_shown_as_their_letters(
    served: Served, page: "Page", stranger_and_days: tuple[Stranger, str, str]
) -> None:
    """In the check's result, in the failed run and its log."""
    other, _, refused = stranger_and_days
    literal = hostile_tickers(other.url)[0]
    (run,) = served.platform.instance.get_runs(filters=FAILED, limit=1)
    with nothing_but_own(served, page):
        for address in (
            "/assets/stocks_daily?view=checks&checkDetail=readable",
            f"/assets/stocks_daily?view=partitions&partition={refused}",
            f"/runs/{run.run_id}",
        ):
            page.goto(address)
            settle(page)
            keep(page, ARTIFACTS / f"hostile columns {address.split('?')[0].count('/')} {address[-9:]}.png")
            assert page.locator(f"img[src*='{other.url}'], iframe[src*='{other.url}']").count() == 0
        page.goto("/assets/stocks_daily?view=checks&checkDetail=readable")
        page.get_by_text(literal).first.wait_for(timeout=WAIT_SECONDS * 1000)
    assert other.asked == []


def test_markdown_that_was_recorded_before_loads_nothing_from_elsewhere(served: Served, page: "Page") -> None:
    """Days of earlier versions keep their previews in Dagster's history."""
    day = served.days[13]
    with stranger() as other:
        text = f"![shown]({other.url}/pixel)\n\n![own](/graphql?query=mutation)\n\n| seen |\n| --- |\n| AAPL |"
        metadata = {"preview": dg.MetadataValue.md(text)}
        event = dg.AssetMaterialization("stocks_daily", partition=day, metadata=metadata)
        served.platform.instance.report_runless_asset_event(event)
        answers: list[tuple[str, int]] = []
        page.on("response", lambda answer: answers.append((answer.url, answer.status)))
        page.goto(f"/assets/stocks_daily?view=partitions&partition={day}")
        page.get_by_role("img", name="shown").wait_for(state="attached")
        settle(page)
        assert other.asked == []
        assert [status for url, status in answers if "query=" in url] == [405]
