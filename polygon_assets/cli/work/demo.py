"""``polygon-assets demo``: made-up days in a local S3, ingested by Dagster, shown as a table and in the UI.

Belongs here: the order of things and what is said about them. Does not: any of the steps.
"""

import shlex
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from rich.filesize import decimal
from rich.table import Table

from polygon_assets.cli import console
from polygon_assets.cli.work.serve import handle_termination, ignore_termination, relative, serve, this_command
from polygon_assets.datasets import get_dataset
from polygon_assets.download import S3Catalog
from polygon_assets.errors import PolygonAssetsError
from polygon_assets.ingest import DayResult
from polygon_assets.ingest.connections import open_catalog
from polygon_assets.ingest.results import STORED, describe
from polygon_assets.orchestration.assembly import materialise
from polygon_assets.sample.environment import DEMO, DemoFolder, demo_environment, fresh_folder, made_up_place
from polygon_assets.sample.local_s3 import DAYS, LocalS3, fill, last_sessions, local_s3, sessions_since
from polygon_assets.serving.home import open_instance
from polygon_assets.serving.processes import require_free_port
from polygon_assets.settings import load_settings

FOLDER = Path(".demo")
OF_THE_BUCKET = FOLDER / "bucket"
"""Where a project of the user's own keeps what it makes of the made-up files."""
_OPEN = "stocks_daily, Partitions, for a day and where it came from; coverage, for all of them at a glance"
_REMEDY = "If they name this machine, mend that; if not, it is a fault of this project: please report them."
_LOOK_SECONDS = 0.5
_NAMED = 10
"""Days of which it is said why they did not arrive."""


@dataclass
class Arrivals:
    """What came of one dataset."""

    days: Sequence[str]
    """Those asked for."""
    results: list[DayResult] = field(default_factory=list)
    """One for each day, in the order they ended."""
    seconds: float = 0.0
    """Wall time of its runs."""
    succeeded: bool = False
    """Does Dagster say so, too?"""


def run(*, port: int = 3000, ui: bool = True, folder: Path = FOLDER, days: int = DAYS) -> None:
    """Run the demo in ``folder``, which it empties first; with ``ui`` it serves until SIGINT, SIGTERM or SIGHUP.

    Raises:
        PortTakenError: before any work.
        PolygonAssetsError: a day did not arrive, or the UI ended by itself.
    """
    if ui:
        require_free_port(port)
    handle_termination()
    here = Path.cwd()
    first_day = last_sessions(S3Catalog(), get_dataset(DEMO[0]), days)[0]
    with fresh_folder(folder) as own, local_s3() as server, demo_environment(own, server, first_day):
        arrivals = _ingest(_fill(server, days))
        console.out.print(arrival_table(arrivals))
        _require_all_stored(arrivals)
        look = _status_command(own, here)
        if ui:
            with suppress(KeyboardInterrupt, SystemExit):
                serve(own.dagster_home, port, {"Open": _OPEN, "Ask": look, "Store": relative(own.store, here)})
        else:
            console.messages.print(f"Parquet: {relative(own.store, here)}\nAsk it:  {look}", soft_wrap=True)


def serve_bucket(*, folder: Path = OF_THE_BUCKET, days: int = DAYS) -> None:
    """Serve made-up files from a local S3 until a signal, and print by which variables another program finds it."""
    termination = handle_termination()
    with suppress(KeyboardInterrupt, SystemExit), fresh_folder(folder) as own, local_s3() as server:
        first_day = _fill(server, days)[DEMO[0]][0]
        for name, value in made_up_place(own, server, first_day).items():
            console.out.print(f"export {name}={shlex.quote(value)}")
        console.messages.print("Served until Ctrl-C. Set these variables where your project runs.")
        try:
            while True:
                termination.check()  # of two signals at once, the exceptions of both can be lost
                time.sleep(_LOOK_SECONDS)
        finally:
            ignore_termination()


def _fill(server: LocalS3, days: int) -> dict[str, list[str]]:
    console.messages.print(
        f"Making up {console.counted(days, 'trading day')} of {console.counted(len(DEMO), 'dataset')} …"
    )
    catalog = open_catalog(load_settings())
    first = last_sessions(catalog, get_dataset(DEMO[0]), days)[0]
    total = sum(len(sessions_since(catalog, get_dataset(name), first)) for name in DEMO)
    with console.progress() as shown:
        task = shown.add_task("made up", total=total, note="")
        return fill(
            server,
            catalog,
            days,
            datasets=DEMO,
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
    """What arrived: one line for each dataset, and their sum."""
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
    for cause in causes[:_NAMED]:
        console.messages.print(cause, soft_wrap=True)
    if causes:
        named = (
            f"{console.counted(len(causes), 'cause')}, the first of them above"
            if len(causes) > _NAMED
            else "the causes are above"
        )
        raise PolygonAssetsError(f"The demo's data did not arrive whole: {named}. {_REMEDY}")


def _status_command(own: DemoFolder, here: Path) -> str:
    """The command that shows what is stored; a ``.env`` where it is called would win over its variable."""
    folder = own.root if (here / ".env").exists() else here
    store = shlex.quote(relative(own.store, folder))
    command = f"POLYGON_STORE={store} {this_command(folder)} status"
    return f"cd {shlex.quote(relative(own.root, here))} && {command}" if folder != here else command
