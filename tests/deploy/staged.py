"""The functions as they are deployed: staged, then installed with nothing but their own."""

import importlib.util
import json
import os
import subprocess
import sys

from infra import stage

_DRIVE = """
import json, sys
sys.path.insert(0, sys.argv[1])
import main
{body}
"""


def installer():
    """The module that is copied beside each door for Lambda."""
    spec = importlib.util.spec_from_file_location(
        "artifact_install", stage.INSTALLER / "install.py"
    )
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def install(folder, home, target):
    """Install a staged folder with its own requirements only, by hash; Lambda's is pruned, too."""
    if home == "aws":
        found = installer()
        found.install(folder, target, f"{sys.version_info.major}.{sys.version_info.minor}")
        found.prune(target)
        return
    command = [stage.find_uv(), "pip", "install", "--quiet", "--require-hashes", "--no-compile"]
    command += ["--python", sys.executable, "--target", str(target)]
    command += ["--requirement", str(folder / "requirements.txt")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (target / "main.py").write_bytes((folder / "main.py").read_bytes())


def run(target, body, **settings):
    """What *body* prints as JSON, in a Python that has *target* and its standard library only."""
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", _DRIVE.format(body=body), str(target)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        cwd=target,
        env={"PATH": os.environ["PATH"], "HOME": str(target), **settings},
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def megabytes(folder):
    """What all files of *folder* hold."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 2**20
