"""
The wire of a cluster: HTTP in front of `KubeCluster`, for kubectl, client libraries and curl.

Served: JSON and YAML bodies; lists, watches, Tables, discovery, OpenAPI v3, access reviews. Not
served: protobuf and CBOR (415), ``/watch/`` paths, exec, logs, proxies, HTTP/2.
"""

import asyncio
import gzip
import logging
import ssl
from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus
from typing import Any

from aiohttp import web

from localcloud.dataplane.listening import stop_accepting
from localcloud.kube import access, discovery, openapi
from localcloud.kube.cluster import KubeCluster
from localcloud.kube.errors import ApiError, no_such_path
from localcloud.kube.objects import Objects
from localcloud.kube.store import encoded

_OPEN_PATHS = frozenset({"healthz", "livez", "readyz", "version"})
_BACKLOG = 1024
_SHUTDOWN_SECONDS = 0.1
_GZIP_FROM = 128 * 1024  # bytes, as a real API server

_log = logging.getLogger(__name__)


class Server:
    """A cluster that listens; made by `serve`."""

    def __init__(self, listener: asyncio.Server, http: web.Server, *, secure: bool) -> None:
        self.host, self.port = listener.sockets[0].getsockname()[:2]
        self.url = f"{'https' if secure else 'http'}://{self.host}:{self.port}"
        self._listener = listener
        self._http = http

    async def close(self) -> None:
        """Stop listening and cut all connections, open watches among them; twice is harmless."""
        await stop_accepting([self._listener])
        # Closing politely would wait for the other side's end of TLS, which may never come.
        for connection in self._http.connections:
            if connection.transport is not None:
                connection.transport.abort()
        await self._http.shutdown(_SHUTDOWN_SECONDS)


async def serve(
    cluster: KubeCluster,
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    ssl_context: ssl.SSLContext | None = None,
) -> Server:
    """
    Put *cluster* on the wire.

    Args:
        cluster: What to serve.
        host: Address to bind.
        port: Port to bind; 0 takes a free one, see ``Server.port``.
        ssl_context: Server side TLS; plain HTTP without.
    """
    # A watch whose client has left is cancelled, and does not wait for the next event to notice.
    http = web.Server(_Handler(cluster).answer, access_log=None, handler_cancellation=True)
    loop = asyncio.get_running_loop()
    listener = await loop.create_server(http, host, port, ssl=ssl_context, backlog=_BACKLOG)
    return Server(listener, http, secure=ssl_context is not None)


class _Handler:
    """Answers the requests to one cluster."""

    def __init__(self, cluster: KubeCluster) -> None:
        self._cluster = cluster
        self._objects = Objects(cluster)
        self._fixed: Mapping[str, Callable[[web.BaseRequest, list[str]], Any]] = {
            "api": self._api,
            "apis": self._apis,
            "openapi": self._openapi,
        }

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request, through the cluster's faults."""
        return await self._cluster.faults.middleware(request, self._safely)

    async def _safely(self, request: web.BaseRequest) -> web.StreamResponse:
        try:
            return await self._route(request)
        except ApiError as error:
            headers = {}
            seconds = (error.details or {}).get("retryAfterSeconds")
            if seconds:
                headers["Retry-After"] = str(seconds)
            return web.Response(
                body=encoded(error.status()),
                status=error.code,
                content_type="application/json",
                headers=headers,
            )
        except Exception:  # noqa: BLE001 - the client gets an answer, the log the traceback
            _log.exception("%s %s", request.method, request.path)
            failed = ApiError(500, "an error on the server has prevented the request")
            return web.json_response(failed.status(), status=500)

    async def _route(self, request: web.BaseRequest) -> web.StreamResponse:
        parts = [part for part in request.path.split("/") if part]
        head = parts[0] if parts else ""
        if head in _OPEN_PATHS:
            if head == "version":
                return web.json_response(discovery.VERSION)
            return web.Response(text="ok")
        caller = access.caller(self._cluster, request)
        if not parts:
            paths = ["/api", "/api/v1", "/apis", "/openapi/v3", "/readyz", "/version"]
            return web.json_response({"paths": paths})
        if head in self._fixed:
            document = self._fixed[head](request, parts)
            if document is not None:
                return document if isinstance(document, web.Response) else _json(request, document)
        if parts[:2] in (["apis", "authorization.k8s.io"], ["apis", "authentication.k8s.io"]):
            return await access.review(self._cluster, request, caller, parts)
        access.check(self._cluster, request, caller)
        answered = await self._verbs(request)(request, caller.name)
        return _compressed(request, answered)

    def _verbs(
        self, request: web.BaseRequest
    ) -> Callable[[web.BaseRequest, str], Awaitable[web.StreamResponse]]:
        verbs = {
            "GET": self._objects.read,
            "POST": self._objects.create,
            "PUT": self._objects.replace,
            "PATCH": self._objects.patch,
            "DELETE": self._objects.delete,
        }
        if request.method not in verbs:
            raise ApiError(405, "the server does not allow this method on the requested resource")
        return verbs[request.method]

    def _api(self, request: web.BaseRequest, parts: list[str]) -> Any:
        if len(parts) == 1:
            if _wants_aggregated(request):
                return _aggregated(self._cluster, core=True)
            return discovery.api_versions()
        if len(parts) == 2:  # noqa: PLR2004 - api, version
            return discovery.resource_list(self._cluster.registry, "", parts[1])
        return None

    def _apis(self, request: web.BaseRequest, parts: list[str]) -> Any:
        registry = self._cluster.registry
        if len(parts) == 1:
            if _wants_aggregated(request):
                return _aggregated(self._cluster, core=False)
            groups = discovery.groups(registry)
            return {"kind": "APIGroupList", "apiVersion": "v1", "groups": groups}
        if len(parts) == 2:  # noqa: PLR2004 - apis, group
            return discovery.group(registry, parts[1])
        if len(parts) == 3:  # noqa: PLR2004 - apis, group, version
            return discovery.resource_list(registry, parts[1], parts[2])
        return None

    def _openapi(self, _request: web.BaseRequest, parts: list[str]) -> Any:
        registry = self._cluster.registry
        match parts[1:]:
            case ["v3"]:
                return openapi.index(registry)
            case ["v3", "api", version]:
                return openapi.document(registry, "", version)
            case ["v3", "apis", group, version]:
                return openapi.document(registry, group, version)
        raise no_such_path()


def _wants_aggregated(request: web.BaseRequest) -> bool:
    accept = request.headers.get("Accept", "")
    return "as=APIGroupDiscoveryList" in accept and "v=v2" in accept.split(",")[0].split(";")


def _aggregated(cluster: KubeCluster, *, core: bool) -> web.Response:
    body = encoded(discovery.aggregated(cluster.registry, core=core))
    return web.Response(body=body, headers={"Content-Type": discovery.AGGREGATED})


def _json(request: web.BaseRequest, document: Any) -> web.StreamResponse:
    if request.method not in ("GET", "HEAD"):
        raise ApiError(HTTPStatus.METHOD_NOT_ALLOWED, "only GET is served here")
    response = web.Response(body=encoded(document), content_type="application/json")
    return _compressed(request, response)


def _compressed(request: web.BaseRequest, response: web.StreamResponse) -> web.StreamResponse:
    if not isinstance(response, web.Response) or not isinstance(response.body, bytes):
        return response
    if len(response.body) < _GZIP_FROM or "gzip" not in request.headers.get("Accept-Encoding", ""):
        return response
    response.headers["Content-Encoding"] = "gzip"
    response.body = gzip.compress(response.body, compresslevel=1)
    return response
