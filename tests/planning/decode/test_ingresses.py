import copy
import json

import pytest
from hypothesis import given

from fedingress.domain.ingress import IngressKey, ServiceBackend, TlsEntry
from fedingress.planning.decode import source
from tests.planning.decode.ingress_cases import HOSTS, PATHS, WEB, ingress, path, rule
from tests.planning.decode.mutations import mutated


def texts(manifest):
    return [str(fault).removeprefix("Ingress shop/shop: ") for fault in source(manifest).faults]


def test_a_whole_ingress_is_decoded():
    """Class, hosts, paths, ports, default backend, certificates, annotations and labels arrive."""
    manifest = ingress(
        defaultBackend={"service": {"name": "fallback", "port": {"name": "http"}}},
        rules=[
            rule("shop.example.com", path("/"), path("/cart", "Exact")),
            rule("*.example.com", path(None, "ImplementationSpecific")),
            {"host": "bare.example.com"},
            {"http": {"paths": [path("/any")]}},
        ],
        tls=[{"hosts": ["shop.example.com"], "secretName": "cert"}, {"secretName": "cert"}],
    )
    manifest["metadata"] |= {
        "uid": "u",
        "generation": 3,
        "creationTimestamp": "2026-01-01T00:00:00Z",
        "resourceVersion": "7",
        "deletionTimestamp": "2026-01-02T00:00:00Z",
        "finalizers": ["fanout.fedingress.dev"],
        "annotations": {"fedingress.dev/clusters": "a"},
        "labels": {"app": "shop"},
    }
    found = source(manifest)

    assert found.faults == ()
    assert (found.key, found.uid, found.generation) == (
        IngressKey(namespace="shop", name="shop"),
        "u",
        3,
    )
    assert (found.created, found.resource_version) == ("2026-01-01T00:00:00Z", "7")
    assert (found.deleting, found.finalizers) == (True, ("fanout.fedingress.dev",))
    decoded = found.ingress
    assert decoded.class_name == "federated"
    assert decoded.default_backend == ServiceBackend(service="fallback", port_name="http")
    assert decoded.hosts == ("shop.example.com", "*.example.com", "bare.example.com")
    assert [(each.path, each.path_type) for each in decoded.rules[0].paths] == [
        ("/", "Prefix"),
        ("/cart", "Exact"),
    ]
    assert [each.path for each in decoded.rules[1].paths] == ["/*"]
    assert decoded.rules[2].paths == ()
    assert decoded.rules[3].host == ""
    assert decoded.tls == (TlsEntry(secret="cert", hosts=("shop.example.com",)),)
    assert decoded.annotations == {"fedingress.dev/clusters": "a"}
    assert decoded.labels == {"app": "shop"}


def test_the_annotation_of_old_names_the_class():
    """Where the field is absent, `kubernetes.io/ingress.class` counts."""
    manifest = ingress(ingressClassName=None)
    manifest["metadata"]["annotations"] = {"kubernetes.io/ingress.class": "federated"}
    assert source(manifest).ingress.class_name == "federated"


@pytest.mark.parametrize("host", HOSTS, ids=ascii)
def test_hosts(host):
    """A host is a lower-case DNS name or one leading `*.`, of 63 and 253 characters at most."""
    found = texts(ingress(rules=[rule(host)]))
    if not HOSTS[host]:
        assert found == []
    else:
        assert len(found) == 1
        assert found[0].startswith("spec.rules[0].host: ")
        assert HOSTS[host] in found[0]


@pytest.mark.parametrize("case", PATHS, ids=lambda case: ascii(case[0])[:30] + case[1])
def test_paths(case):
    """A path is absolute, made of URL characters, and means one thing to every proxy."""
    found = texts(ingress(rules=[rule("a.example", path(*case))]))
    if not PATHS[case]:
        assert found == []
    else:
        assert len(found) == 1
        assert found[0].startswith("spec.rules[0].http.paths[0].path: ")
        assert PATHS[case] in found[0]
        assert found[0].isprintable()


def service(name="web", **port):
    return {"service": {"name": name, "port": port}}


