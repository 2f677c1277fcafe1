"""Watching: every change becomes work once, through restarts of what is watched."""

import base64
import threading

import pytest

from fedingress.adapters.kube.clusters import KubeMemberClusters
from fedingress.adapters.kube.resources import CLUSTER_PROFILE, FEDERATION_POLICY
from fedingress.adapters.kube.sources import KubeSources
from fedingress.adapters.memory.clusters import MemoryMembers
from fedingress.adapters.memory.sources import MemorySources
from fedingress.domain.errors import Unavailable
from fedingress.domain.ingress import IngressKey
from fedingress.domain.names import FINALIZERS
from fedingress.domain.work import ROTATION
from fedingress.ports import Ports
from fedingress.ports.sources import StatusWrite
from fedingress.runtime.watching import ClusterWatching, Looking, watching
from tests.adapters.kube.running import QUICK, definition, running_cluster
from tests.certificates import secret_for
from tests.contract.sources_suite import ingress, ingress_class, policy
from tests.localcloud.gce import until

KEY = IngressKey(namespace="shop", name="shop")


class RecordingBus:
    """Keeps what is published."""

    def __init__(self):
        self._works, self._lock = [], threading.Lock()

    def publish(self, works):
        with self._lock:
            self._works += works

    def take(self):
        """(unit, cause) of everything since the last time."""
        with self._lock:
            taken, self._works = self._works, []
        assert {work.concern for work in taken} <= {"fanout"}
        return [(work.unit, work.cause) for work in taken]

    def await_unit(self, unit="shop/shop"):
        """Wait for work on *unit*; gives its cause."""
        return until(lambda: dict(self.take()).get(unit), f"work on {unit}")


def ports(sources, clusters, bus):
    nothing = dict.fromkeys(
        (
            "load_balancers",
            "record_sets",
            "health_checks",
            "balancers",
            "accelerators",
            "ledger",
            "clock",
            "parallel",
        )
    )
    return Ports(owner="test", sources=sources, clusters=clusters, bus=bus, **nothing)


@pytest.fixture
def bus():
    return RecordingBus()


class TestLooking:
    """A directory, or anything that can only be listed."""

    @pytest.fixture
    def sources(self):
        made = MemorySources()
        made.put(policy())
        made.put(ingress_class())
        return made

    @pytest.fixture
    def looking(self, sources, bus):
        made = watching(ports(sources, MemoryMembers(()), bus))
        assert isinstance(made, Looking)
        made._look_seconds = 0.02
        made.start()
        yield made
        made.stop()

    def looks(self, sources, failure=None):
        """Let it look three times more, in vain if there is a *failure*."""
        seen, real = [], sources.list

        def counted():
            seen.append(1)
            if failure is not None:
                raise failure
            return real()

        sources.list = counted
        until(lambda: len(seen) > 3, "more looks")
        sources.list = real

    def test_an_ingress_that_appears_changes_and_vanishes(self, sources, looking, bus):
        """Each of the three is work on it."""
        sources.put(ingress())
        bus.await_unit()
        sources.put(ingress(host="new.example.com"))
        bus.await_unit()
        sources.delete(KEY)
        bus.await_unit()

    def test_our_own_writes_are_no_news(self, sources, looking, bus):
        """Finalizers, status and our annotations wake nobody."""
        sources.put(ingress())
        bus.await_unit()
        source = sources.set_finalizers(sources.get(KEY), [FINALIZERS["fanout"]])
        annotations = {"fedingress.dev/conditions": "[]", "fedingress.dev/footprint": "{}"}
        sources.write_status(source, StatusWrite(addresses=("127.0.0.9",), annotations=annotations))
        self.looks(sources)
        until(lambda: looking._debounce._waiting == {}, "nothing to wait")

        assert bus.take() == []

    def test_a_placement_annotation_is_news(self, sources, looking, bus):
        """What a user asks for by annotation counts, although it is under our prefix."""
        sources.put(ingress())
        bus.await_unit()
        sources.put(ingress(**{"fedingress.dev/clusters": "gke-us"}))

        assert bus.await_unit()

    def test_another_certificate_is_news(self, sources, looking, bus):
        """A Secret that is changed, or goes, is work with a cause that asks for a thorough look."""
        manifest = ingress()
        manifest["spec"]["tls"] = [{"secretName": "web-tls"}]
        sources.put(secret_for("web-tls", "shop.example.com"))
        sources.put(manifest)
        assert bus.await_unit() == "ingress.changed"
        sources.put(secret_for("web-tls", "shop.example.com"))
        assert bus.await_unit() == ROTATION
        sources.remove("Secret", "web-tls", "shop")
        assert bus.await_unit() == ROTATION
        self.looks(sources)

        assert bus.take() == []

    def test_a_policy_is_news_for_all_under_it(self, sources, looking, bus):
        """A changed policy is work on every Ingress of its class."""
        sources.put(ingress())
        sources.put(ingress(name="second"))
        bus.await_unit("shop/second")
        bus.take()
        sources.put(policy(topology="gcp", project="other"))

        found = set()
        until(lambda: found.update(bus.take()) or len(found) == 2, "work on both")

    def test_a_new_member_is_news_for_all(self, sources, looking, bus):
        """An inventory that changed is work on every Ingress."""
        sources.put(ingress())
        bus.await_unit()
        meta = {"name": "gke-new", "namespace": "inventory"}
        kind = {"apiVersion": "multicluster.x-k8s.io/v1alpha1", "kind": "ClusterProfile"}
        sources.put(kind | {"metadata": meta, "spec": {"clusterManager": {"name": "fedingress"}}})

        assert bus.await_unit()

    @pytest.mark.parametrize("failure", [Unavailable("down"), AttributeError("a bug")])
    def test_a_failed_look_is_not_empty(self, sources, looking, bus, failure):
        """A list that failed, by whatever error, deletes nothing, and looking goes on after it."""
        sources.put(ingress())
        bus.await_unit()
        self.looks(sources, failure)
        assert bus.take() == []

        sources.put(ingress(host="new.example.com"))
        assert bus.await_unit()


