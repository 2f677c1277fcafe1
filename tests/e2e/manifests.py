"""What users and platform teams write in these tests: the example shop, under small waits."""

from pathlib import Path
from typing import Any

from fedingress.adapters.directory.documents import load
from infra.demo import manifests as demo

NAMESPACE = "shop"
HOST = "shop.example.com"
SHOP = Path(__file__).parents[2] / "examples" / "shop"

Manifest = dict[str, Any]


def documents(path: Path) -> list[Manifest]:
    """Every object in a file of manifests, which must be without fault."""
    loaded = load(path.read_text(encoding="utf-8"), path.name)
    assert loaded.faults == ()
    return [dict(each.manifest) for each in loaded.documents]


def workloads() -> list[Manifest]:
    """The shop's namespace, Services and Deployments, for every member."""
    return documents(SHOP / "members.yaml")


def namespace(name: str = NAMESPACE) -> Manifest:
    """A namespace."""
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}


def platform() -> list[Manifest]:
    """Class and policy; every wait is a second or a few."""
    policy = demo.policy()
    policy["spec"]["deletion"] = {"graceSeconds": 5, "drainSeconds": 1}
    policy["spec"]["backends"]["drainingSeconds"] = 1
    return [policy, demo.ingress_class()]


def path(at: str, service: str, kind: str = "Prefix") -> Manifest:
    """One path of a rule, to port 80 of *service*."""
    backend = {"service": {"name": service, "port": {"number": 80}}}
    return {"path": at, "pathType": kind, "backend": backend}


def ingress(*paths: Manifest, host: str = HOST, name: str = "shop", **metadata: Any) -> Manifest:
    """An Ingress with one host; without *paths* `/` is web's and `/api` is api's."""
    listed = list(paths) or [path("/", "web"), path("/api", "api")]
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": {"name": name, "namespace": NAMESPACE, **metadata},
        "spec": {
            "ingressClassName": demo.CLASS,
            "rules": [{"host": host, "http": {"paths": listed}}],
        },
    }
