"""
Which work follows from a change that a watcher saw: generous, and without a call to any server.

An event only says where to look, so everything that an Ingress follows from leads to `fanout`; what
follows from fan-out's report is told by fan-out itself. (`backends` reads the endpoint groups from
that report: telling it of a companion's `neg-status` at once would only make it look too early.)

Both kinds of routes learn from what they are told: the config cluster's which Ingresses are of a
class of ours, the members' which source a Service matters to. Called by `cluster`.
"""

import threading
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, Protocol

from fedingress.domain import names
from fedingress.domain.ingress import IngressKey, Manifest
from fedingress.domain.work import ROTATION, Work
from fedingress.planning.decode import IngressClass, answer, class_name, ingress_class
from fedingress.planning.decode.ingresses import LEGACY_CLASS
from fedingress.watcher.mirror import DELETED, KEPT

UsersOf = Callable[[str, str], Iterable[IngressKey]]
"""Gives the sources that name the Service (namespace, name)."""

_OURS: Final = frozenset(names.FINALIZERS.values())

_Object = tuple[str, str, str]


class Routes(Protocol):
    """From changes to works; called from several threads."""

    def works(self, kind: str, change: str, manifest: Manifest | None) -> list[Work]:
        """
        The work that follows.

        Args:
            kind: Of the object; a kind that is not ours to watch means nothing.
            change: ADDED, MODIFIED, DELETED, KEPT or SYNCED.
            manifest: The object, its stub with DELETED; None with SYNCED.
        """
        ...


class ConfigRoutes:
    """
    For the config cluster: Ingresses, and the classes, policies, members and Secrets that they
    follow from.

    An Ingress of somebody else's class is passed over. Classes should be known before Ingresses;
    one that becomes known later leads to all Ingresses of it.
    """

    def __init__(self) -> None:
        self._classes: dict[str, Manifest] = {}
        self._ingresses: dict[IngressKey, Manifest] = {}
        self._lock = threading.Lock()

    def works(self, kind: str, change: str, manifest: Manifest | None) -> list[Work]:
        """The work that follows from a change in the config cluster."""
        if manifest is None:
            return []
        with self._lock:
            if kind == "Ingress":
                return self._ingress(change, manifest)
            cause, found = _word(change), set[IngressKey]()
            if kind == "IngressClass":
                cause, found = f"class.{cause}", self._of_class(change, manifest)
            elif kind == "FederationPolicy":
                cause, found = f"policy.{cause}", self._of_policy(str(manifest["metadata"]["name"]))
            elif kind == "Secret":
                cause, found = ROTATION, self._of_secret(_key(manifest))
            elif kind == "ClusterProfile":
                cause, found = f"member.{cause}", self._federated(self._ingresses)
        return [] if change == KEPT else [_fanout(key, cause) for key in sorted(found)]

    def _ingress(self, change: str, manifest: Manifest) -> list[Work]:
        key = _key(manifest)
        known = self._ingresses.pop(key, None)
        # One that goes and was never seen may have been ours.
        concerned = change == DELETED if known is None else bool(self._federated({key: known}))
        if change != DELETED:
            self._ingresses[key] = _classed(manifest)
            concerned = concerned or bool(self._federated({key: manifest}))
        news = concerned and change != KEPT
        return [_fanout(key, f"ingress.{_word(change)}")] if news else []

    def _federated(self, ingresses: Mapping[IngressKey, Manifest]) -> set[IngressKey]:
        classes = list(self._classes.values())
        return {
            key
            for key, manifest in ingresses.items()
            if _OURS.intersection(manifest["metadata"].get("finalizers") or ())
            or answer(manifest, classes, {}).federated
        }

    def _of_class(self, change: str, manifest: Manifest) -> set[IngressKey]:
        """Those that were federated by the class, or are by now; it may have been the default."""
        name = str(manifest["metadata"]["name"])
        before = self._named(lambda each: each.name == name)
        if change == DELETED:
            self._classes.pop(name, None)
        else:
            self._classes[name] = manifest
        return before | self._named(lambda each: each.name == name)

    def _of_policy(self, name: str) -> set[IngressKey]:
        return self._named(lambda each: each.policy == name)

    def _of_secret(self, secret: IngressKey) -> set[IngressKey]:
        """The Ingresses of its namespace that take a certificate from it."""
        users = {
            key: manifest
            for key, manifest in self._ingresses.items()
            if key.namespace == secret.namespace and secret.name in _secrets(manifest)
        }
        return self._federated(users)

    def _named(self, chosen: Callable[[IngressClass], bool]) -> set[IngressKey]:
        """The Ingresses whose class is one of ours and *chosen*."""
        classes = [ingress_class(each) for each in self._classes.values()]
        wanted = {each.name for each in classes if each.federated and chosen(each)}
        if not wanted:
            return set()
        return {
            key
            for key, manifest in self._ingresses.items()
            if class_name(manifest, classes) in wanted
        }


