"""
Insert, patch, update, delete and the ``set...`` methods of every collection.

Everything is checked when the request is accepted; the change itself is an operation. A PATCH is
an RFC 7396 merge patch: lists are replaced as a whole, null clears.
"""

import copy
import re
from collections.abc import Callable, Mapping

from localcloud.gcp.checks import apply_rules, complete, merge
from localcloud.gcp.errors import (
    already_exists,
    in_use,
    invalid,
    not_ready,
    quota_exceeded,
    required,
    stale,
)
from localcloud.gcp.instances import serve
from localcloud.gcp.kinds import COLLECTIONS, Collection
from localcloud.gcp.operations import Operation, Operations, new_id
from localcloud.gcp.references import BASE
from localcloud.gcp.resources import Object, Resources, fingerprint
from localcloud.gcp.rules import frontends
from localcloud.gcp.rules.draft import Draft
from localcloud.gcp.times import compute_time

_NAME = re.compile(r"[a-z]([-a-z0-9]{0,61}[a-z0-9])?")
_SERVER_FIELDS = (
    "kind",
    "id",
    "creationTimestamp",
    "selfLink",
    "zone",
    "region",
    "size",
    "labels",
    "labelFingerprint",
)
_OF_SETTERS: Mapping[str, tuple[str, ...]] = {
    "backendServices": ("edgeSecurityPolicy", "securityPolicy")
}
"""Output only but for their setters. Source: compute v1 ``BackendService``."""
_STALE = {
    "fingerprint": "Invalid fingerprint.",
    "labelFingerprint": "Labels fingerprint either invalid or resource labels have changed",
}
SETTERS: Mapping[str, str] = {
    "setCertificateMap": "certificateMap",
    "setEdgeSecurityPolicy": "edgeSecurityPolicy",
    "setNamedPorts": "namedPorts",
    "setQuicOverride": "quicOverride",
    "setSecurityPolicy": "securityPolicy",
    "setSslCertificates": "sslCertificates",
    "setSslPolicy": "sslPolicy",
    "setTarget": "target",
    "setUrlMap": "urlMap",
}
"""Method to the field that it sets."""


