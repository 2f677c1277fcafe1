"""
The functions' world, whose load balancing is the local cloud's, over the wire.

Members, sources, zone, store and clock are those of `tests.functions.world`. Load balancing goes
through the product's own adapter and Google's client to the wire of the lab, where faults happen;
whoever meddles does so with `google-cloud-compute`, too. Time stands still but for waiting.
"""

import itertools
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from google.auth.credentials import AnonymousCredentials
from google.cloud import compute_v1

from fedingress.adapters.gcp.load_balancers import GceLoadBalancers
from fedingress.domain.graph import GlobalResource, Kind
from fedingress.ports.guard import Guard
from fedingress.ports.load_balancers import Operation
from localcloud.faults import Fault
from localcloud.gcp.errors import GoogleError
from localcloud.gcp.operations import OperationFault
from tests.contract.local_gcp import RunningCloud, running_cloud
from tests.functions.test_life import conditions
from tests.functions.world import MEMBERS, VirtualClock, World, ingress_manifest

PROJECT = "lab"
_SERVERS = frozenset(
    {"id", "kind", "selfLink", "creationTimestamp", "fingerprint", "address", "certificate"}
)
_STEP_SECONDS = 40.0
_CLIENTS = {
    Kind.FIREWALL: ("Firewalls", "Firewall", "firewall"),
    Kind.SECURITY_POLICY: ("SecurityPolicies", "SecurityPolicy", "security_policy"),
    Kind.ADDRESS: ("GlobalAddresses", "Address", "address"),
    Kind.SSL_CERTIFICATE: ("SslCertificates", "SslCertificate", "ssl_certificate"),
    Kind.SSL_POLICY: ("SslPolicies", "SslPolicy", "ssl_policy"),
    Kind.HEALTH_CHECK: ("HealthChecks", "HealthCheck", "health_check"),
    Kind.BACKEND_SERVICE: ("BackendServices", "BackendService", "backend_service"),
    Kind.URL_MAP: ("UrlMaps", "UrlMap", "url_map"),
    Kind.TARGET_HTTP_PROXY: ("TargetHttpProxies", "TargetHttpProxy", "target_http_proxy"),
    Kind.TARGET_HTTPS_PROXY: ("TargetHttpsProxies", "TargetHttpsProxy", "target_https_proxy"),
    Kind.FORWARDING_RULE: ("GlobalForwardingRules", "ForwardingRule", "forwarding_rule"),
}


