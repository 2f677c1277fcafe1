"""Conformance: what ``networking.k8s.io/v1`` takes and refuses in an Ingress."""

from typing import Any

import pytest

from tests.localcloud.kube.manifests import ingress, ingress_path, ingresses
from tests.localcloud.kube.wire import Api

pytestmark = pytest.mark.wire

HOSTS = [
    ("example.com", True),
    ("a.b-c.example.com", True),
    ("*.example.com", True),
    ("localhost", True),
    ("", True),
    ("Example.com", False),
    ("under_score.com", False),
    ("-a.com", False),
    ("a..com", False),
    ("a.com.", False),
    ("*", False),
    ("*example.com", False),
    ("a.*.com", False),
    ("*.*.com", False),
    ("192.0.2.1", False),
    ("2001:db8::1", False),
    ("a.com:80", False),
    ("a" * 64 + ".com", True),
    ("a." * 127, False),
]


@pytest.mark.parametrize(("host", "good"), HOSTS)
def test_hosts(api: Api, namespace: str, host: str, good: bool):
    """A host is a DNS-1123 subdomain or one with a wildcard in front, and no address."""
    reply = api.post(ingresses(namespace), ingress("a", rules=[{"host": host}]))
    assert reply.status == (201 if good else 422)
    if not good:
        assert reply.json["details"]["causes"][0]["field"] == "spec.rules[0].host"


PATHS: list[tuple[str, str | None, bool]] = [
    ("/", "Prefix", True),
    ("/a/b", "Exact", True),
    ("/a.b/c", "Prefix", True),
    ("a", "Prefix", False),
    ("", "Exact", False),
    ("//", "Prefix", False),
    ("/a//b", "Exact", False),
    ("/./a", "Prefix", False),
    ("/a/../b", "Prefix", False),
    ("/a/..", "Exact", False),
    ("/a/.", "Exact", False),
    ("/a%2fb", "Prefix", False),
    ("/a%5Cb", "Prefix", False),
    ("", "ImplementationSpecific", True),
    ("/a/*", "ImplementationSpecific", True),
    ("a", "ImplementationSpecific", False),
    ("/", "Regex", False),
    ("/", None, False),
]


@pytest.mark.parametrize(("path", "kind", "good"), PATHS)
def test_paths(api: Api, namespace: str, path: str, kind: str | None, good: bool):
    """Exact and Prefix paths are absolute and clean; the path type must be said."""
    reply = api.post(ingresses(namespace), ingress("a", rules=[ingress_path(path, kind)]))
    assert reply.status == (201 if good else 422), reply.text


BACKENDS: list[tuple[dict[str, Any], bool]] = [
    ({"service": {"name": "web", "port": {"number": 80}}}, True),
    ({"service": {"name": "web", "port": {"name": "http"}}}, True),
    ({"resource": {"apiGroup": "x.dev", "kind": "Bucket", "name": "b"}}, True),
    ({"service": {"name": "web", "port": {"number": 80, "name": "http"}}}, False),
    ({"service": {"name": "web", "port": {}}}, False),
    ({"service": {"name": "web", "port": {"number": 65536}}}, False),
    ({"service": {"name": "web", "port": {"name": "NO"}}}, False),
    ({"service": {"name": "Web", "port": {"number": 80}}}, False),
    ({"service": {"name": "", "port": {"number": 80}}}, False),
    ({"resource": {"kind": "", "name": "b"}}, False),
    (
        {
            "service": {"name": "web", "port": {"number": 80}},
            "resource": {"kind": "Bucket", "name": "b"},
        },
        False,
    ),
    ({"service": None}, False),
]


@pytest.mark.parametrize(("backend", "good"), BACKENDS)
def test_backends(api: Api, namespace: str, backend: dict[str, Any], good: bool):
    """A backend is one Service port, by name or number, or one resource."""
    in_path = ingress("a", rules=[ingress_path("/", **backend)])
    as_default = ingress("b", defaultBackend=backend)
    replies = [api.post(ingresses(namespace), body) for body in (in_path, as_default)]
    assert [r.status for r in replies] == ([201, 201] if good else [422, 422])


SPECS: list[tuple[dict[str, Any], bool]] = [
    ({"rules": []}, False),
    ({"rules": [], "defaultBackend": {"service": {"name": "a", "port": {"number": 1}}}}, True),
    ({"rules": [{"http": {"paths": []}}]}, False),
    ({"ingressClassName": "Not Good"}, False),
    ({"ingressClassName": "good.class"}, True),
    ({"tls": [{"hosts": ["a.example.com", "*.b.example.com"], "secretName": "s"}]}, True),
    ({"tls": [{"hosts": ["A!"]}]}, False),
    ({"tls": [{"secretName": "Not Good"}]}, False),
]


@pytest.mark.parametrize(("spec", "good"), SPECS)
def test_specs(api: Api, namespace: str, spec: dict[str, Any], good: bool):
    """Rules or a default backend there must be; class and TLS names are names."""
    assert api.post(ingresses(namespace), ingress("a", **spec)).status == (201 if good else 422)


def test_all_faults_are_told_at_once(api: Api, namespace: str):
    """One answer lists every cause."""
    rules = [{"host": "No!"}, {"host": "Neither!"}]
    reply = api.post(ingresses(namespace), ingress("a", rules=rules, ingressClassName="X Y"))
    assert [cause["field"] for cause in reply.json["details"]["causes"]] == [
        "spec.rules[0].host",
        "spec.rules[1].host",
        "spec.ingressClassName",
    ]
    assert reply.json["message"].startswith('Ingress.networking.k8s.io "a" is invalid: [')


CLASSES: list[tuple[dict[str, Any], bool]] = [
    ({"controller": "example.com/ingress"}, True),
    ({"controller": "no-domain"}, False),
    ({"controller": ""}, False),
    (
        {"controller": "e.com/c", "parameters": {"apiGroup": "x.dev", "kind": "P", "name": "p"}},
        True,
    ),
    ({"controller": "e.com/c", "parameters": {"kind": "P", "name": ""}}, False),
    ({"controller": "e.com/c", "parameters": {"kind": "P", "name": "p", "scope": "X"}}, False),
    (
        {"controller": "e.com/c", "parameters": {"kind": "P", "name": "p", "scope": "Namespace"}},
        False,
    ),
]


@pytest.mark.parametrize(("spec", "good"), CLASSES)
def test_ingress_classes(api: Api, namespace: str, spec: dict[str, Any], good: bool):
    """A class names its controller by a domain-prefixed path, and whole parameters."""
    path = "/apis/networking.k8s.io/v1/ingressclasses"
    body = {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "IngressClass",
        "metadata": {"name": namespace},
        "spec": spec,
    }
    reply = api.post(path, body)
    api.delete(f"{path}/{namespace}")
    assert reply.status == (201 if good else 422), reply.text
