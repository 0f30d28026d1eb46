"""Notifications, to a real HTTP server; and to one that is not there."""

import importlib.util
import json
import logging
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import dagster as dg
import pytest
from dagster._core.remote_representation.external_data import RepositorySnap

from polygon_assets.errors import InvalidInputError
from polygon_assets.orchestration.watching import notifications
from polygon_assets.orchestration.watching.apprise_services import Services
from polygon_assets.orchestration.watching.new_day_rules import HOUR, Memory
from polygon_assets.orchestration.watching.webhook import Webhook
from polygon_assets.settings import load_settings
from polygon_assets_tests.orchestration.watching.ticks import at, leave_cursor
from polygon_assets_tests.platforms import Platform
from polygon_assets_tests.servers import dripping as drips
from polygon_assets_tests.servers.dripping import Answer, dripping
from polygon_assets_tests.servers.seaweed import free_ports

CANARY = "canary-8d20-never-to-be-seen"
LOG = logging.getLogger("test")
NOON = at("2026-11-09T12:31")


class Receiver(ThreadingHTTPServer):
    """Keeps what is posted to it, and answers with ``status``."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.received: list[dict[str, Any]] = []
        self.status = 204

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/hook"


class _Handler(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        length = int(self.headers["Content-Length"])
        assert self.headers["Content-Type"].startswith("application/json")
        self.server.received.append(json.loads(self.rfile.read(length)))
        self.send_response(self.server.status)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (the base class names it so)
        """Say nothing."""


@pytest.fixture
def receiver(monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    with Receiver() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        monkeypatch.setenv("POLYGON_WEBHOOK_URL", server.url)
        yield server
        server.shutdown()
        thread.join()


def _overdue(platform: Platform, cursor: str | None = None) -> Any:
    definitions = platform.definitions(NOON)
    sensor = definitions.resolve_sensor_def("notify_overdue")
    with dg.build_sensor_context(
        instance=platform.instance, resources=dict(definitions.resources or {}), cursor=cursor, sensor_name=sensor.name
    ) as context:
        return sensor.evaluate_tick(context)


def _arrive(platform: Platform, *datasets: str) -> None:
    for dataset in datasets:
        platform.instance.report_runless_asset_event(dg.AssetMaterialization(dataset, partition="2026-11-06"))


def test_off_by_default(platform: Platform) -> None:
    names = {sensor.name for sensor in platform.definitions().sensors or []}
    assert "notify_failed_runs" not in names
    assert "notify_overdue" not in names


def test_each_overdue_day_is_told_once(platform: Platform, receiver: Receiver) -> None:
    _arrive(platform, "stocks_daily", "options_daily")
    tick = _overdue(platform)
    assert receiver.received == [
        {"event": "overdue", "dataset": name, "day": "2026-11-06", "text": f"Overdue: {name} 2026-11-06"}
        for name in ("stocks_minute", "options_minute")
    ]
    _overdue(platform, tick.cursor)
    assert len(receiver.received) == 2


def test_a_dataset_outside_the_plan_was_told_as_overdue_each_day(platform: Platform, receiver: Receiver) -> None:
    refused = Memory(not_entitled_until=NOON().timestamp() + HOUR).dump()
    for dataset in ("options_daily", "options_minute"):
        leave_cursor(platform.instance, f"new_trading_days_{dataset}", refused)
    _overdue(platform)
    assert [message["dataset"] for message in receiver.received] == ["stocks_daily", "stocks_minute"]


def test_slow_services_took_longer_than_a_tick_may_and_all_was_told_again(
    platform: Platform, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notifications, "_TELLING_SECONDS", -1.0)  # as if the first one had taken all of it
    tick = _overdue(platform)
    assert receiver.received == []
    assert "options_minute 2026-11-06" in tick.skip_message
    monkeypatch.undo()
    monkeypatch.setenv("POLYGON_WEBHOOK_URL", receiver.url)
    _overdue(platform, tick.cursor)
    assert len(receiver.received) == 4


def test_a_dead_webhook_breaks_nothing_and_is_told_later(
    platform: Platform, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    _arrive(platform, "stocks_daily", "stocks_minute", "options_daily")
    monkeypatch.setenv("POLYGON_WEBHOOK_URL", f"http://127.0.0.1:{free_ports(1)[0]}/dead")
    tick = _overdue(platform)
    assert "options_minute 2026-11-06" in tick.skip_message
    monkeypatch.setenv("POLYGON_WEBHOOK_URL", receiver.url)
    _overdue(platform, tick.cursor)
    assert [message["dataset"] for message in receiver.received] == ["options_minute"]


def test_a_refusing_webhook_breaks_nothing(platform: Platform, receiver: Receiver) -> None:
    receiver.status = 500
    assert "stocks_daily 2026-11-06" in _overdue(platform).skip_message


def test_a_failed_run_is_told_with_its_cause(platform: Platform, receiver: Receiver) -> None:
    platform.put_broken("stocks_daily", "2026-11-06")
    result = platform.run("stocks_daily", ["2026-11-06"])
    definitions = platform.definitions()
    sensor = definitions.resolve_sensor_def("notify_failed_runs")
    failure = next(event for event in result.all_events if event.is_run_failure)
    context = dg.build_run_status_sensor_context(
        sensor_name=sensor.name,
        dagster_event=failure,
        dagster_instance=platform.instance,
        dagster_run=result.dagster_run,
        resources=definitions.resources,
    ).for_run_failure()
    sensor(context)
    (message,) = receiver.received
    assert message["event"] == "run_failed"
    assert message["datasets"] == ["stocks_daily"]
    assert (message["first_day"], message["last_day"]) == ("2026-11-06", "2026-11-06")
    assert "expected the columns" in message["cause"]
    assert message["text"].startswith(f"Run {message['run_id'][:8]} failed: stocks_daily 2026-11-06\n")


def test_text_steers_no_chat(receiver: Receiver) -> None:
    """Slack takes <!channel> for everybody, and <https://…|a name> for a link."""
    said = {"text": "<!channel> & <https://example.invalid|report>", "cause": "<"}
    assert Webhook(receiver.url).post(said, LOG)
    (told,) = receiver.received
    assert told == {"text": "&lt;!channel&gt; &amp; &lt;https://example.invalid|report&gt;", "cause": "<"}


