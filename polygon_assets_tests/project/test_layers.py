"""Imports point one way, and importing does nothing."""

import ast
import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from polygon_assets_tests.project import ROOT

PACKAGE = "polygon_assets"
LAYERS = (
    {
        "",
        "addresses",
        "calendars",
        "datasets",
        "errors",
        "expansion",
        "termination",
        "filters",
        "lazy",
        "log_redaction",
        "session_table",
        "settings",
        "wording",
    },
    {"download", "flatfile"},
    {"store"},
    {"ingest"},
    {"reference"},
    {"reading"},
    {"orchestration"},
    {"serving", "definitions"},
)
ON_THE_SIDE = {"cli", "sample"}
WITHOUT_DAGSTER = set().union(*LAYERS[:6])
SHORTEST_MODULE, LONGEST_MODULE = 40, 420
SHORT = {
    "definitions.py": "one call",
    "expansion.py": "one bound",
    "cli/__main__.py": "one call",
    "flatfile/limits.py": "a few numbers",
    "orchestration/celery_worker.py": "what Celery imports",
    "serving/own_history.py": "one rule",
    "sample/flat_files.py": "what everything else here is for",
    "reading/absent.py": "a few words",
    "sample/s3_server.py": "a process of its own",
    "wording.py": "two words",
}
"""Modules that are shorter for the reason given."""
LEANING = {
    "orchestration/dagster_internals.py": "what assets, sensors and commands need of it",
    "orchestration/sqlite_storage.py": "the history that `polygon-assets dev` keeps",
    "orchestration/postgres_storage.py": "a storage of the extra `cluster`",
    "orchestration/celery_launcher.py": "a launcher of the extra `cluster`",
    "serving/guarded.py": "Dagster's programs, guarded",
}
"""Modules that import what is private to Dagster."""
MOST_MODULES = 14

MODULES = sorted((ROOT / PACKAGE).rglob("*.py"))
ROOMS = {""} | {path.stem for path in (ROOT / PACKAGE).iterdir() if path.suffix == ".py" or path.is_dir()} - {
    "__init__", "__pycache__",
}  # fmt: skip


def room_of(path: Path) -> str:
    """The part of the package that a file belongs to; empty for the package's own ``__init__``."""
    first = path.relative_to(ROOT / PACKAGE).parts[0]
    return first.removesuffix(".py").removesuffix("__init__")


def imports(path: Path) -> Iterator[str]:
    """Every module that a file imports, wherever in it, by its full name."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: a relative import"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def imported_rooms(path: Path) -> set[str]:
    """The parts of the package that a file imports from."""
    names = [name.split(".") for name in imports(path) if name.split(".")[0] == PACKAGE]
    return {name[1] if len(name) > 1 and name[1] in ROOMS else "" for name in names}


def layer(room: str) -> int:
    return next(number for number, rooms in enumerate(LAYERS) if room in rooms)


def test_every_room_has_its_place() -> None:
    known = {room for rooms in LAYERS for room in rooms}
    assert not ROOMS - known - ON_THE_SIDE


def violations(path: Path) -> Iterator[str]:
    """What a module imports although it may not."""
    room = room_of(path)
    if room in ON_THE_SIDE or path == ROOT / PACKAGE / "__init__.py":  # the public surface, lazy: see the last test
        return
    yield from (each for each in imported_rooms(path) if each in ON_THE_SIDE or layer(each) > layer(room))
    if room in WITHOUT_DAGSTER:
        yield from (name for name in imports(path) if name.split(".")[0].startswith("dagster"))


def test_imports_point_one_way() -> None:
    found = {str(path.relative_to(ROOT)): sorted(violations(path)) for path in MODULES}
    assert len(found) > 20
    assert {path: names for path, names in found.items() if names} == {}


def test_what_dagster_does_not_promise_is_asked_for_in_few_places() -> None:
    """Each patch of Dagster may change it: a module that leans on it is named here, and tried on all of them."""
    found = {
        str(path.relative_to(ROOT / PACKAGE))
        for path in MODULES
        for name in imports(path)
        if name.startswith("dagster") and any(part.startswith("_") for part in name.split("."))
    }
    assert found == set(LEANING)


def test_a_module_is_one_idea() -> None:
    lines = {str(path.relative_to(ROOT / PACKAGE)): len(path.read_text().splitlines()) for path in MODULES}
    assert {path: count for path, count in lines.items() if count > LONGEST_MODULE} == {}
    short = {path for path, count in lines.items() if count < SHORTEST_MODULE and not path.endswith("__init__.py")}
    assert short == set(SHORT)


def test_a_package_is_one_subject() -> None:
    counts = Counter(path.parent for path in MODULES if path.stem not in {"__init__", "__main__"})
    assert {str(folder): count for folder, count in counts.items() if count > MOST_MODULES} == {}


def test_no_name_stands_in_two_packages() -> None:
    counts = Counter(path.stem for path in MODULES if path.stem not in {"__init__", "__main__"})
    assert {name for name, count in counts.items() if count > 1} == set()


def test_each_package_says_where_to_go_for_what() -> None:
    for init in (path for path in MODULES if path.stem == "__init__" and path.parent.name != "cli"):
        said = ast.get_docstring(ast.parse(init.read_text())) or ""
        for module in init.parent.glob("*.py"):
            assert module.stem in {"__init__", "__main__"} or module.name in said, f"{init} does not name {module.name}"


def test_tests_import_builders_and_not_each_other() -> None:
    tests = sorted((ROOT / "polygon_assets_tests").rglob("*.py"))
    found = {
        str(path.relative_to(ROOT)): name
        for path in tests
        for name in imports(path)
        if name.startswith("polygon_assets_tests.") and any(part.startswith("test_") for part in name.split("."))
    }
    assert len(tests) > 100
    assert found == {}


# Third parties read variables of their own, and open a socket (urllib3 looks for IPv6). This project may not.
WATCH = """
import json, logging, os, sys, threading
read, talked = [], []

def culprit():
    frame = sys._getframe(2)
    while frame.f_code.co_filename in (os.__file__, "<frozen os>", "<frozen _collections_abc>"):
        frame = frame.f_back
    return frame.f_globals.get("__name__", "").split(".")[0]

def watched(name):
    original = getattr(os._Environ, name)
    def method(self, *arguments):
        compiled = arguments and arguments[0].startswith("PYARROW_")  # has no frame of its own
        if culprit() in ("polygon_assets", "pydantic_settings") and not compiled:
            read.append([name, *map(str, arguments)])
        return original(self, *arguments)
    setattr(os._Environ, name, method)

for name in ("__getitem__", "__iter__", "copy"):
    watched(name)
sys.addaudithook(lambda event, _: talked.append(event) if event in (
    "socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "socket.sendto", "urllib.Request") else None)
__import__(sys.argv[1])
print(json.dumps({"read": read, "talked": talked, "handlers": len(logging.getLogger().handlers),
    "threads": threading.active_count(), "dagster": "dagster" in sys.modules}))
"""


@pytest.mark.slow
@pytest.mark.parametrize("module", ["polygon_assets", "polygon_assets.download", "polygon_assets.ingest"])
def test_importing_does_nothing(module: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", WATCH, module], cwd=ROOT, capture_output=True, text=True, check=True, timeout=120
    )
    assert json.loads(done.stdout) == {"read": [], "talked": [], "handlers": 0, "threads": 1, "dagster": False}
