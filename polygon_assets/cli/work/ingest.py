"""Running an ingest from the command line: progress, interruption, and telling Dagster meanwhile.

Belongs here: what surrounds ``ingest_days``. Does not: any of its work.
"""

import asyncio
import datetime as dt
import signal
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from rich.filesize import decimal
from rich.progress import Progress, ProgressColumn, Task
from rich.table import Column
from rich.text import Text

from polygon_assets.calendars import trading_calendar
from polygon_assets.cli import console
from polygon_assets.cli.full_disk import full_disk
from polygon_assets.cli.reaching import history_for_many, opening, reached_store
from polygon_assets.cli.work.unpublished import Lateness, refused_ranges, unpublished_ranges
from polygon_assets.datasets import Dataset
from polygon_assets.errors import InvalidKeysError, NotTriedError, PolygonAssetsError, UnavailableError
from polygon_assets.filters import ALL_ROWS, RowFilter
from polygon_assets.ingest import DayResult, DayStatus, Limits, ParquetStore, ingest_days
from polygon_assets.ingest.connections import open_catalog, open_downloader, open_limits
from polygon_assets.ingest.results import STORED, describe
from polygon_assets.orchestration.known_days import KnownDays, open_known_days
from polygon_assets.reading.inventory import without_stored
from polygon_assets.serving.own_history import require_own_history
from polygon_assets.settings import Settings, dagster_home

if TYPE_CHECKING:
    from polygon_assets.orchestration.assets.recording import Recorder

_NAMED = 20
"""Days of which it is said one by one what became of them."""
_FINE = STORED | {DayStatus.NOT_PUBLISHED_YET}


class _Received(ProgressColumn):
    """Bytes received, and how many a second."""

    def render(self, task: Task) -> Text:
        received = task.fields.get("received", 0)
        rate = received / task.elapsed if task.elapsed else 0
        return Text(f"{decimal(received)} {decimal(int(rate))}/s" if received else "")


def bar() -> Progress:
    """How far an ingest is, and how fast, on one line of 80 columns."""
    return console.progress(_Received(Column(no_wrap=True)))


def run_each(
    settings: Settings,
    chosen: Sequence[tuple[Dataset, Sequence[str]]],
    *,
    filters: Mapping[str, RowFilter],
    **options: bool,
) -> int:
    """Ingest the days of each dataset, one after the other, as ``run`` does; the worst exit code.

    An error of one of several leaves the others alone; what is wrong for all of them, and an interruption, ends it.
    """
    require_own_history(settings.store_uri)
    console.name_place(settings)
    worst = 0
    for dataset, days in chosen:
        try:
            code = run(settings, dataset, days, row_filter=filters[dataset.name], **options)
        except (InvalidKeysError, UnavailableError):
            raise
        except PolygonAssetsError as error:
            if len(chosen) == 1:
                raise
            console.fail(f"{dataset.name}: {error}")
            code = console.FAILED
        if code in {console.INTERRUPTED, console.TERMINATED}:
            return code
        worst = max(worst, code)
    return worst


def run(
    settings: Settings,
    dataset: Dataset,
    days: Sequence[str],
    *,
    missing: bool,
    overwrite: bool,
    any_day: bool = False,
    accept_unterminated: bool = False,
    row_filter: RowFilter = ALL_ROWS,
) -> int:
    """Ingest ``days``, or the ``missing`` ones of them, show and record them; the exit code.

    ``any_day``: the calendar need not know them. ``accept_unterminated``: as in ``Limits``.
    """
    if missing:
        days = without_stored(reached_store(settings), dataset, days, row_filter)
    if not days:
        console.out.print(f"{dataset.name}: nothing is missing")
        return 0
    store, began = reached_store(settings), time.monotonic()
    limits = replace(open_limits(settings), accept_unterminated=accept_unterminated)
    with _notes(settings, dataset, store) as notes:
        if overwrite or not store.versions(dataset.name).keys() >= set(days):
            with opening():
                notes.open()
        try:
            options: dict[str, Any] = {"overwrite": overwrite, "any_day": any_day, "row_filter": row_filter}
            results = _ingest(settings, dataset, days, store, notes, limits, **options)
        except (KeyboardInterrupt, asyncio.CancelledError) as ending:
            notes.abandon()
            again = "What was published stays; call it again to go on."
            console.messages.print(f"Interrupted. {again}")
            return console.INTERRUPTED if isinstance(ending, KeyboardInterrupt) else console.TERMINATED
        unrecorded = notes.finish(dataset.name)
    for line in refused_ranges(results):
        console.messages.print(line, soft_wrap=True)
    lacks_days = _name_unpublished(settings, dataset, results)
    _summarise(dataset, results, time.monotonic() - began)
    _name_empty(dataset, results)
    if remark := notes.remark:
        console.warn(f"{dataset.name}: {remark}")
    if unrecorded:
        console.fail(
            f"{console.counted(len(unrecorded), 'day')} stored, but Dagster could not be told: {unrecorded[0]} "
            f"Mend that, then: polygon-assets record {dataset.name}"
        )
    return console.FAILED if unrecorded or lacks_days or any(each.status not in _FINE for each in results) else 0


