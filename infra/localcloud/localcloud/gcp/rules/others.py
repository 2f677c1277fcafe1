"""
NEGs, firewalls, instance groups and networks.

Source: compute v1 reference of each.

Not modelled: regional NEGs other than their storing, subnetworks and instances (references to them
are not looked up).
"""

import re
from ipaddress import ip_network

from localcloud.gcp.errors import invalid, required
from localcloud.gcp.references import BASE
from localcloud.gcp.resources import Resources
from localcloud.gcp.rules.draft import Draft

_TYPES = {
    "zones": frozenset({"GCE_VM_IP", "GCE_VM_IP_PORT", "NON_GCP_PRIVATE_IP_PORT"}),
    "global": frozenset({"INTERNET_FQDN_PORT", "INTERNET_IP_PORT"}),
    "regions": frozenset(
        {
            "GCE_VM_IP_PORTMAP",
            "INTERNET_FQDN_PORT",
            "INTERNET_IP_PORT",
            "PRIVATE_SERVICE_CONNECT",
            "SERVERLESS",
        }
    ),
}
_ON_NETWORK = frozenset({"GCE_VM_IP", "GCE_VM_IP_PORT", "NON_GCP_PRIVATE_IP_PORT"})
_WITH_PORTS = frozenset({"tcp", "udp", "sctp", "6", "17", "132"})
_PORTS = re.compile(r"\d{1,5}(-\d{1,5})?")
_HIGHEST_PRIORITY = 65535


def group(draft: Draft, _resources: Resources) -> None:
    """
    Check a new NEG and put it on a network where its type has one.

    Raises:
        GoogleError: 400.
    """
    body = draft.body
    kind, scope = body["networkEndpointType"], draft.path.split("/")[2]
    if kind not in _TYPES[scope]:
        words = ", ".join(sorted(_TYPES[scope]))
        why = f"Types of network endpoint groups in this scope: {words}."
        raise invalid("resource.networkEndpointType", kind, why)
    default = BASE + f"projects/{draft.project}/global/networks/default"
    if kind in _ON_NETWORK:
        body.setdefault("network", default)
    elif body.get("network"):
        raise invalid("resource.network", body["network"], f"Cannot be set for type {kind}.")


def firewall(draft: Draft, _resources: Resources) -> None:
    """
    Check a firewall rule; without sources it is open to all.

    Raises:
        GoogleError: 400.
    """
    body = draft.body
    draft.within("priority", 0, _HIGHEST_PRIORITY)
    if bool(body.get("allowed")) == bool(body.get("denied")):
        raise invalid("resource", body["name"], "Exactly one of allowed and denied must be set.")
    for name in ("allowed", "denied"):
        for index, entry in enumerate(body.get(name) or ()):
            _traffic(entry, f"resource.{name}[{index}]")
    ingress = body["direction"] == "INGRESS"
    mine, theirs = ("source", "destination") if ingress else ("destination", "source")
    for word in ("Ranges", "Tags", "ServiceAccounts"):
        value = body.get(f"{theirs}{word}")
        if value and not (ingress and word == "Ranges"):
            why = f"Cannot be set for direction {body['direction']}."
            raise invalid(f"resource.{theirs}{word}", value, why)
    if not any(body.get(f"{mine}{word}") for word in ("Ranges", "Tags", "ServiceAccounts")):
        body[f"{mine}Ranges"] = ["0.0.0.0/0"]
    for name in ("sourceRanges", "destinationRanges"):
        for index, text in enumerate(body.get(name) or ()):
            _range(text, f"resource.{name}[{index}]")


def _traffic(entry: dict[str, object], at: str) -> None:
    protocol = str(entry.get("IPProtocol") or "")
    if not protocol:
        raise required(f"{at}.IPProtocol")
    ports = entry.get("ports") or []
    assert isinstance(ports, list)
    if ports and protocol.lower() not in _WITH_PORTS:
        raise invalid(f"{at}.ports", ports, f"Ports are not allowed for protocol '{protocol}'.")
    for index, text in enumerate(ports):
        numbers = [int(part) for part in text.split("-")] if _PORTS.fullmatch(text) else [-1]
        if numbers != sorted(numbers) or not 0 <= numbers[0] <= numbers[-1] <= 65535:  # noqa: PLR2004
            why = "Must be a port or a range of ports, 0 to 65535."
            raise invalid(f"{at}.ports[{index}]", text, why)


def _range(text: str, at: str) -> None:
    try:
        ip_network(text)
    except ValueError as error:
        raise invalid(at, text, "Must be a valid CIDR range without host bits.") from error
