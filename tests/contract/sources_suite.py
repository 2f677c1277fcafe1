"""
What each implementation of the port `Sources` must do.

Subclassed with a fixture `desk` in an empty world. A `Desk` is the port and what a user does
beside it, so that one suite runs on memory, a config cluster and a directory.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from fedingress.domain.errors import Conflict, Unavailable
from fedingress.domain.ingress import IngressKey, Source
from fedingress.domain.names import CONTROLLER, FINALIZERS
from fedingress.domain.publisher import CONFIG_MAP_NAME, PublicKey, Publishers
from fedingress.ports.sources import Notice, Sources, StatusWrite, Tombstone

KEY = IngressKey(namespace="shop", name="shop")
KEY_LINE = PublicKey(raw=b"k" * 32).text
FINALIZER = FINALIZERS["fanout"]
OTHER_FINALIZER = FINALIZERS["dns"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """
    The port, and what a user and an operator do beside it.

    put: create or replace an object.   remove(kind, namespace, name): delete it as a user.
    settle: make what was put visible, where reads are kept for a moment.
    break_down: from here on nothing answers.
    """

    port: Sources
    put: Callable[[dict[str, Any]], object]
    remove: Callable[[str, str, str], object]
    break_down: Callable[[], object]
    settle: Callable[[], object] = lambda: None

    def source(self, key: IngressKey = KEY) -> Source:
        """The Ingress, which must be there."""
        found = self.port.get(key)
        assert found is not None
        return found


def ingress(name="shop", class_name="federated", host="shop.example.com", **annotations: str):
    backend = {"service": {"name": "web", "port": {"number": 80}}}
    paths = [{"path": "/", "pathType": "Prefix", "backend": backend}]
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": {"namespace": "shop", "name": name, "annotations": annotations},
        "spec": {
            "ingressClassName": class_name,
            "rules": [{"host": host, "http": {"paths": paths}}],
        },
    }


def ingress_class(name="federated", controller=CONTROLLER, policy="standard", **annotations: str):
    parameters = {"apiGroup": "fedingress.dev", "kind": "FederationPolicy", "name": policy}
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "IngressClass",
        "metadata": {"name": name, "annotations": annotations},
        "spec": {"controller": controller, "parameters": parameters},
    }


def config_map(name, data):
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"namespace": "fedingress-inventory", "name": name},
        "data": data,
    }


def policy(name="standard", **spec: Any):
    return {
        "apiVersion": "fedingress.dev/v1alpha1",
        "kind": "FederationPolicy",
        "metadata": {"name": name},
        "spec": {
            "topology": "gcp",
            "project": "lab-project",
            "placement": {"clusterSelector": {}},
            **spec,
        },
    }


class Reading:
    """What users wrote arrives decoded."""

    def test_an_absent_ingress_is_none(self, desk: Desk):
        """An Ingress that does not exist is None, and the list is empty."""
        assert desk.port.get(KEY) is None
        assert list(desk.port.list()) == []

    def test_what_a_user_wrote_is_decoded(self, desk: Desk):
        """Metadata and spec arrive, without faults."""
        desk.put(ingress())
        source = desk.source()

        assert (source.key, source.faults, source.deleting) == (KEY, (), False)
        assert source.uid
        assert source.resource_version
        assert source.created.endswith("Z")
        assert source.ingress is not None
        assert source.ingress.hosts == ("shop.example.com",)

    def test_generation_rises_with_the_spec_only(self, desk: Desk):
        """A new annotation changes the version; a new host changes the generation, too."""
        desk.put(ingress())
        first = desk.source()
        desk.put(ingress(note="1"))
        annotated = desk.source()
        desk.put(ingress(note="1", host="new.example.com"))
        changed = desk.source()

        assert annotated.generation == first.generation
        assert annotated.resource_version != first.resource_version
        assert changed.generation == first.generation + 1
        assert {first.uid, annotated.uid, changed.uid} == {first.uid}

    def test_only_ours_are_listed(self, desk: Desk):
        """Another controller's Ingress is listed only while it carries a finalizer of ours."""
        desk.put(policy())
        desk.put(ingress_class())
        desk.put(ingress_class(name="nginx", controller="k8s.io/ingress-nginx"))
        desk.put(ingress())
        desk.put(ingress(name="other", class_name="nginx"))
        desk.settle()
        assert [str(source.key) for source in desk.port.list()] == ["shop/shop"]

        other = desk.source(IngressKey(namespace="shop", name="other"))
        desk.port.set_finalizers(other, [FINALIZER])
        assert sorted(str(each.key) for each in desk.port.list()) == ["shop/other", "shop/shop"]

    def test_the_policy_behind_the_class(self, desk: Desk):
        """A complete chain gives the policy."""
        desk.put(policy())
        desk.put(ingress_class())
        desk.put(ingress())
        desk.settle()
        answer = desk.port.policy(desk.source())

        assert answer.federated
        assert answer.policy is not None
        assert answer.policy.project == "lab-project"

    def test_a_broken_chain_says_where(self, desk: Desk):
        """A class whose policy is missing is ours all the same, with the name that is missing."""
        desk.put(ingress_class(policy="missing"))
        desk.put(ingress())
        desk.settle()
        answer = desk.port.policy(desk.source())

        assert answer.federated
        assert answer.policy is None
        assert any("missing" in fault for fault in answer.faults)

    def test_a_class_of_another_controller_is_not_ours(self, desk: Desk):
        """Its Ingress is answered with nothing more."""
        desk.put(ingress_class(name="nginx", controller="k8s.io/ingress-nginx"))
        desk.put(ingress(class_name="nginx"))
        desk.settle()
        answer = desk.port.policy(desk.source())

        assert (answer.federated, answer.policy, tuple(answer.faults)) == (False, None, ())

    def test_keys_of_publishers_are_read(self, desk: Desk):
        """Without a ConfigMap nobody has one; a key that is added counts at once."""
        assert desk.port.publishers() == Publishers()
        desk.put(config_map("other", {"gke-us": KEY_LINE}))
        desk.put(config_map(CONFIG_MAP_NAME, {"gke-us": KEY_LINE, "odd": "?"}))
        found = desk.port.publishers()

        assert [key.text for key in found.keys["gke-us"]] == [KEY_LINE]
        assert len(found.faults) == 1
        desk.put(config_map(CONFIG_MAP_NAME, {"gke-eu": KEY_LINE}))
        assert "gke-eu" in desk.port.publishers().keys

    def test_what_is_down_is_not_empty(self, desk: Desk):
        """Every read fails loudly."""
        desk.put(ingress())
        desk.source()
        desk.break_down()
        reads = (lambda: desk.port.get(KEY), desk.port.list, desk.port.inventory)
        for read in (*reads, desk.port.tombstones, desk.port.publishers):
            with pytest.raises(Unavailable):
                read()


