"""A local API server in a thread, over TLS, for the tests of what speaks to one."""

import asyncio
import contextlib
import ssl
import threading
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import trustme

from fedingress.adapters.kube.connect import to_server
from fedingress.adapters.kube.connection import Connection, Timeouts
from fedingress.adapters.kube.resources import Resource
from fedingress.domain.cluster import Access, MemberCluster
from localcloud.faults import Fault
from localcloud.kube import KubeCluster, serve

TOKEN = "sesame"
QUICK = Timeouts(connect_seconds=2.0, read_seconds=3.0)
PLURALS = {
    "Ingress": "ingresses.networking.k8s.io",
    "Service": "services",
    "Event": "events",
    "ConfigMap": "configmaps",
    "Secret": "secrets",
    "IngressClass": "ingressclasses.networking.k8s.io",
    "ClusterProfile": "clusterprofiles.multicluster.x-k8s.io",
}

T = TypeVar("T")


class RunningCluster:
    """One API server; its methods may be called from the test's thread."""

    def __init__(self, loop: asyncio.AbstractEventLoop, authority: trustme.CA, **options) -> None:
        self.name = options.pop("name", "gke-us")
        self.tokens: dict[str, Any] = {TOKEN: None}
        self.ca_data = authority.cert_pem.bytes().decode()
        self._loop = loop
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert("127.0.0.1").configure_cert(self._context)
        self.cluster = self.do(lambda: KubeCluster(self.name, tokens=self.tokens, **options))
        self.server = self.wait(serve(self.cluster, ssl_context=self._context))
        self.port = self.server.port
        self.url = f"https://127.0.0.1:{self.port}"

    def wait(self, coroutine) -> Any:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(30)

    def do(self, call: Callable[[], T]) -> T:
        async def inside() -> T:
            return call()

        return self.wait(inside())

    def put(self, manifest: dict[str, Any], *, manager: str = "kubectl") -> dict[str, Any]:
        return self.do(lambda: self.cluster.put(manifest, manager=manager))

    def put_status(self, manifest: dict[str, Any]) -> dict[str, Any]:
        return self.do(lambda: self.cluster.put(manifest, manager="operator", subresource="status"))

    def get(self, kind: str, namespace: str, name: str) -> dict[str, Any] | None:
        found = self.do(lambda: self.cluster.get(PLURALS[kind], namespace, name))
        if found:
            found["metadata"].pop("managedFields", None)
        return found

    def list(self, kind: str) -> list[dict[str, Any]]:
        return self.do(lambda: self.cluster.list(PLURALS[kind]))

    def remove(self, kind: str, namespace: str, name: str) -> None:
        self.do(lambda: self.cluster.remove(PLURALS[kind], namespace, name))

    def define(self, *resources: Resource) -> None:
        """Serve custom resources, with any content."""
        for resource in resources:
            self.put(definition(resource))

    def namespace(self, name: str) -> None:
        self.put({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})

    def fault(self, **fault: Any) -> None:
        self.do(lambda: self.cluster.faults.add(Fault(**fault)))

    def break_down(self) -> None:
        self.wait(self.server.close())

    def come_back(self) -> None:
        self.server = self.wait(serve(self.cluster, port=self.port, ssl_context=self._context))

    def refuse(self) -> None:
        self.tokens[TOKEN] = lambda method, path: False

    def member(self, **more: Any) -> MemberCluster:
        access = Access(
            provider="fedingress-token",
            server=self.url,
            ca_data=self.ca_data,
            token_secret=f"fedingress-inventory/{self.name}-token",
        )
        return MemberCluster(name=self.name, access=access, **more)

    def connection(self, *, token: str = TOKEN, timeouts: Timeouts = QUICK) -> Connection:
        return to_server(
            self.url,
            name=self.name,
            ca_data=self.ca_data,
            credentials=lambda fresh: f"Bearer {token}",
            concern="tests",
            timeouts=timeouts,
        )


@contextlib.contextmanager
def running_loop() -> Iterator[asyncio.AbstractEventLoop]:
    """An event loop in a thread of its own."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="api-servers", daemon=True)
    thread.start()
    try:
        yield loop
    finally:
        asyncio.run_coroutine_threadsafe(_finish(), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()


async def _finish() -> None:
    """End what still runs, such as handshakes of clients that went away."""
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    for _ in range(3):
        await asyncio.sleep(0)  # closed sockets are told in the next rounds of the loop


@contextlib.contextmanager
def running_cluster(**options: Any) -> Iterator[RunningCluster]:
    """An API server with the namespaces `shop` and `fedingress-inventory`."""
    authority = trustme.CA(key_type=trustme.KeyType.ECDSA)
    with running_loop() as loop:
        cluster = RunningCluster(loop, authority, **options)
        cluster.namespace("shop")
        cluster.namespace("fedingress-inventory")
        try:
            yield cluster
        finally:
            cluster.break_down()


def definition(resource: Resource) -> dict[str, Any]:
    """A CustomResourceDefinition that accepts any content."""
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    version = {
        "name": resource.version,
        "served": True,
        "storage": True,
        "schema": {"openAPIV3Schema": schema},
        "subresources": {"status": {}},
    }
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {
            "name": f"{resource.plural}.{resource.group}",
            "annotations": {"api-approved.kubernetes.io": "unapproved, for tests"},
        },
        "spec": {
            "group": resource.group,
            "scope": "Namespaced" if resource.namespaced else "Cluster",
            "names": {
                "plural": resource.plural,
                "singular": resource.kind.lower(),
                "kind": resource.kind,
                "listKind": f"{resource.kind}List",
            },
            "versions": [version],
        },
    }