@pytest.fixture
def services(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> str:
    """Two services of apprise's, that are told what ``receiver`` is told."""
    monkeypatch.delenv("POLYGON_WEBHOOK_URL")
    address = receiver.url.removeprefix("http://").removesuffix("/hook")
    urls = f"json://{address}/{CANARY} mmost://{address}/abcdefghijklmnop"
    monkeypatch.setenv("POLYGON_NOTIFY_URLS", urls)
    return urls


def test_services_are_told_what_is_overdue_once(platform: Platform, receiver: Receiver, services: str) -> None:
    _arrive(platform, "stocks_daily", "options_daily", "stocks_minute")
    tick = _overdue(platform)
    text = "Overdue: options_minute 2026-11-06"
    by_json, mattermost = sorted(receiver.received, key=lambda each: "message" not in each)
    assert by_json["message"] == text
    assert text in mattermost["text"]
    _overdue(platform, tick.cursor)
    assert len(receiver.received) == len(services.split())


def test_webhook_and_services_are_told_the_same(
    platform: Platform, receiver: Receiver, services: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("POLYGON_WEBHOOK_URL", f"http://127.0.0.1:{free_ports(1)[0]}/dead")
    _arrive(platform, "stocks_daily", "options_daily", "stocks_minute")
    assert json.loads(_overdue(platform).cursor) == {"options_minute": "2026-11-06"}  # one took it
    assert len(receiver.received) == len(services.split())


def test_a_service_that_refuses_is_named_without_its_address(
    receiver: Receiver, services: str, caplog: pytest.LogCaptureFixture
) -> None:
    receiver.status = 500
    assert not Services(f"{services} nosuch://{CANARY}").post({"text": "x"}, LOG)
    said = [record.getMessage() for record in caplog.records]
    assert said == [
        "Number 1 of POLYGON_NOTIFY_URLS did not take the notification: JSON",
        "Number 2 of POLYGON_NOTIFY_URLS did not take the notification: Mattermost",
        "Number 3 of POLYGON_NOTIFY_URLS did not take the notification: not an address that apprise knows",
    ]


@pytest.mark.slow
@pytest.mark.parametrize("answer", [drips.dripping_headers, drips.endless_error], ids=["headers", "error"])
def test_a_service_that_never_ends_is_given_up(
    answer: Answer, receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    """Its client waits anew with every byte; the other service's answer counts all the same."""
    address = receiver.url.removeprefix("http://")
    with dripping(answer) as server:
        hanging = server.endpoint_url.removeprefix("http://")
        assert Services(f"json://{hanging}/{CANARY} json://{address}", seconds=6).post({"text": "x"}, LOG)
    assert caplog.messages == ["Number 1 of POLYGON_NOTIFY_URLS did not take the notification: no answer"]


@pytest.mark.parametrize("wish", ["", "?redirect=yes"])
def test_a_service_that_redirects_has_delivered_nothing(wish: str) -> None:
    with dripping(drips.silence) as elsewhere:
        target = f"{elsewhere.endpoint_url}/other".encode()
        answer = b"HTTP/1.1 307 Moved\r\nLocation: %s\r\nContent-Length: 0\r\n\r\n" % target
        with dripping(lambda: iter([answer])) as server:
            address = server.endpoint_url.removeprefix("http://")
            assert not Services(f"json://{address}/{wish}").post({"text": "x"}, LOG)
        assert elsewhere.connections == 0


def test_without_apprise_the_definitions_say_what_to_install(
    platform: Platform, services: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert services
    monkeypatch.setitem(sys.modules, "apprise", None)
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(InvalidInputError, match=r"pip install 'polygon-assets\[notify\]'"):
        platform.definitions()


def test_addresses_are_in_no_snapshot_and_no_repr(platform: Platform, services: str) -> None:
    assert CANARY in services
    definitions = platform.definitions()
    snapshot = dg.serialize_value(RepositorySnap.from_def(definitions.get_repository_def()))
    for shown in (snapshot, repr(definitions.resources), repr(load_settings()), repr(Services(services))):
        assert CANARY not in shown
