"""
Echo pods: real HTTP servers that say who answered and what arrived.

The world makes one for each ready or unready pod of its clusters; its control API kills, revives,
slows and unreadies them. A pod has one address of its own and listens on each of its ports.

Some ports may speak TLS, by a certificate that nobody verifies, as Google's front ends do not
either; there clients may agree on HTTP/2 by ALPN. Not modelled: HTTP/2 without TLS and gRPC in the
pod, more than one container, resource limits.
"""

import asyncio
import json
import socket
import ssl
import struct
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from aiohttp import web

from localcloud.addresses import to_loopback
from localcloud.dataplane.http2 import ByAlpn, Heard, Http2, Said
from localcloud.dataplane.listening import stop_accepting

_BACKLOG = 1024
# SO_LINGER on, for no time: closing then sends RST and not FIN.
_NO_LINGER = struct.pack("ii", 1, 0)
ECHOED_HEADERS = ("X-Forwarded-For", "X-Forwarded-Proto", "X-Client-Region", "Via", "User-Agent")


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Who answers; *ip* is 10.a.b.c, *app* the workload it belongs to."""

    name: str
    cluster: str
    region: str
    app: str
    ip: str
    ports: tuple[int, ...]
    readiness_path: str = "/healthz"
    health_paths: frozenset[str] = field(default_factory=frozenset)
    tls_ports: tuple[int, ...] = ()


class Pod:
    """
    One pod's servers and the switches of its behaviour.

    `served` counts the answers to requests that were neither readiness nor health checks, `arrived`
    those requests themselves.
    """

    def __init__(
        self, identity: Identity, context: Callable[[], ssl.SSLContext] | None = None
    ) -> None:
        """*context*: gives the server's side of TLS; needed where *identity* has TLS ports."""
        self.identity = identity
        self._context = context
        self.ready = True
        self.arrived = self.served = 0
        self._delay_seconds = 0.0
        self._checks = {identity.readiness_path, *identity.health_paths}
        self._listeners: list[asyncio.Server] = []
        self._http: web.Server | None = None
        self._http2: set[Http2] = set()

    @property
    def alive(self) -> bool:
        """Whether its ports are open."""
        return self._http is not None

    async def start(self) -> None:
        """
        Listen on every port; starting twice is harmless.

        Raises:
            AddressRefused: Its address is not one of the lab's, before any socket is opened.
            OSError: A port is taken.
        """
        if self._http is not None:
            return
        host = to_loopback(self.identity.ip)
        self._http = plain = web.Server(self._answer_plain, access_log=None)
        loop = asyncio.get_running_loop()
        secure = self._context() if self._context and self.identity.tls_ports else None
        if secure is not None:
            secure.set_alpn_protocols(["h2", "http/1.1"])
        try:
            for port in self.identity.ports:
                tls = secure if port in self.identity.tls_ports else None
                factory = self._by_alpn if tls else plain
                self._listeners.append(
                    await loop.create_server(factory, host, port, backlog=_BACKLOG, ssl=tls)
                )
        except OSError:
            await self.kill()
            raise

    async def kill(self) -> None:
        """Close the listeners and reset every open connection, as a lost machine's kernel would."""
        http, self._http = self._http, None
        listeners, self._listeners = self._listeners, []
        await stop_accepting(listeners)
        for each in list(self._http2):
            if each.transport is not None:
                _reset(each.transport)
        if http is None:
            return
        for connection in http.connections:
            if connection.transport is not None:
                _reset(connection.transport)
        # Not 0, which aiohttp takes as no limit for answers still being made.
        await http.shutdown(0.01)

    async def revive(self) -> None:
        """Start again after a kill, ready and not slow."""
        self.ready = True
        self._delay_seconds = 0.0
        await self.start()

    async def close(self) -> None:
        """The end of the pod; the same as a kill."""
        await self.kill()

    def set_ready(self, ready: bool) -> None:
        """Whether readiness and health paths answer 200 or 503; other paths answer either way."""
        self.ready = ready

    def slow(self, seconds: float) -> None:
        """Delay every later answer but those to checks."""
        self._delay_seconds = seconds

    def check_also(self, paths: Iterable[str]) -> None:
        """Treat these paths as health checks too, from now on."""
        self._checks.update(paths)

    def _by_alpn(self) -> ByAlpn:
        assert self._http is not None
        return ByAlpn(self._http, lambda: Http2(self._answer, self._http2))

    async def _answer_plain(self, request: web.BaseRequest) -> web.StreamResponse:
        """HTTP/1.1."""
        await request.read()
        version = request.version
        named = {name.lower(): ", ".join(request.headers.getall(name)) for name in request.headers}
        heard = Heard(
            method=request.method,
            host=request.host,
            path=request.raw_path,
            scheme=request.scheme,
            protocol=f"HTTP/{version.major}.{version.minor}",
            headers=named,
        )
        said = await self._answer(heard)
        return web.Response(status=said.status, body=said.body or None, headers=said.headers)

    async def _answer(self, request: Heard) -> Said:
        headers = {"X-Cluster": self.identity.cluster, "X-Pod": self.identity.name}
        if request.path.partition("?")[0] in self._checks:
            return Said(status=200 if self.ready else 503, headers=headers)
        self.arrived += 1
        if self._delay_seconds:
            await asyncio.sleep(self._delay_seconds)
        self.served += 1
        return Said(
            status=200,
            body=json.dumps(self._seen(request)).encode() + b"\n",  # answers stand below each other
            headers={**headers, "Content-Type": "application/json"},
        )

    def _seen(self, request: Heard) -> dict[str, object]:
        """What a client is told: the pod's identity and the request as it arrived here."""
        return {
            "cluster": self.identity.cluster,
            "region": self.identity.region,
            "pod": self.identity.name,
            "app": self.identity.app,
            "method": request.method,
            "host": request.host,
            "path": request.path,
            "scheme": request.scheme,
            "protocol": request.protocol,
            "headers": {
                name: request.headers[name.lower()]
                for name in ECHOED_HEADERS
                if name.lower() in request.headers
            },
        }


def _reset(transport: asyncio.Transport) -> None:
    transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
    transport.abort()
