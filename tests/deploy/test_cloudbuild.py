"""
The build on Google Cloud: a file that Cloud Build takes, which checks, stages and deploys in order.

Aspects: form, by two schemas; the order of steps; what each step calls exists; substitutions.
"""

import json
import re
import subprocess
import sys
from importlib import resources
from pathlib import Path

import pytest
import yaml

from localcloud.gcp import schema
from tests.deploy import terraform

ROOT = Path(__file__).parents[2]
FILE = ROOT / "cloudbuild.yaml"
TEXT = FILE.read_text(encoding="utf-8")
BUILD = yaml.safe_load(TEXT)
STEPS = {step["id"]: step for step in BUILD["steps"]}
GIVEN = {"PROJECT_ID"}
"""What Cloud Build itself substitutes, of which we use this."""


@pytest.fixture(scope="module")
def shapes():
    """What Cloud Build's own discovery document says of a build."""
    folder = resources.files("googleapiclient.discovery_cache") / "documents"
    raw = json.loads((folder / "cloudbuild.v1.json").read_text(encoding="utf-8"))["schemas"]
    return {name: schema.shape(each) for name, each in raw.items()}


def strange(build, shapes, name="Build", at="build"):
    """Fields of *build* that the API does not know."""
    known, found = shapes[name].properties, []
    for key, value in build.items():
        if key not in known:
            found.append(f"{at}.{key}")
            continue
        inner = known[key].items or known[key]
        for each in value if isinstance(value, list) else [value]:
            if inner.kind == "ref" and isinstance(each, dict):
                found += strange(each, shapes, inner.ref, f"{at}.{key}")
    return found


def test_cloud_build_s_schema_takes_it():
    """That of its users' editors."""
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.cloudbuild"]
    done = subprocess.run([*command, str(FILE)], capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout


def test_cloud_build_s_api_knows_every_field(shapes):
    """That schema lets unknown fields pass; the discovery document does not."""
    assert strange(BUILD, shapes) == []
    misspelt = {"optoins": {}, "steps": [{"nam": "x"}], "options": {"loging": "x"}}
    assert strange(misspelt, shapes) == ["build.optoins", "build.steps.nam", "build.options.loging"]


def test_nothing_is_deployed_that_was_not_checked():
    """Checked, staged, planned, applied: one after the other, and exactly the plan."""
    assert list(STEPS) == ["check", "stage", "initialise", "plan", "deploy"]
    assert not [name for name, step in STEPS.items() if "waitFor" in step or "allowFailure" in step]
    assert "-out=plan" in STEPS["plan"]["args"]
    assert STEPS["deploy"]["args"][-1] == "plan"


def test_every_target_is_one_of_ours():
    """What `make` is asked for is in the Makefile."""
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    asked = {
        word for step in STEPS.values() if step.get("entrypoint") == "make" for word in step["args"]
    }

    assert asked == {"check", "stage"}
    assert asked <= targets


def test_every_image_is_of_a_version():
    """A build of tomorrow is that of today."""
    assert [
        step["name"] for step in STEPS.values() if not re.search(r":\d+\.\d+", step["name"])
    ] == []


def test_terraform_gets_what_it_asks_for():
    """Every variable without a default comes from the build or from the file that it names."""
    declared = terraform.named(terraform.parsed()["variable"])
    needed = {name for name, body in declared.items() if "default" not in body}
    given = {each.partition("=")[0].removeprefix("TF_VAR_") for each in STEPS["plan"]["env"]}
    with (terraform.FOLDER / BUILD["substitutions"]["_VARIABLES"]).open(encoding="utf-8") as file:
        given |= set(terraform.hcl2.load(file))

    assert given >= needed
    assert {STEPS[name]["dir"] for name in ("initialise", "plan", "deploy")} == {"infra/gcp"}


def test_every_substitution_is_declared_and_used():
    """Cloud Build refuses a build with one that is not."""
    used = set(re.findall(r"\$\{(\w+)\}", TEXT))

    assert used == set(BUILD["substitutions"]) | GIVEN
    assert not re.search(r"\$[A-Z_]", TEXT)
