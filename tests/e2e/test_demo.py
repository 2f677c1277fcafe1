"""The demo itself, as `make demo` runs it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.wire, pytest.mark.slow, pytest.mark.timeout(300)]

ROOT = Path(__file__).parents[2]


def environment(folder):
    """This process's, with the repository to import from and none of our settings."""
    ours = ("FEDINGRESS_", "LOCALCLOUD_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    path = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
    return {**kept, "PYTHONPATH": path, "FEDINGRESS_LOCAL": str(folder / "build/demo-lab")}


CARRIERS = {"gcp": {"gke-us", "gke-eu"}, "aws": {"eks-us", "eks-ap"}}
AFAR = {"gcp": "gke-eu", "aws": "eks-ap"}


@pytest.fixture(params=sorted(CARRIERS))
def topology(request):
    """Each whose story is told."""
    return request.param


@pytest.fixture
def told(tmp_path, topology):
    """The demo's run in a folder of its own, whose lab is ended in any case."""
    environ = environment(tmp_path)
    command = str(Path(sys.executable).parent / "fedingress")
    try:
        yield subprocess.run(
            [sys.executable, "-m", "infra.demo", "--topology", topology],
            cwd=tmp_path,
            env=environ,
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )
    finally:
        subprocess.run([command, "local", "down"], env=environ, timeout=60, check=True)


def test_the_demo_ends_well_and_leaves_its_figures(told, tmp_path, topology):
    """Exit status 0; traffic moved, nothing was written when converged, nothing is left behind."""
    assert told.returncode == 0, told.stdout[-3000:] + told.stderr[-3000:]
    figures = json.loads((tmp_path / "build" / "demo.json").read_text(encoding="utf-8"))[topology]

    served_by = figures["served_by"]
    served = sum(sum(phase.values()) for phase in served_by.values())
    assert set(served_by) == {"before", "during", "after"}
    assert set(served_by["before"]) == set(served_by["after"]) == CARRIERS[topology]
    assert served_by["during"][AFAR[topology]] > 0
    assert figures["requests"] == served + figures["failed"] > 300
    assert 0 <= figures["shift_seconds"] < 30
    assert figures["mutating_calls_converged"] == 0
    assert figures["left_behind"] == []
    assert figures["seconds"] > 0
    assert figures["before"]["failed"] == figures["after"]["failed"] == 0
