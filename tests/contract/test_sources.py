"""The port `Sources` where users speak to an API server: in memory, and through the real client."""

import base64
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from fedingress.adapters.kube.resources import CLUSTER_PROFILE, EVENT, FEDERATION_POLICY
from fedingress.adapters.kube.sources import KubeSources
from fedingress.adapters.memory.sources import MemorySources
from fedingress.domain.errors import Conflict, Forbidden, Unavailable
from fedingress.domain.ingress import IngressKey
from fedingress.domain.names import CONTROLLER, FINALIZERS
from fedingress.ports.sources import Notice, Sources, StatusWrite, Tombstone
from tests.adapters.kube.running import running_cluster

KEY = IngressKey(namespace="shop", name="shop")
FINALIZER = FINALIZERS["fanout"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """The port, and what a user and an operator do beside it."""

    port: Sources
    put: Callable[[dict[str, Any]], object]
    put_status: Callable[[dict[str, Any]], object]
    remove: Callable[[str, str, str], object]
    stored: Callable[[], dict[str, Any] | None]
    writes: Callable[[], int]
    break_down: Callable[[], object]


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


def ingress_class(name="federated", controller=CONTROLLER, policy="standard"):
    parameters = {"apiGroup": "fedingress.dev", "kind": "FederationPolicy", "name": policy}
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "IngressClass",
        "metadata": {"name": name},
        "spec": {"controller": controller, "parameters": parameters},
    }


def policy(name="standard"):
    spec = {"topology": "gcp", "project": "lab-project", "placement": {"clusterSelector": {}}}
    return {
        "apiVersion": "fedingress.dev/v1alpha1",
        "kind": "FederationPolicy",
        "metadata": {"name": name},
        "spec": spec,
    }


def profile(name="gke-us", server="https://127.0.0.1:6443"):
    return {
        "apiVersion": "multicluster.x-k8s.io/v1alpha1",
        "kind": "ClusterProfile",
        "metadata": {
            "namespace": "fedingress-inventory",
            "name": name,
            "labels": {"cloud": "gcp"},
        },
        "spec": {"displayName": name, "clusterManager": {"name": "fedingress"}},
    }, {
        "accessProviders": [{"name": "fedingress-token", "cluster": {"server": server}}],
        "properties": [{"name": "fedingress.dev/provider", "value": "gcp"}],
    }


