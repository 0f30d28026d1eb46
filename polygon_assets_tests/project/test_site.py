"""The documentation as a site: its strict build is a step of ``.ci/run``; here is what that build cannot know."""

import importlib
import re
import runpy
from pathlib import Path
from typing import Any

import pytest
import yaml

import polygon_assets
from polygon_assets_tests.project import ROOT

_TOOL = runpy.run_path(str(ROOT / "tools/site_pages.py"))
OUTSIDE, turned = _TOOL["OUTSIDE"], _TOOL["turned"]
REFERENCE = (ROOT / "docs/reference.md").read_text()
DOCUMENTED = re.findall(r"^::: (\S+)$", REFERENCE, re.MULTILINE)


def configuration() -> dict[str, Any]:
    return dict(yaml.safe_load((ROOT / "mkdocs.yml").read_text()))


def test_the_public_surface_is_on_the_page() -> None:
    shown = {name.rpartition(".")[2] for name in DOCUMENTED}
    for name in polygon_assets.__all__:
        assert name in shown
        assert f"`polygon_assets.{name}`" in REFERENCE
    named = {"ingest_days", "ParquetStore", "S3Catalog", "AsyncS3Downloader", "SyncS3Downloader", "errors"}
    assert named <= shown


@pytest.mark.parametrize("name", DOCUMENTED)
def test_what_the_page_shows_is_there(name: str) -> None:
    module, _, attribute = name.rpartition(".")
    assert hasattr(importlib.import_module(module), attribute)


def test_every_page_is_in_the_contents() -> None:
    def pages(part: Any) -> list[str]:
        if isinstance(part, str):
            return [part]
        return [page for each in (part.values() if isinstance(part, dict) else part) for page in pages(each)]

    expected = {*(path.name for path in (ROOT / "docs").glob("*.md")), *OUTSIDE.values()}
    assert sorted(pages(configuration()["nav"])) == sorted(expected)
    assert all(Path(ROOT, origin).is_file() for origin in OUTSIDE)


def test_nothing_is_fetched_from_elsewhere() -> None:
    """The icons and the search come with the site; the offline plugin's script would come from another host."""
    asked = configuration()
    assert asked["theme"]["font"] is False
    assert "offline" not in str(asked["plugins"])
    assert "://" not in re.sub(r"#.*", "", (ROOT / "mkdocs.yml").read_text())


@pytest.mark.parametrize(
    ("origin", "place", "markdown", "expected"),
    [
        ("README.md", "index.md", "[a](docs/reading.md#sql)", "[a](reading.md#sql)"),
        ("README.md", "index.md", "![a](docs/images/a.png)", "![a](images/a.png)"),
        ("docs/reading.md", "reading.md", "[a](../examples/README.md)", "[a](examples/README.md)"),
        ("docs/reading.md", "reading.md", "[errors](../polygon_assets/errors.py)", "errors"),
        ("docs/adr/0001.md", "adr/0001.md", "[a](../reading.md) [b](#here)", "[a](../reading.md) [b](#here)"),
        ("examples/README.md", "examples/README.md", "[a](../docs/reading.md)", "[a](../reading.md)"),
        ("docs/reading.md", "reading.md", "[a](https://example.com/b.md)", "[a](https://example.com/b.md)"),
    ],
)
def test_links_lead_where_the_pages_lie(origin: str, place: str, markdown: str, expected: str) -> None:
    assert turned(markdown, origin, place, {"reading.md", "examples/README.md", "images/a.png"}) == expected
