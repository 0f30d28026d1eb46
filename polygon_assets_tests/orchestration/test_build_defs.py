"""The assets as part of someone else's definitions: beside their own names, twice, and under translated keys."""

import datetime as dt
import inspect
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

import polygon_assets
from polygon_assets import FlatFilesTranslator, TranslatorData, build_defs
from polygon_assets.errors import InvalidInputError
from polygon_assets.orchestration.assembly import scope_of
from polygon_assets.settings import load_settings
from polygon_assets_tests.platforms import QUIET, Platform

DAY = "2026-11-05"
STOCKS, MARKET = "stocks_daily", dg.AssetKey(["market", "stocks_daily"])


class OfTheDesk(FlatFilesTranslator):
    """As a project would name things."""

    def get_asset_spec(self, data: TranslatorData) -> dg.AssetSpec:
        key = dg.AssetKey(["desk", data.part, data.dataset.name if data.dataset else "all"])
        return (
            super()
            .get_asset_spec(data)
            .replace_attributes(key=key, description="The desk's.", group_name="desk")
            .merge_attributes(metadata={"desk": 7})
        )


def host() -> dg.Definitions:
    """A project with names of its own, and an asset made from one of ours."""

    @dg.asset(deps=[MARKET])
    def closing_prices() -> None: ...

    @dg.asset
    def coverage() -> None: ...

    @dg.sensor(target=coverage)
    def freshness() -> None: ...

    own: dict[str, object] = dict.fromkeys(("store", "catalog", "downloader", "webhook", "io_manager"), "mine")
    own["io_manager"] = dg.InMemoryIOManager()  # type: ignore[no-untyped-call]
    return dg.Definitions(
        assets=[closing_prices, coverage], sensors=[freshness], resources=own, executor=dg.multiprocess_executor
    )


def materialise(definitions: dg.Definitions, platform: Platform, key: dg.AssetKey, day: str | None = DAY) -> Any:
    job = definitions.resolve_implicit_global_asset_job_def()
    return job.get_subset(asset_selection={key}).execute_in_process(
        instance=platform.instance, partition_key=day, run_config=QUIET
    )


def tick(definitions: dg.Definitions, platform: Platform, name: str) -> Any:
    sensor = definitions.resolve_sensor_def(name)
    with dg.build_sensor_context(
        instance=platform.instance,
        resources=dict(definitions.resources or {}),
        repository_def=definitions.get_repository_def(),
        sensor_name=name,
    ) as context:
        return sensor.evaluate_tick(context)


def test_two_instances_live_beside_a_hosts_own_names(platform: Platform, tmp_path: Path) -> None:
    platform.publish(STOCKS, [DAY])
    market = build_defs(datasets=[STOCKS], key_prefix="market")
    other = build_defs(
        datasets=["stocks_*"], key_prefix=["other", "us"], store=str(tmp_path / "other"), sensors="stopped"
    )
    merged = dg.Definitions.merge(host(), market, other)
    dg.Definitions.validate_loadable(merged)
    assert merged.executor is dg.multiprocess_executor
    graph = merged.resolve_asset_graph()
    assert graph.get(MARKET).parent_keys == {dg.AssetKey(["market", "flat_files", "stocks_daily"])}
    assert graph.get(MARKET).child_keys >= {dg.AssetKey("closing_prices"), dg.AssetKey(["market", "coverage"])}
    assert materialise(merged, platform, MARKET).success, platform.why()
    assert materialise(merged, platform, dg.AssetKey(["other", "us", STOCKS])).success, platform.why()
    assert (tmp_path / f"other/stocks_daily/date={DAY}/data.parquet").is_file()
    assert platform.materialised("market/stocks_daily") == [DAY] == platform.materialised("other/us/stocks_daily")
    assert platform.materialised(STOCKS) == []
    assert platform.checks("market/stocks_daily")["readable", DAY]
    assert materialise(merged, platform, dg.AssetKey("closing_prices"), None).success
    assert materialise(merged, platform, dg.AssetKey(["market", "coverage"]), None).success, platform.why()


def test_sensors_of_an_instance_ask_for_its_own_keys(platform: Platform, tmp_path: Path) -> None:
    today = dt.datetime.now(dt.UTC).date()
    days = platform.catalog.get_business_days(*(str(today - dt.timedelta(ago)) for ago in (9, 1)))
    platform.publish(STOCKS, days)
    merged = dg.Definitions.merge(
        *(build_defs(datasets=[STOCKS], key_prefix=name, store=str(tmp_path / name)) for name in ("a", "b"))
    )
    asked = [tick(merged, platform, f"{name}_new_trading_days_stocks_daily").run_requests for name in ("a", "b")]
    assert [request.asset_selection for request in asked[0]] == [[dg.AssetKey(["a", STOCKS])]] * len(asked[0])
    assert {request.run_key for request in asked[0]} & {request.run_key for request in asked[1]} == set()
    assert "a/stocks_daily" not in tick(merged, platform, "b_freshness").skip_message
    assert len(asked[0]) == len(asked[1]) > 1


