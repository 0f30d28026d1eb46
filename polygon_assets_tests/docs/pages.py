"""The pages in docs/, and what they show: recipes and commands."""

import re
from pathlib import Path

from polygon_assets_tests.project import ROOT

DOCS = ROOT / "docs"
PAGES = sorted(DOCS.glob("*.md"))


def blocks(page: Path, language: str) -> list[str]:
    """The fenced blocks of a language, without the indentation of a list that they stand in."""
    found = re.findall(rf"^( *)```{language}\n(.*?)^\1```", page.read_text(), re.MULTILINE | re.DOTALL)
    return ["\n".join(line.removeprefix(indent) for line in body.splitlines()) for indent, body in found]


def commands(page: Path) -> list[str]:
    """The lines of a page's commands."""
    return [line for block in blocks(page, "console") for line in block.splitlines() if line.strip()]
