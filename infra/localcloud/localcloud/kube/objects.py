"""
The verbs on objects, from request to response: get, list, watch, create, update, patch, delete.

Every write that took effect is counted in the cluster's calls, except those of Events and Leases.
"""

import json
from collections.abc import Mapping
from dataclasses import replace as replaced
from typing import Any

from aiohttp import web

from localcloud.calls import caller_of
from localcloud.kube import views
from localcloud.kube.cluster import KubeCluster
from localcloud.kube.deletes import DeleteOptions
from localcloud.kube.errors import ApiError, bad_request
from localcloud.kube.lists import Page, page, selector_of
from localcloud.kube.patches import json_patch, merge_patch
from localcloud.kube.requests import (
    APPLY,
    JSON,
    JSON_PATCH,
    MERGE,
    STRATEGIC,
    YAML,
    Asked,
    asked,
    body,
    checked_object,
    options,
)
from localcloud.kube.resources import Resource
from localcloud.kube.store import Entry, encoded
from localcloud.kube.strategic import strategic_patch
from localcloud.kube.tables import table
from localcloud.kube.targets import Options, Target
from localcloud.kube.watching import watch

_UNCOUNTED = frozenset({"Event", "Lease"})
# Kinds whose deletion is answered with the object instead of a Status (ReturnDeletedObject).
_TELL_THE_OBJECT = frozenset({"Namespace", "Pod", "Service", "ServiceAccount"})
_OBJECTS = frozenset({JSON, YAML})
_PATCHES = frozenset({JSON_PATCH, MERGE, STRATEGIC, *APPLY})


