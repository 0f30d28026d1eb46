"""Write the lock files in requirements/, or check that they are in step with pyproject.toml.

python tools/lock.py            newest versions of everything
python tools/lock.py --keep     only what pyproject.toml asks for; pinned versions that still fit stay
python tools/lock.py --check    offline: exit code 1 when pyproject.toml has changed since the locks were written
"""

import argparse
import hashlib
import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FOLDER = Path("requirements")
STAMP = "# dependencies of pyproject.toml: sha256:"
PINNED = re.compile(r"^([A-Za-z0-9._-]+(?:\[[^\]]*\])?==[^ ;\\]+)", re.MULTILINE)

# Each lock and what goes into it; the first holds everything but the site's tools, and gives the others their versions.
LOCKS = {
    "dev.txt": ("pyproject.toml", "--all-extras", "--group=dev"),
    "runtime.txt": ("pyproject.toml", "--extra=sample", "--extra=reference", "--extra=notify", "--group=build"),
    "cluster.txt": ("pyproject.toml", "--extra=cluster", "--extra=notify", "--group=build"),
    "container.txt": (
        "pyproject.toml",
        "--extra=kubernetes",
        "--extra=notify",
        "--extra=reference",
        "--extra=sql",
        "--group=build",
    ),
    "uv.txt": ("-",),
    "docs.txt": ("--group=docs",),
}
EVERYTHING = "dev.txt"
BESIDES = "docs.txt"
"""Has packages that nothing else has."""


def fingerprint() -> str:
    """Hash of every table of pyproject.toml that names a dependency."""
    document = tomllib.loads((ROOT / "pyproject.toml").read_text())
    project = document["project"]
    tables = [
        document["build-system"]["requires"],
        document.get("dependency-groups", {}),
        *(project.get(key) for key in ("requires-python", "dependencies", "optional-dependencies")),
    ]
    return hashlib.sha256(json.dumps(tables, sort_keys=True).encode()).hexdigest()


def write(name: str, *, keep: bool) -> None:
    """Resolve one lock with uv, for every platform and Python from 3.11 on."""
    target = FOLDER / name
    command = [
        sys.executable, "-m", "uv", "pip", "compile", *LOCKS[name], "--output-file", str(target), "--universal",
        "--python-version", "3.11", "--generate-hashes", "--no-header", "--quiet",
    ]  # fmt: skip
    if not keep:
        command.append("--upgrade")
    if name != EVERYTHING:
        command += ["--constraints", str(FOLDER / EVERYTHING)]
    subprocess.run(command, cwd=ROOT, input="uv\n", text=True, check=True)
    path = ROOT / target
    path.write_text(f"# Written by `make lock`; do not edit.\n{STAMP}{fingerprint()}\n{path.read_text()}")
    print(f"{target}: {len(PINNED.findall(path.read_text()))} packages")


def problems() -> list[str]:
    """What is wrong with the locks, each with its remedy; empty when they are in step."""
    found = []
    everything: set[str] = set()
    for name in LOCKS:
        path = ROOT / FOLDER / name
        text = path.read_text() if path.exists() else ""
        pins = set(PINNED.findall(text))
        everything = everything or pins
        if f"{STAMP}{fingerprint()}\n" not in text:
            found.append(f"{FOLDER / name} is not in step with pyproject.toml: run `make lock KEEP=1`")
        strange = pins - everything
        if name == BESIDES:
            known = {pin.partition("==")[0] for pin in everything}
            strange = {pin for pin in strange if pin.partition("==")[0] in known}
        found += [f"{FOLDER / name} has {pin}, {EVERYTHING} has not: run `make lock`" for pin in strange]
    return found


def main() -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    choice = parser.add_mutually_exclusive_group()
    choice.add_argument("--keep", action="store_true")
    choice.add_argument("--check", action="store_true")
    arguments = parser.parse_args()
    if arguments.check:
        found = problems()
        print("\n".join(found) or "Lock files are in step with pyproject.toml.", file=sys.stderr if found else None)
        return 1 if found else 0
    for name in LOCKS:
        write(name, keep=arguments.keep)
    return 0


if __name__ == "__main__":
    sys.exit(main())