def test_the_translator_has_the_last_word(platform: Platform) -> None:
    platform.publish(STOCKS, [DAY])
    definitions = build_defs(
        datasets=[STOCKS], reference=False, translator=OfTheDesk(), tags={"desk": "rates"}, kinds=["parquet"]
    )
    graph = definitions.resolve_asset_graph()
    days, source, years = (dg.AssetKey(["desk", part, STOCKS]) for part in ("days", "source", "by_year"))
    of_all = {dg.AssetKey(["desk", part, "all"]) for part in ("coverage", "agreement")}
    assert graph.get_all_asset_keys() == {days, source, years, *of_all}
    assert graph.get(days).parent_keys == {source}
    assert graph.get(days).child_keys == {years, *of_all}
    for key in graph.get_all_asset_keys():
        node = graph.get(key)
        assert (node.description, node.group_name, node.metadata["desk"]) == ("The desk's.", "desk", 7)
        assert (node.tags["desk"], node.kinds) == ("rates", {"parquet"})
    assert materialise(definitions, platform, days).success, platform.why()
    assert platform.materialised("desk/days/stocks_daily") == [DAY]
    year = materialise(definitions, platform, years, "2026")
    (made,) = year.asset_materializations_for_node(f"{STOCKS}_by_year")
    assert made.metadata["dagster/row_count"].value == 20
    (request,) = tick(definitions, platform, "refresh_coverage").run_requests
    assert request.asset_selection == [dg.AssetKey(["desk", "coverage", "all"])]


def test_keys_that_were_replaced_afterwards_are_written_under(platform: Platform) -> None:
    """The day was once ingested, and then the run failed: the asset had kept its first key."""
    platform.publish(STOCKS, [DAY])
    definitions = build_defs(datasets=[STOCKS], coverage=False, roll_ups=False, reference=False, sensors="off")
    (days,) = [each for each in definitions.assets or () if isinstance(each, dg.AssetsDefinition)]
    late = days.with_attributes(asset_key_replacements={days.key: days.key.with_prefix("late")})
    moved = dg.Definitions(assets=[late], resources=definitions.resources)
    assert materialise(moved, platform, dg.AssetKey(["late", STOCKS])).success, platform.why()
    assert platform.materialised("late/stocks_daily") == [DAY]


class Moves(FlatFilesTranslator):
    def get_asset_spec(self, data: TranslatorData) -> dg.AssetSpec:
        return data.spec.replace_attributes(partitions_def=dg.StaticPartitionsDefinition(["a"]))


class Forgets(FlatFilesTranslator):
    def get_asset_spec(self, data: TranslatorData) -> dg.AssetSpec:  # type: ignore[empty-body]
        ...


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"translator": Moves()}, "Moves changed the partitions of flat_files/stocks_daily"),
        ({"translator": Forgets()}, "Forgets.get_asset_spec returned None: return a dagster.AssetSpec"),
        ({"name": "the desk's"}, "only letters, digits and '_'"),
        ({"key_prefix": "a//b"}, "POLYGON_KEY_PREFIX: must be names"),
        ({"datasets": ["stonks"]}, "POLYGON_DATASETS: names no dataset|POLYGON_DATASETS"),
        ({"settings": {"timeout": 0}}, "POLYGON_TIMEOUT"),
        ({"settings": {"history_strt": "2024-01-02"}}, "no setting 'history_strt'. Did you mean 'history_start'"),
    ],
)
def test_what_cannot_be_is_refused_by_name(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidInputError, match=message):
        build_defs(**{"datasets": [STOCKS], **arguments})


def test_what_is_switched_off_is_not_there() -> None:
    definitions = build_defs(datasets=[STOCKS], coverage=False, roll_ups=False, reference=False, sensors="off")
    assert list(definitions.sensors or []) == []
    keys = definitions.resolve_asset_graph().get_all_asset_keys()
    assert keys == {dg.AssetKey(STOCKS), dg.AssetKey(["flat_files", STOCKS])}
    stopped = build_defs(datasets=[STOCKS], sensors="stopped").sensors or []
    assert {sensor.default_status for sensor in stopped} == {dg.DefaultSensorStatus.STOPPED}


