"""`fedingress drain` and `undrain`: a member gets no new requests, and keeps all that it holds."""

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fedingress.cli.output import Format, Output, emit, say, wait_for, working
from fedingress.cli.session import choose, home, profiles
from fedingress.cli.status import describe
from fedingress.domain import names
from fedingress.domain.errors import Invalid
from fedingress.domain.ingress import IngressKey, Source
from fedingress.domain.work import REPAIR, Work

if TYPE_CHECKING:
    from fedingress.runtime.home import Home

DRAIN = """Examples:

fedingress drain gke-us shop

fedingress drain gke-us --timeout 120
"""
UNDRAIN = "Example: fedingress undrain gke-us shop"
_IDLE_SECONDS = 60.0
_NONE_SECONDS = 0

Cluster = Annotated[str, typer.Argument(help="The member.")]
Name = Annotated[
    str,
    typer.Argument(
        metavar="[INGRESS]", help="NAME or NAMESPACE/NAME; all that it carries when left out."
    ),
]
Force = Annotated[bool, typer.Option("--force", help="Also where no other member is healthy.")]
Timeout = Annotated[float, typer.Option(help="Seconds to wait; 0 does not wait.", min=0)]


def drain(
    cluster: Cluster,
    ingress: Name = "",
    *,
    force: Force = False,
    timeout: Timeout = 60.0,
    output: Output = Format.table,
) -> None:
    """Send a member no new requests, and wait until those in flight had their time to end."""
    with home() as found:
        if found.ports.sources.inventory().named(cluster) is None:
            raise Invalid(f"there is no member {cluster}; see: fedingress cluster list")
        concerned = carrying(found, cluster, ingress)
        if not force:
            refuse_lonely(concerned, cluster)
    mark(cluster, ingress, drained=True)
    seconds = settle(cluster, ingress, timeout=timeout)
    keys = [str(source.key) for source in concerned]
    if output is Format.json:
        emit({"cluster": cluster, "ingresses": keys, "state": "drained", "waited": seconds})
    else:
        say(f"{cluster} gets no new requests of {', '.join(keys) or 'any Ingress'}")


def undrain(cluster: Cluster, ingress: Name = "", *, output: Output = Format.table) -> None:
    """Let a member have requests again."""
    mark(cluster, ingress, drained=False)
    with home() as found:
        keys = [str(source.key) for source in carrying(found, cluster, ingress)]
        _carry_out(found, keys)
    if output is Format.json:
        emit({"cluster": cluster, "ingresses": keys, "state": "serving"})
    else:
        say(f"{cluster} gets requests of {', '.join(keys) or 'any Ingress'} again")


def before_leaving(cluster: str, *, timeout: float) -> None:
    """
    Drain a member that is about to leave; one that alone serves something goes as it is.

    Raises:
        Invalid: There is no such member, or the drain does not stand within *timeout*.
    """
    with home() as found:
        concerned = carrying(found, cluster, "")
    try:
        refuse_lonely(concerned, cluster)
    except Invalid:
        return  # the load balancer keeps its last backends until another member has joined
    mark(cluster, "", drained=True)
    settle(cluster, "", timeout=timeout)


def carrying(found: "Home", cluster: str, name: str) -> list[Source]:
    """
    The Ingresses meant: the one named, or all that *cluster* carries.

    Raises:
        Invalid: The one named is not there.
    """
    listed = choose(found.ports.sources, name)
    return listed if name else [source for source in listed if _row(source, cluster)]


def _row(source: Source, cluster: str) -> dict[str, Any]:
    found = describe(source)["clusters"].get(cluster) or {}
    return found if found.get("state") not in {None, "ineligible"} else {}


def refuse_lonely(concerned: Sequence[Source], cluster: str) -> None:
    """
    Look for another healthy member of each.

    Raises:
        Invalid: Some Ingress would be served by nobody.
    """
    lonely = [
        f"{source.key}: no member but {cluster} has healthy endpoints and is not drained; "
        "--force drains it all the same"
        for source in concerned
        if not any(
            row.get("healthy") and not row.get("drained")
            for name, row in describe(source)["clusters"].items()
            if name != cluster
        )
    ]
    if lonely:
        raise Invalid(lonely)


def mark(cluster: str, ingress: str, *, drained: bool) -> None:
    """Write the wish where it outlives everything: on the Ingress, or on the ClusterProfile."""
    if not ingress:
        with profiles() as inventory:
            (inventory.drain if drained else inventory.undrain)(cluster)
        return
    with home() as found:
        (source,) = choose(found.ports.sources, ingress)
        told = source.annotations.get(names.DRAIN, "")
        listed = {word.strip() for word in told.split(",") if word.strip()}
        listed = listed | {cluster} if drained else listed - {cluster}
        text = ",".join(sorted(listed)) or None
        found.ports.sources.set_finalizers(source, source.finalizers, {names.DRAIN: text})


def settle(cluster: str, ingress: str, *, timeout: float) -> int:
    """
    Carry a drain out, wait until it stands, then for the requests in flight.

    Returns:
        Seconds given to the requests in flight.

    Raises:
        Invalid: It does not stand within *timeout*; it is carried on all the same.
    """
    with home() as found:
        sources = found.ports.sources
        concerned = carrying(found, cluster, ingress)
        keys = [source.key for source in concerned]
        _carry_out(found, [str(key) for key in keys])
        if not timeout or not keys:
            return _NONE_SECONDS

        def left() -> list[IngressKey]:
            seen = [(key, sources.get(key)) for key in keys]
            return [key for key, source in seen if source and not _is_drained(source, cluster)]

        def done() -> tuple[bool, str]:
            late = left()
            return not late, f"{cluster} still serves {', '.join(map(str, late))}"

        if not wait_for(done, seconds=timeout, pause=time.sleep, now=time.monotonic):
            raise Invalid(f"{done()[1]}, after {timeout:g} s; see: fedingress status")
        policies = [sources.policy(source).policy for source in concerned]
        seconds = max(policy.in_flight_seconds for policy in policies if policy)
    with working(f"waiting {seconds} s for requests in flight"):
        time.sleep(seconds)
    return seconds


def _is_drained(source: Source, cluster: str) -> bool:
    row = _row(source, cluster)
    return not row or bool(row.get("drained"))


def _carry_out(found: "Home", keys: Sequence[str]) -> None:
    """Let fan-out look at once, and everything that follows from it."""
    with working("carrying it out"):
        found.bus.publish([Work(concern="fanout", unit=key, cause=REPAIR) for key in keys])
        found.idle(_IDLE_SECONDS, within_seconds=2.0)
