"""
Compute Engine's part: from a method of compute v1 to what it does.

Served: what `discovery.COMPUTE_RESOURCES` names. Not modelled: IAM policies, Cloud CDN keys,
network peerings, moves, shared VPC hosts; these methods answer 501.
"""

import asyncio
import re
import uuid
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from localcloud.gcp.call import ApiCall
from localcloud.gcp.catalogue import RESOURCES as CATALOGUED
from localcloud.gcp.catalogue import Catalogue
from localcloud.gcp.endpoints import Endpoints
from localcloud.gcp.errors import GoogleError, invalid, not_modelled
from localcloud.gcp.instances import Instances
from localcloud.gcp.kinds import COLLECTIONS
from localcloud.gcp.listing import list_answer, page, select
from localcloud.gcp.operations import Operation, Operations
from localcloud.gcp.references import BASE, resolve
from localcloud.gcp.resources import Object, Resources
from localcloud.gcp.rules.draft import Draft
from localcloud.gcp.rules.url_map_tests import failures
from localcloud.gcp.rules.url_maps import check as check_url_map
from localcloud.gcp.writes import SETTERS, Writes

Answer = Object | None

_COLLECTION_OF = {
    "globalAddresses": "addresses",
    "globalForwardingRules": "forwardingRules",
    "globalNetworkEndpointGroups": "networkEndpointGroups",
    "globalOperations": "operations",
    "regionNetworkEndpointGroups": "networkEndpointGroups",
    "regionOperations": "operations",
    "zoneOperations": "operations",
}
_WAIT_SECONDS = 120.0  # the real service holds the line for two minutes at most
READING_POSTS = frozenset(
    {"getHealth", "listInstances", "listNetworkEndpoints", "validate", "wait"}
)


