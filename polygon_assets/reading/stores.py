"""The store that the settings describe. Belongs here: opening it. Does not: reading it."""

from pathlib import Path

from polygon_assets.errors import InvalidInputError
from polygon_assets.ingest import ParquetStore
from polygon_assets.settings import Settings, variable


def open_store(settings: Settings, uri: str | None = None) -> ParquetStore:
    """The user's store; ``uri`` replaces its place."""
    secret = settings.store_secret_access_key
    return ParquetStore(
        uri or settings.store_uri,
        endpoint_url=settings.store_endpoint_url,
        region=settings.store_region,
        access_key_id=settings.store_access_key_id,
        secret_access_key=secret.get_secret_value() if secret else None,
    )


def existing_store(settings: Settings, uri: str | None = None) -> ParquetStore:
    """The same, for reading: a place where nothing is would read like a market without trades.

    Raises:
        InvalidInputError: the folder is not there; on S3, where no folders are, nothing lies below the prefix.
    """
    store = open_store(settings, uri)
    if not (store.names("") if "://" in store.uri else Path(store.uri).is_dir()):
        raise InvalidInputError(f"There is no store at {store.uri}: set {variable('store')}, or ingest something first")
    return store
