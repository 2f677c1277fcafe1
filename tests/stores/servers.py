"""
The cloud homes' databases on this machine: Google's Firestore emulator, and ministack's DynamoDB.

Each is a process of its own on a free port of 127.0.0.1, started once per test run. `Missing` says
what is to be installed; the tests are then skipped with that reason.
"""

import contextlib
import os
import shutil
import socket
import subprocess
import time
import urllib.request
from pathlib import Path

from localcloud.homes.environments import MissingError
from localcloud.homes.ministack import Ministack

ROOT = Path(__file__).parents[2]
EMULATOR = Path("platform", "cloud-firestore-emulator", "cloud-firestore-emulator.jar")
PATIENCE = 60.0


class Missing(Exception):  # noqa: N818  as the product names its errors
    """A server that is not installed."""


def free_port():
    """A port of 127.0.0.1 that nobody listens on."""
    with socket.socket() as wire:
        wire.bind(("127.0.0.1", 0))
        return wire.getsockname()[1]


@contextlib.contextmanager
def firestore_emulator(log):
    """Google's own emulator; gives its `host:port`."""
    java, gcloud = shutil.which("java"), shutil.which("gcloud")
    if not java or not gcloud:
        raise Missing(f"the Firestore emulator needs {'gcloud' if java else 'Java'}")
    ask = [gcloud, "info", "--format=value(installation.sdk_root)"]
    root = subprocess.run(ask, capture_output=True, text=True, check=False, timeout=60).stdout
    jar = Path(root.strip(), EMULATOR)
    if not jar.is_file():
        raise Missing(f"no Firestore emulator at {jar}: the SDK's cloud-firestore-emulator")
    port = free_port()
    main = "com.google.cloud.datastore.emulator.firestore.CloudFirestore"
    command = [java, "-Duser.language=en", "-Xmx512m", "-cp", str(jar), main, "start"]
    command += ["--host=127.0.0.1", f"--port={port}"]
    with running(command, {}, f"http://127.0.0.1:{port}/", log):
        yield f"127.0.0.1:{port}"


@contextlib.contextmanager
def ministack(log):
    """A local AWS; gives its URL."""
    server = Ministack(log)
    try:
        server.start()
    except MissingError as missing:
        raise Missing(str(missing)) from missing
    try:
        yield server.url
    finally:
        server.stop()


@contextlib.contextmanager
def running(command, environment, probe, log):
    """Within the block *command* runs, and has answered *probe*; its words go to *log*."""
    with log.open("wb") as words:
        process = subprocess.Popen(
            command, env={**os.environ, **environment}, cwd=log.parent, stdout=words, stderr=words
        )
    try:
        until = time.monotonic() + PATIENCE
        while not answers(probe):
            assert process.poll() is None, log.read_text(errors="replace")
            assert time.monotonic() < until, f"{probe} does not answer"
            time.sleep(0.05)
        yield
    finally:
        process.terminate()
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def answers(probe):
    """Whether a GET is answered at all."""
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with direct.open(probe, timeout=5):
            return True
    except OSError:
        return False
