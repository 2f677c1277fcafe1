"""The annotations that say how an Ingress wants to be reached."""

import pytest

from fedingress.domain.front import FrontWish
from fedingress.planning.decode import source
from tests.planning.decode.ingress_cases import ingress

HTTP = "kubernetes.io/ingress.allow-http"
PRE_SHARED = "ingress.gcp.kubernetes.io/pre-shared-cert"


def annotated(annotations):
    manifest = ingress()
    manifest["metadata"]["annotations"] = annotations
    return source(manifest)


@pytest.mark.parametrize(
    ("annotations", "expected"),
    [
        ({}, FrontWish()),
        ({HTTP: "true"}, FrontWish(http=True)),
        ({HTTP: " FALSE "}, FrontWish(http=False)),
        ({PRE_SHARED: "one"}, FrontWish(pre_shared=("one",))),
        ({PRE_SHARED: " one , two,one"}, FrontWish(pre_shared=("one", "two"))),
    ],
)
def test_annotations_say_how_to_be_reached(annotations, expected):
    """Absent ones leave the defaults; names keep their order."""
    assert annotated(annotations).ingress.front == expected


@pytest.mark.parametrize(
    ("annotations", "words"),
    [
        ({HTTP: "no"}, "allow-http: 'no' is neither"),
        ({HTTP: False}, "'kubernetes.io/ingress.allow-http'"),
        ({PRE_SHARED: "one,,two"}, "pre-shared-cert: '' is not the name of a certificate"),
        ({PRE_SHARED: "One"}, "pre-shared-cert: 'One' is not the name of a certificate"),
        ({PRE_SHARED: 1}, "'ingress.gcp.kubernetes.io/pre-shared-cert'"),
    ],
)
def test_a_bad_annotation_is_a_fault_with_its_key(annotations, words):
    """Nothing is skipped in silence."""
    (fault,) = annotated(annotations).faults

    assert words in str(fault)


OURS, THEIRS = "fedingress.dev/static-ip", "kubernetes.io/ingress.global-static-ip-name"


@pytest.mark.parametrize(
    ("annotations", "expected"),
    [
        ({OURS: "a"}, FrontWish(address="a")),
        ({THEIRS: "b"}, FrontWish(address="b")),
        ({THEIRS: "10.0.0.1", OURS: "a"}, FrontWish(address="a")),
        ({"fedingress.dev/static-ipv6": "c"}, FrontWish(address6="c")),
    ],
)
def test_addresses_are_named(annotations, expected):
    """Ours wins over the key of GKE and federation v1."""
    assert annotated(annotations).ingress.front == expected


@pytest.mark.parametrize("key", [OURS, THEIRS, "fedingress.dev/static-ipv6"])
@pytest.mark.parametrize("value", ["", "203.0.113.1", "A"])
def test_an_address_is_named_and_not_written(key, value):
    """An IP or garbage is a fault."""
    (fault,) = annotated({key: value}).faults

    assert "the name of a reserved address" in str(fault)


HOSTNAME = "fedingress.dev/hostname"


def test_further_hosts_get_the_rules_for_all_hosts():
    """Each once, in order; a host that has a rule of its own keeps that."""
    manifest = ingress()
    (rule,) = manifest["spec"]["rules"][:1]
    manifest["spec"]["rules"] = [{**rule, "host": "own.example"}, {"http": rule["http"]}]
    manifest["metadata"]["annotations"] = {HOSTNAME: "b.example, own.example,*.a.example,b.example"}
    found = source(manifest).ingress

    assert found.hosts == ("own.example", "b.example", "*.a.example")
    assert found.rules[2].paths == found.rules[1].paths != ()


def test_further_hosts_of_an_ingress_without_rules_lead_to_its_default_backend():
    """A host without paths: what matches no path goes to the default backend."""
    manifest = ingress()
    manifest["spec"] = {"defaultBackend": {"service": {"name": "web", "port": {"number": 80}}}}
    manifest["metadata"]["annotations"] = {HOSTNAME: "b.example"}
    found = source(manifest).ingress

    assert [(rule.host, rule.paths) for rule in found.rules] == [("b.example", ())]
    assert len(found.backends) == 1


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "'' is not a DNS name"),
        ("a.example,", "'' is not a DNS name"),
        ("A.example", "'A.example' has upper-case letters"),
        ("203.0.113.1", "'203.0.113.1' is an IP address"),
        ("a.*.example", "has a wildcard that is not the whole first label"),
        ("a.example.", "ends with a dot"),
        ("\x1b[31m", "is not a DNS name"),
        (",".join(f"h{number}.example" for number in range(51)), "names 51 hosts; at most 50"),
        (7, "is not text"),
    ],
)
def test_a_hostname_is_hostile_until_checked(text, words):
    """One fault, printable, with the annotation's key."""
    (fault,) = annotated({HOSTNAME: text}).faults

    assert words in str(fault)
    assert str(fault).isprintable()
