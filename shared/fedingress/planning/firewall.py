"""The firewall that lets the load balancer's probers and proxies reach one network's pods."""

import shlex
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Final

from fedingress.domain import names
from fedingress.domain.change import Change, Create, Delete, Plan, Update
from fedingress.domain.graph import GlobalResource, Kind, Mark
from fedingress.domain.report import NetworkIntent
from fedingress.planning.diff import differing

PROBER_RANGES = ("130.211.0.0/22", "35.191.0.0/16")
"""Source: Google Cloud's list of health check and proxy ranges of application load balancers."""


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
    """The name of the one rule of this installation in a network."""
    return f"fedingress-{names.short_hash(owner, network)}-probes"


def rule(project: str, network: str, owner: str) -> GlobalResource:
    """The rule of a network as it should be."""
    return GlobalResource(
        kind=Kind.FIREWALL,
        project=project,
        name=prefix(owner, network),
        mark=Mark(owner=owner, uid="", source=network),
        spec={
            "network": f"projects/{project}/global/networks/{network}",
            "direction": "INGRESS",
            "sourceRanges": list(PROBER_RANGES),
            "allowed": [{"IPProtocol": "tcp"}],
        },
    )


def command(project: str, network: str, owner: str, change: Change[GlobalResource] | None) -> str:
    """
    What somebody with the right to do so can run instead of us, typically in a shared VPC's host.

    Args:
        project: Of the network.
        network: Its name.
        owner: The installation; the rule is given its mark, so that it counts as ours.
        change: What was refused; None when not even looking was allowed, so that a rule is made.
    """
    wanted = rule(project, network, owner)
    if isinstance(change, Delete):
        return f"gcloud compute firewall-rules delete {wanted.name} --project={project}"
    mark = wanted.mark.encode() if wanted.mark else ""
    ranges = ",".join(PROBER_RANGES)
    tail = f"--project={project} --source-ranges={ranges} --description={shlex.quote(mark)}"
    if isinstance(change, Update):
        return f"gcloud compute firewall-rules update {wanted.name} {tail} --rules=tcp"
    head = f"gcloud compute firewall-rules create {wanted.name} --network={network}"
    return f"{head} {tail} --direction=INGRESS --action=allow --rules=tcp"


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
    Create the rule while any Ingress needs it; delete it when the last one is gone.

    *complete*: whether every source has spoken since the store was new; without it nothing is
    deleted. An Ingress that leaves its graph as an orphan leaves the rule, too, marked so for good.
    """
    wanted = rule(project, network, owner)
    orphaned = Mark(owner=owner, uid=ORPHAN, source=network)
    intents = tuple(intents)
    found = next((item for item in observed if item.name == wanted.name), None)
    ours = found is not None and found.mark is not None and found.mark.owner == owner
    if found is not None and not ours:
        return Plan(held=(f"{wanted.label} exists and does not carry our mark; it is left alone",))
    changes: list[Change[GlobalResource]] = []
    if any(intent.state == "present" for intent in intents):
        if found is None:
            changes.append(Create(desired=wanted, why="pods need to be probed"))
        elif fields := differing(found.spec, wanted.spec):
            why = "differs in " + ", ".join(fields)
            changes.append(Update(observed=found, desired=wanted, fields=fields, why=why))
    elif found is None or found.mark == orphaned:
        return Plan()
    elif any(intent.state == "orphan" for intent in intents):
        left = replace(found, mark=orphaned)
        why = "left as an orphan, with the graph that needs it"
        changes.append(Update(observed=found, desired=left, fields=("description",), why=why))
    elif complete:
        changes.append(Delete(observed=found, why="no Ingress is left in this network"))
    else:
        return Plan(held=(f"{wanted.label} stays until every Ingress was seen",))
    return Plan(changes=tuple(changes))
