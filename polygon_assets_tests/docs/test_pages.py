"""Every command and recipe in docs/ and examples/README.md runs; every link leads somewhere."""

import datetime as dt
import importlib.util
import re
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from polygon_assets.datasets import DATASETS
from polygon_assets.reading.queries import connect, run
from polygon_assets.reference.events import DIVIDENDS, SPLITS
from polygon_assets.sample.environment import DEMO
from polygon_assets.sample.flat_files import flat_file
from polygon_assets.sample.generators import Size
from polygon_assets.sample.local_s3 import last_sessions, sessions_since
from polygon_assets_tests.cli.conftest import Command, Platform, cli, fresh_home, platform
from polygon_assets_tests.docs.pages import DOCS, PAGES, blocks, commands
from polygon_assets_tests.platforms import Made
from polygon_assets_tests.project import ROOT
from polygon_assets_tests.reading.market import put_events
from polygon_assets_tests.servers.rest_api import dividend, split

__all__ = ["cli", "fresh_home", "platform"]
OUTSIDE = {
    "pip install polygon-assets",
    "pip install 'polygon-assets[sample,sql]'",
    "polygon-assets demo --bucket",
    "create-dagster project ours && cd ours",
    "uv add polygon-assets",
    "dg scaffold defs polygon_assets.FlatFilesComponent market",
}
"""Run in environments, folders and projects of their own, by ``project/test_wheel.py``, ``sample/test_demo.py`` and
``test_component.py``."""
DAYS = ["2024-01-02", "2024-01-03", "2024-01-04", "2024-01-05"]
RETRIEVED_LATER = dt.datetime(2024, 1, 8, 12, tzinfo=dt.UTC)
"""When the splits and dividends of the recipes were."""
SERVERS = {"make demo", "make dev"}
"""Run until they are stopped; tests of their own do that."""
SECRETS = {"POLYGON_ACCESS_KEY_ID", "POLYGON_SECRET_ACCESS_KEY", "DAGSTER_HOME"}
"""Shown as what the reader has to fill in."""


@pytest.fixture
def filled(made: Made, cli: Command) -> Platform:
    """What a user of these pages has: a bucket with a few days, all of them stored."""

    def make(platform: Platform) -> None:
        for dataset in ("stocks_daily", "stocks_minute", "options_daily"):
            platform.publish(dataset, DAYS)
            assert cli("ingest", dataset, "--start", DAYS[0], "--end", DAYS[-1]).code == 0

    return made("days of three datasets", make)


def put_reference(platform: Platform, days: Sequence[str] = DAYS, retrieved: dt.datetime = RETRIEVED_LATER) -> None:
    """Store a split and a dividend, as a user with a key has them."""
    store = platform.place.open()
    put_events(store, SPLITS, [split("AAPL", days[2], 1, 4)], retrieved)
    put_events(store, DIVIDENDS, [dividend("MSFT", days[1])], retrieved)


