"""The command line: ``polygon-assets …``.

Where do I go to…
    add a command, or an option?                         commands.py; which datasets and days are meant: arguments.py
    change what a command does?                          work/
    change how things look on a terminal?                console.py
    change how an error ends a command?                  app.py; a full disk's: full_disk.py

Nothing here imports pyarrow, Dagster or botocore: ``--help`` and a wrong argument must not wait for them.
Exit codes: 0 done; 1 something failed and is named; 2 the call makes no sense; 130 interrupted; 141 whoever read its
output left; 143 terminated.
"""

from polygon_assets.cli.app import app, main

__all__ = ["app", "main"]
