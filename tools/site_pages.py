"""The pages of the site that lie outside docs/, as a hook of MkDocs: README, changelog and the like.

Links between them and docs/ are turned to where the pages lie in the site; a link to a file that is no page, such as
code, becomes its name.
"""

import posixpath
import re
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
DOCS = "docs/"
OUTSIDE = {
    "README.md": "index.md",
    **{name: name for name in ("CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md", "deploy/cluster/README.md",
                               "deploy/compose/README.md", "deploy/kubernetes/README.md", "examples/README.md")},
}  # fmt: skip
"""Where each lies in the repository, and in the site."""
LINK = re.compile(
    r"(?P<picture>!?)\[(?P<text>[^\]]*)\]\((?P<target>(?!https?:|#|mailto:)[^)#\s]+)(?P<anchor>#[^)]*)?\)"
)


def on_files(files: Any, config: Any) -> Any:
    """Add the pages."""
    from mkdocs.structure.files import File  # noqa: PLC0415 (only there when the site is made)

    for origin, page in OUTSIDE.items():
        files.append(File.generated(config, page, content=(ROOT / origin).read_text()))
    return files


def on_page_markdown(markdown: str, page: Any, files: Any, **_: Any) -> str:
    """Turn the links of one page."""
    origins = {place: origin for origin, place in OUTSIDE.items()}
    place = page.file.src_uri
    return turned(markdown, origins.get(place, DOCS + place), place, {file.src_uri for file in files})


def turned(markdown: str, origin: str, place: str, known: set[str]) -> str:
    """``markdown`` of the file ``origin``, whose page is ``place``, with links as they are in the site of ``known``.

    >>> turned("[a](docs/b.md#c), [d](../e.py)", "README.md", "index.md", {"b.md"})
    '[a](b.md#c), d'
    """

    def one(link: re.Match[str]) -> str:
        target = posixpath.normpath(posixpath.join(posixpath.dirname(origin), link["target"]))
        there = OUTSIDE.get(target, target.removeprefix(DOCS))
        if there not in known:
            return link["text"]
        relative = posixpath.relpath(there, posixpath.dirname(place) or ".")
        return f"{link['picture']}[{link['text']}]({relative}{link['anchor'] or ''})"

    return LINK.sub(one, markdown)
