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
