"""Names that are imported when they are asked for, and pyarrow without pandas: how commands start fast.

Belongs here: how. Does not: which modules a command needs, which its own imports say.
"""

import sys
from collections.abc import Mapping
from importlib import import_module
from importlib.abc import MetaPathFinder
from typing import Any


def imported(package: str, name: str, modules: Mapping[str, str]) -> Any:
    """What ``package`` offers as ``name``, out of the module that ``modules`` says; kept there for the next time.

    Raises:
        AttributeError: it offers no such name.
    """
    if name not in modules:
        raise AttributeError(f"module {package!r} has no attribute {name!r}")
    found = getattr(import_module(modules[name]), name)
    setattr(sys.modules[package], name, found)
    return found


class _NoPandas(MetaPathFinder):
    def find_spec(self, fullname: str, path: object = None, target: object = None) -> None:  # noqa: ARG002
        if fullname == "pandas":
            raise ModuleNotFoundError(f"{fullname} is spared here", name=fullname)


def spare_pandas() -> None:
    """Have pyarrow work without pandas in this process: it imports it with its first array, for 0.3 s.

    For programs that hand nothing to pandas. Whatever else imports pandas still can.
    """
    if "pandas" in sys.modules:
        return
    finder = _NoPandas()
    sys.meta_path.insert(0, finder)
    try:
        import_module("pyarrow").scalar(0)  # looks for pandas, and never again
    finally:
        sys.meta_path.remove(finder)
