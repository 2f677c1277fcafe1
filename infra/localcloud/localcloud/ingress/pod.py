"""
A pod that is an ingress controller: a HAProxy of its own, which routes by the cluster's Ingresses.

Requests go to the ready pods behind each Service, whichever of them accepts connections. Of two
Ingresses with the same host and path the older one counts.

Source: ingress-nginx user guide, "Basic usage" and "Building the NGINX model" (order of rules).
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from localcloud.addresses import to_loopback
from localcloud.aws.elb.backends import targets_of
from localcloud.aws.elb.balancers import HealthCheck, Listener, LoadBalancer, Rule, TargetGroup
from localcloud.aws.elb.model import paths_of, port_of
from localcloud.aws.elb.program import compile_balancers
from localcloud.dataplane.follower import Follower
from localcloud.dataplane.haproxy.program import Program
from localcloud.ingress.controllers import CLASSES, INGRESSES, IngressController, is_served
from localcloud.kube.cluster import KubeCluster
from localcloud.workloads.kubelet import PodPlace
from localcloud.workloads.objects import SLICES

_FOLLOWED = (INGRESSES, CLASSES, SLICES, "services")
_CHECK = HealthCheck(protocol="TCP", interval_seconds=1, timeout_seconds=1)


class IngressPod:
    """The server of one pod."""

    def __init__(
        self, cluster: KubeCluster, controller: IngressController, place: PodPlace, run_dir: Path
    ) -> None:
        """Route by the Ingresses of *cluster*; HAProxy's files go to *run_dir*."""
        self._cluster = cluster
        self._controller = controller
        self._place = place
        self._plane = Follower(run_dir=run_dir, compiled=self._compiled)
        self._open = False

    async def start(self) -> None:
        """
        Listen and follow.

        Raises:
            ProgramRefused: HAProxy cannot run it, a port below 1024 among the reasons.
        """
        await self._plane.start()
        self._open = True
        self._cluster.subscribe(self._changed)

    async def close(self) -> None:
        """End HAProxy with its connections."""
        self._open = False
        await self._plane.close()

    def set_ready(self, ready: bool) -> None:
        """Nothing: it routes on, and only its endpoint is taken off."""

    def slow(self, seconds: float) -> None:
        """Nothing: those who answer are slow."""

    def _changed(self, _event: str, resource: str, _obj: Mapping[str, Any]) -> None:
        if self._open and resource in _FOLLOWED:
            self._plane.changed()

    def _compiled(self) -> Program:
        rules, groups = self._routes()
        front = LoadBalancer(
            name=self._place.pod,
            region=self._place.region,
            zones=(self._place.zone,),
            scheme="internal",
            address=to_loopback(self._place.address),
            listeners=(Listener(port=self._controller.port),),
            rules=tuple(rules),
            groups=groups,
            tags={},
            created=0.0,
        )
        return compile_balancers([front], 1.0)

    def _routes(self) -> tuple[list[Rule], dict[str, TargetGroup]]:
        classes = {each["metadata"]["name"]: each for each in self._cluster.list(CLASSES)}
        rules: list[Rule] = []
        groups: dict[str, TargetGroup] = {}
        for ingress in sorted(self._cluster.list(INGRESSES), key=_age):
            if not is_served(self._controller, ingress, classes):
                continue
            for host, path, exact, backend in paths_of(ingress):
                group = self._group(ingress["metadata"]["namespace"], backend)
                groups[group.name] = group
                rules.append(Rule(host=host, path=path, exact=exact, group=group.name))
        return rules, groups

    def _group(self, namespace: str, backend: Mapping[str, Any]) -> TargetGroup:
        """The ready pods of a backend; nobody where there is no such Service or port."""
        asked = backend.get("service") or {"name": "", "port": {}}
        name, wanted = asked["name"], asked["port"]
        service = self._cluster.get("services", namespace, name) if name else None
        port = None if service is None else port_of(service, wanted)
        targets = {}
        if service is not None and port is not None:
            targets = targets_of(self._cluster, service, port, "ip")
        return TargetGroup(
            name=f"{namespace}/{name}:{wanted.get('name') or wanted.get('number')}",
            region=self._place.region,
            port=0,
            check=_CHECK,
            targets=targets,
            tags={},
        )


def _age(ingress: Mapping[str, Any]) -> tuple[str, str, str]:
    meta = ingress["metadata"]
    return (str(meta.get("creationTimestamp", "")), meta["namespace"], meta["name"])
