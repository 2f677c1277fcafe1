"""What members' controllers say of their instance groups: hostile until it was checked."""

import json

import pytest

from fedingress.domain.graph import InstanceGroupRef
from fedingress.domain.names import INSTANCE_GROUPS
from fedingress.planning import instance_groups
from tests.planning.nodes import ref
from tests.planning.shop import member

URL = "https://www.googleapis.com/compute/v1/projects/p/zones/us-central1-b"


def copy(text):
    """A copy with the annotation."""
    return {"metadata": {"annotations": {INSTANCE_GROUPS: text}}}


def listed(*pairs):
    return json.dumps([{"Name": name, "Zone": zone} for name, zone in pairs])


def group(zone, name="k8s-ig--0123"):
    return InstanceGroupRef(project="p", zone=zone, name=name)


READ = {
    "one": (listed(("k8s-ig--0123", "us-central1-a")), (group("us-central1-a"),)),
    "several, sorted": (
        listed(("k8s-ig--0123", "us-central1-b"), ("k8s-ig--0123", "us-central1-a")),
        (group("us-central1-a"), group("us-central1-b")),
    ),
    "twice": (listed(*[("k8s-ig--0123", "us-central1-a")] * 2), (group("us-central1-a"),)),
    "a zone as URL": (listed(("k8s-ig--0123", URL)), (group("us-central1-b"),)),
    "none yet": ("[]", ()),
    "empty": ("", ()),
}


@pytest.mark.parametrize("name", READ)
def test_groups_that_a_copy_names(name):
    """Names and zones, in the member's project."""
    text, expected = READ[name]
    assert instance_groups.named(copy(text), "p") == expected


def test_groups_that_nobody_has_named_yet_have_a_zone_each():
    """In a preview; a member that names no zone has one all the same."""
    found = instance_groups.unnamed(member("gke-us", zones=("z-a", "z-b")))

    assert [(each.zone, each.name) for each in found] == [
        ("z-a", instance_groups.UNNAMED),
        ("z-b", instance_groups.UNNAMED),
    ]
    assert len(instance_groups.unnamed(member("gke-us", zones=()))) == 1


def test_a_copy_without_annotations_names_no_group():
    """Its controller has not come to it yet."""
    assert instance_groups.named({"metadata": {}}, "p") == ()


HOSTILE = {
    "no JSON": "x",
    "no list": '{"Name": "a"}',
    "a number": 7,
    "too long": listed(*[("a" * 60, "us-central1-a")] * 300),
    "too many": listed(*[(f"g{n}", "us-central1-a") for n in range(51)]),
    "too deep": "[" * 9000,
    "no object": '["k8s-ig--0123"]',
    "no name": '[{"Zone": "us-central1-a"}]',
    "a name that is none": '[{"Name": 1, "Zone": "us-central1-a"}]',
    "a path": listed(("../../global/x", "us-central1-a")),
    "upper case": listed(("K8S", "us-central1-a")),
    "another project's zone": listed(("a", "us-central1-a?project=x")),
    "no zone": listed(("a", "")),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_what_no_controller_writes_is_told(name):
    """The sentence names the annotation, and nothing of it is asked for."""
    found = instance_groups.named(copy(HOSTILE[name]), "p")
    assert isinstance(found, str)
    assert INSTANCE_GROUPS in found
    assert len(found) < 300


SHARED = {
    "nobody": ({"a": [ref("a")], "b": [ref("b")]}, {}, {}),
    "both are new": ({"a": [ref("a")], "b": [ref("a")]}, {}, {"a", "b"}),
    "one had it": ({"a": [ref("a")], "b": [ref("a")]}, {ref("a").path: "b"}, {"a"}),
    "two groups": ({"a": [ref("a"), ref("b")], "b": [ref("a"), ref("b")]}, {}, {"a", "b"}),
}


@pytest.mark.parametrize("name", SHARED)
def test_members_that_name_one_group(name):
    """Newcomers are told with both clusters, the group and its zone; who had it stays."""
    found, before, expected = SHARED[name]
    told = instance_groups.shared(found, before)
    assert set(told) == set(expected)
    for text in told.values():
        assert text.startswith("a and b name the same instance group k8s-ig--a in a-1; ")
