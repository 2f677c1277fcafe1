"""
How long a cold door needs until its first call of the store could be made, and how much memory.

Each measurement is a fresh interpreter. Amazon's way imports `main`; Google's way has the functions
framework load it, which brings a web server along. Memory is read as Linux tells it: getrusage
would count the parent's, too.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests.bench.figures import Figure

ROOT = Path(__file__).parents[2]
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
    doors: Sequence[str] = DOORS, ways: Sequence[str] = ("aws", "gcp"), *, best_of: int = 5
) -> list[Figure]:
    """Import time in ms and peak memory in MB of each door, the best of so many processes."""
    figures = []
    for way in ways:
        for concern in doors:
            runs = [_cold(way, concern) for _ in range(best_of)]
            time_target, memory_target = _TARGETS[way]
            figures += [
                Figure(
                    name=f"door.{concern}.{way}.import",
                    value=round(min(run[0] for run in runs), 1),
                    unit="ms",
                    target=time_target,
                ),
                Figure(
                    name=f"door.{concern}.{way}.memory",
                    value=round(min(run[1] for run in runs), 1),
                    unit="MB",
                    target=memory_target,
                ),
            ]
    return figures


def _cold(way: str, concern: str) -> tuple[float, float]:
    """Milliseconds and megabytes of one fresh process."""
    with tempfile.TemporaryDirectory() as folder:
        source = ROOT / "functions" / concern / "main.py"
        done = subprocess.run(
            [sys.executable, "-c", _COLD, way, concern, str(source)],
            capture_output=True,
            check=True,
            text=True,
            env={
                "PATH": os.environ.get("PATH", ""),
                "PYTHONPATH": str(ROOT),
                "FEDINGRESS_SOURCES": "cluster",
                "FEDINGRESS_STORE": f"sqlite:{folder}/state.db",
                "FEDINGRESS_KUBECONFIG": f"{folder}/kubeconfig",
            },
        )
    milliseconds, peak = json.loads(done.stdout)
    return milliseconds, peak
