"""Sensors of all datasets take turns: what 33 of them ask of the vendor, under a clock of the tests."""

import datetime as dt
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise

import dagster as dg
import pytest

from polygon_assets.datasets import DATASETS
from polygon_assets.errors import UnavailableError
from polygon_assets.orchestration.watching.new_day_rules import DAY, STEP, Memory, take_turn, wait_of
from polygon_assets.orchestration.watching.new_day_sensors import INTERVAL_SECONDS, sensor_name
from polygon_assets_tests.orchestration.watching.ticks import MONDAY_NOON
from polygon_assets_tests.platforms import Platform
from polygon_assets_tests.servers import faults
from polygon_assets_tests.servers.origin import Origin, origin

OUTSIDE = [name for name in DATASETS if name.startswith(("options_", "futures_cme_"))]
PUBLISHED = {"XNYS": "2026-11-06", "CMES": "2026-11-06", "24/6": "2026-11-08", "24/7": "2026-11-08"}
MOST = 3 * len(DATASETS)


@pytest.fixture
def vendor(platform: Platform, monkeypatch: pytest.MonkeyPatch) -> Iterator[Origin]:
    """A bucket of which every dataset is watched; of those outside the plan, the newest day is listed and refused."""
    with origin() as server:
        for name in OUTSIDE:
            key = platform.catalog.get_key(name, PUBLISHED[DATASETS[name].calendar])
            server.store(key, b"x")
            server.refused.add(key)
        for field_name, value in server.credentials.items():
            monkeypatch.setenv(f"POLYGON_{field_name.upper()}", value)
        monkeypatch.setenv("POLYGON_ENDPOINT_URL", server.endpoint_url)
        monkeypatch.setenv("POLYGON_BUCKET", "flatfiles")
        monkeypatch.setenv("POLYGON_DATASETS", "all")
        yield server


@dataclass
class Daemon:
    """Ticks every sensor of new days as Dagster does, at times of its own."""

    platform: Platform
    vendor: Origin
    now: dt.datetime = field(default_factory=MONDAY_NOON)
    cursors: dict[str, str | None] = field(default_factory=dict)
    ticked: dict[str, float] = field(default_factory=dict)
    asked: list[tuple[float, str, str]] = field(default_factory=list)
    """When (seconds), LIST or HEAD, and of which dataset."""

    def __post_init__(self) -> None:
        self.definitions = self.platform.definitions(lambda: self.now)
        self.resources = dict(self.definitions.resources or {})
        self.repository = self.definitions.get_repository_def()
        self.sensors = {name: self.definitions.resolve_sensor_def(sensor_name(row)) for name, row in DATASETS.items()}

    def run(self, minutes: int, *, step: int = 30) -> None:
        """Let the time pass; each sensor ticks no more often than it wants to."""
        end = self.now + dt.timedelta(minutes=minutes)
        while self.now < end:
            moment = self.now.timestamp()
            for name, sensor in self.sensors.items():
                if moment - self.ticked.get(name, 0.0) >= (sensor.minimum_interval_seconds or 0):
                    self.ticked[name] = moment
                    self.tick(name)
            self.now += dt.timedelta(seconds=step)

    def tick(self, name: str) -> None:
        """Evaluate a sensor once, and note what it asked for."""
        before = len(self.vendor.seen)
        with dg.build_sensor_context(
            instance=self.platform.instance,
            resources=self.resources,
            repository_def=self.repository,
            cursor=self.cursors.get(name),
            sensor_name=self.sensors[name].name,
        ) as context:
            try:
                self.cursors[name] = self.sensors[name].evaluate_tick(context).cursor or self.cursors.get(name)
            except UnavailableError:
                pass
            finally:
                for request in self.vendor.seen[before:]:
                    what = "LIST" if "list-type" in request.query else request.method
                    self.asked.append((self.now.timestamp(), what, name))

    def most_listings(self, seconds: float) -> int:
        """The most that came within so many seconds, whenever they began."""
        moments = [moment for moment, what, _ in self.asked if what == "LIST"]
        return max(sum(begin <= moment < begin + seconds for moment in moments) for begin in moments)


