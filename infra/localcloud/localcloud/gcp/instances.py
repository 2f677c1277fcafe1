"""
Instances, and the unmanaged instance groups that they are members of.

A world puts the nodes of its GKE clusters here as instances; the clusters' own controllers and the
wire group them. What a group serves, its instances at its named ports, stands beside the endpoints
of NEGs (`Resources.endpoints`), with the port's name as ``portName``; health and data plane read it
there. Each change of members or named ports works it out anew.

Texts and reasons of refusals are those that users quote in public issue trackers.

Not modelled: making, stopping and deleting instances by the wire, managed and regional groups.
"""

from collections.abc import Callable, Sequence
from typing import Any

from localcloud.gcp.errors import GoogleError, invalid, not_found, required
from localcloud.gcp.operations import Operation, Operations
from localcloud.gcp.references import BASE, path_of
from localcloud.gcp.resources import FIRST_DAY, Object, Resources, number_of
from localcloud.gcp.rules.instance_groups import balancers, sole_group

_MOST_MEMBERS = 2000


class Instances:
    """The members of all instance groups."""

    def __init__(self, resources: Resources, operations: Operations) -> None:
        self._resources = resources
        self._operations = operations

    def add(self, path: str, body: Object, *, at_once: bool = False) -> Operation:
        """
        Make the instances that *body* names (``{"instances": [{"instance": ...}]}``) members.

        Raises:
            GoogleError: 400 for one that is a member, of another zone or network, or in another
                group that is load-balanced; 404.
        """
        group = self._resources.need(path)
        new = self._named(path, body)
        members = self._resources.instances.get(path, [])
        network = group.get("network")
        for member in new:
            if BASE + member in members:
                raise already_member(member, path)
            mine = network_of(self._resources.need(member))
            network = network or mine
            if mine != network:
                why = f"The instance is not on the network '{network}' of the instance group."
                raise invalid("instances", BASE + member, why)
        if len(members) + len(new) > _MOST_MEMBERS:
            why = f"An instance group has at most {_MOST_MEMBERS} instances."
            raise invalid("instances", len(members) + len(new), why)
        if balancers(path, self._resources):
            sole_group(path, new, self._resources)

        def finish() -> None:
            stored = self._members(path)
            stored += [BASE + member for member in new if BASE + member not in stored]
            self._resources.need(path)["network"] = network
            self._settle(path)

        return self._begin("addInstances", path, finish, at_once=at_once)

    def remove(self, path: str, body: Object, *, at_once: bool = False) -> Operation:
        """
        Let the instances that *body* names be members no more.

        Raises:
            GoogleError: 400 for one that is no member, 404.
        """
        self._resources.need(path)
        gone = [BASE + member for member in self._named(path, body)]
        for link in gone:
            if link not in self._resources.instances.get(path, []):
                member = link.removeprefix(BASE)
                message = f"Resource '{member}' is not a member of '{path}'."
                raise GoogleError(400, "memberNotFound", message)

        def finish() -> None:
            stored = self._members(path)
            stored[:] = [link for link in stored if link not in gone]
            self._settle(path)

        return self._begin("removeInstances", path, finish, at_once=at_once)

    def listed(self, path: str, state: str) -> list[Object]:
        """
        Give ``InstanceWithNamedPorts`` of each member; of those that run when *state* is RUNNING.

        Raises:
            GoogleError: 404.
        """
        ports = self._resources.need(path).get("namedPorts") or []
        found = []
        for link in self._resources.instances.get(path, []):
            status = (self._resources.linked(link) or {}).get("status", "TERMINATED")
            if state != "RUNNING" or status == "RUNNING":
                item = {"instance": link, "status": status}
                found.append({**item, "namedPorts": ports} if ports else item)
        return found

    def _named(self, path: str, body: Object) -> list[str]:
        """Give the paths of the instances that a request names, each once and in the zone."""
        texts = [str(each.get("instance") or "") for each in body.get("instances") or ()]
        if not texts:
            raise required("instances")
        _, project, _, zone, *_ = path.split("/")
        found: list[str] = []
        for index, text in enumerate(texts):
            at = f"instances[{index}].instance"
            named = path_of(text, project)
            if named is None or named.split("/")[-2] != "instances":
                raise invalid(at, text, "The URL is malformed.")
            if named.split("/")[3] != zone:
                why = f"The instance must be in the zone '{zone}' of the instance group."
                raise invalid(at, text, why)
            if self._resources.get(named) is None:
                raise not_found(named)
            if named in found:
                raise invalid(at, text, "Duplicate instance.")
            found.append(named)
        return found

    def _members(self, path: str) -> list[str]:
        self._resources.need(path)  # it may have been deleted while the operation ran
        return self._resources.instances.setdefault(path, [])

    def _settle(self, path: str) -> None:
        group = self._resources.need(path)
        group["size"] = len(self._resources.instances[path])
        serve(self._resources, path)
        self._resources.changed(path)

    def _begin(
        self, verb: str, path: str, finish: Callable[[], None], *, at_once: bool
    ) -> Operation:
        number = self._resources.need(path)["id"]
        return self._operations.begin(
            verb, path, number, finish=finish, shared=True, at_once=at_once
        )


def serve(resources: Resources, path: str) -> None:
    """Work out what the instance group at *path* serves: each instance at each named port."""
    ports = resources.need(path).get("namedPorts") or []
    resources.endpoints[path] = [
        {
            "instance": link,
            "ipAddress": address_of(resources.linked(link) or {}),
            "port": port["port"],
            "portName": port["name"],
        }
        for link in resources.instances.get(path, [])
        for port in ports
    ]


def instance(path: str, *, address: str, network: str, tags: Sequence[str]) -> dict[str, Any]:
    """Give a running instance at *path* with one network interface; *network* is a path."""
    _, project, _, zone, _, name = path.split("/")
    here = f"{BASE}projects/{project}/zones/{zone}"
    return {
        "kind": "compute#instance",
        "id": str(number_of(path)),
        "creationTimestamp": FIRST_DAY,
        "name": name,
        "zone": here,
        "machineType": f"{here}/machineTypes/e2-standard-4",
        "status": "RUNNING",
        "tags": {"items": list(tags)},
        "networkInterfaces": [
            {
                "kind": "compute#networkInterface",
                "name": "nic0",
                "network": BASE + network,
                "networkIP": address,
                "stackType": "IPV4_ONLY",
            }
        ],
        "labels": {"goog-gke-node": ""},
        "selfLink": BASE + path,
    }


def address_of(item: Object) -> str:
    """Give the internal address of an instance's first network interface."""
    return str(_interface(item).get("networkIP", ""))


def network_of(item: Object) -> str:
    """Give the link of the network of an instance's first interface."""
    return str(_interface(item).get("network", ""))


def _interface(item: Object) -> Object:
    interfaces: Sequence[Object] = item.get("networkInterfaces") or ({},)
    return interfaces[0]


def already_member(member: str, path: str) -> GoogleError:
    """Give the 400 for adding what is there."""
    message = f"Resource '{member}' is already a member of '{path}'."
    return GoogleError(400, "memberAlreadyExists", message)
