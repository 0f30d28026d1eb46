"""An endpoint that answers without end: ``doctor``, and the warning of ``serve``, end all the same."""

import pytest

from polygon_assets.cli.work import vendor_checks
from polygon_assets.settings import load_settings
from polygon_assets_tests.cli.conftest import Command, Platform
from polygon_assets_tests.servers import dripping as drips
from polygon_assets_tests.servers.dripping import Answer, dripping

ENDLESS = pytest.mark.parametrize(
    "answer", [drips.dripping_headers, drips.endless_continues, drips.silence], ids=["headers", "continues", "silence"]
)


@pytest.fixture(autouse=True)
def _impatient(platform: Platform, monkeypatch: pytest.MonkeyPatch) -> None:
    del platform
    monkeypatch.setattr(vendor_checks, "_PATIENCE", 0.5)


@ENDLESS
def test_doctor_says_so_and_looks_at_the_rest(cli: Command, answer: Answer, monkeypatch: pytest.MonkeyPatch) -> None:
    """``urlopen`` has a timeout for each byte: headers that drip once held the command for good."""
    with dripping(answer) as server:
        url = server.endpoint_url
        monkeypatch.setenv("POLYGON_ENDPOINT_URL", url)
        done = cli("doctor", "--json")
    found = {each["topic"]: each for each in done.json()}
    assert done.code == 1
    assert found["endpoint"]["state"] == "failed"
    assert f"{url} does not answer" in found["endpoint"]["text"]
    assert "POLYGON_ENDPOINT_URL" in found["endpoint"]["remedy"]
    assert "credentials" not in found  # nor is it asked again
    assert {"store", "calendar", "Dagster home"} <= set(found)


def test_the_cause_is_the_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    with dripping(drips.dripping_headers) as server:
        monkeypatch.setenv("POLYGON_ENDPOINT_URL", server.endpoint_url)
        assert "does not answer: no whole answer within 0.5 s" in str(vendor_checks.trouble(load_settings()))


def test_what_is_no_http_is_an_answer_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not one of urllib's errors, which is a bug's trace where only those are caught."""
    monkeypatch.setattr(vendor_checks, "_PATIENCE", 10)
    with dripping(lambda: iter([b"SSH-2.0-OpenSSH_9.6\r\n"])) as server:
        monkeypatch.setenv("POLYGON_ENDPOINT_URL", server.endpoint_url)
        assert "does not answer: SSH-2.0" in str(vendor_checks.trouble(load_settings()))
