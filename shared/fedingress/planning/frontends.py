"""
The front half of one Ingress's graph: address, URL maps, proxies, forwarding rules.

Called by `planning.backends`, which knows the half behind the URL map; `planning.certificates`
knows what the HTTPS proxy shows.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from fedingress.domain.front import Front
from fedingress.domain.graph import GlobalResource, Kind
from fedingress.domain.ingress import Ingress
from fedingress.planning import url_map
from fedingress.planning.certificates import Make, Problem, Shown, shown
from fedingress.planning.url_map import Services

UNKNOWN_ADDRESS: Final = "(known after apply)"
HTTP, HTTPS = "fr-http", "fr-https"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plot:
    """One graph's front end: what is wanted, how resources of it are made, what stands."""

    front: Front
    make: Make
    ingress: Ingress
    observed: Sequence[GlobalResource]

    def stands(self, kind: Kind, name: str) -> GlobalResource | None:
        """The observed resource under a name of this graph."""
        wanted = self.make(kind, name, {}).path
        return next((item for item in self.observed if item.path == wanted), None)

    def shown(self) -> Shown:
        """The certificates of the HTTPS proxy."""
        return shown(self.front, self.make, self.ingress.hosts, self.observed)

    @property
    def http(self) -> bool:
        """Whether to listen on port 80: HTTP that serves goes only once HTTPS does."""
        alone = self.stands(Kind.FORWARDING_RULE, HTTP) and not self.stands(
            Kind.FORWARDING_RULE, HTTPS
        )
        return self.front.wish.http or bool(alone)


def desired(plot: Plot, services: Services) -> list[GlobalResource]:
    """
    Everything from the address to the URL map, in no order.

    Forwarding rules name the reserved address itself; until that is observed they say
    `UNKNOWN_ADDRESS`.
    """
    make = plot.make
    address = make(Kind.ADDRESS, "vip", {"addressType": "EXTERNAL", "ipVersion": "IPV4"})
    literal = vip(plot.stands(Kind.ADDRESS, "vip"))
    routes = make(Kind.URL_MAP, "um", url_map.spec(plot.ingress, services))
    certificates = plot.shown()
    made = [address, routes, *certificates.certificates]
    if certificates:
        secure = _https_proxy(plot, certificates, routes, made)
        made += [secure, _rule(make, HTTPS, literal, secure, 443)]
    if plot.http:
        serving = routes
        if certificates and plot.front.tls.redirect:
            serving = _redirecting(plot, certificates, services, routes, made)
        proxy = make(Kind.TARGET_HTTP_PROXY, "tp", {"urlMap": serving.path})
        made += [proxy, _rule(make, HTTP, literal, proxy, 80)]
    return made


def problems(plot: Plot) -> Iterator[Problem]:
    """What of the wish cannot be fulfilled although the graph stands."""
    certificates = plot.shown()
    yield from certificates.problems
    if not plot.front.wish.http and not certificates:
        text = "HTTP is turned off and there is no certificate to serve HTTPS with"
        yield ("NoCertificate", f"{text}; HTTP stays" if plot.http else text)
    if certificates and plot.front.tls.redirect and plot.http:
        for host in _bare(plot, certificates):
            text = f"no certificate names {host}, so its requests are not redirected to HTTPS"
            yield ("HostWithoutCertificate", text)


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
    listens = plot.stands(Kind.FORWARDING_RULE, HTTPS)
    serves = plot.stands(Kind.FORWARDING_RULE, HTTP)
    return routes if serves and not listens else redirects


def _bare(plot: Plot, certificates: Shown) -> Iterator[str]:
    """Hosts for which no certificate is shown: a redirect would be their outage."""
    return (host for host in plot.ingress.hosts if not certificates.serves(host))
