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
