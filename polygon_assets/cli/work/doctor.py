"""``polygon-assets doctor``: is everything in place, and if not, what helps?

Store, disk, calendar, Dagster's home, its daemon and sensors; what it asks the vendor is in ``vendor_checks``.
"""

import importlib.metadata
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from rich.filesize import decimal
from rich.text import Text

from polygon_assets.cli import console
from polygon_assets.cli.arguments import calendar_of
from polygon_assets.cli.console import Line, failed, note, ok
from polygon_assets.cli.work import vendor_checks
from polygon_assets.cli.work.dry_run import free_bytes, parquet_bytes
from polygon_assets.cli.work.vendor_checks import Reach
from polygon_assets.datasets import DATASETS
from polygon_assets.errors import PolygonAssetsError
from polygon_assets.ingest.connections import open_store
from polygon_assets.settings import Settings, dagster_home, load_settings, variable, write_setting
from polygon_assets.wording import counted, in_a_clone

if TYPE_CHECKING:
    import dagster as dg


_LOOKS = {"ok": "green", "note": "yellow", "failed": "bold red"}
_STATE_WIDTH, _TOPIC_WIDTH = 8, 22
_HEARTBEAT = 300
"""Seconds after which a daemon that says nothing is thought dead."""


def store(settings: Settings) -> Line:
    """Can the store be written?"""
    try:
        opened = open_store(settings)
        opened.check_writable()
        days = sum(len(opened.days(name)) for name in opened.names("") if name in DATASETS)
    except (PolygonAssetsError, OSError) as error:
        remedy = f"Fix it, or set {variable('store')} to a place that you may write."
        return failed("store", f"{settings.store_uri}: {' '.join(str(error).split())}", remedy)
    return ok("store", f"{opened.uri} can be written; {counted(days, 'day') if days else 'nothing is'} stored")


def room(settings: Settings, reaches: Mapping[str, Reach]) -> Line:
    """Does the disk hold what a backfill of everything in the plan would bring?"""
    free = free_bytes(settings.store_uri)
    if free is None:
        return ok("disk", "an object store, whose room cannot be asked for")
    if not reaches:
        return ok("disk", f"{decimal(free)} free; what a backfill needs is not known without the vendor's listing")
    opened, needed = open_store(settings), 0
    for name, reach in reaches.items():
        try:
            stored = set(opened.days(name))
        except PolygonAssetsError as error:
            return note("disk", f"{decimal(free)} free; what is stored is not known: {error}", "Mend the store first.")
        first = max(reach.floor or "9999", (settings.history_start or DATASETS[name].first_day).isoformat())
        source = sum(size for day, size in reach.sizes.items() if day >= first and day not in stored)
        needed += parquet_bytes(DATASETS[name], source) + (source if settings.keep_raw else 0)
    text = f"{decimal(free)} free; a backfill of everything that is not stored needs about {decimal(needed)}"
    if needed > free:
        return note("disk", text, f"Backfill less, free space, or set {variable('store')} elsewhere.")
    return ok("disk", text)


def calendar(settings: Settings) -> Line:
    """How far does the trading calendar reach?"""
    known = calendar_of(settings, next(iter(DATASETS.values())))
    version = importlib.metadata.version("exchange_calendars")
    closures = f", {counted(len(settings.extra_closures), 'closure')} added" if settings.extra_closures else ""
    return ok("calendar", f"sessions known up to {known.sessions[-1]} (exchange_calendars {version}{closures})")


def parser() -> Line:
    """Is the parsing kernel built?"""
    from polygon_assets.flatfile import kernel  # noqa: PLC0415 (brings pyarrow)

    if kernel.is_built():
        return ok("parser", "the compiled kernel")
    again = "rm .venv/.runtime && make install" if in_a_clone() else "pip install --force-reinstall polygon-assets"
    remedy = f"Install a C compiler (Debian: apt install gcc libc6-dev), then this package again: {again}"
    return note("parser", "pyarrow alone; the compiled kernel, which takes a third of its time, is not built", remedy)


def notifications(settings: Settings) -> Iterator[Line]:
    """Is who is to be told of failures within reach of what is installed? Nobody is told anything."""
    if settings.notify_urls is None:
        return
    from polygon_assets.orchestration.watching import apprise_services  # noqa: PLC0415 (slow)

    try:
        apprise_services.require_apprise()
    except PolygonAssetsError as error:
        yield failed("notifications", str(error), "")
        return
    urls = settings.notify_urls.get_secret_value()
    if wrong := apprise_services.unknown(urls):
        numbers = ", ".join(map(str, wrong))
        remedy = "Try the address with apprise's own command: apprise -b test ADDRESS"
        yield failed("notifications", f"no service of apprise: number {numbers} of {variable('notify_urls')}", remedy)
        return
    yield ok("notifications", f"{counted(len(urls.split()), 'service')}; apprise knows the addresses")


