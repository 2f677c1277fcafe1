"""`fedingress cluster`: members that no other cluster manager keeps join, leave and are listed."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fedingress.cli import cluster_key, drain
from fedingress.cli.output import Format, Output, emit, say, table, working
from fedingress.cli.session import home, profiles
from fedingress.cli.way_in import AccessBy, WayIn
from fedingress.domain.cluster import EksCluster, MemberCluster
from fedingress.domain.errors import Invalid
from fedingress.domain.publisher import Publishers

if TYPE_CHECKING:
    from fedingress.adapters.kube.inventory import KubeInventory

app = typer.Typer(no_args_is_help=True, help="Member clusters: join, leave, list, keys.")
app.command("key", epilog=cluster_key.EXAMPLES)(cluster_key.key)

_JOIN = """Examples:

fedingress cluster join gke-asia --kubeconfig ~/.kube/config --context asia
--property provider=gcp --property region=asia-east1 --property project=shop --label tier=prod

fedingress cluster join onprem --kubeconfig member.kubeconfig --token-file token

fedingress cluster join gke-us --kubeconfig ~/.kube/config --access gke --property project=shop

fedingress cluster join eks-us --kubeconfig ~/.kube/config --access eks --eks-cluster shop
--property region=us-east-1 --role arn:aws:iam::123456789012:role/federated-ingress

fedingress cluster join rack --kubeconfig rack.kubeconfig
--token-from projects/shop/secrets/rack/versions/latest
"""
_LEAVE = """Examples:

fedingress cluster leave gke-asia

