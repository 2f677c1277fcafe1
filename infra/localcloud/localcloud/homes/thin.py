"""
``python -m localcloud.homes.thin STAGED TARGET``: what ``sam build`` calls for a function here.

The function is installed as for AWS, by the installer in its staged folder: by hash, with its own
requirements only, pruned. But its packages stay on this disk, in a folder named by the digest of
what was staged, and the package that is deployed holds its door and a ``bootstrap`` that leads
there: a second start installs nothing, and no 140 MB are packed, sent and unpacked for each.

``bootstrap`` runs AWS's own client of the Lambda runtime, in an environment with nothing else.
"""

import hashlib
import importlib.util
import os
import shlex
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

PACKAGES = "LOCALCLOUD_PACKAGES"
"""Variable: the folder that keeps what was installed."""
PYTHON = "LOCALCLOUD_LAMBDA_PYTHON"
"""Variable: the interpreter that has the client of the runtime."""


def digest(folder: Path) -> str:
    """Give 16 digits that stand for every byte in *folder*."""
    found = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            found.update(path.relative_to(folder).as_posix().encode() + path.read_bytes())
    return found.hexdigest()[:16]


def packages(staged: Path, kept: Path) -> Path:
    """Give the folder in *kept* with what *staged* asks for, installed if it is not there yet."""
    place = kept / f"{staged.name}-{digest(staged)}"
    if not place.is_dir():
        kept.mkdir(parents=True, exist_ok=True)
        installer = _installer(staged)
        fresh = Path(tempfile.mkdtemp(dir=kept))
        installer.install(staged, fresh, f"{sys.version_info.major}.{sys.version_info.minor}")
        installer.prune(fresh)
        for old in kept.glob(f"{staged.name}-*"):
            shutil.rmtree(old, ignore_errors=True)
        fresh.rename(place)
    return place


def pack(staged: Path, target: Path, kept: Path, python: str) -> None:
    """Fill *target*, which becomes the package."""
    place = packages(staged, kept)
    shutil.copy(staged / "main.py", target)
    bootstrap = target / "bootstrap"
    bootstrap.write_text(
        "#!/bin/sh\n"
        f"export PYTHONPATH={shlex.quote(str(place))}\n"
        f'exec {shlex.quote(python)} -m awslambdaric "$_HANDLER"\n',
        encoding="utf-8",
    )
    bootstrap.chmod(0o755)


def _installer(staged: Path) -> Any:
    spec = importlib.util.spec_from_file_location("staged_installer", staged / "install.py")
    if spec is None or spec.loader is None:
        raise FileNotFoundError(staged / "install.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def main() -> int:
    """The exit status."""
    staged, target = (Path(word).absolute() for word in sys.argv[1:3])
    own = os.environ  # noqa: TID251 - make hands nothing else on
    pack(staged, target, Path(own[PACKAGES]), own[PYTHON])
    return 0


if __name__ == "__main__":
    sys.exit(main())
