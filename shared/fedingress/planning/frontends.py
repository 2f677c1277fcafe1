"""
The front half of one Ingress's graph: address, certificates, URL map, proxies, forwarding rules.

Called by `planning.backends`, which knows the half behind the URL map. A certificate is named after
its Secret and its chain, so that a new chain is a new resource: it is created, the proxy takes it,
and only then the old one goes.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from fedingress.domain import names
from fedingress.domain.certificate import SecretRead
from fedingress.domain.graph import GlobalResource, Kind
from fedingress.domain.ingress import Ingress
from fedingress.planning import url_map
from fedingress.planning.url_map import Services

UNKNOWN_ADDRESS: Final = "(known after apply)"
MOST_CERTIFICATES: Final = 15
"""Of one target HTTPS proxy. Source: Google Cloud, "Quotas and limits" of Cloud Load Balancing."""

Make = Callable[[Kind, str, Mapping[str, Any]], GlobalResource]
"""A desired resource of one graph: its kind, the last part of its name, its spec."""
Problem = tuple[str, str]
"""A reason, CamelCase, and a sentence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Front:
    """
    How clients shall reach the graph.

    secrets: of `spec.tls`, in order; the first is shown to clients that name no host.
    now: Unix seconds.
    """

    secrets: tuple[SecretRead, ...] = ()
    now: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """The certificates of the HTTPS proxy: their resources, in order, and what is wrong."""

    certificates: tuple[GlobalResource, ...] = ()
    problems: tuple[Problem, ...] = ()


def desired(
    front: Front,
    make: Make,
    ingress: Ingress,
    services: Services,
    observed: Sequence[GlobalResource],
) -> list[GlobalResource]:
    """
    Everything from the address to the URL map, in no order.

    Forwarding rules name the reserved address itself; until that is observed they say
    `UNKNOWN_ADDRESS`.
    """
    address = make(Kind.ADDRESS, "vip", {"addressType": "EXTERNAL", "ipVersion": "IPV4"})
    found = [item for item in observed if (item.kind, item.name) == (address.kind, address.name)]
    routes = make(Kind.URL_MAP, "um", url_map.spec(ingress, services))
    proxy = make(Kind.TARGET_HTTP_PROXY, "tp", {"urlMap": routes.path})
    literal = vip(found[0] if found else None)
    made = [address, routes, proxy, _rule(make, "fr-http", literal, proxy, 80)]
    if certificates := shown(front, make, observed).certificates:
        secure = make(
            Kind.TARGET_HTTPS_PROXY,
            "tps",
            {"urlMap": routes.path, "sslCertificates": [item.path for item in certificates]},
        )
        made += [*certificates, secure, _rule(make, "fr-https", literal, secure, 443)]
    return made


def vip(address: GlobalResource | None) -> str:
    """The literal IP of a reserved address, or `UNKNOWN_ADDRESS`."""
    return str(address.output.get("address") or UNKNOWN_ADDRESS) if address else UNKNOWN_ADDRESS


def _rule(make: Make, name: str, address: str, proxy: GlobalResource, port: int) -> GlobalResource:
    spec = {
        "IPAddress": address,
        "IPProtocol": "TCP",
        "loadBalancingScheme": "EXTERNAL_MANAGED",
        "portRange": f"{port}-{port}",
        "target": proxy.path,
    }
    return make(Kind.FORWARDING_RULE, name, spec)


def shown(front: Front, make: Make, observed: Sequence[GlobalResource]) -> Shown:
    """
    The certificates to show, in the order of the Secrets.

    A Secret that is missing or at fault keeps the certificate that it gave before, so that one bad
    Secret is no outage: neither of its own hosts nor of the others.
    """
    certificates: list[GlobalResource] = []
    problems: list[Problem] = []
    for read in front.secrets:
        item, wrong = _certificate(read, front.now, make, observed)
        problems += wrong
        if item is not None:
            certificates.append(item)
    if len(certificates) > MOST_CERTIFICATES:
        text = f"{len(certificates)} certificates are wanted; the first {MOST_CERTIFICATES} serve"
        problems.append(("TooManyCertificates", text))
    return Shown(certificates=tuple(certificates[:MOST_CERTIFICATES]), problems=tuple(problems))


def _certificate(
    read: SecretRead, now: float, make: Make, observed: Sequence[GlobalResource]
) -> tuple[GlobalResource | None, list[Problem]]:
    begin = f"cert-{names.short_hash(read.secret)}-"
    stem = make(Kind.SSL_CERTIFICATE, begin, {})
    before = {
        item.name: item
        for item in observed
        if item.name.startswith(stem.name) and item.mark == stem.mark
    }
    pair = read.pair
    if pair is None:
        return _kept(before, observed), [_standing(read.fault, before)]
    item = make(Kind.SSL_CERTIFICATE, begin + pair.digest, {"type": "SELF_MANAGED"})
    if pair.expires_at <= now:
        fault = ("CertificateExpired", f"the certificate in Secret {read.secret} has expired")
        kept = before.get(item.name) or _kept(before, observed)
        return kept, [_standing(fault, before)]
    secret = {"selfManaged": {"certificate": pair.chain, "privateKey": pair.key}}
    return item.with_unread(secret), list(_unserved(read))


def _kept(
    before: Mapping[str, GlobalResource], observed: Sequence[GlobalResource]
) -> GlobalResource | None:
    """Of the certificates that a Secret gave before, the one that is shown now."""
    proxies = [item for item in observed if item.kind is Kind.TARGET_HTTPS_PROXY]
    used = {path for proxy in proxies for path in proxy.spec.get("sslCertificates") or ()}
    ranked = sorted(before.values(), key=lambda item: (item.path in used, item.name))
    return ranked[-1] if ranked else None


def _standing(fault: Problem, before: Mapping[str, GlobalResource]) -> Problem:
    reason, text = fault
    return (reason, f"{text}; the certificate that it gave before stays") if before else fault


def _unserved(read: SecretRead) -> Iterator[Problem]:
    for host in read.hosts:
        if read.pair and not read.pair.serves(host):
            yield (
                "HostNotInCertificate",
                f"the certificate in Secret {read.secret} does not name {host}",
            )
