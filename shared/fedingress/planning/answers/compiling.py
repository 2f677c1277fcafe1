"""
The units of a zone as record sets.

```
host   alias of its root, one record set per type that the root answers; or plain addresses
tree   alias of the node below, one record set per choice and type
pool   one record set per entry and type: an alias of the load balancer, its address, or its name
```

That is Route 53. Cloud DNS has no aliases: a host of several members is a CNAME of its root, which
stands as one policy per type (`policies`); at the apex, where no CNAME may be, the host has that
policy itself. A host of one member is its address, or a CNAME of its name.

Aliases inside the tree are evaluated, or a dead branch would never be left; those of load balancers
when they are for one Ingress only. A and AAAA of an entry have equal weights.

Source: Route 53 Developer Guide, "Values specific for weighted alias records", "Choosing between
alias and non-alias records" (an alias has the type of its target; no CNAME at the apex; non-alias
members of a weighted group beside aliases of load balancers have a TTL of 60).
"""

from collections.abc import Mapping
from functools import cache
from typing import Final

from fedingress.domain.record import Alias, RecordSet
from fedingress.domain.report import ZoneIntent
from fedingress.planning import checks as health
from fedingress.planning.answers import hosts as naming
from fedingress.planning.answers import policies
from fedingress.planning.answers.clouddns import PROVIDER
from fedingress.planning.answers.marks import HostMark, is_node
from fedingress.planning.answers.pools import Choice, Entry, Pool, Tree
from fedingress.planning.answers.units import Unit
from fedingress.planning.answers.weighing import Weighed

ADDRESS_TYPES: Final = ("A", "AAAA")
_NODE_MARK_SECONDS: Final = 300
_BESIDE_ALIASES_SECONDS: Final = 60


def compiled(
    domain: str,
    claims: Mapping[str, ZoneIntent],
    weighed: Weighed,
    checks: Mapping[str, str],
    *,
    owner: str,
) -> dict[str, Unit]:
    """
    Every unit that the zone should hold, by name.

    Args:
        domain: The zone's DNS name.
        claims: Host -> the intent that it belongs to.
        weighed: Pools, trees and weights.
        checks: `planning.checks.key` -> id of the health check that stands.
        owner: Our installation.
    """
    return _Compiling(domain, weighed, checks, owner).all(claims)


