"""How ``--help`` reads: what takes no value has no type, and an argument is called by its name.

Belongs here: what typer shows too much. Does not: the texts, which stand with their commands.
"""

from typing import Any

import typer
from typer.core import TyperArgument, TyperCommand, TyperGroup, TyperOption


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
        return [piece.strip("{}") for piece in super().collect_usage_pieces(ctx)]


class Group(TyperGroup):
    """The application's own options, the same way."""

    def get_params(self, ctx: Any) -> list[Any]:
        """Its parameters, --help included."""
        return _plain(super().get_params(ctx))


class Application(typer.Typer):
    """A Typer of such commands."""

    def command(self, *arguments: Any, **options: Any) -> Any:
        """Add a command."""
        return super().command(*arguments, **{"cls": Command, **options})
