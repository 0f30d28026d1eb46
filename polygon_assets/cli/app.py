"""The application: which commands there are, and how an error ends one."""

import sys
from typing import Annotated

import typer
from rich.markup import escape

from polygon_assets.cli import bucket, console, doctor, ingest, record, serve, sql, status, verify
from polygon_assets.cli.failures import explain
from polygon_assets.settings import load_environment_file

DEBUG = "--debug"

app = typer.Typer(
    name="polygon-assets",
    help="Polygon.io (Massive) flat files as checked, typed Parquet, on Dagster.",
    epilog="Exit codes: 0 done · 1 something failed and is named · 2 the call cannot be meant · "
    "130 interrupted (Ctrl-C) · 143 terminated. Settings are environment variables; see docs/configuration.md.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for module in (serve, doctor, ingest, status, bucket, verify, sql, record):
    module.register(app)


@app.callback()
def _options(
    *,
    debug: Annotated[bool, typer.Option(DEBUG, help="Show a traceback where a command fails; goes anywhere.")] = False,
) -> None:
    """Declare ``--debug``, which ``main`` has taken out already."""


def main() -> None:
    """Run the command line; an error becomes one line and an exit code."""
    arguments = [argument for argument in sys.argv[1:] if argument != DEBUG]
    try:
        load_environment_file()
        app(arguments, prog_name="polygon-assets")
    except KeyboardInterrupt:
        sys.exit(console.INTERRUPTED)
    except Exception as error:
        if DEBUG in sys.argv:
            raise
        message, code = explain(error)
        console.fail(escape(message))
        sys.exit(code)
