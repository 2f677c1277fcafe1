"""The watcher's own pages over HTTP: probes for the kubelet, metrics for Prometheus."""

import logging
import socket
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final

from fedingress.domain.errors import Invalid

_LOG: Final = logging.getLogger("fedingress")
_REQUEST_SECONDS: Final = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class PageText:
    """What a page says."""

    text: str
    status: int = 200
    content_type: str = "text/plain; charset=utf-8"


class HealthServer:
    """Serves *pages* (path to what it says now) at *address* (`HOST:PORT`; port 0 is any)."""

    def __init__(self, address: str, pages: Mapping[str, Callable[[], PageText]]) -> None:
        """Raise `Invalid` when the address cannot be bound."""
        host, _, port = address.rpartition(":")
        host = host.strip("[]")
        kind = _Server6 if ":" in host else _Server
        try:
            self._server = kind((host, int(port)), _handler(pages))
        except (OSError, OverflowError) as error:
            raise Invalid(f"FEDINGRESS_HEALTH: {address} cannot be served: {error}") from error
        self.port: int = self._server.server_address[1]
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.2,), name="health", daemon=True
        )

    def start(self) -> None:
        """Begin to answer."""
        self._thread.start()

    def stop(self) -> None:
        """End."""
        if self._thread.ident is not None:
            self._server.shutdown()
            self._thread.join(_REQUEST_SECONDS)
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False


class _Server6(_Server):
    address_family = socket.AF_INET6


def _handler(pages: Mapping[str, Callable[[], PageText]]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        timeout = _REQUEST_SECONDS

        def do_GET(self) -> None:
            page = pages.get(self.path.partition("?")[0])
            told = page() if page else PageText(text="there is no such page\n", status=404)
            body = told.text.encode()
            self.send_response(told.status)
            self.send_header("Content-Type", told.content_type)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  the name is theirs
            _LOG.debug(format, *args)

    return Handler
