"""A disk that is really full, at each step of a day's way: nothing half, what helps is said, and the next run heals."""

import sqlite3
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import dagster as dg
import pytest

from polygon_assets.datasets import DATASETS
from polygon_assets.ingest.room import Room
from polygon_assets.sample.flat_files import flat_file
from polygon_assets.sample.generators import Size
from polygon_assets.store.parquet_store import ParquetStore
from polygon_assets_tests.cli.conftest import Command, Outcome, Platform
from polygon_assets_tests.platforms import QUIET
from polygon_assets_tests.small_disk import Mount, SmallDisk
from polygon_assets_tests.stores import Place

DAYS = ["2024-01-02", "2024-01-03"]
LARGE = Size(symbols=9000, rows=9000)
DATASET = "stocks_daily"
pytestmark = pytest.mark.slow


@pytest.fixture
def disk(place: Place, mount: Mount) -> SmallDisk:
    """The disk on which days are made: the store's, or that of TMPDIR for a store on S3."""
    return mount(Path(place.uri) if place.server is None else place.staging)


@pytest.fixture
def sizes(disk: SmallDisk, platform: Platform, cli: Command) -> tuple[int, int]:
    """The first day is stored; bytes of its source file, and of its Parquet file. The second is in the bucket."""
    assert disk.free > 0
    bodies = [flat_file(DATASETS[DATASET], day, LARGE) for day in DAYS]
    for day, body in zip(DAYS, bodies, strict=True):
        platform.put(DATASET, day, body)
    assert cli("ingest", DATASET, "--start", DAYS[0]).code == 0
    return len(bodies[0]), len(platform.place.read(platform.place.file(DATASET, DAYS[0])))


