"""
The part of the AWS Load Balancer Controller that serves Ingresses, for one EKS cluster.

Every Ingress of a class whose controller is ``ingress.k8s.aws/alb`` gets an Application Load
Balancer of its own, or shares one with its group; target groups hold the ready pods. The host name
comes back in the Ingress' status once the balancer is there, and a finalizer keeps the Ingress
until it is gone.

Listeners of HTTPS show the certificates that annotations name, or those of ACM that are for the
hosts. One that the region does not have fails the deployment: a new balancer stays without
listeners and out of the status, one that stands goes on as it was.

Not modelled: actions and conditions by annotation, security groups, WAF.

Source: AWS Load Balancer Controller guide, "Ingress annotations", "IngressGroup"; the names it
gives (``k8s-NAMESPACE-NAME-HASH``).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from localcloud.aws.acm.certificates import Certificates
from localcloud.aws.elb.backends import NODES
from localcloud.aws.elb.balancers import Balancers, LoadBalancer
from localcloud.aws.elb.events import COMPONENT, warning
from localcloud.aws.elb.ingresses import Refused, group_of, settings_of
from localcloud.aws.elb.model import rules_and_groups
from localcloud.kube.cluster import KubeCluster
from localcloud.reconcile import Reconciler
from localcloud.sixth import sixth_of
from localcloud.workloads.endpointslices import SERVICE_NAME
from localcloud.workloads.objects import SLICES

CONTROLLER = "ingress.k8s.aws/alb"
CLASS = "alb"
INGRESSES = "ingresses.networking.k8s.io"
CLASSES = "ingressclasses.networking.k8s.io"

MANAGER = COMPONENT

_CLASS_ANNOTATION = "kubernetes.io/ingress.class"

Key = tuple[str, str, str]  # namespace and name of a lone Ingress, or the name of a group


class AlbController:
    """Keeps the load balancers of one cluster."""

    def __init__(
        self,
        cluster: KubeCluster,
        balancers: Balancers,
        certificates: Certificates,
        *,
        region: str,
        zones: Sequence[str],
        next_address: Callable[[], str],
        release_address: Callable[[str], None],
        clock: Callable[[], float],
    ) -> None:
        """Keep load balancers in *region*, with listeners on addresses of the world."""
        self._cluster = cluster
        self._balancers = balancers
        self._certificates = certificates
        self._region = region
        self._zones = tuple(zones)
        self._next_address = next_address
        self._release_address = release_address
        self._clock = clock
        self._arns: dict[Key, str] = {}
        self._keys: dict[tuple[str, str], Key] = {}
        self._stacks: Reconciler[Key] = Reconciler("alb", self._look)

    async def start(self) -> None:
        """Make the class, and begin with the Ingresses that are there."""
        self._cluster.put(
            {
                "apiVersion": "networking.k8s.io/v1",
                "kind": "IngressClass",
                "metadata": {"name": CLASS},
                "spec": {"controller": CONTROLLER},
            },
            manager=MANAGER,
        )
        self._cluster.subscribe(self._changed)
        self._certificates.subscribe(self._want_all)
        self._want_all()
        await self._stacks.start()

    async def close(self) -> None:
        """Stop; the balancers go on."""
        await self._stacks.close()

    def _changed(self, _event: str, resource: str, obj: Mapping[str, Any]) -> None:
        meta = obj["metadata"]
        if resource == INGRESSES:
            self._want(obj)
        elif resource in (CLASSES, NODES):
            self._want_all()
        elif resource in (SLICES, "services"):
            name = (meta.get("labels") or {}).get(SERVICE_NAME, meta["name"])
            for ingress in self._cluster.list(INGRESSES, meta["namespace"]):
                if name in _services(ingress):
                    self._want(ingress)

    def _want_all(self) -> None:
        for ingress in self._cluster.list(INGRESSES):
            self._want(ingress)

    def _want(self, ingress: Mapping[str, Any]) -> None:
        meta = ingress["metadata"]
        own = (meta["namespace"], meta["name"])
        key = (*own, "") if not group_of(ingress) else ("", "", group_of(ingress))
        before = self._keys.get(own, key)
        self._keys[own] = key
        for each in dict.fromkeys((key, before)):
            self._stacks.want(each)

    async def _look(self, key: Key) -> None:
        members = [each for each in self._members(key) if self._ours(each)]
        living = [each for each in members if not each["metadata"].get("deletionTimestamp")]
        try:
            balancer = self._balancer(key, living) if living else None
        except Refused as reason:
            self._warn(living[0], "FailedBuildModel", str(reason))
            return
        if balancer is None:
            self._remove(key)
        elif missing := self._missing(balancer):
            for ingress in living:
                self._mark(ingress, kept=True)
            if balancer.arn not in self._balancers.all:
                self._balancers.put(_undeployed(balancer))
            text = f"CertificateNotFound: Certificate '{missing[0]}' not found"
            self._warn(living[0], "FailedDeployModel", text)
        else:
            for ingress in living:
                self._mark(ingress, kept=True)
            self._balancers.put(balancer)
            for ingress in living:
                self._tell(ingress, balancer.dns_name)
        for ingress in self._members(key):
            if ingress["metadata"].get("deletionTimestamp") or not self._ours(ingress):
                self._mark(ingress, kept=False)

    def _members(self, key: Key) -> list[dict[str, Any]]:
        namespace, name, group = key
        if not group:
            found = self._cluster.get(INGRESSES, namespace, name)
            return [found] if found is not None and not group_of(found) else []
        return [each for each in self._cluster.list(INGRESSES) if group_of(each) == group]

    def _ours(self, ingress: Mapping[str, Any]) -> bool:
        annotations = ingress["metadata"].get("annotations") or {}
        name = ingress["spec"].get("ingressClassName")
        if name is None:
            return bool(annotations.get(_CLASS_ANNOTATION) == CLASS)
        found = self._cluster.get(CLASSES, None, name)
        return found is not None and found["spec"].get("controller") == CONTROLLER

    def _balancer(self, key: Key, ingresses: Sequence[Mapping[str, Any]]) -> LoadBalancer:
        settings = settings_of(
            self._cluster.name,
            key,
            ingresses,
            lambda host: self._certificates.serving(self._region, host),
        )
        rules, groups = rules_and_groups(self._cluster, self._region, ingresses)
        before = self._balancers.all.get(self._arns.get(key, ""))
        if before is not None and (before.name, before.scheme) != (settings.name, settings.scheme):
            self._remove(key)
            before = None
        address = before.address if before else self._next_address()
        made = LoadBalancer(
            name=settings.name,
            region=self._region,
            zones=self._zones,
            scheme=settings.scheme,
            address=address,
            sixth=sixth_of(address) if settings.dual_stack else "",
            listeners=settings.listeners,
            rules=rules,
            groups=groups,
            tags={**settings.tags, "elbv2.k8s.aws/cluster": self._cluster.name},
            created=before.created if before else self._clock(),
        )
        self._arns[key] = made.arn
        return made

    def _missing(self, balancer: LoadBalancer) -> list[str]:
        """ARNs of certificates that the region does not have."""
        return [
            arn
            for listener in balancer.listeners
            for arn in listener.certificates
            if self._certificates.find(self._region, arn) is None
        ]

    def _remove(self, key: Key) -> None:
        gone = self._balancers.remove(self._arns.pop(key, ""))
        if gone is not None:
            self._release_address(gone.address)

    def _mark(self, ingress: Mapping[str, Any], *, kept: bool) -> None:
        """Put our finalizer on an Ingress, or take it off."""
        meta = ingress["metadata"]
        group = group_of(ingress)
        word = f"group.ingress.k8s.aws/{group}" if group else "ingress.k8s.aws/resources"
        if kept == (word in (meta.get("finalizers") or ())):
            return
        self._cluster.put(
            _identity(ingress, finalizers=[word] if kept else []), manager=f"{MANAGER}-finalizer"
        )

    def _tell(self, ingress: Mapping[str, Any], host: str) -> None:
        status = {"loadBalancer": {"ingress": [{"hostname": host}]}}
        if (ingress.get("status") or {}) != status:
            document = {**_identity(ingress), "status": status}
            self._cluster.put(document, manager=MANAGER, subresource="status")

    def _warn(self, ingress: Mapping[str, Any], reason: str, message: str) -> None:
        self._cluster.put(warning(ingress, CLASS, reason, message), manager=MANAGER)


def _undeployed(balancer: LoadBalancer) -> LoadBalancer:
    """As it is before its first listener: target groups without targets, and nothing listens."""
    groups = {name: replace(group, targets={}) for name, group in balancer.groups.items()}
    return replace(balancer, listeners=(), rules=(), groups=groups)


def _identity(ingress: Mapping[str, Any], **meta: Any) -> dict[str, Any]:
    named = {key: ingress["metadata"][key] for key in ("namespace", "name")}
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": {**named, **meta},
    }


def _services(ingress: Mapping[str, Any]) -> set[str]:
    spec = ingress["spec"]
    backends = [spec.get("defaultBackend") or {}]
    for rule in spec.get("rules") or ():
        backends += [path["backend"] for path in (rule.get("http") or {}).get("paths") or ()]
    return {each["service"]["name"] for each in backends if "service" in each}