AT = "spec.rules[0].http.paths[0].backend"
BACKENDS = {
    "number": (service(number=80), ""),
    "name": (service(name="web"), f"{AT}.service.port: exactly one"),
    "port name": ({"service": {"name": "web", "port": {"name": "http"}}}, ""),
    "both": (
        {"service": {"name": "web", "port": {"name": "http", "number": 80}}},
        f"{AT}.service.port: exactly one",
    ),
    "number 0": (service(number=0), f"{AT}.service.port: exactly one"),
    "number beyond": (service(number=65536), f"{AT}.service.port.number: 65536 is out of range"),
    "number as text": (service(number="80"), f"{AT}.service.port.number: '80' is not a whole"),
    "number as truth": (service(number=True), f"{AT}.service.port.number: true is not a whole"),
    "long port name": (
        {"service": {"name": "web", "port": {"name": "a" * 16}}},
        f"{AT}.service.port.name: 'aaaaaaaaaaaaaaaa' is not a port name",
    ),
    "numeric port name": (
        {"service": {"name": "web", "port": {"name": "80"}}},
        f"{AT}.service.port.name: '80' is not a port name",
    ),
    "service name with a dot": (service(name="a.b", number=80), f"{AT}.service.name: 'a.b' is not"),
    "service name with a digit first": (service(name="1a", number=80), f"{AT}.service.name: '1a'"),
    "no service name": ({"service": {"port": {"number": 80}}}, f"{AT}.service.name: is required"),
    "resource": (
        {"resource": {"kind": "Bucket", "name": "b"}},
        f"{AT}.resource: is not supported",
    ),
    "nothing": ({}, f"{AT}.service: is required"),
    "null": (None, f"{AT}: is required"),
    "text": ("web", f"{AT}: 'web' is not an object"),
    "mistyped": (
        {"service": {"name": "web", "port": {"numbr": 80, "number": 80}}},
        f"{AT}.service.port.numbr: unknown field 'numbr'; did you mean number?",
    ),
}


@pytest.mark.parametrize("name", BACKENDS)
def test_backends(name):
    """A backend is a Service with exactly one of port number and port name."""
    backend, expected = BACKENDS[name]
    manifest = ingress(rules=[rule("a.example", path())])
    manifest["spec"]["rules"][0]["http"]["paths"][0]["backend"] = backend
    found = texts(manifest)
    if not expected:
        assert found == []
    else:
        assert found[0].startswith(expected), found


OTHER = {"service": {"name": "api", "port": {"number": 80}}}
SPECS = {
    "neither rules nor default": ({"rules": None}, "spec: either defaultBackend or rules"),
    "a default alone": ({"rules": None, "defaultBackend": WEB}, ""),
    "an empty default": ({"defaultBackend": {}}, "spec.defaultBackend.service: is required"),
    "no paths": ({"rules": [{"http": {"paths": []}}]}, "spec.rules[0].http.paths: needs at least"),
    "rules no list": ({"rules": "x"}, "spec.rules: 'x' is not a list"),
    "a rule that is null": ({"rules": [None]}, "spec.rules[0]: is null"),
    "path type missing": (
        {"rules": [rule("a", {"path": "/", "backend": WEB})]},
        "spec.rules[0].http.paths[0].pathType: is required",
    ),
    "path type unknown": (
        {"rules": [rule("a", path("/", "Suffix"))]},
        "spec.rules[0].http.paths[0].pathType: unknown path type 'Suffix'",
    ),
    "path type in lower case": (
        {"rules": [rule("a", path("/", "prefix"))]},
        "spec.rules[0].http.paths[0].pathType: unknown path type 'prefix'; did you mean Prefix?",
    ),
    "claimed twice in one rule": (
        {"rules": [rule("a", path("/x"), path("/x"))]},
        "spec.rules[0].http.paths[1]: Prefix path '/x' of host 'a' is claimed twice",
    ),
    "claimed twice in two rules": (
        {"rules": [rule("a", path("/x")), rule("a", path("/x"))]},
        "spec.rules[1].http.paths[0]: Prefix path '/x' of host 'a' is claimed twice",
    ),
    "claimed twice without a host": (
        {"rules": [rule("", path("/x"), path("/x"))]},
        "spec.rules[0].http.paths[1]: Prefix path '/x' of host '*' is claimed twice",
    ),
    "one host in two rules": ({"rules": [rule("a", path("/x")), rule("a", path("/y"))]}, ""),
    "one path of two types": ({"rules": [rule("a", path("/x"), path("/x", "Exact"))]}, ""),
    "a final slash for the same backend": ({"rules": [rule("a", path("/x"), path("/x/"))]}, ""),
    "a final slash for another backend": (
        {"rules": [rule("a", path("/x"), path("/x/", backend=OTHER))]},
        "spec.rules[0].http.paths[1]: Prefix path '/x/' of host 'a' is claimed twice",
    ),
    "a final slash in exact paths": (
        {"rules": [rule("a", path("/x", "Exact"), path("/x/", "Exact", OTHER))]},
        "",
    ),
    "tls without a Secret": ({"tls": [{}]}, "spec.tls[0].secretName: is required"),
    "tls with a bad name": ({"tls": [{"secretName": "A"}]}, "spec.tls[0].secretName: 'A' is not"),
    "tls with a bad host": (
        {"tls": [{"secretName": "a", "hosts": ["A"]}]},
        "spec.tls[0].hosts[0]: 'A' has upper-case",
    ),
    "class no text": ({"ingressClassName": 1}, "spec.ingressClassName: 1 is not text"),
    "class no name": ({"ingressClassName": "a b"}, "spec.ingressClassName: 'a b' is not the name"),
    "unknown field": ({"backend": WEB}, "spec.backend: unknown field 'backend'; did you mean def"),
}


