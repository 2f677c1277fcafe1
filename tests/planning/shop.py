"""The shop: a source Ingress, its policy, its members and their Services, as planners see them."""

import json

from fedingress.domain.cluster import MemberCluster
from fedingress.domain.member import MemberObject
from fedingress.domain.policy import FederationPolicy
from fedingress.planning.companions import Owner
from fedingress.planning.decode import source as decode_source

UID = "5f0c1a52-0000-4000-8000-000000000001"


def member(name="a", **fields):
    """A member that topology gcp can serve."""
    return MemberCluster(
        **{"name": name, "access": None, "provider": "gcp", "project": "p"} | fields
    )


def policy(**fields):
    """A policy over project p."""
    return FederationPolicy(**{"name": "p", "topology": "gcp", "project": "p"} | fields)


def backend(service="web", port=80):
    """A backend of an Ingress as JSON, its port by number or by name."""
    named = {"number": port} if isinstance(port, int) else {"name": port}
    return {"service": {"name": service, "port": named}}


def ingress(*backends, name="shop", hosts=("shop.example.com",), annotations=None, labels=None):
    """The manifest of an Ingress with one path per backend under every host."""
    paths = [
        {"path": f"/{number}", "pathType": "Prefix", "backend": each}
        for number, each in enumerate(backends or [backend()])
    ]
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": {
            "namespace": "shop",
            "name": name,
            "uid": UID,
            "generation": 3,
            "creationTimestamp": "2026-01-01T00:00:00Z",
            "annotations": annotations or {},
            "labels": labels or {},
        },
        "spec": {
            "ingressClassName": "federated",
            "rules": [{"host": host, "http": {"paths": paths}} for host in hosts],
        },
    }


def source(*backends, **fields):
    """The decoded source of `ingress`."""
    decoded = decode_source(ingress(*backends, **fields))
    assert decoded.ingress is not None, decoded.faults
    return decoded


def owner(of=None):
    """Whose the copies of *of* are."""
    of = of or source()
    return Owner(installation="test", key=of.key, uid=of.uid)


def service(name="web", *, ports=({"port": 80, "targetPort": 8080},), selector=None, **spec):
    """A user's Service in the shop."""
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"namespace": "shop", "name": name, "uid": f"uid-{name}"},
        "spec": {
            "selector": {"app": name} if selector is None else selector,
            "ports": [dict(port) for port in ports],
            **spec,
        },
    }


def held(cluster, manifest):
    """*manifest* as it is observed in *cluster*: stored JSON, with what an API server adds."""
    stored = json.loads(json.dumps(manifest))
    meta = stored["metadata"]
    meta.setdefault("uid", f"uid-{stored['kind']}-{meta['name']}")
    meta["resourceVersion"] = "1"
    if stored["kind"] == "Service":
        stored["spec"].setdefault("clusterIP", "10.0.0.1")
    return MemberObject(cluster=cluster, manifest=stored)
