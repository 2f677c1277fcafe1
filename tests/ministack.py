"""
AWS on loopback for tests: ministack, in an environment of its own beside the project's.

ministack pins its own botocore, so that it cannot live with ours. The environment is made once per
checkout, under a lock, and kept; where it cannot be made, the tests skip and say why.
"""

import fcntl
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import pytest

VERSION = "1.5.33"
REGION = "us-east-1"
ACCOUNT = "000000000000"
_FOLDER = Path(__file__).parents[1] / ".venv-ministack"
_READY = _FOLDER / f"ready-{VERSION}"
_START_SECONDS = 30.0


@cache
def program() -> Path:
    """The command `ministack`, installed if need be; skips the test where that fails."""
    lock = _FOLDER.with_name(f"{_FOLDER.name}.lock")
    with lock.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        if not _READY.exists():
            try:
                _install()
            except (OSError, subprocess.SubprocessError) as error:
                said = getattr(error, "stderr", "") or str(error)
                pytest.skip(f"ministack {VERSION} cannot be installed: {said.strip()[-200:]}")
            _READY.touch()
    return _FOLDER / "bin" / "ministack"


def _install() -> None:
    shutil.rmtree(_FOLDER, ignore_errors=True)
    python, wanted = str(_FOLDER / "bin" / "python"), f"ministack=={VERSION}"
    if uv := shutil.which("uv"):
        make = [uv, "venv", "--quiet", "--python", sys.executable, str(_FOLDER)]
        fill = [uv, "pip", "install", "--quiet", "--python", python, wanted]
    else:
        make = [sys.executable, "-m", "venv", str(_FOLDER)]
        fill = [python, "-m", "pip", "install", "--quiet", wanted]
    for command in (make, fill):
        subprocess.run(command, check=True, capture_output=True, text=True, timeout=180)


def variables(url: str) -> dict[str, str]:
    """What boto3 reads to talk to the ministack at *url*, and to nobody else."""
    return {
        "AWS_ENDPOINT_URL": url,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": REGION,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    }


@contextmanager
def running(log: Path) -> Iterator[str]:
    """A ministack on a free port; gives its URL."""
    command = [str(program())]
    with socket.socket() as wire:
        wire.bind(("127.0.0.1", 0))
        port = wire.getsockname()[1]
    environment = {
        **os.environ,
        "BIND_HOST": "127.0.0.1",
        "GATEWAY_PORT": str(port),
        "LOG_LEVEL": "WARNING",
    }
    url = f"http://127.0.0.1:{port}"
    with log.open("ab") as output:
        process = subprocess.Popen(command, env=environment, stdout=output, stderr=output)
    try:
        _await(url, process, log)
        yield url
    finally:
        process.terminate()
        process.wait(20)


def _await(url: str, process: "subprocess.Popen[bytes]", log: Path) -> None:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    deadline = time.monotonic() + _START_SECONDS
    while True:
        assert process.poll() is None, log.read_text(encoding="utf-8", errors="replace")[-2000:]
        try:
            with opener.open(f"{url}/_ministack/health", timeout=2):
                return
        except (urllib.error.URLError, OSError):
            assert time.monotonic() < deadline, "ministack does not answer"
            time.sleep(0.05)
