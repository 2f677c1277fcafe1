"""`python -m infra.demo`: tell one topology's story and keep its figures in `build/demo.json`."""

import argparse
import json
import sys
from pathlib import Path

from infra.demo.lab import Lab
from infra.demo.scenes import SCENES
from infra.demo.story import Figures, Story
from localcloud.homes import HOMES

FIGURES = Path("build/demo.json")


def main() -> int:
    """The exit status: 0 when the story ended as it should."""
    parser = argparse.ArgumentParser(description="The main job, on a lab on this machine.")
    parser.add_argument("--topology", choices=sorted(SCENES), default="gcp")
    parser.add_argument("--manifests", type=Path, help="a folder of your own Ingresses")
    parser.add_argument("--home", choices=HOMES, default="embedded", help="where functions run")
    words = parser.parse_args()
    FIGURES.parent.mkdir(exist_ok=True)
    lab = Lab(words.home)
    try:
        figures = Story(lab, words.manifests, SCENES[words.topology]).tell()
    finally:
        lab.stop()
    kept = json.loads(FIGURES.read_text(encoding="utf-8")) if FIGURES.exists() else {}
    name = words.topology if words.home == "embedded" else f"{words.topology}.home-{words.home}"
    kept[name] = figures.as_json()
    FIGURES.write_text(json.dumps(kept, indent=2) + "\n", encoding="utf-8")
    faults = _faults(figures)
    for fault in faults:
        print(f"the demo failed: {fault}", file=sys.stderr)
    print(f"\n{figures.total('requests')} requests, figures in {FIGURES}, {figures.seconds:g} s")
    return 1 if faults else 0


def _faults(figures: Figures) -> list[str]:
    faults = []
    if any(figures.phases[phase]["failed"] for phase in ("before", "after")):
        faults.append("requests failed while nothing was broken")
    if figures.mutating_calls_converged:
        faults.append(f"{figures.mutating_calls_converged} mutating calls in a converged world")
    if figures.left_behind:
        faults.append(f"left behind: {', '.join(figures.left_behind)}")
    return faults


if __name__ == "__main__":
    sys.exit(main())
