"""Which ingress-uid all members get, and which member does not."""

import pytest

from fedingress.domain.member import MemberObject
from fedingress.planning import ingress_uid
from fedingress.planning.ingress_uid import UidView
from tests.planning.shop import ingress, owner

MARKED = {"fedingress.dev/shared-ingress-uid": "true"}
ONE = "fb56c6cfda5b5fd1"


def view(uid="", provider="", *served, marked=False):
    """A member whose ConfigMap says so."""
    meta = {"namespace": "kube-system", "name": "ingress-uid", "annotations": {}}
    data = {"uid": uid, "provider-uid": provider} if uid else None
    manifest = {"kind": "ConfigMap", "metadata": meta, "data": data}
    if marked:
        meta["annotations"] = dict(MARKED)
    return UidView(config=MemberObject(cluster="a", manifest=manifest), served=served)


BARE = UidView(config=None)
CHOICES = {
    "nobody has any": ({"a": view(), "b": BARE}, True, ""),
    "the first by name": ({"b": view("bar"), "a": view("foo")}, True, "foo"),
    "the first that has one": ({"a": BARE, "b": view("bar")}, True, "bar"),
    "the one that was shared": ({"a": view("new"), "b": view("foo", marked=True)}, True, "foo"),
    "the shared one, though some are silent": ({"b": view("foo", marked=True)}, False, "foo"),
    "none anew while some are silent": ({"a": view("new")}, False, ""),
}


@pytest.mark.parametrize("case", CHOICES)
def test_one_uid_is_chosen_for_all(case):
    """What was shared before wins, also over a member that joins and sorts first."""
    seen, whole, expected = CHOICES[case]

    assert ingress_uid.shared(seen, whole=whole) == expected


def test_provider_uids_are_those_of_federation_v1():
    """As its own tests have them."""
    found = [ingress_uid.provider_uid(name) for name in ("cluster1", "cluster2")]

    assert found == [ONE, "88fc20ced3135741"]


@pytest.mark.parametrize(
    ("seen", "fields"),
    [
        (view("bar", "x"), ("data.provider-uid", "data.uid", "metadata.annotations")),
        (view("foo", ONE), ("metadata.annotations",)),
        (view("foo", "x", "a/b"), ("data.provider-uid", "metadata.annotations")),
        (view("bar", ONE, marked=True), ("data.uid",)),
    ],
)
def test_what_differs_is_written_and_marked(seen, fields):
    """Nothing but these two keys and the mark is in what is applied."""
    update, problem = ingress_uid.change("cluster1", seen, "foo")

    assert problem is None
    assert update is not None
    assert update.fields == fields
    assert update.desired.manifest["data"] == {"uid": "foo", "provider-uid": ONE}
    assert update.desired.manifest["metadata"]["annotations"] == MARKED


@pytest.mark.parametrize(
    ("seen", "uid", "reason"),
    [
        (view("foo", ONE, marked=True), "foo", None),
        (view("foo", "x"), "", None),
        (BARE, "foo", "IngressUidMissing"),
        (view("bar", "x", "shop/theirs"), "foo", "IngressUidInUse"),
    ],
)
def test_what_is_as_it_should_be_or_in_use_is_left_alone(seen, uid, reason):
    """An Ingress that the cluster's own controller serves keeps its load balancer."""
    update, problem = ingress_uid.change("cluster1", seen, uid)

    assert update is None
    assert (problem[0] if problem else None) == reason
    assert "shop/theirs" in problem[1] if reason == "IngressUidInUse" else True


def test_ingresses_of_the_clusters_own_controller_are_told_from_all_others():
    """By annotation, or by no class at all; copies of ours never count."""

    def classed(annotation=None, name=None, labels=None):
        made = ingress(labels=labels or {})
        made["spec"]["ingressClassName"] = name
        if annotation is not None:
            made["metadata"]["annotations"] = {"kubernetes.io/ingress.class": annotation}
        return ingress_uid.served(made)

    assert [classed("gce"), classed("gce-internal"), classed("")] == [True, True, True]
    assert [classed(), classed("nginx"), classed(name="nginx")] == [True, False, False]
    assert not classed("gce", labels=owner().labels())