def dagster(home: Path | None = None) -> Iterator[Line]:
    """Is Dagster's home whole, does its daemon run, and do the sensors?"""
    home = home or dagster_home()
    if not (home / "dagster.yaml").exists():
        yield note("Dagster home", f"{home} does not exist yet", "It is made by: polygon-assets dev")
        return
    import dagster as dg  # noqa: PLC0415 (slow)

    try:
        with dg.DagsterInstance.from_config(str(home)) as instance:
            yield ok("Dagster home", f"{home}, {counted(instance.get_runs_count(), 'run')}")
            yield _daemon(instance)
            yield from _sensors(instance)
    except Exception as error:  # noqa: BLE001 (its storage may be any database's)
        cause = " ".join(str(error).split()).partition(" [SQL:")[0][:200]
        yield failed("Dagster home", f"{home}: {cause}", f"Check {home / 'dagster.yaml'} and what it points to.")


def _daemon(instance: "dg.DagsterInstance") -> Line:
    beats = instance.get_daemon_heartbeats()
    now = time.time()
    alive = {kind for kind, beat in beats.items() if now - beat.timestamp < _HEARTBEAT}
    silent = sorted(set(instance.get_required_daemon_types()) - alive)
    if not silent:
        return ok("daemon", "running: sensors, backfills and the queue of runs")
    if not alive:
        return note("daemon", "not running: no sensor looks for new days, no backfill goes on", "polygon-assets dev")
    return failed("daemon", f"silent for {_HEARTBEAT} s: {', '.join(silent)}", "Restart it: polygon-assets dev")


def _sensors(instance: "dg.DagsterInstance") -> Iterator[Line]:
    from polygon_assets.orchestration.dagster_internals import sensor_states  # noqa: PLC0415 (slow)

    states = list(sensor_states(instance))
    stopped = sorted(each.name for each in states if each.is_stopped)
    failing = [f"{each.name}: {each.failure[:200]}" for each in states if each.failure]
    if stopped:
        yield note("sensors", f"stopped: {', '.join(stopped)}", "Start them in the UI: Automation.")
    for failure in failing:
        yield failed("sensors", f"the last tick failed: {failure}", "See its ticks in the UI: Automation.")
    if states and not stopped and not failing:
        yield ok("sensors", f"{counted(len(states), 'sensor')} running, and no last tick failed")
    elif not states:
        yield note("sensors", "have not run yet; they do once the daemon does")


def run(*, as_json: bool, write: bool = False) -> int:
    """Look at everything and say what helps; ``write`` the first day that fits into ``.env``; the exit code."""
    lines = []
    settings, reaches = load_settings(), dict[str, Reach]()
    width = max(_TOPIC_WIDTH, *(len(vendor_checks.plan_topic(row)) + 2 for row in settings.chosen))
    for line in _lines(settings, reaches):
        lines.append(line)
        if not as_json:
            _print(line, width)
    if as_json:
        console.print_json([vars(line) for line in lines])
    _offer(vendor_checks.fitting_start(settings, reaches), write=write)
    return console.FAILED if any(line.state == "failed" for line in lines) else 0


def _offer(start: str | None, *, write: bool) -> None:
    """Write the day on which history is to start, where one fits, or say how to have it written."""
    if start is None:
        if write:
            console.messages.print(f"Nothing to write: the plan asks for no other {variable('history_start')}.")
    elif write:
        write_setting("history_start", start)
        console.messages.print(
            f"Written into {Path('.env').absolute()}: {variable('history_start')}={start}", soft_wrap=True
        )
    else:
        written = f"{variable('history_start')}={start} written into .env of this folder"
        console.messages.print(f"To have {written}: polygon-assets doctor --write", soft_wrap=True)


def _lines(settings: Settings, reaches: dict[str, Reach]) -> Iterator[Line]:
    unset = vendor_checks.unset_credentials(settings)
    if unset:
        yield unset
    answering = list(vendor_checks.endpoint(settings))
    yield from answering
    if not unset and answering[0].state == "ok":
        with console.messages.status("Asking the vendor …"):
            yield from vendor_checks.credentials(settings, reaches)
    usable = store(settings)
    yield usable
    if usable.state == "ok":
        yield room(settings, reaches)
    yield calendar(settings)
    yield parser()
    yield from notifications(settings)
    yield from dagster()


def _print(line: Line, width: int) -> None:
    look = f"{line.state.value:<{_STATE_WIDTH}}", _LOOKS[line.state]
    console.out.print(Text.assemble(look, f"{line.topic:<{width}}{line.text}"), soft_wrap=True)
    if line.remedy:
        console.out.print(f"{'':{width + _STATE_WIDTH}}→ {line.remedy}", soft_wrap=True)
