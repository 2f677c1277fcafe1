"""
The firewall that lets the load balancer's probers and proxies reach one network's pods.

One rule per family of addresses: a rule takes ranges of one family only. It is as narrow as members
tell: where each of them names the tags of its nodes, only nodes with these tags are opened.
"""

import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Final

from fedingress.domain import names
from fedingress.domain.change import Change, Create, Delete, Plan, Update
from fedingress.domain.graph import GlobalResource, Kind, Mark
from fedingress.domain.report import NetworkIntent
from fedingress.planning import adoption
from fedingress.planning.diff import differing
from fedingress.planning.groups import Problem

PROBER_RANGES: Final = {
    "probes": ("130.211.0.0/22", "35.191.0.0/16"),
    "probes6": ("2600:2d00:1:1::/64", "2600:2d00:1:b029::/64"),
}
"""
By the last part of the rule's name; the second rule serves pods with addresses of IPv6.

Source: Google Cloud, "Firewall rules" of external Application Load Balancers (global).
"""

_MOST_TAGS: Final = 70
"""Target tags of one rule. Source: Google Cloud, "VPC quotas and limits"."""

ORPHAN: Final = "orphan"
"""Stands for the uid in the mark of a rule that nobody deletes any more."""


def unit(project: str, network: str) -> str:
    """The shared unit of one network."""
    return f"firewall:{project}/{network}"


def parse(text: str) -> tuple[str, str]:
    """
    Project and network of a unit.

    Raises:
        ValueError: *text* is no such unit.
    """
    kind, _, rest = text.partition(":")
    project, slash, network = rest.partition("/")
    if kind != "firewall" or not slash or not project or not network:
        raise ValueError(f"{text!r} is not firewall:PROJECT/NETWORK")
    return project, network


def prefix(owner: str, network: str) -> str:
    """The names of the rules of this installation in a network begin so."""
    return f"fedingress-{names.short_hash(owner, network)}-probes"


def wanted(
    project: str,
    network: str,
    owner: str,
    intents: Iterable[NetworkIntent],
    observed: Sequence[GlobalResource] = (),
) -> tuple[GlobalResource, ...]:
    """
    The rules of a network as they should be while somebody needs them; none when nobody does.

    An intent that is *held* takes nothing away from what of ours is *observed*.
    """
    present = [intent for intent in intents if intent.state == "present"]
    held = any(intent.held for intent in present)
    have = {item.name: item for item in observed if _ours(item, owner)} if held else {}
    first = prefix(owner, network)
    found = []
    for last, ranges in PROBER_RANGES.items():
        name = first.removesuffix("probes") + last
        six = last == "probes6"
        if present and (not six or name in have or any(intent.ipv6 for intent in present)):
            spec = {
                "network": f"projects/{project}/global/networks/{network}",
                "direction": "INGRESS",
                "sourceRanges": list(ranges),
                "allowed": [{"IPProtocol": "tcp"}],
                "targetTags": _tags(present, have.get(name)),
            }
            mark = Mark(owner=owner, uid="", source=network)
            found.append(
                GlobalResource(kind=Kind.FIREWALL, project=project, name=name, mark=mark, spec=spec)
            )
    return tuple(found)


def _tags(present: Sequence[NetworkIntent], found: GlobalResource | None) -> list[str] | None:
    """The tags of the nodes to open, sorted; None opens every node of the network."""
    if any(not intent.tags and not intent.held for intent in present):
        return None
    tags = {tag for intent in present for tag in intent.tags}
    if found is not None:
        standing = found.spec.get("targetTags")
        if not standing:
            return None
        tags |= set(standing)
    return sorted(tags) if 0 < len(tags) <= _MOST_TAGS else None


def _ours(item: GlobalResource, owner: str) -> bool:
    return item.mark is not None and item.mark.owner == owner


def commands(
    unit_: str, owner: str, intents: Iterable[NetworkIntent], plan_: Plan[GlobalResource] | None
) -> str:
    """
    What somebody with the right to do so can run instead of us, typically in a shared VPC's host.

    Args:
        unit_: Of the network.
        owner: The installation; a rule is given its mark, so that it counts as ours.
        intents: Who needs the network.
        plan_: What was refused; None when not even looking was allowed: then every rule that is
            needed is made, or ours is deleted.
    """
    project, network = parse(unit_)
    if plan_ is not None:
        return " && ".join(_command(change) for change in plan_)
    needed = wanted(project, network, owner, tuple(intents))
    if needed:
        return " && ".join(_command(Create(desired=item, why="")) for item in needed)
    return _deletion(project, prefix(owner, network))


