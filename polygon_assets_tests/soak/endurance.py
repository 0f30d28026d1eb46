"""The soak itself: everything at once, over a store on disk or on S3; then calm, and a comparison with a clean store.

Belongs here: the order of things, and what has to hold. Does not: what is said of it (``__main__``).
"""

import asyncio
import datetime as dt
import json
import os
import queue
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import dagster as dg
import pyarrow as pa
import pyarrow.parquet as pq

from polygon_assets.errors import PolygonAssetsError
from polygon_assets.ingest.connections import open_store
from polygon_assets.orchestration.assembly import build_definitions
from polygon_assets.orchestration.watching.new_day_sensors import INTERVAL_SECONDS
from polygon_assets.serving.home import prepare_home
from polygon_assets.settings import load_settings
from polygon_assets.store.roll_ups import scan_history, stale_years, write_year
from polygon_assets.store.verifying import verify_day
from polygon_assets_tests.processes import processes_of
from polygon_assets_tests.soak import chaos
from polygon_assets_tests.soak.chaos import DATASET, TICKERS
from polygon_assets_tests.soak.ingester import GAVE_UP, ingest
from polygon_assets_tests.soak.measures import Holdings, left_behind
from polygon_assets_tests.stores import Place

NOW = dt.datetime(2026, 11, 21, 17, tzinfo=dt.UTC)
_BATCH = 250
"""Days of a backfill's run."""
_PASSES = 3
"""Times that the history is filled in: what a fault or a kill kept out comes in the next."""
_SHARE_REPLACED = 0.1
_LOOK_FOR_RUN = 0.2
"""Seconds between two looks for a run to kill, where one is due and none is under way."""
_QUEUE, _REST = 4, 0.3
"""Batches that wait at most, and seconds that a tick then lets pass."""
_TICKS_A_YEAR = 10
"""Ticks between two looks for years that are due."""


@dataclass(frozen=True)
class Plan:
    """How much of everything."""

    days: int = 3000
    ticks: int = 500
    kill_every: float = 10.0
    """Seconds."""
    seed: int = 1

    def scaled(self, share: float) -> "Plan":
        """A ``share`` of it, with kills as often as there is time for."""
        return Plan(round(self.days * share), round(self.ticks * share), self.kill_every * max(share, 0.3), self.seed)


@dataclass
class Outcome:
    """What was done, and what was seen at the end."""

    seconds: float = 0.0
    ticks: Counter[str] = field(default_factory=Counter)
    runs: Counter[str] = field(default_factory=Counter)
    faults: dict[str, int] = field(default_factory=dict)
    scans: Counter[str] = field(default_factory=Counter)
    kills: int = 0
    replaced: int = 0
    years: int = 0
    before: Holdings = field(default_factory=Holdings.now)
    after: Holdings = field(default_factory=Holdings.now)
    readers_before: Holdings = field(default_factory=Holdings.now)
    readers_after: Holdings = field(default_factory=Holdings.now)
    wrong: list[str] = field(default_factory=list)
    """What must not happen; empty: all held."""

    def take(self, seen: Mapping[str, Any]) -> None:
        """Take in what the readers saw."""
        self.scans = Counter(seen["scans"])
        self.wrong += seen["wrong"]
        self.readers_before, self.readers_after = Holdings(**seen["before"]), Holdings(**seen["after"])


class Program:
    """A process of the soak's own that answers each line with lines."""

    def __init__(self, module: str, *arguments: str) -> None:
        command = [sys.executable, "-m", f"polygon_assets_tests.soak.{module}", *arguments]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def __enter__(self) -> Self:
        self.first = self.hear()
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(BrokenPipeError):
            self._process.communicate(timeout=60)

    def tell(self, line: str) -> None:
        """Write a line."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{line}\n")
        self._process.stdin.flush()

    def hear(self) -> str:
        """Read a line."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, f"{self._process.args!r} ended"
        return line.strip()


