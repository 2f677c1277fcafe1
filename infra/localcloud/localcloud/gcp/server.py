"""
The wire of a `GcpCloud`: compute v1 under ``/compute/v1/`` and dns v1 under ``/dns/v1/``.

Not served: batch requests, media, ``alt`` other than JSON, partial responses (``fields`` is
ignored), the beta and alpha versions.
"""

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

from aiohttp import web

from localcloud.gcp.call import ApiCall, caller
from localcloud.gcp.cloud import GcpCloud
from localcloud.gcp.compute import READING_POSTS
from localcloud.gcp.discovery import Api, Method, api
from localcloud.gcp.errors import GoogleError

_LARGEST_BODY = 16 * 1024 * 1024
_ROOTS = {"dns": "entity"}


class Server:
    """A listening server; made by `serve_gcp` and `serve_metadata`."""

    def __init__(self, runner: web.AppRunner, host: str, port: int) -> None:
        self.host = host
        self.port = port
        self.url = f"http://{host}:{port}"
        self._runner = runner

    async def close(self) -> None:
        """Stop listening and end all connections."""
        await self._runner.cleanup()


async def serve_gcp(cloud: GcpCloud, *, host: str = "127.0.0.1", port: int = 0) -> Server:
    """
    Put *cloud* on the wire.

    Args:
        cloud: What to serve.
        host: Address to bind.
        port: Port to bind; 0 takes a free one, see ``Server.port``.
    """
    app = web.Application(
        middlewares=[_named, cloud.faults.middleware], client_max_size=_LARGEST_BODY
    )
    app.router.add_route("*", "/{path:.*}", _Wire(cloud).answer)
    return await listen(app, host, port)


async def listen(app: web.Application, host: str, port: int) -> Server:
    """Bind *app* to an address; port 0 takes a free one."""
    runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, host, port, backlog=1024).start()
    return Server(runner, host, runner.addresses[0][1])


@web.middleware
async def _named(request: web.Request, handler: Any) -> web.StreamResponse:
    # Faults match the first token of User-Agent; client libraries put their own there first.
    agent = request.headers.get("User-Agent", "")
    name = caller(request.headers)
    headers = request.headers.copy()
    headers["User-Agent"] = f"{name}/0 {agent}" if not agent.startswith(f"{name}/") else agent
    answer: web.StreamResponse = await handler(request.clone(headers=headers))
    return answer


class _Wire:
    def __init__(self, cloud: GcpCloud) -> None:
        self._cloud = cloud

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self._cloud.settle()
        try:
            service, call = await _read(request)
            self._cloud.access.check(
                call.id, _resource(call), request.headers.get("Authorization", "")
            )
            if service == "compute":
                found = await self._cloud.compute_api.answer(call)
            else:
                found = self._cloud.dns_api.answer(call)
        except GoogleError as error:
            return web.json_response(error.body(), status=error.code)
        self._count(request, call)
        if found is None:
            return web.Response(status=204)
        return web.json_response(found)

    def _count(self, request: web.Request, call: ApiCall) -> None:
        if call.method.http == "GET" or call.method.verb in READING_POSTS:
            return
        service, resource, verb = call.id.split(".")
        self._cloud.calls.record(
            caller=caller(request.headers),
            service=service,
            place=call.project,
            verb=verb,
            resource=resource,
        )


async def _read(request: web.Request) -> tuple[str, ApiCall]:
    segments = [unquote(part) for part in request.rel_url.raw_path.strip("/").split("/")]
    service = segments[0]
    served: Api | None = api(service)
    found = served.find(request.method, segments) if served is not None else None
    if served is None or found is None:
        message = f"The local cloud serves no {request.method} {request.path}"
        raise GoogleError(404, "notFound", message)
    method, values = found
    method.check(values, request.query)
    root = _ROOTS.get(service, "resource")
    body = await _body(request, served, method, root)
    return service, ApiCall(method=method, values=values, query=dict(request.query), body=body)


async def _body(request: web.Request, served: Api, method: Method, root: str) -> dict[str, Any]:
    text = await request.text()
    if not method.request:
        return {}
    try:
        document = json.loads(text) if text.strip() else {}
    except ValueError as error:
        raise GoogleError(400, "parseError", f"Parse Error: {error}") from error
    decoded = served.schemas.decode(method.request, document, root)
    assert isinstance(decoded, dict)
    return decoded


def _resource(call: ApiCall) -> str:
    values: Mapping[str, str] = call.values
    names = [f"{key}s/{value}" for key, value in values.items()]
    return "/".join(names)
