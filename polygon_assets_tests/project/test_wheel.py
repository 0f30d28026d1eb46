"""The package alone: out of the wheel, in an environment of its own, outside the repository, without the network."""

import os
import re
import subprocess
import sys
import sysconfig
import tomllib
import venv
import zipfile
from collections.abc import Callable
from email.message import Message
from email.parser import Parser
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from polygon_assets.flatfile import kernel
from polygon_assets_tests.project import ROOT
from polygon_assets_tests.session import is_asked_for

pytestmark = pytest.mark.slow
Run = Callable[..., str]
USE = """
import dagster as dg, polygon_assets
from importlib.metadata import entry_points
defs = dg.Definitions.merge(
    polygon_assets.build_defs(datasets=["stocks_daily"], key_prefix="market"),
    dg.Definitions(executor=dg.in_process_executor),
)
dg.Definitions.validate_loadable(defs)
assert any(each.value == "polygon_assets" for each in entry_points(group="dagster_dg_cli.registry_modules"))
print(polygon_assets.__file__, polygon_assets.__version__, polygon_assets.FlatFilesComponent.__name__)
"""


def build(folder: Path, **variables: str) -> Path:
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    environment = {**os.environ, **variables}
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 0, done.stderr
    (built,) = folder.glob("*.whl")
    return built


def metadata_of(wheel: Path) -> Message:
    with zipfile.ZipFile(wheel) as archive:
        (name,) = [each for each in archive.namelist() if each.endswith("dist-info/METADATA")]
        return Parser().parsestr(archive.read(name).decode())


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def run(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Run a program of the environment in an empty folder; what it printed."""
    folder = tmp_path_factory.mktemp("alone")
    venv.create(folder / "venv")
    bin_folder = folder / "venv/bin"
    site = Path(sysconfig.get_path("purelib", vars={"base": str(folder / "venv")}))
    install = [sys.executable, "-m", "uv", "pip", "install", "--python", str(bin_folder / "python")]
    subprocess.run([*install, "--no-deps", "--no-index", "--quiet", str(wheel)], check=True, timeout=120)
    # Its dependencies are those that are installed here; a .pth within a .pth is not read, so not the clone.
    (site / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    (folder / "empty").mkdir()
    others = ("POLYGON_", "DAGSTER_", "PYTHON")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(others)}
    kept |= {"HOME": str(folder), "PATH": f"{bin_folder}{os.pathsep}{kept['PATH']}"}

    def execute(program: str, *arguments: str, code: int = 0, store: str = "data") -> str:
        done = subprocess.run(
            [bin_folder / program, *arguments],
            cwd=folder / "empty",
            env={**kept, "POLYGON_STORE": store},
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout + done.stderr

    return execute


def test_definitions_and_component_come_out_of_the_wheel(run: Run) -> None:
    where, version, component = run("python", "-W", "error::DeprecationWarning:polygon_assets", "-c", USE).split()[-3:]
    assert "/venv/lib/" in where
    assert (version, component) == ("0.1.0", "FlatFilesComponent")


def test_the_demo_and_the_commands_work_outside_the_repository(request: pytest.FixtureRequest, run: Run) -> None:
    if not is_asked_for(request.config, Path(__file__)):
        pytest.skip("takes most of a minute: make test ARGS=polygon_assets_tests/project/test_wheel.py")
    said = run("polygon-assets", "demo", "--no-ui")
    assert "What arrived" in said
    assert "count_star" in run("polygon-assets", "sql", "select count(*) from stocks_daily", store=".demo/store")
    doctor = run("polygon-assets", "doctor", code=1)  # there are no keys
    assert "POLYGON_ACCESS_KEY_ID" in doctor


def test_the_index_can_show_what_it_is_told(wheel: Path) -> None:
    said = metadata_of(wheel)
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    assert "Typing :: Typed" in said.get_all("Classifier", [])
    assert said["Description-Content-Type"] == "text/markdown"
    assert not any(each.startswith(("polygon_assets_tests", "benchmarks")) for each in names)
    assert "polygon_assets/py.typed" in names


RELATIVE = re.compile(r"\]\((?!https?:|#)")


def test_an_index_once_showed_a_broken_picture_and_links_that_led_nowhere(wheel: Path, tmp_path: Path) -> None:
    assert RELATIVE.search((ROOT / "README.md").read_text())
    without = metadata_of(wheel)
    assert not RELATIVE.search(str(without.get_payload()))
    assert "asset-partitions.png" not in str(without.get_payload())
    assert without.get_all("Project-URL") is None
    released = metadata_of(build(tmp_path, PROJECT_REPOSITORY="https://forge.example/us/polygon-assets/"))
    assert not RELATIVE.search(str(released.get_payload()))
    at = "https://forge.example/us/polygon-assets"
    assert f"]({at}/raw/v0.1.0/docs/images/asset-partitions.png)" in str(released.get_payload())
    assert f"[reading]({at}/blob/v0.1.0/docs/reading.md)" in str(released.get_payload())
    assert f"Repository, {at}" in released.get_all("Project-URL", [])


@pytest.mark.skipif(not kernel.is_built(), reason="the kernel is not built: apt install gcc, make install")
def test_the_index_took_no_wheel_and_the_widest_tag_is_true(wheel: Path) -> None:
    """``auditwheel repair`` gives ``manylinux_2_5`` to a library that needs no versioned symbol of anybody's."""
    with zipfile.ZipFile(wheel) as archive:
        library = archive.read("polygon_assets/flatfile/_kernel.so")
    assert library.startswith(b"\x7fELF")
    assert b"GLIBC_" not in library
    assert "auditwheel repair" in (ROOT / "CONTRIBUTING.md").read_text()


def test_dagster_is_not_pinned_and_every_extra_is_in_all() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    asked = {each.name: each.specifier for each in map(Requirement, project["dependencies"])}
    assert asked["dagster"].contains("1.13.0")
    assert asked["dagster"].contains("1.13.99")
    assert not asked["dagster"].contains("1.14.0")
    extras = project["optional-dependencies"]
    (together,) = map(Requirement, extras["all"])
    assert together.extras == set(extras) - {"all"}