class Ingesters:
    """Runs batches of days one after the other, each in a process that is killed now and then."""

    def __init__(self, program: Program, outcome: Outcome, kill_every: float) -> None:
        self._program, self._outcome, self._kill_every = program, outcome, kill_every
        self._batches: queue.Queue[Sequence[str] | None] = queue.Queue()
        self._running: int | None = None
        self._ended = threading.Event()
        self._threads = [threading.Thread(target=self._run), threading.Thread(target=self._kill)]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def ask(self, days: Sequence[str]) -> None:
        """Have ``days`` ingested some time."""
        self._batches.put(days)

    @property
    def waiting(self) -> int:
        """Batches that nobody works at yet."""
        return self._batches.qsize()

    def stop(self) -> None:
        """Drop what waits, and let the batch that runs end."""
        with suppress(queue.Empty):
            while True:
                self._batches.get_nowait()
        self._batches.put(None)
        self._threads[0].join()
        self._ended.set()
        self._threads[1].join()

    def _run(self) -> None:
        while (days := self._batches.get()) is not None:
            self._program.tell(" ".join(days))
            self._running = int(self._program.hear())
            code = int(self._program.hear())
            self._running = None
            name = {0: "ended", GAVE_UP: "gave up", -signal.SIGKILL: "killed"}.get(code, f"exit code {code}")
            self._outcome.runs[name] += 1
            if name.startswith("exit code"):
                self._outcome.wrong.append(f"a run ended with {name}")

    def _kill(self) -> None:
        pause = _LOOK_FOR_RUN
        while not self._ended.wait(pause):
            pause = _LOOK_FOR_RUN
            if (pid := self._running) is not None:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
                    self._outcome.kills += 1
                    pause = self._kill_every


def soak(plan: Plan, place: Place, folder: Path) -> Outcome:
    """Do it below ``folder``, over the store in ``place``; what was seen."""
    outcome, began = Outcome(), time.monotonic()
    days = chaos.days(plan.days)
    with Program("chaos", str(plan.seed), str(plan.days)) as bucket, _environment(place, folder, bucket.first, days):
        prepare_home(folder / "home")
        _warm_up(place, days)
        outcome.before = Holdings.now()
        with Program("ingester") as program, Program("readers", str(plan.seed), str(plan.days)) as readers:
            _everything_at_once(plan, days, bucket, program, outcome)
            readers.tell("stop")
            outcome.take(json.loads(readers.hear()))
        bucket.tell("calm")
        outcome.faults = json.loads(bucket.hear())
        outcome.wrong += _heal(place, days, outcome)
        outcome.after = Holdings.now()
        outcome.wrong += _compare(place, folder, days)
    outcome.wrong += _left(place, folder, outcome)
    outcome.seconds = time.monotonic() - began
    return outcome


@contextmanager
def _environment(place: Place, folder: Path, endpoint_url: str, days: Sequence[str]) -> Iterator[None]:
    before = dict(os.environ)
    for name in ("tmp", "home", "state"):
        (folder / name).mkdir()
    own = {
        "POLYGON_ACCESS_KEY_ID": "soak",
        "POLYGON_SECRET_ACCESS_KEY": "soak",
        "POLYGON_ENDPOINT_URL": endpoint_url,
        "POLYGON_HISTORY_START": days[0],
        **place.environment(),
        "DAGSTER_HOME": str(folder / "home"),
        "XDG_STATE_HOME": str(folder / "state"),
        "TMPDIR": str(folder / "tmp"),
    }
    os.environ.update(own)
    tempfile.tempdir = None  # it was looked up before
    try:
        yield
    finally:
        tempfile.tempdir = None
        os.environ.clear()
        os.environ.update(before)


def _warm_up(place: Place, days: Sequence[str]) -> None:
    """Let every library start the threads that it keeps."""
    store = place.open()
    for _ in range(5):
        asyncio.run(ingest(days[:20]))
    with suppress(PolygonAssetsError):
        write_year(store, DATASET, int(days[0][:4]))
    for _ in range(3):
        store.scan(DATASET).to_table()
        scan_history(store, DATASET).to_table()


