"""Companion Services and the endpoint groups they ask for."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fedingress.domain.graph import NegRef
from fedingress.domain.ingress import ServiceBackend
from fedingress.planning import companions
from fedingress.planning.companions import Owner
from tests.planning.decode.mutations import JSON, mutated
from tests.planning.shop import UID, owner, service

WEB = ServiceBackend(service="web", number=80)
NAMED = ServiceBackend(service="web", port_name="http")
ELSE = ServiceBackend(service="web", port_name="else")
PORTS = ({"port": 443, "name": "https"}, {"port": 80, "name": "http", "targetPort": "web"})

PROBLEMS = {
    "a whole Service, by number": (service(), WEB, None),
    "a whole Service, by name": (service(ports=PORTS), NAMED, None),
    "no Service": ({}, WEB, "ServiceMissing"),
    "no selector": (service(selector={}), WEB, "ServiceWithoutSelector"),
    "a name elsewhere": (service(type="ExternalName"), WEB, "ServiceWithoutSelector"),
    "no spec": ({"metadata": {}}, WEB, "ServiceWithoutSelector"),
    "another port": (service(), ServiceBackend(service="web", number=81), "PortMissing"),
    "another port name": (service(ports=PORTS), ELSE, "PortMissing"),
    "no ports": (service(ports=()), WEB, "PortMissing"),
}


@pytest.mark.parametrize("name", PROBLEMS)
def test_what_keeps_a_service_from_carrying_a_backend(name):
    """Each reason is told with the Service's name; a whole one has none."""
    manifest, backend, expected = PROBLEMS[name]
    found = companions.problem(manifest, backend)

    assert (found[0] if found else None) == expected
    if found:
        assert "Service web" in found[1]


def test_the_companion_selects_the_users_pods_and_names_its_endpoint_group():
    """One ClusterIP Service of one port, with an explicit NEG, marked as ours."""
    found = companions.companion(service(ports=PORTS), NAMED, owner(), "a")
    asked = json.loads(found["metadata"]["annotations"]["cloud.google.com/neg"])

    assert found["spec"] == {
        "type": "ClusterIP",
        "selector": {"app": "web"},
        "ports": [{"port": 80, "protocol": "TCP", "targetPort": "web"}],
    }
    assert asked == {"exposed_ports": {"80": {"name": companions.neg_name(UID, NAMED, "a")}}}
    assert found["metadata"]["annotations"]["fedingress.dev/source"] == "shop/shop"
    assert owner().owns(found)
    assert companions.problem(found, ServiceBackend(service="web", number=80)) is None


def test_a_port_without_target_and_with_protocol_keeps_its_meaning():
    """Kubernetes' default target is the port itself."""
    ports = ({"port": 80, "protocol": "SCTP"},)
    found = companions.companion(service(ports=ports), WEB, owner(), "a")

    assert found["spec"]["ports"] == [{"port": 80, "protocol": "SCTP", "targetPort": 80}]


OWNED = {
    "both labels": ({"fedingress.dev/owner": "test", "fedingress.dev/owner-uid": UID}, True),
    "another installation": (
        {"fedingress.dev/owner": "other", "fedingress.dev/owner-uid": UID},
        False,
    ),
    "another source": ({"fedingress.dev/owner": "test", "fedingress.dev/owner-uid": "x"}, False),
    "half": ({"fedingress.dev/owner": "test"}, False),
    "no labels": (None, False),
}


@pytest.mark.parametrize("name", OWNED)
def test_an_object_is_ours_by_both_labels_only(name):
    """Name, annotations and the other half of the mark mean nothing."""
    labels, expected = OWNED[name]

    assert owner().owns({"metadata": {"name": "web", "labels": labels}}) is expected


def test_names_never_change_between_versions():
    """Groups and Services of these names exist in clouds: others would be made beside them."""
    assert companions.companion_name(UID, WEB) == "web-fed-28e32c83cc"
    assert companions.neg_name(UID, WEB, "a") == "fedingress-bf5d1f33d3-49255b65b603129b"


SUCCEEDED = {
    "another uid": ("test", "earlier", "shop/shop", True),
    "another installation": ("other", "earlier", "shop/shop", False),
    "another source": ("test", "earlier", "shop/other", False),
    "no uid": ("test", "", "shop/shop", False),
}


@pytest.mark.parametrize("name", SUCCEEDED)
def test_what_an_earlier_source_of_the_name_left_passes_to_the_next(name):
    """Installation, a uid and the source's name must all stand on it."""
    installation, uid, of, expected = SUCCEEDED[name]
    labels = {"fedingress.dev/owner": installation, "fedingress.dev/owner-uid": uid}
    left = {"metadata": {"labels": labels, "annotations": {"fedingress.dev/source": of}}}

    assert owner().succeeds(left) is expected
    assert not owner().succeeds({"metadata": {"labels": None, "annotations": None}})


