"""The component in a project of ``dg``'s own making, by ``dg``'s own commands."""

import inspect
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import yaml
from dagster.components.core.component_tree import ComponentTree

import polygon_assets
from polygon_assets import FlatFilesComponent, TranslatorData

pytestmark = pytest.mark.slow
COMMANDS = """
import json, sys, traceback
from click.testing import CliRunner
from dagster_dg_cli.cli import cli

def call(*arguments):
    done = CliRunner().invoke(cli, arguments)
    return [done.exit_code, done.output + ("" if done.exception is None else str(done.exception))]

DEFS = "src/mine/defs/market/defs.yaml"
said = {
    "scaffold": call("scaffold", "defs", "polygon_assets.FlatFilesComponent", "market"),
    "components": call("list", "components", "--package", "polygon_assets", "--json"),
    "check": call("check", "defs"),
    "list": call("list", "defs", "--json"),
}
for name, text in json.loads(sys.argv[1]).items():
    with open(DEFS, "w") as file:
        file.write(text)
    said[name] = call("check", "yaml")
print(json.dumps(said))
"""
HEAD = "type: polygon_assets.FlatFilesComponent\nattributes:\n"
WRONG = {"unknown": HEAD + "  dataset: [stocks_daily]\n", "mistyped": HEAD + "  coverage: {often: 1}\n"}


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What ``dg`` said in a project that was scaffolded now."""
    create = Path(sys.executable).with_name("create-dagster")
    assert create.exists(), "make install"
    folder = tmp_path_factory.mktemp("dg")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("POLYGON_", "DAGSTER_"))}
    environment |= {
        "DAGSTER_DISABLE_TELEMETRY": "1",
        "DG_CLI_CONFIG": str(folder / "config/dg.toml"),
        "PYTHONPATH": str(folder / "mine/src"),
        "PATH": f"{create.parent}{os.pathsep}{environment['PATH']}",
        "VIRTUAL_ENV": str(create.parent.parent),
    }
    (folder / "config").mkdir()
    (folder / "config/dg.toml").write_text(
        '[cli]\nsuppress_warnings = ["create_dagster_outdated"]\n[cli.telemetry]\nenabled = false\n'
    )

    def run(*command: str | Path, cwd: Path) -> str:
        done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    run(create, "project", "mine", "--no-uv-sync", cwd=folder)
    output = run(sys.executable, "-c", COMMANDS, json.dumps(WRONG), cwd=folder / "mine")
    found: dict[str, Any] = json.loads(output.splitlines()[-1])
    return found


def test_dg_sees_it(said: dict[str, Any]) -> None:
    code, output = said["components"]
    assert code == 0, output
    assert "polygon_assets.FlatFilesComponent" in output


def test_what_is_scaffolded_loads_as_it_stands(said: dict[str, Any]) -> None:
    for command in ("scaffold", "check", "list"):
        assert said[command][0] == 0, said[command][1]
    assert "market/stocks_daily" in said["list"][1]
    assert "market_new_trading_days_options_daily" in said["list"][1]


@pytest.mark.parametrize(("mistake", "place"), [("unknown", "defs.yaml:3"), ("mistyped", "defs.yaml:3")])
def test_a_wrong_attribute_is_told_with_its_place(said: dict[str, Any], mistake: str, place: str) -> None:
    code, output = said[mistake]
    assert code != 0
    assert place in output
    assert {"unknown": "dataset", "mistyped": "coverage"}[mistake] in output


FULL = """
datasets: [stocks_daily]
store: "{{ env.MARKET_STORE }}"
key_prefix: market
sensors: stopped
coverage: false
settings: {history_start: 2020-01-02}
translation:
  description: "{{ part }} of {{ dataset.title if dataset else 'all' }}"
  metadata: {desk: rates}
  key_prefix: eu
"""


def load(attributes: str, component: type[FlatFilesComponent] = FlatFilesComponent) -> dg.Definitions:
    found = component.from_attributes_dict(attributes=yaml.safe_load(attributes))
    return found.build_defs(ComponentTree.for_test().load_context)


def test_translation_and_environment_are_resolved(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("MARKET_STORE", str(tmp_path / "lake"))
    definitions = load(FULL)
    days = definitions.resolve_asset_graph().get(dg.AssetKey(["eu", "market", "stocks_daily"]))
    assert days.parent_keys == {dg.AssetKey(["eu", "market", "flat_files", "stocks_daily"])}
    assert str(days.description).startswith("days of ")
    assert days.metadata["desk"] == "rates"
    assert days.partitions_def is not None
    assert days.partitions_def.get_first_partition_key() == "2020-01-02"
    (store,) = [each for name, each in (definitions.resources or {}).items() if name == "polygon_market_store"]
    with dg.build_resources({"store": store}) as opened:
        assert opened.store.store().uri == str(tmp_path / "lake")


class OfTheDesk(FlatFilesComponent):
    def get_asset_spec(self, data: TranslatorData) -> dg.AssetSpec:
        return super().get_asset_spec(data).replace_attributes(key=data.spec.key.with_prefix("desk"))


def test_a_derived_component_changes_specs_in_python() -> None:
    keys = load("datasets: [stocks_daily]\ncoverage: false", OfTheDesk).resolve_asset_graph().get_all_asset_keys()
    assert {key.path[0] for key in keys} == {"desk"}


def test_every_attribute_arrives_and_a_tag_of_digits_is_text(monkeypatch: pytest.MonkeyPatch) -> None:
    written = {
        "datasets": ["stocks_daily"], "store": "lake", "key_prefix": "eu", "name": "desk", "group_name": "market",
        "owners": ["team:desk"], "tags": {"cost": "7"}, "kinds": ["lake"], "pool": "theirs", "sensors": "off",
        "coverage": False, "roll_ups": False, "reference": False, "settings": {"keep_raw": True},
    }  # fmt: skip
    given: dict[str, Any] = {}
    monkeypatch.setattr(
        "polygon_assets.orchestration.component.build_defs", lambda **arguments: given.update(arguments)
    )
    load(yaml.safe_dump(written))
    given.pop("translator")
    assert given == written
    in_python_alone = {"translator", "resources", "standalone"}
    assert written.keys() == inspect.signature(polygon_assets.build_defs).parameters.keys() - in_python_alone
