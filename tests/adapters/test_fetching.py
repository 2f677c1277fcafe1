"""Fetching: small documents, no redirects, no other schemes, and no waiting for ever."""

import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from fedingress.adapters.fetching import fetch
from fedingress.domain.errors import Unavailable


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        status = 302 if self.path == "/moved" else 500 if self.path == "/broken" else 200
        self.send_response(status)
        if status == 302:
            self.send_header("Location", "/good")
        self.end_headers()
        self.wfile.write(b"x" * (70_000 if self.path == "/large" else 4))

    def log_message(self, *_arguments):
        """Nothing is told."""


@pytest.fixture(scope="module")
def url():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()
    thread.join(10)


def test_a_small_document_is_given(url):
    """As it is, and without the proxy of the environment."""
    assert fetch(f"{url}/good") == b"xxxx"


@pytest.mark.parametrize("path", ["moved", "broken", "large"])
def test_anything_else_is_unavailable(url, path):
    """A redirect is not followed, an error and a long answer are none."""
    with pytest.raises(Unavailable):
        fetch(f"{url}/{path}")


@pytest.mark.parametrize("address", ["file:///etc/passwd", "ftp://x", "", "http://[", "http://"])
def test_other_addresses_are_not_asked(address):
    """Only http and https, and only addresses."""
    with pytest.raises(Unavailable):
        fetch(address)


def test_nobody_there_is_unavailable():
    """A refused connection is told."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        with pytest.raises(Unavailable, match="does not answer"):
            fetch(f"http://127.0.0.1:{held.getsockname()[1]}/")
