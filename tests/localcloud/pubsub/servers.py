"""Pub/Sub servers in processes of their own, and the official clients in front of them."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Condition, Thread
from uuid import uuid4

import pytest

_JAR = "platform/pubsub-emulator/lib/cloud-pubsub-emulator-*-all.jar"
_START_SECONDS = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A running Pub/Sub. *certs_url* is empty where pushes carry no tokens."""

    name: str
    endpoint: str
    certs_url: str = ""
    jwks_url: str = ""
    identity_url: str = ""

    @property
    def official(self) -> bool:
        return self.name == "official"


def each_server():
    """One worker of xdist per server, so that each is started once."""
    names = ("stand-in", "official")
    return [pytest.param(name, marks=pytest.mark.xdist_group(f"pubsub-{name}")) for name in names]


@contextmanager
def running(name: str, log: Path) -> Iterator[Place]:
    """`stand-in` or `official`; the latter skips where it is not installed."""
    with (stand_in if name == "stand-in" else official)(log) as place:
        yield place


@contextmanager
def stand_in(log: Path) -> Iterator[Place]:
    """Our own, as `python -m localcloud.pubsub`."""
    with log.open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "localcloud.pubsub"], stdout=subprocess.PIPE, stderr=output
        )
    assert process.stdout is not None
    try:
        line = process.stdout.readline()
        assert line, log.read_text(encoding="utf-8")
        yield Place(name="stand-in", **json.loads(line))
    finally:
        process.terminate()
        process.wait(20)
        process.stdout.close()


@contextmanager
def official(log: Path) -> Iterator[Place]:
    """Google's emulator, from the Cloud SDK's folder."""
    jar, java = _jar(), shutil.which("java")
    if jar is None or java is None:
        pytest.skip("the official Pub/Sub emulator (Cloud SDK) or Java is not installed")
    with socket.socket() as wire:
        wire.bind(("127.0.0.1", 0))
        port = wire.getsockname()[1]
    command = [java, "-Xmx256m", "-jar", str(jar), "--host=127.0.0.1", f"--port={port}"]
    with log.open("ab") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output, start_new_session=True)
    try:
        _await(port, process, log)
        yield Place(name="official", endpoint=f"127.0.0.1:{port}")
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)  # it holds nothing that is worth its farewell
        process.wait(20)


def _jar() -> Path | None:
    gcloud = shutil.which("gcloud")
    roots = [Path(os.environ.get("CLOUDSDK_ROOT_DIR") or "/nowhere")]
    roots += [Path(gcloud).resolve().parents[1]] if gcloud else []
    roots += [Path("/usr/lib/google-cloud-sdk"), Path.home() / "google-cloud-sdk"]
    return next((jar for root in roots for jar in sorted(root.glob(_JAR))), None)


def _await(port: int, process: "subprocess.Popen[bytes]", log: Path) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while True:
        assert process.poll() is None, log.read_text(encoding="utf-8")
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        assert time.monotonic() < deadline, "the emulator does not listen"
        time.sleep(0.05)


class Desk:
    """One project's topics and subscriptions, with names of its own, by the official clients."""

    def __init__(self, place: Place) -> None:
        import grpc
        from google.pubsub_v1 import PublisherClient, SubscriberClient
        from google.pubsub_v1.services.publisher.transports import PublisherGrpcTransport
        from google.pubsub_v1.services.subscriber.transports import SubscriberGrpcTransport

        self.place = place
        self.project = f"lab-{uuid4().hex[:8]}"
        options = [("grpc.enable_http_proxy", 0)]
        self._channels = [grpc.insecure_channel(place.endpoint, options=options) for _ in range(2)]
        self.publisher = PublisherClient(
            transport=PublisherGrpcTransport(channel=self._channels[0])
        )
        self.subscriber = SubscriberClient(
            transport=SubscriberGrpcTransport(channel=self._channels[1])
        )

    def close(self) -> None:
        """Delete the subscriptions, so that nothing is pushed any more, and go."""
        project = f"projects/{self.project}"
        for found in list(self.subscriber.list_subscriptions(project=project)):
            self.subscriber.delete_subscription(subscription=found.name)
        for channel in self._channels:
            channel.close()

    def topic(self, name: str = "work") -> str:
        """Make a topic if there is none; its full name."""
        from google.api_core.exceptions import AlreadyExists

        found = f"projects/{self.project}/topics/{name}"
        with suppress(AlreadyExists):
            self.publisher.create_topic(name=found)
        return found

    def subscription(self, topic: str, name: str = "reader", **properties) -> str:
        """Make a subscription; its full name."""
        found = f"projects/{self.project}/subscriptions/{name}"
        request = {"name": found, "topic": topic, **properties}
        self.subscriber.create_subscription(request=request)
        return found

    def publish(self, topic: str, *texts: str, **attributes: str) -> list[str]:
        """Publish in one call; the messages' ids."""
        messages = [{"data": text.encode(), "attributes": attributes} for text in texts]
        return list(self.publisher.publish(topic=topic, messages=messages).message_ids)

    def pull(self, subscription: str, most: int = 10, seconds: float = 10.0):
        """Messages, as soon as there are any; empty when none came in time."""
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            from google.api_core.exceptions import DeadlineExceeded

            with suppress(DeadlineExceeded):
                request = {"subscription": subscription, "max_messages": most}
                found = self.subscriber.pull(request=request, timeout=left, retry=None)
                if found.received_messages:
                    return list(found.received_messages)
        return []

    def acknowledge(self, subscription: str, *received) -> None:
        """Take messages as done with."""
        ack_ids = [each.ack_id for each in received]
        self.subscriber.acknowledge(subscription=subscription, ack_ids=ack_ids)


@dataclass(frozen=True, slots=True, kw_only=True)
class Push:
    """One request that arrived; *answer* is what it got."""

    at: float
    path: str
    headers: dict[str, str]
    body: dict
    answer: int


class Inbox:
    """An HTTP server that keeps what is pushed; `answer(path, headers, body)` gives a status."""

    def __init__(self, answer=None) -> None:
        self.answer = answer or (lambda *_: 204)
        self.pushes: list[Push] = []
        self._changed = Condition()
        inbox = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                text = self.rfile.read(int(self.headers["Content-Length"]))
                status = inbox._take(self.path, dict(self.headers), text)
                self.send_response(status)
                if status != 204:
                    self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_arguments):
                """Nothing is told."""

        class Quiet(ThreadingHTTPServer):
            daemon_threads = True
            block_on_close = False

            def handle_error(self, *_arguments):
                """A client that hangs up is no fault of the test."""

        self._server = Quiet(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Listen no more."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(10)

    def at(self, path: str) -> list[Push]:
        """What came to *path* so far."""
        with self._changed:
            return [each for each in self.pushes if each.path == path]

    def wait_for(self, predicate, seconds: float = 20.0) -> list[Push]:
        """Until *predicate(pushes)*; the pushes so far."""
        with self._changed:
            assert self._changed.wait_for(lambda: predicate(self.pushes), seconds), self.pushes
            return list(self.pushes)

    def _take(self, path: str, headers: dict[str, str], text: bytes) -> int:
        body = json.loads(text)
        at = time.monotonic()
        status = self.answer(path, headers, text)
        with self._changed:
            self.pushes.append(Push(at=at, path=path, headers=headers, body=body, answer=status))
            self._changed.notify_all()
        return status
