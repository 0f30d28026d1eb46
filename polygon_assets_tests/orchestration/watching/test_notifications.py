"""Notifications, to a real HTTP server; and to one that is not there."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import dagster as dg
import pytest

from polygon_assets_tests.orchestration.watching.ticks import at
from polygon_assets_tests.platforms import Platform
from polygon_assets_tests.servers.seaweed import free_ports

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
        assert self.headers["Content-Type"] == "application/json"
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
        {"event": "overdue", "dataset": "stocks_minute", "day": "2026-11-06"},
        {"event": "overdue", "dataset": "options_minute", "day": "2026-11-06"},
    ]
    _overdue(platform, tick.cursor)
    assert len(receiver.received) == 2


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
