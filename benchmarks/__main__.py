"""``make bench``: measure side by side with peers, write ``benchmarks/results.md`` and its plot.

``--quick`` takes a few minutes and writes nothing; ``--only conversion`` (or trades, end_to_end, slow_link, download,
framework, reading, comparing, starting; several with commas) measures that anew and takes the rest of the report from
the runs before.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from benchmarks import (
    comparing,
    conversion,
    download,
    end_to_end,
    framework,
    reading,
    report,
    starting,
    trades,
)
from benchmarks.files import FULL, QUICK, Extent, prepare, served
from benchmarks.processes import OUR_PYTHON, PEERS_PYTHON, ROOT
from benchmarks.results import Result, Section
from polygon_assets_tests.servers.seaweed import S3Server

LOCK = ROOT / "benchmarks" / "requirements.txt"
OUR_LOCK = ROOT / "requirements" / "runtime.txt"
Measure = Callable[[Extent, dict[str, list[Path]], S3Server], list[Result]]
SECTIONS: dict[str, Measure] = {
    "conversion": lambda extent, files, _server: conversion.measure(extent, files),
    "trades": lambda extent, _files, _server: trades.measure(extent),
    "end_to_end": end_to_end.measure,
    "slow_link": end_to_end.measure_slowly,
    "download": download.measure,
    "framework": framework.measure,
    "reading": reading.measure,
    "comparing": comparing.measure,
    "starting": lambda extent, _files, server: starting.measure(extent, server),
}


def install() -> None:
    """Install the peers, and this project as `make dev` does, where that has not been done."""
    _install(PEERS_PYTHON, LOCK)
    _install(OUR_PYTHON, OUR_LOCK, "--no-deps", "--no-index", "--no-build-isolation", "--editable", ROOT)


def _install(python: Path, lock: Path, *project: str | Path) -> None:
    environment = python.parent.parent
    stamp = environment / "requirements.txt"
    if stamp.exists() and stamp.read_bytes() == lock.read_bytes():
        return
    print(f"Installing {lock.relative_to(ROOT)} for the contestants …", flush=True)
    uv = [sys.executable, "-m", "uv"]
    subprocess.run([*uv, "venv", "--quiet", "--clear", "--python", sys.executable, environment], check=True)
    pip: list[str | Path] = [*uv, "pip", "install", "--quiet", "--python", python]
    subprocess.run([*pip, "--require-hashes", "--compile-bytecode", "-r", lock], check=True)
    if project:
        subprocess.run([*pip, *project], check=True)
    stamp.write_bytes(lock.read_bytes())


def measure(name: str, extent: Extent, files: dict[str, list[Path]], server: S3Server) -> Section:
    """The results of a section, and the machine's load before it and after it."""
    before = os.getloadavg()[0]
    results = SECTIONS[name](extent, files, server)
    return Section(results, (before, os.getloadavg()[0]))


def show(results: Sequence[Result]) -> None:
    """Print what was to be reached, and what was."""
    for target in (each for result in results for each in result.targets):
        verdict = {True: "met", False: "NOT MET", None: ""}[target.met]
        print(f"{target.measure}: {target.reached}; {target.wanted} {verdict}")


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer days and rounds; nothing is written")
    parser.add_argument("--only", default=",".join(SECTIONS), help="which sections, with commas between them")
    options = parser.parse_args()
    names = options.only.split(",")
    install()
    extent = QUICK if options.quick else FULL
    files = prepare(extent)
    with tempfile.TemporaryDirectory() as state, served(files) as server:
        os.environ["XDG_STATE_HOME"] = state  # what is stored in this process is remembered until its end
        for name in names:
            section = measure(name, extent, files, server)
            show(section.results)
            if not options.quick:
                report.keep(name, section)
    if not options.quick:
        report.write(SECTIONS)


if __name__ == "__main__":
    main()