class VirtualGce(GceLoadBalancers):
    """
    The product's adapter; waiting for operations moves the world's clock.

    fault, calls: as those of the twin in memory.
    """

    def __init__(self, running: RunningCloud, clock: VirtualClock) -> None:
        super().__init__(running.endpoint, now=clock.now, credentials=AnonymousCredentials)
        self.calls: list[tuple[str, str]] = []
        self.fault = lambda *_: None
        self._running = running
        self._clock = clock
        self._hosts = itertools.count(1)
        self._leaving: set[str] = set()

    def add_neg(self, project: str, zone: str, name: str, endpoints: int, healthy: int) -> None:
        """A member's controller makes a group, all of whose endpoints are *healthy*."""
        path = f"projects/{project}/zones/{zone}/networkEndpointGroups/{name}"
        if path in self._running.cloud.compute:
            self._leaving.discard(path)
            return
        network = f"projects/{project}/global/networks/default"
        body = {"networkEndpointType": "GCE_VM_IP_PORT", "network": network}
        members = [
            {"ipAddress": f"10.0.0.{next(self._hosts)}", "port": 8080, "instance": "node"}
            for _ in range(min(endpoints, healthy))
        ]
        self._running.do(lambda: self._running.cloud.insert(path, body))
        self._running.do(lambda: self._running.cloud.attach(path, members))

    def remove_neg(self, project: str, zone: str, name: str) -> None:
        """A member's controller deletes a group, again and again until nothing refers to it."""
        self._leaving.add(f"projects/{project}/zones/{zone}/networkEndpointGroups/{name}")
        self._sweep()

    def add_instance_group(
        self, project: str, zone: str, name: str, nodes: int, _healthy: Any
    ) -> None:
        """A member's controller groups its nodes, all of which are healthy."""
        cloud, place = self._running.cloud, f"projects/{project}/zones/{zone}"
        path = f"{place}/instanceGroups/{name}"
        if path in cloud.compute:
            return
        hosts = [next(self._hosts) for _ in range(nodes)]

        def group() -> None:
            cloud.insert(path, {})
            for host in hosts:
                cloud.create_instance(f"{place}/instances/n-{host}", address=f"10.0.1.{host}")
            if hosts:
                cloud.add_instances(path, [f"{place}/instances/n-{host}" for host in hosts])

        self._running.do(group)

    def remove_instance_group(self, project: str, zone: str, name: str) -> bool:
        """A member's controller deletes its group; False while something refers to it."""
        path = f"projects/{project}/zones/{zone}/instanceGroups/{name}"
        try:
            self._running.do(lambda: self._running.cloud.delete(path))
        except GoogleError as error:
            return error.status == 404
        return True

    def create(self, desired: GlobalResource, guard: Guard) -> Operation | None:
        """As the adapter does, between two looks of the hook."""
        return self._seen("create", desired, lambda: super(VirtualGce, self).create(desired, guard))

    def update(
        self, observed: GlobalResource, desired: GlobalResource, guard: Guard
    ) -> Operation | None:
        """As the adapter does, between two looks of the hook."""
        return self._seen(
            "update", desired, lambda: super(VirtualGce, self).update(observed, desired, guard)
        )

    def delete(self, observed: GlobalResource, guard: Guard) -> Operation | None:
        """As the adapter does, between two looks of the hook."""
        return self._seen(
            "delete", observed, lambda: super(VirtualGce, self).delete(observed, guard)
        )

    def wait(
        self, pending: Sequence[Operation], *, seconds: float
    ) -> tuple[Sequence[Operation], Sequence[str]]:
        """As the adapter does, one look after the other while the world's clock goes on."""
        deadline, sentences = self._clock.now() + seconds, []
        while True:
            pending, found = super().wait(pending, seconds=0.0)
            sentences += found
            left = deadline - self._clock.now()
            if not pending or left <= 0:
                self._sweep()
                return pending, sentences
            self._clock.sleep(min(left, _STEP_SECONDS))

    def _seen(self, verb: str, item: GlobalResource, call: Any) -> Operation | None:
        self.fault("before", verb, item.label)
        done = call()
        self.calls.append((verb, item.label))
        self.fault("after", verb, item.label)
        return done

    def _sweep(self) -> None:
        for path in sorted(self._leaving):
            try:
                self._running.do(lambda path=path: self._running.cloud.delete(path))
            except GoogleError:
                continue
            self._leaving.discard(path)


