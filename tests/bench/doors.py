"""
How long a cold door needs until its first call of the store could be made, and how much memory.

Each measurement is a fresh interpreter of the function's own environment, made from its staged
folder, so that it finds what is deployed and nothing else; a first run, which compiles, is not
counted, as byte code is deployed, too. The store is a file: the client of a cloud's own store is
not among what is loaded. Amazon's way imports `main`; Google's way has the functions
framework load it, which brings a web server along. Memory is read as Linux tells it: getrusage
would count the parent's, too.
"""

import json
import os
import statistics
import subprocess
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from localcloud.homes.staged import installed
from tests.bench.figures import Figure

DOORS = ("fanout", "backends", "dns", "status", "tick", "repair")
_TARGETS = {"aws": (350.0, 90.0), "gcp": (700.0, 130.0)}
"""Milliseconds and megabytes on an idle core."""
_COLD = """
import time
began = time.perf_counter()
import json, sys
way, concern, source = sys.argv[1:]
if way == "gcp":
    import functions_framework
    functions_framework.create_app(target="on_push", source=source, signature_type="http")
else:
    import importlib.util
    spec = importlib.util.spec_from_file_location("main", source)
    main = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(main)
from fedingress.runtime import door
home = door._home(concern)
home.queue  # its store answers from here on
milliseconds = (time.perf_counter() - began) * 1000
status = dict(line.split(":", 1) for line in open("/proc/self/status"))
door.close()
print(json.dumps([milliseconds, int(status["VmHWM"].split()[0]) / 1024]))
"""


def measure(
    doors: Sequence[str] = DOORS,
    ways: Sequence[str] = ("aws", "gcp"),
    *,
    runs: int = 5,
    places: Callable[[str], Mapping[str, tuple[Path, Path]]] = installed,
) -> list[Figure]:
    """
    Import time in ms, best and median, and the least peak memory in MB, of each door.

    Args:
        doors: By name.
        ways: Homes.
        runs: Processes that count, of each door.
        places: By home, then door: its Python, and the folder with its `main.py`.

    Raises:
        HomeError: The functions cannot be staged or installed.
    """
    figures = []
    for way in ways:
        found = places(way)
        for concern in doors:
            _cold(way, concern, *found[concern])
            measured = [_cold(way, concern, *found[concern]) for _ in range(runs)]
            figures += _figures(f"door.{concern}.{way}", way, measured)
    return figures


def _figures(name: str, way: str, measured: Sequence[tuple[float, float]]) -> list[Figure]:
    times, peaks = zip(*measured, strict=True)
    time_target, memory_target = _TARGETS[way]
    listed = (
        ("import", min(times), "ms", time_target),
        ("import.median", statistics.median(times), "ms", None),
        ("memory", min(peaks), "MB", memory_target),
    )
    return [
        Figure(name=f"{name}.{part}", value=round(value, 1), unit=unit, target=target)
        for part, value, unit, target in listed
    ]


def _cold(way: str, concern: str, python: Path, place: Path) -> tuple[float, float]:
    """Milliseconds and megabytes of one fresh process."""
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [str(python), "-c", _COLD, way, concern, str(place / "main.py")],
            capture_output=True,
            check=True,
            text=True,
            cwd=folder,
            env={
                "PATH": os.environ.get("PATH", ""),
                "FEDINGRESS_SOURCES": "cluster",
                "FEDINGRESS_STORE": f"sqlite:{folder}/state.db",
                "FEDINGRESS_KUBECONFIG": f"{folder}/kubeconfig",
            },
        )
    milliseconds, peak = json.loads(done.stdout)
    return milliseconds, peak
