"""``polygon-assets dev`` and ``polygon-assets demo``: the platform on the vendor's bucket, or on made-up files."""

import os
import signal
from typing import Annotated

import typer

from polygon_assets.cli import console
from polygon_assets.settings import dagster_home, load_settings

Port = Annotated[int, typer.Option(help="Port on 127.0.0.1.", min=1, max=65535)]


def register(app: typer.Typer) -> None:
    """Add the commands to ``app``."""
    app.command("dev")(dev)
    app.command("demo")(demo)


def dev(port: Port = 3000) -> None:
    """Serve the platform on your subscription: UI, daemon and sensors, until Ctrl-C."""
    load_settings().credentials  # noqa: B018 (raises before anything starts)
    from polygon_assets.orchestration.home import prepare_home  # noqa: PLC0415 (Dagster's import is slow)
    from polygon_assets.orchestration.serving import dagster_dev, require_free_port  # noqa: PLC0415

    require_free_port(port)
    home = prepare_home(dagster_home())
    console.messages.print(f"http://127.0.0.1:{port} in about fifteen seconds; Ctrl-C ends it. History: {home}")
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with dagster_dev(home, port, os.environ) as process:
        raise typer.Exit(process.wait())


def demo(
    port: Port = 3000,
    *,
    ui: Annotated[bool, typer.Option("--ui/--no-ui", help="Serve the UI afterwards, until Ctrl-C.")] = True,
) -> None:
    """Try it without a subscription: made-up files in a local S3, ingested by Dagster, shown in the UI."""
    from polygon_assets.sample.demo import run_demo  # noqa: PLC0415 (Dagster's import is slow)

    run_demo(port=port, ui=ui)
