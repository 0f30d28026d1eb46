"""The application: which commands there are, and how an error ends one."""

import os
import sys
from typing import Annotated

import typer
from rich.markup import escape

from polygon_assets.cli import console, ingest, record, serve
from polygon_assets.errors import InvalidInputError, MissingCredentialsError, PolygonAssetsError

app = typer.Typer(
    name="polygon-assets",
    help="Polygon.io (Massive) flat files as checked, typed Parquet, on Dagster.",
    epilog="Exit codes: 0 done · 1 something failed and is named · 2 the call cannot be meant · 130 interrupted.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
ingest.register(app)
record.register(app)
serve.register(app)

_DEBUG = "POLYGON_ASSETS_DEBUG"


@app.callback()
def _options(
    *, debug: Annotated[bool, typer.Option("--debug", help="Show a traceback where a command fails.")] = False
) -> None:
    if debug:
        os.environ[_DEBUG] = "1"


def main() -> None:
    """Run the command line; errors of this project become one line and an exit code."""
    try:
        app()
    except KeyboardInterrupt:
        console.messages.print("interrupted")
        sys.exit(console.INTERRUPTED)
    except PolygonAssetsError as error:
        if os.environ.get(_DEBUG):
            raise
        console.fail(escape(str(error)))
        unusable = isinstance(error, InvalidInputError | MissingCredentialsError)
        sys.exit(console.UNUSABLE if unusable else console.FAILED)
