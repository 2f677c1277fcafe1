"""
Watching, inside the embedded home: what the in-cluster watchers and the topic do elsewhere.

A config cluster and every member are listed and watched; a directory is looked at again and again.
"""

import logging
import threading
from collections.abc import Mapping
from typing import Final, Protocol

from fedingress.adapters.kube.clusters import KubeMemberClusters
from fedingress.adapters.kube.resources import (
    CLUSTER_PROFILE,
    FEDERATION_POLICY,
    INGRESS,
    INGRESS_CLASS,
    SERVICE,
)
from fedingress.adapters.kube.sources import KubeSources
from fedingress.domain.cluster import MemberCluster
from fedingress.domain.errors import FederationError
from fedingress.domain.ingress import IngressKey, Manifest, Source
from fedingress.domain.work import Work
from fedingress.planning.diff import fingerprint
from fedingress.ports import Ports
from fedingress.watcher.debounce import Debounce
from fedingress.watcher.listwatch import ListWatch
from fedingress.watcher.mirror import SYNCED
from fedingress.watcher.routes import ServiceUsers, config_works, member_works

_LOG: Final = logging.getLogger("fedingress")
_QUIET_SECONDS: Final = 0.2
_LOOK_SECONDS: Final = 1.0


class Watching(Protocol):
    """Something that publishes work when the world changes, until it is stopped."""

    def start(self) -> None:
        """Begin; returns at once."""
        ...

    def stop(self) -> None:
        """End, waiting for its threads."""
        ...


def watching(ports: Ports) -> Watching:
    """What fits the sources of *ports*."""
    if isinstance(ports.sources, KubeSources) and isinstance(ports.clusters, KubeMemberClusters):
        return ClusterWatching(ports, ports.sources, ports.clusters)
    return Looking(ports)


class ClusterWatching:
    """List-and-watch of the config cluster and of every member."""

    def __init__(self, ports: Ports, sources: KubeSources, clusters: KubeMemberClusters) -> None:
        self._ports = ports
        self._sources = sources
        self._clusters = clusters
        self._users = ServiceUsers()
        self._debounce = Debounce(ports.bus.publish, quiet_seconds=_QUIET_SECONDS)
        self._config: list[ListWatch] = []
        self._members: dict[str, tuple[MemberCluster, list[ListWatch]]] = {}
        self._joined = threading.Event()
        self._stopping = threading.Event()
        self._keeper = threading.Thread(target=self._keep_members, name="members", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._debounce.start()
        places = {
            INGRESS: "",
            INGRESS_CLASS: "",
            FEDERATION_POLICY: "",
            CLUSTER_PROFILE: self._sources.inventory_namespace,
        }
        for resource, namespace in places.items():
            watch = ListWatch(
                self._sources.connection, resource, self._config_changed, namespace=namespace
            )
            self._config.append(watch)
            watch.start()
        self._keeper.start()

    def stop(self) -> None:
        """End every watch."""
        self._stopping.set()
        self._joined.set()
        self._keeper.join(10.0)
        for watches in ([*self._config], *(watches for _, watches in self._members.values())):
            for watch in watches:
                watch.stop()
        self._debounce.stop()

    def _config_changed(self, kind: str, change: str, manifest: Manifest | None) -> None:
        self._users.learn(kind, change, manifest)
        if change != SYNCED and kind != "Ingress":
            self._sources.refresh()
        if kind == "ClusterProfile":
            self._joined.set()
        self._debounce.add(config_works(kind, change, manifest, all_sources=self._all_sources))

    def _member_changed(self, kind: str, change: str, manifest: Manifest | None) -> None:
        self._debounce.add(member_works(kind, change, manifest, users_of=self._users.users_of))

    def _all_sources(self) -> list[IngressKey]:
        return [source.key for source in self._ports.sources.list()]

    def _keep_members(self) -> None:
        """Watch each member of the inventory, and none that left it."""
        while not self._stopping.is_set():
            self._joined.wait(_LOOK_SECONDS * 30)
            self._joined.clear()
            if self._stopping.is_set():
                return
            try:
                members = {m.name: m for m in self._sources.inventory().members}
                self._follow(members)
            except FederationError as error:
                _LOG.warning("the inventory cannot be read: %s", str(error)[:256])

    def _follow(self, members: Mapping[str, MemberCluster]) -> None:
        for name in set(self._members) - set(members):
            for watch in self._members.pop(name)[1]:
                watch.stop()
        for name, member in members.items():
            known = self._members.get(name)
            if known is not None and known[0].access == member.access:
                continue
            for watch in known[1] if known else ():
                watch.stop()
            self._members[name] = (member, self._watch(member))

    def _watch(self, member: MemberCluster) -> list[ListWatch]:
        try:
            connection = self._clusters.connection(member)
        except FederationError as error:
            _LOG.warning("%s is not watched: %s", member.name, str(error)[:256])
            return []
        found = [
            ListWatch(connection, resource, self._member_changed) for resource in (INGRESS, SERVICE)
        ]
        for watch in found:
            watch.start()
        return found


class Looking:
    """For a directory: list it every second, and publish what differs from the last look."""

    def __init__(self, ports: Ports) -> None:
        self._ports = ports
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="looking", daemon=True)
        self._seen: dict[str, str] = {}

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End."""
        self._stopping.set()
        self._thread.join(10.0)

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                self._look()
            except FederationError as error:
                _LOG.warning("the directory cannot be read: %s", str(error)[:256])
            self._stopping.wait(_LOOK_SECONDS)

    def _look(self) -> None:
        found = {str(source.key): self._gist(source) for source in self._ports.sources.list()}
        changed = [key for key, gist in found.items() if self._seen.get(key) != gist]
        gone = sorted(set(self._seen) - set(found))
        self._ports.bus.publish(
            Work(concern="fanout", unit=key, cause="ingress.changed") for key in [*changed, *gone]
        )
        self._seen = found

    def _gist(self, source: Source) -> str:
        """What of a source matters to us: not our own status."""
        policy = self._ports.sources.policy(source)
        own = {
            key: text for key, text in source.annotations.items() if "fedingress.dev/" not in key
        }
        return fingerprint(
            [source.uid, source.generation, source.deleting, own, repr(policy), source.faults]
        )
