"""What a command needs for its own length: the settings, and a home without watchers."""

# ruff: noqa: PLC0415  a command that needs no home loads none

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from fedingress.domain.errors import Invalid
from fedingress.domain.ingress import IngressKey, Source
from fedingress.ports.sources import Sources

if TYPE_CHECKING:
    from fedingress.adapters.kube.inventory import KubeInventory
    from fedingress.runtime.home import Home


@contextmanager
def home() -> Iterator["Home"]:
    """A home that ends with the command; what it asks for runs in it, under the same leases."""
    from fedingress.runtime.home import Home
    from fedingress.runtime.settings import read

    with Home(replace(read(), bus="inprocess:"), workers=4) as found:
        yield found


@contextmanager
def profiles() -> Iterator["KubeInventory"]:
    """
    The profiles in the config cluster.

    Raises:
        Invalid: The sources are a directory.
    """
    from fedingress.adapters.kube.inventory import KubeInventory
    from fedingress.runtime.settings import read
    from fedingress.runtime.wire import config_connection

    settings = read()
    if settings.sources != "cluster":
        raise Invalid("the sources are a directory; write the ClusterProfile there")
    with closing(config_connection(settings, "cli")) as connection:
        yield KubeInventory(connection, namespace=settings.inventory_namespace)


def choose(sources: Sources, name: str) -> list[Source]:
    """
    The sources that *name* means: all if empty, `NAMESPACE/NAME`, or a name that is unique.

    Raises:
        Invalid: There is none, or several.
    """
    found = sorted(sources.list(), key=lambda source: source.key)
    if not name:
        return found
    if "/" in name:
        try:
            key = IngressKey.parse(name)
        except ValueError as error:
            raise Invalid(str(error)) from error
        source = sources.get(key)
        if source is None:
            raise Invalid(f"there is no Ingress {name}")
        return [source]
    named = [source for source in found if source.key.name == name]
    if not named:
        known = ", ".join(str(source.key) for source in found) or "none at all"
        raise Invalid(f"there is no federated Ingress {name!r}; there is {known}")
    if len(named) > 1:
        listed = ", ".join(str(source.key) for source in named)
        raise Invalid(f"{name!r} is one of {listed}; say which with NAMESPACE/NAME")
    return named
