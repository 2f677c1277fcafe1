"""A relay in front of an HTTP server, which loses requests or replies, or answers by itself."""

import contextlib
import http.client
import http.server
import threading
from urllib.parse import urlsplit

PASS, LOSE_REQUEST, LOSE_REPLY = "pass", "lose request", "lose reply"


class Relay:
    """
    Passes everything on, unless *script* says otherwise.

    script: what becomes of the next requests, one each: `PASS`, `LOSE_REQUEST`, `LOSE_REPLY` (the
        connection is cut before or after the server did it), or a `(status, body)` to answer.
    seen: the operations that were asked for, in order.
    """

    def __init__(self, target):
        self.target, self.script, self.seen = urlsplit(target), [], []
        self.url = ""

    def serve(self, request):
        """One request."""
        self.seen.append(request.headers["X-Amz-Target"].partition(".")[2])
        fate = self.script.pop(0) if self.script else PASS
        body = request.rfile.read(int(request.headers["Content-Length"]))
        if isinstance(fate, tuple):
            self.answer(request, *fate)
            return
        if fate != LOSE_REQUEST:
            status, reply = self.forward(request, body)
            if fate == PASS:
                self.answer(request, status, reply)
                return
        request.close_connection = True

    def forward(self, request, body):
        """What the server says."""
        with contextlib.closing(
            http.client.HTTPConnection(self.target.hostname, self.target.port, timeout=10)
        ) as server:
            server.request("POST", request.path, body, dict(request.headers))
            answer = server.getresponse()
            return answer.status, answer.read()

    def answer(self, request, status, body):
        """Say it to the client."""
        request.send_response(status)
        request.send_header("Content-Type", "application/x-amz-json-1.0")
        request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        request.wfile.write(body)


@contextlib.contextmanager
def relay(target):
    """A running `Relay` in front of *target*."""
    made = Relay(target)

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True  # else each answer waits 40 ms for the client's ACK

        def do_POST(self):
            made.serve(self)

        def log_message(self, *words):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    made.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield made
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
