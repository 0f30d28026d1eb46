"""``polygon-assets dev`` and ``polygon-assets demo``: the platform on the vendor's bucket, or on made-up files."""

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from polygon_assets.cli import console
from polygon_assets.cli.foreground import serve, this_command
from polygon_assets.orchestration.serving import require_free_port
from polygon_assets.settings import Settings, dagster_home, load_settings

Port = Annotated[int, typer.Option(metavar="PORT", help="Port on 127.0.0.1.", min=1, max=65535)]


def register(app: typer.Typer) -> None:
    """Add the commands to ``app``."""
    app.command("dev")(dev)
    app.command("demo")(demo)


def dev(port: Port = 3000) -> None:
    """Serve the platform on your subscription: UI, daemon and sensors, until Ctrl-C."""
    settings = load_settings()
    settings.credentials  # noqa: B018 (raises before anything starts)
    require_free_port(port)
    from polygon_assets.orchestration.home import prepare_home  # noqa: PLC0415 (Dagster's import is slow)

    home = prepare_home(dagster_home())
    command = this_command(Path.cwd())
    hints = {
        "Open": "an asset: new days come by themselves, older ones by Materialize",
        "Ask": f"{command} status, or {command} doctor where something does not work",
        "Store": settings.store_uri,
    }
    serve(home, port, hints, meanwhile=lambda: _warn_of_the_bucket(settings))


def _warn_of_the_bucket(settings: Settings) -> None:
    """Say in one line that the bucket cannot be read: the sensors would say it in the log, again and again."""
    from polygon_assets.cli.vendor_checks import trouble  # noqa: PLC0415 (botocore's import is slow)

    found = trouble(settings)
    if found:
        console.warn(escape(f"{found} The UI comes all the same, and the sensors ask again every ten minutes."))


def demo(
    port: Port = 3000,
    *,
    ui: Annotated[bool, typer.Option("--ui/--no-ui", help="Serve the UI afterwards, until Ctrl-C.")] = True,
) -> None:
    """Try it without a subscription: made-up files in a local S3, ingested by Dagster, shown in the UI."""
    if ui:
        require_free_port(port)
    from polygon_assets.sample.demo import run_demo  # noqa: PLC0415 (Dagster's import is slow)

    run_demo(port=port, ui=ui)
