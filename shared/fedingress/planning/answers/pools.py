"""
Which pools and trees the hosts of a zone lead to.

A pool is a weighted group of members' load balancers; a tree chooses among pools by where clients
are, or by order. Both are shared by every host with the same entries, so that a member's weight is
written once however many hosts lead there. Health never changes a tree: it changes weights, and
which members an Ingress is served by.

```
routing       root
simple        the pool of all members
weighted      the pool of all members
latency       a tree: one choice per region of AWS -> the pool of that region
geolocation   a tree: one choice per place         -> the pool of the place's region
failover      a tree: PRIMARY -> the pool of the first region, SECONDARY -> that of the next one,
              or a tree of the rest
```

A region's pool holds the members of the next region on standby (no weight unless the region is
short), so that it answers although all of its own are sick. A tree of one choice is that choice.

In a zone of Cloud DNS a tree and its pools become one record set (see `policies`), and regions are
those of Google Cloud.
"""

import ipaddress
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from fedingress.domain import names
from fedingress.domain.policy import DnsHealthCheck, Place
from fedingress.domain.target import Target
from fedingress.planning.answers import clouddns, regions
from fedingress.planning.answers.marks import POOL_PREFIX, TREE_PREFIX
from fedingress.planning.answers.routing import Wish

MOST_OF_A_GROUP: Final = 100
"""
Record sets of one name and type with a routing policy: a quota of Route 53; items of a routing
policy: one of Cloud DNS.
"""
FAMILIES: Final = ("A", "AAAA", "CNAME")


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Entry:
    """
    One member's load balancer in a pool.

    types: of the record sets that it has there.
    evaluated: whether the provider knows by itself if it can serve.
    """

    cluster: str
    region: str
    address: str
    hosted_zone: str
    types: tuple[str, ...]
    evaluated: bool

    @property
    def key(self) -> str:
        """What beliefs and shares are kept by."""
        return entry_key(self.cluster, self.address)


