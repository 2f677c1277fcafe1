"""
All that is watched of one cluster, as the config cluster or as a member.

One `ListWatch` per kind, `Routes` from their changes to works, and a `Debounce` that takes these.
Used by the process beside each cluster (`runtime.watcher`) and by the embedded home, which watches
all clusters from one place.
"""

import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from fedingress.adapters.kube.resources import (
    CLUSTER_PROFILE,
    ENDPOINT_SLICE,
    FEDERATION_POLICY,
    INGRESS,
    INGRESS_CLASS,
    SERVICE,
    TLS_SECRET,
    Resource,
)
from fedingress.domain import names
from fedingress.domain.ingress import Manifest
from fedingress.watcher.debounce import Debounce
from fedingress.watcher.listwatch import ListWatch, Watched
from fedingress.watcher.mirror import SYNCED, Known
from fedingress.watcher.pace import Pace
from fedingress.watcher.routes import ConfigRoutes, MemberRoutes, Routes, UsersOf

_POLL_SECONDS: Final = 0.5
_LATE_SECONDS: Final = 60.0
"""How late an event may be acted on and still be thought of after a gap."""

Listener = Callable[[str, str, Manifest | None], None]
"""Hears of every change before works follow from it."""


def _nobody(_kind: str, _change: str, _manifest: Manifest | None) -> None:
    """No listener."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """
    One kind to watch. *namespace* and *labels* narrow it; both empty take all.

    needed: False for what may be refused to us without making the rest less true.
    """

    resource: Resource
    namespace: str = ""
    labels: str = ""
    needed: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Role:
    """What is watched, and what follows from it. *leading*: listed before the others begin."""

    leading: Scope
    others: Sequence[Scope]
    routes: Routes


def config_role(inventory_namespace: str) -> Role:
    """The config cluster; its classes say which Ingresses are ours, so they come first."""
    return Role(
        leading=Scope(resource=INGRESS_CLASS),
        others=(
            Scope(resource=INGRESS),
            Scope(resource=FEDERATION_POLICY),
            Scope(resource=CLUSTER_PROFILE, namespace=inventory_namespace),
            Scope(resource=TLS_SECRET, needed=False),  # else found with the next resync
        ),
        routes=ConfigRoutes(),
    )


def member_role(owner: str, users_of: UsersOf | None = None) -> Role:
    """
    A member; its copies say which Services matter, so they come first.

    Args:
        owner: Of this installation.
        users_of: See `MemberRoutes`.
    """
    copies = f"{names.OWNER_UID},{names.OWNER}={owner}"
    return Role(
        leading=Scope(resource=INGRESS, labels=copies),
        others=(Scope(resource=SERVICE), Scope(resource=ENDPOINT_SLICE)),
        routes=MemberRoutes(owner, users_of),
    )


class ClusterWatch:
    """Watches one cluster in one *role*, until it is stopped."""

    def __init__(
        self,
        connection: Watched,
        role: Role,
        debounce: Debounce,
        *,
        listener: Listener = _nobody,
        pace: Pace | None = None,
    ) -> None:
        self._routes = role.routes
        self._debounce = debounce
        self._listener = listener
        self._restored = False
        self.watches = {
            scope.resource.kind: ListWatch(
                connection,
                scope.resource,
                self._changed,
                namespace=scope.namespace,
                labels=scope.labels,
                pace=pace,
            )
            for scope in (role.leading, *role.others)
        }
        self._leading = self.watches[role.leading.resource.kind]
        self._needed = [
            self.watches[scope.resource.kind]
            for scope in (role.leading, *role.others)
            if scope.needed
        ]
        self._stopping = threading.Event()
        self._starter = threading.Thread(target=self._start, name="watches", daemon=True)

    @property
    def synced(self) -> bool:
        """Whether everything that is needed was listed once."""
        return not self.unlisted()

    def unlisted(self) -> list[str]:
        """What is needed and was not listed yet."""
        return [each.resource.plural for each in self._needed if not each.synced.is_set()]

    def start(self) -> None:
        """Begin; returns at once."""
        self._leading.start()
        self._starter.start()

    def stop(self) -> None:
        """End every watch."""
        self._stopping.set()
        if self._starter.ident is not None:
            self._starter.join()
        for watch in self.watches.values():
            watch.stop()

    def restore(self, known: Mapping[str, Iterable[Known]]) -> None:
        """Begin with what a checkpoint has, by kind; called before `start`."""
        self._restored = True
        for kind, watch in self.watches.items():
            watch.mirror.restore(known.get(kind, ()))

    def known(self) -> dict[str, list[Known]]:
        """What is known to be there, by kind."""
        return {kind: watch.mirror.known() for kind, watch in self.watches.items()}

    def stuck_seconds(self) -> float:
        """How long the watch that stands still longest does so."""
        return max(each.stuck_seconds() for each in self.watches.values() if each.started)

    def quiet_seconds(self) -> float:
        """How long the server has said nothing to the watch that hears least."""
        return max(watch.quiet_seconds() for watch in self._needed)

    def _start(self) -> None:
        while not self._leading.synced.wait(_POLL_SECONDS):
            if self._stopping.is_set():
                return
        for watch in self.watches.values():
            if watch is not self._leading and not self._stopping.is_set():
                watch.start()

    def _changed(self, kind: str, change: str, manifest: Manifest | None) -> None:
        self._listener(kind, change, manifest)
        # A first list without a checkpoint is no news, only a chance to have missed some.
        watch = self.watches[kind]
        first = not watch.synced.is_set()
        works = self._routes.works(kind, change, manifest)
        sweep = first and not self._restored
        if sweep:  # thorough looks at everything at once are what the ticks spread
            works = [work for work in works if not work.thorough]
        self._debounce.add(works, sweep=sweep)
        if change == SYNCED and not first:
            # Who acted on an event while this watch heard nothing may have seen an object that
            # came and went meanwhile: no list has it, and nobody else would say that it is gone.
            blind = time.monotonic() - watch.quiet_seconds()
            self._debounce.add(self._debounce.told_since(blind - _LATE_SECONDS))