@pytest.mark.parametrize("page", [page for page in PAGES if commands(page)], ids=lambda page: page.name)
def test_every_command_runs(
    filled: Platform, cli: Command, page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert filled.store.exists()
    if page.name == "reading.md":  # elsewhere the split would be found to be none
        put_reference(filled)
    targets = re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    for command in commands(page):
        words = shlex.split(command, comments=True)
        if command.partition("  #")[0].strip() in OUTSIDE:
            continue
        if command in SERVERS:
            assert words[1] in targets
        elif words[0] == "export":
            name, _, value = words[1].partition("=")
            if name not in SECRETS:
                monkeypatch.setenv(name, value)
        else:
            assert words[0] == "polygon-assets", command
            done = cli(*words[1:])
            assert done.code == 0, f"{command}\n{done.out}\n{done.err}"
            assert done.out or "--output" in words, command


@pytest.fixture
def demo(made: Made, cli: Command) -> Platform:
    """What the demo stores, on its days, which end yesterday: smaller, and with a split and a dividend."""

    def make(platform: Platform) -> None:
        first = last_sessions(platform.catalog, DATASETS[DEMO[0]])[0]
        for name in DEMO:
            days = sessions_since(platform.catalog, DATASETS[name], first)
            for day in days:
                platform.put(name, day, flat_file(DATASETS[name], day, Size(symbols=20, rows=3_000)))
        assert cli("ingest", *DEMO, "--start", first, "--end", days[-1]).code == 0
        put_reference(platform, platform.place.open().days(DEMO[0]), dt.datetime.now(dt.UTC))

    return made("the days of the demo", make)


@pytest.mark.parametrize("command", [each for each in commands(DOCS / "reading.md") if " sql " in each])
def test_every_query_finds_rows_in_the_demos_store(
    demo: Platform, cli: Command, command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They asked for days of 2024, and found nothing."""
    monkeypatch.chdir(tmp_path)
    words = shlex.split(command)
    with connect(demo.place.open()) as connection:
        assert run(connection, words[2]).read_all().num_rows > 0
    done = cli(*words[1:])
    assert (done.code, "note:" in done.err) == (0, False), done.err


def test_every_recipe_runs_on_the_demos_store(demo: Platform, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of twelve recipes, nine asked for days of 2024 or for datasets that the demo had not."""
    days = demo.place.open().days("stocks_daily")
    monkeypatch.chdir(demo.store.parent)
    Path(".env").write_text(f"POLYGON_STORE={demo.store.name}\n")
    monkeypatch.delenv("POLYGON_STORE")  # as of someone who has set none in the shell
    recipes = blocks(DOCS / "reading.md", "python")
    assert len(recipes) == 13
    found: dict[str, dict[str, object]] = {}
    for recipe in recipes:
        names: dict[str, object] = {}
        exec(compile(recipe, "docs/reading.md", "exec"), names)  # noqa: S102 (our own pages)
        found |= dict.fromkeys(names, names)
    assert getattr(found["bars"]["bars"], "num_rows") > 0  # noqa: B009 (typed as object)
    assert float(str(found["shares"]["shares"])) > 0
    assert len(list(found["returns"]["returns"].index)) == 5  # type: ignore[attr-defined]
    weekly: Any = found["weekly"]["weekly"]
    assert 1 <= len(weekly.index) <= 2
    assert str(weekly.index[-1].date()) >= days[-1]
    assert found["turnover"]["turnover"].height == 20  # type: ignore[attr-defined]
    assert len(found["spread"]["spread"]) > 0  # type: ignore[arg-type]
    assert getattr(found["history"]["history"], "num_rows") == len(days)  # noqa: B009 (typed as object)
    quarters, grid = (found[name][name] for name in ("quarters", "grid"))
    assert getattr(quarters, "height") > 0  # noqa: B009 (typed as object)
    assert getattr(grid, "num_rows") > 0  # noqa: B009
    found_as_of: Any = found["as_of"]["as_of"]
    assert 0 < len(found_as_of) <= 3_000
    assert (found_as_of["bid_price"] > 0).all()
    found_joined: Any = found["joined"]["joined"]
    assert found_joined.height == demo.place.open().scan("stocks_trades", days[-1]).count_rows()
    both = found_joined.filter((found_joined["bid_price"] > 0) & (found_joined["ask_price"] > 0))
    assert both.height == len(found_as_of), "the two libraries find the same quotes"
    adjusted, matrix = found["matrix"]["closes_adjusted"], found["matrix"]["matrix"]
    assert list(adjusted.columns) == ["AAPL", "MSFT"]  # type: ignore[attr-defined]
    assert matrix.columns == ["date", "AAPL", "MSFT"]  # type: ignore[attr-defined]
    assert matrix["AAPL"].to_list() == adjusted["AAPL"].to_list()  # type: ignore[index]
    raw = demo.place.open().scan("stocks_daily", days[0], days[0]).to_table().to_pylist()
    assert adjusted["AAPL"].iloc[0] == {row["ticker"]: row["close"] for row in raw}["AAPL"] / 4  # type: ignore[index]
    five: Any = found["five_minutes"]["five_minutes"].drop_nulls()  # type: ignore[attr-defined]
    assert five.height > 10
    assert five.filter((five["low"] > five["open"]) | (five["open"] > five["high"])).height == 0
    chain: Any = found["chain"]["chain"]
    assert chain["ticker"].str.startswith("ES").all()
    assert chain["expiry"].is_monotonic_increasing
    assert len(chain) > 2


def test_bars_from_trades_leave_out_what_the_table_of_conditions_says() -> None:
    """The table is the SIPs', as the vendor's glossary has it; the recipe has its numbers in three lists."""
    page = DOCS / "reading.md"
    (recipe,) = [each for each in blocks(page, "python") if "list_has_any" in each]
    lists = re.findall(r"list_has_any\(conditions, \[([0-9, ]+)\]\)", recipe)
    not_range, not_ends, not_volume = ({int(code) for code in each.split(",")} for each in lists)
    rows = re.findall(
        r"^\| (\d.*) \| (yes|no) \| (yes|no) \| (yes|no) \|$", (DOCS / "reading.md").read_text(), re.MULTILINE
    )
    said = {tuple(answers): {int(code) for code in re.findall(r"\d+", text)} for text, *answers in rows}
    assert said == {
        ("yes", "no", "yes"): {5, 10, 22, 29, 33},
        ("no", "no", "yes"): {2, 7, 12, 13, 20, 21, 37, 52, 53},
        ("no", "no", "no"): {15, 16},
        ("yes", "yes", "no"): {38},
    }
    assert not_range == said["no", "no", "yes"] | said["no", "no", "no"]
    assert not_ends == said["yes", "no", "yes"]
    assert not_volume == said["no", "no", "no"] | said["yes", "yes", "no"]


@pytest.mark.parametrize("page", [*PAGES, ROOT / "README.md", ROOT / "examples/README.md"], ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for target, heading in re.findall(r"\]\((?!https?://)([^)#]+)#?([^)]*)\)", page.read_text()):
        assert (page.parent / target).exists(), target
        if heading:
            headings = re.findall(r"^#+ (.+)$", (page.parent / target).read_text(), re.MULTILINE)
            assert heading in {each.lower().replace(" ", "-") for each in headings}, heading


def test_generated_pages_follow_from_the_code() -> None:
    spec = importlib.util.spec_from_file_location("document", ROOT / "tools/document.py")
    assert spec
    assert spec.loader
    document = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(document)
    for name, page in document.PAGES.items():
        assert (DOCS / name).read_text() == page(), f"python tools/document.py writes docs/{name} anew"


def test_modules_that_pages_name_are_there() -> None:
    folders = [ROOT / name for name in ("polygon_assets", "polygon_assets_tests", "tools", "benchmarks", "examples")]
    modules = [f"/{path.relative_to(ROOT).as_posix()}" for folder in folders for path in folder.rglob("*.py")]
    pages = [*DOCS.rglob("*.md"), *ROOT.glob("*.md")]
    named = [
        (page.name, name) for page in pages if page.name != "CHANGELOG.md"
        for name in re.findall(r"`([\w./-]+\.py)`", page.read_text())
    ]  # fmt: skip
    assert len(named) > 15
    assert [(page, name) for page, name in named if not any(path.endswith(f"/{name}") for path in modules)] == []