def entry_key(cluster: str, address: str) -> str:
    """Short and the same for ever: another load balancer of a member is another entry."""
    return names.short_hash(cluster, address, length=8)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pool:
    """
    A weighted group.

    label: the first label of its name in the zone.
    own: members that it is for.   standby: members of the next region.
    check: of every entry that has one: all of them where *check* is the policy's, else those that
        are not evaluated.
    """

    label: str
    own: tuple[Entry, ...]
    standby: tuple[Entry, ...] = ()
    check: DnsHealthCheck | None = None

    @property
    def entries(self) -> tuple[Entry, ...]:
        """All of them."""
        return self.own + self.standby

    @property
    def types(self) -> tuple[str, ...]:
        """Types that any entry has."""
        return tuple(kind for kind in FAMILIES if any(kind in each.types for each in self.entries))

    def check_of(self, entry: Entry) -> DnsHealthCheck | None:
        """How *entry* is checked from outside; None when the provider sees it by itself."""
        return self.check or (None if entry.evaluated else DnsHealthCheck())


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """One branch of a tree: exactly one of *region*, *location* and *failover*."""

    identifier: str
    to: str
    region: str = ""
    location: str = ""
    failover: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tree:
    """A node that chooses: *label* is the first one of its name, choices lead to other labels."""

    label: str
    choices: tuple[Choice, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Forest:
    """
    All nodes of a zone.

    pools, trees: by label.   roots: uid of the source -> label that its hosts lead to.
    users: label of a pool -> the wishes that reach it, the oldest first.
    faults: uid -> why it has no root.   notes: uid -> what was left out of its answer, and why.
    """

    pools: Mapping[str, Pool] = field(default_factory=dict)
    trees: Mapping[str, Tree] = field(default_factory=dict)
    roots: Mapping[str, str] = field(default_factory=dict)
    users: Mapping[str, tuple[Wish, ...]] = field(default_factory=dict)
    faults: Mapping[str, str] = field(default_factory=dict)
    notes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def entries(self, root: str) -> tuple[Entry, ...]:
        """Every entry that the pools under *root* are for."""
        found = {
            each
            for label in self.below(root)
            if label in self.pools
            for each in self.pools[label].own
        }
        return tuple(sorted(found))

    def types(self, label: str) -> tuple[str, ...]:
        """Types that the node answers."""
        if label in self.pools:
            return self.pools[label].types
        found = {kind for choice in self.trees[label].choices for kind in self.types(choice.to)}
        return tuple(kind for kind in FAMILIES if kind in found)

    def below(self, label: str) -> tuple[str, ...]:
        """The node and every node under it, each once, the lowest first."""
        found: list[str] = []
        for choice in self.trees[label].choices if label in self.trees else ():
            found += [each for each in self.below(choice.to) if each not in found]
        return (*found, label)


def pools(wishes: Iterable[Wish], apart: Mapping[str, frozenset[str]], *, owner: str) -> Forest:
    """
    Group targets into pools and trees.

    Args:
        wishes: The oldest first.
        apart: Uid -> clusters that its hosts shall not lead to now.
        owner: Our installation; another one that shares the zone has nodes of its own.
    """
    growing = _Growing(owner)
    for wish in wishes:
        growing.add(wish, apart.get(wish.uid, frozenset()))
    return growing.forest()


class _Growing:
    """The nodes found so far."""

    def __init__(self, owner: str) -> None:
        self.owner = owner
        self.pools: dict[str, Pool] = {}
        self.trees: dict[str, Tree] = {}
        self.roots: dict[str, str] = {}
        self.users: dict[str, list[Wish]] = {}
        self.faults: dict[str, str] = {}
        self.notes: dict[str, tuple[str, ...]] = {}

    def forest(self) -> Forest:
        users = {label: tuple(found) for label, found in self.users.items()}
        return Forest(
            pools=self.pools,
            trees=self.trees,
            roots=self.roots,
            users=users,
            faults=self.faults,
            notes=self.notes,
        )

    def add(self, wish: Wish, apart: frozenset[str]) -> None:
        targets = [each for each in wish.targets.values() if each.cluster not in apart]
        entries, left_out = _entries(targets)
        if left_out:
            self.notes[wish.uid] = left_out
        groups = _grouped(entries)
        placed = regions.of_google if wish.in_cloud_dns else regions.of_aws
        near = {name: own for name, own in groups.items() if placed(name)}
        routing = wish.policy.routing
        if routing == "latency" and not near:
            routing = "weighted"  # there is no place that the provider could measure from
        if fault := _fault(wish, routing, entries, groups):
            self.faults[wish.uid] = fault
            return
        match routing:
            case "latency":
                root = self._latency(wish, near, groups)
            case "geolocation":
                root = self._geolocation(wish, groups)
            case "failover":
                root = self._failover(wish, groups)
            case _:
                root = self._pool(wish, entries, ())
        self.roots[wish.uid] = root

    def _latency(
        self,
        wish: Wish,
        near: Mapping[str, Sequence[Entry]],
        groups: Mapping[str, Sequence[Entry]],
    ) -> str:
        """Members elsewhere are near to nobody: they stand by in every pool."""
        elsewhere = [each for name in sorted({*groups} - {*near}) for each in groups[name]]
        choices = []
        for region in sorted(near):
            following = [each for name in regions.nearest(region, near)[:1] for each in near[name]]
            label = self._pool(wish, near[region], [*following, *elsewhere])
            choices.append(Choice(identifier=region, region=region, to=label))
        return self._tree(choices)

    def _geolocation(self, wish: Wish, groups: Mapping[str, Sequence[Entry]]) -> str:
        choices = []
        for place in sorted(wish.policy.places):
            region = _served_by(place, groups)
            following = [
                each for name in regions.nearest(region, groups)[:1] for each in groups[name]
            ]
            label = self._pool(wish, groups[region], following)
            choices.append(Choice(identifier=place.location, location=place.location, to=label))
        return self._tree(choices)

    def _failover(self, wish: Wish, groups: Mapping[str, Sequence[Entry]]) -> str:
        named = [name for name in dict.fromkeys(wish.policy.order) if name in groups]
        order = [*named, *sorted({*groups} - {*named})]
        labels = []
        for number, region in enumerate(order):
            following = groups[order[(number + 1) % len(order)]] if len(order) > 1 else ()
            labels.append(self._pool(wish, groups[region], following))
        root = labels.pop()
        for label in reversed(labels):
            first = Choice(identifier="primary", failover="PRIMARY", to=label)
            second = Choice(identifier="secondary", failover="SECONDARY", to=root)
            root = self._tree([first, second])
        return root

    def _pool(self, wish: Wish, own: Sequence[Entry], standby: Sequence[Entry]) -> str:
        standby = standby[: MOST_OF_A_GROUP - len(own)]
        check = wish.policy.health_check
        words = [_word(each) for each in sorted(own)]
        words += ["standby", *(_word(each) for each in standby)]
        words += [check.kind, str(check.port), *check.paths] if check else []
        label = POOL_PREFIX + names.short_hash(self.owner, *words)
        if label not in self.pools:
            self.pools[label] = Pool(
                label=label, own=tuple(sorted(own)), standby=tuple(standby), check=check
            )
        users = self.users.setdefault(label, [])
        if not users or users[-1] is not wish:  # wishes come one after the other
            users.append(wish)
        return label

    def _tree(self, choices: Sequence[Choice]) -> str:
        if len({choice.to for choice in choices}) == 1:
            return choices[0].to
        words = [f"{each.region}{each.location}{each.failover} {each.to}" for each in choices]
        label = TREE_PREFIX + names.short_hash(self.owner, *words)
        self.trees[label] = Tree(label=label, choices=tuple(choices))
        return label


def _fault(
    wish: Wish, routing: str, entries: Sequence[Entry], groups: Mapping[str, Sequence[Entry]]
) -> str:
    """Why no answer can be made; empty when it can."""
    regional = routing in {"latency", "geolocation", "failover"}
    widest = max(map(len, groups.values() if regional else [entries]))
    if widest > MOST_OF_A_GROUP:
        return f"{widest} members would stand in one pool; at most {MOST_OF_A_GROUP} can"
    if wish.in_cloud_dns:
        return _fault_in_cloud_dns(wish, entries, groups)
    if routing != "geolocation":
        return ""
    places = wish.policy.places
    if len(places) > MOST_OF_A_GROUP:
        return f"the policy has {len(places)} places; at most {MOST_OF_A_GROUP} can be answered"
    if sum(place.location == "country:*" for place in places) != 1:
        return "the policy's places need exactly one for country:*, or some clients get no answer"
    return ""


def _fault_in_cloud_dns(
    wish: Wish, entries: Sequence[Entry], groups: Mapping[str, Sequence[Entry]]
) -> str:
    if len(entries) == 1:
        return ""
    return clouddns.fault(
        wish.policy,
        str(wish.intent.zone.get("visibility", "")),
        [each.address for each in entries],
        by_name=any("CNAME" in each.types for each in entries),
        groups=groups,
    )


def _served_by(place: Place, groups: Mapping[str, Sequence[Entry]]) -> str:
    """The region for *place*: its own, else the nearest one that has a member."""
    if place.region in groups:
        return place.region
    if place.region == "*":
        return min(groups)
    return regions.nearest(place.region, groups)[0]


def _grouped(entries: Iterable[Entry]) -> dict[str, list[Entry]]:
    found: dict[str, list[Entry]] = {}
    for each in entries:
        found.setdefault(each.region, []).append(each)
    return found


def _word(entry: Entry) -> str:
    return f"{entry.cluster} {entry.address} {'/'.join(entry.types)}"


def _entries(targets: Iterable[Target]) -> tuple[list[Entry], tuple[str, ...]]:
    """
    Entries of one family: aliases and addresses or, when a name has no alias, names alone.

    Returns:
        Entries, and why targets were left out.
    """
    forms = {each.cluster: (each, form(each.address, each.hosted_zone)) for each in targets}
    kinds = {kind for _, kind in forms.values()}
    by_name = "name" in kinds and not kinds & {"ipv4", "ipv6"}
    types_of: Callable[[Target, str], tuple[str, ...]] = _types_by_name if by_name else _types
    entries = [
        Entry(
            cluster=each.cluster,
            region=each.region,
            address=each.address,
            hosted_zone="" if by_name else each.hosted_zone,
            types=types_of(each, kind),
            evaluated=kind == "alias" and not by_name and not each.shared,
        )
        for each, kind in forms.values()
    ]
    left_out = tuple(
        f"{each.cluster} is left out: {each.address} is a name without an alias, "
        "which cannot stand beside IP addresses"
        for each in entries
        if not each.types
    )
    return [each for each in entries if each.types], left_out


def form(address: str, hosted_zone: str) -> str:
    """`ipv4`, `ipv6`, `alias` (a name that the provider can alias) or `name`."""
    try:
        return f"ipv{ipaddress.ip_address(address).version}"
    except ValueError:
        return "alias" if hosted_zone else "name"


def _types(target: Target, kind: str) -> tuple[str, ...]:
    found = {"ipv4": ("A",), "ipv6": ("AAAA",), "alias": ("A",)}.get(kind, ())
    return ("A", "AAAA") if kind == "alias" and target.dual_stack else found


def _types_by_name(_target: Target, _kind: str) -> tuple[str, ...]:
    return ("CNAME",)
