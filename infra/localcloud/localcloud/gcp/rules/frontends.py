"""
Addresses, forwarding rules and target proxies: who may listen where, for which scheme.

Source: compute v1 ``ForwardingRule``; Google Cloud, "Forwarding rules overview".

Not modelled: internal, passthrough and Private Service Connect rules, bring-your-own IP.
"""

import re
from collections.abc import Callable
from ipaddress import ip_address

from localcloud.gcp.errors import invalid, not_modelled, required
from localcloud.gcp.references import path_of, paths
from localcloud.gcp.resources import Resources
from localcloud.gcp.rules.draft import Draft
from localcloud.sixth import sixth_of

_SCHEMES = frozenset({"EXTERNAL", "EXTERNAL_MANAGED"})
_PORTS = re.compile(r"(\d{1,5})(?:-(\d{1,5}))?")
_CLASSIC_PORTS = {"targetHttpProxies": {80, 8080}, "targetHttpsProxies": {443}}
_MOST_CERTIFICATES = 15


def address(draft: Draft, next_address: Callable[[], str]) -> None:
    """
    Give a new global address its IP.

    Raises:
        GoogleError: 400 for an IP that the caller chose; 501 for kinds that are not modelled.
    """
    body = draft.body
    if body["addressType"] != "EXTERNAL":
        raise not_modelled("global addresses other than EXTERNAL ones")
    if body.get("address"):
        why = "An external address cannot be chosen."
        raise invalid("resource.address", body["address"], why)
    if body["networkTier"] != "PREMIUM":
        why = "Global addresses are of network tier PREMIUM."
        raise invalid("resource.networkTier", body["networkTier"], why)
    given = next_address()
    body["address"] = sixth_of(given) if body["ipVersion"] == "IPV6" else given


def rule(draft: Draft, resources: Resources, next_address: Callable[[], str]) -> None:
    """
    Check a new forwarding rule and give it its IP.

    Raises:
        GoogleError: 400.
    """
    body = draft.body
    if body["loadBalancingScheme"] not in _SCHEMES:
        raise not_modelled(f"forwarding rules of scheme {body['loadBalancingScheme']}")
    if body["IPProtocol"] != "TCP":
        raise invalid("resource.IPProtocol", body["IPProtocol"], "Target proxies need TCP.")
    if body["networkTier"] != "PREMIUM":
        why = "Global forwarding rules are of network tier PREMIUM."
        raise invalid("resource.networkTier", body["networkTier"], why)
    for name in ("ports", "allPorts", "backendService"):
        if body.get(name):
            why = "Cannot be set for a global forwarding rule with a target proxy."
            raise invalid(f"resource.{name}", body[name], why)
    port = _port(draft)
    chosen = body.get("IPAddress")
    body["IPAddress"] = _reserved(draft, resources, chosen) if chosen else next_address()
    for path, other in resources.each(draft.project, "forwardingRules"):
        same = other["IPAddress"] == body["IPAddress"]
        if path != draft.path and same and other["portRange"] == f"{port}-{port}":
            why = "Specified IP address is in-use and would result in a conflict."
            raise invalid("resource.IPAddress", body["IPAddress"], why)
    target(draft, resources)


def target(draft: Draft, resources: Resources) -> None:
    """
    Check that everything behind a forwarding rule is of its scheme.

    Raises:
        GoogleError: 400.
    """
    scheme = draft.body["loadBalancingScheme"]
    proxy = resources.linked(draft.body["target"]) or {}
    url_map = resources.linked(proxy.get("urlMap", "")) or {}
    for path in paths("urlMaps", url_map):
        service = resources.get(path) or {}
        theirs = service.get("loadBalancingScheme", scheme)
        if theirs != scheme:
            raise invalid(
                "resource.target",
                draft.body["target"],
                f"Load balancing scheme {scheme} of the forwarding rule does not match "
                f"{theirs} of backend service '{path}'.",
            )


def proxy(draft: Draft, _resources: Resources) -> None:
    """
    Check a target HTTP or HTTPS proxy.

    Raises:
        GoogleError: 400.
    """
    if not draft.body.get("urlMap"):
        raise required("resource.urlMap")
    if draft.path.split("/")[-2] == "targetHttpsProxies":
        certificates = draft.body.get("sslCertificates") or []
        if not certificates and not draft.body.get("certificateMap"):
            raise required("resource.sslCertificates")
        if len(certificates) > _MOST_CERTIFICATES:
            why = f"At most {_MOST_CERTIFICATES} certificates are allowed."
            raise invalid("resource.sslCertificates", len(certificates), why)


def _port(draft: Draft) -> int:
    text = draft.body["portRange"]
    found = _PORTS.fullmatch(text)
    if found is None:
        raise invalid("resource.portRange", text, "Must be a match of regex '\\d+(?:-\\d+)?'")
    first, last = int(found[1]), int(found[2] or found[1])
    if first != last:
        why = "Port range must be a single port for a global target proxy."
        raise invalid("resource.portRange", text, why)
    if not 1 <= first <= 65535:  # noqa: PLR2004 - TCP
        raise invalid("resource.portRange", text, "Ports are between 1 and 65535.")
    proxies = draft.body["target"].split("/")[-2]
    classic = draft.body["loadBalancingScheme"] == "EXTERNAL"
    if classic and first not in _CLASSIC_PORTS[proxies]:
        ports = ", ".join(str(port) for port in sorted(_CLASSIC_PORTS[proxies]))
        raise invalid("resource.portRange", text, f"Supported ports for this target: {ports}.")
    draft.body["portRange"] = f"{first}-{first}"
    return first


def _reserved(draft: Draft, resources: Resources, chosen: str) -> str:
    """Give the IP of the reserved address that *chosen* is, names or links."""
    path = path_of(chosen, draft.project)
    if path is None and not _is_ip(chosen):
        path = f"projects/{draft.project}/global/addresses/{chosen}"
    for other, item in resources.each(draft.project, "addresses", "global"):
        if chosen == item["address"] or other == path:
            return str(item["address"])
    why = "The referenced address resource cannot be found."
    if path is None:
        why = "Specified IP address is not reserved in this project."
    raise invalid("resource.IPAddress", chosen, why)


def _is_ip(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True
