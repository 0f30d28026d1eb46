"""The application: which commands there are, and how an error ends one."""

import sys
from importlib.metadata import version
from typing import Annotated

import typer
from rich.markup import escape

from polygon_assets.cli import bucket, console, doctor, ingest, record, rollup, serve, sql, status, verify
from polygon_assets.cli.failures import explain
from polygon_assets.cli.help import Application, Group
from polygon_assets.settings import load_environment_file

DEBUG = "--debug"

app = Application(
    name="polygon-assets",
    cls=Group,
    help="Polygon.io (Massive) flat files as checked, typed Parquet, on Dagster.",
    epilog="Exit codes: 0 done · 1 something failed and is named · 2 the call cannot be meant · "
    "130 interrupted (Ctrl-C) · 143 terminated. Settings are environment variables; see docs/configuration.md.",
    invoke_without_command=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for module in (serve, doctor, ingest, status, bucket, verify, sql, rollup, record):
    module.register(app)


def _print_version(wanted: bool) -> None:
    if wanted:
        console.out.print(f"polygon-assets {version('polygon-assets')}")
        raise typer.Exit


@app.callback()
def _options(
    context: typer.Context,
    *,
    _debug: Annotated[bool, typer.Option(DEBUG, help="Show a traceback where a command fails; goes anywhere.")] = False,
    _version: Annotated[
        bool, typer.Option("--version", help="Show the version.", callback=_print_version, is_eager=True)
    ] = False,
) -> None:
    """Declare ``--debug``, which ``main`` has taken out already; print help where no command is named."""
    if context.invoked_subcommand is None:
        console.out.print(context.get_help())


def main() -> None:
    """Run the command line; an error becomes one line and an exit code."""
    arguments = [argument for argument in sys.argv[1:] if argument != DEBUG]
    try:
        load_environment_file()
        sys.exit(app(arguments, prog_name="polygon-assets", standalone_mode=False))
    except KeyboardInterrupt:
        sys.exit(console.INTERRUPTED)
    except Exception as error:
        if DEBUG in sys.argv:
            raise
        message, code = explain(error)
        console.fail(escape(message))
        sys.exit(code)
