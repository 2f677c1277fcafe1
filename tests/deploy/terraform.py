"""
Terraform's files, read in two ways: by its own program, which evaluates what names no resource, and
by a parser, which needs no program and sees everything.

Terraform's `validate` needs its providers, which come from a registry; so it is not used here.
"""

import json
import os
import shutil
import subprocess
from pathlib import Path

import hcl2
import pytest

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "infra" / "gcp"
PROJECT, REGION = "shop-prod", "us-central1"
GIVEN = {
    "project": PROJECT,
    "region": REGION,
    "config_cluster_secret": "projects/shop-prod/secrets/config",
}
_PURE = ("variables.tf", "locals.tf", "permissions.json")
_SECONDS = 60


def program():
    """The path of Terraform; the test is skipped where it is not installed."""
    found = shutil.which("terraform")
    if found is None:
        pytest.skip("terraform is not installed")
    return found


def run(*words, cwd=FOLDER):
    """Terraform's answer, without a configuration or provider of the person who runs it."""
    environment = {"PATH": os.environ["PATH"], "HOME": str(cwd), "CHECKPOINT_DISABLE": "1"}
    return subprocess.run(
        [program(), *words],
        capture_output=True,
        text=True,
        check=False,
        timeout=_SECONDS,
        cwd=cwd,
        env=environment,
    )


def evaluated(folder, *names, **given):
    """
    The values of locals *names*, as Terraform finds them with the variables *given*.

    Raises:
        AssertionError: It refuses them; the text is Terraform's.
    """
    for each in _PURE:
        shutil.copy(FOLDER / each, folder)
    values = {name: f"${{local.{name}}}" for name in names}
    # one map, so that each value keeps its own type
    body = {"output": {"told": {"value": {"told": [values]}}}}
    (folder / "told.tf.json").write_text(json.dumps(body), encoding="utf-8")
    (folder / "given.tfvars.json").write_text(json.dumps({**GIVEN, **given}), encoding="utf-8")
    for words in (
        ("init", "-input=false", "-no-color"),
        ("apply", "-auto-approve", "-input=false", "-no-color", "-var-file=given.tfvars.json"),
    ):
        done = run(*words, cwd=folder)
        assert done.returncode == 0, done.stderr
    told = json.loads(run("output", "-json", "told", cwd=folder).stdout)
    return told["told"][0]


def parsed(folder=FOLDER):
    """All files of *folder* as one: kind of block -> list of its bodies, by the parser."""
    found = {}
    for path in sorted(folder.glob("*.tf")):
        with path.open(encoding="utf-8") as file:
            for kind, bodies in hcl2.load(file).items():
                if isinstance(bodies, list):
                    found.setdefault(kind, []).extend(bodies)
    return found


def labelled(bodies):
    """`type.name` -> body, of resources or data."""
    return {
        f"{_plain(kind)}.{_plain(name)}": body
        for each in bodies
        for kind, named in each.items()
        for name, body in named.items()
    }


def named(bodies):
    """`name` -> body, of variables or outputs."""
    return {_plain(name): body for each in bodies for name, body in each.items()}


def expressions(value):
    """Every expression and text in a body."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if key != "__comments__":
                yield from expressions(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from expressions(inner)
    elif isinstance(value, str):
        yield value


def _plain(word):
    return word.strip('"')
