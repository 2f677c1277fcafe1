"""
Which work follows from a change that a watcher saw: pure, and generous.

An event only says where to look, so everything that an Ingress follows from leads to `fanout`; what
follows from fan-out's report is told by fan-out itself. (`backends` reads the endpoint groups from
that report: telling it of a companion's `neg-status` at once would only make it look too early.)
"""

from collections.abc import Callable, Iterable
from typing import Final

from fedingress.domain import names
from fedingress.domain.ingress import IngressKey, Manifest
from fedingress.domain.work import Work
from fedingress.planning.decode import source as decode_source
from fedingress.watcher.mirror import DELETED

AllSources = Callable[[], Iterable[IngressKey]]
"""Gives every source Ingress; called when something changed that all may follow from."""
UsersOf = Callable[[str, str], Iterable[IngressKey]]
"""Gives the sources that name the Service (namespace, name)."""

_FOR_ALL: Final = {
    "FederationPolicy": "policy",
    "IngressClass": "class",
    "ClusterProfile": "member",
}


def config_works(
    kind: str, change: str, manifest: Manifest | None, *, all_sources: AllSources
) -> list[Work]:
    """
    The work that follows from a change in the config cluster.

    Args:
        kind: Ingress, FederationPolicy, IngressClass or ClusterProfile; others mean nothing.
        change: ADDED, MODIFIED, DELETED or SYNCED.
        manifest: The object; None with SYNCED, which means nothing by itself.
        all_sources: Asked only when the change may concern every source.
    """
    if manifest is None:
        return []
    if kind == "Ingress":
        meta = manifest["metadata"]
        key = IngressKey(namespace=str(meta["namespace"]), name=str(meta["name"]))
        return [_fanout(key, f"ingress.{_word(change)}")]
    if kind in _FOR_ALL:
        cause = f"{_FOR_ALL[kind]}.{_word(change)}"
        return [_fanout(key, cause) for key in sorted(set(all_sources()))]
    return []


def member_works(
    kind: str, change: str, manifest: Manifest | None, *, users_of: UsersOf | None = None
) -> list[Work]:
    """
    The work that follows from a change in a member.

    Args:
        kind: Ingress or Service; others mean nothing.
        change: ADDED, MODIFIED, DELETED or SYNCED.
        manifest: The object; None with SYNCED.
        users_of: For Services that are not ours; without it they mean nothing.
    """
    if manifest is None or kind not in {"Ingress", "Service"}:
        return []
    meta = manifest["metadata"]
    if names.OWNER_UID in (meta.get("labels") or {}):
        key = _source_of(manifest)
        return [_fanout(key, f"member-{kind.lower()}.{_word(change)}")] if key else []
    if kind == "Service" and users_of is not None:
        users = users_of(str(meta["namespace"]), str(meta["name"]))
        return [_fanout(key, f"service.{_word(change)}") for key in sorted(set(users))]
    return []


class ServiceUsers:
    """Which sources name which Services, learnt from the config cluster's Ingresses."""

    def __init__(self) -> None:
        self._services: dict[IngressKey, frozenset[str]] = {}

    def learn(self, kind: str, change: str, manifest: Manifest | None) -> None:
        """Take in a change of the config cluster; anything but an Ingress is passed over."""
        if kind != "Ingress" or manifest is None:
            return
        source = decode_source(manifest)
        if change == DELETED or source.ingress is None:
            self._services.pop(source.key, None)
        else:
            named = frozenset(backend.service for backend in source.ingress.backends)
            self._services[source.key] = named

    def users_of(self, namespace: str, service: str) -> Iterable[IngressKey]:
        """The sources of *namespace* that name *service*."""
        # A copy: the config cluster's thread may learn while a member's thread asks.
        return [
            key
            for key, named in list(self._services.items())
            if key.namespace == namespace and service in named
        ]


def _source_of(manifest: Manifest) -> IngressKey | None:
    """The source that one of our objects names; None when somebody has spoilt its annotation."""
    text = (manifest["metadata"].get("annotations") or {}).get(names.SOURCE, "")
    try:
        return IngressKey.parse(str(text))
    except ValueError:
        return None


def _fanout(key: IngressKey, cause: str) -> Work:
    return Work(concern="fanout", unit=str(key), cause=cause)


def _word(change: str) -> str:
    return {"ADDED": "seen", "DELETED": "deleted"}.get(change, "changed")
