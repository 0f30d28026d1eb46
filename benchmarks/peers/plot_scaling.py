"""Hours to the whole history against workers, a line for each bandwidth. Runs in the peers' environment.

A model: the slower of the network, which all workers share, and the cores.
"""

import json
import sys
from pathlib import Path

import matplotlib as mpl

mpl.use("agg")
import matplotlib.pyplot as plt

CORES = 2
WORKERS = range(1, 9)
MEGABITS = (50, 100, 250, 500, 1000, 2500)


def draw(target: Path, gigabytes: float, cpu_hours: float, overhead_hours: float) -> None:
    """Write the picture."""
    figure, axes = plt.subplots(figsize=(8, 4.5), layout="constrained")
    for megabits in MEGABITS:
        network = gigabytes * 8000 / megabits / 3600
        hours = [max(network, (cpu_hours + overhead_hours) / (CORES * each)) for each in WORKERS]
        axes.plot(list(WORKERS), hours, marker="o", markersize=3, label=f"{megabits} Mbit/s")
    axes.set(
        yscale="log",
        xlabel=f"workers of {CORES} cores",
        ylabel="hours",
        xticks=list(WORKERS),
        title=f"Time to the whole history: {gigabytes:.0f} GB, {cpu_hours:.1f} CPU hours of converting",
    )
    axes.grid(visible=True, which="both", alpha=0.3)
    figure.legend(title="from the vendor,\nall workers together", loc="outside right upper")
    target.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(target, metadata={"Date": None})


if __name__ == "__main__":
    figures = json.loads(sys.argv[2])
    draw(Path(sys.argv[1]), **figures)
