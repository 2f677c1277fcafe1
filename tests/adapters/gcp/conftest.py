"""A scripted cloud, with credentials from its metadata server."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from fedingress.adapters.gcp.load_balancers import GceLoadBalancers
from fedingress.adapters.gcp.record_sets import CloudDnsRecordSets
from tests.adapters.gcp.scripted import Script, serving


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Script]:
    """A server that answers what the test says; the default credentials lead to it too."""
    with serving() as found:
        host = f"127.0.0.1:{found.port}"
        for name in ("GCE_METADATA_HOST", "GCE_METADATA_IP", "GCE_METADATA_ROOT"):
            monkeypatch.setenv(name, host)
        monkeypatch.delenv("GOOGLE_APPLICATION_CREDENTIALS", raising=False)
        monkeypatch.setenv("CLOUDSDK_CONFIG", str(tmp_path))
        # Read from the environment once, at import; another test may have imported it.
        monkeypatch.setattr("google.auth.compute_engine._metadata._GCE_METADATA_HOST", host)
        yield found


@pytest.fixture
def gce(script: Script) -> GceLoadBalancers:
    """The adapter to GCE; its clock stands still."""
    return GceLoadBalancers(script.endpoint, call_timeout_seconds=2.0, now=lambda: 1e9)


@pytest.fixture
def dns(script: Script) -> CloudDnsRecordSets:
    """The adapter to Cloud DNS."""
    return CloudDnsRecordSets(script.endpoint, call_timeout_seconds=2.0)
