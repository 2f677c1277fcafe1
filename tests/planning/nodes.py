"""Instance groups and graphs of mode instance-group, as planners see them."""

import dataclasses

from fedingress.domain.graph import GlobalResource, InstanceGroupRef, Kind
from fedingress.domain.policy import BackendPolicy
from fedingress.planning.groups import Group
from tests.planning.test_backends import PORTS, wish

RATE = BackendPolicy(mode="instance-group")
NODE_PORTS = {port: 31000 + number for number, port in enumerate(PORTS)}


def ref(cluster, zone=None):
    """The group of a member in one zone."""
    return InstanceGroupRef(project="p", zone=zone or f"{cluster}-1", name=f"k8s-ig--{cluster}")


def group(cluster, backend=PORTS[0], node_port=None, **more):
    """That group, as it serves one Service port."""
    number = NODE_PORTS[backend] if node_port is None else node_port
    return Group(cluster=cluster, backend=backend, neg=ref(cluster), node_port=number, **more)


def nodes_wish(services=1, clusters="ab", policy=RATE, **more):
    """A wish of mode instance-group."""
    groups = tuple(group(name, port) for name in clusters for port in PORTS[:services])
    return wish(services, (), policy=policy, **{"groups": groups, **more})


def entry(cluster, mode="RATE", **more):
    """A backend of a backend service, as it is observed."""
    measure = {"maxRatePerInstance": 1e14} if mode == "RATE" else {"maxUtilization": 0.8}
    return {"group": ref(cluster).path, "balancingMode": mode, **measure, **more}


def instances(cluster, *ports, zone=None):
    """An instance group with named ports, pairs or numbers of ours."""
    named = [port if isinstance(port, tuple) else (f"port{port}", port) for port in ports]
    place = ref(cluster, zone)
    return GlobalResource(
        kind=Kind.INSTANCE_GROUP,
        project="p",
        zone=place.zone,
        name=place.name,
        spec={"namedPorts": [{"name": name, "port": number} for name, number in named]},
    )


def respecified(item, **fields):
    """*item* with other fields in its spec."""
    return dataclasses.replace(item, spec={**item.spec, **fields})
