"""What the tests of a directory of sources share: still time, and users who write files."""

import yaml

from fedingress.domain.ingress import IngressKey

OTHER = IngressKey(namespace="shop", name="other")


class StillClock:
    """Time that only sleeping moves; *on_sleep* is what happens meanwhile."""

    def __init__(self):
        self.time = 1_700_000_000.0
        self.slept = []
        self.on_sleep = lambda: None

    def now(self):
        return self.time

    def sleep(self, seconds):
        self.time += seconds
        self.slept.append(seconds)
        self.on_sleep()


def write(path, *manifests):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.safe_dump_all(manifests), encoding="utf-8")


def token_secret(**fields):
    meta = {"name": "gke-us-token", "namespace": "inventory"}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": meta, **fields}


def profile(name="gke-us", namespace="inventory", server="https://127.0.0.1:6443"):
    return {
        "apiVersion": "multicluster.x-k8s.io/v1alpha1",
        "kind": "ClusterProfile",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"clusterManager": {"name": "fedingress"}},
        "status": {
            "accessProviders": [{"name": "fedingress-token", "cluster": {"server": server}}]
        },
    }