@pytest.mark.wire
class TestCluster:
    """A config cluster that is a member, too."""

    @pytest.fixture
    def cluster(self):
        with running_cluster() as running:
            for resource in (CLUSTER_PROFILE, FEDERATION_POLICY):
                running.put(definition(resource))
            running.put(policy())
            running.put(ingress_class())
            yield running

    @pytest.fixture
    def watch(self, cluster, bus):
        sources = KubeSources(cluster.connection())
        clusters = KubeMemberClusters(lambda _: "sesame", concern="tests", timeouts=QUICK)
        made = watching(ports(sources, clusters, bus))
        assert isinstance(made, ClusterWatching)
        made.start()
        until(lambda: made._watch.synced, "the first lists")
        yield made
        made.stop()
        clusters.close()
        sources.connection.close()

    def join(self, cluster, name="gke-us"):
        access = {"server": cluster.url, "certificate-authority-data": encoded(cluster.ca_data)}
        profile = {
            "apiVersion": "multicluster.x-k8s.io/v1alpha1",
            "kind": "ClusterProfile",
            "metadata": {"name": name, "namespace": "fedingress-inventory"},
            "spec": {"clusterManager": {"name": "fedingress"}},
            "status": {
                "accessProviders": [{"name": "fedingress-token", "cluster": access}],
                "properties": [{"name": "fedingress.dev/provider", "value": "gcp"}],
            },
        }
        cluster.put({key: value for key, value in profile.items() if key != "status"})
        cluster.put_status(profile)

    def test_changes_of_sources_are_work(self, cluster, watch, bus):
        """An Ingress seen, changed and deleted is work with that cause."""
        cluster.put(ingress())
        assert bus.await_unit() == "ingress.seen"
        cluster.put(ingress(host="new.example.com"))
        assert bus.await_unit() == "ingress.changed"
        cluster.remove("Ingress", "shop", "shop")
        assert bus.await_unit() == "ingress.deleted"

    def test_a_restarted_api_server_hides_nothing(self, cluster, watch, bus):
        """What changed while the API server was away is told once it is back."""
        cluster.put(ingress())
        cluster.put(ingress(name="second"))
        bus.await_unit("shop/second")
        cluster.break_down()
        cluster.put(ingress(host="new.example.com"))
        cluster.remove("Ingress", "shop", "second")
        cluster.come_back()

        found = {}
        until(
            lambda: found.update(bus.take()) or {"shop/shop", "shop/second"} <= set(found), "both"
        )
        assert found["shop/second"] == "ingress.deleted"

    def test_members_are_followed_as_they_join_and_leave(self, cluster, watch, bus):
        """A member that joins is watched without a restart, and is left alone once it left."""
        cluster.put(ingress())
        bus.await_unit()
        self.join(cluster)
        until(lambda: "gke-us" in watch._members._members, "the member to be watched")
        bus.await_unit()
        service = {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": "web", "namespace": "shop"},
            "spec": {"selector": {"app": "web"}, "ports": [{"port": 80}]},
        }
        cluster.put(service)
        until(lambda: "service.seen" in dict(bus.take()).values(), "the user's Service")

        cluster.remove("ClusterProfile", "fedingress-inventory", "gke-us")
        until(lambda: not watch._members._members, "the member to be left alone")

    def test_a_member_without_a_way_in_is_tried_again(self, cluster, watch, bus):
        """A profile that does not say how to get in holds nobody up, and is looked at again."""
        watch._members._look_seconds = 0.05
        cluster.put(
            {
                "apiVersion": "multicluster.x-k8s.io/v1alpha1",
                "kind": "ClusterProfile",
                "metadata": {"name": "mute", "namespace": "fedingress-inventory"},
                "spec": {"clusterManager": {"name": "fedingress"}},
            }
        )
        self.join(cluster)

        def watched():
            return {name for name, pair in watch._members._members.items() if pair[1]}

        until(lambda: watched() == {"gke-us"}, "the one that can be watched")
        self.join(cluster, "mute")
        until(lambda: watched() == {"gke-us", "mute"}, "both")

    def test_stopping_ends_every_thread(self, cluster, bus):
        """After stop no thread of the watching is left."""
        before = set(threading.enumerate())
        sources = KubeSources(cluster.connection())
        clusters = KubeMemberClusters(lambda _: "sesame", concern="tests", timeouts=QUICK)
        self.join(cluster)
        made = ClusterWatching(ports(sources, clusters, bus), sources)
        made.start()
        until(lambda: made._members._members, "a member")
        made.stop()
        clusters.close()
        sources.connection.close()

        until(lambda: set(threading.enumerate()) <= before, "the threads to end")


def encoded(text):
    return base64.b64encode(text.encode()).decode()
