"""The picture of ``status`` in the documentation says what the command prints today."""

import re
from pathlib import Path

from polygon_assets_tests.project import ROOT
from polygon_assets_tests.ui.drawings import draw_status


def texts(picture: Path) -> list[str]:
    return re.findall(r"<text[^>]*>(.*?)</text>", picture.read_text())


def test_the_picture_of_status_is_that_of_today(tmp_path: Path) -> None:
    """It showed 500 days missing of an empty dataset, long after ``status`` had stopped to."""
    draw_status(tmp_path / "status.svg")
    assert len(texts(tmp_path / "status.svg")) > 100
    assert texts(ROOT / "docs/images/status.svg") == texts(tmp_path / "status.svg"), "make screenshots"
    assert "@font-face" not in (ROOT / "docs/images/status.svg").read_text(), "it would be fetched from elsewhere"