def test_every_asset_is_as_the_call_says() -> None:
    definitions = build_defs(
        datasets=[STOCKS], name="x", key_prefix="eu", group_name="desk", owners=["team:desk"], tags={"cost": "7"},
        kinds=["lake"], pool="theirs",
    )  # fmt: skip
    graph = definitions.resolve_asset_graph()
    for key in graph.get_all_asset_keys():
        spec = graph.get(key)
        assert (key.path[0], spec.group_name, spec.owners, spec.kinds) == ("eu", "desk", ["team:desk"], {"lake"})
        assert spec.tags["cost"] == "7"
    assert graph.get(dg.AssetKey(["eu", STOCKS])).pools == {"theirs"}
    assert {each.name.partition("_")[0] for each in [*(definitions.sensors or ()), *(definitions.schedules or ())]} == {
        "x"
    }
    assert definitions.executor is None
    assert "io_manager" not in (definitions.resources or {})


@pytest.mark.parametrize(("store", "kinds"), [("s3://lake/market", {"s3"}), ("lake", set())])
def test_the_kind_of_the_store_is_that_of_its_scheme(store: str, kinds: set[str]) -> None:
    graph = build_defs(datasets=[STOCKS], store=store).resolve_asset_graph()
    for name in (STOCKS, f"{STOCKS}_by_year"):
        assert graph.get(dg.AssetKey(name)).kinds & {"s3", "gcs"} == kinds


def test_a_resource_of_ones_own_takes_the_place_of_ours() -> None:
    mine = object()
    resources = build_defs(datasets=[STOCKS], name="x", resources={"store": mine, "lake": mine}).resources or {}
    with dg.build_resources({"store": resources["polygon_x_store"]}) as opened:
        assert opened.store is mine
    assert set(resources) == {
        f"polygon_x_{kind}" for kind in ("catalog", "downloader", "store", "reference", "webhook")
    } | {"lake"}


def test_the_command_line_tells_dagster_under_the_same_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POLYGON_KEY_PREFIX", "market/us")
    key = scope_of(load_settings()).key(STOCKS)
    assert key == dg.AssetKey(["market", "us", STOCKS])
    assert key in build_defs(datasets=[STOCKS]).resolve_asset_graph().get_all_asset_keys()


def test_the_hosts_failed_runs_are_not_announced(platform: Platform) -> None:
    definitions = build_defs(datasets=[STOCKS], settings={"webhook_url": "http://127.0.0.1:1/dead"})

    @dg.asset
    def broken() -> None:
        raise ValueError

    told: list[object] = []

    class Webhook:
        def post(self, message: object, _log: object) -> None:
            told.append(message)

    merged = dg.Definitions.merge(definitions, dg.Definitions(assets=[broken]))
    sensor = merged.resolve_sensor_def("notify_failed_runs")
    for key, day in ((dg.AssetKey("broken"), None), (dg.AssetKey(STOCKS), DAY)):  # of DAY there is no file
        platform.put_broken(STOCKS, DAY)
        job = merged.resolve_implicit_global_asset_job_def().get_subset(asset_selection={key})
        result = job.execute_in_process(
            instance=platform.instance, partition_key=day, run_config=QUIET, raise_on_error=False
        )
        context = dg.build_run_status_sensor_context(
            sensor_name=sensor.name,
            dagster_event=next(event for event in result.all_events if event.is_run_failure),
            dagster_instance=platform.instance,
            dagster_run=result.dagster_run,
            resources={**(merged.resources or {}), "polygon_webhook": Webhook()},
        )
        sensor(context)
        assert bool(told) == (key == dg.AssetKey(STOCKS))


def test_assets_say_what_dagster_can_show(platform: Platform) -> None:
    platform.publish("options_daily", [DAY])
    definitions = build_defs(datasets=["options_daily"])
    spec = definitions.resolve_asset_graph().get(dg.AssetKey("options_daily"))
    assert spec.metadata["dagster/table_name"] == "options_daily"
    assert "strike" in {column.name for column in spec.metadata["dagster/column_schema"].columns}
    assert spec.tags["polygon/content"] == "daily"
    assert "dagster/code_references" in spec.metadata
    assert spec.tags["polygon/asset_class"] == "options"
    assert ("s3" in spec.kinds) == platform.place.uri.startswith("s3://")
    assert materialise(definitions, platform, dg.AssetKey("options_daily")).success, platform.why()
    lineage = platform.metadata("options_daily", DAY)["dagster/column_lineage"]
    source = dg.AssetKey(["flat_files", "options_daily"])
    described = definitions.resolve_asset_graph().get(source).metadata["dagster/column_schema"]
    assert "ticker" in {column.name for column in described.columns}
    assert lineage.deps_by_column["strike"] == [dg.TableColumnDep(source, "ticker")]


def test_the_signature_is_public() -> None:
    assert list(inspect.signature(polygon_assets.build_defs).parameters) == [
        "datasets", "store", "key_prefix", "name", "group_name", "owners", "tags", "kinds", "pool", "sensors",
        "coverage", "roll_ups", "reference", "translator", "resources", "settings", "standalone",
    ]  # fmt: skip
    assert polygon_assets.__version__
    assert set(polygon_assets.__all__) <= set(dir(polygon_assets))