class _Compiling:
    def __init__(
        self, domain: str, weighed: Weighed, checks: Mapping[str, str], owner: str
    ) -> None:
        self.domain = domain
        self.forest = weighed.forest
        self.weights = weighed.weights
        self.checks = checks
        self.owner = owner
        self.nodes: dict[str, Unit] = {}
        self.policies = frozenset(policies.needed(weighed.forest))
        # Many hosts share a root.
        self._types = cache(weighed.forest.types)
        self._shown = cache(self._clusters)
        self._fault_below = cache(self._first_fault)

    def all(self, claims: Mapping[str, ZoneIntent]) -> dict[str, Unit]:
        found = {host: self._host(host, intent) for host, intent in claims.items()}
        for unit in [unit for unit in found.values() if unit.ready and not unit.fault]:
            for name in unit.leads_to:
                for label in self._standing(name.partition(".")[0]):
                    found[self._name(label)] = self._node(label)
        return found

    def _standing(self, root: str) -> tuple[str, ...]:
        """Labels of all nodes that stand for *root*."""
        return (root,) if root in self.policies else self.forest.below(root)

    def _name(self, label: str) -> str:
        return f"{label}.{self.domain}"

    def _host(self, host: str, intent: ZoneIntent) -> Unit:
        mark = HostMark(owner=self.owner, uid=intent.uid, source=intent.source, host=host)
        marked = mark.record(self.domain, intent.ttl_seconds)
        if not intent.targets:
            answers = tuple(
                RecordSet(name=host, type=kind, ttl_seconds=intent.ttl_seconds, values=values)
                for kind in ADDRESS_TYPES
                if (values := tuple(sorted(intent.addresses.get(kind, ()))))
            )
            return Unit(
                name=host,
                records=(marked, *answers),
                uid=intent.uid,
                ready=intent.healthy,
                adopts=intent.adopt,
                fault=naming.fault(host, self.domain),
                shown=", ".join(value for item in answers for value in item.values),
            )
        root = self.forest.roots.get(intent.uid, "")
        answers = self._answers(host, intent, root) if root else ()
        fault = naming.fault(host, self.domain, [item.type for item in answers])
        below = frozenset(item.leads_to for item in answers if is_node(item.leads_to))
        fault = fault or self.forest.faults.get(intent.uid, "")
        return Unit(
            name=host,
            records=(marked, *answers),
            leads_to=below,
            uid=intent.uid,
            ready=intent.healthy,
            adopts=intent.adopt,
            fault=fault or self._fault_below(root, nodes=bool(below)),
            shown=self._shown(root) if root else "",
        )

    def _answers(self, host: str, intent: ZoneIntent, root: str) -> tuple[RecordSet, ...]:
        """What *host* itself answers."""
        if root in self.policies and host == self.domain:
            return self._policy(host, root)
        if root in self.policies:
            return (_led(host, "CNAME", self._name(root), intent.ttl_seconds),)
        if intent.zone["provider"] == PROVIDER:
            ((address, kind),) = {
                (each.address, each.types[0]) for each in self.forest.entries(root)
            }
            return (_led(host, kind, address, intent.ttl_seconds),)
        return tuple(
            RecordSet(name=host, type=kind, ttl_seconds=0, alias=Alias(name=self._name(root)))
            for kind in self._types(root)
        )

    def _policy(self, name: str, root: str) -> tuple[RecordSet, ...]:
        check = self.checks.get(health.key("", policies.check_of(self.forest, root)), "")
        return policies.answers(name, root, self.forest, self.weights, check)

    def _first_fault(self, root: str, *, nodes: bool) -> str:
        """The first fault of any node that is needed; a host without its checks must wait."""
        labels = self._standing(root) if nodes or root in self.policies else ()
        found = (self._node(label).fault for label in labels)
        return next((fault for fault in found if fault), "")

    def _clusters(self, root: str) -> str:
        return ", ".join(sorted({each.cluster for each in self.forest.entries(root)}))

    def _node(self, label: str) -> Unit:
        if label not in self.nodes and label in self.policies:
            self.nodes[label] = self._policy_node(label)
        if label not in self.nodes:
            tree = self.forest.trees.get(label)
            self.nodes[label] = self._tree(tree) if tree else self._pool(self.forest.pools[label])
        return self.nodes[label]

    def _mark(self, name: str) -> RecordSet:
        return HostMark(owner=self.owner, host=name).record(self.domain, _NODE_MARK_SECONDS)

    def _policy_node(self, root: str) -> Unit:
        name = self._name(root)
        key = health.key("", policies.check_of(self.forest, root))
        return Unit(
            name=name,
            records=(self._mark(name), *self._policy(name, root)),
            fault="" if key in self.checks else f"waiting for the health check {key}",
        )

    def _tree(self, tree: Tree) -> Unit:
        name = self._name(tree.label)
        answers = [
            self._choice(name, kind, choice)
            for kind in self.forest.types(tree.label)
            for choice in tree.choices
            if kind in self.forest.types(choice.to)
        ]
        return Unit(
            name=name,
            records=(self._mark(name), *answers),
            leads_to=frozenset(self._name(choice.to) for choice in tree.choices),
        )

    def _choice(self, name: str, kind: str, choice: Choice) -> RecordSet:
        return RecordSet(
            name=name,
            type=kind,
            ttl_seconds=0,
            set_identifier=choice.identifier,
            region=choice.region,
            location=choice.location,
            failover=choice.failover,
            alias=Alias(name=self._name(choice.to)),
        )

    def _pool(self, pool: Pool) -> Unit:
        name = self._name(pool.label)
        missing = sorted(
            {
                health.key(each.address, check)
                for each in pool.entries
                if (check := pool.check_of(each)) and not self._check(pool, each)
            }
        )
        answers = [item for kind in pool.types for item in self._group(name, kind, pool)]
        return Unit(
            name=name,
            records=(self._mark(name), *answers),
            fault=f"waiting for the health check {missing[0]}" if missing else "",
        )

    def _check(self, pool: Pool, entry: Entry) -> str:
        spec = pool.check_of(entry)
        return self.checks.get(health.key(entry.address, spec), "") if spec else ""

    def _group(self, name: str, kind: str, pool: Pool) -> list[RecordSet]:
        """One weighted group; of a type that nobody with a weight has, the first one has some."""
        entries = [each for each in pool.entries if kind in each.types]
        weights = self.weights[pool.label]
        idle = not any(weights[each.cluster] for each in entries)
        users = self.forest.users[pool.label]
        ttl = min(user.intent.ttl_seconds for user in users)
        if any(each.hosted_zone for each in entries):
            ttl = _BESIDE_ALIASES_SECONDS
        return [
            RecordSet(
                name=name,
                type=kind,
                ttl_seconds=0 if each.hosted_zone else ttl,
                values=() if each.hosted_zone else (each.address,),
                set_identifier=each.cluster,
                weight=1 if idle and not number else weights[each.cluster],
                alias=Alias(
                    name=each.address, hosted_zone=each.hosted_zone, evaluate=each.evaluated
                )
                if each.hosted_zone
                else None,
                health_check=self._check(pool, each),
            )
            for number, each in enumerate(entries)
        ]


def _led(host: str, kind: str, value: str, ttl_seconds: int) -> RecordSet:
    return RecordSet(name=host, type=kind, ttl_seconds=ttl_seconds, values=(value,))
