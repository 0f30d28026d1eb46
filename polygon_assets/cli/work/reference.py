"""``polygon-assets reference``: splits and dividends, brought up to date.

Belongs here: showing it, and telling Dagster. Does not: asking and storing (``polygon_assets.reference``).
"""

from collections.abc import Sequence

import pyarrow.compute as pc

from polygon_assets.calendars import trading_calendar
from polygon_assets.cli import console
from polygon_assets.cli.reaching import reached_store
from polygon_assets.datasets.stocks import ROWS
from polygon_assets.ingest import ParquetStore
from polygon_assets.reference.closes import remember_closes
from polygon_assets.reference.events import DIVIDENDS, KINDS, EventKind
from polygon_assets.reference.refreshing import Refreshed, address_of, open_api, refresh
from polygon_assets.reference.tables import read_events
from polygon_assets.settings import Settings

_UNUSABLE_SHOWN = 10


def run(settings: Settings, kinds: Sequence[str], *, full: bool) -> int:
    """Bring the tables of ``kinds`` up to date, and tell Dagster; the exit code.

    What fails raises, and leaves its table as it was.
    """
    store, told = reached_store(settings), True
    with open_api(settings) as api:
        for kind in (KINDS[name] for name in kinds):
            with console.messages.status(f"{kind.name}: asking …") as status:
                done = refresh(
                    store,
                    kind,
                    api,
                    source=address_of(settings, kind),
                    full=full,
                    on_page=lambda count: status.update(f"{kind.name}: {console.counted(count, 'event')} …"),  # noqa: B023 (called at once)
                )
            _show(store, kind, done)
            if kind is DIVIDENDS:
                _remember(settings, store)
            told = _told(settings, done) and told
    return 0 if told else console.FAILED


def _told(settings: Settings, done: Refreshed) -> bool:
    """Tell Dagster of the table; could it be told?"""
    import dagster as dg  # noqa: PLC0415 (slow, and not needed where asking failed)
    from sqlalchemy.exc import SQLAlchemyError  # noqa: PLC0415

    from polygon_assets.orchestration.assembly import scope_of  # noqa: PLC0415
    from polygon_assets.orchestration.assets.reference_assets import table_metadata  # noqa: PLC0415
    from polygon_assets.serving.home import open_instance  # noqa: PLC0415

    name = done.kind.name
    event = dg.AssetMaterialization(scope_of(settings).key(name), metadata=table_metadata(done))
    try:
        with open_instance() as instance:
            instance.report_runless_asset_event(event)
    except (OSError, SQLAlchemyError, dg.DagsterError) as error:
        cause = " ".join(str(error).split())
        console.fail(
            f"{name}: stored, but Dagster could not be told: {cause}. Mend that, then: polygon-assets reference {name}"
        )
        return False
    return True


def _show(store: ParquetStore, kind: EventKind, done: Refreshed) -> None:
    asked = f"since {done.since}" if done.since else "of all history"
    console.out.print(
        f"{kind.name}: {console.counted(done.record.rows, 'event')}; asked for those {asked}: {done.added:,} added, "
        f"{done.removed:,} gone",
        soft_wrap=True,
    )
    events = read_events(store, kind)
    unusable = events.filter(pc.is_valid(events.column("problem")))
    for event in unusable.slice(0, _UNUSABLE_SHOWN).to_pylist():
        console.out.print(
            f"{kind.name}: {event['ticker']} {event[kind.date] or '(no day)'}: {event['problem']}", soft_wrap=True
        )
    if unusable.num_rows:
        console.out.print(
            f"{kind.name}: not usable: {console.counted(unusable.num_rows, 'event')}; when adjusted, "
            "the prices before are null",
            soft_wrap=True,
        )


def _remember(settings: Settings, store: ParquetStore) -> None:
    calendar = trading_calendar(ROWS[0].calendar, settings.extra_closures)
    with console.messages.status("dividends: reading the closes before their ex-dates …"):
        count = remember_closes(store, calendar.sessions)
    console.out.print(f"dividends: {count:,} of them fall on stored days; the closes before them are remembered")