class SourcesContract:
    """Subclassed with a fixture `desk`; everything is empty, the namespaces exist."""

    def test_nothing_is_none(self, desk: Desk):
        """An Ingress that does not exist is None, and the list is empty."""
        assert desk.port.get(KEY) is None
        assert desk.port.list() == []

    def test_what_a_user_wrote_is_decoded(self, desk: Desk):
        """Metadata and spec arrive, without faults."""
        desk.put(ingress())
        source = desk.port.get(KEY)

        assert source is not None
        assert (source.key, source.faults, source.deleting) == (KEY, (), False)
        assert source.uid
        assert source.created.endswith("Z")
        assert source.ingress is not None
        assert source.ingress.hosts == ("shop.example.com",)

    def test_only_ours_are_listed(self, desk: Desk):
        """Another controller's Ingress is listed only while it carries a finalizer of ours."""
        desk.put(policy())
        desk.put(ingress_class())
        desk.put(ingress_class(name="nginx", controller="k8s.io/ingress-nginx"))
        desk.put(ingress())
        desk.put(ingress(name="other", class_name="nginx"))
        assert [str(source.key) for source in desk.port.list()] == ["shop/shop"]

        other = desk.port.get(IngressKey(namespace="shop", name="other"))
        assert other is not None
        desk.port.set_finalizers(other, [FINALIZER])
        assert [str(source.key) for source in desk.port.list()] == ["shop/other", "shop/shop"]

    def test_the_policy_behind_the_class(self, desk: Desk):
        """A complete chain gives the policy; a broken one says where."""
        desk.put(policy())
        desk.put(ingress_class())
        desk.put(ingress())
        source = desk.port.get(KEY)
        assert source is not None
        answer = desk.port.policy(source)
        assert answer.federated
        assert answer.policy is not None
        assert answer.policy.project == "lab-project"

        desk.put(ingress_class(name="broken", policy="missing"))
        desk.put(ingress(name="lost", class_name="broken"))
        lost = desk.port.get(IngressKey(namespace="shop", name="lost"))
        assert lost is not None
        desk.port.refresh()
        answer = desk.port.policy(lost)
        assert answer.federated
        assert answer.policy is None
        assert "missing" in answer.faults[0]

    def test_finalizers_hold_an_ingress_until_the_last_one_goes(self, desk: Desk):
        """A deleted Ingress stays readable as deleting; then it is gone."""
        desk.put(ingress())
        source = desk.port.get(KEY)
        assert source is not None
        held = desk.port.set_finalizers(source, [FINALIZER], {"fedingress.dev/footprint": "{}"})
        assert held.finalizers == (FINALIZER,)
        assert held.annotations["fedingress.dev/footprint"] == "{}"
        assert held.resource_version != source.resource_version

        desk.remove("Ingress", "shop", "shop")
        going = desk.port.get(KEY)
        assert going is not None
        assert going.deleting
        desk.port.set_finalizers(going, [])
        assert desk.port.get(KEY) is None

    def test_a_stale_finalizer_write_is_a_conflict(self, desk: Desk):
        """Whoever changed the Ingress meanwhile wins, and so does whoever deleted it."""
        desk.put(ingress())
        stale = desk.port.get(KEY)
        assert stale is not None
        desk.put(ingress(host="new.example.com"))
        with pytest.raises(Conflict):
            desk.port.set_finalizers(stale, [FINALIZER])

        fresh = desk.port.get(KEY)
        assert fresh is not None
        desk.remove("Ingress", "shop", "shop")
        with pytest.raises(Conflict):
            desk.port.set_finalizers(fresh, [FINALIZER])

    def test_status_is_written_beside_what_others_wrote(self, desk: Desk):
        """Addresses and our annotations come and go; the user's annotation stays."""
        desk.put(ingress(theirs="1"))
        source = desk.port.get(KEY)
        assert source is not None
        annotations = {"fedingress.dev/conditions": "[]", "fedingress.dev/cluster-status": "{}"}
        desk.port.write_status(
            source, StatusWrite(addresses=("127.9.0.1",), annotations=annotations)
        )
        stored = desk.stored()
        assert stored is not None
        assert stored["status"]["loadBalancer"]["ingress"] == [{"ip": "127.9.0.1"}]
        assert stored["metadata"]["annotations"] == {"theirs": "1", **annotations}
        assert stored["metadata"]["generation"] == source.generation

        gone = dict.fromkeys(annotations)
        desk.port.write_status(source, StatusWrite(addresses=(), annotations=gone))
        stored = desk.stored()
        assert stored is not None
        assert not stored.get("status", {}).get("loadBalancer", {}).get("ingress")
        assert stored["metadata"]["annotations"] == {"theirs": "1"}

    def test_the_same_status_again_is_not_sent(self, desk: Desk):
        """Writing what stands there costs no mutating call."""
        desk.put(ingress())
        source = desk.port.get(KEY)
        assert source is not None
        write = StatusWrite(
            addresses=("127.9.0.1",), annotations={"fedingress.dev/conditions": "1"}
        )
        desk.port.write_status(source, write)
        before = desk.writes()

        desk.port.write_status(source, write)

        assert desk.writes() == before

    def test_a_users_apply_keeps_our_annotations(self, desk: Desk):
        """A user who applies the manifest again does not wipe what we wrote."""
        desk.put(ingress())
        source = desk.port.get(KEY)
        assert source is not None
        desk.port.write_status(
            source, StatusWrite(addresses=(), annotations={"fedingress.dev/conditions": "[]"})
        )
        desk.put(ingress(host="second.example.com"))

        again = desk.port.get(KEY)
        assert again is not None
        assert again.annotations["fedingress.dev/conditions"] == "[]"
        assert again.generation == source.generation + 1

    def test_status_of_a_gone_ingress_resurrects_nothing(self, desk: Desk):
        """A late status write is a conflict, also when a successor has the name."""
        desk.put(ingress())
        source = desk.port.get(KEY)
        assert source is not None
        desk.remove("Ingress", "shop", "shop")
        write = StatusWrite(
            addresses=("127.9.0.1",), annotations={"fedingress.dev/conditions": "1"}
        )
        with pytest.raises(Conflict):
            desk.port.write_status(source, write)
        assert desk.port.get(KEY) is None

        desk.put(ingress())
        with pytest.raises(Conflict):
            desk.port.write_status(source, write)
        stored = desk.stored()
        assert stored is not None
        assert "status" not in stored or not stored["status"].get("loadBalancer")

    def test_a_notice_is_recorded_once(self, desk: Desk):
        """The same notice twice is no error."""
        desk.put(ingress())
        source = desk.port.get(KEY)
        assert source is not None
        notice = Notice(type="Warning", reason="ServiceMissing", message="web does not exist")
        desk.port.notify(source, notice)
        desk.port.notify(source, notice)
        desk.port.notify(source, Notice(type="Normal", reason="Placed", message="in gke-us"))

    def test_tombstones_are_kept_and_dropped(self, desk: Desk):
        """One per source uid and cluster, the first one stays; dropping twice is fine."""
        stone = Tombstone(key=KEY, uid="u-1", cluster="eks-us", since=1000.25)
        desk.port.put_tombstone(stone)
        desk.port.put_tombstone(Tombstone(key=KEY, uid="u-1", cluster="eks-us", since=2000.0))
        desk.port.put_tombstone(Tombstone(key=KEY, uid="u-1", cluster="gke-us", since=3.0))

        found = {stone.cluster: stone.since for stone in desk.port.tombstones()}
        assert found == {"eks-us": 1000.25, "gke-us": 3.0}
        desk.port.drop_tombstone(stone)
        desk.port.drop_tombstone(stone)
        assert [stone.cluster for stone in desk.port.tombstones()] == ["gke-us"]

    def test_a_profile_that_does_not_decode_is_frozen(self, desk: Desk):
        """Readable members are listed; an unreadable one is named, with its fault."""
        for name, server in (("gke-us", "https://127.0.0.1:1"), ("worse", "http://127.0.0.1:1")):
            manifest, status = profile(name=name, server=server)
            desk.put(manifest)
            desk.put_status({**manifest, "status": status})
        desk.port.refresh()
        inventory = desk.port.inventory()

        assert [member.name for member in inventory.members] == ["gke-us"]
        assert inventory.members[0].labels == {"cloud": "gcp"}
        assert inventory.unreadable == ("worse",)
        assert any("https" in fault for fault in inventory.faults)

    def test_a_config_cluster_that_is_down_is_not_an_empty_one(self, desk: Desk):
        """Every read fails loudly."""
        desk.put(ingress())
        desk.break_down()
        desk.port.refresh()
        for read in (lambda: desk.port.get(KEY), desk.port.list, desk.port.inventory):
            with pytest.raises(Unavailable):
                read()
        with pytest.raises(Unavailable):
            desk.port.tombstones()


