"""What libraries do anew for each client and each instance, and the tests do once; as a pytest plugin.

Belongs here: work whose result is the same every time. Does not: anything that a test could see.
"""

import functools

import aiobotocore.httpsession
import pytest
from alembic.script import ScriptDirectory


def pytest_configure() -> None:
    """Read Dagster's ninety migrations once, and not three times for each instance; read no certificates at all."""
    patch = pytest.MonkeyPatch()
    patch.setattr(ScriptDirectory, "from_config", functools.cache(ScriptDirectory.from_config))
    patch.setattr(aiobotocore.httpsession, "get_cert_path", _no_certificates)


def _no_certificates(_verify: object) -> None:
    """The tests' servers speak plain HTTP, and loading the authorities takes 30 ms for each client."""
