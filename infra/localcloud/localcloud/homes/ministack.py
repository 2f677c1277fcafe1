"""
AWS on loopback: ministack, a process of its own on a free port.

Used by the home on AWS and by the tests. Without *strict* it believes every signature.
"""

import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Mapping
from pathlib import Path

from localcloud.dataplane.haproxy import leash
from localcloud.homes.environments import programs

REGION = "us-east-1"
ACCOUNT = "000000000000"
START_SECONDS = 60.0
STOP_SECONDS = 10.0


class Ministack:
    """One process; `start` returns when it answers."""

    def __init__(
        self, log: Path, *, strict: bool = False, environment: Mapping[str, str] | None = None
    ) -> None:
        """
        Nothing runs yet.

        Args:
            log: Gets its output.
            strict: Check signatures and policies.
            environment: More variables; the functions that it runs have them, too.
        """
        self._log = log
        self._strict = strict
        self._environment = dict(environment or {})
        self._process: subprocess.Popen[bytes] | None = None
        self.url = ""

    def start(self) -> None:
        """
        Start it, and wait until it answers.

        Raises:
            MissingError: It is not here and cannot be installed.
            TimeoutError: It does not answer, or ended; with the end of its log.
        """
        program = programs("ministack") / "ministack"
        with socket.socket() as wire:
            wire.bind(("127.0.0.1", 0))
            port = wire.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        own = {
            "BIND_HOST": "127.0.0.1",
            "GATEWAY_PORT": str(port),
            "LOG_LEVEL": "WARNING",
            "AWS_ENDPOINT_URL": self.url,  # where the functions find it
            "AUTH": "true" if self._strict else "false",
        }
        inherited = {  # a child needs PATH and HOME; what is set for others is not its functions'
            name: value
            for name, value in os.environ.items()  # noqa: TID251
            if not name.startswith(("FEDINGRESS_", "AWS_"))
        }
        with self._log.open("ab") as output:
            self._process = subprocess.Popen(  # noqa: S603 - our own words
                [sys.executable, "-I", leash.__file__, str(os.getpid()), str(program)],
                env={**inherited, **own, **self._environment},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )
        try:
            self._await()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """End it and what it runs; twice is harmless."""
        process, self._process = self._process, None
        if process is None:
            return
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def variables(self) -> dict[str, str]:
        """Give what boto3 and the SAM command line read to talk to it, and to nobody else."""
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": REGION,
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        }

    def _await(self) -> None:
        assert self._process is not None
        direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        deadline = time.monotonic() + START_SECONDS
        while self._process.poll() is None and time.monotonic() < deadline:
            try:
                with direct.open(f"{self.url}/_ministack/health", timeout=2):
                    return
            except OSError:
                time.sleep(0.05)
        said = self._log.read_text(encoding="utf-8", errors="replace")[-1000:]
        raise TimeoutError(f"ministack does not answer: {said}")
