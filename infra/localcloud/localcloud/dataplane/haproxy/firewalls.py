"""
Which endpoints the load balancer's probers and proxies reach through the firewall of a network.

A network that somebody made lets nothing in until a rule says so; called by `pools`, for every
group. The network ``default`` is open here, as are groups whose network is not known.

Source: VPC firewall rules, implied rules; compute v1 Firewall. Not modelled: rules that deny,
priorities, service accounts, hierarchical policies.
"""

from collections.abc import Iterator, Sequence
from ipaddress import ip_network

from localcloud.dataplane.haproxy.snapshot import Resource, Snapshot, path_of

PROBERS = ("130.211.0.0/22", "35.191.0.0/16")


def reached(
    group: str, rows: Sequence[Resource], snapshot: Snapshot, problems: list[str]
) -> Sequence[Resource]:
    """Those *rows* of *group* that can be reached; that others cannot is told in *problems*."""
    network = path_of((snapshot.compute.get(group) or {}).get("network"))
    if not network or network.endswith("/networks/default"):
        return rows
    rules = list(_rules(network, snapshot))
    found = [row for row in rows if _lets_in(row, rules, snapshot)]
    if len(found) < len(rows):
        problems.append(f"{network} lets no prober reach {group}")
    return found


def _rules(network: str, snapshot: Snapshot) -> Iterator[Resource]:
    for _, rule in snapshot.of_kind("firewalls"):
        allows = rule.get("direction") == "INGRESS" and rule.get("allowed")
        if allows and not rule.get("disabled") and path_of(rule.get("network")) == network:
            yield rule


def _lets_in(row: Resource, rules: Sequence[Resource], snapshot: Snapshot) -> bool:
    instance = str(row.get("instance") or "").rpartition("/")[2]
    tags = set(snapshot.tags.get(instance, ()))
    mine = [
        rule
        for rule in rules
        if not rule.get("targetTags") or tags.intersection(rule["targetTags"])
    ]
    port = int(row.get("port") or 0)
    return all(any(_admits(rule, prober, port) for rule in mine) for prober in PROBERS)


def _admits(rule: Resource, prober: str, port: int) -> bool:
    sources = [ip_network(text) for text in rule.get("sourceRanges") or ()]
    wanted = ip_network(prober)
    inside = any(
        source.version == wanted.version and wanted.subnet_of(source)  # type: ignore[arg-type]
        for source in sources
    )
    return inside and any(_traffic(entry, port) for entry in rule["allowed"])


def _traffic(entry: Resource, port: int) -> bool:
    if str(entry.get("IPProtocol")).lower() not in ("tcp", "6", "all"):
        return False
    spans = [text.partition("-") for text in entry.get("ports") or ()]
    return not spans or any(int(low) <= port <= int(high or low) for low, _, high in spans)
