"""Dagster's own daemon, which looks at backfills every two seconds where it waits thirty for people.

Nothing else differs. The interval is a constant of Dagster, which is pinned to one patch.
"""

from dagster._daemon import controller
from dagster._daemon.cli import main

if __name__ == "__main__":
    controller.DEFAULT_DAEMON_INTERVAL_SECONDS = 2
    main()