class TestMemory(SourcesContract):
    @pytest.fixture
    def desk(self) -> Desk:
        port = MemorySources()

        def break_down():
            port.down = True

        return Desk(
            port=port,
            put=port.put,
            put_status=port.put_status,
            remove=lambda kind, namespace, name: port.remove(kind, name, namespace),
            stored=lambda: port.stored(KEY),
            writes=lambda: len(port.calls),
            break_down=break_down,
        )


@pytest.mark.wire
class TestKubernetes(SourcesContract):
    @pytest.fixture
    def desk(self) -> Iterator[Desk]:
        with running_cluster(name="config") as cluster:
            cluster.define(FEDERATION_POLICY, CLUSTER_PROFILE)
            connection = cluster.connection()
            yield Desk(
                port=KubeSources(connection),
                put=cluster.put,
                put_status=cluster.put_status,
                remove=cluster.remove,
                stored=lambda: cluster.get("Ingress", "shop", "shop"),
                writes=lambda: cluster.cluster.calls.total("fedingress"),
                break_down=cluster.break_down,
            )
            connection.close()

    def test_an_event_is_kept_beside_the_ingress(self, desk: Desk):
        """The Event names the Ingress, says what happened, and is there once."""
        desk.put(ingress())
        port = desk.port
        source = port.get(KEY)
        assert source is not None
        notice = Notice(type="Warning", reason="ServiceMissing", message="web does not exist")
        port.notify(source, notice)
        port.notify(source, notice)

        (event,) = port.connection.list(EVENT, "shop").items
        assert event["involvedObject"]["uid"] == source.uid
        assert (event["type"], event["reason"]) == ("Warning", "ServiceMissing")
        assert event["message"] == "web does not exist"

    def test_a_missing_definition_is_not_an_empty_inventory(self):
        """An API server without ClusterProfiles is an error, not a world without members."""
        with running_cluster(name="config") as cluster:
            port = KubeSources(cluster.connection())
            with pytest.raises(Unavailable, match="CustomResourceDefinition"):
                port.inventory()
            port.connection.close()

    def test_profiles_are_kept_for_a_moment(self, desk: Desk):
        """A new profile shows after `refresh` at once, and without it after two seconds."""
        now = [0.0]
        port = KubeSources(desk.port.connection, monotonic=lambda: now[0])
        assert port.inventory().members == ()
        manifest, status = profile()
        desk.put(manifest)
        desk.put_status({**manifest, "status": status})
        assert port.inventory().members == ()
        now[0] = 2.1
        assert [member.name for member in port.inventory().members] == ["gke-us"]

    def test_a_token_is_read_from_its_secret(self, desk: Desk):
        """The token beside a profile is decoded; a missing one says what to do."""
        desk.put(
            {
                "apiVersion": "v1",
                "kind": "Secret",
                "metadata": {"namespace": "fedingress-inventory", "name": "gke-us-token"},
                "data": {"token": base64.b64encode(b"sesame").decode()},
            }
        )
        assert desk.port.read_token("fedingress-inventory/gke-us-token") == "sesame"
        with pytest.raises(Forbidden, match="join the member again"):
            desk.port.read_token("fedingress-inventory/other-token")
