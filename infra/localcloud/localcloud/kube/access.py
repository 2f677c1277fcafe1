"""
Who calls, and what they may do: bearer tokens with an allow function each, and what an
authenticator of the cluster's cloud makes of other tokens.

RBAC objects are stored and grant nothing. Not modelled: client certificates, impersonation.

Source: Kubernetes documentation, "Authenticating", "Authorization Overview".
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from localcloud.kube.cluster import Allow, KubeCluster
from localcloud.kube.errors import ApiError, qualified
from localcloud.kube.requests import JSON, YAML, asked, body
from localcloud.kube.store import encoded

_METHODS = {
    "get": "GET",
    "list": "GET",
    "watch": "GET",
    "create": "POST",
    "update": "PUT",
    "patch": "PATCH",
    "delete": "DELETE",
    "deletecollection": "DELETE",
}
_SINGLE_VERBS = {"GET": "get", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Somebody who sent a request: a name to tell, and what they may do (None: everything)."""

    name: str
    allow: Allow | None


def caller(cluster: KubeCluster, request: web.BaseRequest) -> Caller:
    """
    Give who sent *request*.

    Raises:
        ApiError: 401, no token or one that is not known.
    """
    if cluster.tokens is None:
        return Caller(name="system:admin", allow=None)
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer":
        raise ApiError(401, "Unauthorized")
    if token.strip() not in cluster.tokens:
        name = cluster.authenticate(token.strip()) if cluster.authenticate else None
        if name is None:
            raise ApiError(401, "Unauthorized")
        return Caller(name=name, allow=cluster.grants.get(name))
    place = list(cluster.tokens).index(token.strip())
    return Caller(name=f"token-{place}", allow=cluster.tokens[token.strip()])


def check(cluster: KubeCluster, request: web.BaseRequest, who: Caller) -> None:
    """
    Let an allowed request pass.

    Raises:
        ApiError: 403.
    """
    if who.allow is None or who.allow(request.method, request.path):
        return
    wanted = asked(cluster.registry, request.path, request.query)
    resource = wanted.resource
    verb = _SINGLE_VERBS.get(request.method, "create")
    if not wanted.name and verb in ("get", "delete"):
        verb = "deletecollection" if verb == "delete" else "list"
        verb = "watch" if wanted.flag("watch") else verb
    where = f' in the namespace "{wanted.namespace}"' if wanted.namespace else ""
    scope = where or " at the cluster scope"
    plural = resource.plural + (f"/{wanted.subresource}" if wanted.subresource else "")
    start = qualified(resource.plural, resource.group)
    named = f' "{wanted.name}"' if wanted.name else ""
    message = (
        f'{start}{named} is forbidden: User "{who.name}" cannot {verb} resource "{plural}" in API '
        f'group "{resource.group}"{scope}'
    )
    details = {"name": wanted.name, "group": resource.group, "kind": resource.plural}
    raise ApiError(403, message, details={k: v for k, v in details.items() if v})


async def review(
    cluster: KubeCluster, request: web.BaseRequest, who: Caller, parts: list[str]
) -> web.Response:
    """
    Answer a SelfSubjectAccessReview or SelfSubjectReview.

    Raises:
        ApiError: 404 for other reviews, 405 for other methods.
    """
    kind = parts[-1]
    if kind not in ("selfsubjectaccessreviews", "selfsubjectreviews"):
        raise ApiError(404, "the server could not find the requested resource")
    if request.method != "POST":
        raise ApiError(405, "reviews are created")
    obj = await body(request, frozenset({JSON, YAML}))
    if kind == "selfsubjectreviews":
        obj["status"] = {"userInfo": {"username": who.name, "groups": ["system:authenticated"]}}
    else:
        allowed = _allowed(cluster, who, obj.get("spec") or {})
        obj["status"] = {"allowed": allowed}
    return web.Response(body=encoded(obj), status=201, content_type="application/json")


def _allowed(cluster: KubeCluster, who: Caller, spec: Mapping[str, Any]) -> bool:
    if who.allow is None:
        return True
    plain = spec.get("nonResourceAttributes")
    if plain:
        return who.allow(_METHODS.get(plain.get("verb", ""), "GET"), plain.get("path", "/"))
    wanted = spec.get("resourceAttributes") or {}
    group, plural = wanted.get("group", ""), wanted.get("resource", "")
    version = wanted.get("version") or ""
    for resource in cluster.registry:
        if (resource.group, resource.plural) == (group, plural):
            version = version if version not in ("", "*") else resource.version
    path = f"/apis/{group}/{version}" if group else "/api/v1"
    if wanted.get("namespace"):
        path += f"/namespaces/{wanted['namespace']}"
    path += f"/{plural}"
    for name in ("name", "subresource"):
        if wanted.get(name):
            path += f"/{wanted[name]}"
    return who.allow(_METHODS.get(wanted.get("verb", ""), "GET"), path)
