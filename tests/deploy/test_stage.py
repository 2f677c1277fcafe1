"""
Staging: equal bytes, honest requirements, and doors that run with nothing else on the path.

Aspects: what is in a folder; reproducibility; what each function carries and must not carry; the
size that Lambda allows; byte code; what is refused.
"""

import re
import shutil
import subprocess
import sys
import zipfile

import pytest

from fedingress.domain.work import CONCERNS
from infra import stage
from tests.deploy.staged import install, installer, megabytes, run

FUNCTIONS = stage.names()
LAMBDA_LIMIT = 250  # megabytes, unpacked: AWS Lambda, "Lambda quotas"
COMPUTE, CLOUD_DNS = "google.cloud.compute_v1", "googleapiclient"
CARRIES = {
    "backends": {COMPUTE, "boto3"},
    "dns": {CLOUD_DNS, "boto3"},
    "repair": {COMPUTE, CLOUD_DNS, "boto3"},
}
HOME = {
    "aws": {"boto3"},
    "gcp": {"functions_framework", "google.cloud.firestore", "google.cloud.pubsub_v1"},
}
HERE = f"{sys.version_info.major}.{sys.version_info.minor}"
AWS = """
try:
    answer = main.on_lambda_event({"Records": [{"messageId": "m0", "body": "no event"}]}, None)
except Exception as error:
    answer = type(error).__name__
"""
CALLER = {"email": "caller@lab.example", "email_verified": True}
GCP = f"""
import base64, os
import functions_framework
from fedingress.runtime import door
client = functions_framework.create_app("on_push", "main.py", "http").test_client()
claims = base64.urlsafe_b64encode(json.dumps({CALLER}).encode()).decode().rstrip("=")
known = {{"Authorization": f"Bearer e30.{{claims}}."}}  # Cloud Run takes the signature off
def status(**headers):
    return client.post("/", data=b"no event", **headers).status_code
answer = [status(headers=known)]  # nobody said whose tokens are taken
door.close()
os.environ |= {{"FEDINGRESS_TOKENS": "platform", "FEDINGRESS_CALLERS": "{CALLER["email"]}"}}
answer += [status(), status(headers=known)]
"""
TELL = """
from importlib import import_module
from importlib.util import find_spec
def there(name):
    try:
        return find_spec(name) is not None
    except ModuleNotFoundError:  # its package is not there either
        return False
found = [name for name in {names} if there(name)]
if {whole}:  # takes seconds without byte code, and the others' packages are among these
    for name in found:
        import_module(name)
print(json.dumps([answer, found]))
"""


def expected(home, function):
    """
    What a door answers to what is no event of its own.

    Over HTTP: without a word on callers; to nobody; and to whom it was told of.
    """
    if home == "gcp":
        return [503, 401, 200 if function == "tick" else 400]
    if function == "tick":
        return {"summary": "0 due, 0 resynced"}
    return {"batchItemFailures": [{"itemIdentifier": "m0"}]} if function in CONCERNS else "Invalid"


@pytest.mark.parametrize("home", stage.HOMES)
@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_folder_holds_what_is_deployed(staged, home, function):
    """The door, the wheel, the locked requirements, and for Lambda its installer; nothing else."""
    folder = staged / home / function
    found = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    (wheel,) = (name for name in found if name.endswith(".whl"))
    text = (folder / "requirements.txt").read_text(encoding="utf-8")
    packages = re.findall(r"^([a-z0-9.-]+)==\S+(.*?)(?=^\S|\Z)", text, re.MULTILINE | re.DOTALL)

    lambdas = {"Makefile", "install.py"} if home == "aws" else set()
    assert found == {"main.py", "requirements.txt", wheel} | lambdas
    assert (folder / "main.py").read_bytes() == (
        stage.FUNCTIONS / function / "main.py"
    ).read_bytes()
    assert text.startswith("--find-links ./wheels\n")
    assert packages[-1][0] == "federated-ingress"
    assert [name for name, hashes in packages if "--hash=sha256:" not in hashes] == []


