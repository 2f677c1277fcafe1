"""
Watching, inside the embedded home: what the in-cluster watchers and the topic do elsewhere.

A config cluster is listed and watched, a directory is looked at again and again; either way the
members are followed.
"""

import logging
import threading
from collections.abc import Sequence
from typing import Final, Protocol

from fedingress.adapters.kube.clusters import KubeMemberClusters
from fedingress.adapters.kube.sources import KubeSources
from fedingress.domain.errors import FederationError
from fedingress.domain.ingress import IngressKey, Manifest, Source
from fedingress.domain.work import ROTATION, Work
from fedingress.planning.diff import fingerprint
from fedingress.ports import Ports, Sources
from fedingress.runtime.following import MemberWatching
from fedingress.watcher.cluster import ClusterWatch, config_role
from fedingress.watcher.debounce import Debounce, Flow
from fedingress.watcher.mirror import DELETED, MODIFIED, SYNCED
from fedingress.watcher.relevance import digest
from fedingress.watcher.routes import ServiceUsers

_LOG: Final = logging.getLogger("fedingress")
_FLOW: Final = Flow(quiet_seconds=0.2, burst=10_000, per_second=1000.0)
"""The bus is in this process: only memory bounds it."""
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
    if isinstance(ports.sources, KubeSources):
        return ClusterWatching(ports, ports.sources)
    return Looking(ports)


def _members(ports: Ports, users: ServiceUsers, debounce: Debounce) -> MemberWatching | None:
    """None for members in memory, which nobody can watch."""
    if not isinstance(ports.clusters, KubeMemberClusters):
        return None
    return MemberWatching(ports.sources, ports.clusters, users, debounce, owner=ports.owner)


def _shown(sources: Sources, source: Source, secret: str) -> str:
    """By what the certificates in a Secret are told apart, or why there are none."""
    try:
        pair = sources.key_pair(source.key.namespace, secret)
    except FederationError as error:
        return str(error)
    return pair.digest if pair else ""


class ClusterWatching:
    """List-and-watch of the config cluster, and of every member."""

    def __init__(self, ports: Ports, sources: KubeSources) -> None:
        self._sources = sources
        self._users = ServiceUsers()
        self._debounce = Debounce(ports.bus.publish, _FLOW)
        self._members = _members(ports, self._users, self._debounce)
        self._watch = ClusterWatch(
            sources.connection,
            config_role(sources.inventory_namespace),
            self._debounce,
            listener=self._changed,
        )

    def start(self) -> None:
        """Begin."""
        self._debounce.start()
        self._watch.start()
        if self._members:
            self._members.start()

    def stop(self) -> None:
        """End every watch."""
        if self._members:
            self._members.stop()
        self._watch.stop()
        self._debounce.stop()

    def _changed(self, kind: str, change: str, manifest: Manifest | None) -> None:
        self._users.learn(kind, change, manifest)
        if change != SYNCED and kind != "Ingress":
            self._sources.refresh()
        if kind == "ClusterProfile" and self._members:
            self._members.look_again()


class Looking:
    """For a directory: list it every second, and publish what differs from the last look."""

    def __init__(self, ports: Ports, *, look_seconds: float = _LOOK_SECONDS) -> None:
        self._ports = ports
        self._look_seconds = look_seconds
        self._users = ServiceUsers()
        self._debounce = Debounce(ports.bus.publish, _FLOW)
        self._members = _members(ports, self._users, self._debounce)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="looking", daemon=True)
        self._seen: dict[IngressKey, tuple[Source, str]] = {}
        self._certificates: dict[IngressKey, str] = {}
        self._inventory = ""

    def start(self) -> None:
        """Begin."""
        self._debounce.start()
        self._thread.start()
        if self._members:
            self._members.start()

    def stop(self) -> None:
        """End."""
        self._stopping.set()
        self._thread.join(10.0)
        if self._members:
            self._members.stop()
        self._debounce.stop()

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                self._look()
            except Exception as error:  # noqa: BLE001  a dead looker would look like a quiet one
                _LOG.warning("the directory cannot be read: %s", str(error)[:256])
            self._stopping.wait(self._look_seconds)

    def _look(self) -> None:
        sources = self._ports.sources.list()
        inventory = fingerprint(repr(self._ports.sources.inventory()))
        found = self._gists(sources, inventory)
        changed = [key for key, pair in found.items() if self._gist_of(key) != pair[1]]
        gone = sorted(set(self._seen) - set(found))
        for key in changed:
            self._users.learn("Ingress", MODIFIED, found[key][0].manifest)
        for key in gone:
            self._users.learn("Ingress", DELETED, self._seen[key][0].manifest)
        self._debounce.add(
            Work(concern="fanout", unit=str(key), cause="ingress.changed")
            for key in [*changed, *gone]
        )
        self._debounce.add(
            Work(concern="fanout", unit=str(key), cause=ROTATION) for key in self._rotated(sources)
        )
        if inventory != self._inventory and self._members:
            self._members.look_again()
        self._seen, self._inventory = found, inventory

    def _rotated(self, sources: Sequence[Source]) -> list[IngressKey]:
        """Those whose certificates are others than at the last look; at the first, none."""
        before = self._certificates
        self._certificates = {
            source.key: fingerprint(
                [_shown(self._ports.sources, source, entry.secret) for entry in source.ingress.tls]
            )
            for source in sources
            if source.ingress is not None and source.ingress.tls
        }
        now = self._certificates
        return sorted(key for key in now if key in before and now[key] != before[key])

    def _gist_of(self, key: IngressKey) -> str:
        return self._seen[key][1] if key in self._seen else ""

    def _gists(
        self, sources: Sequence[Source], inventory: str
    ) -> dict[IngressKey, tuple[Source, str]]:
        """Every source, and a hash of what it follows from; our own writes do not change it."""
        policies: dict[tuple[object, ...], str] = {}
        found = {}
        for source in sources:
            spec = source.manifest.get("spec")
            named = spec.get("ingressClassName") if isinstance(spec, dict) else None
            group = (repr(named), source.annotations.get("kubernetes.io/ingress.class"))
            if group not in policies:  # one look at the files for each class, not for each source
                policies[group] = repr(self._ports.sources.policy(source))
            facts = [digest(source.manifest), policies[group], inventory, repr(source.faults)]
            found[source.key] = (source, fingerprint(facts))
        return found
