"""The store that the settings describe. Belongs here: opening it. Does not: reading it."""

from polygon_assets.ingest import ParquetStore
from polygon_assets.settings import Settings


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
