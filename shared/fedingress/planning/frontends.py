"""
The front half of one Ingress's graph: address, URL maps, proxies, forwarding rules.

Called by `planning.backends`, which knows the half behind the URL map; `planning.certificates`
knows what the HTTPS proxy shows.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from fedingress.domain.front import Front
from fedingress.domain.graph import GlobalResource, Kind
from fedingress.domain.ingress import Ingress
from fedingress.planning import url_map
from fedingress.planning.addresses import UNKNOWN_ADDRESS, Family, families
from fedingress.planning.certificates import Make, Problem, Shown, shown
from fedingress.planning.url_map import Services

HTTP, HTTPS = ("http", 80), ("https", 443)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plot:
    """One graph's front end: what is wanted, how resources of it are made, what stands."""

    front: Front
    make: Make
    ingress: Ingress
    observed: Sequence[GlobalResource]

    def listens(self, port: int) -> bool:
        """Whether a forwarding rule of this graph stands on *port*, at whatever address."""
        mark = self.make(Kind.FORWARDING_RULE, "", {}).mark
        return any(
            item.kind is Kind.FORWARDING_RULE
            and item.mark == mark
            and item.spec.get("portRange") == f"{port}-{port}"
            for item in self.observed
        )

    def literal(self, family: Family) -> str:
        """The IP of an address, or `UNKNOWN_ADDRESS`."""
        return family.found(self.make(Kind.ADDRESS, "", {}).name, self.observed)

    def literals(self) -> tuple[str, ...]:
        """The known IPs that are wanted, IPv4 first."""
        found = (self.literal(family) for family in families(self.front))
        return tuple(literal for literal in found if literal != UNKNOWN_ADDRESS)

    def shown(self) -> Shown:
        """The certificates of the HTTPS proxy."""
        return shown(self.front, self.make, self.ingress.hosts, self.observed)

    @property
    def http(self) -> bool:
        """Whether to listen on port 80: HTTP that serves goes only once HTTPS does."""
        return self.front.wish.http or (self.listens(80) and not self.listens(443))


def desired(plot: Plot, services: Services) -> list[GlobalResource]:
    """
    Everything from the address to the URL map, in no order.

    Forwarding rules name the address itself; until that is observed they say `UNKNOWN_ADDRESS`.
    """
    make = plot.make
    made = [
        make(Kind.ADDRESS, each.reserved, {"addressType": "EXTERNAL", "ipVersion": each.version})
        for each in families(plot.front)
        if not each.adopted
    ]
    routes = make(Kind.URL_MAP, "um", url_map.spec(plot.ingress, services))
    certificates = plot.shown()
    made += [routes, *certificates.certificates]
    if certificates:
        secure = _https_proxy(plot, certificates, routes, made)
        made += [secure, *_rules(plot, HTTPS, secure)]
    if plot.http:
        serving = routes
        if certificates and plot.front.tls.redirect:
            serving = _redirecting(plot, certificates, services, routes, made)
        proxy = make(Kind.TARGET_HTTP_PROXY, "tp", {"urlMap": serving.path})
        made += [proxy, *_rules(plot, HTTP, proxy)]
    return made


def problems(plot: Plot) -> Iterator[Problem]:
    """What of the wish cannot be fulfilled although the graph stands."""
    for family in families(plot.front):
        if family.adopted and plot.literal(family) == UNKNOWN_ADDRESS:
            kind = "IPv6" if family.version == "IPV6" else "IPv4"
            text = f"no global {kind} address {family.adopted} is reserved in the project"
            yield ("AddressMissing", text)
    certificates = plot.shown()
    yield from certificates.problems
    if not plot.front.wish.http and not certificates:
        text = "HTTP is turned off and there is no certificate to serve HTTPS with"
        yield ("NoCertificate", f"{text}; HTTP stays" if plot.http else text)
    if certificates and plot.front.tls.redirect and plot.http:
        for host in _bare(plot, certificates):
            text = f"no certificate names {host}, so its requests are not redirected to HTTPS"
            yield ("HostWithoutCertificate", text)


def _rules(plot: Plot, way: tuple[str, int], proxy: GlobalResource) -> Iterator[GlobalResource]:
    """One forwarding rule to *proxy* per family of addresses."""
    scheme, port = way
    for family in families(plot.front):
        spec = {
            "IPAddress": plot.literal(family),
            "IPProtocol": "TCP",
            "loadBalancingScheme": "EXTERNAL_MANAGED",
            "portRange": f"{port}-{port}",
            "target": proxy.path,
        }
        yield plot.make(Kind.FORWARDING_RULE, family.rule(scheme), spec)


def _https_proxy(
    plot: Plot, certificates: Shown, routes: GlobalResource, made: list[GlobalResource]
) -> GlobalResource:
    """The proxy on port 443; its SSL policy joins *made* when it is ours."""
    tls = plot.front.tls
    policy = None
    if tls.minimum_version:
        own = plot.make(Kind.SSL_POLICY, "ssl", _ssl_policy(tls.minimum_version))
        made.append(own)
        policy = own.path
    elif tls.ssl_policy:
        project = routes.project
        policy = f"projects/{project}/global/{Kind.SSL_POLICY.value}/{tls.ssl_policy}"
    spec = {
        "urlMap": routes.path,
        "sslCertificates": list(certificates.references),
        "certificateMap": certificates.certificate_map or None,
        "sslPolicy": policy,
    }
    return plot.make(Kind.TARGET_HTTPS_PROXY, "tps", spec)


def _ssl_policy(version: str) -> dict[str, Any]:
    """TLS 1.3 alone is served by the restricted profile only."""
    profile = "RESTRICTED" if version == "1.3" else "COMPATIBLE"
    return {"minTlsVersion": f"TLS_{version.replace('.', '_')}", "profile": profile}


def _redirecting(
    plot: Plot,
    certificates: Shown,
    services: Services,
    routes: GlobalResource,
    made: list[GlobalResource],
) -> GlobalResource:
    """
    The URL map of port 80 once requests are redirected; it joins *made*.

    A proxy that serves goes over to it only when HTTPS listens.
    """
    spec = url_map.redirect(plot.ingress, services, tuple(_bare(plot, certificates)))
    redirects = plot.make(Kind.URL_MAP, "rm", spec)
    made.append(redirects)
    return routes if plot.listens(80) and not plot.listens(443) else redirects


def _bare(plot: Plot, certificates: Shown) -> Iterator[str]:
    """Hosts for which no certificate is shown: a redirect would be their outage."""
    return (host for host in plot.ingress.hosts if not certificates.serves(host))
