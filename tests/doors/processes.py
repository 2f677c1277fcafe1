"""Doors as Google Cloud runs them: one process of functions-framework each, that answers HTTP."""

import http.client
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from tests.doors.home import FUNCTIONS
from tests.localcloud.gce import until


class DoorProcess:
    """One deployed function."""

    def __init__(self, concern: str, environment: Mapping[str, str]) -> None:
        with socket.socket() as wire:
            wire.bind(("127.0.0.1", 0))
            self.port = wire.getsockname()[1]
        command = [sys.executable, "-m", "functions_framework", "--target", "on_push"]
        command += ["--signature-type", "http", "--host", "127.0.0.1", "--port", str(self.port)]
        command += ["--source", str(FUNCTIONS / concern / "main.py")]
        self._process = subprocess.Popen(command, env={**os.environ, **environment})

    def listen(self) -> None:
        """Wait until it answers; it refuses an empty call without wiring anything."""
        until(lambda: self.post(b"{}"), "the door to listen", seconds=60)

    def post(self, body: bytes, token: str = "") -> int:
        """The status of a request; 0 while nobody listens. *token*: as `Authorization` has it."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            headers = {"Content-Type": "application/json"} | (
                {"Authorization": token} if token else {}
            )
            connection.request("POST", "/", body, headers)
            return connection.getresponse().status
        except ConnectionError:
            assert self._process.poll() is None, "the door ended"
            return 0
        finally:
            connection.close()

    def close(self) -> None:
        """End it, politely."""
        self._process.send_signal(signal.SIGTERM)
        self._process.wait(30)


@contextmanager
def doors(*concerns: str, environment: Mapping[str, str]) -> Iterator[dict[str, DoorProcess]]:
    """A process for each of *concerns*, started side by side."""
    running = {concern: DoorProcess(concern, environment) for concern in concerns}
    try:
        for door in running.values():
            door.listen()
        yield running
    finally:
        for door in running.values():
            door.close()