services = st.from_regex(r"[a-z]([-a-z0-9]{0,61}[a-z0-9])?", fullmatch=True)
backends = st.builds(ServiceBackend, service=services, number=st.integers(1, 65535)) | st.builds(
    ServiceBackend,
    service=services,
    port_name=st.from_regex(r"[a-z]([-a-z0-9]{0,13}[a-z0-9])?", fullmatch=True),
)


@given(backends, st.uuids().map(str), st.from_regex(r"[a-z][-a-z0-9]{0,252}", fullmatch=True))
def test_names_fit_kubernetes_and_gce(backend, uid, cluster):
    """At most 63 characters of a DNS-1035 label, whatever the user calls things."""
    for name in (
        companions.companion_name(uid, backend),
        companions.neg_name(uid, backend, cluster),
    ):
        assert len(name) <= 63
        assert name[0].isalpha()
        assert name.replace("-", "").isalnum()


def test_a_long_service_gives_up_its_name_and_not_the_hash():
    """A name of 63 characters still begins with the Service's; one more would be cut."""
    room = 63 - len("-fed-") - 10
    fits = companions.companion_name(UID, ServiceBackend(service="s" * room, number=80))
    long = companions.companion_name(UID, ServiceBackend(service="s" * (room + 1), number=80))

    assert len(fits) == 63
    assert fits.startswith("s" * room)
    assert long.startswith("fed-")


@given(backends, backends, st.sampled_from("ab"), st.sampled_from("ab"))
def test_names_differ_where_the_things_do(one, other, here, there):
    """Two ports, two Services and two members never share a name, in one zone and project."""
    same = (one.service, one.port, here) == (other.service, other.port, there)

    assert (companions.neg_name(UID, one, here) == companions.neg_name(UID, other, there)) is same
    assert (companions.companion_name(UID, one) == companions.companion_name(UID, other)) is (
        (one.service, one.port) == (other.service, other.port)
    )
    assert companions.companion_name(UID, one) != companions.companion_name("another", one)


STATUS = {"network_endpoint_groups": {"80": "n1", "443": "n2"}, "zones": ["z-b", "z-a"]}


def annotated(**annotations):
    """A Service with annotations of Google's."""
    held = {f"cloud.google.com/{key.replace('_', '-')}": text for key, text in annotations.items()}
    return {"metadata": {"annotations": held}}


def test_reported_groups_are_read_for_every_zone():
    """Each name stands in each zone, sorted."""
    assert companions.negs(annotated(neg_status=json.dumps(STATUS)), "p") == tuple(
        NegRef(project="p", zone=zone, name=name)
        for zone in ("z-a", "z-b")
        for name in ("n1", "n2")
    )


def test_asked_groups_are_read_from_the_companion_itself():
    """What `companion` wrote, `neg_names` finds."""
    made = companions.companion(service(), WEB, owner(), "a")

    assert companions.neg_names(made) == {companions.neg_name(UID, WEB, "a")}


UNREADABLE = {
    "not JSON": "{",
    "a number": "5",
    "null": "null",
    "a list": "[]",
    "nothing in it": "{}",
    "numbers inside": '{"network_endpoint_groups": 5, "zones": [], "exposed_ports": 5}',
    "zones that are none": '{"network_endpoint_groups": {"80": "n"}, "zones": 5}',
    "ports that are none": '{"exposed_ports": {"80": 5}}',
    "ports without names": '{"exposed_ports": {"80": {}}}',
    "too deep": "[" * 100_000,
}


@pytest.mark.parametrize("name", UNREADABLE)
def test_annotations_that_others_broke_are_read_as_none(name):
    """A member's user may write anything there; the visit goes on."""
    text = UNREADABLE[name]

    assert companions.negs(annotated(neg_status=text), "p") == ()
    assert companions.neg_names(annotated(neg=text)) == frozenset()


def test_a_service_without_annotations_reports_nothing():
    """The controller has not looked at it yet."""
    assert companions.negs({"metadata": {}}, "p") == ()
    assert companions.neg_names({"metadata": {"annotations": None}}) == frozenset()


@given(mutated(STATUS) | JSON)
def test_whatever_stands_in_the_annotations_is_read(value):
    """Any JSON gives groups or none, never an error."""
    text = json.dumps(value)

    assert all(each.project == "p" for each in companions.negs(annotated(neg_status=text), "p"))
    assert isinstance(companions.neg_names(annotated(neg=text)), frozenset)


def test_owners_differ_by_installation_and_uid():
    """The labels carry both and name the tool."""
    labels = Owner(installation="me", key=owner().key, uid="u").labels()

    assert labels == {
        "fedingress.dev/owner": "me",
        "fedingress.dev/owner-uid": "u",
        "app.kubernetes.io/managed-by": "fedingress",
    }
