"""
What the demo submits: the example shop, or a user's own manifests made fit for the lab.

Only here, never in the product, are Ingresses given the federated class and missing backends an
echo Service; whatever was added is told.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fedingress.adapters.directory.documents import load

Manifest = dict[str, Any]
CLASS = "federated"
EXAMPLE = Path(__file__).parents[2] / "examples" / "shop"
_DOMAIN = "example.com"
_CONFIG_KINDS = {"Ingress", "IngressClass", "FederationPolicy"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundle:
    """
    What goes where.

    config: objects for the config cluster.   member: objects for every member.
    added: sentences on what the demo put in.
    """

    config: tuple[Manifest, ...]
    member: tuple[Manifest, ...]
    added: tuple[str, ...] = field(default=())

    @property
    def ingresses(self) -> list[Manifest]:
        """The Ingresses submitted."""
        return [each for each in self.config if each["kind"] == "Ingress"]


def policy() -> Manifest:
    """A policy with waits that fit into a minute; the demo prints them."""
    return {
        "apiVersion": "fedingress.dev/v1alpha1",
        "kind": "FederationPolicy",
        "metadata": {"name": "demo"},
        "spec": {
            "topology": "gcp",
            "project": "lab",
            "placement": {"clusterSelector": {}},
            "backends": {
                "healthCheck": {
                    "path": "/",
                    "intervalSeconds": 1,
                    "timeoutSeconds": 1,
                    "healthyThreshold": 1,
                    "unhealthyThreshold": 2,
                },
            },
            "dns": {
                "zones": [
                    {
                        "provider": "cloud-dns",
                        "project": "lab",
                        "name": "example-com",
                        "domain": "example.com",
                    }
                ],
                "ttlSeconds": 1,
            },
            "deletion": {"graceSeconds": 10, "drainSeconds": 1},
        },
    }


def policy_of_aws() -> Manifest:
    """The same for members that answer themselves; the lab says which hosted zone it is."""
    return {
        "apiVersion": "fedingress.dev/v1alpha1",
        "kind": "FederationPolicy",
        "metadata": {"name": "demo"},
        "spec": {
            "topology": "aws",
            "placement": {"clusterSelector": {}},
            "dns": {
                "zones": [{"provider": "route53", "name": "Z", "domain": "aws.example.com"}],
                "ttlSeconds": 1,
                "damping": {
                    "tickSeconds": 1,
                    "downWindows": 2,
                    "upWindows": 2,
                    "longestDwellSeconds": 10,
                },
            },
            "deletion": {"graceSeconds": 10, "drainSeconds": 1},
        },
    }


def ingress_class() -> Manifest:
    """The federated class, behind the demo's policy."""
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "IngressClass",
        "metadata": {"name": CLASS},
        "spec": {
            "controller": "fedingress.dev/federated-ingress",
            "parameters": {
                "apiGroup": "fedingress.dev",
                "kind": "FederationPolicy",
                "name": "demo",
            },
        },
    }


def read(folder: Path | None, made: Manifest | None = None, domain: str = "example.com") -> Bundle:
    """
    The example shop, or the manifests in *folder*, with class, policy and echo backends.

    Args:
        folder: None takes the example.
        made: The policy; None takes the one of topology `gcp`.
        domain: Of the zone; hosts below example.com are moved there.

    Raises:
        SystemExit: A file does not parse, or there is no Ingress; every fault is printed.
    """
    documents = _documents(folder or EXAMPLE)
    added: list[str] = []
    config = [made or policy(), ingress_class()]
    member = []
    for document in documents:
        if document["kind"] == "Ingress":
            config.append(_moved(_federated(document, added), domain, added))
        elif document["kind"] not in _CONFIG_KINDS | {"Namespace"}:
            document["metadata"].setdefault("namespace", "default")
            member.append(document)
    ingresses = [each for each in config if each["kind"] == "Ingress"]
    if not ingresses:
        raise SystemExit(f"{folder or EXAMPLE}: there is no Ingress")
    spaces = sorted({each["metadata"]["namespace"] for each in (*ingresses, *member)})
    member += _echo_backends(ingresses, member, added)
    namespaces = [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}} for name in spaces
    ]
    return Bundle(config=(*namespaces, *config), member=(*namespaces, *member), added=tuple(added))


