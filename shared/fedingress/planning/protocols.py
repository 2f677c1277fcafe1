"""
What the load balancer speaks to pods: HTTP, HTTPS (without a look at their certificate) or HTTP2.

The policy says it for all, else each Service does, as in GKE. Fan-out reads what the Services of
the members say; backends decides.

Source: GKE, "Ingress for external Application Load Balancers", annotation
`cloud.google.com/app-protocols` (JSON, name of a port to protocol) and its former name.
"""

import json
from collections.abc import Iterable
from typing import Final

from fedingress.domain.ingress import Manifest, ServiceBackend
from fedingress.planning.companions import find_port
from fedingress.planning.decode.options import PROTOCOLS
from fedingress.planning.decode.words import quoted
from fedingress.planning.groups import Group, Problem

ANNOTATIONS: Final = (
    "cloud.google.com/app-protocols",
    "service.alpha.kubernetes.io/app-protocols",
)
DEFAULT: Final = "HTTP"


def said(service: Manifest, backend: ServiceBackend) -> tuple[str, str]:
    """
    What *service* says of the port that *backend* means.

    Returns:
        The protocol and nothing; or nothing and what is wrong with the annotation.
    """
    annotations = service.get("metadata", {}).get("annotations") or {}
    name = next((each for each in ANNOTATIONS if each in annotations), "")
    if not name:
        return DEFAULT, ""
    where = f"Service {backend.service}: annotation {name}"
    try:
        told = json.loads(annotations[name])
    except (ValueError, TypeError, RecursionError):
        told = None
    if not isinstance(told, dict):
        return "", f"{where} is not a JSON object of port names and protocols"
    port = find_port(service, backend) or {}
    found = told.get(port.get("name", ""), DEFAULT)
    if found not in PROTOCOLS:
        return "", f"{where}: {quoted(found)} is not one of {', '.join(PROTOCOLS)}"
    return str(found), ""


def decide(policy: str | None, own: Iterable[Group], observed: str) -> str:
    """
    The protocol of one backend service.

    Members that disagree, or whose word cannot be read, change nothing of what stands.

    Args:
        policy: What the policy says, or None.
        own: The groups of the backend service.
        observed: The protocol that it has now; empty while it does not exist.
    """
    if policy is not None:
        return policy
    told = {group.protocol for group in own} - {""}
    if len(told) == 1:
        return told.pop()
    if observed in told or (observed and not told):
        return observed
    return min(told, default=DEFAULT)


def disagreements(policy: str | None, groups: Iterable[Group]) -> tuple[Problem, ...]:
    """Name each Service port that is not the same in all members, with the word of each."""
    if policy is not None:
        return ()
    told: dict[ServiceBackend, dict[str, set[str]]] = {}
    for group in groups:
        if group.protocol:
            words = told.setdefault(group.backend, {})
            words.setdefault(group.protocol, set()).add(group.cluster)
    return tuple(
        ("ProtocolConflict", f"{backend.service}:{backend.port} is {_listed(words)}")
        for backend, words in sorted(told.items())
        if len(words) > 1
    )


def _listed(words: dict[str, set[str]]) -> str:
    parts = (f"{word} in {', '.join(sorted(names))}" for word, names in sorted(words.items()))
    return f"{' and '.join(parts)}; it stays as it is until they agree or the policy says it"
