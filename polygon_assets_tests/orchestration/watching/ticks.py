"""When sensors are looked at, and what a tick asked for."""

import datetime as dt
from collections.abc import Callable
from typing import Any
from zoneinfo import ZoneInfo

import dagster as dg
from dagster._core.definitions.run_request import InstigatorType
from dagster._core.remote_origin import RegisteredCodeLocationOrigin, RemoteInstigatorOrigin, RemoteRepositoryOrigin
from dagster._core.scheduler.instigation import InstigatorState, InstigatorStatus, SensorInstigatorData

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


def leave_cursor(instance: dg.DagsterInstance, sensor: str, cursor: str, location: str = "polygon_assets") -> None:
    """Store what Dagster's daemon would after a tick of ``sensor`` that left ``cursor``."""
    repository = RemoteRepositoryOrigin(RegisteredCodeLocationOrigin(location), "__repository__")
    data = SensorInstigatorData(min_interval=600, cursor=cursor)
    origin = RemoteInstigatorOrigin(repository, sensor)
    state = InstigatorState(origin, InstigatorType.SENSOR, InstigatorStatus.RUNNING, data)
    known = instance.get_instigator_state(state.instigator_origin_id, state.selector_id)
    (instance.update_instigator_state if known else instance.add_instigator_state)(state)
