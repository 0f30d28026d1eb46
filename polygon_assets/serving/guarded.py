"""Dagster's own programs with the guard around what they serve.

    python -m polygon_assets.serving.guarded webserver …    as dagster-webserver
    python -m polygon_assets.serving.guarded dev …          as dagster dev

Neither can be told of middleware: the one function that makes the application, and the one that starts the webserver
of ``dagster dev``, are replaced. Both are looked for by name, and not found is an error, never an unguarded server.
Belongs here: these two places. Does not: what the guard refuses (``web_guard``).
"""

import sys
from collections.abc import Callable, Sequence
from typing import Any

from polygon_assets.errors import ConfigurationMissingError, InvalidInputError
from polygon_assets.serving.web_guard import WebGuard
from polygon_assets.settings import load_settings

_WEBSERVER = ["-m", "dagster_webserver"]
_GUARDED = ["-m", "polygon_assets.serving.guarded", "webserver"]
DEFAULT_PORT = 3000


def main(arguments: Sequence[str]) -> None:
    """Run ``webserver`` or ``dev`` with the rest of ``arguments``, which are Dagster's."""
    programs: dict[str, Callable[[list[str]], None]] = {"webserver": _webserver, "dev": _dev}
    name, *rest = arguments or [""]
    if name not in programs:
        raise InvalidInputError(f"Invalid program: {name!r}; choose one of {', '.join(programs)}")
    programs[name](rest)


def _webserver(arguments: list[str]) -> None:
    from dagster_webserver import cli  # noqa: PLC0415 (slow, and only here)

    make, hosts = _attribute(cli, "create_app_from_workspace_process_context"), load_settings().ui_hosts
    port = _port(arguments)

    def make_guarded(*positional: Any, **named: Any) -> WebGuard:
        return WebGuard(make(*positional, **named), port, hosts)

    vars(cli)["create_app_from_workspace_process_context"] = make_guarded
    if not any(argument in {"-p", "--port"} for argument in arguments):
        arguments += ["--port", str(port)]
    cli.cli(arguments, auto_envvar_prefix="DAGSTER_WEBSERVER")


def _dev(arguments: list[str]) -> None:
    from dagster._cli import dev  # noqa: PLC0415 (slow, and only here)
    from dagster._cli import main as dagster  # noqa: PLC0415

    start = _attribute(dev, "open_ipc_subprocess")

    def start_guarded(command: Sequence[str], **named: Any) -> Any:
        program, *rest = command
        if rest[:2] == _WEBSERVER:
            rest = [*_GUARDED, *rest[2:]]
        elif any("webserver" in part for part in rest[:2]):
            raise ConfigurationMissingError(f"dagster dev starts its webserver otherwise than known: {rest[:2]}")
        return start([program, *rest], **named)

    vars(dev)["open_ipc_subprocess"] = start_guarded
    sys.argv = ["dagster", "dev", *arguments]
    dagster()  # type: ignore[no-untyped-call]


def _attribute(module: Any, name: str) -> Any:
    try:
        return getattr(module, name)
    except AttributeError:
        raise ConfigurationMissingError(
            f"{module.__name__} has no {name}: this version of Dagster cannot be guarded; install the pinned one"
        ) from None


def _port(arguments: Sequence[str]) -> int:
    """The port that Dagster will be told; without one it would choose another where its own is taken."""
    for number, argument in enumerate(arguments):
        if argument in {"-p", "--port"} and number + 1 < len(arguments):
            return int(arguments[number + 1])
        if argument.startswith("--port="):
            return int(argument.partition("=")[2])
    return DEFAULT_PORT


if __name__ == "__main__":
    main(sys.argv[1:])
