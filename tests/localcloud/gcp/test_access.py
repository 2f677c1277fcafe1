"""Default credentials from the metadata server, and what happens without them."""

import asyncio
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from localcloud.gcp import serve_metadata
from localcloud.gcp.access import LIFETIME_SECONDS
from tests.localcloud.gcp.lab import PROJECT, FakeClock, Lab, refusal, running_lab

pytestmark = pytest.mark.wire

ACCOUNTS = "/computeMetadata/v1/instance/service-accounts"
FLAVOR = {"Metadata-Flavor": "Google"}
PROGRAM = """
import sys
import google.auth
from google.auth.transport.requests import AuthorizedSession

scope = "https://www.googleapis.com/auth/cloud-platform"
credentials, project = google.auth.default(scopes=[scope])
answer = AuthorizedSession(credentials).get(sys.argv[1])
print(project, answer.status_code, credentials.service_account_email)
"""


@pytest.fixture
def clock() -> FakeClock:
    """A clock that stands still."""
    return FakeClock()


@pytest.fixture
def guarded(clock: FakeClock) -> Iterator[Lab]:
    """A cloud that wants tokens."""
    with running_lab(clock=clock, require_token=True) as running:
        yield running


@pytest.fixture
def metadata(guarded: Lab) -> Iterator[str]:
    """The address of a metadata server whose tokens the cloud knows."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    server = asyncio.run_coroutine_threadsafe(
        serve_metadata(PROJECT, access=guarded.cloud.access), loop
    ).result(10)
    yield f"{server.host}:{server.port}"
    asyncio.run_coroutine_threadsafe(server.close(), loop).result(10)
    loop.call_soon_threadsafe(loop.stop)
    thread.join(10)
    loop.close()


def _token(metadata: str, scopes: str = "") -> str:
    answer = requests.get(
        f"http://{metadata}{ACCOUNTS}/default/token",
        params={"scopes": scopes} if scopes else None,
        headers=FLAVOR,
        timeout=10,
    )
    assert answer.headers["Metadata-Flavor"] == "Google"
    return answer.json()["access_token"]


def test_default_credentials_open_the_cloud(guarded: Lab, metadata: str, tmp_path: Path):
    """`google.auth.default()` finds the machine's identity, and its token is let in."""
    # A process of its own: google.auth reads the address once, when it is imported.
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "NO_PROXY": "127.0.0.1",
        "CLOUDSDK_CONFIG": str(tmp_path),
        "GCE_METADATA_HOST": metadata,
        "GCE_METADATA_IP": metadata,
    }
    url = f"{guarded.url}/compute/v1/projects/{PROJECT}/global/urlMaps"
    ran = subprocess.run(
        [sys.executable, "-c", PROGRAM, url],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.split() == [PROJECT, "200", f"{PROJECT}.svc.id.goog"]


def test_no_token_a_wrong_one_and_an_old_one_are_refused(
    guarded: Lab, metadata: str, clock: FakeClock
):
    """401 without a token, with an unknown one and after its lifetime."""
    code, reason, message = refusal(guarded.rest.get("/global/urlMaps"))
    assert (code, reason) == (401, "required")
    assert "missing required authentication credential" in message
    guarded.rest.headers["Authorization"] = "Bearer nothing"
    assert refusal(guarded.rest.get("/global/urlMaps"))[:2] == (401, "authError")
    guarded.rest.headers["Authorization"] = f"Bearer {_token(metadata)}"
    assert guarded.rest.get("/global/urlMaps").status_code == 200
    clock.now += LIFETIME_SECONDS
    assert refusal(guarded.rest.get("/global/urlMaps"))[:2] == (401, "authError")


def test_a_token_opens_what_its_scopes_name(guarded: Lab, metadata: str):
    """A token of the DNS scope opens Cloud DNS only."""
    scope = "https://www.googleapis.com/auth/ndev.clouddns.readwrite"
    for session in (guarded.rest, guarded.dns_rest):
        session.headers["Authorization"] = f"Bearer {_token(metadata, scope)}"
    assert guarded.dns_rest.get("/managedZones").status_code == 200
    assert refusal(guarded.rest.get("/global/urlMaps"))[:2] == (403, "insufficientPermissions")


def test_a_denied_permission_is_named(lab: Lab):
    """A permission that was taken away is 403 forbidden with its name in the text."""
    lab.cloud.access.denied.add("compute.healthChecks.create")
    code, reason, message = lab.refused("healthChecks", name="hc", type="TCP")
    assert (code, reason) == (403, "forbidden")
    assert "Required 'compute.healthChecks.create' permission" in message
    assert lab.rest.get("/global/healthChecks").status_code == 200


def test_a_permission_may_be_missing_in_one_project_and_its_owner_has_it(lab: Lab):
    """As in the host project of a shared VPC: others' rights elsewhere are not touched."""
    denied, body = lab.cloud.access.denied, {"name": "hc", "type": "TCP"}
    denied.add("projects/host-1:compute.healthChecks.create")
    assert lab.rest.post("/global/healthChecks", json=body).status_code == 200
    denied.add(f"projects/{PROJECT}:compute.healthChecks.create")
    again = {**body, "name": "other"}
    assert refusal(lab.rest.post("/global/healthChecks", json=again))[0] == 403
    lab.rest.headers["Authorization"] = f"Bearer {lab.cloud.access.issue()}"
    assert refusal(lab.rest.post("/global/healthChecks", json=again))[0] == 403
    lab.rest.headers["Authorization"] = f"Bearer {lab.cloud.access.issue(owner=True)}"
    assert lab.rest.post("/global/healthChecks", json=again).status_code == 200


def test_the_metadata_server_wants_its_header(metadata: str):
    """Requests without the flavor header, or through a proxy, are refused; the root is open."""
    url = f"http://{metadata}/computeMetadata/v1/project/project-id"
    assert requests.get(f"http://{metadata}/", timeout=10).status_code == 200
    assert requests.get(url, timeout=10).status_code == 403
    through = {**FLAVOR, "X-Forwarded-For": "10.0.0.1"}
    assert requests.get(url, headers=through, timeout=10).status_code == 403
    assert requests.get(url, headers=FLAVOR, timeout=10).text == PROJECT
    missing = requests.get(f"{url}x", headers=FLAVOR, timeout=10)
    assert missing.status_code == 404
    account = requests.get(
        f"http://{metadata}{ACCOUNTS}/default/?recursive=true", headers=FLAVOR, timeout=10
    )
    assert account.json()["aliases"] == ["default"]
