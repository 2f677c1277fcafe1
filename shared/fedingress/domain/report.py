"""
What concerns leave in the store for one another: reports on one Ingress, intents for shared units.

All are JSON-able frozen dataclasses. A lost one costs time only: the next resync writes it again.
"""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Self


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """The base of all: *uid* and *generation* of the source that the report speaks of."""

    uid: str
    generation: int

    def encode(self) -> dict[str, Any]:
        """As JSON."""
        return dataclasses.asdict(self)

    @classmethod
    def decode(cls, body: Mapping[str, Any]) -> Self:
        """
        From JSON as `encode` wrote it; unknown fields of a newer version are left out.

        Raises:
            TypeError: A field without a default is missing.
        """
        names = {item.name for item in dataclasses.fields(cls)}
        return cls(**{name: _tupled(value) for name, value in body.items() if name in names})


def _tupled(value: Any) -> Any:
    """JSON knows lists only; every sequence of ours is a tuple."""
    if isinstance(value, Mapping):
        return {name: _tupled(item) for name, item in value.items()}
    return tuple(map(_tupled, value)) if isinstance(value, list) else value


State = Literal["placed", "ineligible", "removing", "unreachable", "conflict", "failed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class FanoutReport(Report):
    """
    What `fanout` decided and found in the members.

    clusters: name -> {"state": State, "reason": CamelCase, "message": sentence}; every member that
        was chosen or still carries something of ours.
    faults: why the Ingress is not accepted, one sentence each; empty when it is.
    lost_hosts: host -> `namespace/name` of the older Ingress that owns it.
    hosts: those that this Ingress may use.
    negs: rows {"cluster", "service", "port", "project", "zone", "name", "protocol"} that members
        report; those of a member that cannot be reached are the last known ones. A row with
        "node_port" is an instance group, whose nodes serve the Service there.
    addresses: name -> addresses in the status of the member's copy, sorted; the last known ones
        while the copy stands and its status is empty.
    ready: name -> [ready, wanted] endpoints of the Services that the Ingress names, as far as the
        weakest of them reaches; only where members' own load balancers answer, and could be read.
    probes: name -> `service:port` -> `domain.probe.Probe`, encoded, of the pods there; the last
        known one where there are none.
    drained: names of members that shall get no new requests.
    preferred: names of members that are filled before the others.
    policy: a digest of what the others read in the policy and in the annotations of the source, so
        that its change is news to them.
    footprint: that of the source, for the case that it goes without a withdrawal.
    leaving: what is reported is being withdrawn; a source that stays after all is news.
    """

    clusters: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    faults: tuple[str, ...] = ()
    fault_reason: str = ""
    lost_hosts: Mapping[str, str] = field(default_factory=dict)
    hosts: tuple[str, ...] = ()
    negs: tuple[Mapping[str, str], ...] = ()
    addresses: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    ready: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    probes: Mapping[str, Mapping[str, Mapping[str, Any]]] = field(default_factory=dict)
    drained: tuple[str, ...] = ()
    preferred: tuple[str, ...] = ()
    policy: str = ""
    footprint: str = ""
    leaving: bool = False

    @property
    def waiting(self) -> frozenset[str]:
        """Placed members whose controllers have not named their groups yet."""
        return frozenset(name for name, row in self.clusters.items() if row["reason"] == "Waiting")

    @property
    def silent(self) -> frozenset[str]:
        """Members that cannot be read now."""
        return frozenset(n for n, row in self.clusters.items() if row["state"] == "unreachable")


@dataclass(frozen=True, slots=True, kw_only=True)
class BackendsReport(Report):
    """
    What `backends` built.

    address, address6: the VIP of IPv4 and of IPv6, empty until it is known.
    static: addresses of an accelerator, which the status shows instead; empty without one.
    programmed: the whole graph is in place.
    clusters: name -> {"endpoints": int, "healthy": int, "attached": bool, "capacity": the least
        capacityScaler of its groups}, and {"reason", "message"} where something of the member
        cannot be attached.
    negs: names of every NEG that some backend service still refers to, and `ZONE/GROUP/PORT` of
        every instance group.
    serving: members to whose own load balancers clients may still be led.
    observed: whether the cloud let us look; without that, *negs* may not be all of them.
    former: projects other than the policy's in which nothing is left of an earlier graph.
    problems: rows (reason, sentence) of what cannot be fulfilled although the graph stands.
    fingerprint: of the desired graph that is in place; empty while it is not.
    """

    address: str = ""
    address6: str = ""
    static: tuple[str, ...] = ()
    programmed: bool = False
    reason: str = ""
    message: str = ""
    clusters: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    negs: tuple[str, ...] = ()
    serving: tuple[str, ...] = ()
    observed: bool = True
    former: tuple[str, ...] = ()
    problems: tuple[tuple[str, str], ...] = ()
    fingerprint: str = ""

    @property
    def addresses(self) -> tuple[str, ...]:
        """The known ones, IPv4 first."""
        return self.static or tuple(each for each in (self.address, self.address6) if each)

    @property
    def by_type(self) -> dict[str, tuple[str, ...]]:
        """The known ones by the type of the record that holds them."""
        found = {"A": self.address, "AAAA": self.address6}
        return {kind: (each,) for kind, each in found.items() if each}

    @property
    def healthy(self) -> int:
        """Healthy endpoints over all members."""
        return sum(int(row.get("healthy", 0)) for row in self.clusters.values())

    @property
    def endpoints(self) -> int:
        """Endpoints over all members."""
        return sum(int(row.get("endpoints", 0)) for row in self.clusters.values())

    @property
    def well(self) -> bool:
        """Whether there are endpoints and all are healthy."""
        return 0 < self.endpoints == self.healthy


@dataclass(frozen=True, slots=True, kw_only=True)
class AttachedReport(Report):
    """What of the graph fan-out waits for, kept apart so that only its change is told there."""

    negs: tuple[str, ...] = ()
    serving: tuple[str, ...] = ()
    former: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class DnsReport(Report):
    """
    What `dns` published, per host.

    hosts: host -> {"zone": unit or "", "state": published | kept (published as before, for it
        cannot be as it is wanted) | waiting | conflict | no-zone | removed, "message": sentence}.
    members: cluster -> {"share": the part of traffic that is published, "wanted": the part that it
        deserves, "weight": of its record, "reason": CamelCase or ""}, where members' own load
        balancers answer; of every one that some record of this Ingress may still lead to.
    """

    hosts: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    members: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ZoneIntent(Report):
    """
    What one Ingress wants of a hosted zone.

    source: `namespace/name`.   created: RFC 3339, orders claims.
    state: present, deleting or orphan; left once `dns` has observed that nothing is left and the
        records' time to live is over; frozen while the source cannot be read: what stands stays.
    zone: provider, project, name and domain of the zone.   addresses: by family A, AAAA.
    healthy: whether any member was healthy; a host is first published then.
    targets: `domain.target.Target` of each member, encoded, where the load balancers of members
        answer themselves; then *addresses* is empty.
    routing: the policy's `domain.policy.DnsPolicy`, encoded, without its zones.
    adopt: whether answers of others at these hosts are to be replaced, once it was told what by.
    """

    source: str
    created: str
    state: str
    zone: Mapping[str, str]
    hosts: tuple[str, ...] = ()
    addresses: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    healthy: bool = False
    ttl_seconds: int = 60
    drain_seconds: int = 300
    targets: tuple[Mapping[str, Any], ...] = ()
    routing: Mapping[str, Any] = field(default_factory=dict)
    adopt: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkIntent(Report):
    """
    One Ingress needs the load balancer's probers to reach *network* of *project*.

    state: present; absent when no member of it is there; leaving or orphan when it goes, and left
        once the rule was observed as it should be without it.
    tags: those of the nodes of its members there; empty when some member names none.
    ipv6: its load balancer has an address of IPv6.
    held: nothing may be taken off the rule yet: endpoints of a member that left, or that nobody
        can speak for, may still be in use.
    consents: words by which its user lets us take over a rule under our name.
    """

    source: str
    state: str
    project: str
    network: str
    consents: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    ipv6: bool = False
    held: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class HostClaim(Report):
    """One Ingress names a host. The oldest (created, then uid) owns it."""

    source: str
    created: str

    @property
    def order(self) -> tuple[str, str]:
        """Sorts claims; the first one wins."""
        return (self.created, self.uid)
