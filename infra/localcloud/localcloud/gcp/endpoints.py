"""
Endpoints of NEGs: attach, detach, list; and their health, as the data plane tells it.

Health comes from a callback (`Health`); without one, and for endpoints that it does not name, the
state is UNKNOWN. Nothing here guesses. An instance group's health is that of its instances at the
named port of the backend service; one without that port has no healthy instance.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from localcloud.gcp.errors import GoogleError, invalid, required
from localcloud.gcp.operations import Operation, Operations
from localcloud.gcp.references import BASE, path_of
from localcloud.gcp.resources import Object, Resources
from localcloud.gcp.rules.backend_services import groups

Health = Callable[[str, str], Mapping[tuple[str, int], str]]
"""Paths of backend service and NEG to (IP, port) to HEALTHY or UNHEALTHY."""

_NEEDS = {
    "GCE_VM_IP": ("instance",),
    "GCE_VM_IP_PORT": ("instance", "ipAddress"),  # the instance itself is not looked up
    "NON_GCP_PRIVATE_IP_PORT": ("ipAddress",),
    "INTERNET_IP_PORT": ("ipAddress",),
    "INTERNET_FQDN_PORT": ("fqdn",),
}
_WITHOUT_PORT = frozenset({"GCE_VM_IP"})
_MOST_AT_ONCE = 500


class Endpoints:
    """The endpoints of all NEGs."""

    def __init__(self, resources: Resources, operations: Operations) -> None:
        self._resources = resources
        self._operations = operations
        self.health: Health | None = None

    def attach(self, path: str, endpoints: Sequence[Object], *, at_once: bool = False) -> Operation:
        """
        Add *endpoints* to the NEG at *path*; those that are there already stay.

        Raises:
            GoogleError: 400, 404.
        """
        group = self._resources.need(path)
        wanted = self._checked(group, endpoints)

        def finish() -> None:
            stored = self._stored(path)
            stored += [each for each in wanted if _key(each) not in {_key(e) for e in stored}]
            self._count(path)

        return self._begin("attachNetworkEndpoints", path, finish, at_once=at_once)

    def detach(self, path: str, endpoints: Sequence[Object], *, at_once: bool = False) -> Operation:
        """
        Take *endpoints* from the NEG at *path*.

        Raises:
            GoogleError: 400 for an endpoint that is not there, 404.
        """
        group = self._resources.need(path)
        gone = {_key(each) for each in self._checked(group, endpoints)}
        missing = gone - {_key(each) for each in self._resources.endpoints[path]}
        if missing:
            words = ":".join(str(part) for part in min(missing, key=str) if part)
            message = f"The network endpoint '{words}' does not exist in '{path}'"
            raise GoogleError(400, "invalid", message)

        def finish() -> None:
            stored = self._stored(path)
            stored[:] = [each for each in stored if _key(each) not in gone]
            self._count(path)

        return self._begin("detachNetworkEndpoints", path, finish, at_once=at_once)

    def listed(self, path: str, *, health: bool) -> list[Object]:
        """
        Give ``NetworkEndpointWithHealthStatus`` of each endpoint, with *health* if asked.

        Raises:
            GoogleError: 404.
        """
        self._resources.need(path)
        services = self._services(path) if health else []
        states = {service: self._states(service, path) for service in services}
        return [
            {
                "networkEndpoint": dict(endpoint),
                **(
                    {
                        "healths": [
                            {
                                "backendService": {"backendService": BASE + service},
                                "healthState": states[service].get(_place(endpoint), "UNKNOWN"),
                            }
                            for service in services
                        ]
                    }
                    if services
                    else {}
                ),
            }
            for endpoint in self._resources.endpoints[path]
        ]

    def service_health(self, service: str, link: str) -> Object:
        """
        Give ``BackendServiceGroupHealth`` of one group of the backend service at *service*.

        Raises:
            GoogleError: 400 for a group that is no backend of it, 404.
        """
        observed = self._resources.need(service)
        path = path_of(link, service.split("/")[1])
        if path is None:
            raise invalid("resource.group", link, "The URL is malformed.")
        if BASE + path not in groups(observed):
            why = "The group is not a backend of the backend service."
            raise invalid("resource.group", link, why)
        found: Object = {"kind": "compute#backendServiceGroupHealth"}
        states = self._states(service, path)
        served = named(self._resources.endpoints.get(path, ()), observed)
        items = [_health_status(each, states.get(_place(each), "UNKNOWN")) for each in served]
        if not served:
            state = "UNKNOWN" if self.health is None else "UNHEALTHY"
            items = [
                {"instance": link, "healthState": state}
                for link in self._resources.instances.get(path, ())
            ]
        if items:
            found["healthStatus"] = items
        return found

    def _services(self, path: str) -> list[str]:
        return [
            user for user in self._resources.users(path) if user.split("/")[-2] == "backendServices"
        ]

    def _states(self, service: str, path: str) -> Mapping[tuple[str, int], str]:
        return {} if self.health is None else self.health(service, path)

    def _checked(self, group: Object, endpoints: Sequence[Object]) -> list[Object]:
        if not endpoints:
            raise required("networkEndpoints")
        if len(endpoints) > _MOST_AT_ONCE:
            why = f"At most {_MOST_AT_ONCE} endpoints are allowed in one request."
            raise invalid("networkEndpoints", len(endpoints), why)
        kind = group["networkEndpointType"]
        found: list[Object] = []
        for index, endpoint in enumerate(endpoints):
            at = f"networkEndpoints[{index}]"
            for name in _NEEDS.get(kind, ()):
                if not endpoint.get(name):
                    raise required(f"{at}.{name}")
            item = dict(endpoint)
            if kind not in _WITHOUT_PORT and item.get("port") is None:
                if group.get("defaultPort") is None:
                    raise required(f"{at}.port")
                item["port"] = group["defaultPort"]
            if _key(item) in {_key(each) for each in found}:
                raise invalid(at, item.get("ipAddress", ""), "Duplicate network endpoint.")
            found.append(item)
        return found

    def _begin(
        self, verb: str, path: str, finish: Callable[[], None], *, at_once: bool
    ) -> Operation:
        number = self._resources.need(path)["id"]
        return self._operations.begin(
            verb, path, number, finish=finish, shared=True, at_once=at_once
        )

    def _stored(self, path: str) -> list[Object]:
        self._resources.need(path)  # it may have been deleted while the operation ran
        return self._resources.endpoints[path]

    def _count(self, path: str) -> None:
        self._resources.objects[path]["size"] = len(self._resources.endpoints[path])
        self._resources.changed(path)


def named(endpoints: Iterable[Object], service: Mapping[str, Any]) -> list[Object]:
    """Give those of *endpoints* that *service* means: of an instance group, at its named port."""
    wanted = service.get("portName") or "http"
    return [each for each in endpoints if each.get("portName", wanted) == wanted]


def _key(endpoint: Mapping[str, Any]) -> tuple[str, str, int]:
    instance = str(endpoint.get("instance") or endpoint.get("fqdn") or "").rpartition("/")[2]
    return instance, str(endpoint.get("ipAddress") or ""), int(endpoint.get("port") or 0)


def _place(endpoint: Mapping[str, Any]) -> tuple[str, int]:
    return str(endpoint.get("ipAddress") or ""), int(endpoint.get("port") or 0)


def _health_status(endpoint: Mapping[str, Any], state: str) -> Object:
    kept = {name: endpoint[name] for name in ("instance", "ipAddress", "port") if name in endpoint}
    return {**kept, "healthState": state}
