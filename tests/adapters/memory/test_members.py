"""What tests of concerns rely on in memory: the NEG controller's part, sick clusters, faults."""

import json

import pytest

from fedingress.adapters.memory.clusters import MemoryMembers
from fedingress.adapters.memory.sources import MemorySources
from fedingress.domain.cluster import MemberCluster
from fedingress.domain.errors import Conflict, Forbidden, Unavailable
from fedingress.domain.ingress import IngressKey
from fedingress.domain.names import NEG, NEG_STATUS
from fedingress.ports.guard import Unguarded
from fedingress.ports.sources import StatusWrite
from tests.contract.member_clusters_suite import ingress, service

GUARD = Unguarded()
GKE = MemberCluster(name="gke-us", access=None, provider="gcp", zones=("us-a", "us-b"))
EKS = MemberCluster(name="eks-us", access=None, provider="aws", zones=("use1-az1",))
EXPOSED = json.dumps({"exposed_ports": {"80": {"name": "neg-web"}}})


def companion(annotation: str = EXPOSED) -> dict:
    manifest = service("web-fed")
    manifest["metadata"]["annotations"] = {NEG: annotation}
    manifest["spec"]["selector"] = {"app": "web"}
    return manifest


class Groups:
    """The endpoint groups as a load balancer hears of them."""

    def __init__(self) -> None:
        self.sizes: dict[tuple[str, str, str], int] = {}

    def seen(self, cluster, zone, name, endpoints) -> None:
        self.sizes[cluster, zone, name] = endpoints

    def gone(self, cluster, zone, name) -> None:
        del self.sizes[cluster, zone, name]


@pytest.fixture
def groups():
    return Groups()


@pytest.fixture
def members(groups):
    made = MemoryMembers([GKE, EKS], on_neg=groups.seen, on_neg_gone=groups.gone)
    for name in ("gke-us", "eks-us"):
        made[name].add_namespace("shop")
    return made


def test_an_annotated_service_gets_its_groups(members, groups):
    """One group a zone with the ready pods of the selector, and the status in its annotation."""
    members["gke-us"].run_pods("shop", {"app": "web", "tier": "front"}, per_zone=2)
    members["gke-us"].run_pods("shop", {"app": "api"}, per_zone=9)
    written = members.apply(GKE, companion(), observed=None, guard=GUARD)
    assert NEG_STATUS not in written.manifest["metadata"]["annotations"]

    assert groups.sizes == {("gke-us", "us-a", "neg-web"): 2, ("gke-us", "us-b", "neg-web"): 2}
    (seen,) = members.list(GKE, "Service", "shop")
    status = json.loads(seen.manifest["metadata"]["annotations"][NEG_STATUS])
    assert status == {"network_endpoint_groups": {"80": "neg-web"}, "zones": ["us-a", "us-b"]}


def test_the_status_annotation_survives_our_next_apply(members):
    """It belongs to the controller: our forced apply leaves it."""
    members.apply(GKE, companion(), observed=None, guard=GUARD)
    (seen,) = members.list(GKE, "Service", "shop")
    members.apply(GKE, companion(), observed=seen, guard=GUARD)
    (again,) = members.list(GKE, "Service", "shop")

    assert NEG_STATUS in again.manifest["metadata"]["annotations"]
    assert again.resource_version == seen.resource_version


def test_pods_come_and_go(members, groups):
    """Scaling changes the groups, and an empty group stays a group."""
    members.apply(GKE, companion(), observed=None, guard=GUARD)
    assert set(groups.sizes.values()) == {0}
    members["gke-us"].run_pods("shop", {"app": "web"}, per_zone=3)
    assert set(groups.sizes.values()) == {3}
    members["gke-us"].run_pods("shop", {"app": "web"}, per_zone=0)
    assert set(groups.sizes.values()) == {0}


def test_a_deleted_service_loses_its_groups(members, groups):
    """So does one whose annotation went; its status annotation goes too."""
    written = members.apply(GKE, companion(), observed=None, guard=GUARD)
    members.delete(GKE, written, guard=GUARD)
    assert groups.sizes == {}

    members.apply(GKE, companion(), observed=None, guard=GUARD)
    (seen,) = members.list(GKE, "Service", "shop")
    plain = companion()
    plain["metadata"]["annotations"] = {}
    members.apply(GKE, plain, observed=seen, guard=GUARD)
    assert groups.sizes == {}
    (bare,) = members.list(GKE, "Service", "shop")
    assert NEG_STATUS not in bare.manifest["metadata"].get("annotations", {})


@pytest.mark.parametrize("annotation", ["{", "[]", "{}", '{"exposed_ports":{"81":{"name":"x"}}}'])
def test_a_bad_annotation_makes_no_group(members, groups, annotation):
    """The controller ignores what it cannot read and ports that the Service has not."""
    members.apply(GKE, companion(annotation), observed=None, guard=GUARD)

    assert groups.sizes == {}