def test_two_builds_give_the_same_bytes(staged, tmp_path):
    """Another build of the same sources, elsewhere, has the same digests; a third is no change."""
    first = stage.stage_all(tmp_path, ["aws"])
    second = stage.stage_all(tmp_path, ["aws"])

    assert len(first) == len(FUNCTIONS)
    assert {name: stage.digest(staged / name) for name in first} == {
        name: digest for name, (digest, _) in first.items()
    }
    assert all(changed for _, changed in first.values())
    assert not any(changed for _, changed in second.values())


@pytest.mark.parametrize("home", stage.HOMES)
@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_function_runs_with_its_own_requirements_only(staged, tmp_path, home, function):
    """Installed by hash with nothing else on the path, it answers, and carries no other's SDK."""
    target = tmp_path / function
    install(staged / home / function, home, target)
    size = megabytes(target)
    print(f"{home}/{function}: {size:.0f} MB")
    settings = {"FEDINGRESS_STORE": "memory:", "FEDINGRESS_SOURCES": f"directory:{tmp_path}"}
    names = sorted({COMPUTE, CLOUD_DNS, "kubernetes.client", *HOME["aws"], *HOME["gcp"]})

    body = (AWS if home == "aws" else GCP) + TELL.format(
        names=names, whole=(function, home) == ("repair", "aws")
    )
    answer, there = run(target, body, **settings)

    assert answer == expected(home, function)
    assert set(there) == {"kubernetes.client"} | HOME[home] | CARRIES.get(function, set())
    assert home != "aws" or size < LAMBDA_LIMIT


def test_every_api_that_is_built_has_its_document_kept():
    """Without it the client would ask Google for it, which nobody has to allow."""
    built = {
        ".".join(found)
        for path in (stage.ROOT / "shared/fedingress/adapters/gcp").glob("*.py")
        for found in re.findall(
            r'discovery\.build\(\s*"(\w+)",\s*"(\w+)"', path.read_text(encoding="utf-8")
        )
    }

    assert {*installer().KEPT} == {f"{name}.json" for name in built}


def test_byte_code_is_laid_beside_the_modules_and_trusted(staged, tmp_path):
    """Lambda's Python finds byte code that needs no look at its source; another's is not laid."""
    module, target = installer(), tmp_path / "tick"
    module.install(staged / "aws" / "tick", target, HERE)

    assert not module.compile_all(target, "2.7")
    assert not list(target.rglob("*.pyc"))
    assert module.compile_all(target / "fedingress", HERE)
    compiled = next((target / "fedingress" / "runtime" / "__pycache__").glob("door.*.pyc"))
    assert compiled.read_bytes()[4:8] == b"\1\0\0\0"  # PEP 552: by hash, unchecked


def test_a_tampered_wheel_is_refused(staged, tmp_path, capfd):
    """A wheel of other bytes than the one that was staged does not get in."""
    folder = tmp_path / "tick"
    shutil.copytree(staged / "aws" / "tick", folder)
    (wheel,) = folder.glob("wheels/*.whl")
    with zipfile.ZipFile(wheel, "a") as opened:
        opened.writestr("fedingress/backdoor.py", "")

    with pytest.raises(subprocess.CalledProcessError):
        installer().install(folder, tmp_path / "out", HERE)
    assert "Hash mismatch for `federated-ingress" in capfd.readouterr().err
    assert not (tmp_path / "out" / "fedingress").exists()


@pytest.mark.parametrize("line", ["", "boto3", "federated-ingress[kube]\nboto3", "x[y]"])
def test_a_function_says_its_needs_in_one_line(tmp_path, monkeypatch, line):
    """A requirements.txt of another shape is refused, by its path."""
    (tmp_path / "dns").mkdir()
    (tmp_path / "dns" / "requirements.txt").write_text(line)
    monkeypatch.setattr(stage, "FUNCTIONS", tmp_path)

    with pytest.raises(stage.StagingError, match=r"dns/requirements\.txt"):
        stage.extras("dns", "aws")
