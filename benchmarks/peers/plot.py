"""``plot OUT.png``, the results as JSON on standard input: one panel for each. Runs in the peers' environment."""

import json
import sys
import textwrap
from typing import Any

import matplotlib as mpl

mpl.use("Agg")
from matplotlib import pyplot as plt
from matplotlib.axes import Axes

MINE, PEER, LIMIT = "#0b6e4f", "#b8c4cc", "#e0a030"
PER_ROW = 3
LONGEST = 34


def panel(axes: Axes, result: dict[str, Any]) -> None:
    """Bars of the medians, whiskers from the lowest to the highest."""
    unit = "cpu" if result["title"].startswith("Conversion") else "wall"
    rows = list(reversed(result["rows"]))
    figures = [row[unit] for row in rows]
    medians = [figure["median"] for figure in figures]
    reach = [
        [figure["median"] - figure["lowest"] for figure in figures],
        [figure["highest"] - figure["median"] for figure in figures],
    ]
    axes.barh(
        [shortened(row["name"]) for row in rows], medians, xerr=reach, color=[colour(row["name"]) for row in rows],
        error_kw={"elinewidth": 0.8, "ecolor": "#444444", "capsize": 2},
    )  # fmt: skip
    axes.set_title(textwrap.fill(result["title"], 42), fontsize=8, loc="left", fontweight="bold")
    axes.set_xlabel("CPU seconds" if unit == "cpu" else "seconds", fontsize=7)
    axes.tick_params(labelsize=7)
    axes.set_xlim(left=0)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)


def colour(name: str) -> str:
    """Ours stand out."""
    if name.startswith("the limit"):
        return LIMIT
    mine = ("polygon_assets", "ParquetStore", "AsyncS3", "SyncS3", "ranged", "ingest_days", "yearly")
    return MINE if name.startswith(mine) else PEER


def shortened(name: str) -> str:
    """Fit the name beside its bar."""
    return name if len(name) <= LONGEST else name[: LONGEST - 1] + "…"


def main(target: str) -> None:
    """Draw."""
    results = json.load(sys.stdin)
    lines = -(-len(results) // PER_ROW)
    figure, grid = plt.subplots(lines, PER_ROW, figsize=(15, 2.3 * lines), squeeze=False)
    panels = list(grid.flat)
    for axes, result in zip(panels, results, strict=False):
        panel(axes, result)
    for axes in panels[len(results) :]:
        axes.set_visible(False)
    figure.tight_layout()
    figure.savefig(target, dpi=80)


if __name__ == "__main__":
    main(*sys.argv[1:])
