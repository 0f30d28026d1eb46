"""Build the parsing kernel (polygon_assets/flatfile/kernel.c) while the package is installed or its wheel is made.

Where there is no C compiler nothing is built, and nothing fails: the platform then parses with pyarrow alone. CC names
another compiler than ``cc``.
"""

import os
import shlex
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

SOURCE = "polygon_assets/flatfile/kernel.c"
LIBRARY = "polygon_assets/flatfile/_kernel.so"
FLAGS = ["-O3", "-std=c11", "-shared", "-fPIC"]


def build(root: Path) -> bool:
    """Compile the kernel below ``root``; False, with a note on the terminal: it could not be."""
    target, part = root / LIBRARY, root / f"{LIBRARY}.{os.getpid()}.part"
    compiler = shlex.split(os.environ.get("CC") or "cc")
    try:
        subprocess.run([*compiler, *FLAGS, "-o", str(part), str(root / SOURCE)], check=True, capture_output=True)
        part.replace(target)
    except (OSError, subprocess.CalledProcessError) as error:
        part.unlink(missing_ok=True)
        target.unlink(missing_ok=True)
        said = getattr(error, "stderr", None) or str(error).encode()
        note = f"The parsing kernel was not built: {said.decode(errors='replace').strip()[:300]}"
        print(f"{note}\nEverything works without it; with a C compiler, parsing takes a third.", file=sys.stderr)
        return False
    return True


class KernelHook(BuildHookInterface[Any]):
    """Puts the library beside its source, and into the wheel, which then is one platform's."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build before hatchling collects the files; ``version`` is standard or editable."""
        if not build(Path(self.root)) or version == "editable":
            return
        platform = sysconfig.get_platform().replace("-", "_").replace(".", "_")
        build_data |= {"pure_python": False, "tag": f"py3-none-{platform}"}
        build_data["force_include"][LIBRARY] = LIBRARY
