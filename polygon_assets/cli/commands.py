"""Which commands there are and what they take; wrong arguments and unset keys end here, within a moment.

Belongs here: options, and the checks that need no store and no network. Does not: work (``cli.work``), which is
imported when a command does it.
"""

import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from polygon_assets.calendars import require_order
from polygon_assets.cli import arguments, console, work
from polygon_assets.cli.arguments import ChosenDatasets, SomeDatasets
from polygon_assets.datasets import choose_datasets
from polygon_assets.errors import InvalidInputError, PortTakenError
from polygon_assets.filters import ALL_ROWS, row_filter

if TYPE_CHECKING:  # pydantic's import is slow, too
    from polygon_assets.settings import Settings

Port = Annotated[int, typer.Option(metavar="PORT", help="Port on 127.0.0.1.", min=1, max=65535)]


class Format(StrEnum):
    """What the result of a query can be written as."""

    TABLE = "table"
    CSV = "csv"
    JSON = "json"
    PARQUET = "parquet"


def register(app: typer.Typer) -> None:
    """Add the commands to ``app``, in the order in which help lists them."""
    for command in (dev, demo, doctor, ingest, status, ls, verify, sql, rollup, reference, record):
        app.command(command.__name__)(command)


def dev(port: Port = 3000) -> None:
    """Serve the platform on your subscription: UI, daemon and sensors, until Ctrl-C."""
    settings = _settings(needs_keys=True)
    _require_free_port(port)
    work.serve.run(settings, port)


def demo(
    port: Port = 3000,
    *,
    ui: Annotated[bool, typer.Option("--ui/--no-ui", help="Serve the UI afterwards, until Ctrl-C.")] = True,
    bucket: Annotated[
        bool,
        typer.Option("--bucket", help="Serve the local S3 alone, for a project of your own: prints what to set."),
    ] = False,
) -> None:
    """Try it without a subscription: made-up files in a local S3, ingested by Dagster, shown in the UI."""
    if bucket:
        work.demo.serve_bucket()
        return
    if ui:
        _require_free_port(port)
    work.demo.run(port=port, ui=ui)


def doctor(
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for scripts.")] = False,
    write: Annotated[
        bool,
        typer.Option("--write", help="Write the POLYGON_HISTORY_START that fits the plan into .env of this folder."),
    ] = False,
) -> None:
    """Check credentials, clock, endpoint, plan, disk, calendar and Dagster; each line is ok or says what helps.

    Exit code 1 where something failed; notes do not count.
    """
    _end(work.doctor.run(as_json=as_json, write=write))


