"""
The functions' rights as manifests: what kubectl applies of them.

Whether they suffice, and are needed, a life of an Ingress shows (tests/e2e/test_function_rights).
"""

import pytest

from tests.adapters.kube.running import running_cluster
from tests.infra.kubernetes.evaluation import KUBERNETES
from tests.infra.kubernetes.test_watcher_manifests import KUBECTL, kubectl
from tests.watcher.processes import kubeconfig

pytestmark = pytest.mark.skipif(KUBECTL is None, reason="kubectl is not installed")


@pytest.mark.wire
@pytest.mark.parametrize(("role", "objects"), [("config", 5), ("member", 4)])
def test_kubectl_applies_them_and_then_has_nothing_to_do(role, objects, tmp_path):
    """Each object is strictly checked, and a second apply changes nothing."""
    folder = str(KUBERNETES / "functions" / role)
    with running_cluster() as cluster:
        place = ("--kubeconfig", str(kubeconfig(tmp_path, cluster)), "apply", "--server-side")
        told = kubectl(*place, "--validate=strict", "-k", folder, "-o", "name")
        before = cluster.do(lambda: cluster.cluster.store.version)
        kubectl(*place, "-k", folder)

        assert len(told.split()) == objects
        assert cluster.do(lambda: cluster.cluster.store.version) == before
