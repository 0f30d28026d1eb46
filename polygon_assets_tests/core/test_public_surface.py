"""Names that must not move: anyone may build on these."""

import dataclasses
import inspect
from enum import StrEnum

import polygon_assets
import polygon_assets.download
import polygon_assets.ingest
from polygon_assets.datasets import DATASETS, SPECIFIED
from polygon_assets.definitions import defs
from polygon_assets.download.async_downloader import AsyncS3Downloader
from polygon_assets.download.s3_catalog import S3Catalog
from polygon_assets.download.sync_downloader import SyncS3Downloader
from polygon_assets.ingest import DayResult, DayStatus, ParquetStore, ingest_days


def _parameters(function: object) -> dict[str, object]:
    parameters = inspect.signature(function).parameters  # type: ignore[arg-type]
    return {
        name: parameter.default
        for name, parameter in parameters.items()
        if parameter.kind is not parameter.KEYWORD_ONLY
    }


def test_import_paths() -> None:
    assert polygon_assets.DATASETS is DATASETS
    assert polygon_assets.download.S3Catalog is S3Catalog
    assert polygon_assets.download.AsyncS3Downloader is AsyncS3Downloader
    assert polygon_assets.download.SyncS3Downloader is SyncS3Downloader
    assert polygon_assets.ingest.ParquetStore is ParquetStore
    assert polygon_assets.ingest.ingest_days is ingest_days
    assert defs is not None


def test_data_types() -> None:
    assert SPECIFIED == ("stocks_daily", "stocks_minute", "options_daily", "options_minute")
    kinds = {
        "stocks": "daily minute trades quotes",
        "options": "daily minute trades quotes",
        "indices": "daily minute values",
        "forex": "daily minute quotes",
        "crypto": "daily minute trades",
        **{f"futures_{name}": "daily minute trades quotes" for name in ("cme", "cbot", "comex", "nymex")},
    }
    assert list(DATASETS) == [f"{name}_{kind}" for name, known in kinds.items() for kind in known.split()]


def test_constructors_have_the_specified_parameters_and_defaults() -> None:
    empty = inspect.Parameter.empty
    assert _parameters(S3Catalog) == {"bucket": "flatfiles"}
    assert _parameters(AsyncS3Downloader) == {
        "credentials": empty,
        "endpoint_url": "https://files.polygon.io",
        "max_retries": 5,
        "timeout": 60,
        "max_pool_connections": 50,
        "max_concurrent": 8,
    }
    assert _parameters(SyncS3Downloader) == {
        "credentials": empty,
        "endpoint_url": "https://files.polygon.io",
        "max_retries": 5,
        "timeout": 60,
        "max_pool_connections": 10,
    }


def test_methods_have_the_specified_parameters_and_defaults() -> None:
    empty = inspect.Parameter.empty
    one = {"self": empty, "bucket": empty, "key": empty, "decompress": True}
    to_file = {"self": empty, "bucket": empty, "key": empty, "local_path": empty, "decompress": True}
    listing = {"self": empty, "bucket": empty, "prefix": empty, "max_keys": 1000}
    assert _parameters(AsyncS3Downloader.download_one) == one
    assert _parameters(SyncS3Downloader.download) == one
    assert _parameters(AsyncS3Downloader.download_to_file) == to_file
    assert _parameters(SyncS3Downloader.download_to_file) == to_file
    assert _parameters(AsyncS3Downloader.list_objects) == listing
    assert _parameters(SyncS3Downloader.list_objects) == listing
    assert _parameters(AsyncS3Downloader.download_batch) == {
        "self": empty, "bucket": empty, "keys": empty, "decompress": True,
    }  # fmt: skip
    assert _parameters(SyncS3Downloader.check_exists) == {"self": empty, "bucket": empty, "key": empty}


def test_ingest_days() -> None:
    parameters = inspect.signature(ingest_days).parameters
    assert list(parameters)[:7] == ["dataset", "days", "catalog", "downloader", "store", "on_result", "overwrite"]
    assert parameters["on_result"].default is None
    assert parameters["overwrite"].default is False
    assert inspect.iscoroutinefunction(ingest_days)


def test_scan() -> None:
    parameters = inspect.signature(polygon_assets.scan).parameters
    assert list(parameters) == ["dataset", "start", "end", "tickers", "session", "store", "adjust", "as_of"]
    assert parameters["session"].default == "all"
    assert parameters["adjust"].default is None
    assert "scan" in polygon_assets.__all__


def test_stored_days() -> None:
    parameters = inspect.signature(polygon_assets.stored_days).parameters
    assert list(parameters) == ["dataset", "start", "end", "store"]
    assert parameters["store"].kind is inspect.Parameter.KEYWORD_ONLY
    assert "stored_days" in polygon_assets.__all__


def test_bars() -> None:
    parameters = inspect.signature(polygon_assets.bars).parameters
    assert list(parameters) == [
        "dataset", "start", "end", "every", "tickers", "session", "anchor", "fill", "store", "adjust", "as_of",
    ]  # fmt: skip
    assert {name: parameters[name].default for name in ("session", "anchor", "fill", "adjust")} == {
        "session": "regular", "anchor": "open", "fill": None, "adjust": None,
    }  # fmt: skip
    assert parameters["every"].default is inspect.Parameter.empty
    assert "bars" in polygon_assets.__all__


def test_day_results() -> None:
    assert [field.name for field in dataclasses.fields(DayResult)][:14] == [
        "day", "status", "rows", "symbols", "source_key", "source_etag", "source_bytes", "parquet_bytes", "retries",
        "download_seconds", "convert_seconds", "uri", "findings", "error",
    ]  # fmt: skip
    assert issubclass(DayStatus, StrEnum)
    assert [status.value for status in DayStatus] == [
        "published", "unchanged", "not_published_yet", "not_entitled", "refused", "failed",
    ]  # fmt: skip


def test_the_store() -> None:
    for name in ("path", "days", "provenance", "scan"):
        assert callable(getattr(ParquetStore, name))
