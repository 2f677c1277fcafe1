"""
One Kubernetes cluster's API, in memory: what `serve` puts on the wire and the lab drives directly.

Everything runs in one asyncio loop: a cluster is touched in the loop that serves it.

Inside the process a cluster is used without HTTP: the parts that play kubelet, cloud controller or
data plane read and write it here, by the same rules, and are told of each change. Their writes are
not counted as calls: calls are what comes over the wire.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any

from localcloud.calls import Calls
from localcloud.faults import Faults
from localcloud.kube import crds
from localcloud.kube.admission import Admission
from localcloud.kube.deletes import DeleteOptions, Deletes, finished
from localcloud.kube.errors import ApiError
from localcloud.kube.resources import DEFINITIONS, NAMESPACES, SERVICES, Registry
from localcloud.kube.selectors import parse
from localcloud.kube.service import ServiceAddresses
from localcloud.kube.store import Change, Store
from localcloud.kube.targets import Hooks, Options, Target
from localcloud.kube.writes import Writes

Allow = Callable[[str, str], bool]
Subscriber = Callable[[str, str, dict[str, Any]], None]

_FIRST_NAMESPACES = ("default", "kube-system", "kube-public", "kube-node-lease")


class KubeCluster:
    """
    An API server's state and rules.

    Attributes:
        name: Name of the cluster, for counting and for messages.
        tokens: Accepted bearer tokens; each with a function that says whether a method and path
            is allowed, or None for everything. None instead of a mapping: no token is needed.
        authenticate: Gives the name of the caller with a token that is none of these, or None;
            such a caller may do everything that *grants* does not keep from it.
        grants: What callers that *authenticate* names may do, as in *tokens*; everything for those
            that are not there.
        bookmark_seconds: How often a watch that asked for bookmarks gets one.
        calls: Mutating requests that came over the wire.
        faults: Faults that wait for requests.
        watches: One function for each open watch, which cuts its connection.
    """

    def __init__(
        self,
        name: str,
        *,
        tokens: Mapping[str, Allow | None] | None = None,
        history: int = 1000,
        bookmark_seconds: float = 60.0,
        service_block: str = "10.0",
        calls: Calls | None = None,
    ) -> None:
        """
        Make a cluster with its first namespaces.

        Args:
            name: See the attributes.
            tokens: See the attributes.
            history: How many changes a watch may lag behind.
            bookmark_seconds: See the attributes.
            service_block: First two or three numbers of the Services' cluster IPs.
            calls: A counter that several servers share; a new one when left out.
        """
        self.name = name
        self.tokens = tokens
        self.authenticate: Callable[[str], str | None] | None = None
        self.grants: dict[str, Allow] = {}
        self.bookmark_seconds = bookmark_seconds
        self.calls = calls if calls is not None else Calls()
        self.faults = Faults(_injected)
        self.watches: set[Callable[[], None]] = set()
        self.registry = Registry()
        self.store = Store(history)
        self.admission = Admission(self.store)
        self.writes = Writes(self.store, self._hooks(ServiceAddresses(service_block)))
        self.deletes = Deletes(self.store, self.registry)
        for namespace in _FIRST_NAMESPACES:
            target = Target(resource=self.registry.named("namespaces"), name=namespace)
            self.writes.create(target, {"metadata": {}}, Options(manager="kube-apiserver"))

    def _hooks(self, addresses: ServiceAddresses) -> Hooks:
        self.store.index(addresses.follow, SERVICES)
        self.store.index(crds.Definitions(self.registry).follow, DEFINITIONS)
        return Hooks(
            allocate={
                "Service": addresses.allocate,
                "CustomResourceDefinition": crds.complete,
            },
            check={
                "Service": addresses.causes,
                "CustomResourceDefinition": crds.definition_causes,
            },
            admit=self.admission.admit,
            finished=finished,
        )

    def get(self, resource: str, namespace: str | None, name: str) -> dict[str, Any] | None:
        """
        Give a copy of one object, or None.

        Args:
            resource: Plural and group: ``services``, ``ingresses.networking.k8s.io``.
            namespace: None or empty for cluster-scoped objects.
            name: Name of the object.
        """
        entry = self.store.get(self.registry.named(resource).table, namespace or "", name)
        return None if entry is None else _copy(entry.raw)

    def list(
        self, resource: str, namespace: str | None = None, label_selector: str | None = None
    ) -> "list[dict[str, Any]]":
        """Give copies of the objects, sorted by namespace and name."""
        found = self.registry.named(resource)
        selector = parse(found, label_selector or "", "")
        return [
            _copy(entry.raw)
            for _, entry in self.store.list(found.table, namespace or "")
            if selector.matches(entry.obj)
        ]

    def put(self, obj: dict[str, Any], *, manager: str, subresource: str = "") -> dict[str, Any]:
        """
        Server-side apply *obj* with force, creating it when it is absent.

        Args:
            obj: An object with apiVersion, kind and name; without a namespace where its kind needs
                one, in ``default``.
            manager: Field manager.
            subresource: ``status`` applies the status, after the rest when the object is absent.

        Raises:
            ApiError: As a client would get it.
        """
        resource = self.registry.of_kind(obj["apiVersion"], obj["kind"])
        metadata = obj["metadata"]
        target = Target(
            resource=resource,
            namespace=metadata.get("namespace", "default") if resource.namespaced else "",
            name=metadata["name"],
        )
        options = Options(manager=manager, force=True, validation="Strict")
        if subresource:
            if self.store.get(resource.table, target.namespace, target.name) is None:
                self.writes.apply(target, obj, options)
            target = Target(
                resource=resource,
                namespace=target.namespace,
                name=target.name,
                subresource=subresource,
            )
        written, _ = self.writes.apply(target, obj, options)
        return _copy(json.dumps(written).encode())

    def remove(self, resource: str, namespace: str | None, name: str) -> None:
        """Delete an object, in the background; one that is absent is no error."""
        target = Target(
            resource=self.registry.named(resource), namespace=namespace or "", name=name
        )
        entry = self.store.get(target.resource.table, target.namespace, target.name)
        if entry is not None:
            self.deletes.delete(target, entry, DeleteOptions())

    def subscribe(self, callback: Subscriber) -> None:
        """
        Call *callback* with event type, resource and object after each change.

        The object is the stored one: it is not to be written to.
        """

        def follow(change: Change) -> None:
            group, plural = change.table
            resource = f"{plural}.{group}" if group else plural
            callback(change.type, resource, change.entry.obj)

        self.store.listen(follow)

    def compact(self) -> None:
        """Forget the history, as etcd's compaction does: watches from before must relist."""
        self.store.compact()

    def cut_watches(self) -> None:
        """Cut the connections of all open watches, as a restarting API server does."""
        for cut in tuple(self.watches):
            cut()

    def uid(self) -> str:
        """Give the uid of the kube-system namespace, which identifies a cluster."""
        entry = self.store.get(NAMESPACES, "", "kube-system")
        assert entry is not None, "kube-system is never deleted"
        return str(entry.obj["metadata"]["uid"])


def _copy(raw: bytes) -> dict[str, Any]:
    copied: dict[str, Any] = json.loads(raw)
    return copied


def _injected(status: int, headers: Mapping[str, str]) -> dict[str, Any]:
    details = {}
    if str(headers.get("Retry-After", "")).isdigit():
        details["retryAfterSeconds"] = int(headers["Retry-After"])
    return ApiError(status, "injected fault", details=details).status()
