"""``polygon-assets reference``."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from polygon_assets.reference.events import DIVIDENDS, SPLITS
from polygon_assets.reference.tables import read_events
from polygon_assets_tests.cli.conftest import Command
from polygon_assets_tests.servers.rest_api import KEY, RestApi, dividend, refusal, rest_api, split
from polygon_assets_tests.stores import Place


@pytest.fixture
def server(place: Place, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, fresh_home: Path) -> Iterator[RestApi]:
    monkeypatch.setenv("DAGSTER_HOME", str(shutil.copytree(fresh_home, tmp_path / "home")))
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
    assert "splits: not usable: 1 event; when adjusted, the prices before are null" in done.out
    assert "dividends: 1 event;" in done.out
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


def test_dagster_is_told_of_each_table(
    server: RestApi, cli: Command, place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It once showed them as never materialised, although the command had stored them."""
    monkeypatch.setenv("POLYGON_KEY_PREFIX", "market")
    assert cli("reference").code == 0
    with dg.DagsterInstance.from_config(str(tmp_path / "home")) as instance:
        for name, rows in (("splits", 2), ("dividends", 1)):
            event = instance.get_latest_materialization_event(dg.AssetKey(["market", name]))
            assert event is not None
            assert event.asset_materialization is not None
            told = {key: value.value for key, value in event.asset_materialization.metadata.items()}
            assert told["dagster/row_count"] == told["added"] == rows
            assert told["dagster/uri"] == f"{place.uri}/_reference/{name}/data.parquet"
            assert told["source"] == f"{server.url}/stocks/v1/{name}"


def test_a_history_that_cannot_be_written_is_a_failure_that_says_what_to_do(
    server: RestApi, cli: Command, tmp_path: Path
) -> None:
    home = tmp_path / "home"
    (home / "dagster.yaml").write_text("storage: nonsense")
    done = cli("reference", "splits")
    assert done.code == 1
    assert "splits: 2 events" in done.out
    assert "splits: stored, but Dagster could not be told" in done.err
    assert len(server.seen) == 1