@contextmanager
def _notes(settings: Settings, dataset: Dataset, store: ParquetStore) -> Iterator["_Notes"]:
    with ExitStack() as opened:
        known = opened.enter_context(open_known_days(dagster_home(), (*settings.key_prefix, dataset.name)))

        def recorder() -> "Recorder":
            return _open_recorder(opened, settings, dataset, store)

        yield _Notes(known, recorder)


def _open_recorder(opened: ExitStack, settings: Settings, dataset: Dataset, store: ParquetStore) -> "Recorder":
    """Who tells Dagster, whose import takes a second of CPU: a run that finds nothing new does without."""
    from polygon_assets.orchestration.assembly import scope_of  # noqa: PLC0415
    from polygon_assets.orchestration.assets.recording import Recorder  # noqa: PLC0415
    from polygon_assets.orchestration.partitions import partitions_of  # noqa: PLC0415

    instance = opened.enter_context(history_for_many())
    key = scope_of(settings).key(dataset.name)
    return Recorder(instance, dataset, store, partitions_of(dataset, settings), key)


class _Notes:
    """Tells Dagster of each day in a thread of its own, since that takes longer than an event loop may wait."""

    def __init__(self, known: KnownDays | None, open_recorder: Callable[[], "Recorder"]) -> None:
        self._known, self._open_recorder = known, open_recorder
        self._recorder: Recorder | None = None
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="record")
        self._written: list[Future[bool]] = []

    @property
    def remark(self) -> str | None:
        """What to say of days that were not reported; None where all were."""
        return self._recorder.remark if self._recorder else None

    def open(self) -> "Recorder":
        """Open Dagster's history, where it is not open yet: at first, where there will be something to tell."""
        if self._recorder is None:
            self._recorder = self._open_recorder()
        return self._recorder

    def add(self, result: DayResult) -> None:
        self._written.append(self._writer.submit(self._tell, result))

    def _tell(self, result: DayResult) -> bool:
        unchanged = result.status is DayStatus.UNCHANGED
        if self._recorder is None and unchanged and self._known is not None and self._known.knows(result):
            return False
        return self.open().record(result)

    def finish(self, name: str) -> list[str]:
        """Wait until all is written, and show how far that is; what went wrong, once for each day."""
        with console.progress() as shown:
            task = shown.add_task(name, total=len(self._written), note="telling Dagster")
            for _ in as_completed(self._written):
                shown.update(task, advance=1)
        self._writer.shutdown(wait=True)
        failures = (each.exception() for each in self._written)
        return [full_disk(error) or _in_one_line(error) for error in failures if error is not None]

    def abandon(self) -> None:
        """Write what is being written; the next ingest, or ``record``, tells Dagster of the rest."""
        self._writer.shutdown(wait=True, cancel_futures=True)


