"""An HTTP server on loopback that answers what a test tells it, and a metadata server's part."""

import json
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

METADATA = "/computeMetadata/v1/"
TOKEN = {"access_token": "a-token", "expires_in": 3599, "token_type": "Bearer"}
# A pool, not an account: for an account google-auth asks iamcredentials.googleapis.com by itself.
ACCOUNT = {"email": "lab.svc.id.goog", "scopes": [], "aliases": ["default"]}


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """One answer, after a while; *lost*: the connection closes without it."""

    body: Any = field(default_factory=dict)
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    lost: bool = False
    delay_seconds: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    method: str
    path: str
    headers: dict[str, str]
    body: Any


def refusal(status: int, reason: str, message: str = "no", **headers: str) -> Reply:
    """An error in Google's form."""
    errors = [{"reason": reason, "message": message, "domain": "global"}]
    body = {"error": {"code": status, "message": message, "errors": errors}}
    return Reply(status=status, body=body, headers=headers)


class Script:
    """`replies` are given in order; `requests` are those that got one."""

    def __init__(self) -> None:
        self.replies: deque[Reply] = deque()
        self.requests: list[Request] = []
        self.port = 0

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def then(self, *replies: Reply) -> None:
        self.replies.extend(replies)


@contextmanager
def serving() -> Iterator[Script]:
    """A server that lives within the block."""
    script = Script()
    gone = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_any(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            raw = self.rfile.read(length)
            if self.path == "/" or self.path.startswith(METADATA):
                self.answer(Reply(body=_metadata(self.path), headers={"Metadata-Flavor": "Google"}))
                return
            body = json.loads(raw) if raw else None
            script.requests.append(
                Request(method=self.command, path=self.path, headers=dict(self.headers), body=body)
            )
            self.answer(script.replies.popleft() if script.replies else refusal(501, "unscripted"))

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = handle_any  # noqa: N815

        def answer(self, reply: Reply) -> None:
            gone.wait(reply.delay_seconds)
            self.close_connection = reply.lost
            if reply.lost:
                return
            text = reply.body if isinstance(reply.body, str) else json.dumps(reply.body)
            self.send_response(reply.status)
            kind = "text/plain" if isinstance(reply.body, str) else "application/json"
            for key, value in {"Content-Type": kind, **reply.headers}.items():
                self.send_header(key, value)
            self.send_header("Content-Length", str(len(text.encode())))
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *args: object) -> None:
            """Tests print nothing."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *args: object) -> None:
            """A client that went away is no news."""

    with Server(("127.0.0.1", 0), Handler) as server:
        script.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield script
        finally:
            gone.set()
            server.shutdown()
            thread.join()


def _metadata(path: str) -> Any:
    if "universe" in path:
        return "googleapis.com"
    if "project-id" in path:
        return "lab"
    if path.partition("?")[0].endswith("/token"):
        return TOKEN
    return ACCOUNT if "service-accounts" in path else ""
