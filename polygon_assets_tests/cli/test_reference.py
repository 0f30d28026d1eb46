"""``polygon-assets reference``."""

from collections.abc import Iterator

import pytest

from polygon_assets.reference.events import DIVIDENDS, SPLITS
from polygon_assets.reference.tables import read_events
from polygon_assets_tests.cli.conftest import Command
from polygon_assets_tests.servers.rest_api import KEY, RestApi, dividend, refusal, rest_api, split
from polygon_assets_tests.stores import Place


@pytest.fixture
def server(place: Place, monkeypatch: pytest.MonkeyPatch) -> Iterator[RestApi]:
    with rest_api() as server:
        server.events["/stocks/v1/splits"] = [split("AAPL", "2020-08-31"), split("ODD", "2024-02-30")]
        server.events["/stocks/v1/dividends"] = [dividend("AAPL", "2024-05-10")]
        monkeypatch.setenv("POLYGON_STORE", place.uri)
        monkeypatch.setenv("POLYGON_API_URL", server.url)
        monkeypatch.setenv("POLYGON_API_KEY", KEY)
        yield server


def test_both_or_one_anew_or_what_is_new(server: RestApi, cli: Command, place: Place) -> None:
    done = cli("reference")
    assert done.code == 0, done.err
    assert "splits: 2 events; asked for those of all history: 2 added, 0 gone" in done.out
    assert "splits: ODD (no day): execution_date is no date: '2024-02-30'" in done.out
    assert "splits: 1 events cannot be used: the prices before them are null when adjusted" in done.out
    assert "dividends: 1 events" in done.out
    assert read_events(place.open(), SPLITS).num_rows == 2
    assert read_events(place.open(), DIVIDENDS).num_rows == 1
    server.seen.clear()
    assert "asked for those since " in cli("reference", "splits").out
    assert "of all history: 0 added" in cli("reference", "dividends", "--full").out
    assert [path for path, _ in server.seen] == ["/stocks/v1/splits", "/stocks/v1/dividends"]


def test_what_goes_wrong_is_one_line(
    server: RestApi, cli: Command, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert cli("reference", "bonds").code == 2
    server.faults.append(refusal(401))
    refused = cli("reference")
    assert (refused.code, refused.out) == (1, "")
    assert "it answered 401. Copy POLYGON_API_KEY" in refused.err
    monkeypatch.delenv("POLYGON_API_KEY")
    unset = cli("reference")
    assert unset.code == 2
    assert "Set POLYGON_API_KEY" in unset.err
    assert KEY not in refused.err + unset.err
    assert place.files() == []
