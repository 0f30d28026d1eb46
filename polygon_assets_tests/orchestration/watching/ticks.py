"""When sensors are looked at, and what a tick asked for."""

import datetime as dt
from collections.abc import Callable
from typing import Any
from zoneinfo import ZoneInfo

from polygon_assets.datasets import NEW_YORK
from polygon_assets.download import S3Catalog

Tick = Callable[..., Any]


def at(text: str) -> Callable[[], dt.datetime]:
    """A clock that stands at a New York time."""
    moment = dt.datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(NEW_YORK)).astimezone(dt.UTC)
    return lambda: moment


def asked(data: Any) -> list[str]:
    """The days that a tick asked for, in its order."""
    return [request.partition_key for request in data.run_requests or []]


MONDAY_NOON = at("2026-11-09T12:00")
WEEK = S3Catalog.get_business_days("2026-11-02", "2026-11-06")
