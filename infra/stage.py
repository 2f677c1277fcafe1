"""
`python -m infra.stage`: one folder per function and home, ready to be deployed on its own.

The library is built once, as a wheel; `build/<home>/<function>/` gets the door `main.py`, the wheel
and a `requirements.txt` with every package that this function needs there, locked and hashed. What
a function needs stands in its own `requirements.txt`, what a home needs in `HOMES`. Equal sources
give equal bytes, so a folder whose digest did not change need not be deployed again.

Called by `make stage`, the deploy files and the tests.
"""

import argparse
import hashlib
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[1]
FUNCTIONS: Final = ROOT / "functions"
INSTALLER: Final = ROOT / "infra" / "aws" / "artifact"
HOMES: Final[Mapping[str, str]] = {"gcp": "home-gcp", "aws": "home-aws"}
"""Home -> the extra of `pyproject.toml` with its store, bus and runtime."""
_REQUIREMENT: Final = re.compile(r"federated-ingress\[([a-z0-9,-]+)\]")
_SECONDS: Final = 300


class StagingError(RuntimeError):
    """Something is missing or failed; the text says what."""


def names() -> tuple[str, ...]:
    """Every function, by its folder."""
    return tuple(sorted(path.parent.name for path in FUNCTIONS.glob("*/main.py")))


def extras(function: str, home: str) -> tuple[str, ...]:
    """
    The extras that *function* needs on *home*.

    Raises:
        StagingError: Its `requirements.txt` is not the one line that it must be.
    """
    path = FUNCTIONS / function / "requirements.txt"
    found = _REQUIREMENT.fullmatch(path.read_text(encoding="utf-8").strip())
    if found is None:
        raise StagingError(f"{path}: it is not one line `federated-ingress[EXTRA,...]`")
    return (HOMES[home], *found[1].split(","))


def build_wheel(folder: Path) -> Path:
    """
    The library as a wheel in *folder*; equal sources give equal bytes.

    Raises:
        StagingError: It cannot be built.
    """
    _uv("build", "--quiet", "--wheel", "--out-dir", str(folder), str(ROOT))
    (wheel,) = folder.glob("federated_ingress-*.whl")
    return wheel


def stage(function: str, home: str, wheel: Path, out: Path) -> str:
    """
    Make the folder *out* anew; one that would be the same is left as it is.

    Returns:
        The digest of all that is in it, 64 hexadecimal digits.

    Raises:
        StagingError: A requirement cannot be told, or the lock does not hold it.
    """
    with tempfile.TemporaryDirectory() as made:
        fresh = Path(made) / function
        (fresh / "wheels").mkdir(parents=True)
        shutil.copy(FUNCTIONS / function / "main.py", fresh)
        shutil.copy(wheel, fresh / "wheels")
        text = requirements(extras(function, home), wheel)
        (fresh / "requirements.txt").write_text(text, encoding="utf-8")
        if home == "aws":
            for each in INSTALLER.iterdir():
                if each.is_file():
                    shutil.copy(each, fresh)
        wanted = digest(fresh)
        if digest(out) != wanted:
            shutil.rmtree(out, ignore_errors=True)
            shutil.copytree(fresh, out)
    return wanted


def requirements(wanted: Sequence[str], wheel: Path) -> str:
    """
    Every package that the extras *wanted* bring, with its hashes, and the library's own *wheel*.

    The wheel is found beside the file: a path in it would be read from wherever pip is called.

    Raises:
        StagingError: The lock does not hold them.
    """
    asked = [word for each in wanted for word in ("--extra", each)]
    plain = ("--no-dev", "--no-emit-project", "--no-annotate", "--no-header")
    locked = _uv("export", "--quiet", "--frozen", *plain, *asked, "--project", str(ROOT))
    sha256 = hashlib.sha256(wheel.read_bytes()).hexdigest()
    version = wheel.name.split("-")[1]
    own = f"federated-ingress=={version} \\\n    --hash=sha256:{sha256}\n"
    return f"--find-links ./wheels\n{locked.rstrip()}\n{own}"


def digest(folder: Path) -> str:
    """Of the names and bytes of everything in *folder*; an absent one has one, too."""
    found = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            inner = hashlib.sha256(path.read_bytes()).hexdigest()
            found.update(f"{path.relative_to(folder).as_posix()} {inner}\n".encode())
    return found.hexdigest()


def stage_all(out: Path, homes: Sequence[str]) -> dict[str, tuple[str, bool]]:
    """
    Every function for every one of *homes*, below *out*.

    Returns:
        `home/function` -> its digest, and whether that is another than before.

    Raises:
        StagingError: One cannot be staged.
    """
    told: dict[str, tuple[str, bool]] = {}
    with tempfile.TemporaryDirectory() as made:
        wheel = build_wheel(Path(made))
        for home in homes:
            for function in names():
                folder = out / home / function
                before = digest(folder)
                after = stage(function, home, wheel, folder)
                told[f"{home}/{function}"] = (after, after != before)
    return told


def find_uv() -> str:
    """
    The program `uv`: of the PATH, or the one that `make install` brought.

    Raises:
        StagingError: There is none.
    """
    own = ROOT / ".uv" / "bin" / "uv"
    found = shutil.which("uv") or (str(own) if own.is_file() else None)
    if found is None:
        raise StagingError("there is no uv; `make install` brings one")
    return found


def _uv(*words: str) -> str:
    command = [find_uv(), *words]
    done = subprocess.run(  # noqa: S603  our own words
        command, capture_output=True, text=True, check=False, timeout=_SECONDS
    )
    if done.returncode:
        raise StagingError(f"uv {words[0]} failed: {done.stderr.strip()}")
    return done.stdout


def main() -> int:
    """The exit status; one line per folder: what it is, its digest, and whether it changed."""
    parser = argparse.ArgumentParser(description="Stage the functions for their homes.")
    parser.add_argument("homes", nargs="*", metavar="HOME", help="gcp, aws; both if none is named")
    parser.add_argument("--out", type=Path, default=ROOT / "build")
    words = parser.parse_args()
    if unknown := set(words.homes) - set(HOMES):
        parser.error(f"there is no home {', '.join(sorted(unknown))}; there are gcp and aws")
    try:
        told = stage_all(words.out, words.homes or list(HOMES))
    except StagingError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    for name, (found, changed) in told.items():
        sys.stdout.write(f"{name:16} {found[:16]} {'changed' if changed else 'as before'}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
