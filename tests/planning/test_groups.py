"""Which endpoint groups can be attached, and what is said of the others."""

import dataclasses

import pytest

from fedingress.domain.graph import NegRef
from fedingress.domain.ingress import ServiceBackend
from fedingress.planning import groups
from fedingress.planning.groups import Group
from tests.planning import nodes

WEB = ServiceBackend(service="web", number=80)


def group(cluster, zone="z-1", name=""):
    """A group of web in *cluster*."""
    return Group(
        cluster=cluster,
        backend=WEB,
        neg=NegRef(project="p", zone=zone, name=name or f"{cluster}-web"),
    )


def test_a_member_none_of_whose_groups_stand_is_in_another_project():
    """The sentence names the project, the zones and what to mend."""
    here, one, two = group("a"), group("b"), group("b", "z-2")
    (told,) = groups.missing((here, two, one), {here.neg.path}).items()

    assert told[0] == "b"
    assert told[1][0] == "ProjectMismatch"
    assert "project p, where the load balancer stands" in told[1][1]
    assert "in z-1, z-2; set fedingress.dev/project" in told[1][1]


def test_a_member_some_of_whose_groups_stand_lacks_the_others():
    """It is in the project; the groups that are not there are named."""
    found = groups.missing((group("a"), group("a", "z-2", "late")), {group("a").neg.path})

    assert found == {"a": ("GroupMissing", "project p has no endpoint group late in z-2")}


def test_nothing_is_said_when_every_group_stands():
    """No member, no problem."""
    assert groups.missing((group("a"),), {group("a").neg.path}) == {}


A_OFF = {"group": "projects/p/zones/z-1/networkEndpointGroups/x-web", "capacityScaler": 0}
A_ON = {"group": "projects/p/zones/z-1/networkEndpointGroups/y-web"}


@pytest.mark.parametrize(
    ("clusters", "wanted", "frozen", "expected"),
    [
        ("ab", "", (), ""),
        ("ab", "b", (), "b"),
        ("abc", "bc", (), "bc"),
        ("ab", "ab", (), ""),
        ("a", "a", (), ""),
        ("a", "a", (A_OFF,), ""),
        ("a", "a", (A_ON,), "a"),
    ],
)
def test_a_drain_never_leaves_a_service_without_capacity(clusters, wanted, frozen, expected):
    """Where all would be drained nobody is; a silent member that serves counts."""
    found = groups.drained([group(name) for name in clusters], set(wanted), frozen)

    assert found == frozenset(expected)


def test_a_drain_that_is_refused_names_the_port_and_its_members():
    """Every Service port for itself."""
    others = Group(
        cluster="c",
        backend=ServiceBackend(service="api", number=80),
        neg=NegRef(project="p", zone="z", name="c-api"),
    )
    found = groups.undrained([group("b"), group("a"), others], {"a", "b"})

    assert found == (("DrainRefused", "web:80 keeps its last members, a, b"),)
    assert groups.undrained([group("a"), group("b")], {"a"}) == ()


def test_a_members_capacity_is_the_least_of_its_groups():
    """Over all backend services; groups of nobody known count nowhere."""
    specs = [{"backends": [A_OFF, A_ON]}, {}, {"backends": [{**A_OFF, "capacityScaler": 0.5}]}]

    known = {A_OFF["group"]: "x", A_ON["group"]: "y"}
    assert groups.capacities(specs, known) == {"x": 0.0, "y": 1.0}
    assert groups.capacities(specs, {}) == {}


def test_what_backends_use_is_a_neg_or_a_port_of_an_instance_group():
    """As members' objects are known to be used, and rows of a report say it too."""
    ours = nodes.group("a")
    assert group("a").use == "a-web"
    assert ours.use == "a-1/k8s-ig--a/port31000"
    spec = {"portName": "port31000", "backends": [nodes.entry("a"), A_ON]}
    assert groups.uses_of(spec) == {ours.use, "y-web"}
    assert groups.uses_of({}) == frozenset()
    assert groups.ports_of({ours.use, "y-web", "z/g/portal", "x/port9"}) == {31000, 9}


def test_rows_of_a_report_are_groups():
    """A node port makes it an instance group; a member without project is in the policy's."""
    row = {"cluster": "a", "project": "", "zone": "a-1", "name": "k8s-ig--a"}
    assert groups.of_row(row, "p") == (NegRef(project="p", zone="a-1", name="k8s-ig--a"), 0)
    assert groups.row_use(row) == "k8s-ig--a"
    row["node_port"] = "31000"
    assert groups.of_row(row, "p") == (nodes.ref("a"), 31000)
    assert groups.row_use(row) == nodes.group("a").use


def test_an_instance_group_that_does_not_stand_is_called_one():
    """In both sentences."""
    here, lost = nodes.group("a"), dataclasses.replace(nodes.group("a"), neg=nodes.ref("a", "z-2"))
    assert (
        "no instance group k8s-ig--a in z-2"
        in groups.missing((here, lost), {here.neg.path})["a"][1]
    )
    assert "none of its instance groups in z-2" in groups.missing((lost,), ())["a"][1]
