"""Every library logging at DEBUG, and no secret in it, whichever command sends requests."""

import logging
import re
from collections.abc import Iterator

import pytest

from polygon_assets import log_redaction
from polygon_assets.log_redaction import redact_logs
from polygon_assets.orchestration.watching.webhook import Webhook
from polygon_assets_tests.cli.conftest import Command, Platform
from polygon_assets_tests.servers.rest_api import KEY, rest_api, split
from polygon_assets_tests.servers.seaweed import free_ports

DAYS = ["2024-01-02", "2024-01-03"]
ANYTHING = {
    "doctor": ["doctor"],
    "a dry run": ["ingest", "stocks_daily", "--start", *DAYS[:1], "--end", *DAYS[1:], "--dry-run"],
    "ingest": ["ingest", "stocks_daily", "--start", *DAYS[:1], "--end", *DAYS[1:], "--overwrite"],
    "ls": ["ls", "stocks_daily", "--month", "2024-01"],
    "status": ["status", "stocks_daily"],
    "verify": ["verify", "stocks_daily"],
    "verify --remote": ["verify", "stocks_daily", "--remote"],
    "sql": ["sql", "SELECT count(*) FROM stocks_daily"],
    "rollup": ["rollup", "stocks_daily", "--overwrite"],
    "record": ["record", "stocks_daily"],
    "reference": ["reference", "splits"],
}
SIGNED = re.compile(r"AWS4-HMAC-SHA256 Credential|Signature[:=]\s*[0-9a-f]{64}|Bearer \w")


@pytest.fixture
def stored(platform: Platform, cli: Command, monkeypatch: pytest.MonkeyPatch) -> Iterator[Platform]:
    """Two stored days, and a REST API."""
    platform.publish("stocks_daily", DAYS)
    assert cli("ingest", "stocks_daily", "--start", DAYS[0], "--end", DAYS[1]).code == 0
    with rest_api() as server:
        server.events["/stocks/v1/splits"] = [split("AAPL", "2020-08-31")]
        monkeypatch.setenv("POLYGON_API_URL", server.url)
        monkeypatch.setenv("POLYGON_API_KEY", KEY)
        yield platform


@pytest.mark.stores("s3")
def test_a_debug_log_once_held_what_signs_each_request(
    stored: Platform, cli: Command, caplog: pytest.LogCaptureFixture
) -> None:
    """Whoever read it could send the same request again for a quarter of an hour."""
    said = {}
    for name, arguments in ANYTHING.items():
        caplog.clear()
        with caplog.at_level(logging.DEBUG):
            done = cli(*arguments)
        assert done.code in {0, 1}, (name, done.err)
        said[name] = caplog.text + done.out + done.err
        assert not SIGNED.search(said[name]), name
        assert stored.server.secret_access_key not in said[name], name
        assert KEY not in said[name], name
    for name in ANYTHING.keys() - {"reference", "sql", "record"}:
        assert "Authorization': b[hidden]" in said[name], name
        assert "Signature:\n[hidden]" in said[name], name
    assert "urllib3.connectionpool" in said["reference"]


def test_a_debug_log_once_held_the_path_of_a_webhook_which_is_its_secret(caplog: pytest.LogCaptureFixture) -> None:
    path, (port,) = "/services/T0/B0/canary-of-the-webhook", free_ports(1)
    with caplog.at_level(logging.DEBUG):
        assert not Webhook(f"http://127.0.0.1:{port}{path}").post({"text": "hello"}, logging.getLogger("run"))
        with rest_api() as server:
            Webhook(server.url + path).post({"text": "hello"}, logging.getLogger("run"))
    assert f"POST {log_redaction.HIDDEN}" in caplog.text
    assert "canary-of-the-webhook" not in caplog.text


@pytest.mark.parametrize(
    "said",
    [
        "headers={'Authorization': b'AWS4 canary-1234', 'X': b'kept'}",
        'headers={"Authorization": "Bearer canary-1234", "X": "kept"}',
        "Authorization: AWS4 canary-1234\r\nX: kept",
        "kept authorization=canary-1234",
        "kept of my-secret-canary-1234 too",
    ],
)
def test_what_is_hidden_in_a_line_and_in_a_traceback(said: str, caplog: pytest.LogCaptureFixture) -> None:
    logger = logging.getLogger("botocore.endpoint")
    redact_logs("my-secret-canary-1234")
    with caplog.at_level(logging.DEBUG):
        logger.debug("of a %s: %s", "request", said)
        try:
            raise ValueError(said)
        except ValueError:
            logger.debug("failed", exc_info=True)
    assert "canary-1234" not in caplog.text
    assert caplog.text.count("kept") >= 2
    assert "Traceback" in caplog.text
