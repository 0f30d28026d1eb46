"""``polygon-assets demo``: made-up days in a local S3, ingested by Dagster, shown as a table and in the UI.

Belongs here: the order of things and what is said about them. Does not: any of the steps.
"""

import os
import signal
import subprocess
import time
import urllib.request
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from rich.filesize import decimal
from rich.markup import escape
from rich.table import Table

from polygon_assets.cli import console
from polygon_assets.cli.connect import open_catalog
from polygon_assets.datasets import DATASETS
from polygon_assets.download import S3Catalog
from polygon_assets.errors import PolygonAssetsError
from polygon_assets.ingest import DayResult
from polygon_assets.orchestration.assets import STORED, describe
from polygon_assets.orchestration.home import open_instance
from polygon_assets.orchestration.runs import materialise
from polygon_assets.orchestration.serving import HOST, dagster_dev, require_free_port
from polygon_assets.sample.environment import DemoFolder, demo_environment, fresh_folder
from polygon_assets.sample.local_s3 import DAYS, LocalS3, fill, last_sessions, local_s3
from polygon_assets.settings import load_settings

FOLDER = Path(".demo")
_ENDINGS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_LOOK_EVERY = 0.5


@dataclass
class Arrivals:
    """What came of one data type."""

    days: Sequence[str]
    """Those asked for."""
    results: list[DayResult] = field(default_factory=list)
    """One for each day, in the order they ended."""
    seconds: float = 0.0
    """Wall time of its runs."""
    succeeded: bool = False
    """Does Dagster say so, too?"""


def run_demo(*, port: int = 3000, ui: bool = True, folder: Path = FOLDER, days: int = DAYS) -> None:
    """Run the demo in ``folder``, which it empties first; with ``ui`` it serves until SIGINT, SIGTERM or SIGHUP.

    Raises:
        PortTakenError: before any work.
        PolygonAssetsError: a day did not arrive, or the UI ended by itself.
    """
    if ui:
        require_free_port(port)
    for number in _ENDINGS:
        # Also where a shell started this in the background with SIGINT ignored, which children would inherit.
        signal.signal(number, signal.default_int_handler)
    first_day = min(last_sessions(S3Catalog(), dataset, days)[0] for dataset in DATASETS.values())
    with fresh_folder(folder) as own, local_s3() as server, demo_environment(own, server, first_day):
        arrivals = _ingest(_fill(server, days))
        console.out.print(arrival_table(arrivals))
        _require_all_stored(arrivals)
        console.messages.print(f"Parquet: {escape(str(own.store))}", soft_wrap=True)
        if ui:
            _serve(own, port)


def _fill(server: LocalS3, days: int) -> dict[str, list[str]]:
    console.messages.print(f"Making up {days} trading days of {len(DATASETS)} data types …")
    with console.progress() as shown:
        task = shown.add_task("made up", total=days * len(DATASETS), note="")
        return fill(
            server,
            open_catalog(load_settings()),
            days,
            on_file=lambda dataset, day, _: shown.update(task, advance=1, note=f"{dataset.name} {day}"),
        )


def _ingest(filled: Mapping[str, Sequence[str]]) -> dict[str, Arrivals]:
    console.messages.print("Ingesting them through Dagster …")
    arrivals = {name: Arrivals(days) for name, days in filled.items()}
    with open_instance() as instance, console.progress() as shown:
        task = shown.add_task("ingested", total=sum(map(len, filled.values())), note="")

        def on_result(name: str, result: DayResult) -> None:
            arrivals[name].results.append(result)
            shown.update(task, advance=1, note=f"{name} {result.day}")

        for name, arrival in arrivals.items():
            began = time.perf_counter()
            arrival.succeeded = materialise(name, arrival.days, instance=instance, on_result=on_result)
            arrival.seconds = time.perf_counter() - began
    return arrivals


def arrival_table(arrivals: Mapping[str, Arrivals]) -> Table:
    """What arrived: one line for each data type, and their sum."""
    stored = {name: [each for each in found.results if each.status in STORED] for name, found in arrivals.items()}
    everything = [each for results in stored.values() for each in results]
    total = _figures(everything, sum(found.seconds for found in arrivals.values()))
    table = Table(title="What arrived", show_footer=True)
    table.add_column("dataset", "all")
    for heading, figure in zip(("days", "rows", "csv.gz", "Parquet", "seconds"), total, strict=True):
        table.add_column(heading, figure, justify="right")
    for name, found in arrivals.items():
        table.add_row(name, *_figures(stored[name], found.seconds))
    return table


def _figures(results: Sequence[DayResult], seconds: float) -> tuple[str, ...]:
    return (
        str(len(results)),
        f"{sum(each.rows or 0 for each in results):,}",
        decimal(sum(each.source_bytes or 0 for each in results)),
        decimal(sum(each.parquet_bytes or 0 for each in results)),
        f"{seconds:.1f}",
    )


def _require_all_stored(arrivals: Mapping[str, Arrivals]) -> None:
    causes = [
        f"{name} {describe(each)}"
        for name, found in arrivals.items()
        for each in found.results
        if each.status not in STORED
    ]
    causes += [
        f"{name}: Dagster's run failed"
        for name, found in arrivals.items()
        if not found.succeeded or len(found.results) < len(found.days)
    ]
    if causes:
        raise PolygonAssetsError(
            f"The demo's data did not arrive whole, which is a fault of this project, not yours: {'; '.join(causes)}"
        )


def _serve(own: DemoFolder, port: int) -> None:
    """Serve the UI until this process is told to end."""
    console.messages.print("Starting the UI; that takes about fifteen seconds …")
    with dagster_dev(own.dagster_home, port, os.environ) as process:
        try:
            _announce(process, f"http://{HOST}:{port}")
            code = process.wait()
        except KeyboardInterrupt:
            for number in _ENDINGS:
                # Impatient repetitions must not interrupt the ending of the servers.
                signal.signal(number, signal.SIG_IGN)
            console.messages.print("Stopping …")
            return
    raise PolygonAssetsError(f"The UI ended by itself with exit code {code}; its messages are above.")


def _announce(process: "subprocess.Popen[bytes]", url: str) -> None:
    """Say where the UI is, once it answers."""
    while process.poll() is None:
        with suppress(OSError), urllib.request.urlopen(f"{url}/server_info", timeout=5):  # noqa: S310 (our own http URL)
            console.messages.print(f"The UI is at [bold]{url}/assets[/]; Ctrl-C ends it.")
            return
        time.sleep(_LOOK_EVERY)