def ingest(
    dataset: SomeDatasets,
    start: Annotated[
        str | None, typer.Option(metavar="DAY", help="First day, YYYY-MM-DD, inclusive.", show_default=False)
    ] = None,
    end: Annotated[str | None, typer.Option(metavar="DAY", help="Last day, inclusive; by default the start.")] = None,
    last: Annotated[
        int | None,
        typer.Option("--last", metavar="N", min=1, help="The last N trading days that have ended.", show_default=False),
    ] = None,
    *,
    missing: Annotated[
        bool,
        typer.Option("--missing", help="Only days that are not stored, or not readable; alone: of the whole history."),
    ] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Fetch and convert stored days again.")] = False,
    any_day: Annotated[
        bool, typer.Option("--any-day", help="Of --start to --end, also days that the calendar does not know.")
    ] = False,
    accept_unterminated: Annotated[
        bool, typer.Option("--accept-unterminated", help="Publish, flagged, files whose last line has no newline.")
    ] = False,
    tickers: Annotated[
        str | None, typer.Option(metavar="A,B", help="Keep only the rows of these tickers.", show_default=False)
    ] = None,
    underlyings: Annotated[
        str | None,
        typer.Option(metavar="A,B", help="Keep only contracts on these underlyings.", show_default=False),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what it would take; fetch nothing.")] = False,
) -> None:
    """Bring trading days into the store, and tell Dagster; stored days cost one request each.

    Several datasets are brought in one after the other; one that fails leaves the others alone, and the exit code is 1.
    Ctrl-C ends it at any point with exit code 130; call it again to go on where it stopped.
    """
    rows = choose_datasets(dataset)
    arguments.require_choice(start, end, last, missing=missing)
    settings = _settings(needs_keys=False)
    chosen, errors = arguments.days_of_each(
        rows, lambda row: arguments.chosen_days(settings, row, start, end, last, any_day=any_day)
    )
    settings.credentials  # noqa: B018 (raises before the slow imports)
    given = row_filter(tickers, underlyings)
    filters = {row.name: (given or settings.filters.get(row.name, ALL_ROWS)).checked(row) for row, _ in chosen}
    for error in errors:
        console.fail(error)
    if dry_run:
        for row, days in chosen:
            work.dry_run.run(settings, row, days, missing=missing, overwrite=overwrite, row_filter=filters[row.name])
        _end(console.FAILED if errors else 0)
        return
    options: dict[str, Any] = {"missing": missing, "overwrite": overwrite, "any_day": any_day}
    options |= {"accept_unterminated": accept_unterminated, "filters": filters}
    _end(work.ingest.run_each(settings, chosen, **options) or (console.FAILED if errors else 0))


def status(
    dataset: ChosenDatasets = None,
    *,
    ticker: Annotated[
        str | None,
        typer.Option(metavar="TICKER", help="Show on which stored days this ticker has rows.", show_default=False),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for scripts, with every gap.")] = False,
    heatmap: Annotated[bool, typer.Option("--heatmap/--no-heatmap", help="Draw years and weeks.")] = True,
) -> None:
    """Show what is stored of each dataset, what is missing, flagged or quarantined, and what is due.

    With --ticker: the first and the last day with rows of it, the stored days between them without, and tickers that
    ended where it begins, or begin where it ended, at its price: it may have been renamed.
    """
    rows = arguments.datasets(dataset)
    if ticker is None:
        work.status.run(rows, as_json=as_json, heatmap=heatmap)
    elif not ticker:
        raise InvalidInputError("--ticker is empty; name one as the vendor writes it: --ticker QQQ")
    else:
        work.one_ticker.run_one(rows, ticker, as_json=as_json, heatmap=heatmap)


def ls(
    dataset: SomeDatasets,
    month: Annotated[
        str | None, typer.Option(metavar="MONTH", help="YYYY-MM; by default this month.", show_default=False)
    ] = None,
    last: Annotated[
        int | None,
        typer.Option("--last", metavar="N", min=1, help="The last N trading days that have ended.", show_default=False),
    ] = None,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for scripts.")] = False,
) -> None:
    """Show, for each trading day of a month, or of the last N, what the bucket has and what the store has."""
    rows = choose_datasets(dataset)
    if month and last is not None:
        raise InvalidInputError("--last counts from yesterday: give it without --month.")
    settings = _settings(needs_keys=False)
    asked = [(row, arguments.asked_days(settings, row, month, last)) for row in rows]
    settings.credentials  # noqa: B018 (raises before the slow imports)
    work.ls.run(settings, asked, as_json=as_json)


def verify(
    dataset: ChosenDatasets = None,
    start: Annotated[
        str | None, typer.Option(metavar="DAY", help="First day, YYYY-MM-DD; by default the oldest stored.")
    ] = None,
    end: Annotated[
        str | None, typer.Option(metavar="DAY", help="Last day, inclusive; by default the newest stored.")
    ] = None,
    last: Annotated[
        int | None, typer.Option("--last", metavar="N", min=1, help="The last N stored days.", show_default=False)
    ] = None,
    *,
    remote: Annotated[
        bool, typer.Option("--remote", help="Compare ETags with the bucket's listing instead of reading files.")
    ] = False,
    cross: Annotated[
        bool, typer.Option("--cross", help="Compare datasets with each other, and days with the days before them.")
    ] = False,
) -> None:
    """Read every stored day again, to its last page; exit code 1 where a file is corrupt.

    With --remote, no stored file is read beyond its footer: the days that the vendor has replaced since are named.
    With --cross, daily bars are held against minutes, minutes against trades, and each day against the session before;
    exit code 1 where something does not agree, with the ten worst of each finding.
    """
    if remote and cross:
        raise InvalidInputError("--remote asks the bucket, --cross the stored datasets: choose one.")
    first, final = start or None, end or None
    require_order(first, final)
    settings = _settings(needs_keys=remote)
    rows = arguments.datasets(dataset)
    if cross:
        _end(work.cross.run_cross(settings, rows, first, final, last))
    else:
        _end(work.verify.run(settings, rows, first, final, last, remote=remote, everything=not dataset))


def sql(
    query: Annotated[
        str, typer.Argument(metavar="QUERY", help="The query; - reads it from standard input.", show_default=False)
    ],
    form: Annotated[
        Format | None,
        typer.Option(
            "--format",
            metavar="|".join(Format),
            help="By default a table, or what --output ends in.",
            show_default=False,
        ),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="File to write.", show_default=False)
    ] = None,
    rows: Annotated[int, typer.Option(metavar="N", min=1, help="Rows of a table that are shown at most.")] = 50,
) -> None:
    """Ask the store in SQL (DuckDB); each dataset is a view, and the column date limits which files are read.

    polygon-assets sql "SELECT ticker, close FROM stocks_daily WHERE date = '2026-11-20' ORDER BY volume DESC LIMIT 10"
    """
    chosen = form or _by_ending(output)
    if chosen is Format.TABLE and output:
        raise InvalidInputError("A table is for reading: write a file as csv, json or parquet.")
    if chosen is Format.PARQUET and output is None:
        raise InvalidInputError("Parquet needs a file: --output FILE.parquet")
    text = sys.stdin.read() if query == "-" else query
    work.sql.run(text, chosen.value, output, rows)


def rollup(
    dataset: ChosenDatasets = None,
    *,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Make all years again, also those that are up to date.")
    ] = False,
) -> None:
    """Put each year of daily bars into one file, by ticker; exit code 1 where a year cannot be read.

    scan() reads tickers from these files in a fraction of the time. Years whose days have not changed are left alone.
    Dagster's sensors do the same by themselves, and are told.
    """
    rows = arguments.rolled_up(arguments.datasets(dataset), dataset or ())
    _end(work.rollup.run(rows, overwrite=overwrite))