class Objects:
    """Answers the requests about objects of one cluster."""

    def __init__(self, cluster: KubeCluster) -> None:
        self._cluster = cluster

    async def read(self, request: web.BaseRequest, _user: str) -> web.StreamResponse:
        """Answer GET: one object, a list, or a watch."""
        wanted = self._asked(request)
        include = wanted.query.get("includeObject") or "Metadata"
        as_table = _accepts_table(request)
        partial = _accepts_metadata(request)
        if wanted.flag("watch"):
            render = None if not as_table else lambda entry: _table_of(wanted, entry, include)
            return await watch(
                request, self._cluster, wanted, views.metadata if partial else render
            )
        if wanted.name:
            entry = self._cluster.writes.live(self._storage(wanted).target())
            if as_table:
                return _response(json.loads(_table_of(wanted, entry, include)))
            return _raw(views.metadata(entry) if partial else views.raw(wanted.resource, entry))
        found = page(self._cluster, wanted)
        if as_table:
            shown = table(wanted.resource, found.entries, found.metadata(), include=include)
            return _response(shown)
        return _raw(_listed(wanted.resource, found, partial=partial))

    async def create(self, request: web.BaseRequest, user: str) -> web.StreamResponse:
        """Answer POST."""
        wanted = self._asked(request)
        if wanted.name or (wanted.resource.namespaced and not wanted.namespace):
            raise ApiError(405, "the server does not allow this method on the requested resource")
        how = options(request, wanted.query, user)
        obj = await body(request, _OBJECTS)
        obj = views.stored(wanted.resource, checked_object(wanted, obj))
        target = self._storage(wanted).target()
        made = self._cluster.writes.create(target, obj, how)
        self._count(request, target, "create", how.dry_run)
        return self._written(wanted, made, how, status=201)

    async def replace(self, request: web.BaseRequest, user: str) -> web.StreamResponse:
        """Answer PUT."""
        wanted = self._named(request)
        how = options(request, wanted.query, user)
        obj = checked_object(wanted, await body(request, _OBJECTS))
        target = self._storage(wanted).target()
        made = self._cluster.writes.replace(target, views.stored(wanted.resource, obj), how)
        self._count(request, target, "update", how.dry_run)
        return self._written(wanted, made, how)

    async def patch(self, request: web.BaseRequest, user: str) -> web.StreamResponse:
        """Answer PATCH: server-side apply, merge, JSON or strategic merge patch."""
        wanted = self._named(request)
        how = options(request, wanted.query, user)
        kind = request.headers.get("Content-Type", "").split(";", 1)[0].strip().lower()
        if kind == STRATEGIC and wanted.resource.definition is not None:
            raise ApiError(
                415,
                "the body of the request was in an unknown format - accepted media types include: "
                f"{', '.join(sorted(_PATCHES - {STRATEGIC}))}",
            )
        change = await body(request, _PATCHES)
        target = self._storage(wanted).target()
        if kind in APPLY:
            return self._apply(request, wanted, change, how)

        def changed(live: dict[str, Any]) -> Any:
            seen = views.shown(wanted.resource, live)
            result = _patched(wanted, kind, seen, change)
            checked = checked_object(wanted, result)
            return views.stored(wanted.resource, checked)

        made = self._cluster.writes.patch(target, changed, how)
        self._count(request, target, "patch", how.dry_run)
        return self._written(wanted, made, how)

    def _apply(
        self, request: web.BaseRequest, wanted: Asked, config: Any, how: Options
    ) -> web.StreamResponse:
        if not wanted.query.get("fieldManager"):
            message = (
                'PatchOptions.meta.k8s.io "" is invalid: fieldManager: Required value: is required '
                "for apply patch"
            )
            raise ApiError(422, message, details={})
        if not isinstance(config, dict) or not config.get("apiVersion") or not config.get("kind"):
            raise bad_request("invalid object type: an apply patch needs apiVersion and kind")
        obj = views.stored(wanted.resource, checked_object(wanted, config))
        target = self._storage(wanted).target()
        made, created = self._cluster.writes.apply(target, obj, how)
        self._count(request, target, "apply", how.dry_run)
        return self._written(wanted, made, how, status=201 if created else 200)

    async def delete(self, request: web.BaseRequest, user: str) -> web.StreamResponse:
        """Answer DELETE: of one object, or of all that are selected."""
        wanted = self._asked(request)
        how = await self._delete_options(request, wanted)
        if not wanted.name:
            return self._delete_collection(request, wanted, how)
        target = self._storage(wanted).target()
        entry = self._cluster.writes.live(target)
        self._admit_delete(target, entry, how, user)
        gone = self._cluster.deletes.delete(target, entry, how)
        self._count(request, target, "delete", how.dry_run)
        if gone["metadata"].get("finalizers") or target.resource.kind in _TELL_THE_OBJECT:
            return _response(views.shown(wanted.resource, gone))
        resource = wanted.resource
        details = {
            "name": wanted.name,
            "group": resource.group,
            "kind": resource.plural,
            "uid": gone["metadata"]["uid"],
        }
        status = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success"}
        return _response({**status, "details": {k: v for k, v in details.items() if v}})

    def _delete_collection(
        self, request: web.BaseRequest, wanted: Asked, how: DeleteOptions
    ) -> web.StreamResponse:
        selector = selector_of(wanted)
        target = self._storage(wanted).target()
        gone = []
        for (namespace, name), entry in self._cluster.store.list(
            target.resource.table, wanted.namespace
        ):
            if selector.matches(entry.obj):
                one = replaced(target, namespace=namespace, name=name)
                gone.append(self._cluster.deletes.delete(one, entry, how))
        self._count(request, target, "deletecollection", how.dry_run)
        resource = wanted.resource
        return _response(
            {
                "kind": resource.list_kind,
                "apiVersion": resource.api_version,
                "metadata": {"resourceVersion": str(self._cluster.store.version)},
                "items": [views.shown(resource, obj) for obj in gone],
            }
        )

    async def _delete_options(self, request: web.BaseRequest, wanted: Asked) -> DeleteOptions:
        given: Mapping[str, Any] = {}
        if request.can_read_body:
            given = await body(request, _OBJECTS) or {}
        preconditions = given.get("preconditions") or {}
        propagation = given.get("propagationPolicy") or wanted.query.get("propagationPolicy")
        if given.get("orphanDependents") is True:
            propagation = "Orphan"
        if propagation not in (None, "Background", "Foreground", "Orphan"):
            message = f'DeleteOptions.meta.k8s.io "" is invalid: propagationPolicy: "{propagation}"'
            raise ApiError(422, message, details={})
        return DeleteOptions(
            uid=preconditions.get("uid") or "",
            resource_version=preconditions.get("resourceVersion") or "",
            propagation=propagation or "Background",
            dry_run=bool(given.get("dryRun") or wanted.query.get("dryRun")),
        )

    def _admit_delete(self, target: Target, entry: Entry, how: DeleteOptions, user: str) -> None:
        seen = Options(manager="", user=user, dry_run=how.dry_run)
        self._cluster.admission.admit(target, "DELETE", None, entry.obj, seen)

    def _asked(self, request: web.BaseRequest) -> Asked:
        return asked(self._cluster.registry, request.path, request.query)

    def _named(self, request: web.BaseRequest) -> Asked:
        wanted = self._asked(request)
        if not wanted.name:
            raise ApiError(405, "the server does not allow this method on the requested resource")
        return wanted

    def _storage(self, wanted: Asked) -> Asked:
        """Give the request in terms of how the object is stored."""
        if wanted.resource.group != "events.k8s.io":
            return wanted
        return replaced(wanted, resource=self._cluster.registry.at("", "v1", "events"))

    def _count(self, request: web.BaseRequest, target: Target, verb: str, dry_run: bool) -> None:
        if dry_run or target.resource.kind in _UNCOUNTED:
            return
        subresource = f"/{target.subresource}" if target.subresource else ""
        self._cluster.calls.record(
            caller=caller_of(request.headers.get("User-Agent")),
            service="kubernetes",
            place=self._cluster.name,
            verb=verb,
            resource=target.resource.short + subresource,
        )

    def _written(
        self, wanted: Asked, obj: dict[str, Any], how: Options, *, status: int = 200
    ) -> web.Response:
        response = _response(views.shown(wanted.resource, obj), status=status)
        for warning in how.warnings:
            escaped = warning.replace("\\", "\\\\").replace('"', '\\"').replace("\n", " ")
            response.headers.add("Warning", f'299 - "{escaped}"')
        return response