class MemberRoutes:
    """
    For a member: copies and companions of ours lead to the source that is noted on them, a user's
    Service to the sources that name it, and endpoints of that Service to those of these sources
    whose copy the member's own load balancer serves.

    owner: of this installation; objects of another one are passed over.
    users_of: who names a Service, where the config cluster is at hand; else it is learnt from the
        copies, which name the user's Services, and from the companions, which note them.
    """

    def __init__(self, owner: str, users_of: UsersOf | None = None) -> None:
        self._owner = owner
        self._learnt = ServiceUsers()
        self._users_of = users_of or self._learnt.users_of
        self._answering: set[IngressKey] = set()

    def works(self, kind: str, change: str, manifest: Manifest | None) -> list[Work]:
        """The work that follows from a change in the member."""
        if manifest is None or kind not in {"Ingress", "Service", "EndpointSlice"}:
            return []
        if kind == "EndpointSlice":
            return [] if change == KEPT else self._endpoints(manifest)
        meta = manifest["metadata"]
        labels = meta.get("labels") or {}
        found: Iterable[IngressKey] = ()
        if names.OWNER_UID in labels:
            if labels.get(names.OWNER, self._owner) != self._owner:
                return []
            key = _source_of(manifest)
            if key is None:
                return []
            cause, found = f"member-{kind.lower()}.{_word(change)}", [key]
            self._learnt.learn_object(kind, change, manifest, key)
            if kind == "Ingress":
                self._learn_answer(change, manifest, key)
        elif kind == "Service":
            cause = f"service.{_word(change)}"
            found = self._users_of(str(meta["namespace"]), str(meta["name"]))
        if change == KEPT:
            return []
        return [_fanout(key, cause) for key in sorted(set(found))]

    def _endpoints(self, manifest: Manifest) -> list[Work]:
        meta = manifest["metadata"]
        service = (meta.get("labels") or {}).get(names.SERVICE_NAME)
        if not service:
            return []
        users = self._users_of(str(meta["namespace"]), str(service))
        return [_fanout(key, "endpoints.changed") for key in sorted({*users} & self._answering)]

    def _learn_answer(self, change: str, copy: Manifest, source: IngressKey) -> None:
        """Remember whose copy has a class that somebody in the member serves."""
        found = (copy.get("spec") or {}).get("ingressClassName")
        if change != DELETED and found not in {None, names.MEMBER_CLASS}:
            self._answering = self._answering | {source}  # read by other threads meanwhile
        else:
            self._answering = self._answering - {source}


class ServiceUsers:
    """Which sources name which Services."""

    def __init__(self) -> None:
        self._named: dict[_Object, frozenset[str]] = {}
        self._users: dict[tuple[str, str], dict[_Object, IngressKey]] = {}
        self._lock = threading.Lock()

    def learn(self, kind: str, change: str, manifest: Manifest | None) -> None:
        """Take in a change of the config cluster; anything but an Ingress is passed over."""
        if kind == "Ingress" and manifest is not None:
            self.learn_object(kind, change, manifest, _key(manifest))

    def learn_object(self, kind: str, change: str, manifest: Manifest, source: IngressKey) -> None:
        """Take in that *manifest*, an Ingress or a companion, is of *source*."""
        key = _key(manifest)
        found = (kind, key.namespace, key.name)
        with self._lock:
            for service in self._named.pop(found, frozenset()):
                self._users[key.namespace, service].pop(found)
                if not self._users[key.namespace, service]:
                    del self._users[key.namespace, service]
            named = frozenset() if change == DELETED else services(manifest)
            if named:
                self._named[found] = named
            for service in named:
                self._users.setdefault((key.namespace, service), {})[found] = source

    def users_of(self, namespace: str, service: str) -> Iterable[IngressKey]:
        """The sources of *namespace* that name *service*."""
        with self._lock:
            return set(self._users.get((namespace, service), {}).values())


def services(manifest: Manifest) -> frozenset[str]:
    """The Services that an Ingress names, or that a companion stands beside; faults are skipped."""
    if manifest.get("kind") == "Service":
        noted = (manifest["metadata"].get("annotations") or {}).get(names.SERVICE)
        return frozenset([noted] if isinstance(noted, str) else [])
    spec = _mapping(manifest.get("spec"))
    backends = [spec.get("defaultBackend")]
    for rule in _list(spec.get("rules")):
        paths = _mapping(_mapping(rule).get("http")).get("paths")
        backends += [_mapping(path).get("backend") for path in _list(paths)]
    found = (_mapping(_mapping(each).get("service")).get("name") for each in backends)
    return frozenset(name for name in found if isinstance(name, str))


def _classed(manifest: Manifest) -> Manifest:
    """As much of an Ingress as says whose it is."""
    meta, spec = manifest["metadata"], _mapping(manifest.get("spec"))
    kept: dict[str, Any] = {"name": meta["name"], "namespace": meta["namespace"]}
    if finalizers := meta.get("finalizers"):
        kept["finalizers"] = finalizers
    legacy = _mapping(meta.get("annotations")).get(LEGACY_CLASS)
    if legacy is not None:
        kept["annotations"] = {LEGACY_CLASS: legacy}
    named = spec.get("ingressClassName")
    shown: dict[str, Any] = {} if named is None else {"ingressClassName": named}
    if secrets := _secrets(manifest):
        shown["tls"] = [{"secretName": name} for name in sorted(secrets)]
    return {"metadata": kept, "spec": shown}


def _secrets(manifest: Manifest) -> frozenset[str]:
    """The Secrets that an Ingress names; faults are skipped."""
    entries = _list(_mapping(manifest.get("spec")).get("tls"))
    found = (_mapping(entry).get("secretName") for entry in entries)
    return frozenset(name for name in found if isinstance(name, str))


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _key(manifest: Manifest) -> IngressKey:
    meta = manifest["metadata"]
    return IngressKey(namespace=str(meta["namespace"]), name=str(meta["name"]))


def _source_of(manifest: Manifest) -> IngressKey | None:
    """The source that one of our objects names; None when somebody has spoilt its annotation."""
    text = (manifest["metadata"].get("annotations") or {}).get(names.SOURCE, "")
    try:
        return IngressKey.parse(str(text))
    except ValueError:
        return None


def _fanout(key: IngressKey, cause: str) -> Work:
    return Work(concern="fanout", unit=str(key), cause=cause)


_WORDS: Final = {"ADDED": "seen", "DELETED": "deleted"}


def _word(change: str) -> str:
    return _WORDS.get(change, "changed")
