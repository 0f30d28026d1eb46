"""What an index shows of the package: the README with links that lead somewhere from there, and the project's URLs.

The repository's address stands in PROJECT_REPOSITORY while a release is built. Without one, as in a clone, links into
the repository become their text, and its pictures are left out: on an index they would be broken.
"""

import os
import re
from pathlib import Path
from typing import Any

from hatchling.metadata.plugin.interface import MetadataHookInterface

REPOSITORY = "PROJECT_REPOSITORY"
_PICTURE = re.compile(r"!\[([^\]]*)\]\((?!https?:)([^)]+)\)\n*")
_LINK = re.compile(r"(?<!!)\[([^\]]*)\]\((?!https?:|#)([^)]+)\)")


def readme(text: str, repository: str, version: str) -> str:
    """The README for an index: pictures and links of the repository as of the release, or none."""
    if not repository:
        return _LINK.sub(r"\1", _PICTURE.sub("", text))
    text = _PICTURE.sub(rf"![\1]({repository}/raw/v{version}/\2)\n\n", text)
    return _LINK.sub(rf"[\1]({repository}/blob/v{version}/\2)", text)


def addresses(repository: str, version: str) -> dict[str, str]:
    """The project's URLs; none without a repository."""
    if not repository:
        return {}
    pages = {"Documentation": "docs", "Changelog": "CHANGELOG.md"}
    return {
        "Repository": repository,
        "Issues": f"{repository}/issues",
        **{name: f"{repository}/blob/v{version}/{page}" for name, page in pages.items()},
    }


class IndexPageHook(MetadataHookInterface):
    """Gives hatchling the README and the URLs, which ``pyproject.toml`` calls dynamic."""

    def update(self, metadata: dict[str, Any]) -> None:
        """Fill in what is dynamic."""
        repository, version = os.environ.get(REPOSITORY, "").rstrip("/"), metadata["version"]
        text = Path(self.root, "README.md").read_text(encoding="utf-8")
        metadata["readme"] = {"content-type": "text/markdown", "text": readme(text, repository, version)}
        metadata["urls"] = addresses(repository, version)