def _everything_at_once(plan: Plan, days: Sequence[str], bucket: Program, program: Program, outcome: Outcome) -> None:
    dice = random.Random(plan.seed)
    ingesters = Ingesters(program, outcome, plan.kill_every)
    replaced = dice.sample(list(days), round(plan.days * _SHARE_REPLACED))
    backfill = [days[start : start + _BATCH] for _ in range(_PASSES) for start in range(0, len(days), _BATCH)]
    ingesters.start()
    try:
        with dg.DagsterInstance.from_config(os.environ["DAGSTER_HOME"]) as instance:
            sensor = Sensor(instance, outcome)
            for tick in range(plan.ticks):
                for day in replaced[tick * len(replaced) // plan.ticks : (tick + 1) * len(replaced) // plan.ticks]:
                    outcome.replaced += 1
                    bucket.tell(f"put {day} {outcome.replaced}")
                    assert bucket.hear() == "ok"
                if (asked := sensor.tick()) and ingesters.waiting < _QUEUE:
                    ingesters.ask(asked)
                elif asked:  # the runs of a daemon would be on their way, and the sensor would wait
                    time.sleep(_REST)
                if ingesters.waiting < 2 and backfill:  # beside the sensor, somebody fills in the history
                    ingesters.ask(backfill.pop(0))
                if tick % _TICKS_A_YEAR == 0:
                    _roll_up(outcome)
            while backfill or ingesters.waiting:
                if ingesters.waiting < 2 and backfill:
                    ingesters.ask(backfill.pop(0))
                time.sleep(0.2)
                _roll_up(outcome)
    finally:
        ingesters.stop()


class Sensor:
    """The dataset's sensor, on a real instance."""

    def __init__(self, instance: dg.DagsterInstance, outcome: Outcome) -> None:
        self._instance, self._outcome = instance, outcome
        self._definitions = build_definitions(load_settings(), clock=self._now)
        self._repository = self._definitions.get_repository_def()
        self._sensor = self._definitions.resolve_sensor_def(f"new_trading_days_{DATASET}")
        self._cursor: str | None = None
        self._ticks = 0

    def _now(self) -> dt.datetime:
        """Ticks are as far apart as the daemon's: what a tick puts off comes again."""
        return NOW + self._ticks * dt.timedelta(seconds=INTERVAL_SECONDS)

    def tick(self) -> list[str]:
        """The days that it asks for."""
        self._ticks += 1
        resources: dict[str, Any] = dict(self._definitions.resources or {})
        with dg.build_sensor_context(
            instance=self._instance,
            resources=resources,
            repository_def=self._repository,
            cursor=self._cursor,
            sensor_name=self._sensor.name,
        ) as context:
            try:
                data = self._sensor.evaluate_tick(context)
            except PolygonAssetsError:
                self._outcome.ticks["failed, as its bucket did"] += 1
                return []
        self._cursor = data.cursor or self._cursor
        asked = [str(request.partition_key) for request in data.run_requests or []]
        self._outcome.ticks["asked for days" if asked else "idle"] += 1
        return asked


def _roll_up(outcome: Outcome) -> None:
    store = open_store(load_settings())
    for year in list(stale_years(store, DATASET))[:2]:
        with suppress(PolygonAssetsError):  # its days were replaced meanwhile
            write_year(store, DATASET, year)
            outcome.years += 1


def _heal(place: Place, days: Sequence[str], outcome: Outcome) -> list[str]:
    """In the calm, one run over everything, and every year."""
    failed = [f"{each.day}: {each.status}: {each.error}" for each in asyncio.run(ingest(days)) if each.error]
    store = place.open()
    for year in stale_years(store, DATASET):
        write_year(store, DATASET, year)
        outcome.years += 1
    failed += [f"{each.day} is not whole: {each.problems}" for each in map(_verified(store), days) if not each.whole]
    failed += [f"in quarantine: {each}" for each in store.quarantined(DATASET)]
    rows, wanted = scan_history(store, DATASET).count_rows(), len(days) * len(TICKERS)
    return failed if rows == wanted else [*failed, f"{rows} rows are read, of {wanted}"]


def _verified(store: Any) -> Any:
    return lambda day: verify_day(store, DATASET, day)


def _compare(place: Place, folder: Path, days: Sequence[str]) -> list[str]:
    """Against a store that is made in the calm, from the same bucket."""
    clean = Place(str(folder / "clean"), folder / "tmp")
    os.environ.update(clean.environment())
    wrong = [f"clean: {each.day}: {each.error}" for each in asyncio.run(ingest(days)) if each.error]
    for year in stale_years(clean.open(), DATASET):
        write_year(clean.open(), DATASET, year)
    found, wanted = place.files(), clean.files()
    wrong += [f"only in the store: {name}" for name in sorted(set(found) - set(wanted))]
    wrong += [f"lacking in the store: {name}" for name in sorted(set(wanted) - set(found))]
    differ = (
        name
        for name in wanted
        if name in set(found) and place.read(f"{place.uri}/{name}") != clean.read(f"{clean.uri}/{name}")
    )
    return wrong + [f"other content: {name}" for name in differ if not _is_same_year(place, clean, name)]


def _is_same_year(place: Place, clean: Place, name: str) -> bool:
    """Do two files of a year hold the same? They name the files that they were made from, and so differ in bytes."""
    tables = [pq.read_table(pa.BufferReader(each.read(f"{each.uri}/{name}"))) for each in (place, clean)]
    return name.startswith("_by_year/") and bool(tables[0].equals(tables[1]))


def _left(place: Place, folder: Path, outcome: Outcome) -> list[str]:
    """What is where it was not at the beginning."""
    wrong = [f"left in the making: {name}" for name in place.left_over() + left_behind(folder / "tmp")]
    wrong += [f"still running: {command}" for command in processes_of(folder)]
    wrong += [f"of the platform: {each}" for each in outcome.after.beyond(outcome.before)]
    return wrong + [f"of the readers: {each}" for each in outcome.readers_after.beyond(outcome.readers_before)]
