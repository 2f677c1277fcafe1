import pytest

from fedingress.domain.errors import Invalid
from fedingress.planning.decode import source
from fedingress.planning.placement import narrowing
from tests.infra.kubernetes.evaluation import KUBERNETES, documents, rule_holds
from tests.planning.decode.ingress_cases import HOSTS, PATHS, WEB, ingress, path, rule

POLICY, BINDING = documents(KUBERNETES / "admission" / "federated-ingress.yaml")
SERVER_CHECKS = ("is not absolute",)
"""What an API server refuses by itself, before any admission policy."""


def matches(manifest, old=None):
    return all(
        rule_holds(condition["expression"], object=manifest, oldObject=old)
        for condition in POLICY["spec"]["matchConditions"]
    )


def messages(manifest):
    return [
        check["message"]
        for check in POLICY["spec"]["validations"]
        if not rule_holds(check["expression"], object=manifest, oldObject=None)
    ]


def annotated(**annotations):
    manifest = ingress()
    manifest["metadata"]["annotations"] = {
        f"fedingress.dev/{name.replace('_', '-')}": text for name, text in annotations.items()
    }
    return manifest


@pytest.mark.parametrize("host", HOSTS, ids=ascii)
def test_hosts_agree_with_the_decoder(host):
    """Each host is admitted exactly when it decodes."""
    manifest = ingress(rules=[rule(host)])
    assert bool(messages(manifest)) is bool(source(manifest).faults)


@pytest.mark.parametrize("case", PATHS, ids=lambda case: ascii(case[0])[:30] + case[1])
def test_paths_agree_with_the_decoder(case):
    """Each path is admitted exactly when it decodes, or the server refuses it by itself."""
    manifest = ingress(rules=[rule("a.example", path(*case))])
    faults = [str(fault) for fault in source(manifest).faults]
    if not any(check in fault for fault in faults for check in SERVER_CHECKS):
        assert bool(messages(manifest)) is bool(faults)


SPECS = {
    "plain": (ingress(), ""),
    "default only": (ingress(rules=None, defaultBackend=WEB), ""),
    "host without paths": (ingress(rules=[{"host": "a.example"}], defaultBackend=WEB), ""),
    "resource": (
        ingress(rules=[rule("a", path("/", backend={"resource": {"kind": "B", "name": "b"}}))]),
        "backend.resource",
    ),
    "default resource": (
        ingress(defaultBackend={"resource": {"kind": "B", "name": "b"}}),
        "backend.resource",
    ),
    "tls": (ingress(tls=[{"hosts": ["a.example"], "secretName": "cert"}]), ""),
    "tls without a Secret": (ingress(tls=[{"hosts": ["a.example"]}]), "secretName"),
}


@pytest.mark.parametrize("name", SPECS)
def test_specs_agree_with_the_decoder(name):
    """What is refused is refused by both, with a sentence about it."""
    manifest, expected = SPECS[name]
    found = messages(manifest)
    assert bool(found) is bool(source(manifest).faults) is bool(expected)
    assert all(expected in message for message in found)


ANNOTATIONS = {
    "clusters": (annotated(clusters="gke-us, gke.eu"), False),
    "one cluster": (annotated(clusters="gke-us"), False),
    "empty": (annotated(clusters=""), True),
    "commas": (annotated(clusters=","), True),
    "garbage": (annotated(clusters="gke us;"), True),
    "selector": (annotated(cluster_selector='[{"key": "a", "operator": "exists"}]'), False),
    "empty selector": (annotated(cluster_selector="[]"), False),
    "selector no list": (annotated(cluster_selector="location=europe"), True),
    "selector an object": (annotated(cluster_selector='{"key": "a"}'), True),
}


@pytest.mark.parametrize("name", ANNOTATIONS)
def test_annotations(name):
    """Garbage is refused at once; what placement reads is let in."""
    manifest, refused = ANNOTATIONS[name]
    assert bool(messages(manifest)) is refused
    if not refused:
        narrowing(manifest["metadata"]["annotations"])


