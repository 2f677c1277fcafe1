"""`fedingress cluster`: members that no other cluster manager keeps join, leave and are listed."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fedingress.cli.output import Format, Output, console, emit, table
from fedingress.cli.session import home
from fedingress.domain.cluster import MemberCluster
from fedingress.domain.errors import Invalid

if TYPE_CHECKING:
    from fedingress.adapters.kube.inventory import KubeInventory

app = typer.Typer(no_args_is_help=True, help="Member clusters: join, leave, list.")


@app.command()
def join(
    name: Annotated[str, typer.Argument(help="How the member is called from now on.")],
    kubeconfig: Annotated[Path, typer.Option(help="A kubeconfig that reaches the member.")],
    context: Annotated[str, typer.Option(help="Its context; the current one when left out.")] = "",
    prop: Annotated[
        list[str] | None,
        typer.Option("--property", help="provider, region, zones, project, network: KEY=VALUE."),
    ] = None,
    label: Annotated[
        list[str] | None, typer.Option("--label", help="KEY=VALUE, for cluster selectors.")
    ] = None,
) -> None:
    """Add a member, or renew its address, token and properties."""
    from fedingress.adapters.kube.inventory import Joining  # noqa: PLC0415
    from fedingress.cli.kubeconfig import token_access  # noqa: PLC0415

    access = token_access(kubeconfig, context)
    joining = Joining(
        name=name,
        server=access.server,
        ca_data=access.ca_data,
        token=access.token,
        properties=_pairs("--property", prop),
        labels=_pairs("--label", label),
    )
    uid = _inventory().join(joining)
    console().print(f"{name} joined (kube-system {uid})", markup=False)


@app.command()
def leave(
    name: Annotated[str, typer.Argument(help="The member.")],
    *,
    forget: Annotated[
        bool, typer.Option("--forget", help="Remove its profile; nothing of ours may be left.")
    ] = False,
    undo: Annotated[bool, typer.Option("--undo", help="Let it stay after all.")] = False,
) -> None:
    """Drain a member and take everything of ours out of it; then remove it with --forget."""
    inventory = _inventory()
    if undo:
        inventory.stay(name)
        console().print(f"{name} stays", markup=False)
        return
    if not forget:
        inventory.leave(name)
        console().print(
            f"{name} is leaving; when `fedingress status` no longer lists it: "
            f"fedingress cluster leave {name} --forget",
            markup=False,
        )
        return
    inventory.forget(name, _connection(name))
    console().print(f"{name} is forgotten", markup=False)


@app.command("list")
def list_(output: Output = Format.table) -> None:
    """Show every member, and every profile that cannot be read."""
    with home() as found:
        inventory = found.ports.sources.inventory()
    rows = [_row(member) for member in inventory.members]
    if output is Format.json:
        emit({"members": rows, "faults": list(inventory.faults)})
        return
    columns = ["name", "provider", "region", "zones", "project", "network", "state", "labels"]
    table("", columns, [[str(row[column]) for column in columns] for row in rows])
    for fault in inventory.faults:
        console().print(f"! {fault}", markup=False)


def _row(member: MemberCluster) -> dict[str, Any]:
    state = {True: "healthy", False: "unhealthy", None: "unknown"}[member.healthy]
    return {
        "name": member.name,
        "provider": member.provider or "-",
        "region": member.region or "-",
        "zones": ",".join(member.zones) or "-",
        "project": member.project or "-",
        "network": member.network or "-",
        "state": "leaving" if member.leaving else state,
        "labels": ",".join(f"{key}={value}" for key, value in sorted(member.labels.items())),
    }


def _inventory() -> "KubeInventory":
    """The profiles in the config cluster."""
    from fedingress.adapters.kube.inventory import KubeInventory  # noqa: PLC0415
    from fedingress.runtime.settings import read  # noqa: PLC0415
    from fedingress.runtime.wire import config_connection  # noqa: PLC0415

    settings = read()
    if settings.sources != "cluster":
        raise Invalid("the sources are a directory; write the ClusterProfile there")
    connection = config_connection(settings, "cli")
    return KubeInventory(connection, namespace=settings.inventory_namespace)


def _connection(name: str) -> Any:
    """To the member itself; None when its profile cannot be read."""
    from fedingress.adapters.kube.clusters import KubeMemberClusters  # noqa: PLC0415

    with home() as found:
        member = found.ports.sources.inventory().named(name)
        clusters = found.ports.clusters
        if member is None or not isinstance(clusters, KubeMemberClusters):
            return None
        return clusters.connection(member)


def _pairs(option: str, given: list[str] | None) -> dict[str, str]:
    pairs = {}
    for text in given or ():
        key, equals, value = text.partition("=")
        if not equals or not key:
            raise Invalid(f"{option} {text!r} is not KEY=VALUE")
        pairs[key] = value
    return pairs