def _documents(folder: Path) -> list[Manifest]:
    files = sorted(path for path in folder.rglob("*") if path.suffix in {".yaml", ".yml", ".json"})
    documents: list[Manifest] = []
    faults: list[str] = []
    for file in files:
        loaded = load(file.read_text(encoding="utf-8", errors="replace"), str(file))
        documents += [dict(each.manifest) for each in loaded.documents]
        faults += map(str, loaded.faults)
    if faults:
        raise SystemExit("\n".join(faults))
    return documents


def _federated(document: Manifest, added: list[str]) -> Manifest:
    meta = {"namespace": "default", **document["metadata"]}
    meta.pop("creationTimestamp", None)
    spec = dict(document["spec"])
    if spec.get("ingressClassName") != CLASS:
        spec["ingressClassName"] = CLASS
        added.append(f"Ingress {meta['namespace']}/{meta['name']} got ingressClassName {CLASS}")
    return {**document, "metadata": meta, "spec": spec}


def _moved(document: Manifest, domain: str, added: list[str]) -> Manifest:
    """*document* with its hosts below example.com below *domain* instead."""
    spec = document["spec"]
    rules = [dict(rule) for rule in spec.get("rules") or ()]
    for rule in rules:
        host = str(rule.get("host") or "")
        if host.endswith(f".{_DOMAIN}") and not host.endswith(f".{domain}"):
            rule["host"] = f"{host.removesuffix(_DOMAIN)}{domain}"
            added.append(f"host {host} is {rule['host']} here")
    return {**document, "spec": {**spec, "rules": rules}} if rules else document


def _echo_backends(
    ingresses: Sequence[Manifest], given: Sequence[Manifest], added: list[str]
) -> list[Manifest]:
    """An echo Deployment and Service for every backend that nobody brought along."""
    known = {
        (each["metadata"]["namespace"], each["metadata"]["name"])
        for each in given
        if each["kind"] == "Service"
    }
    wanted: dict[tuple[str, str], dict[str, Mapping[str, Any]]] = {}
    for ingress in ingresses:
        for backend in backends(ingress["spec"]):
            key = (ingress["metadata"]["namespace"], backend["name"])
            port = backend["port"]
            wanted.setdefault(key, {})[str(port.get("number") or port.get("name"))] = port
    made: list[Manifest] = []
    for (namespace, name), ports in sorted(wanted.items()):
        if (namespace, name) not in known:
            made += _echo(namespace, name, list(ports.values()))
            added.append(f"every member got an echo Deployment and Service {namespace}/{name}")
    return made


def backends(spec: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Every `service` of an Ingress spec: `{"name", "port": {"number" | "name"}}`."""
    found = [spec["defaultBackend"]] if spec.get("defaultBackend") else []
    for rule in spec.get("rules") or ():
        found += [path["backend"] for path in (rule.get("http") or {}).get("paths") or ()]
    return [each["service"] for each in found if "service" in each]


def _echo(namespace: str, name: str, ports: Sequence[Mapping[str, Any]]) -> list[Manifest]:
    labels = {"app": f"echo-{name}"}
    listed = [
        {
            "name": port.get("name") or f"p{port['number']}",
            "port": port.get("number") or 80,
            "targetPort": 8080 + n,
        }
        for n, port in enumerate(ports)
    ]
    container = {
        "name": "echo",
        "image": "echo",
        "ports": [{"containerPort": port["targetPort"]} for port in listed],
    }
    return [
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": name, "namespace": namespace, "labels": labels},
            "spec": {
                "replicas": 2,
                "selector": {"matchLabels": labels},
                "template": {"metadata": {"labels": labels}, "spec": {"containers": [container]}},
            },
        },
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": name, "namespace": namespace},
            "spec": {"selector": labels, "ports": listed},
        },
    ]