FRONTS = {
    "http off": ({"kubernetes.io/ingress.allow-http": "False"}, ""),
    "http no boolean": ({"kubernetes.io/ingress.allow-http": "no"}, "allow-http"),
    "certificates": ({"ingress.gcp.kubernetes.io/pre-shared-cert": "a, b-2"}, ""),
    "no certificate": ({"ingress.gcp.kubernetes.io/pre-shared-cert": "a,,b"}, "pre-shared-cert"),
    "address": ({"fedingress.dev/static-ip": "shop", "fedingress.dev/static-ipv6": "shop6"}, ""),
    "address as GKE has it": ({"kubernetes.io/ingress.global-static-ip-name": "shop"}, ""),
    "ours wins": (
        {
            "fedingress.dev/static-ip": "shop",
            "kubernetes.io/ingress.global-static-ip-name": "10.0.0.1",
        },
        "",
    ),
    "an IP is no name": ({"fedingress.dev/static-ip": "203.0.113.1"}, "static-ip"),
    "an empty name": ({"fedingress.dev/static-ipv6": ""}, "static-ip"),
    "host names": ({"fedingress.dev/hostname": "a.example, *.b.example"}, ""),
    "a host with upper case": ({"fedingress.dev/hostname": "A.example"}, "hostname"),
    "an address as a host": ({"fedingress.dev/hostname": "a.example,10.0.0.1"}, "hostname"),
    "an empty host": ({"fedingress.dev/hostname": "a.example,"}, "hostname"),
    "too many hosts": (
        {"fedingress.dev/hostname": ",".join(f"h{number}.example" for number in range(51))},
        "hostname",
    ),
    "bad certificate": ({"ingress.gcp.kubernetes.io/pre-shared-cert": "A"}, "pre-shared-cert"),
}


@pytest.mark.parametrize("name", FRONTS)
def test_annotations_of_the_front_end_agree_with_the_decoder(name):
    """What is refused is refused by both, with the annotation's key."""
    annotations, expected = FRONTS[name]
    manifest = ingress()
    manifest["metadata"]["annotations"] = annotations
    faults = [str(fault) for fault in source(manifest).faults]

    assert bool(messages(manifest)) is bool(faults) is bool(expected)
    assert all(expected in text for text in (*messages(manifest), *faults))


def test_a_selector_that_only_placement_can_judge_is_let_in():
    """CEL does not parse JSON: the rest is told by a condition."""
    manifest = annotated(cluster_selector='[{"not able to parse",}]')
    assert messages(manifest) == []
    with pytest.raises(Invalid):
        narrowing(manifest["metadata"]["annotations"])


def test_only_federated_ingresses_are_looked_at():
    """By the field, or by the annotation of old; others are none of our business."""
    legacy = ingress(ingressClassName=None)
    legacy["metadata"]["annotations"] = {"kubernetes.io/ingress.class": "federated"}
    assert matches(ingress())
    assert matches(legacy)
    assert not matches(ingress(ingressClassName="nginx"))
    assert not matches(ingress(ingressClassName=None))


def test_an_old_ingress_can_be_finalized_and_can_go():
    """Finalizers, conditions and deletion pass, whatever the spec was let in as."""
    old = annotated(clusters="a")
    held = annotated(clusters="a", conditions="[]")
    held["metadata"]["finalizers"] = ["fanout.fedingress.dev"]
    going = annotated(clusters="b")
    going["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    assert not matches(held, old)
    assert not matches(going, old)
    assert matches(annotated(clusters="b"), old)
    assert matches(ingress(rules=[rule("b.example")]), old)


def test_the_binding_denies():
    """And names the policy beside it."""
    assert BINDING["spec"]["policyName"] == POLICY["metadata"]["name"]
    assert BINDING["spec"]["validationActions"] == ["Deny"]