def reference(
    kind: Annotated[
        str | None,
        typer.Argument(metavar="KIND", help="splits or dividends; both unless given.", show_default=False),
    ] = None,
    *,
    full: Annotated[
        bool, typer.Option("--full", help="Ask for all of the history, not only what is new and the last 30 days.")
    ] = False,
) -> None:
    """Bring splits and dividends up to date, from the vendor's REST API; needs POLYGON_API_KEY, on any plan.

    scan(…, adjust=…) uses them. The free plan answers five requests a minute: all of the dividends take most of an hour
    there, and what is new a moment. A refresh that fails changes nothing.
    """
    settings = _settings(needs_keys=False)
    _end(work.reference.run(settings, arguments.event_kinds(kind), full=full))


def record(dataset: ChosenDatasets = None) -> None:
    """Report what is stored to Dagster, from its own footers: after a lost history, or a store filled elsewhere.

    Days that Dagster shows and the store has lost are named, and their check turns red; the sensors ask for them again.
    """
    rows = arguments.datasets(dataset)
    settings = _settings(needs_keys=False)
    from polygon_assets.serving.own_history import require_own_history  # noqa: PLC0415 (as pydantic)

    require_own_history(settings.store_uri)  # before what imports Dagster, for seconds
    work.record.run(settings, rows)


def _settings(*, needs_keys: bool) -> "Settings":
    """The user's settings; where keys are needed, they are there."""
    from polygon_assets.settings import load_settings  # noqa: PLC0415 (pydantic's import is slow)

    settings = load_settings()
    if needs_keys:
        settings.credentials  # noqa: B018 (raises)
    return settings


def _require_free_port(port: int) -> None:
    if not console.is_free(port):
        raise PortTakenError(port)


def _by_ending(output: Path | None) -> Format:
    if output is None:
        return Format.TABLE
    try:
        return Format(output.suffix.removeprefix("."))
    except ValueError:
        raise InvalidInputError(f"{output}: say what to write with --format csv, json or parquet.") from None


def _end(code: int) -> None:
    if code:
        raise typer.Exit(code)
