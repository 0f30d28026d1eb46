"""Lost days: those that Dagster shows as materialised in a store, and that are not there.

Belongs here: finding them. Does not: saying so (``assets.recording``), or asking for them
(``watching.new_day_sensors``).
"""

from collections.abc import Iterator, Sequence

import dagster as dg

from polygon_assets.ingest import ParquetStore

_ASKED_AT_ONCE = 200
_PAGE = 1000


def stored_and_lost(
    instance: dg.DagsterInstance, key: dg.AssetKey, store: ParquetStore, dataset: str
) -> tuple[list[str], list[str]]:
    """The stored days, and those that the instance shows in this very store and that are not there; oldest first.

    A day that was last reported from another place is not lost: POLYGON_STORE names another store than it did then.
    """
    shown = set(instance.get_materialized_partitions(key))
    stored = store.days(dataset)  # after the question, since someone may be storing days
    places = _places(instance, key, sorted(shown - set(stored)))
    return stored, [day for day, place in places if place == store.path(dataset, day)]


def _places(instance: dg.DagsterInstance, key: dg.AssetKey, days: Sequence[str]) -> Iterator[tuple[str, object]]:
    """Where each of ``days`` lay when it was reported last."""
    for position in range(0, len(days), _ASKED_AT_ONCE):
        asked = days[position : position + _ASKED_AT_ONCE]
        places: dict[str, object] = {}
        cursor, has_more = None, True
        while has_more and len(places) < len(asked):
            found = instance.fetch_materializations(dg.AssetRecordsFilter(key, asset_partitions=asked), _PAGE, cursor)
            cursor, has_more = found.cursor, found.has_more
            for record in found.records:  # newest first
                if (materialisation := record.asset_materialization) and record.partition_key:
                    uri = materialisation.metadata.get("dagster/uri")
                    places.setdefault(record.partition_key, uri.value if uri else None)
        yield from sorted(places.items())
