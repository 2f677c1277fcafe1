"""
The registry of publishers: one ConfigMap beside the ClusterProfiles, an entry for each cluster.

Read by the sources for the doors, changed by `fedingress cluster key`, `join` and `leave`. Whoever
may write this ConfigMap decides whose events are taken: grant it as the Secrets beside it.
"""

from collections.abc import Callable
from typing import Any, Final

from fedingress.adapters.kube.connection import Connection
from fedingress.adapters.kube.errors import MissingError
from fedingress.adapters.kube.resources import CONFIG_MAP
from fedingress.domain import publisher
from fedingress.domain.errors import Conflict, Invalid
from fedingress.domain.publisher import CONFIG_MAP_NAME, MOST_KEYS, PublicKey, Publishers

MANAGER: Final = "fedingress-cli"
_TRIES: Final = 5
Keys = tuple[PublicKey, ...]


def read(connection: Connection, namespace: str) -> Publishers:
    """Every key that is registered; none where there is no ConfigMap."""
    found = connection.get(CONFIG_MAP, namespace, CONFIG_MAP_NAME) or {}
    return publisher.decode(found.get("data"))


class KubePublishers:
    """The registry in one namespace of the config cluster."""

    def __init__(self, connection: Connection, *, namespace: str) -> None:
        self._connection = connection
        self._namespace = namespace

    def add(self, cluster: str, key: PublicKey) -> None:
        """
        Take events of *cluster* that are signed with *key*, beside those of its other keys.

        Raises:
            Invalid: The name cannot be a cluster's, or it has as many keys as it may have.
            Conflict: Others always write first.
        """
        if not publisher.is_cluster_name(cluster):
            raise Invalid(f"{cluster!r} is not the name of a cluster")

        def added(keys: Keys) -> Keys:
            if len(keys) >= MOST_KEYS:
                raise Invalid(f"{cluster} has {MOST_KEYS} keys; remove one with --remove KEYID")
            return (*keys, key)

        self._change(cluster, added)

    def remove(self, cluster: str, keyid: str) -> None:
        """
        Refuse events of *cluster* that are signed with this key from now on.

        Raises:
            Invalid: It has no such key.
        """

        def left(keys: Keys) -> Keys:
            rest = tuple(key for key in keys if key.id != keyid)
            if len(rest) == len(keys):
                raise Invalid(f"{cluster} has no key {keyid}; see: fedingress cluster list")
            return rest

        self._change(cluster, left)

    def forget(self, cluster: str) -> bool:
        """Refuse all events of *cluster* from now on; gives whether any were taken before."""
        if not read(self._connection, self._namespace).keys.get(cluster):
            return False
        self._change(cluster, lambda _keys: ())
        return True

    def _change(self, cluster: str, change: Callable[[Keys], Keys]) -> None:
        for _ in range(_TRIES):
            found = self._connection.get(CONFIG_MAP, self._namespace, CONFIG_MAP_NAME)
            held = publisher.decode((found or {}).get("data")).keys.get(cluster, ())
            keys = change(held)
            data = {cluster: publisher.encode(keys) if keys else None}
            try:
                self._write(found, data)
            except Conflict:
                continue
            return
        raise Conflict(f"ConfigMap {self._namespace}/{CONFIG_MAP_NAME}: others always write first")

    def _write(self, found: dict[str, Any] | None, data: dict[str, str | None]) -> None:
        """Only this cluster's entry, and only if nobody wrote since it was read."""
        path = CONFIG_MAP.path(self._namespace, CONFIG_MAP_NAME)
        if found is not None:
            meta = {"resourceVersion": found["metadata"]["resourceVersion"]}
            self._connection.merge(path, {"metadata": meta, "data": data}, manager=MANAGER)
            return
        manifest = {
            "apiVersion": CONFIG_MAP.api_version,
            "kind": CONFIG_MAP.kind,
            "metadata": {"namespace": self._namespace, "name": CONFIG_MAP_NAME},
            "data": data,
        }
        try:
            self._connection.create(CONFIG_MAP.path(self._namespace), manifest, manager=MANAGER)
        except MissingError as error:
            raise Invalid(f"there is no namespace {self._namespace}: {error}") from error