@pytest.mark.parametrize("name", SPECS)
def test_specs(name):
    """What the API refuses, or would skip in silence, has a fault at its field."""
    spec, expected = SPECS[name]
    found = texts(ingress(**spec))
    if not expected:
        assert found == []
    else:
        assert any(text.startswith(expected) for text in found), found


METADATA = {
    "annotation no text": ({"annotations": {"a": 1}}, "metadata.annotations['a']: 1 is not text"),
    "annotation key": ({"annotations": {"a b": "1"}}, "metadata.annotations: 'a b' is not a qual"),
    "annotation key in capitals": ({"annotations": {"Example.com/A": "1"}}, ""),
    "labels no object": ({"labels": []}, "metadata.labels: a list is not an object"),
    "name": ({"name": "A"}, "metadata.name: 'A' is not a DNS-1123 subdomain"),
    "no name": ({"name": None}, "metadata.name: is required"),
    "namespace": ({"namespace": "a.b"}, "metadata.namespace: 'a.b' is not a DNS-1123 label"),
}


@pytest.mark.parametrize("name", METADATA)
def test_metadata(name):
    """Names, labels and annotations are checked, for a directory has no API server."""
    meta, expected = METADATA[name]
    manifest = ingress()
    manifest["metadata"] |= meta
    found = [str(fault) for fault in source(manifest).faults]
    if not expected:
        assert found == []
    else:
        assert len(found) == 1
        assert expected in found[0]


def test_another_kind_is_refused():
    """An override may not have made something else of it; lists may leave kinds out."""
    wrong = {**ingress(), "kind": "Service", "apiVersion": "v1"}
    assert texts(wrong) == [
        "apiVersion: 'v1' is not networking.k8s.io/v1",
        "kind: 'Service' is not Ingress",
    ]
    bare = ingress()
    del bare["kind"], bare["apiVersion"]
    assert source(bare).faults == ()


def test_metadata_is_given_even_where_nothing_decodes():
    """A source without metadata has a key, and its annotations can be asked for."""
    for meta in (None, [], "x"):
        found = source({"metadata": meta, "spec": 3})
        assert found.key == IngressKey(namespace="default", name="")
        assert dict(found.annotations) == {}
        assert found.ingress is None
        assert found.faults


def test_every_fault_is_given_at_once():
    """Five mistakes give five faults, in the order of the document."""
    manifest = ingress(
        rules=[
            rule("A", path("x"), path("/", "Nope")),
            rule("b", path("/", backend={"resource": {}})),
        ],
        tls=[{}],
    )
    assert [text.split(": ")[0] for text in texts(manifest)] == [
        "spec.rules[0].host",
        "spec.rules[0].http.paths[0].path",
        "spec.rules[0].http.paths[1].pathType",
        "spec.rules[1].http.paths[0].backend.resource",
        "spec.tls[0].secretName",
    ]


def test_the_place_is_the_callers_word():
    """A file stands where the object would."""
    fault = source(ingress(rules=[rule("A")]), where="shop.yaml#2").faults[0]
    assert str(fault).startswith("shop.yaml#2: spec.rules[0].host: 'A' has")


def test_hostile_texts_are_escaped_and_cut():
    """Control characters, colours, direction marks and megabytes do not reach the sentence."""
    hostile = "\x1b[31m\r\n\u202e" + "x" * 10**6
    manifest = ingress(rules=[rule(hostile, path(hostile, hostile))], **{"a\x1bb": 1})
    manifest["metadata"] |= {"name": hostile, "annotations": {hostile: hostile}}
    for fault in source(manifest).faults:
        assert str(fault).isprintable()
        assert len(str(fault)) < 500


WHOLE = ingress(defaultBackend=WEB, tls=[{"hosts": ["a.example"], "secretName": "c"}])
WHOLE["metadata"] |= {"annotations": {"a": "b"}, "labels": {"a": "b"}, "finalizers": ["x"]}


@given(mutated(WHOLE))
def test_any_value_at_any_place_gives_a_source(manifest):
    """Whatever stands anywhere, there is a source; it has an Ingress or printable faults."""
    before = copy.deepcopy(manifest)
    found = source(manifest)

    assert (found.ingress is None) == bool(found.faults)
    assert all(str(fault).isprintable() for fault in found.faults)
    assert json.dumps(before) == json.dumps(manifest)