class Writing:
    """Finalizers are guarded; status touches only what is ours."""

    def test_finalizers_hold_an_ingress_until_the_last_one_goes(self, desk: Desk):
        """A deleted Ingress stays readable as deleting, with its spec; then it is gone."""
        desk.put(ingress())
        held = desk.port.set_finalizers(
            desk.source(), [OTHER_FINALIZER, FINALIZER], {"fedingress.dev/footprint": "{}"}
        )
        assert held.finalizers == (OTHER_FINALIZER, FINALIZER)
        assert held.annotations["fedingress.dev/footprint"] == "{}"

        desk.remove("Ingress", "shop", "shop")
        going = desk.source()
        assert going.deleting
        assert going.ingress is not None
        assert going.uid == held.uid
        going = desk.port.set_finalizers(going, [FINALIZER])
        assert desk.source().finalizers == (FINALIZER,)
        desk.port.set_finalizers(going, [])
        assert desk.port.get(KEY) is None

    def test_without_finalizers_it_goes_at_once(self, desk: Desk):
        """A deleted Ingress that nothing holds is gone, and its successor is another one."""
        desk.put(ingress())
        first = desk.source()
        desk.remove("Ingress", "shop", "shop")
        assert desk.port.get(KEY) is None

        desk.put(ingress())
        assert desk.source().uid != first.uid

    def test_a_stale_finalizer_write_is_a_conflict(self, desk: Desk):
        """Whoever changed the Ingress meanwhile wins, and so does whoever deleted it."""
        desk.put(ingress())
        stale = desk.source()
        desk.put(ingress(host="new.example.com"))
        with pytest.raises(Conflict):
            desk.port.set_finalizers(stale, [FINALIZER])

        fresh = desk.source()
        desk.remove("Ingress", "shop", "shop")
        with pytest.raises(Conflict):
            desk.port.set_finalizers(fresh, [FINALIZER])

    def test_status_is_written_beside_what_others_wrote(self, desk: Desk):
        """Addresses and our annotations come and go; the user's annotation stays."""
        desk.put(ingress(theirs="1"))
        source = desk.source()
        ours = {"fedingress.dev/conditions": "[]", "fedingress.dev/cluster-status": "{}"}
        desk.port.write_status(source, StatusWrite(addresses=("127.9.0.1",), annotations=ours))
        written = desk.source()
        assert written.manifest["status"]["loadBalancer"]["ingress"] == [{"ip": "127.9.0.1"}]
        assert written.annotations == {"theirs": "1", **ours}
        assert written.generation == source.generation

        gone = StatusWrite(addresses=(), annotations=dict.fromkeys(ours))
        desk.port.write_status(written, gone)
        cleared = desk.source()
        assert not cleared.manifest.get("status", {}).get("loadBalancer", {}).get("ingress")
        assert cleared.annotations == {"theirs": "1"}

    def test_the_same_status_again_changes_nothing(self, desk: Desk):
        """Writing what stands there leaves the version alone."""
        desk.put(ingress())
        write = StatusWrite(addresses=("127.9.0.1",), annotations={"fedingress.dev/x": "1"})
        desk.port.write_status(desk.source(), write)
        before = desk.source()
        desk.port.write_status(before, write)

        assert desk.source().resource_version == before.resource_version

    def test_a_users_apply_keeps_what_is_ours(self, desk: Desk):
        """A user who applies the manifest again wipes neither annotations nor finalizers."""
        desk.put(ingress())
        desk.port.set_finalizers(desk.source(), [FINALIZER])
        write = StatusWrite(addresses=("127.9.0.1",), annotations={"fedingress.dev/x": "1"})
        desk.port.write_status(desk.source(), write)
        desk.put(ingress(host="second.example.com"))

        again = desk.source()
        assert again.annotations["fedingress.dev/x"] == "1"
        assert again.finalizers == (FINALIZER,)
        assert again.manifest["status"]["loadBalancer"]["ingress"] == [{"ip": "127.9.0.1"}]

    def test_status_of_a_gone_ingress_resurrects_nothing(self, desk: Desk):
        """A late status write is a conflict, also when a successor has the name."""
        desk.put(ingress())
        source = desk.source()
        desk.remove("Ingress", "shop", "shop")
        write = StatusWrite(addresses=("127.9.0.1",), annotations={"fedingress.dev/x": "1"})
        with pytest.raises(Conflict):
            desk.port.write_status(source, write)
        assert desk.port.get(KEY) is None

        desk.put(ingress())
        with pytest.raises(Conflict):
            desk.port.write_status(source, write)
        assert "fedingress.dev/x" not in desk.source().annotations

    def test_a_notice_may_be_given_twice(self, desk: Desk):
        """The same notice twice is no error."""
        desk.put(ingress())
        notice = Notice(type="Warning", reason="ServiceMissing", message="web does not exist")
        desk.port.notify(desk.source(), notice)
        desk.port.notify(desk.source(), notice)

    def test_tombstones_are_kept_and_dropped(self, desk: Desk):
        """One per source uid and cluster, the first one stays; dropping twice is fine."""
        stone = Tombstone(key=KEY, uid="u-1", cluster="eks-us", since=1000.25)
        desk.port.put_tombstone(stone)
        desk.port.put_tombstone(Tombstone(key=KEY, uid="u-1", cluster="eks-us", since=2000.0))
        desk.port.put_tombstone(Tombstone(key=KEY, uid="u-1", cluster="gke-us", since=3.0))
        found = {each.cluster: each.since for each in desk.port.tombstones()}
        assert found == {"eks-us": 1000.25, "gke-us": 3.0}

        desk.port.drop_tombstone(stone)
        desk.port.drop_tombstone(stone)
        assert [each.cluster for each in desk.port.tombstones()] == ["gke-us"]


class SourcesSuite(Reading, Writing):
    """The whole contract."""
