"""
`python -m infra.watcher_image`: the folders from which the image of `fedingress-watcher` is built.

`build/<home>/watcher-image/` gets the Dockerfile, the library's wheel, and every package of the
extra `watcher-<home>`, locked and hashed. Any builder takes it from there:
`docker build -t fedingress-watcher:0.1.0 build/gcp/watcher-image`.

Called by `make watcher-image` and the tests.
"""

import argparse
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from infra.stage import HOMES, ROOT, StagingError, build_wheel, digest, requirements

DOCKERFILE: Final = ROOT / "infra" / "kubernetes" / "watcher" / "image" / "Dockerfile"
FOLDER: Final = "watcher-image"


def stage_image(home: str, wheel: Path, out: Path) -> str:
    """
    Make the folder *out* anew, the context of the image for *home*; gives its digest.

    Raises:
        StagingError: The lock does not hold what it needs.
    """
    shutil.rmtree(out, ignore_errors=True)
    (out / "wheels").mkdir(parents=True)
    shutil.copy(DOCKERFILE, out)
    shutil.copy(wheel, out / "wheels")
    text = requirements([f"watcher-{home}"], wheel)
    (out / "requirements.txt").write_text(text, encoding="utf-8")
    return digest(out)


def stage_images(out: Path, homes: Sequence[str]) -> dict[str, str]:
    """
    The contexts for every one of *homes*, below *out*; gives the digest of each.

    Raises:
        StagingError: One cannot be staged.
    """
    with tempfile.TemporaryDirectory() as made:
        wheel = build_wheel(Path(made))
        return {home: stage_image(home, wheel, out / home / FOLDER) for home in homes}


def main() -> int:
    """The exit status; one line per home: the folder and its digest."""
    parser = argparse.ArgumentParser(description="Stage the image of fedingress-watcher.")
    parser.add_argument("homes", nargs="*", choices=[*HOMES, []], help="both if none is named")
    parser.add_argument("--out", type=Path, default=ROOT / "build")
    words = parser.parse_args()
    try:
        told = stage_images(words.out, words.homes or list(HOMES))
    except StagingError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    for home, found in told.items():
        sys.stdout.write(f"{words.out / home / FOLDER} {found[:16]}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
