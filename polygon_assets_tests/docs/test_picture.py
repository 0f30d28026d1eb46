"""The picture of a ticker as traded and adjusted is what ``scan`` gives, drawn by ``tools/picture.py``."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest
from PIL import Image

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def picture() -> ModuleType:
    spec = importlib.util.spec_from_file_location("picture", ROOT / "tools/picture.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_only_the_raw_closes_jump_on_the_day_of_the_split(picture: ModuleType) -> None:
    closes = picture.series()
    at = picture.SESSIONS.index(picture.SPLIT)
    ratios = {name: values[at] / values[at - 1] for name, values in closes.items()}
    raw, splits, both = ratios.values()
    assert raw < 0.3
    assert 0.9 < splits < 1.1
    assert both == pytest.approx(splits)
    assert [values[-1] for values in closes.values()] == [closes["as traded"][-1]] * 3
    first = [values[0] for values in closes.values()]
    assert first[0] == 4 * first[1] > 4 * first[2]


def test_the_picture_in_the_docs_is_its_own(picture: ModuleType) -> None:
    with Image.open(picture.TARGET) as drawn:
        assert drawn.size == (picture.WIDTH, picture.HEIGHT)
        pixels = drawn.convert("RGB")
    colours = {pixels.getpixel((x, y)) for x in range(0, pixels.width, 3) for y in range(0, pixels.height, 3)}
    assert len(colours) > 5
    assert picture.TARGET.stat().st_size < 100_000