class Compute:
    """Carries out the methods of compute v1."""

    def __init__(
        self,
        resources: Resources,
        operations: Operations,
        writes: Writes,
        endpoints: Endpoints,
        instances: Instances,
        *,
        catalogue: Catalogue,
    ) -> None:
        self._resources = resources
        self._operations = operations
        self._writes = writes
        self._endpoints = endpoints
        self._instances = instances
        self._catalogue = catalogue
        self._requests: dict[tuple[str, str], tuple[str, str, str]] = {}
        self._reads: Mapping[str, Callable[[ApiCall], Answer]] = {
            "get": self._get,
            "list": self._list,
            "aggregatedList": self._aggregated,
            "getHealth": self._get_health,
            "listNetworkEndpoints": self._list_endpoints,
            "listInstances": self._list_instances,
            "validate": self._validate,
        }
        self._changes: Mapping[str, Callable[[ApiCall, str], Operation]] = {
            "insert": self._insert,
            "patch": self._update,
            "update": self._update,
            "delete": self._delete,
            "setLabels": self._set_labels,
            **dict.fromkeys(SETTERS, self._set_field),
            "attachNetworkEndpoints": self._attach,
            "detachNetworkEndpoints": self._detach,
            "addInstances": lambda call, path: self._instances.add(path, call.body),
            "removeInstances": lambda call, path: self._instances.remove(path, call.body),
        }

    async def answer(self, call: ApiCall) -> Answer:
        """
        Do what *call* asks.

        Raises:
            GoogleError: Refused.
        """
        resource, verb = call.method.resource, call.method.verb
        self._catalogue.check_place(call)
        if resource.endswith("Operations"):
            return await self._operation(call)
        if resource in CATALOGUED:
            return self._catalogue.answer(call)
        if verb in self._reads:
            return self._reads[verb](call)
        return self._once(call).json(self._operations.clock())

    def _once(self, call: ApiCall) -> Operation:
        """Carry out a change, or give the operation that the same request id began before."""
        number = call.query.get("requestId", "")
        if not number:
            return self._change(call)
        if not _is_request_id(number):
            raise invalid("requestId", number, "Must be a valid UUID, not the zero one.")
        target = "/".join(call.values.values())
        before = self._requests.get((call.project, number))
        if before is None:
            operation = self._change(call)
            self._requests[call.project, number] = (call.id, target, operation.path)
            return operation
        if before[:2] != (call.id, target):
            raise invalid("requestId", number, "The request id belongs to another request.")
        return self._operations.need(before[2])

    def _change(self, call: ApiCall) -> Operation:
        method = self._changes.get(call.method.verb)
        if method is None:
            raise not_modelled(call.id)
        return method(call, _path(call))

    def _insert(self, call: ApiCall, parent: str) -> Operation:
        return self._writes.insert(parent, call.body)

    def _update(self, call: ApiCall, path: str) -> Operation:
        return self._writes.change(call.method.verb, path, call.body)

    def _delete(self, _call: ApiCall, path: str) -> Operation:
        return self._writes.delete(path)

    def _set_labels(self, call: ApiCall, path: str) -> Operation:
        return self._writes.set_labels(path, call.body)

    def _set_field(self, call: ApiCall, path: str) -> Operation:
        return self._writes.set_field(call.method.verb, path, call.body)

    def _attach(self, call: ApiCall, path: str) -> Operation:
        return self._endpoints.attach(path, call.body.get("networkEndpoints") or [])

    def _detach(self, call: ApiCall, path: str) -> Operation:
        return self._endpoints.detach(path, call.body.get("networkEndpoints") or [])

    def _get(self, call: ApiCall) -> Answer:
        return self._resources.view(_path(call))

    def _list(self, call: ApiCall) -> Answer:
        parent = _path(call)
        _, project, *scope, collection = parent.split("/")
        paths = [path for path, _ in self._resources.each(project, collection, "/".join(scope))]
        items = [self._resources.view(path) for path in paths]
        return list_answer(parent, COLLECTIONS[collection].kind, items, call.query)

    def _aggregated(self, call: ApiCall) -> Answer:
        collection = _COLLECTION_OF.get(call.method.resource, call.method.resource)
        paths = [path for path, _ in self._resources.each(call.project, collection)]
        views = select([self._resources.view(path) for path in paths], _filter(call))
        shown, token = page(views, call.query)
        scopes = ["global", *(f"regions/{region}" for region in self._catalogue.regions)]
        if collection in {"networkEndpointGroups", "instanceGroups", "instances"}:
            scopes += [f"zones/{zone}" for zone in self._catalogue.zones]
        answered: dict[str, Any] = {scope: _nothing_in(scope) for scope in scopes}
        for view in shown:
            scope = "/".join(view["selfLink"].removeprefix(BASE).split("/")[2:-2])
            if collection not in answered.setdefault(scope, {}):
                answered[scope] = {collection: []}
            answered[scope][collection].append(view)
        kind = COLLECTIONS[collection].kind
        found = {
            "kind": f"compute#{kind}AggregatedList",
            "id": f"projects/{call.project}/aggregated/{collection}",
            "items": answered,
            "selfLink": f"{BASE}projects/{call.project}/aggregated/{collection}",
        }
        return found | ({"nextPageToken": token} if token else {})

    def _get_health(self, call: ApiCall) -> Answer:
        return self._endpoints.service_health(_path(call), call.body.get("group") or "")

    def _list_endpoints(self, call: ApiCall) -> Answer:
        health = call.body.get("healthStatus") == "SHOW"
        shown, token = page(self._endpoints.listed(_path(call), health=health), call.query)
        found: Object = {"kind": "compute#networkEndpointGroupsListNetworkEndpoints"}
        if shown:
            found["items"] = shown
        return found | ({"nextPageToken": token} if token else {})

    def _list_instances(self, call: ApiCall) -> Answer:
        path = _path(call)
        listed = self._instances.listed(path, call.body.get("instanceState") or "ALL")
        shown, token = page(listed, call.query)
        found: Object = {
            "kind": "compute#instanceGroupsListInstances",
            "id": f"{path}/listInstances",
            "selfLink": f"{BASE}{path}/listInstances",
        }
        if shown:
            found["items"] = shown
        return found | ({"nextPageToken": token} if token else {})

    def _validate(self, call: ApiCall) -> Answer:
        body = call.body.get("resource") or {}
        try:
            resolved, found = resolve("urlMaps", call.project, body)
            for reference in found:
                self._resources.need(reference.path)
            untested = {name: value for name, value in resolved.items() if name != "tests"}
            check_url_map(Draft(path=_path(call), body=untested), self._resources)
        except GoogleError as error:
            return {"result": {"loadSucceeded": False, "loadErrors": [error.message]}}
        failed = failures(resolved)
        result: Object = {"loadSucceeded": True, "testPassed": not failed}
        return {"result": result | ({"testFailures": failed} if failed else {})}

    async def _operation(self, call: ApiCall) -> Answer:
        path, verb = _path(call), call.method.verb
        if verb == "list":
            now = self._operations.clock()
            items = [operation.json(now) for operation in self._operations.each(path)]
            return list_answer(path, "operation", items, call.query)
        if verb not in {"get", "wait", "delete"}:
            raise not_modelled(call.id)
        operation = self._operations.need(path)
        if verb == "delete":
            self._operations.forget(path)
            return None
        if verb == "wait":
            await _until(operation.done.wait(), _WAIT_SECONDS)
        return operation.json(self._operations.clock())


def _path(call: ApiCall) -> str:
    """Give the path of the object that is called, or of its collection for lists and inserts."""
    scope = "global"
    for word in ("zone", "region"):
        if word in call.values:
            scope = f"{word}s/{call.values[word]}"
    collection = _COLLECTION_OF.get(call.method.resource, call.method.resource)
    parent = f"projects/{call.project}/{scope}/{collection}"
    names = [v for k, v in call.values.items() if k not in {"project", "zone", "region"}]
    return "/".join([parent, *names])


def _filter(call: ApiCall) -> str:
    return call.query.get("filter", "")


def _nothing_in(scope: str) -> Object:
    return {
        "warning": {
            "code": "NO_RESULTS_ON_PAGE",
            "message": "There are no results for scope 'X' on this page.".replace("X", scope),
            "data": [{"key": "scope", "value": scope}],
        }
    }


def _is_request_id(text: str) -> bool:
    canonical = re.fullmatch(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", text)
    return canonical is not None and uuid.UUID(text).int != 0


async def _until(done: Awaitable[Any], seconds: float) -> None:
    try:
        await asyncio.wait_for(done, seconds)
    except TimeoutError:
        return
