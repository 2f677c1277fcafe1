"""
Whose events a door takes: by the way they came, and for a cluster's own by what they say.

An installation has two ways. By `work` its own functions ask one another, and only their identities
may publish there. By `changes` the watchers of clusters tell fan-out that something changed: any of
them may publish there, so each event must name its own cluster, ask fan-out only, be young, and
carry a signature. Pure; the door checks the signature itself.
"""

from collections.abc import Collection
from typing import Final, Literal

from fedingress.domain.errors import Untrusted
from fedingress.domain.event import Event
from fedingress.domain.publisher import named_by
from fedingress.domain.work import Concern

Way = Literal["work", "changes"]
OLDEST_SECONDS: Final = 600.0
"""What is older was replayed or late: each Ingress has had another look since (the resync)."""
SKEW_SECONDS: Final = 60.0
"""By how much a cluster's clock may be ahead of ours."""
STALE: Final = "stale"
_ASKS: Final[Concern] = "fanout"


def way(via: str, *, work: Collection[str], changes: Collection[str]) -> Way:
    """
    By which way an event came.

    Args:
        via: The subscription or topic that delivered it, as the transport says; never the event.
        work: Those of the installation itself.
        changes: Those of the clusters.

    Raises:
        Untrusted: By none of them; a door that is told of no way takes nothing.
    """
    if via in work:
        return "work"
    if via in changes:
        return "changes"
    raise Untrusted("unknown-topic", f"nobody may publish by {via[:128]!r}")


def claimed_cluster(event: Event, owner: str, *, now: float) -> str:
    """
    The cluster that *event* says it comes from, when it may ask for what it asks.

    Its signature is still to be checked.

    Args:
        event: It came by `changes`.
        owner: The name of this installation.
        now: Unix seconds.

    Raises:
        Untrusted: It names no cluster, another installation or another concern, is not signed, or
            is of another time.
    """
    named = named_by(event.source)
    if named is None:
        raise Untrusted("no-cluster", "the source names no cluster")
    if named[0] != owner:
        raise Untrusted("foreign", f"the event is for the installation {named[0]}")
    if event.work.concern != _ASKS:
        raise Untrusted("wrong-concern", f"a cluster may not ask for {event.work.concern}")
    if not event.keyid or not event.signature:
        raise Untrusted("unsigned", f"the event of {named[1]} is not signed")
    seconds = event.seconds
    if seconds is None:
        raise Untrusted("no-time", f"the event of {named[1]} says no time")
    if seconds > now + SKEW_SECONDS:
        raise Untrusted("future", f"the event of {named[1]} is {seconds - now:.0f} s ahead")
    if seconds < now - OLDEST_SECONDS:
        raise Untrusted(STALE, f"the event of {named[1]} is {now - seconds:.0f} s old")
    return named[1]