class GceWorld(World):
    """The world; `cloud` is the lab's Google Cloud, `quotas` the most of each collection."""

    def __init__(self, running: RunningCloud, clock: VirtualClock, members: Any = MEMBERS) -> None:
        self.running = running
        self.quotas: dict[str, int] = {}
        self.cloud = running.cloud
        super().__init__(members, clock=clock)  # by which the cloud's operations end, too
        self.load_balancers = VirtualGce(running, clock)
        self._wire()

    def client(self, kind: Kind) -> Any:
        """Google's own client of one collection."""
        options = {"api_endpoint": self.running.endpoint}
        made = getattr(compute_v1, f"{_CLIENTS[kind][0]}Client")
        return made(credentials=AnonymousCredentials(), client_options=options)

    def see(self, kind: Kind) -> list[Any]:
        """Everything of a collection, as Google's client reads it, by name."""
        return sorted(self.client(kind).list(project=PROJECT), key=lambda item: item.name)

    def get(self, kind: Kind, name: str) -> Any:
        """One resource, as Google's client reads it."""
        return self.client(kind).get(**{"project": PROJECT, _CLIENTS[kind][2]: name})

    def put(self, kind: Kind, **fields: Any) -> Any:
        """Somebody makes a resource."""
        message = getattr(compute_v1, _CLIENTS[kind][1])(**fields)
        argument = f"{_CLIENTS[kind][2]}_resource"
        self.client(kind).insert_unary(**{"project": PROJECT, argument: message})
        return self.get(kind, fields["name"])

    def have(self, kind: Kind, name: str, body: dict[str, Any]) -> None:
        """Somebody's resource stands there, with all that Google's client can write of *body*."""
        message = getattr(compute_v1, _CLIENTS[kind][1])
        kept = {key: value for key, value in body.items() if key not in _SERVERS}
        made = message.from_json(json.dumps({**kept, "name": name}), ignore_unknown_fields=True)
        argument = f"{_CLIENTS[kind][2]}_resource"
        self.client(kind).insert_unary(**{"project": PROJECT, argument: made})

    def patch(self, kind: Kind, name: str, **fields: Any) -> None:
        """Somebody writes these fields of a resource."""
        current = self.get(kind, name)
        if "fingerprint" in type(current).meta.fields:
            fields["fingerprint"] = current.fingerprint
        message = getattr(compute_v1, _CLIENTS[kind][1])(**fields)
        argument = _CLIENTS[kind][2]
        request = {"project": PROJECT, argument: name, f"{argument}_resource": message}
        self.client(kind).patch_unary(**request)

    def drop(self, kind: Kind, name: str) -> None:
        """Somebody deletes a resource."""
        self.client(kind).delete_unary(**{"project": PROJECT, _CLIENTS[kind][2]: name})

    def slow_down(self, seconds: float) -> None:
        """Let operations take so long from now on."""
        self.running.do(lambda: setattr(self.cloud._operations, "seconds", seconds))

    def strike(self, **fault: Any) -> None:
        """Let the product's requests meet a fault at the wire."""
        made = Fault(caller="fedingress", **fault)
        self.running.do(lambda: self.cloud.faults.add(made))

    def fail(self, **fault: Any) -> None:
        """Let operations be accepted and come to nothing."""
        self.running.do(lambda: self.cloud.fail_operation(OperationFault(**fault)))

    def deny(self, *permissions: str) -> None:
        """Take permissions away; none gives all back."""
        denied = self.cloud.access.denied
        self.running.do(lambda: (denied.clear(), denied.update(permissions)))

    def recover(self) -> None:
        """Whatever went wrong goes wrong no more."""
        self.running.do(self.cloud.faults.clear)
        self.deny()

    def waiting(self) -> int:
        """How many faults nobody has met yet."""
        return len(self.cloud.faults.list())

    def verdicts(self) -> dict[str, str]:
        """Status of each condition of the shop."""
        return {kind: item["status"] for kind, item in conditions(self).items()}

    def look(self, within_seconds: float = 1800.0) -> None:
        """The resync of the graph and of the firewall."""
        self.tell("backends", "shop/shop", "resync")
        self.tell("backends", "firewall:lab/default", "resync")
        self.settle(within_seconds=within_seconds)


GOOD = {"Accepted": "True", "Programmed": "True", "Published": "True", "Degraded": "False"}


@contextmanager
def gce_world(*, operation_seconds: float = 0.0, members: Any = MEMBERS) -> Iterator[GceWorld]:
    """A world before anything is submitted, with class and policy."""
    clock, quotas = VirtualClock(), {}
    settings = {"clock": clock.now, "quotas": quotas, "require_token": False}
    with running_cloud(PROJECT, operation_seconds=operation_seconds, **settings) as running:
        running.cloud.health = lambda _service, group: {
            (each["ipAddress"], each["port"]): "HEALTHY"
            for each in running.cloud.endpoints.get(group, ())
        }
        world = GceWorld(running, clock, members)
        world.quotas = quotas
        world.install()
        yield world


def serve(world: GceWorld, **ingress: Any) -> GceWorld:
    """Submit the shop, and let everything come to rest."""
    world.submit(ingress_manifest(**ingress))
    world.settle()
    return world
