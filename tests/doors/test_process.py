"""One door as Google Cloud runs it: a process of functions-framework that answers HTTP."""

import http.client
import json
import os
import signal
import socket
import subprocess
import sys

import pytest

from tests.doors.home import EVENTS, FUNCTIONS, event, push
from tests.localcloud.gce import until

pytestmark = pytest.mark.wire
pytest.importorskip("functions_framework")


def free_port():
    with socket.socket() as wire:
        wire.bind(("127.0.0.1", 0))
        return wire.getsockname()[1]


@pytest.fixture
def door(home):
    """`door(body)` posts to a fanout door in a process of its own; gives the status."""
    port = free_port()
    command = [sys.executable, "-m", "functions_framework", "--target", "on_push"]
    command += ["--signature-type", "http", "--host", "127.0.0.1", "--port", str(port)]
    source = ["--source", str(FUNCTIONS / "fanout" / "main.py")]
    process = subprocess.Popen([*command, *source], env={**os.environ, **home.environment})

    def post(body):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        try:
            connection.request("POST", "/", json.dumps(body), {"Content-Type": "application/json"})
            return connection.getresponse().status
        except ConnectionError:
            assert process.poll() is None, "the door ended"
            return 0
        finally:
            connection.close()

    until(lambda: post({}), "the door to listen", seconds=60)
    yield post
    process.send_signal(signal.SIGTERM)
    process.wait(30)


def test_a_door_in_a_process_serves_pushes(home, door):
    """The golden push is acknowledged, status follows, and what is no event is refused."""
    home.submit()
    golden = json.loads((EVENTS / "pubsub_push.json").read_text(encoding="utf-8"))

    assert door(golden) == 204
    assert until(lambda: home.conditions().get("Accepted"), "a condition")["status"] == "False"
    assert door(push(event("dns"))) == 400
