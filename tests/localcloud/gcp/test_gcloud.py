"""The gcloud command line as an independent client; skipped where it is not installed."""

import json
import os
import shutil
import subprocess
from collections.abc import Callable

import pytest

from tests.localcloud.gcp.lab import PROJECT, Lab

Gcloud = Callable[..., subprocess.CompletedProcess[str]]

GCLOUD = shutil.which("gcloud")

pytestmark = [
    pytest.mark.wire,
    pytest.mark.slow,
    pytest.mark.skipif(GCLOUD is None, reason="gcloud is not installed"),
]


@pytest.fixture
def gcloud(lab: Lab, tmp_path) -> Gcloud:
    """Run gcloud against the stand-in."""
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "NO_PROXY": "127.0.0.1",
        "CLOUDSDK_CONFIG": str(tmp_path),
        "CLOUDSDK_CORE_PROJECT": PROJECT,
        "CLOUDSDK_CORE_DISABLE_PROMPTS": "1",
        "CLOUDSDK_CORE_DISABLE_USAGE_REPORTING": "true",
        "CLOUDSDK_COMPONENT_MANAGER_DISABLE_UPDATE_CHECK": "true",
        "CLOUDSDK_AUTH_DISABLE_CREDENTIALS": "true",
        "CLOUDSDK_API_ENDPOINT_OVERRIDES_COMPUTE": f"{lab.url}/compute/v1/",
        "CLOUDSDK_API_ENDPOINT_OVERRIDES_DNS": f"{lab.url}/dns/v1/",
    }

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [GCLOUD, *words],
            env=environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    return run


def test_backend_services_by_gcloud(lab: Lab, gcloud: Gcloud):
    """The command line creates, updates and lists a backend service, and shows a refusal."""

    def done(*words: str) -> str:
        result = gcloud("compute", *words)
        assert result.returncode == 0, result.stderr
        return result.stdout

    done("health-checks", "create", "http", "hc", "--request-path=/healthz", "--global")
    done(
        *("backend-services", "create", "bs", "--global", "--protocol=HTTP"),
        *("--health-checks=hc", "--global-health-checks"),
        "--load-balancing-scheme=EXTERNAL_MANAGED",
    )
    lab.neg("pods")
    done(
        *("backend-services", "add-backend", "bs", "--global", "--balancing-mode=RATE"),
        *("--max-rate-per-endpoint=10", "--network-endpoint-group=pods"),
        "--network-endpoint-group-zone=us-central1-a",
    )
    listed = json.loads(done("backend-services", "list", "--format=json", "--global"))
    assert [len(service["backends"]) for service in listed] == [1]
    refused = gcloud("compute", "health-checks", "delete", "hc", "--global")
    assert refused.returncode != 0
    assert "is already being used by" in refused.stderr


def test_routing_policies_by_gcloud(lab: Lab, gcloud: Gcloud):
    """The command line writes a weighted record set and reads it back."""
    lab.run(lambda: lab.cloud.create_zone(PROJECT, "z", "example.com."))
    made = gcloud(
        *("dns", "record-sets", "create", "w.example.com.", "--zone=z", "--type=A", "--ttl=30"),
        *("--routing-policy-type=WRR", "--routing-policy-data=0.7=203.0.113.1;0.3=203.0.113.2"),
    )
    assert made.returncode == 0, made.stderr
    listed = gcloud(
        "dns", "record-sets", "list", "--zone=z", "--name=w.example.com.", "--format=json"
    )
    items = json.loads(listed.stdout)[0]["routingPolicy"]["wrr"]["items"]
    assert [item["weight"] for item in items] == [0.7, 0.3]