@pytest.fixture
def daemon(platform: Platform, vendor: Origin) -> Daemon:
    """One whose sensors have years to look through, so that each look lists as many months as it may."""
    made = Daemon(platform, vendor)
    until = made.now.timestamp() + DAY
    memory = Memory(store=platform.place.open().uri, oldest="2026-05-04", oldest_known_until=until)
    made.cursors = dict.fromkeys(DATASETS, memory.dump())
    return made


@pytest.mark.slow
def test_33_sensors_ask_little_and_never_all_at_once(daemon: Daemon) -> None:
    """All of them once listed three months each in the same minute, and again ten minutes later."""
    daemon.run(35)
    looked = {name for _, _, name in daemon.asked}
    assert looked == set(DATASETS)
    assert daemon.most_listings(INTERVAL_SECONDS) <= MOST
    assert daemon.most_listings(STEP) <= MOST // 4
    inside = Counter(name for _, what, name in daemon.asked if what == "LIST" and name not in OUTSIDE)
    assert set(inside.values()) <= {6, 9, 12}  # two looks or more, at three months
    for name in OUTSIDE:
        assert sorted(what for _, what, asked in daemon.asked if asked == name) == ["HEAD", *["LIST"] * 3]

    daemon.now += dt.timedelta(days=1)
    daemon.asked.clear()
    daemon.run(35)
    assert daemon.most_listings(STEP) <= MOST // 4  # although every turn had passed meanwhile
    for name in OUTSIDE:
        assert [what for _, what, asked in daemon.asked if asked == name] == ["HEAD"]


def test_what_joins_the_plan_is_asked_for_within_a_day(daemon: Daemon) -> None:
    daemon.sensors = {"options_daily": daemon.sensors["options_daily"]}
    daemon.run(12)
    daemon.vendor.refused.clear()
    daemon.now += dt.timedelta(days=1)
    daemon.asked.clear()
    daemon.run(12)
    assert [what for _, what, _ in daemon.asked][:2] == ["HEAD", "LIST"]


def test_a_bucket_that_is_out_is_asked_no_more_often(daemon: Daemon) -> None:
    """Waiting for turns takes a tick each minute, of which each would ask again, since a failed one moves no cursor."""
    name = list(DATASETS)[-1]
    daemon.sensors = {name: daemon.sensors[name]}
    for _ in range(100):
        daemon.vendor.page_faults[0].append(faults.status(503))
    daemon.run(40)
    looks = Counter(moment for moment, _, _ in daemon.asked)
    assert 2 <= len(looks) <= 4


def test_a_listing_that_is_refused_is_remembered(daemon: Daemon) -> None:
    name = list(DATASETS)[-1]
    daemon.sensors = {name: daemon.sensors[name]}
    daemon.vendor.page_faults[0].append(faults.status(403))
    daemon.run(60)
    assert [what for _, what, _ in daemon.asked] == ["LIST"]
    daemon.now += dt.timedelta(days=1)
    daemon.run(12)
    assert [what for _, what, _ in daemon.asked] == ["LIST", "LIST"]


def test_a_few_datasets_are_looked_at_at_once_and_take_no_turns() -> None:
    assert [wait_of(position, INTERVAL_SECONDS) for position in range(5)] == [0, 0, 0, 0, 60]
    assert wait_of(len(DATASETS) - 1, INTERVAL_SECONDS) < INTERVAL_SECONDS
    assert take_turn(Memory(), 5.0, 0, INTERVAL_SECONDS) == (Memory(), True)


@pytest.mark.parametrize("every", [60, 61, 90, 150, 400])
def test_looks_are_an_interval_apart_however_seldom_ticks_come(every: int) -> None:
    memory, looks, now = Memory(), list[float](), 1e9
    for _ in range(300):
        memory, is_due = take_turn(memory, now, 300, INTERVAL_SECONDS)
        looks += [now] if is_due else []
        now += every
    gaps = [later - earlier for earlier, later in pairwise(looks)]
    assert min(gaps) >= INTERVAL_SECONDS
    assert max(gaps) <= 2 * INTERVAL_SECONDS + 2 * every


@pytest.mark.parametrize("ahead", [INTERVAL_SECONDS * 3, 400 * DAY])
def test_a_turn_that_a_wrong_clock_set_is_forgotten(ahead: float) -> None:
    memory, is_due = take_turn(Memory(look_at=1e9 + ahead), 1e9, 300, INTERVAL_SECONDS)
    assert (memory.look_at, is_due) == (1e9 + 300, False)
