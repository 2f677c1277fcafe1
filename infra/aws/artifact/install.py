"""
Install a staged function into the folder that becomes its Lambda package.

`python3 install.py STAGED TARGET`, called by `sam build` through the Makefile beside it, and by the
tests. Wheels are chosen for Lambda's own Python and Linux, whatever runs this, so no Python of that
version need be there. Standard library only: the file is copied beside each staged door.

Lambda unpacks a package without byte code, and a cold start then compiles every module it imports:
byte code is laid beside the modules here, unchecked, where this Python is of Lambda's version.

Source: AWS Lambda, "Working with .zip file archives for Python"; PEP 552.
"""

# ruff: noqa: INP001, TID251  it is copied beside a door and run alone, by its own variables

import compileall
import os
import py_compile
import shutil
import subprocess
import sys
from pathlib import Path

RUNTIME = "3.13"
"""Lambda's Python, as `template.yaml` names it; `LAMBDA_PYTHON` replaces it."""
# Amazon Linux 2023 has glibc 2.34.
PLATFORM = "x86_64-manylinux_2_34"
UNUSED = (
    "bin",
    "aiohttp",  # for the next one only
    "kubernetes/aio",  # the asynchronous twin of the client, 41 MB
)
DOCUMENTS = "googleapiclient/discovery_cache/documents"
KEPT = ("compute.v1.json", "dns.v1.json")  # zones of Cloud DNS, and their health checks


def install(staged: Path, target: Path, python: str) -> None:
    """
    Put the door and its requirements into *target*; the hashes of all are checked.

    Raises:
        subprocess.CalledProcessError: A requirement cannot be installed; its words are printed.
    """
    target.mkdir(parents=True, exist_ok=True)
    requirements = str(staged / "requirements.txt")
    wanted = ["--target", str(target), "--require-hashes", "--only-binary=:all:", "--quiet"]
    wanted += ["--requirement", requirements, "--python-version", python]
    uv = os.environ.get("UV") or shutil.which("uv")
    if uv:
        command = [uv, "pip", "install", *wanted, "--python-platform", PLATFORM]
    else:
        command = [sys.executable, "-m", "pip", "install", *wanted, "--no-compile"]
        command += ["--disable-pip-version-check", "--implementation", "cp"]
        for each in ("manylinux_2_34", "manylinux_2_28", "manylinux2014"):
            command += ["--platform", f"{each}_x86_64"]
    subprocess.run(command, check=True, cwd=staged)  # noqa: S603  our own words
    shutil.copy(staged / "main.py", target)


def prune(target: Path) -> None:
    """Take out what no function imports; a package of Lambda may have 250 MB."""
    for name in UNUSED:
        shutil.rmtree(target / name, ignore_errors=True)
    for document in (target / DOCUMENTS).glob("*.json"):
        if document.name not in KEPT:
            document.unlink()


def compile_all(target: Path, python: str) -> bool:
    """Lay byte code beside the modules, if this Python writes that of *python*."""
    if python != f"{sys.version_info.major}.{sys.version_info.minor}":
        return False
    mode = py_compile.PycInvalidationMode.UNCHECKED_HASH
    return bool(compileall.compile_dir(target, quiet=2, workers=0, invalidation_mode=mode))


def main() -> int:
    """The exit status."""
    staged, target = (Path(word).absolute() for word in sys.argv[1:3])
    python = os.environ.get("LAMBDA_PYTHON", RUNTIME)
    try:
        install(staged, target, python)
    except subprocess.CalledProcessError as error:
        return error.returncode
    prune(target)
    compile_all(target, python)
    return 0


if __name__ == "__main__":
    sys.exit(main())
