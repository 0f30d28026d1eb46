"""The demo's surroundings: its own folder and an environment in which nothing of the user's can be reached.

Belongs here: what keeps made-up prices out of a user's store. Does not: what the demo does (``demo``).
"""

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import chdir, contextmanager
from dataclasses import dataclass
from pathlib import Path

from polygon_assets.datasets import SPECIFIED
from polygon_assets.errors import InvalidInputError
from polygon_assets.sample.local_s3 import LocalS3
from polygon_assets.settings import PREFIX, variable
from polygon_assets.store.marker import mark_made_up

_FOREIGN = (PREFIX, "DAGSTER_", "AWS_")
DEMO = (*SPECIFIED, "stocks_trades", "stocks_quotes", "crypto_trades", "futures_cme_minute")
"""The datasets that the demo shows: four asset classes, minutes and ticks."""
_HERE = "127.0.0.1,localhost"


@dataclass(frozen=True)
class DemoFolder:
    """Where the demo keeps everything."""

    root: Path
    """Absolute."""

    @property
    def store(self) -> Path:
        """The demo's Parquet."""
        return self.root / "store"

    @property
    def dagster_home(self) -> Path:
        """The demo's Dagster history."""
        return self.root / "dagster_home"

    @property
    def state(self) -> Path:
        """What the demo remembers of its store; the user's own memory is not touched."""
        return self.root / "state"


@contextmanager
def fresh_folder(path: Path) -> Iterator[DemoFolder]:
    """The demo's folder, its store and history emptied: they hold made-up days of another day, or half of them.

    Raises:
        InvalidInputError: another demo runs in it.
    """
    folder = DemoFolder(path.absolute())
    folder.root.mkdir(parents=True, exist_ok=True)
    with (folder.root / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise InvalidInputError(
                f"Another demo runs in {folder.root}: stop it first (Ctrl-C where it runs)."
            ) from None
        for own in (folder.store, folder.dagster_home, folder.state):
            if own.is_symlink():
                own.unlink()
            elif own.exists():
                shutil.rmtree(own)
        yield folder


@contextmanager
def demo_environment(folder: DemoFolder, server: LocalS3, first_day: str) -> Iterator[None]:
    """Give this process, and those it starts, the demo's environment and folder; afterwards its own again.

    Store and Dagster's home say from then on that their days are made up.

    The working folder changes too: Dagster lets a ``.env`` file there override the environment.
    """
    before = dict(os.environ)
    for name in [name for name in before if name.startswith(_FOREIGN)]:
        del os.environ[name]
    os.environ.update(made_up_place(folder, server, first_day))
    try:
        with chdir(folder.root):
            yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def made_up_place(folder: DemoFolder, server: LocalS3, first_day: str) -> dict[str, str]:
    """The variables by which a program finds ``server`` and ``folder``.

    Store and Dagster's home say from then on that their days are made up.
    """
    for own in (folder.store, folder.dagster_home):
        mark_made_up(own)
    return {
        variable("access_key_id"): server.access_key_id,
        variable("secret_access_key"): server.secret_access_key,
        variable("endpoint_url"): server.endpoint_url,
        variable("store"): str(folder.store),
        variable("history_start"): first_day,
        variable("datasets"): ",".join(DEMO),
        "DAGSTER_HOME": str(folder.dagster_home),
        "XDG_STATE_HOME": str(folder.state),
        "NO_PROXY": _HERE,
        "no_proxy": _HERE,
    }
