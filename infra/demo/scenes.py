"""Where the story of each topology plays: whose clients ask, what dies, and what is waited for."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from infra.demo import manifests

MEMBERS = ("gke-us", "gke-eu", "eks-us", "eks-ap")
"""Of the lab; which of them carry an Ingress follows from the topology."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """
    One topology's.

    regions: where clients are, the first one beside *dead*.   dead: the member whose pods die.
    domain: of the hosted zone; hosts of the example are moved there.
    policy: makes the policy.   waits: a sentence on the waits in it.
    goes: in which order a deletion happens.   lasts: until everything rests after a failure.
    """

    topology: str
    regions: tuple[str, ...]
    dead: str
    domain: str
    policy: Callable[[], dict[str, Any]]
    waits: str
    goes: str
    lasts: float


SCENES: Mapping[str, Scene] = {
    "gcp": Scene(
        topology="gcp",
        regions=("us-central1", "europe-west1"),
        dead="gke-us",
        domain="example.com",
        policy=manifests.policy,
        waits="health check every 1 s, down after 2; TTL 1 s, drain 1 s, tick 1 s",
        goes="records, then the graph, then the members",
        lasts=10.0,
    ),
    "aws": Scene(
        topology="aws",
        regions=("us-east-1", "ap-southeast-1"),
        dead="eks-us",
        domain="aws.example.com",
        policy=manifests.policy_of_aws,
        waits="targets asked every 0.6 s, down after 2; TTL 1 s, drain 1 s, window and tick 1 s",
        goes="records, then the members and with them their load balancers",
        lasts=60.0,
    ),
}
