"""The lock files: everything pinned and hashed, no host named, in step with pyproject.toml and with each other."""

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from polygon_assets_tests.project import ROOT

LOCKS = ("dev.txt", "runtime.txt", "cluster.txt", "container.txt", "uv.txt", "docs.txt")
EXTRAS = {"runtime.txt": "sample", "cluster.txt": "cluster", "container.txt": "kubernetes"}
PIN = re.compile(
    r"(?P<name>[a-z0-9-]+)(\[[a-z0-9,-]+\])?==(?P<version>[^ ;]+)( ; [^\\]+)?( --hash=sha256:[0-9a-f]{64})+"
)


def statements(name: str) -> list[str]:
    """The lock's requirements and options, one a line, without comments."""
    text = re.sub(r"^\s*#.*\n", "", (ROOT / "requirements" / name).read_text(), flags=re.MULTILINE)
    return [re.sub(r"\s+", " ", line).strip() for line in text.replace("\\\n", " ").splitlines() if line.strip()]


def pins(name: str) -> dict[str, set[str]]:
    """The versions of each package; more than one where platforms differ."""
    found: dict[str, set[str]] = {}
    for line in statements(name):
        match = PIN.fullmatch(line)
        assert match, f"not pinned and hashed: {line}"
        found.setdefault(match["name"], set()).add(match["version"])
    return found


def pyproject() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())


def asked_for(name: str) -> list[str]:
    """What pyproject.toml asks for that belongs into a lock."""
    document = pyproject()
    project, groups = document["project"], document["dependency-groups"]
    extras = project["optional-dependencies"]
    always = [*project["dependencies"], *groups["build"], *document["build-system"]["requires"]]
    if name in EXTRAS:
        return [*always, *extras[EXTRAS[name]]]
    every_extra = [each for extra in extras.values() for each in extra]
    return [*always, *every_extra, *(each for each in groups["dev"] if isinstance(each, str))]


@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_names_versions_and_hashes_and_no_host(name: str) -> None:
    text = (ROOT / "requirements" / name).read_text()
    assert pins(name)
    assert "://" not in text
    assert not re.search(r"--(extra-)?index-url|--find-links|--trusted-host| @ |(?<![\w.])/\w+/", text)


@pytest.mark.parametrize("name", ["dev.txt", *EXTRAS])
def test_a_lock_holds_what_pyproject_asks_for(name: str) -> None:
    pinned = pins(name)
    for requirement in map(Requirement, asked_for(name)):
        if requirement.name == "polygon-assets":  # `all` names the other extras
            continue
        versions = pinned[canonicalize_name(requirement.name)]
        assert all(requirement.specifier.contains(version) for version in versions), requirement


@pytest.mark.parametrize("name", [*EXTRAS, "uv.txt"])
def test_locks_agree(name: str) -> None:
    everything = pins("dev.txt")
    assert {package: versions for package, versions in pins(name).items() if everything.get(package) != versions} == {}


def test_the_sites_tools_fit_what_is_installed_and_are_not_installed_with_it() -> None:
    everything, site = pins("dev.txt"), pins("docs.txt")
    assert {each for each, versions in site.items() if everything.get(each, versions) != versions} == set()
    for requirement in map(Requirement, pyproject()["dependency-groups"]["docs"]):
        assert all(requirement.specifier.contains(version) for version in site[requirement.name])
        assert requirement.name not in everything


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The files that the check looks at, to be changed."""
    for name in ("pyproject.toml", "tools/lock.py", *(f"requirements/{lock}" for lock in LOCKS)):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copyfile(ROOT / name, tmp_path / name)
    return tmp_path


def check(folder: Path) -> "subprocess.CompletedProcess[str]":
    """Run the check without a network to ask and outside the folder."""
    command = [sys.executable, str(folder / "tools/lock.py"), "--check"]
    return subprocess.run(command, cwd="/", env={}, capture_output=True, text=True, check=False, timeout=60)


def change(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def test_locks_are_in_step() -> None:
    done = check(ROOT)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('dependencies = [\n    "dagster', 'dependencies = [\n    "left-pad",\n    "dagster'),
        ('sample = ["moto', 'sample = ["left-pad", "moto'),
        ('    "boto3-stubs[s3]",', '    "left-pad",\n    "boto3-stubs[s3]",'),
        ('requires = ["hatchling"]', 'requires = ["hatchling>=1"]'),
        ('requires-python = ">=3.11"', 'requires-python = ">=3.12"'),
    ],
    ids=["dependency", "extra", "group", "build", "python"],
)
def test_a_changed_dependency_is_noticed(copy: Path, old: str, new: str) -> None:
    change(copy / "pyproject.toml", old, new)
    done = check(copy)
    assert done.returncode == 1
    assert done.stderr.count("make lock") == len(LOCKS)


def test_another_change_is_not(copy: Path) -> None:
    change(copy / "pyproject.toml", "line-length = 120", "line-length = 119")
    assert check(copy).returncode == 0


def test_a_version_that_differs_between_locks_is_noticed(copy: Path) -> None:
    change(copy / "requirements/runtime.txt", "dagster==", "dagster==0.")
    done = check(copy)
    assert done.returncode == 1
    assert "runtime.txt has dagster==0." in done.stderr


def test_a_missing_lock_is_noticed(copy: Path) -> None:
    (copy / "requirements/uv.txt").unlink()
    done = check(copy)
    assert done.returncode == 1
    assert "uv.txt" in done.stderr
