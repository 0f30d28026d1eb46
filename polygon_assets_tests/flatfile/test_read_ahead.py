"""One file on two cores: the same bytes, the same errors, and no thread that stays."""

import datetime as dt
import gzip
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from polygon_assets.datasets import DATASETS
from polygon_assets.errors import ContentError
from polygon_assets.flatfile.conversion import CancelledConversionError, convert
from polygon_assets.flatfile.limits import DEFAULT_LIMITS
from polygon_assets.flatfile.provenance import Source
from polygon_assets.flatfile.read_ahead import ReadAhead, SpareCores
from polygon_assets.sample.flat_files import flat_file
from polygon_assets.sample.generators import Size
from polygon_assets.store import day_files
from polygon_assets.store.parquet_store import ParquetStore
from polygon_assets_tests.factories import compressed

DAY = dt.date(2024, 1, 3)
MINUTES = DATASETS["stocks_minute"]
SOURCE = Source("s3://b/k", "k", "e", dt.datetime(2024, 1, 4, tzinfo=dt.UTC), 1)


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Several blocks."""
    path = tmp_path_factory.mktemp("read-ahead") / "raw.csv.gz"
    path.write_bytes(flat_file(MINUTES, DAY.isoformat(), Size(symbols=3000, rows=250_000)))
    return path


@pytest.fixture(autouse=True)
def no_thread_stays() -> Iterator[None]:
    before = threading.active_count()
    yield
    assert threading.active_count() == before


def test_the_same_bytes(large: Path, tmp_path: Path) -> None:
    for ahead in (True, False):
        convert(large, tmp_path / f"{ahead}.parquet", MINUTES, DAY, SOURCE, read_ahead=ahead)
    assert (tmp_path / "True.parquet").read_bytes() == (tmp_path / "False.parquet").read_bytes()


@pytest.mark.slow
@pytest.mark.parametrize("damage", ["cut", "bad row", "no newline", "no rows"])
def test_the_same_errors(large: Path, tmp_path: Path, damage: str) -> None:
    text = gzip.decompress(large.read_bytes())
    raw = tmp_path / "raw.csv.gz"
    raw.write_bytes(
        {
            "cut": lambda: large.read_bytes()[:-1000],
            "bad row": lambda: compressed(text + b"ZZZZ,1,x,1,1,1,1704292200000000000,1\n" + text[-70:]),
            "no newline": lambda: compressed(text[:-1]),
            "no rows": lambda: compressed(text[: text.index(b"\n") + 1]),
        }[damage]()
    )
    said = []
    for ahead in (True, False):
        with pytest.raises(ContentError) as caught:
            convert(raw, tmp_path / "out.parquet", MINUTES, DAY, SOURCE, read_ahead=ahead)
        said.append((type(caught.value), str(caught.value), caught.value.findings))
    assert said[0] == said[1]


def test_cancelling_ends_the_thread(large: Path, tmp_path: Path) -> None:
    cancelled = threading.Event()
    cancelled.set()
    with pytest.raises(CancelledConversionError):
        convert(large, tmp_path / "out.parquet", MINUTES, DAY, SOURCE, cancelled=cancelled, read_ahead=True)


def test_errors_come_in_their_place() -> None:
    def items() -> Iterator[int]:
        yield 1
        yield 2
        raise KeyError("third")

    with ReadAhead(items()) as ahead:
        assert [next(ahead), next(ahead)] == [1, 2]
        with pytest.raises(KeyError, match="third"):
            next(ahead)


def test_memory_is_bounded_however_slow_the_reader_is() -> None:
    made: list[int] = []

    def items() -> Iterator[int]:
        for number in range(100):
            made.append(number)
            yield number

    with ReadAhead(items()) as ahead:
        assert next(ahead) == 0
        assert len(made) <= 1 + 2 + 1 + 1
        assert list(ahead) == list(range(1, 100))


def test_a_lone_conversion_has_two_cores_and_many_share() -> None:
    cores = SpareCores(3)
    with cores.conversion() as first, cores.conversion() as second, cores.conversion() as third:
        assert (first, second, third) == (True, False, False)
    with cores.conversion() as again:
        assert again
    with cores.conversion(several_blocks=False) as small, cores.conversion() as beside:
        assert (small, beside) == (False, True)
    with SpareCores(1).conversion() as only:
        assert not only


@pytest.mark.parametrize(("size", "ahead"), [(300_000, False), (30_000_000, True)])
def test_a_file_of_one_block_is_not_read_ahead(
    size: int, ahead: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a small day a thread of its own was a tenth of the CPU, and kept a core from the day beside it."""
    told: list[bool] = []

    def conversion(*_: object, read_ahead: bool, **__: object) -> None:
        told.append(read_ahead)

    monkeypatch.setattr(day_files, "convert", conversion)
    files = day_files.DayFiles(ParquetStore(str(tmp_path)), DATASETS["stocks_daily"], "2024-01-02", tmp_path)
    with files.raw.open("wb") as raw:
        raw.truncate(size)
    files.convert(SOURCE, DEFAULT_LIMITS, threading.Event(), SpareCores(2))
    assert told == [ahead]
