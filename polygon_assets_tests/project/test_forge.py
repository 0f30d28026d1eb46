"""The forge's files, which nothing here can run: the workflow does what CI does, on every Python that is declared."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from polygon_assets_tests.project import ROOT

WORKFLOW: dict[str, Any] = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text())
FORMS = sorted((ROOT / ".github/ISSUE_TEMPLATE").glob("*.yml"))
FIELDS = {"markdown": {"value"}, "input": {"label"}, "textarea": {"label"}}
"""What each kind of field needs."""


def test_every_declared_python_is_tried() -> None:
    classifiers = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["classifiers"]
    declared = [found[1] for each in classifiers if (found := re.fullmatch(r".*:: Python :: (3\.\d+)", each))]
    assert len(declared) > 1
    assert WORKFLOW["jobs"]["test"]["strategy"]["matrix"]["python"] == declared


def test_the_workflow_may_only_read_and_does_what_ci_does() -> None:
    assert WORKFLOW["permissions"] == {"contents": "read"}
    assert [step["run"] for step in WORKFLOW["jobs"]["test"]["steps"] if "run" in step] == [".ci/run"]
    assert (ROOT / ".ci/run").stat().st_mode & 0o111


def test_small_disks_were_skipped_in_the_forges_container_and_a_skipped_test_is_a_failed_one() -> None:
    options = WORKFLOW["jobs"]["test"]["container"]["options"].split()
    assert options[options.index("--cap-add") + 1] == "SYS_ADMIN"
    assert options[options.index("--security-opt") + 1] == "apparmor=unconfined"
    assert "--init" in options


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.stem)
def test_an_issue_form_has_what_the_forge_wants(form: Path) -> None:
    asked: dict[str, Any] = yaml.safe_load(form.read_text())
    assert asked.keys() == {"name", "description", "body"}
    for each in asked["body"]:
        assert FIELDS[each["type"]] <= each["attributes"].keys()
        assert ("id" in each) == (each["type"] != "markdown")
    assert any(each["type"] != "markdown" for each in asked["body"])
