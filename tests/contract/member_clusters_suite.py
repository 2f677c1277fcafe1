"""What each implementation of the port `MemberClusters` must do; for `test_member_clusters`."""

from dataclasses import dataclass
from typing import Any, Protocol

import pytest

from fedingress.domain.cluster import MemberCluster
from fedingress.domain.errors import Conflict, Forbidden, Invalid, LeaseLost, Unavailable
from fedingress.domain.member import CONFIG_MAP, INGRESS, POD, SERVICE, MemberObject
from fedingress.domain.names import OWNER_UID
from fedingress.ports.clusters import MemberClusters
from fedingress.ports.guard import Unguarded

NAMESPACE = "shop"
GUARD = Unguarded()


class OneCluster(Protocol):
    """The cluster behind the port, as its own users and its operator see it."""

    def put(self, manifest: dict[str, Any], *, manager: str) -> object: ...
    def get(self, kind: str, namespace: str, name: str) -> dict[str, Any] | None: ...
    def remove(self, kind: str, namespace: str, name: str) -> None: ...
    def break_down(self) -> None: ...
    def refuse(self) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Lab:
    port: MemberClusters
    member: MemberCluster
    cluster: OneCluster

    def apply(self, manifest, observed=None, guard=GUARD) -> MemberObject:
        return self.port.apply(self.member, manifest, observed=observed, guard=guard)

    def names(self, kind: str, namespace: str = NAMESPACE) -> list[str]:
        return sorted(item.ref.name for item in self.port.list(self.member, kind, namespace))


class Fenced:
    """A guard whose lease is over."""

    def check(self, call_timeout_seconds: float) -> None:
        raise LeaseLost(f"not {call_timeout_seconds} s left")

    def remaining_seconds(self) -> float:
        return -1.0


def ingress(name="web", owner="u-1", service="web", **annotations: str) -> dict[str, Any]:
    backend = {"service": {"name": service, "port": {"number": 80}}}
    paths = [{"path": "/", "pathType": "Prefix", "backend": backend}]
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": {
            "name": name,
            "namespace": NAMESPACE,
            "labels": {OWNER_UID: owner},
            "annotations": annotations,
        },
        "spec": {"rules": [{"host": "web.example.com", "http": {"paths": paths}}]},
    }


def config_map(**data: str) -> dict[str, Any]:
    meta = {"name": "ingress-uid", "namespace": NAMESPACE}
    return {"apiVersion": "v1", "kind": CONFIG_MAP, "metadata": meta, "data": data}


def service(name="web", **labels: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "namespace": NAMESPACE, "labels": labels},
        "spec": {"selector": {"app": name}, "ports": [{"port": 80, "targetPort": 8080}]},
    }