class Writes:
    """Changes of stored resources."""

    def __init__(
        self,
        resources: Resources,
        operations: Operations,
        *,
        next_address: Callable[[], str],
        quotas: Mapping[str, int],
    ) -> None:
        """
        Write no request yet.

        Args:
            resources: What is written.
            operations: Where changes run.
            next_address: Gives the IP of a new address or forwarding rule.
            quotas: Most objects of a collection in one project; none when it is not named.
        """
        self._resources = resources
        self._operations = operations
        self._next_address = next_address
        self._quotas = quotas

    def insert(self, parent: str, body: Object, *, at_once: bool = False) -> Operation:
        """
        Make a new object in the collection at *parent*, ``projects/P/SCOPE/COLLECTION``.

        Raises:
            GoogleError: 400, 403 for a quota, 409.
        """
        name = body.get("name")
        if not name:
            raise required("resource.name")
        if _NAME.fullmatch(name) is None:
            raise invalid("resource.name", name, f"Must be a match of regex '{_NAME.pattern}'")
        path = f"{parent}/{name}"
        kind = COLLECTIONS[parent.rsplit("/", maxsplit=1)[-1]]
        if self._resources.get(path) is not None:
            raise already_exists(path)
        passed_over = {"fingerprint", *_OF_SETTERS.get(parent.rsplit("/", maxsplit=1)[-1], ())}
        given = {key: value for key, value in body.items() if key not in passed_over}
        defaults = copy.deepcopy(dict(kind.defaults))
        filled = complete(self._resources, self._operations, path, {**defaults, **given})
        self._within_quota(path, kind)
        draft = Draft(path=path, body=filled)
        apply_rules(draft, self._resources)
        if path.split("/")[-2] == "addresses":
            frontends.address(draft, self._next_address)
        elif path.split("/")[-2] == "forwardingRules":
            frontends.rule(draft, self._resources, self._next_address)
        item = {**draft.body, **self._server_fields(path, kind)}
        if kind.labels:
            item["labelFingerprint"] = fingerprint(item.get("labels") or {})
        self._store(path, item)
        return self._operations.begin(
            "insert",
            path,
            item["id"],
            finish=lambda: self._resources.changed(path),
            undo=lambda: self._drop(path),
            at_once=at_once,
        )

    def change(self, verb: str, path: str, body: Object) -> Operation:
        """
        Patch (*verb* ``patch``) or replace (``update``) the object at *path*.

        Raises:
            GoogleError: 400, 404, 412.
        """
        observed = self._resources.need(path)
        kind = COLLECTIONS[path.split("/")[-2]]
        if kind.fingerprint:
            _guard(observed, body, "fingerprint")
        self._idle(path)
        own = _OF_SETTERS.get(path.split("/")[-2], ())
        body = {key: value for key, value in body.items() if key not in own}
        body |= {key: observed[key] for key in own if key in observed}
        if body.get("name") not in (None, observed["name"]):
            raise invalid("resource.name", body["name"], "The name of a resource cannot change.")
        if verb == "patch":
            new = merge(observed, body)
        else:
            kept = {name: observed[name] for name in _SERVER_FIELDS if name in observed}
            fixed = {name: observed[name] for name in kind.fixed if name in observed}
            defaults = copy.deepcopy(dict(kind.defaults))
            new = {**defaults, **fixed, **body, **kept, "name": observed["name"]}
        new = complete(self._resources, self._operations, path, new)
        for name in kind.fixed:
            if new.get(name) != observed.get(name):
                raise invalid(f"resource.{name}", body.get(name, ""), "The field cannot change.")
        apply_rules(Draft(path=path, body=new), self._resources)
        return self._replace(verb, path, new)

    def set_field(self, verb: str, path: str, body: Object, *, at_once: bool = False) -> Operation:
        """
        Carry out one of `SETTERS`.

        Raises:
            GoogleError: 400, 404, 412 for named ports with a stale fingerprint.
        """
        observed = self._resources.need(path)
        self._idle(path)
        if body.get("fingerprint"):
            _guard(observed, body, "fingerprint")
        name = SETTERS[verb]
        value = next((value for key, value in body.items() if key != "fingerprint"), None)
        new = merge(observed, {name: value})
        new = complete(self._resources, self._operations, path, new)
        draft = Draft(path=path, body=new)
        apply_rules(draft, self._resources)
        if verb == "setTarget":
            frontends.target(draft, self._resources)
        return self._replace(verb, path, new, at_once=at_once)

    def set_labels(self, path: str, body: Object) -> Operation:
        """
        Replace the labels of an object.

        Raises:
            GoogleError: 400 without a label fingerprint, 404, 412.
        """
        observed = self._resources.need(path)
        self._idle(path)
        _guard(observed, body, "labelFingerprint")
        labels = body.get("labels") or {}
        new = {**observed, "labels": labels, "labelFingerprint": fingerprint(labels)}
        return self._replace("setLabels", path, new)

    def delete(self, path: str, *, at_once: bool = False) -> Operation:
        """
        Delete what nothing refers to; for networks, the operation finds out whether that is so.

        Raises:
            GoogleError: 400 when in use or not ready, 404.
        """
        observed = self._resources.need(path)
        self._idle(path)
        kind = COLLECTIONS[path.split("/")[-2]]
        late = kind.kind == "network"
        if not late:
            self._unused(path, kind)

        def finish() -> None:
            if late:
                self._unused(path, kind)
            self._drop(path)

        return self._operations.begin(
            "delete", path, observed["id"], finish=finish, at_once=at_once
        )

    def _within_quota(self, path: str, kind: Collection) -> None:
        _, project, *_, collection, _ = path.split("/")
        limit = self._quotas.get(collection)
        if limit is not None:
            count = sum(1 for _ in self._resources.each(project, collection))
            if count >= limit:
                raise quota_exceeded(kind.metric, limit)

    def _server_fields(self, path: str, kind: Collection) -> Object:
        _, project, scope, *rest = path.split("/")
        fields: Object = {
            "kind": f"compute#{kind.kind}",
            "id": new_id(),
            "creationTimestamp": compute_time(self._operations.clock()),
            "selfLink": BASE + path,
        }
        if scope != "global":
            fields[scope.removesuffix("s")] = f"{BASE}projects/{project}/{scope}/{rest[0]}"
        return fields

    def _idle(self, path: str) -> None:
        if self._operations.busy(path):
            raise not_ready(path)

    def _unused(self, path: str, kind: Collection) -> None:
        users = self._resources.users(path)
        if users:
            raise in_use(kind.words, path, users[0])

    def _store(self, path: str, item: Object) -> None:
        collection = path.split("/")[-2]
        kind = COLLECTIONS[collection]
        if kind.fingerprint:
            content = {name: item.get(name) for name in kind.guarded} if kind.guarded else item
            item["fingerprint"] = fingerprint(content)
        self._resources.objects[path] = item
        if collection == "networkEndpointGroups":
            self._resources.endpoints.setdefault(path, [])
        elif collection == "instanceGroups":
            serve(self._resources, path)

    def _replace(self, verb: str, path: str, new: Object, *, at_once: bool = False) -> Operation:
        # What a change is about to refer to is in use already.
        self._resources.coming[path] = new

        def undo() -> None:
            del self._resources.coming[path]

        def finish() -> None:
            undo()
            self._store(path, new)
            self._resources.changed(path)

        return self._operations.begin(
            verb, path, new["id"], finish=finish, undo=undo, at_once=at_once
        )

    def _drop(self, path: str) -> None:
        self._resources.objects.pop(path, None)
        self._resources.endpoints.pop(path, None)
        self._resources.instances.pop(path, None)
        self._resources.private_keys.pop(path, None)
        self._resources.changed(path)


def _guard(observed: Object, body: Object, name: str) -> None:
    given = body.get(name)
    if not given:
        raise required(f"resource.{name}")
    if given != observed.get(name):
        raise stale(_STALE[name])
