"""
One Google Cloud in memory: load balancing resources and DNS zones of any number of projects.

Other parts of the local cloud read and write it in process; `server` puts it on the wire. Not
modelled, besides what each module names: IAM roles, billing, traffic itself (the data plane reads
`GcpCloud.compute` and serves it), real durations of operations.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from localcloud.calls import Calls
from localcloud.faults import Faults
from localcloud.gcp.access import Access
from localcloud.gcp.catalogue import Catalogue
from localcloud.gcp.compute import Compute
from localcloud.gcp.discovery import api
from localcloud.gcp.dns import Dns
from localcloud.gcp.endpoints import Endpoints, Health
from localcloud.gcp.errors import injected
from localcloud.gcp.instances import Instances, instance
from localcloud.gcp.managed_certificates import Issue, ManagedCertificates
from localcloud.gcp.managed_zones import ManagedZones
from localcloud.gcp.operations import OperationFault, Operations
from localcloud.gcp.places import REGIONS, Regions
from localcloud.gcp.resources import Listener, Resources
from localcloud.gcp.times import Clock
from localcloud.gcp.writes import Writes
from localcloud.gcp.zones import Zone

_SCHEMAS = {
    "addresses": "Address",
    "backendBuckets": "BackendBucket",
    "backendServices": "BackendService",
    "firewalls": "Firewall",
    "forwardingRules": "ForwardingRule",
    "healthChecks": "HealthCheck",
    "instanceGroups": "InstanceGroup",
    "networkEndpointGroups": "NetworkEndpointGroup",
    "networks": "Network",
    "securityPolicies": "SecurityPolicy",
    "sslCertificates": "SslCertificate",
    "sslPolicies": "SslPolicy",
    "targetHttpProxies": "TargetHttpProxy",
    "targetHttpsProxies": "TargetHttpsProxy",
    "urlMaps": "UrlMap",
}


class GcpCloud:
    """
    The cloud.

    Attributes:
        compute: Objects by path ``projects/P/SCOPE/COLLECTION/NAME``, as REST JSON; read only.
        endpoints: Path of a NEG to its ``NetworkEndpoint`` dicts, of an instance group to those of
            its instances at its named ports (``portName``); read only.
        instances: Path of an instance group to the links of its instances; read only.
        zones: ``(project, name)`` to `Zone`.
        calls: Writes that took effect, by caller.
        faults: What goes wrong on the wire.
        access: Tokens and denied permissions.
    """

    def __init__(
        self,
        *,
        next_address: Callable[[], str],
        operation_seconds: float = 0.2,
        clock: Clock = time.time,
        quotas: Mapping[str, int] = MappingProxyType({}),
        regions: Regions = REGIONS,
        require_token: bool = False,
    ) -> None:
        """
        Make an empty cloud.

        Args:
            next_address: Gives the IP of each new global address.
            operation_seconds: How long operations take, and DNS changes are pending.
            clock: Seconds since 1970.
            quotas: Collection to the most objects of one project; for DNS ``managedZones`` and
                ``resourceRecordSetsPerManagedZone``.
            regions: Region to its zones.
            require_token: Refuse requests without a token of the metadata server.
        """
        self._resources = Resources()
        self._operations = Operations(clock, operation_seconds)
        self._endpoints = Endpoints(self._resources, self._operations)
        self._instances = Instances(self._resources, self._operations)
        self._writes = Writes(
            self._resources, self._operations, next_address=next_address, quotas=quotas
        )
        self.compute_api = Compute(
            self._resources,
            self._operations,
            self._writes,
            self._endpoints,
            self._instances,
            catalogue=Catalogue(self._resources, regions, quotas),
        )
        self._managed = ManagedZones(clock, self._resources.changed, quotas)
        self.dns_api = Dns(self._managed, clock, operation_seconds, self._resources.objects)
        self.compute: Mapping[str, dict[str, Any]] = MappingProxyType(self._resources.objects)
        self.endpoints: Mapping[str, list[dict[str, Any]]] = MappingProxyType(
            self._resources.endpoints
        )
        self.instances: Mapping[str, list[str]] = MappingProxyType(self._resources.instances)
        self.zones: Mapping[tuple[str, str], Zone] = MappingProxyType(self._managed.zones)
        self.calls = Calls()
        self.faults = Faults(injected)
        self.access = Access(clock=clock, require_token=require_token)

    @property
    def health(self) -> Health | None:
        """Who knows the health of endpoints; None: everything is UNKNOWN."""
        return self._endpoints.health

    @health.setter
    def health(self, source: Health | None) -> None:
        self._endpoints.health = source

    def insert(self, path: str, body: Mapping[str, Any]) -> None:
        """
        Make the object at *path* at once; checked as on the wire.

        Raises:
            GoogleError: Refused.
        """
        parent, _, name = path.rpartition("/")
        compute = api("compute")
        assert compute is not None
        schema = _SCHEMAS[parent.rpartition("/")[2]]
        decoded = compute.schemas.decode(schema, {**body, "name": name}, "resource")
        self._writes.insert(parent, decoded, at_once=True)

    def delete(self, path: str) -> None:
        """
        Delete the object at *path* at once.

        Raises:
            GoogleError: 404, or 400 when it is in use.
        """
        self._writes.delete(path, at_once=True)

    def attach(self, path: str, endpoints: Sequence[Mapping[str, Any]]) -> None:
        """
        Add endpoints to the NEG at *path* at once.

        Raises:
            GoogleError: Refused.
        """
        self._endpoints.attach(path, [dict(each) for each in endpoints], at_once=True)

    def detach(self, path: str, endpoints: Sequence[Mapping[str, Any]]) -> None:
        """
        Take endpoints from the NEG at *path* at once.

        Raises:
            GoogleError: 404, or 400 for an endpoint that is not there.
        """
        self._endpoints.detach(path, [dict(each) for each in endpoints], at_once=True)

    def create_instance(
        self, path: str, *, address: str, network: str = "default", tags: Sequence[str] = ()
    ) -> None:
        """
        Have a running instance at *path*, ``projects/P/zones/Z/instances/NAME``.

        Args:
            path: Where.
            address: Its internal address.
            network: Name of its VPC network in the project.
            tags: Its network tags.
        """
        project = path.split("/")[1]
        self._resources.have_network(project, network)
        where = f"projects/{project}/global/networks/{network}"
        self._resources.objects[path] = instance(path, address=address, network=where, tags=tags)
        self._resources.changed(path)

    def add_instances(self, path: str, links: Sequence[str]) -> None:
        """
        Make instances members of the instance group at *path* at once.

        Raises:
            GoogleError: Refused.
        """
        self._instances.add(path, _references(links), at_once=True)

    def remove_instances(self, path: str, links: Sequence[str]) -> None:
        """
        Take instances from the instance group at *path* at once.

        Raises:
            GoogleError: 404, or 400 for an instance that is no member.
        """
        self._instances.remove(path, _references(links), at_once=True)

    def set_named_ports(self, path: str, ports: Sequence[Mapping[str, Any]]) -> None:
        """
        Name the ports of the instance group at *path* at once.

        Raises:
            GoogleError: Refused.
        """
        body = {"namedPorts": [dict(port) for port in ports]}
        self._writes.set_field("setNamedPorts", path, body, at_once=True)

    def create_zone(self, project: str, name: str, dns_name: str) -> Zone:
        """
        Make a public managed zone for the domain *dns_name*, which ends in a dot.

        Raises:
            GoogleError: Refused.
        """
        body = {"name": name, "dnsName": dns_name, "description": "Managed by the local cloud"}
        return self._managed.create(project, body)

    def create_network(self, project: str, name: str) -> None:
        """Have a VPC network; one that is there stays."""
        self._resources.have_network(project, name)

    def users(self, path: str) -> tuple[str, ...]:
        """Give the paths of all objects that refer to the one at *path*."""
        return self._resources.users(path)

    def managed_certificates(
        self, *, resolve: Callable[[str], Sequence[str]], issue: Issue
    ) -> ManagedCertificates:
        """Give what provisions this cloud's managed certificates, whenever it is told to look."""
        return ManagedCertificates(self._resources, resolve=resolve, issue=issue)

    def private_key(self, path: str) -> str | None:
        """Give the private key of the certificate at *path*, for the data plane only."""
        return self._resources.private_keys.get(path)

    def subscribe(self, callback: Listener) -> None:
        """
        Call *callback* with the path of each object, NEG or zone that changed, after the change.

        A zone's path is ``projects/P/managedZones/NAME``.
        """
        self._resources.subscribe(callback)

    def fail_operation(self, fault: OperationFault) -> None:
        """Let coming operations that match *fault* end in its error, without effect."""
        self._operations.fail(fault)

    def settle(self) -> None:
        """End the operations whose time has come; requests and a timer do this by themselves."""
        self._operations.settle()


def _references(links: Sequence[str]) -> dict[str, Any]:
    return {"instances": [{"instance": link} for link in links]}
