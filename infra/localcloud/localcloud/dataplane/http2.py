"""
The server's side of HTTP/2 over TLS, for echo pods: one connection, many requests at once.

Made by `echo` for connections that have agreed on ``h2`` by ALPN. Answers are small and whole. Not
modelled: priorities, server push, trailers, HTTP/2 without TLS.

Source: RFC 9113; the state machine is that of `h2`.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import (
    ConnectionTerminated,
    DataReceived,
    Event,
    RequestReceived,
    StreamEnded,
    StreamReset,
)
from h2.exceptions import ProtocolError


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """A request as it arrived; names of *headers* are in lower case."""

    method: str
    host: str
    path: str
    scheme: str
    protocol: str
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """The answer to a request."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


Answer = Callable[[Heard], Awaitable[Said]]


class Http2(asyncio.Protocol):
    """One connection; each request is answered by *answer* on its own."""

    def __init__(self, answer: Answer, opened: set["Http2"]) -> None:
        """*opened*: holds this connection as long as it lives."""
        self.transport: asyncio.Transport | None = None
        self._answer = answer
        self._opened = opened
        self._http = H2Connection(H2Configuration(client_side=False, header_encoding="utf-8"))
        self._heads: dict[int, dict[str, str]] = {}
        self._rest: dict[int, bytes] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Greet."""
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self._opened.add(self)
        self._http.initiate_connection()
        self._flush()

    def connection_lost(self, _error: Exception | None) -> None:
        """Nobody waits for answers any more."""
        self._opened.discard(self)
        self.transport = None
        for task in self._tasks:
            task.cancel()

    def data_received(self, data: bytes) -> None:
        """Hear requests, and go on with answers that waited for the window to open."""
        try:
            for event in self._http.receive_data(data):
                self._heard(event)
            for stream in list(self._rest):
                self._send(stream)
        except ProtocolError:
            self._flush()
            if self.transport is not None:
                self.transport.close()
        self._flush()

    def _heard(self, event: Event) -> None:
        match event:
            case RequestReceived():
                self._heads[event.stream_id] = {str(k): str(v) for k, v in event.headers}
            case DataReceived():
                self._http.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
            case StreamEnded():
                task = asyncio.get_running_loop().create_task(self._reply(event.stream_id))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)
            case StreamReset():
                self._heads.pop(event.stream_id, None)
                self._rest.pop(event.stream_id, None)
            case ConnectionTerminated() if self.transport is not None:
                self.transport.close()

    async def _reply(self, stream: int) -> None:
        head = self._heads.get(stream)
        if head is None:
            return
        heard = Heard(
            method=head.get(":method", ""),
            host=head.get(":authority", head.get("host", "")),
            path=head.get(":path", ""),
            scheme=head.get(":scheme", ""),
            protocol="HTTP/2",
            headers={name: value for name, value in head.items() if not name.startswith(":")},
        )
        said = await self._answer(heard)
        if self.transport is None or self._heads.pop(stream, None) is None:
            return
        named = [(name.lower(), value) for name, value in said.headers.items()]
        told = [(":status", str(said.status)), *named, ("content-length", str(len(said.body)))]
        self._http.send_headers(stream, told, end_stream=not said.body)
        if said.body:
            self._rest[stream] = said.body
            self._send(stream)
        self._flush()

    def _send(self, stream: int) -> None:
        """As much of an answer as the peer's window takes."""
        while rest := self._rest.get(stream, b""):
            window = self._http.local_flow_control_window(stream)
            room = min(window, self._http.max_outbound_frame_size)
            if room <= 0:
                return
            part, rest = rest[:room], rest[room:]
            self._http.send_data(stream, part, end_stream=not rest)
            self._rest[stream] = rest
        self._rest.pop(stream, None)

    def _flush(self) -> None:
        if self.transport is not None and (data := self._http.data_to_send()):
            self.transport.write(data)


class ByAlpn(asyncio.Protocol):
    """A connection that has just finished its handshake: handed over to what was agreed on."""

    def __init__(self, http1: Callable[[], asyncio.Protocol], http2: Callable[[], Http2]) -> None:
        self._http1, self._http2 = http1, http2

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Choose; the handshake is over by now."""
        assert isinstance(transport, asyncio.Transport)
        secure = transport.get_extra_info("ssl_object")
        chosen = self._http2() if secure.selected_alpn_protocol() == "h2" else self._http1()
        transport.set_protocol(chosen)
        chosen.connection_made(transport)
