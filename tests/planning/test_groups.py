"""Which endpoint groups can be attached, and what is said of the others."""

from fedingress.domain.graph import NegRef
from fedingress.domain.ingress import ServiceBackend
from fedingress.planning import groups
from fedingress.planning.groups import Group

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
