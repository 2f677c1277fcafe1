"""A world that runs until Ctrl-C, SIGTERM or ``POST /stop``: what ``up`` does in the end."""

import asyncio
import logging
import signal
import sys
import time
from collections.abc import Callable
from typing import Any

import typer

from localcloud.addresses import NoWorldLeft
from localcloud.homes import HomeError
from localcloud.session import Session
from localcloud.world.manifests import ManifestsMissingError
from localcloud.world.spec import WorldSpec
from localcloud.world.world import World


def run(session: Session, spec: WorldSpec, summary: Callable[[dict[str, Any]], str]) -> None:
    """
    Run a world of *spec* and tell *session* where it is; the session is released at the end.

    Raises:
        typer.Exit: 1, the world cannot start; the reason is on stderr.
    """
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(name)s: %(message)s")
    try:
        asyncio.run(_live(session, spec, summary))
    except (HomeError, ManifestsMissingError, NoWorldLeft, OSError) as error:
        typer.secho(f"The local cloud cannot start: {error}", err=True, fg=typer.colors.RED)
        raise typer.Exit(1) from error
    finally:
        session.release()


async def _live(
    session: Session, spec: WorldSpec, summary: Callable[[dict[str, Any]], str]
) -> None:
    began = time.monotonic()
    world = World(spec)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, world.stop_soon)
    _progress("Starting clusters, Google Cloud, DNS and data plane ...")
    if spec.home != "embedded":
        _progress("Staging and installing the functions; the first time takes a while ...")
    async with world:
        document = {
            "control": world.env()["LOCALCLOUD_CONTROL"],
            "clusters": list(world.clusters),
            "environment": world.env(),
            "functions": world.functions.state(),
            "notes": list(world.home.notes),
        }
        session.tell(document)
        _progress(f"Ready after {time.monotonic() - began:.1f} s.")
        _progress(summary(document))
        _progress("Ctrl-C ends it.")
        await world.ended()
        _progress("Ending ...")


def _progress(line: str) -> None:
    if sys.stdout.isatty():
        typer.echo(line)
