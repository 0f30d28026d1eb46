"""A dataset's version is its own: what changes for another one leaves stored days current.

Once one version held for all of them, and a fifth row made every stored day outdated.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from polygon_assets.datasets import DATASETS
from polygon_assets_tests.factories import DAY, SOURCE, csv_gz, row, stamp, text
from polygon_assets_tests.project import ROOT
from polygon_assets_tests.store.publish import published

NEW_ROW = """

ROWS += (
    replace(
        ROWS[0],
        name="stocks_weekly",
        kind="week_aggs_v1",
        schema_version="1",
        checks=("ticker_text", "weekly_rules"),
    ),
)
"""
NEW_RULE = """

RULES = {**RULES, "not_monday": "A week that does not start on Monday."}
CHECKS = {**CHECKS, "weekly_rules": RuleGroup(("not_monday",), lambda look: None)}
"""
LOOK = """
import json, sys
from polygon_assets.datasets import DATASETS
from polygon_assets.flatfile.quality import rules_of
from polygon_assets.ingest import ParquetStore
from polygon_assets.store.day_files import read_state
store = ParquetStore(sys.argv[1])
day = read_state(store, "stocks_daily", sys.argv[2])
print(json.dumps({"current": day.stored_from(sys.argv[3]), "rows": list(DATASETS),
    "rules": sorted(rules_of(DATASETS["stocks_weekly"]))}))
"""


@pytest.mark.slow
def test_a_row_and_a_rule_for_another_dataset_leave_stored_days_current(tmp_path: Path) -> None:
    store = published(tmp_path / "store", "stocks_daily", csv_gz(tmp_path, text([row("A", stamp())])))
    package = tmp_path / "changed" / "polygon_assets"
    shutil.copytree(ROOT / "polygon_assets", package, ignore=shutil.ignore_patterns("__pycache__"))
    stocks = package / "datasets" / "stocks.py"
    stocks.write_text("from dataclasses import replace\n" + stocks.read_text() + NEW_ROW)
    quality = package / "flatfile" / "quality.py"
    quality.write_text(quality.read_text() + NEW_RULE)
    done = subprocess.run(
        [sys.executable, "-c", LOOK, store.uri, DAY.isoformat(), SOURCE.etag],
        env={**os.environ, "PYTHONPATH": str(package.parent)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    said = json.loads(done.stdout)
    assert set(said["rows"]) == {*DATASETS, "stocks_weekly"}, "the changed package was not the one that looked"
    assert "not_monday" in said["rules"]
    assert said["current"] is True
