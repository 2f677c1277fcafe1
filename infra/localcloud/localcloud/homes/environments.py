"""
Programs that cannot live beside ours: each in a virtual environment of its own, made on demand.

ministack and the SAM command line pin their own botocore, and a Lambda function must see nothing
but its own packages. What goes in is pinned with hashes in ``infra/aws/<name>.txt``; the
environment is made once per checkout, under a lock, and made anew when the pins change.
"""

import fcntl
import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

# <repository>/infra/localcloud/localcloud/homes/environments.py
ROOT = Path(__file__).resolve().parents[4]
PINS = ROOT / "infra" / "aws"
NAMES = ("ministack", "sam", "lambda")

_SECONDS = 600
_WHY = 300


class MissingError(RuntimeError):
    """It cannot be installed here; the text says why."""


def programs(name: str) -> Path:
    """
    Give the folder of the programs of environment *name*, made if need be.

    Raises:
        MissingError: There is no package index, or it does not have what is pinned.
    """
    pins = PINS / f"{name}.txt"
    folder = ROOT / f".venv-{name}"
    if not pins.is_file():
        raise MissingError(f"there are no pins in {pins}")
    wanted = hashlib.sha256(pins.read_bytes()).hexdigest()[:16]
    ready = folder / f"ready-{wanted}"
    if ready.exists():
        return folder / "bin"
    with folder.with_name(f"{folder.name}.lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        if not ready.exists():
            _make(folder, pins)
            ready.touch()
    return folder / "bin"


def find_uv() -> str | None:
    """Give the program ``uv``, of the PATH or of the checkout; None if there is none."""
    own = ROOT / ".uv" / "bin" / "uv"
    return shutil.which("uv") or (str(own) if own.is_file() else None)


def _make(folder: Path, pins: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    python = str(folder / "bin" / "python")
    wanted = ["--quiet", "--require-hashes", "-r", str(pins)]
    if uv := find_uv():
        make = [uv, "venv", "--quiet", "--python", sys.executable, str(folder)]
        fill = [uv, "pip", "install", "--python", python, *wanted]
    else:
        make = [sys.executable, "-m", "venv", str(folder)]
        fill = [python, "-m", "pip", "install", "--disable-pip-version-check", *wanted]
    for command in (make, fill):
        try:
            subprocess.run(  # noqa: S603 - our own words
                command, check=True, capture_output=True, text=True, timeout=_SECONDS
            )
        except (OSError, subprocess.SubprocessError) as error:
            said = str(getattr(error, "stderr", "") or error).strip()[-_WHY:]
            raise MissingError(f"{pins.stem} cannot be installed: {said}") from error
