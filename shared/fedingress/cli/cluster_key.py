"""`fedingress cluster key`: the key with which a cluster's watcher signs its events."""

# ruff: noqa: PLC0415  adapters are loaded by the command that needs them

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fedingress.cli.output import Format, Output, emit, say
from fedingress.domain import publisher
from fedingress.domain.errors import Invalid
from fedingress.domain.publisher import CONFIG_MAP_NAME, PublicKey

if TYPE_CHECKING:
    from fedingress.adapters.kube.publishers import KubePublishers

EXAMPLES = """Examples:

fedingress cluster key gke-us --write gke-us.pem

fedingress cluster key gke-us --remove 3f0c1f9a5b2d4e60
"""


def key(
    name: Annotated[str, typer.Argument(help="The cluster: a member, or the config cluster.")],
    *,
    write: Annotated[
        Path | None,
        typer.Option(help="Where the private key is written; NAME.pem when left out."),
    ] = None,
    remove: Annotated[
        str, typer.Option(metavar="KEYID", help="Take no more events signed with this key.")
    ] = "",
    output: Output = Format.table,
) -> None:
    """Make a key pair for a cluster's watcher, and take events signed with it from now on."""
    if remove and write:
        raise Invalid("--remove and --write exclude each other")
    if remove:
        with registry() as publishers:
            _registered(publishers).remove(name, remove)
        _tell(output, {"name": name, "key": remove, "state": "removed"}, f"{remove} is removed")
        return
    path = write or Path(f"{name}.pem")
    with registry() as publishers:
        public = make_pair(name, path, publishers)
    value = {"name": name, "key": public.id, "state": "registered", "file": str(path)}
    text = f"{path} holds the private key of {name}; give it to its watcher (key {public.id})"
    if publishers is None:
        value["state"] = "made"
        text += f"\nput into ConfigMap {CONFIG_MAP_NAME}, under data.{name}: {public.text}"
    for line in text.splitlines() if output is Format.table else ():
        say(line)
    if output is Format.json:
        emit(value | {"public": public.text})


def make_pair(name: str, path: Path, publishers: "KubePublishers | None") -> PublicKey:
    """
    Write a new private key to *path*, readable by its owner only, and register the public half.

    Raises:
        Invalid: The name or the file cannot be used; nothing is left of the pair then.
    """
    from fedingress.adapters.signing import new_pair

    if not publisher.is_cluster_name(name):
        raise Invalid(f"{name!r} is not the name of a cluster")
    private, public = new_pair()
    path = path.expanduser()
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(private)
    except FileExistsError as error:
        raise Invalid(f"{path} exists; a key in use is not replaced by accident") from error
    except OSError as error:
        raise Invalid(f"{path} cannot be written: {error.strerror}") from error
    try:
        if publishers is not None:
            publishers.add(name, public)
    except BaseException:
        path.unlink()
        raise
    return public


@contextlib.contextmanager
def registry() -> Iterator["KubePublishers | None"]:
    """The registry in the config cluster; None where the sources are a directory."""
    from fedingress.adapters.kube.publishers import KubePublishers
    from fedingress.runtime.settings import read
    from fedingress.runtime.wire import config_connection

    settings = read()
    if settings.sources != "cluster":
        yield None
        return
    with contextlib.closing(config_connection(settings, "cli")) as connection:
        yield KubePublishers(connection, namespace=settings.inventory_namespace)


def _registered(publishers: "KubePublishers | None") -> "KubePublishers":
    if publishers is None:
        raise Invalid(f"the sources are a directory; take the key out of {CONFIG_MAP_NAME} there")
    return publishers


def _tell(output: Format, value: dict[str, str], text: str) -> None:
    if output is Format.json:
        emit(value)
    else:
        say(text)