fedingress cluster leave gke-asia --forget
"""


@app.command(epilog=_JOIN)
def join(
    name: Annotated[str, typer.Argument(help="How the member is called from now on.")],
    *,
    kubeconfig: Annotated[Path, typer.Option(help="A kubeconfig that reaches the member.")],
    context: Annotated[str, typer.Option(help="Its context; the current one when left out.")] = "",
    token_file: Annotated[
        Path | None,
        typer.Option(help="A file with the token to use instead of the context's own user."),
    ] = None,
    access: Annotated[
        AccessBy,
        typer.Option(help="By a token, or by the identity of the functions at Google or AWS."),
    ] = AccessBy.token,
    token_from: Annotated[
        str,
        typer.Option(
            help="Where the functions read the token: a version in Secret Manager, or the ARN of "
            "a secret in Secrets Manager; it is not copied into the config cluster."
        ),
    ] = "",
    eks_cluster: Annotated[
        str, typer.Option(help="With --access eks: the cluster's name in EKS; NAME if left out.")
    ] = "",
    eks_region: Annotated[
        str, typer.Option(help="With --access eks: its region; the property region if left out.")
    ] = "",
    role: Annotated[
        str, typer.Option(help="With --access eks: ARN of an IAM role to take on first.")
    ] = "",
    prop: Annotated[
        list[str] | None,
        typer.Option(
            "--property",
            help="provider, region, zones, project, account, network, node-tags: KEY=VALUE.",
        ),
    ] = None,
    label: Annotated[
        list[str] | None, typer.Option("--label", help="KEY=VALUE, for cluster selectors.")
    ] = None,
    key: Annotated[
        Path | None,
        typer.Option(help="Also make a key for its watcher, as `cluster key` does, in this file."),
    ] = None,
    output: Output = Format.table,
) -> None:
    """Add a member, or renew its address, token and properties."""
    from fedingress.adapters.kube.inventory import Joining  # noqa: PLC0415
    from fedingress.runtime.settings import read  # noqa: PLC0415
    from fedingress.runtime.wire import member_credentials  # noqa: PLC0415

    properties = _pairs("--property", prop)
    way = WayIn(
        member=name,
        by=access,
        token_file=token_file,
        token_from=token_from,
        eks=EksCluster(name=eks_cluster, region=eks_region, role=role),
    )
    wanted, token = way.access(str(kubeconfig), context, region=properties.get("region", ""))
    credentials = member_credentials(read(), lambda _: token)
    joining = Joining(
        name=name,
        access=wanted,
        token=token,
        properties=properties,
        labels=_pairs("--label", label),
    )
    with profiles() as inventory, working(f"looking at {name}"):
        uid = inventory.join(joining, credentials.of(wanted))
    said = {"name": name, "state": "joined", "uid": uid}
    if key is not None:
        with cluster_key.registry() as publishers:
            said["key"] = cluster_key.make_pair(name, key, publishers).id
    _say(output, said, f"{name} joined ({uid})")


@app.command(epilog=_LEAVE)
def leave(
    name: Annotated[str, typer.Argument(help="The member.")],
    *,
    forget: Annotated[
        bool, typer.Option("--forget", help="Remove its profile; nothing of ours may be left.")
    ] = False,
    undo: Annotated[bool, typer.Option("--undo", help="Let it stay after all.")] = False,
    timeout: drain.Timeout = 60.0,
    output: Output = Format.table,
) -> None:
    """Drain a member and take everything of ours out of it; then remove it with --forget."""
    if forget and undo:
        raise Invalid("--forget and --undo exclude each other")
    if not undo and not forget:
        drain.before_leaving(name, timeout=timeout)
    with profiles() as inventory:
        if undo:
            inventory.stay(name)
            state, text = "member", f"{name} stays"
        elif forget:
            _forget(name, inventory)
            state, text = "forgotten", f"{name} is forgotten"
        else:
            inventory.leave(name)
            state = "leaving"
            text = (
                f"{name} is leaving; when `fedingress status` no longer lists it: "
                f"fedingress cluster leave {name} --forget"
            )
    _say(output, {"name": name, "state": state}, text)


@app.command("list", epilog="Example: fedingress cluster list -o json | python -m json.tool")
def list_(output: Output = Format.table) -> None:
    """Show every member, and profiles that cannot be read; JSON has project and network too."""
    with home() as found:
        inventory = found.ports.sources.inventory()
        publishers = found.ports.sources.publishers()
    rows = [_row(member, publishers) for member in inventory.members]
    faults = [*inventory.faults, *publishers.faults]
    others = sorted(publishers.keys.keys() - {member.name for member in inventory.members})
    if output is Format.json:
        keys = {name: [key.id for key in publishers.keys[name]] for name in others}
        emit({"members": rows, "faults": faults, "other_publishers": keys})
        return
    if not rows and not faults:
        say("there is no member; add one: fedingress cluster join --help")
        return
    columns = ["name", "provider", "region", "zones", "state", "keys", "labels"]
    table(columns, [[str(row[column]) for column in columns] for row in rows])
    for name in others:
        say(f"{name} is no member, and publishes: {_keys(name, publishers)}")
    for fault in faults:
        say(f"! {fault}")


def _keys(name: str, publishers: Publishers) -> str:
    return ",".join(key.id for key in publishers.keys.get(name, ())) or "-"


def _row(member: MemberCluster, publishers: Publishers) -> dict[str, Any]:
    state = {True: "healthy", False: "unhealthy", None: "unknown"}[member.healthy]
    return {
        "name": member.name,
        "provider": member.provider or "-",
        "region": member.region or "-",
        "zones": ",".join(member.zones) or "-",
        "project": member.project or "-",
        "network": member.network or "-",
        "node_tags": ",".join(member.node_tags) or "-",
        "state": "leaving" if member.leaving else state,
        "keys": _keys(member.name, publishers),
        "labels": ",".join(f"{key}={value}" for key, value in sorted(member.labels.items())),
    }


def _forget(name: str, inventory: "KubeInventory") -> None:
    """Look into the member first, unless its profile cannot be read."""
    from fedingress.adapters.kube.clusters import KubeMemberClusters  # noqa: PLC0415

    with home() as found:
        member = found.ports.sources.inventory().named(name)
        clusters = found.ports.clusters
        link = None
        if member is not None and isinstance(clusters, KubeMemberClusters):
            link = clusters.connection(member)
        if not inventory.forget(name, link):
            raise Invalid(f"there is no member {name}; see: fedingress cluster list")
    with cluster_key.registry() as publishers:
        if publishers is not None:
            publishers.forget(name)


def _say(output: Format, value: dict[str, Any], text: str) -> None:
    if output is Format.json:
        emit(value)
    else:
        say(text)


def _pairs(option: str, given: list[str] | None) -> dict[str, str]:
    pairs = {}
    for text in given or ():
        key, equals, value = text.partition("=")
        if not equals or not key:
            raise Invalid(f"{option} {text!r} is not KEY=VALUE")
        pairs[key] = value
    return pairs
