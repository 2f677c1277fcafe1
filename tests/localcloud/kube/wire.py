"""Plain HTTP to an API server: what a client library hides is what these tests look at."""

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import urllib3

JSON = "application/json"
MERGE = "application/merge-patch+json"
JSON_PATCH = "application/json-patch+json"
STRATEGIC = "application/strategic-merge-patch+json"
APPLY = "application/apply-patch+yaml"

DEADLINE_SECONDS = 20.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """A status, headers, and the body as text and, where it is JSON, decoded."""

    status: int
    headers: Mapping[str, str]
    text: str

    @property
    def json(self) -> Any:
        return json.loads(self.text)

    @property
    def reason(self) -> str:
        return str(self.json["reason"])


@dataclass(slots=True)
class Stream:
    """The events of a watch as they come in; `closed` when the server ended it."""

    events: list[dict[str, Any]] = field(default_factory=list)
    closed: threading.Event = field(default_factory=threading.Event)

    def types(self, name: str | None = None) -> list[str]:
        return [
            e["type"]
            for e in tuple(self.events)
            if name is None or e["object"]["metadata"].get("name") == name
        ]

    def until(self, done: Callable[["Stream"], Any]) -> "Stream":
        wait_for(lambda: done(self))
        return self


def wait_for(done: Callable[[], Any]) -> Any:
    """Give the first true value of *done* before the deadline."""
    end = time.monotonic() + DEADLINE_SECONDS
    while not (value := done()):
        assert time.monotonic() < end, "the deadline has passed"
        time.sleep(0.01)
    return value


class Api:
    """An API server at a URL."""

    def __init__(self, url: str, *, headers: Mapping[str, str] | None = None, **tls: Any) -> None:
        self.url = url
        self._headers = dict(headers or {})
        self._pool = urllib3.PoolManager(retries=False, timeout=DEADLINE_SECONDS, **tls)

    def close(self) -> None:
        self._pool.clear()

    def send(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        kind: str = JSON,
        headers: Mapping[str, str] | None = None,
        **query: Any,
    ) -> Reply:
        raw = body if isinstance(body, (bytes, str, type(None))) else json.dumps(body)
        sent = {**self._headers, **({"Content-Type": kind} if raw is not None else {})}
        response = self._pool.request(
            method, self._address(path, query), body=raw, headers={**sent, **(headers or {})}
        )
        return Reply(status=response.status, headers=response.headers, text=response.data.decode())

    def _address(self, path: str, query: Mapping[str, Any]) -> str:
        words = {k: str(v).lower() if isinstance(v, bool) else v for k, v in query.items()}
        return f"{self.url}{path}?{urlencode(words)}" if words else self.url + path

    def get(self, path: str, **query: Any) -> Reply:
        return self.send("GET", path, **query)

    def post(self, path: str, body: Any, **query: Any) -> Reply:
        return self.send("POST", path, body, **query)

    def put(self, path: str, body: Any, **query: Any) -> Reply:
        return self.send("PUT", path, body, **query)

    def merge(self, path: str, body: Any, **query: Any) -> Reply:
        return self.send("PATCH", path, body, kind=MERGE, **query)

    def apply(self, path: str, body: Any, manager: str = "tester", **query: Any) -> Reply:
        return self.send("PATCH", path, body, kind=APPLY, fieldManager=manager, **query)

    def delete(self, path: str, body: Any = None, **query: Any) -> Reply:
        return self.send("DELETE", path, body, **query)

    @contextmanager
    def watch(self, path: str, **query: Any) -> Iterator[Stream]:
        """Watch *path* in a thread while the block runs."""
        stream = Stream()
        query = {"watch": "true", "timeoutSeconds": 30, **query}
        response = self._pool.request(
            "GET", self._address(path, query), headers=self._headers, preload_content=False
        )
        thread = threading.Thread(target=_read, args=(response, stream))
        thread.start()
        try:
            yield stream
        finally:
            # Closing does not wake a thread that reads; shutting the socket down does.
            with suppress(OSError, AttributeError):
                response.connection.sock.shutdown(socket.SHUT_RDWR)
            thread.join(DEADLINE_SECONDS)
            response.close()


def _read(response: Any, stream: Stream) -> None:
    waiting = b""
    try:
        while chunk := response.read1():
            waiting += chunk
            *lines, waiting = waiting.split(b"\n")
            stream.events += [json.loads(line) for line in lines if line.strip()]
    except (urllib3.exceptions.HTTPError, OSError, ValueError, AttributeError):
        pass  # the block has ended and closed the response under us, or the server cut it
    stream.closed.set()
