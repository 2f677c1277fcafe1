"""
The functions as they ship: staged by the repository, each installed in an environment of its own.

An environment is kept in `build/environments`. It is made anew when other packages are locked; when
only the library is another one, only that is installed again. Needs the repository and `uv`, as
staging does.
"""

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from fcntl import LOCK_EX, flock
from pathlib import Path

from localcloud.homes import HomeError

ROOT = Path(__file__).resolve().parents[4]
"""The repository: <repository>/infra/localcloud/localcloud/homes/staged.py."""
_OWN = "federated-ingress"
_SECONDS = 600.0
_SLOW = (
    *("google.cloud.compute_v1", "google.cloud.firestore", "google.pubsub_v1"),
    *("googleapiclient.discovery", "kubernetes.client", "functions_framework"),
)
_LOAD = """
import contextlib, importlib, sys
for name in sys.argv[1:]:
    with contextlib.suppress(ImportError):
        importlib.import_module(name)
"""
"""Compiles what a function loads late, once, as a deployment does; not all that is installed."""
_TAIL = 800
_MISLEADING = frozenset({"VIRTUAL_ENV", "PYTHONPATH", "PYTHONDONTWRITEBYTECODE"})


def installed(home: str, place: Path = ROOT / "build") -> dict[str, tuple[Path, Path]]:
    """
    Stage and install every function of *home*.

    Returns:
        By function: the Python that has its requirements, and the folder with its `main.py`.

    Raises:
        HomeError: There is no repository here, or staging or installing fails.
    """
    if not (ROOT / "infra" / "stage.py").is_file():
        raise HomeError(f"the functions are staged from a checkout; there is none at {ROOT}")
    place.mkdir(exist_ok=True)
    with (place / f".{home}.lock").open("w") as lock:
        flock(lock, LOCK_EX)
        _run([sys.executable, "-m", "infra.stage", home, "--out", str(place)])
        folders = sorted(path.parent for path in (place / home).glob("*/main.py"))
        with ThreadPoolExecutor(2) as threads:
            pythons = threads.map(lambda f: _environment(f, place / "environments" / home), folders)
            return {
                folder.name: (python, folder)
                for folder, python in zip(folders, pythons, strict=True)
            }


def _environment(folder: Path, place: Path) -> Path:
    """The Python of the environment for one staged folder."""
    target = place / folder.name
    python, mark = target / "bin" / "python", target / "installed"
    requirements = (folder / "requirements.txt").read_text("utf-8")
    others, _, own = requirements.partition(f"{_OWN}==")
    wanted = [hashlib.sha256(part.encode()).hexdigest() for part in (others, own)]
    found = mark.read_text("utf-8").split() if mark.is_file() and python.exists() else []
    if found == wanted:
        return python
    words = [_uv(), "pip", "install", "--quiet", "--require-hashes", "--python", str(python)]
    words += ["--requirement", str(folder / "requirements.txt")]
    if found[:1] == wanted[:1]:
        _run([*words, "--reinstall-package", _OWN])
    else:
        shutil.rmtree(target, ignore_errors=True)
        _run([_uv(), "venv", "--quiet", "--python", sys.executable, str(target)])
        _run(words)
        _run([str(python), "-c", _LOAD, *_SLOW])
    mark.write_text("\n".join(wanted), encoding="utf-8")
    return python


def _uv() -> str:
    own = ROOT / ".uv" / "bin" / "uv"
    found = shutil.which("uv") or (str(own) if own.is_file() else None)
    if found is None:
        raise HomeError("there is no uv; `make install` brings one")
    return found


def _run(command: list[str]) -> None:
    done = subprocess.run(  # noqa: S603  our own words
        command,
        capture_output=True,
        text=True,
        check=False,
        timeout=_SECONDS,
        cwd=ROOT,
        env=_plain(os.environ),  # noqa: TID251  a child needs PATH and HOME
    )
    if done.returncode:
        raise HomeError(f"{' '.join(command[:4])} failed: {done.stderr.strip()[-_TAIL:]}")


def _plain(variables: Mapping[str, str]) -> dict[str, str]:
    """Without what leads a Python to packages of others, or keeps it from compiling."""
    return {name: value for name, value in variables.items() if name not in _MISLEADING}
