"""
Following the members: one list-and-watch of Ingresses and Services in each cluster that is one.

Started by `watching`, whatever the sources are; a member that joins, leaves or changes its address
is followed without a restart.
"""

import logging
import threading
from collections.abc import Mapping
from typing import Final

from fedingress.adapters.kube.clusters import KubeMemberClusters
from fedingress.domain.cluster import MemberCluster
from fedingress.domain.errors import FederationError
from fedingress.ports.sources import Sources
from fedingress.watcher.cluster import ClusterWatch, member_role
from fedingress.watcher.debounce import Debounce
from fedingress.watcher.routes import ServiceUsers

_LOG: Final = logging.getLogger("fedingress")
_LOOK_SECONDS: Final = 30.0


class MemberWatching:
    """
    Watches each member of the inventory, and none that left it.

    The inventory is looked at when `look_again` is called, and twice a minute.
    """

    def __init__(
        self,
        sources: Sources,
        clusters: KubeMemberClusters,
        users: ServiceUsers,
        debounce: Debounce,
        *,
        owner: str,
        look_seconds: float = _LOOK_SECONDS,
    ) -> None:
        """
        Follow nobody yet.

        *users*: which sources name a Service.   *debounce*: takes the works.   *owner*: of this
        installation.
        """
        self._sources = sources
        self._clusters = clusters
        self._users = users
        self._debounce = debounce
        self._owner = owner
        self._look_seconds = look_seconds
        self._members: dict[str, tuple[MemberCluster, ClusterWatch | None]] = {}
        self._again = threading.Event()
        self._again.set()
        self._stopping = threading.Event()
        self._keeper = threading.Thread(target=self._keep, name="members", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._keeper.start()

    def look_again(self) -> None:
        """The inventory may have changed."""
        self._again.set()

    def stop(self) -> None:
        """End every watch."""
        self._stopping.set()
        self._again.set()
        self._keeper.join(10.0)
        for name in self._members:
            self._leave(name)

    def _keep(self) -> None:
        while True:
            self._again.wait(self._look_seconds)
            self._again.clear()
            if self._stopping.is_set():
                return
            try:
                self._follow({m.name: m for m in self._sources.inventory().members})
            except Exception as error:  # noqa: BLE001  a dead keeper would look like a quiet one
                _LOG.warning("the inventory cannot be followed: %s", str(error)[:256])

    def _follow(self, members: Mapping[str, MemberCluster]) -> None:
        for name in set(self._members) - set(members):
            self._leave(name)
            del self._members[name]
        for name, member in members.items():
            known, watch = self._members.get(name, (None, None))
            if watch is not None and known is not None and known.access == member.access:
                continue
            self._leave(name)
            self._members[name] = (member, self._watch(member))

    def _leave(self, name: str) -> None:
        _, watch = self._members.get(name, (None, None))
        if watch is not None:
            watch.stop()

    def _watch(self, member: MemberCluster) -> ClusterWatch | None:
        """None when there is no way in, which is tried again at the next look."""
        try:
            connection = self._clusters.connection(member)
        except FederationError as error:
            _LOG.warning("%s is not watched: %s", member.name, str(error)[:256])
            return None
        role = member_role(self._owner, self._users.users_of)
        watch = ClusterWatch(connection, role, self._debounce)
        watch.start()
        return watch