@pytest.fixture
def unasked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Room was there when it was asked for: another program takes it later."""
    monkeypatch.setattr(Room, "take", lambda *_: None)


def ingest(cli: Command) -> Outcome:
    return cli("ingest", DATASET, "--start", DAYS[0], "--end", DAYS[1])


def check_healed(platform: Platform, disk: SmallDisk, cli: Command) -> None:
    """Nothing half is there; with room again, the same command does the rest, and Dagster knows."""
    assert platform.place.open().days(DATASET) == DAYS[:1]
    assert cli("verify", DATASET).code == 0
    disk.relieve()
    assert platform.place.left_over() == []
    done = ingest(cli)
    assert done.code == 0, done.err
    assert cli("verify", DATASET).code == 0
    assert platform.place.open().days(DATASET) == platform.materialised(DATASET) == DAYS
    assert platform.place.left_over() == []


@pytest.mark.stores("disk", "s3")
def test_a_day_that_does_not_fit_is_refused_before_its_bytes(
    platform: Platform, cli: Command, disk: SmallDisk, sizes: tuple[int, int]
) -> None:
    disk.fill(but=sizes[0])
    done = ingest(cli)
    assert done.code == 1
    assert "are free. Free " in done.err
    check_healed(platform, disk, cli)


@pytest.mark.stores("disk", "s3")
@pytest.mark.usefixtures("unasked")
@pytest.mark.parametrize("stage", ["download", "conversion"])
def test_a_disk_that_fills_up_under_a_day(
    platform: Platform, cli: Command, disk: SmallDisk, sizes: tuple[int, int], stage: str
) -> None:
    source, parquet = sizes
    disk.fill(but=source // 2 if stage == "download" else source + parquet // 2)
    done = ingest(cli)
    assert done.code == 1
    said = " ".join(done.err.split())
    assert f"{DAYS[1]}: failed: " in said
    assert "No space left on device" in said
    assert "Free space" in said
    check_healed(platform, disk, cli)


@pytest.mark.usefixtures("unasked", "sizes")
def test_a_disk_that_fills_up_before_a_day_is_published(
    platform: Platform, cli: Command, disk: SmallDisk, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(ParquetStore, "publish", _after(disk.fill_names, ParquetStore.publish))
        done = ingest(cli)
    assert done.code == 1
    said = " ".join(done.err.split())
    assert "No space left on device" in said
    assert "Free space" in said
    check_healed(platform, disk, cli)


def _after(filling: Callable[[], None], publish: Callable[[ParquetStore, Path, str, str], None]) -> object:
    alone = threading.Lock()  # days are published in threads

    def filled(store: ParquetStore, staged: Path, dataset: str, day: str) -> None:
        with alone, suppress(OSError):  # full already
            filling()
        publish(store, staged, dataset, day)

    return filled


@pytest.mark.stores("disk", "s3")
def test_a_disk_that_is_full_for_a_year(
    platform: Platform, cli: Command, disk: SmallDisk, sizes: tuple[int, int]
) -> None:
    assert ingest(cli).code == 0
    disk.fill(but=sizes[1])
    done = cli("rollup", DATASET)
    assert done.code == 1
    assert "the disk is full: the file takes about" in done.out
    assert str(disk.path) in done.out
    assert platform.place.files("_by_year") == []
    disk.relieve()
    assert platform.place.left_over() == []
    assert cli("rollup", DATASET).code == 0
    assert platform.materialised(f"{DATASET}_by_year") == ["2024"]
    assert cli("verify", DATASET).code == 0


@pytest.mark.parametrize("when", ["before", "meanwhile"])
def test_a_disk_that_is_full_for_dagsters_history(
    platform: Platform, cli: Command, mount: Mount, monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    """SQLite once called it a disk I/O error, and ``dagster.yaml`` was blamed."""
    home = _on_small_disk(platform, mount)
    platform.publish(DATASET, DAYS)
    with monkeypatch.context() as patched:
        if when == "before":
            home.fill()
        else:
            patched.setattr(ParquetStore, "publish", _after(home.fill, ParquetStore.publish))
        done = ingest(cli)
    assert done.code == 1
    said = " ".join(done.err.split())
    assert f"The disk of DAGSTER_HOME, {platform.home}, is full" in said
    home.relieve()
    if when == "meanwhile":
        assert platform.place.open().days(DATASET) == DAYS
        assert "2 days stored, but Dagster could not be told" in said
        assert cli("record", DATASET).code == 0
    else:
        assert ingest(cli).code == 0
    assert platform.materialised(DATASET) == DAYS
    _check_sound(platform.home)


def test_a_run_that_cannot_write_its_history_fails_and_the_next_one_heals(
    platform: Platform, mount: Mount, capfd: pytest.CaptureFixture[str]
) -> None:
    home = _on_small_disk(platform, mount)
    platform.publish(DATASET, DAYS)
    assert platform.run(DATASET, DAYS[:1]).success
    job = platform.definitions().resolve_implicit_global_asset_job_def()
    home.fill()
    with pytest.raises(Exception, match=r"disk is full|disk I/O error|No space left"):
        job.get_subset(asset_selection={dg.AssetKey(DATASET)}).execute_in_process(
            instance=platform.instance, partition_key=DAYS[1], run_config=QUIET
        )
    capfd.readouterr()
    home.relieve()
    assert platform.run(DATASET, DAYS).success, platform.why()
    assert platform.materialised(DATASET) == DAYS
    _check_sound(platform.home)


def test_a_home_that_cannot_be_made_is_made_when_there_is_room(
    platform: Platform, cli: Command, mount: Mount, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half a ``dagster.yaml`` or half a schema would stay for good."""
    home = mount(tmp_path / "new-home")
    monkeypatch.setenv("DAGSTER_HOME", str(home.path))
    platform.publish(DATASET, DAYS)
    for room in (0, 8192, 200_000):
        home.relieve()
        home.fill(but=room)
        done = ingest(cli)
        assert done.code == 1
        assert "The disk" in done.err
        assert "is full" in done.err
        assert "Free space" in done.err
    home.relieve()
    done = ingest(cli)
    assert done.code == 0, done.err
    _check_sound(home.path)


def _on_small_disk(platform: Platform, mount: Mount) -> SmallDisk:
    """Put the platform's home onto a small disk, before anything has opened it."""
    files = {path.relative_to(platform.home): path.read_bytes() for path in platform.home.rglob("*") if path.is_file()}
    disk = mount(platform.home)
    for name, body in files.items():
        (disk.path / name).parent.mkdir(parents=True, exist_ok=True)
        (disk.path / name).write_bytes(body)
    return disk


def _check_sound(home: Path) -> None:
    databases = list(home.rglob("*.db"))
    assert databases
    for database in databases:
        with sqlite3.connect(database) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        connection.close()
