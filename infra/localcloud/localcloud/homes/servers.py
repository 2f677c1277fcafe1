"""
Servers in processes of their own beside a world: our Pub/Sub, Google's Firestore emulator.

They end with the world, even when it is killed (Linux only).
"""

import asyncio
import contextlib
import json
import os
import shutil
import socket
import sys
from collections.abc import Sequence
from pathlib import Path

import aiohttp

from localcloud.dataplane.haproxy import leash
from localcloud.homes import HomeError

_START_SECONDS = 60.0
_STOP_SECONDS = 5.0
_JAR = Path("platform", "cloud-firestore-emulator", "cloud-firestore-emulator.jar")
_MAIN = "com.google.cloud.datastore.emulator.firestore.CloudFirestore"


class Server:
    """One process, from `start` to `close`; its output goes to *log*."""

    def __init__(self, command: Sequence[str], log: Path) -> None:
        self._command = command
        self._log = log
        self._process: asyncio.subprocess.Process | None = None

    async def start(self, *, told: bool = False) -> bytes:
        """
        Start it; with *told*, give the line that it writes when it is ready.

        Raises:
            HomeError: It ended before that, or took too long.
        """
        with self._log.open("ab") as output:
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-I", leash.__file__, str(os.getpid())),
                *self._command,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE if told else output,
                stderr=output,
            )
        if not told:
            return b""
        stdout = self._process.stdout
        if stdout is None:
            raise HomeError(f"{self._command[0]} has no output")
        with contextlib.suppress(TimeoutError):
            line = await asyncio.wait_for(stdout.readline(), _START_SECONDS)
            if line:
                return line
        await self.close()
        raise HomeError(f"{' '.join(self._command[:4])} did not start; see {self._log}")

    async def listening(self, port: int) -> None:
        """
        Wait until something listens on *port* of 127.0.0.1.

        Raises:
            HomeError: The process ended, or it took too long.
        """
        loop = asyncio.get_running_loop()
        deadline = loop.time() + _START_SECONDS
        while self._process is not None and self._process.returncode is None:
            with contextlib.suppress(OSError):
                _, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.close()
                return
            if loop.time() > deadline:
                break
            await asyncio.sleep(0.05)
        await self.close()
        raise HomeError(f"nothing listens on port {port}; see {self._log}")

    async def close(self) -> None:
        """End it, politely first; twice is harmless."""
        process, self._process = self._process, None
        if process is None or process.returncode is not None:
            return
        process.terminate()
        try:
            await asyncio.wait_for(process.wait(), _STOP_SECONDS)
        except TimeoutError:
            process.kill()
            await process.wait()


class PubSub(Server):
    """Our Pub/Sub. Its places are known once it has started."""

    def __init__(self, log: Path) -> None:
        super().__init__([sys.executable, "-m", "localcloud.pubsub"], log)
        self.endpoint = self.certs_url = self.identity_url = ""

    async def up(self) -> None:
        """Start it and learn where it is."""
        places = json.loads(await self.start(told=True))
        self.endpoint, self.certs_url = places["endpoint"], places["certs_url"]
        self.identity_url = places["identity_url"]


def firestore(log: Path) -> tuple[Server, int]:
    """
    Google's Firestore emulator on a free port, not started yet.

    Raises:
        HomeError: It, or the Java that it needs, is not installed.
    """
    java, jar = shutil.which("java"), _jar()
    if java is None or jar is None:
        missing = "Java" if java is None else "the Cloud SDK's cloud-firestore-emulator"
        raise HomeError(f"no Firestore emulator: {missing} is not installed")
    port = free_port()
    words = ["-Duser.language=en", "-Xmx512m", "-cp", str(jar), _MAIN, "start"]
    return Server([java, *words, "--host=127.0.0.1", f"--port={port}"], log), port


async def answers(url: str, *, see: str) -> None:
    """
    Return once a GET of *url* is answered, with whatever status.

    Raises:
        HomeError: It is not, in time; *see* names the log to look at.
    """
    deadline = asyncio.get_running_loop().time() + _START_SECONDS
    limit = aiohttp.ClientTimeout(total=_START_SECONDS)
    async with aiohttp.ClientSession(trust_env=False, timeout=limit) as session:
        while asyncio.get_running_loop().time() < deadline:
            with contextlib.suppress(aiohttp.ClientError, TimeoutError):
                async with session.get(url) as answer:
                    await answer.read()
                    return
            await asyncio.sleep(0.1)
    raise HomeError(f"{url} does not answer; see {see}")


def free_port() -> int:
    """Give a port of 127.0.0.1 that nobody listens on."""
    with socket.socket() as wire:
        wire.bind(("127.0.0.1", 0))
        port: int = wire.getsockname()[1]
        return port


def _jar() -> Path | None:
    gcloud = shutil.which("gcloud")
    roots = [Path(gcloud).resolve().parents[1]] if gcloud else []
    roots += [Path("/usr/lib/google-cloud-sdk"), Path.home() / "google-cloud-sdk"]
    return next((root / _JAR for root in roots if (root / _JAR).is_file()), None)
