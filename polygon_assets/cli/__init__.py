"""The command line: ``polygon-assets …``; one module for each command or group of them.

Belongs here: options, output and exit codes. Does not: work that a script could want, too.

Exit codes: 0 done; 1 something failed and is named; 2 the call cannot be meant; 130 interrupted.
"""

from polygon_assets.cli.app import app, main

__all__ = ["app", "main"]