class MemberClustersContract:
    """Subclassed with a fixture `lab`; the namespace `shop` exists and is empty."""

    def test_what_is_applied_is_listed(self, lab: Lab):
        """An applied object comes back with uid and resourceVersion, and is then listed."""
        written = lab.apply(ingress())

        assert written.uid
        assert written.resource_version
        assert lab.names(INGRESS) == ["web"]
        (read,) = lab.port.list(lab.member, INGRESS, NAMESPACE)
        assert read.uid == written.uid
        assert read.manifest["kind"] == INGRESS
        assert "managedFields" not in read.manifest["metadata"]

    def test_one_object_is_got_or_nothing(self, lab: Lab):
        """An absent object and an absent namespace are no errors."""
        lab.cluster.put(service(), manager="kubectl")
        found = lab.port.get(lab.member, SERVICE, NAMESPACE, "web")

        assert found is not None
        assert (found.ref.name, found.cluster) == ("web", lab.member.name)
        assert lab.port.get(lab.member, SERVICE, NAMESPACE, "other") is None
        assert lab.port.get(lab.member, SERVICE, "nowhere", "web") is None

    def test_no_namespace_is_all_of_them(self, lab: Lab):
        """Objects of every namespace are listed."""
        lab.apply(ingress())

        assert lab.names(INGRESS, "") == ["web"]

    def test_a_config_map_of_others_is_changed_key_by_key(self, lab: Lab):
        """What is applied over it takes its own keys only; the others keep theirs."""
        theirs = config_map(uid="bar", other="theirs")
        lab.cluster.put(theirs, manager="glbc")
        seen = lab.port.get(lab.member, CONFIG_MAP, NAMESPACE, "ingress-uid")
        lab.apply(config_map(uid="foo"), observed=seen)
        stored = lab.cluster.get(CONFIG_MAP, NAMESPACE, "ingress-uid")

        assert stored is not None
        assert stored["data"] == {"uid": "foo", "other": "theirs"}

    def test_pods_are_listed(self, lab: Lab):
        """Their probes are read from there."""
        assert lab.names(POD) == []

    def test_an_absent_namespace_is_empty(self, lab: Lab):
        """Listing a namespace that does not exist gives nothing and no error."""
        assert lab.names(SERVICE, "nowhere") == []

    def test_writing_into_an_absent_namespace_is_the_users_fault(self, lab: Lab):
        """The server's words about the missing namespace are the reason."""
        manifest = ingress()
        manifest["metadata"]["namespace"] = "nowhere"

        with pytest.raises(Invalid, match=r'namespaces? "nowhere" not found'):
            lab.apply(manifest)

    def test_owned_objects_are_found_in_every_namespace(self, lab: Lab):
        """The owner label alone finds our objects, and nobody else's."""
        lab.apply(ingress(owner="u-1"))
        lab.apply(ingress(name="other", owner="u-2"))
        lab.cluster.put(service(), manager="kubectl")

        found = lab.port.list_owned(lab.member, INGRESS, "u-1")

        assert [item.ref.name for item in found] == ["web"]
        assert lab.port.list_owned(lab.member, SERVICE, "u-1") == []

    def test_applying_again_changes_nothing(self, lab: Lab):
        """The same apply twice keeps the resourceVersion."""
        first = lab.apply(ingress())
        second = lab.apply(ingress(), observed=first)

        assert second.resource_version == first.resource_version

    def test_a_field_no_longer_applied_goes(self, lab: Lab):
        """Annotations that we leave out disappear; those of others stay."""
        first = lab.apply(ingress(ours="1"))
        foreign = {"metadata": {"name": "web", "namespace": NAMESPACE, "annotations": {"o": "2"}}}
        lab.cluster.put(
            {"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", **foreign}, manager="other"
        )
        (seen,) = lab.port.list(lab.member, INGRESS, NAMESPACE)
        lab.apply(ingress(), observed=seen)

        stored = lab.cluster.get(INGRESS, NAMESPACE, "web")
        assert stored is not None
        assert stored["metadata"]["annotations"] == {"o": "2"}
        assert stored["metadata"]["uid"] == first.uid

    def test_a_foreign_object_is_a_conflict(self, lab: Lab):
        """Without *observed* nothing is forced, and the foreign object stays as it was."""
        lab.cluster.put(ingress(owner="someone", service="theirs"), manager="kubectl")
        before = lab.cluster.get(INGRESS, NAMESPACE, "web")

        with pytest.raises(Conflict, match="kubectl"):
            lab.apply(ingress())
        assert lab.cluster.get(INGRESS, NAMESPACE, "web") == before

    def test_drift_is_forced_back(self, lab: Lab):
        """With *observed*, a field that someone else took comes back to us."""
        lab.apply(ingress())
        lab.cluster.put(ingress(service="drifted"), manager="kubectl")
        (seen,) = lab.port.list(lab.member, INGRESS, NAMESPACE)

        lab.apply(ingress(), observed=seen)

        stored = lab.cluster.get(INGRESS, NAMESPACE, "web")
        assert stored is not None
        assert stored["spec"]["rules"] == ingress()["spec"]["rules"]

    def test_a_stale_observation_is_a_conflict(self, lab: Lab):
        """An object that changed since it was observed is not overwritten."""
        stale = lab.apply(ingress())
        lab.cluster.put(ingress(service="newer"), manager="kubectl")

        with pytest.raises(Conflict):
            lab.apply(ingress(a="b"), observed=stale)

    def test_an_object_that_is_gone_is_not_created_anew(self, lab: Lab):
        """Applying over an observation of a deleted object is a conflict, not a resurrection."""
        observed = lab.apply(ingress())
        lab.cluster.remove(INGRESS, NAMESPACE, "web")

        with pytest.raises(Conflict):
            lab.apply(ingress(), observed=observed)
        assert lab.names(INGRESS) == []

    def test_the_servers_reasons_are_kept(self, lab: Lab):
        """A refused object says which field is wrong."""
        manifest = service()
        manifest["spec"]["ports"][0]["port"] = 70000

        with pytest.raises(Invalid, match=r"spec\.ports\[0\]\.port") as caught:
            lab.apply(manifest)
        assert caught.value.reasons

    def test_delete_removes_that_very_object(self, lab: Lab):
        """Deleting twice is fine; a successor of the same name is left alone."""
        first = lab.apply(ingress())
        lab.port.delete(lab.member, first, guard=GUARD)
        lab.port.delete(lab.member, first, guard=GUARD)
        assert lab.names(INGRESS) == []

        lab.apply(ingress())
        with pytest.raises(Conflict):
            lab.port.delete(lab.member, first, guard=GUARD)
        assert lab.names(INGRESS) == ["web"]

    def test_nothing_is_written_without_a_lease(self, lab: Lab):
        """The guard is asked before each write."""
        with pytest.raises(LeaseLost):
            lab.apply(ingress(), guard=Fenced())
        assert lab.names(INGRESS) == []
        written = lab.apply(ingress())
        with pytest.raises(LeaseLost):
            lab.port.delete(lab.member, written, guard=Fenced())
        assert lab.names(INGRESS) == ["web"]

    def test_identity_is_stable(self, lab: Lab):
        """The uid of kube-system is read once and known even while the member is down."""
        uid = lab.port.identity(lab.member)
        lab.cluster.break_down()

        assert uid
        assert lab.port.identity(lab.member) == uid

    def test_a_member_that_is_down_is_unavailable(self, lab: Lab):
        """Neither reads nor writes take a dead member for an empty one."""
        written = lab.apply(ingress())
        lab.cluster.break_down()

        with pytest.raises(Unavailable):
            lab.port.list(lab.member, INGRESS, NAMESPACE)
        with pytest.raises(Unavailable):
            lab.port.list_owned(lab.member, INGRESS, "u-1")
        with pytest.raises(Unavailable):
            lab.apply(ingress())
        with pytest.raises(Unavailable):
            lab.port.delete(lab.member, written, guard=GUARD)

    def test_a_refusal_names_the_member_and_the_right(self, lab: Lab):
        """403 says where and what to grant."""
        lab.cluster.refuse()

        with pytest.raises(Forbidden, match=lab.member.name) as caught:
            lab.port.list(lab.member, INGRESS, NAMESPACE)
        assert "grant" in str(caught.value)
        with pytest.raises(Forbidden):
            lab.apply(ingress())
