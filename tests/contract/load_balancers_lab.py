"""A cloud behind the port `LoadBalancers`, and the graph of one Ingress; for its contract."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

from fedingress.domain.errors import LeaseLost
from fedingress.domain.graph import GlobalResource, Kind, Mark, NegRef
from fedingress.ports.guard import Unguarded
from fedingress.ports.load_balancers import LoadBalancers
from tests.certificates import issued

PROJECT = "lab"
ZONES = ("us-central1-a", "us-central1-b")
PREFIX = "fedingress-abc-"
MARK = Mark(owner="lab", uid="u-1", source="shop/web")
GUARD = Unguarded()
ABORT = {"faultInjectionPolicy": {"abort": {"httpStatus": 404, "percentage": 100}}}


class Fenced:
    """A guard whose lease is over."""

    def check(self, call_timeout_seconds: float) -> None:
        raise LeaseLost(f"not {call_timeout_seconds} s left")

    def remaining_seconds(self) -> float:
        return -1.0


class Cloud(Protocol):
    """The cloud behind the port, as its clusters, its people and its operator see it."""

    def add_neg(self, zone: str, name: str, endpoints: int, healthy: int) -> None: ...
    def add_instance_group(
        self, zone: str, name: str, port: int, *, nodes: int, healthy: int
    ) -> None: ...
    def put(self, kind: Kind, name: str, spec: Mapping[str, Any]) -> None: ...
    def slow_down(self, seconds: float) -> None: ...
    def writes(self) -> int: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Lab:
    port: LoadBalancers
    cloud: Cloud

    def create(self, item: GlobalResource) -> GlobalResource:
        """Create and wait; the resource as observed afterwards."""
        self.finish(self.port.create(item, GUARD))
        return self.see(item)

    def update(self, observed: GlobalResource, desired: GlobalResource) -> GlobalResource:
        """Update and wait; the resource as observed afterwards."""
        operation = self.port.update(observed, desired, GUARD)
        assert operation is not None
        self.finish(operation)
        return self.see(desired)

    def delete(self, observed: GlobalResource) -> None:
        """Delete and wait."""
        self.finish(self.port.delete(observed, GUARD))

    def finish(self, operation) -> None:
        pending, errors = self.port.wait([operation], seconds=10)
        assert not pending
        assert not errors

    def find(self, item: GlobalResource) -> GlobalResource | None:
        found = self.port.observe(PROJECT, [item.kind], item.name)
        return next((each for each in found if each.name == item.name), None)

    def see(self, item: GlobalResource) -> GlobalResource:
        found = self.find(item)
        assert found is not None
        return found

    def build(self, *negs: NegRef) -> dict[Kind, GlobalResource]:
        """The whole graph of one Ingress, created stage by stage; as observed."""
        made = {Kind.ADDRESS: self.create(address())}
        vip = str(made[Kind.ADDRESS].output["address"])
        for item in (health_check(), service(*negs), url_map(), proxy(), rule(vip), firewall()):
            made[item.kind] = self.create(item)
        return made


def resource(kind: Kind, name: str, spec: Mapping[str, Any], mark: Mark = MARK) -> GlobalResource:
    return GlobalResource(kind=kind, project=PROJECT, name=PREFIX + name, spec=spec, mark=mark)


def neg(name: str, zone: str = ZONES[0]) -> NegRef:
    return NegRef(project=PROJECT, zone=zone, name=name)


def address(name: str = "vip") -> GlobalResource:
    return resource(Kind.ADDRESS, name, {"addressType": "EXTERNAL", "ipVersion": "IPV4"})


def health_check(**fields: Any) -> GlobalResource:
    spec = {
        "type": "HTTP",
        "checkIntervalSec": 15,
        "timeoutSec": 15,
        "healthyThreshold": 1,
        "unhealthyThreshold": 2,
        "httpHealthCheck": {"requestPath": "/healthz", "portSpecification": "USE_SERVING_PORT"},
    }
    return resource(Kind.HEALTH_CHECK, "hc", {**spec, **fields})


def backend(group: NegRef, **fields: Any) -> dict[str, Any]:
    entry = {"group": group.path, "balancingMode": "RATE", "maxRatePerEndpoint": 1e14}
    return {**entry, "capacityScaler": 1, **fields}


def service(*negs: NegRef, name: str = "bs", **fields: Any) -> GlobalResource:
    spec = {
        "loadBalancingScheme": "EXTERNAL_MANAGED",
        "protocol": "HTTP",
        "timeoutSec": 30,
        "connectionDraining": {"drainingTimeoutSec": 30},
        "healthChecks": [health_check().path],
        "backends": [backend(each) for each in negs],
    }
    return resource(Kind.BACKEND_SERVICE, name, {**spec, **fields})


def url_map(host: str = "web.example.com", name: str = "um", **fields: Any) -> GlobalResource:
    path = service().path
    matcher = {
        "name": "m-web",
        "defaultService": path,
        "defaultRouteAction": ABORT,
        "pathRules": [{"paths": ["/", "/*"], "service": path}],
    }
    spec = {
        "defaultService": path,
        "defaultRouteAction": ABORT,
        "hostRules": [{"hosts": [host], "pathMatcher": "m-web"}],
        "pathMatchers": [matcher],
    }
    return resource(Kind.URL_MAP, name, {**spec, **fields})


def proxy(target: str = "um", name: str = "tp") -> GlobalResource:
    return resource(Kind.TARGET_HTTP_PROXY, name, {"urlMap": url_map(name=target).path})


def certificate(name: str = "cert", **unread: str) -> GlobalResource:
    """A self-managed certificate; its chain and key are only written."""
    chain, key = issued(f"{name}.example.com")
    item = resource(Kind.SSL_CERTIFICATE, name, {"type": "SELF_MANAGED"})
    own = {"certificate": chain, "privateKey": key, **unread}
    return item.with_unread({"selfManaged": own})


def ssl_policy(lowest: str = "TLS_1_2", name: str = "ssl") -> GlobalResource:
    spec = {"minTlsVersion": lowest, "profile": "COMPATIBLE"}
    return resource(Kind.SSL_POLICY, name, spec)


def https_proxy(*certificates: str, target: str = "um", **fields: Any) -> GlobalResource:
    paths = [resource(Kind.SSL_CERTIFICATE, each, {}).path for each in certificates]
    spec = {"urlMap": url_map(name=target).path, "sslCertificates": paths, **fields}
    return resource(Kind.TARGET_HTTPS_PROXY, "tps", spec)


def rule(vip: str, target: str = "tp", name: str = "fr") -> GlobalResource:
    spec = {
        "IPAddress": vip,
        "IPProtocol": "TCP",
        "loadBalancingScheme": "EXTERNAL_MANAGED",
        "portRange": "80-80",
        "target": proxy(name=target).path,
        "networkTier": "PREMIUM",
    }
    return resource(Kind.FORWARDING_RULE, name, spec)


def firewall(**fields: Any) -> GlobalResource:
    spec = {
        "network": f"projects/{PROJECT}/global/networks/default",
        "direction": "INGRESS",
        "sourceRanges": ["130.211.0.0/22", "35.191.0.0/16"],
        "allowed": [{"IPProtocol": "tcp"}],
    }
    return resource(Kind.FIREWALL, "probes", {**spec, **fields})


def changed(item: GlobalResource, **fields: Any) -> GlobalResource:
    """*item* as desired, with other fields."""
    return replace(item, spec={**item.spec, **fields})


def names(found: Sequence[GlobalResource]) -> list[str]:
    return sorted(item.name for item in found)
