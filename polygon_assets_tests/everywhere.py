"""What holds for every test, as a pytest plugin: a clean environment, and in CI no skips."""

import os
from collections.abc import Generator
from typing import TypeVar

import pytest

Report = TypeVar("Report", pytest.TestReport, pytest.CollectReport)

NO_SKIPS = "POLYGON_ASSETS_NO_SKIPS"
FOREIGN = ("POLYGON_", "DAGSTER_", "AWS_", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")


def pytest_configure() -> None:
    """Take the user's subscription, instance and proxies out of reach: tests talk to this machine alone."""
    for name in list(os.environ):
        if name.upper().startswith(FOREIGN) and name != NO_SKIPS:
            del os.environ[name]


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