def _patched(wanted: Asked, kind: str, live: dict[str, Any], change: Any) -> Any:
    if kind == JSON_PATCH:
        return json_patch(live, change)
    if not isinstance(change, dict):
        raise bad_request("a merge patch is an object")
    if kind == MERGE:
        return merge_patch(live, change)
    return strategic_patch(wanted.resource.shape, live, change)


def _accepts_table(request: web.BaseRequest) -> bool:
    first = request.headers.get("Accept", "").split(",", 1)[0]
    return "as=Table" in first


def _accepts_metadata(request: web.BaseRequest) -> bool:
    first = request.headers.get("Accept", "").split(",", 1)[0]
    return f"as={views.PARTIAL}" in first


def _listed(resource: Resource, found: Page, *, partial: bool) -> bytes:
    kind, version = resource.list_kind, resource.api_version
    if partial:
        kind, version = f"{views.PARTIAL}List", views.META
    head = json.dumps({"kind": kind, "apiVersion": version, "metadata": found.metadata()})
    items = b",".join(
        views.metadata(entry) if partial else views.raw(resource, entry) for entry in found.entries
    )
    return head[:-1].encode() + b',"items":[' + items + b"]}"


def _table_of(wanted: Asked, entry: Entry, include: str) -> bytes:
    metadata = {"resourceVersion": entry.obj["metadata"]["resourceVersion"]}
    return encoded(table(wanted.resource, [entry], metadata, include=include))


def _raw(body_bytes: bytes, status: int = 200) -> web.Response:
    return web.Response(body=body_bytes, status=status, content_type="application/json")


def _response(obj: Any, *, status: int = 200) -> web.Response:
    return _raw(encoded(obj), status)