def test_other_clouds_have_no_groups(members, groups):
    """An EKS member plays no NEG controller."""
    members.apply(EKS, companion(), observed=None, guard=GUARD)

    assert groups.sizes == {}


def test_paused_controllers_act_when_asked(members, groups):
    """Between our write and the controller's lies time; tests own it."""
    members["gke-us"].paused = True
    members.apply(GKE, companion(), observed=None, guard=GUARD)
    assert groups.sizes == {}
    members["gke-us"].play()
    assert len(groups.sizes) == 2


def test_a_slow_member_writes_and_does_not_answer(members):
    """The worst of both: the effect is there, the caller cannot know."""
    members["gke-us"].slow = True
    with pytest.raises(Unavailable):
        members.apply(GKE, ingress(), observed=None, guard=GUARD)
    with pytest.raises(Unavailable):
        members.list(GKE, "Ingress", "shop")

    assert members["gke-us"].get("Ingress", "shop", "web") is not None
    assert members.calls == [("apply", "gke-us: Ingress shop/web")]


def test_one_sick_member_leaves_the_others_alone(members):
    """Down and refusing are per cluster, and such calls are not counted."""
    members["gke-us"].down = True
    with pytest.raises(Unavailable):
        members.apply(GKE, ingress(), observed=None, guard=GUARD)
    members["eks-us"].refuses = True
    with pytest.raises(Forbidden, match="eks-us"):
        members.apply(EKS, ingress(), observed=None, guard=GUARD)
    assert members.calls == []
    members["eks-us"].refuses = False
    members.apply(EKS, ingress(), observed=None, guard=GUARD)


class Crash(BaseException):
    """The process ends here."""


@pytest.mark.parametrize(("moment", "there"), [("before", False), ("after", True)])
def test_a_crash_around_a_write(members, moment, there):
    """Before it nothing happened, after it everything did."""

    def fault(when, verb, where):
        if when == moment:
            raise Crash(f"{verb} {where}")

    members.fault = fault
    with pytest.raises(Crash, match="apply gke-us: Ingress shop/web"):
        members.apply(GKE, ingress(), observed=None, guard=GUARD)

    assert (members["gke-us"].get("Ingress", "shop", "web") is not None) == there


def test_a_controllers_address_does_not_disturb_us(members):
    """A status written in the member is seen, and is no conflict for our next apply."""
    members.apply(GKE, ingress(), observed=None, guard=GUARD)
    members["gke-us"].status("shop", "web", "127.9.0.1")
    (seen,) = members.list(GKE, "Ingress", "shop")
    assert seen.manifest["status"]["loadBalancer"]["ingress"] == [{"ip": "127.9.0.1"}]

    members.apply(GKE, ingress(), observed=seen, guard=GUARD)


def test_what_a_caller_holds_is_a_copy(members):
    """Changing a manifest that was read changes nothing in the cluster."""
    written = members.apply(GKE, ingress(), observed=None, guard=GUARD)
    written.manifest["spec"]["rules"].clear()

    (seen,) = members.list(GKE, "Ingress", "shop")
    assert seen.manifest["spec"]["rules"]


def test_new_finalizers_on_a_deleted_source_are_refused():
    """As the API server does; and what is being deleted keeps its other finalizers."""
    sources = MemorySources()
    key = IngressKey(namespace="shop", name="web")
    sources.put(ingress())
    found = sources.get(key)
    assert found is not None
    sources.set_finalizers(found, ["a.example.com/x"])
    sources.delete(key)
    going = sources.get(key)
    assert going is not None
    assert going.deleting
    with pytest.raises(Exception, match="no new finalizers"):
        sources.set_finalizers(going, ["a.example.com/x", "b.example.com/y"])


def test_a_crash_between_the_two_status_writes_is_mended_by_the_next():
    """Annotations are written, the address is not: the repetition sends only the address."""
    sources = MemorySources()
    sources.put(ingress())
    source = sources.get(IngressKey(namespace="shop", name="web"))
    assert source is not None
    write = StatusWrite(addresses=("127.9.0.1",), annotations={"fedingress.dev/conditions": "[]"})

    def fault(when, verb, where):
        if (when, verb) == ("before", "status"):
            raise Crash

    sources.fault = fault
    with pytest.raises(Crash):
        sources.write_status(source, write)
    sources.fault = lambda when, verb, where: None
    sources.write_status(source, write)

    assert [verb for verb, _ in sources.calls] == ["annotate", "status"]


def test_a_stale_observation_of_a_successor_is_a_conflict(members):
    """Deleted and made again: the old observation must not be forced on the new object."""
    old = members.apply(GKE, ingress(), observed=None, guard=GUARD)
    members["gke-us"].remove("Ingress", "shop", "web")
    members["gke-us"].put(ingress(service="theirs"))

    with pytest.raises(Conflict):
        members.apply(GKE, ingress(), observed=old, guard=GUARD)