def _ingest(
    settings: Settings,
    dataset: Dataset,
    days: Sequence[str],
    store: ParquetStore,
    notes: _Notes,
    limits: Limits,
    *,
    overwrite: bool,
    any_day: bool,
    row_filter: RowFilter,
) -> list[DayResult]:
    catalog = open_catalog(settings)
    with bar() as shown:
        on_result = _Reporter(shown, dataset, len(days), notes)

        async def main() -> list[DayResult]:
            _cancel_on_sigterm()
            async with open_downloader(settings) as downloader:
                # One request tells wrong keys and no network apart from days that are not to be had.
                await downloader.list_entries(catalog.bucket, catalog.get_prefix(dataset.name), 1)
                return await ingest_days(
                    dataset.name,
                    days,
                    catalog=catalog,
                    downloader=downloader,
                    store=store,
                    on_result=on_result,
                    overwrite=overwrite,
                    any_day=any_day,
                    keep_raw=settings.keep_raw,
                    limits=limits,
                    row_filter=row_filter,
                )

        return asyncio.run(main())


class _Reporter:
    """Called with each day's result: moves the bar, names what went wrong, and has it recorded."""

    def __init__(self, shown: Progress, dataset: Dataset, total: int, notes: _Notes) -> None:
        self._shown, self._notes = shown, notes
        self._task = shown.add_task(dataset.name, total=total, note="", received=0)
        self._received = self._named = 0
        self._gave_up = False

    def __call__(self, result: DayResult) -> None:
        if result.download_seconds:
            self._received += result.source_bytes
        became = "" if result.status is DayStatus.PUBLISHED else f" {result.status.value.replace('_', ' ')}"
        note = f"{result.day}{became}"  # short, since a terminal has 80 columns
        self._shown.update(self._task, advance=1, note=note, received=self._received)
        if result.status not in _FINE | {DayStatus.NOT_ENTITLED} or result.warning:
            self._name(result)
        self._notes.add(result)

    def _name(self, result: DayResult) -> None:
        """Say what became of a day; a thousand days that a plan refuses need no thousand lines."""
        if isinstance(result.error, NotTriedError):
            if not self._gave_up:
                self._gave_up = True
                console.messages.print(f"{describe(result)} So are the days after it.", soft_wrap=True)
            return
        self._named += 1
        if self._named <= _NAMED:
            console.messages.print(describe(result), soft_wrap=True)
        elif self._named == _NAMED + 1:
            console.messages.print("Further days are counted only; polygon-assets status and doctor say more.")


def _in_one_line(error: BaseException) -> str:
    return f"{' '.join(str(error).split()).partition(' [SQL:')[0] or repr(error)}."


def _cancel_on_sigterm() -> None:
    """Let SIGTERM end the ingest as Ctrl-C does: by cancelling, so that every ``finally`` runs."""
    task = asyncio.current_task()
    assert task is not None  # noqa: S101 (called in one)
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)


def _name_unpublished(settings: Settings, dataset: Dataset, results: Sequence[DayResult]) -> bool:
    """Name the days that the bucket lacks; is one of them so old that it is a failure?"""
    calendar = trading_calendar(dataset.calendar, settings.extra_closures)
    ranges = unpublished_ranges(results, calendar, dt.datetime.now(dt.UTC))
    for each in ranges[:_NAMED]:
        console.messages.print(each.describe(dataset), soft_wrap=True)
    if len(ranges) > _NAMED:
        console.messages.print(f"Further days are not published either: polygon-assets status {dataset.name}")
    return any(each.lateness is Lateness.LACKING for each in ranges)


def _summarise(dataset: Dataset, results: Sequence[DayResult], seconds: float) -> None:
    counts = {status: sum(each.status is status for each in results) for status in DayStatus}
    line = ", ".join(f"{count} {status.value.replace('_', ' ')}" for status, count in counts.items() if count)
    received = sum(each.source_bytes for each in results if each.download_seconds)
    if received:
        line += f"; {decimal(received)} in {seconds:.1f} s, {decimal(int(received / seconds))}/s"
    console.out.print(f"{dataset.name}: {line}")


def _name_empty(dataset: Dataset, results: Sequence[DayResult]) -> None:
    """Warn of a filter that kept nothing at all: so does a misspelt ticker."""
    stored = [each for each in results if each.status in STORED]
    if stored and stored[0].filter and not any(each.rows for each in stored):
        console.warn(
            f"{dataset.name}: {stored[0].filter} kept no row of {console.counted(len(stored), 'day')}. "
            "The vendor writes tickers in capitals, and some with a prefix: AAPL, C:EUR-USD, O:SPY241220C00600000."
        )
