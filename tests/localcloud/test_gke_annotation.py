"""What a Service asks of the NEG controller, and the names and texts it gets."""

import json

import pytest

from localcloud.gke.annotation import (
    NEG,
    AnnotationRefusedError,
    auto_name,
    description,
    exposed,
    status,
)

UID = "0a1b2c3d-0000-4000-8000-000000000000"


def service(annotation, ports=(80, 443)):
    annotations = {} if annotation is None else {NEG: annotation}
    return {
        "metadata": {"namespace": "shop", "name": "web", "annotations": annotations},
        "spec": {"ports": [{"port": port} for port in ports]},
    }


@pytest.mark.parametrize("annotation", [None, "{}", '{"ingress": true}'])
def test_nothing_is_exposed_unless_asked(annotation):
    """Without exposed_ports there is no NEG."""
    assert exposed(service(annotation), UID) == {}


def test_named_and_unnamed_ports():
    """A name is taken as it is; without one the controller's own scheme gives it."""
    found = exposed(service('{"exposed_ports": {"80": {"name": "mine"}, "443": {}}}'), UID)

    assert found[80] == "mine"
    assert found[443] == auto_name(UID, "shop", "web", 443)
    assert found[443].startswith("k8s1-0a1b2c3d-shop-web-443-")


def test_a_service_on_its_way_out_exposes_nothing():
    """A Service with a deletionTimestamp asks for nothing any more."""
    leaving = service('{"exposed_ports": {"80": {}}}')
    leaving["metadata"]["deletionTimestamp"] = "2030-01-01T00:00:00Z"

    assert exposed(leaving, UID) == {}


@pytest.mark.parametrize(
    ("annotation", "words"),
    [
        ("no json", "no JSON"),
        ('{"exposed_ports": ["80"]}', "no object"),
        ('{"exposed_ports": {"8080": {}}}', "port 8080"),
        ('{"exposed_ports": {"http": {}}}', "port http"),
        ('{"exposed_ports": {"80": {"name": "Not-A-Name"}}}', "invalid NEG name"),
        ('{"exposed_ports": {"80": {"name": "a"}, "443": {"name": "a"}}}', "duplicate"),
    ],
)
def test_bad_annotations_are_refused_with_words(annotation, words):
    """What cannot be obeyed is refused, and the reason names it."""
    with pytest.raises(AnnotationRefusedError, match=words):
        exposed(service(annotation), UID)


def test_names_fit_and_differ():
    """Long names are cut to what the cloud takes, and stay distinct."""
    names = {auto_name(UID, "n" * 63, "s" * 62 + last, 65535) for last in "abc"}

    assert len(names) == 3
    assert max(map(len, names)) <= 63


def test_texts_are_those_of_the_controller():
    """Status and description are the JSON that users of GKE know."""
    assert json.loads(status({80: "a", 443: "b"}, ["z2", "z1"])) == {
        "network_endpoint_groups": {"80": "a", "443": "b"},
        "zones": ["z1", "z2"],
    }
    assert json.loads(description(UID, "shop", "web", 80)) == {
        "cluster-uid": UID,
        "namespace": "shop",
        "service-name": "web",
        "port": "80",
    }
