"""What holds for every test, as a pytest plugin: a clean environment, and in CI no skips."""

import os
from collections.abc import Generator, Sequence
from pathlib import Path
from typing import TypeVar

import pytest

Report = TypeVar("Report", pytest.TestReport, pytest.CollectReport)

NO_SKIPS = "POLYGON_ASSETS_NO_SKIPS"
HEAVY = frozenset({"cluster", "ui", "test_daemon.py", "test_demo.py"})
"""Folders and modules that start a whole platform: two at once would starve each other on two cores."""
FOREIGN = ("POLYGON_", "DAGSTER_", "AWS_", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")


def pytest_configure() -> None:
    """Take the user's subscription, instance and proxies out of reach: tests talk to this machine alone."""
    for name in list(os.environ):
        if name.upper().startswith(FOREIGN) and name != NO_SKIPS:
            del os.environ[name]


@pytest.hookimpl(tryfirst=True)  # xdist reads the groups in the same hook
def pytest_collection_modifyitems(config: pytest.Config, items: Sequence[pytest.Item]) -> None:
    """Keep a module's tests in one worker, for the servers they share; the heavy suites together in a single one."""
    if config.pluginmanager.hasplugin("xdist"):
        for item in items:
            heavy = HEAVY.intersection(item.path.parts) or item.path.name in HEAVY
            item.add_marker(pytest.mark.xdist_group("heavy" if heavy else item.path.as_posix()))


def is_asked_for(config: pytest.Config, folder: Path) -> bool:
    """Is a suite too slow for every day to run: named on the command line, or nothing may be skipped?"""
    named = any(folder.name in Path(argument.partition("::")[0]).parts for argument in config.args)
    return named or os.environ.get(NO_SKIPS) == "1"


def skip_suite(items: Sequence[pytest.Item], folder: Path, reason: str) -> None:
    """Skip every test in ``folder``, and say why."""
    for item in items:
        if folder in item.path.parents:
            item.add_marker(pytest.mark.skip(reason=reason))


def _fail_instead_of_skip(report: Report) -> Report:
    if os.environ.get(NO_SKIPS) == "1" and report.skipped and not hasattr(report, "wasxfail"):
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
