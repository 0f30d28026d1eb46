"""The application: how its help reads, and how an error ends a command: one line with its remedy, and an exit code.

Belongs here: errors that nobody translated nearer to their cause. Does not: the project's own errors' words
(``polygon_assets.errors``), which are shown as they are.
"""

import atexit
import gc
import re
import sys
import traceback
from importlib.metadata import version
from typing import Annotated, Any

import typer
from typer.core import TyperArgument, TyperCommand, TyperGroup, TyperOption

from polygon_assets.cli import commands, console
from polygon_assets.cli.full_disk import full_disk
from polygon_assets.errors import InvalidInputError, MissingCredentialsError, PolygonAssetsError, UnavailableError

_LONGEST = 400


def explain(error: BaseException) -> tuple[str, int]:
    """The line that says what happened and what helps, and the exit code."""
    if isinstance(error, InvalidInputError | MissingCredentialsError):
        return str(error), console.UNUSABLE
    if isinstance(error, typer.TyperException):
        return _misused(error), console.UNUSABLE
    if full := full_disk(error):
        return f"{full} Free space, then run the command again.", console.FAILED
    if isinstance(error, UnavailableError):
        return f"{error} What can be reached from here: polygon-assets doctor", console.FAILED
    return str(error) if isinstance(error, PolygonAssetsError) else _foreign(error), console.FAILED


def _misused(error: typer.TyperException) -> str:
    """What typer has to say of an option or argument; its classes for that are not public."""
    told: str = getattr(error, "format_message", error.__str__)()
    for theirs, ours in _NUMBERS:
        told = theirs.sub(ours, told)
    context = getattr(error, "ctx", None)
    return f"{_line(told)} See: {context.command_path if context else 'polygon-assets'} --help"


_NUMBERS = (
    (re.compile(r"Input should be a valid integer\b.*"), "it has to be a whole number"),
    (re.compile(r"Input should be greater than or equal to (\S+)"), r"it has to be at least \1"),
    (re.compile(r"Input should be less than or equal to (\S+)"), r"it has to be at most \1"),
    (re.compile(r"Value error, "), ""),
)
"""Pydantic's words, which typer repeats."""


def _foreign(error: BaseException) -> str:
    """An error that nobody translated."""
    if isinstance(error, PermissionError):
        remedy = "Fix the permissions, or choose another place: POLYGON_STORE, DAGSTER_HOME."
        return f"Not permitted: {_line(error)} {remedy}"
    if isinstance(error, OSError):
        return f"This machine: {_line(error)} Check POLYGON_STORE and DAGSTER_HOME."
    if type(error).__module__.startswith(("dagster", "sqlalchemy")):
        return f"Dagster's history: {_line(error)} Check dagster.yaml in DAGSTER_HOME, and what it points to."
    return (
        f"unexpected {type(error).__name__}: {_line(error)} A fault of this program, not yours: run the command "
        "again with --debug and report the traceback."
    )


def _line(error: BaseException | str) -> str:
    """The message in one line that ends with a full stop."""
    text = " ".join(str(error).split()).partition(" [SQL:")[0] or type(error).__name__
    text = text if len(text) <= _LONGEST else text[:_LONGEST] + "…"
    return text if text.endswith((".", "…", "!", "?")) else f"{text}."


def _plain(parameters: list[Any]) -> list[Any]:
    """Typer 0.29 writes <bool> behind each flag, its own --help among them, and <str> behind each argument."""
    for each in parameters:
        if isinstance(each, TyperOption) and each.is_flag:
            each.metavar = ""
        elif isinstance(each, TyperArgument):
            each.display_type_rich = _no_type  # type: ignore[method-assign]
    return parameters


def _no_type(ctx: Any) -> None:  # noqa: ARG001 (typer calls it by that name)
    return None


class Command(TyperCommand):
    """A command whose help is plain."""

    def get_params(self, ctx: Any) -> list[Any]:
        """Its parameters, --help included."""
        return _plain(super().get_params(ctx))

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        """The words of the usage line; typer puts what is required into braces."""
        return [piece.replace("{", "").replace("}", "") for piece in super().collect_usage_pieces(ctx)]


class Group(TyperGroup):
    """The application's own options, the same way."""

    def get_params(self, ctx: Any) -> list[Any]:
        """Its parameters, --help included."""
        return _plain(super().get_params(ctx))

    def invoke(self, ctx: Any) -> Any:
        """Run the command; where nobody reads its output any more, it ends as if it had been printed."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            if console.reader_left():
                console.out.on_broken_pipe()
            raise


class Application(typer.Typer):
    """A Typer of such commands."""

    def command(self, *arguments: Any, **options: Any) -> Any:
        """Add a command."""
        return super().command(*arguments, **{"cls": Command, **options})


DEBUG = "--debug"

app = Application(
    name="polygon-assets",
    cls=Group,
    help="Polygon.io (Massive) flat files as checked, typed Parquet, on Dagster.",
    epilog="Exit codes: 0 done · 1 something failed and is named · 2 the call is invalid · "
    "130 interrupted (Ctrl-C) · 141 nobody reads its output any more · 143 terminated. "
    "Settings are environment variables; see docs/configuration.md.",
    invoke_without_command=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
commands.register(app)


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
    else:
        from polygon_assets.settings import load_environment_file, unknown_variables  # noqa: PLC0415 (pydantic is slow)

        load_environment_file()
        for name, meant in unknown_variables().items():
            if meant:  # others may be another program's; doctor names them
                console.warn(f"{name} is set, and is no setting: {meant} may be meant.")


def _leave_objects() -> None:
    """Keep Python's last collection from what needs no collecting: where Dagster was imported, it takes a second.

    DuckDB counts what is left of it, and calls it leaked.
    """
    if "duckdb" not in sys.modules:
        gc.freeze()


def _as_argument(text: str) -> str:
    """``text``; a query that begins with a comment is no option."""
    return f" {text}" if text[:2] == "--" and text[2:3].isspace() else text


def main() -> None:
    """Run the command line; an error becomes one line and an exit code."""
    atexit.register(_leave_objects)
    arguments = [_as_argument(each) for each in sys.argv[1:] if each != DEBUG]
    try:
        sys.exit(app(arguments, prog_name="polygon-assets", standalone_mode=False))
    except KeyboardInterrupt:
        sys.exit(console.INTERRUPTED)
    except Exception as error:  # noqa: BLE001 (the last that can explain it)
        message, code = explain(error)
        if DEBUG in sys.argv:  # through the console: what a file or a ticker holds must not steer the terminal
            console.messages.print("".join(traceback.format_exception(error)), soft_wrap=True)
        console.fail(message)
        sys.exit(code)
