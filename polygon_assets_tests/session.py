"""What holds for every test, as a pytest plugin: a clean environment, in CI no skips, and who runs what when."""

import atexit
import gc
import os
import shutil
import signal
import tempfile
from collections import Counter
from collections.abc import Generator, Sequence
from pathlib import Path
from typing import Any, TypeVar

import pytest

Report = TypeVar("Report", pytest.TestReport, pytest.CollectReport)

NO_SKIPS = "POLYGON_ASSETS_NO_SKIPS"
HEAVY = frozenset({"cluster", "ui", "site", "test_demo.py", "test_dev.py"})
"""Folders and modules that start a whole platform: two at once would starve each other on two cores."""
SERVERS = frozenset({"s3_server", "origin", "proxy", "platform", "vendor", "place", "fresh_home", "cluster", "served"})
"""Fixtures that start a server, or write a store or a Dagster home."""
STATE = "XDG_STATE_HOME"
"""Names the folder in which it is remembered which stores there are."""
FOREIGN = ("POLYGON_", "DAGSTER_", "AWS_", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "COLUMNS")
"""Beginnings of what is the user's own; ``COLUMNS`` is the width of the terminal, also in pytest's workers."""


def pytest_configure(config: pytest.Config) -> None:
    """Take the user's subscription, instance and proxies out of reach: tests talk to this machine alone."""
    config.addinivalue_line("markers", "slow: takes seconds, or starts processes that do; begun first")
    config.addinivalue_line("markers", "locked: holds for the locked versions of others' packages alone")
    config.addinivalue_line("markers", "integration: needs a server, a store or a Dagster home; by its fixtures")
    for name in list(os.environ):
        if name.upper().startswith(FOREIGN) and name != NO_SKIPS:
            del os.environ[name]
    gc.set_threshold(20_000, 20, 50)
    os.environ[STATE] = tempfile.mkdtemp(prefix="polygon-assets-tests-")
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # a shell's background job; children would inherit it
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_finish(session: pytest.Session) -> None:
    """Leave what was imported to itself: looking for garbage in Dagster again and again is an eighth of the CPU."""
    gc.freeze()
    if hasattr(session.config, "workerinput"):  # has told all by then, and taking Dagster down takes a second
        atexit.register(os._exit, 0)
    else:
        atexit.register(gc.unfreeze)  # DuckDB counts what was not taken down, and complains


def pytest_unconfigure() -> None:
    """Forget the tests' stores."""
    shutil.rmtree(os.environ.pop(STATE, ""), ignore_errors=True)


def group(nodeid: str) -> str:
    """What stays in one worker: a module, for the servers that its tests share, and the heavy suites together.

    >>> group("polygon_assets_tests/ui/test_pages.py::test_it"), group("core/test_settings.py::test_it")
    ('heavy', 'core/test_settings.py')
    """
    module = nodeid.partition("::")[0]
    return "heavy" if HEAVY.intersection(Path(module).parts) else module


def pytest_itemcollected(item: pytest.Item) -> None:
    """Mark what needs a server, by its fixtures."""
    if SERVERS.intersection(getattr(item, "fixturenames", ())):
        item.add_marker(pytest.mark.integration)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the groups that have slow tests: a worker that began them last would be waited for."""
    slow = {group(item.nodeid) for item in items if item.get_closest_marker("slow")}
    sizes = Counter(group(item.nodeid) for item in items)

    def rank(item: pytest.Item) -> tuple[bool, bool, int]:
        name = group(item.nodeid)
        return name != "heavy", name not in slow, -sizes[name]

    items.sort(key=rank)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Schedule by ``group``, in the order above; xdist 3.8 reads its own marks for groups no more under pytest 9.2."""
    config.option.loadscopereorder = False
    from xdist.scheduler import LoadScopeScheduling  # type: ignore[import-untyped]  # noqa: PLC0415 (only then is it there)

    class ByGroup(LoadScopeScheduling):  # type: ignore[misc]
        def _split_scope(self, nodeid: str) -> str:
            return group(nodeid)

    return ByGroup(config, log)


@pytest.fixture(scope="session")
def shared_folder(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Path:
    """A folder that all workers of this run share; it is removed like other temporary folders."""
    own = tmp_path_factory.getbasetemp()
    return own.parent if hasattr(request.config, "workerinput") else own


def is_ci() -> bool:
    """May nothing be skipped? Then nothing is cut short either."""
    return os.environ.get(NO_SKIPS) == "1"


def in_ci(count: int) -> int:
    """``count`` of drawn examples in CI, and half as many for people, each run with others."""
    return count if is_ci() else count // 2


def is_asked_for(config: pytest.Config, folder: Path) -> bool:
    """Is a folder or module too slow for every day to run: named on the command line, or nothing may be skipped?"""
    named = any(folder.name in Path(argument.partition("::")[0]).parts for argument in config.args)
    return named or is_ci()


def skip_suite(items: Sequence[pytest.Item], folder: Path, reason: str) -> None:
    """Skip every test in ``folder``, and say why."""
    for item in items:
        if folder in item.path.parents:
            item.add_marker(pytest.mark.skip(reason=reason))


def _fail_instead_of_skip(report: Report) -> Report:
    if is_ci() and report.skipped and not hasattr(report, "wasxfail"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
        report.outcome = "failed"
        report.longrepr = f"{reason} (nothing may be skipped here: {NO_SKIPS}=1)"
    return report


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A test that skips itself."""
    return _fail_instead_of_skip((yield))


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """A module that skips itself as a whole."""
    return _fail_instead_of_skip((yield))
