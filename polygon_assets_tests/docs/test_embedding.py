"""docs/embedding.md, as a reader would copy it: the YAML loads, and the Python does."""

import re
import subprocess
import sys

import dagster as dg
import pytest
import yaml
from dagster.components.core.component_tree import ComponentTree

from polygon_assets import FlatFilesComponent
from polygon_assets_tests.platforms import Platform
from polygon_assets_tests.project import ROOT

PAGE = (ROOT / "docs/embedding.md").read_text()


def block(language: str, which: int = 0) -> str:
    return PAGE.split(f"```{language}\n")[which + 1].split("```")[0]


def test_the_component_loads(platform: Platform) -> None:
    written = yaml.safe_load(block("yaml"))
    assert written["type"] == "polygon_assets.FlatFilesComponent"
    component = FlatFilesComponent.from_attributes_dict(attributes=written["attributes"])
    definitions = component.build_defs(ComponentTree.for_test().load_context)
    graph = definitions.resolve_asset_graph()
    assert graph.get(dg.AssetKey(["market", "options_daily"])).metadata["exchange"] == "XNYS"
    assert dg.AssetKey(["market", "options_quotes"]) in graph.get_all_asset_keys()
    assert {sensor.default_status for sensor in definitions.sensors or ()} == {dg.DefaultSensorStatus.STOPPED}
    assert platform.store


def test_the_python_loads(platform: Platform, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a shorter plan, the page's partitions began in 2003 and ours in 2024: no job could have held both."""
    monkeypatch.setenv("POLYGON_HISTORY_START", "2024-01-02")
    names: dict[str, object] = {}
    for which in range(3):
        exec(compile(block("python", which), "docs/embedding.md", "exec"), names)  # noqa: S102 (our own page)
    definitions, translated, days = names["defs"], names["translated"], names["days"]
    assert isinstance(definitions, dg.Definitions)
    assert isinstance(translated, dg.Definitions)
    assert isinstance(days, dg.DailyPartitionsDefinition)
    dg.Definitions.validate_loadable(definitions)
    ours = definitions.resolve_asset_graph().get(dg.AssetKey(["market", "stocks_daily"]))
    assert dg.AssetKey("closing_prices") in ours.child_keys
    assert ours.partitions_def == days
    assert dg.AssetKey(["raw", "coverage"]) in translated.resolve_asset_graph().get_all_asset_keys()
    assert platform.store


@pytest.mark.slow
@pytest.mark.parametrize("command", sorted(set(re.findall(r"(?:`|^)dg ([a-z]+(?: [a-z-]+)?)", PAGE, re.MULTILINE))))
def test_dg_has_the_commands(command: str) -> None:
    """The page told of `dg docs serve`, which is in no patch that is allowed."""
    arguments = [sys.executable, "-m", "dagster_dg_cli.cli", *command.split(), "--help"]
    done = subprocess.run(arguments, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