def _command(change: Change[GlobalResource]) -> str:
    if isinstance(change, Delete):
        return _deletion(change.observed.project, change.observed.name)
    item = change.desired
    spec: Mapping[str, Sequence[str]] = item.spec
    words = ["gcloud", "compute", "firewall-rules"]
    words += ["update" if isinstance(change, Update) else "create", item.name]
    words += [f"--project={item.project}", f"--source-ranges={','.join(spec['sourceRanges'])}"]
    words += ["--rules=tcp", f"--description={item.mark.encode() if item.mark else ''}"]
    if isinstance(change, Update):
        words.append(f"--target-tags={','.join(spec.get('targetTags') or ())}")
    else:
        network = str(spec["network"]).rpartition("/")[2]
        words += [f"--network={network}", "--direction=INGRESS", "--action=allow"]
        words += [f"--target-tags={','.join(tags)}"] if (tags := spec["targetTags"]) else []
    return shlex.join(words)


def _deletion(project: str, name: str) -> str:
    return f"gcloud compute firewall-rules delete {name} --project={project}"


def plan(
    project: str,
    network: str,
    owner: str,
    intents: Iterable[NetworkIntent],
    observed: Sequence[GlobalResource],
    *,
    complete: bool,
) -> Plan[GlobalResource]:
    """
    Create the rules while any Ingress needs them; delete them when the last one is gone.

    *complete*: whether every source has spoken since the store was new; without it nothing is
    deleted. An Ingress that leaves its graph as an orphan leaves the rules, too, marked for good.
    A rule under our name without our mark is taken over by consent of any Ingress that needs it.
    """
    intents = tuple(intents)
    needed = {item.name: item for item in wanted(project, network, owner, intents, observed)}
    first = prefix(owner, network)
    known = (first.removesuffix("probes") + last for last in PROBER_RANGES)
    have = {item.name: item for item in observed}
    orphan = any(intent.state == "orphan" for intent in intents) and not needed
    changes: list[Change[GlobalResource]] = []
    held: list[str] = []
    for name in known:
        found, item = have.get(name), needed.get(name)
        if found is not None and not _ours(found, owner):
            change = adoption.adopted(found, item, _consents(intents)) if item else None
            changes += [change] if change else []
            held += [adoption.refusal(found, item)] if item and not change else []
        elif item is not None:
            changes += _make(item, found)
        elif found is not None and found.mark != _orphaned(owner, network):
            left = replace(found, mark=_orphaned(owner, network))
            if orphan:
                why = "left as an orphan, with the graph that needs it"
                fields = ("description",)
                changes.append(Update(observed=found, desired=left, fields=fields, why=why))
            elif complete:
                changes.append(Delete(observed=found, why="no Ingress needs it in this network"))
            else:
                held.append(f"{found.label} stays until every Ingress was seen")
    return Plan(changes=tuple(changes), held=tuple(held))


def problems(
    project: str,
    network: str,
    owner: str,
    intents: Iterable[NetworkIntent],
    observed: Sequence[GlobalResource],
) -> tuple[Problem, ...]:
    """Say of each rule that is needed and stands there as somebody else's what it would take."""
    intents = tuple(intents)
    needed = {item.name: item for item in wanted(project, network, owner, intents, observed)}
    return tuple(
        ("NameTaken", adoption.refusal(found, needed[found.name]))
        for found in observed
        if found.name in needed
        and not _ours(found, owner)
        and adoption.adopted(found, needed[found.name], _consents(intents)) is None
    )


def _consents(intents: Iterable[NetworkIntent]) -> frozenset[str]:
    return frozenset(word for intent in intents for word in intent.consents)


def _orphaned(owner: str, network: str) -> Mark:
    return Mark(owner=owner, uid=ORPHAN, source=network)


def _make(item: GlobalResource, found: GlobalResource | None) -> list[Change[GlobalResource]]:
    if found is None:
        return [Create(desired=item, why="pods need to be probed")]
    if fields := differing(found.spec, item.spec):
        why = "differs in " + ", ".join(fields)
        return [Update(observed=found, desired=item, fields=fields, why=why)]
    return []
