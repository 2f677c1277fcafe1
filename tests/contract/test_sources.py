"""The port `Sources` where users speak to an API server: in memory, and through the real client."""

import base64
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from fedingress.adapters.kube.resources import CLUSTER_PROFILE, EVENT, FEDERATION_POLICY
from fedingress.adapters.kube.sources import KubeSources
from fedingress.adapters.memory.sources import MemorySources
from fedingress.domain.errors import Forbidden, Unavailable
from fedingress.ports.sources import Notice, StatusWrite
from tests.adapters.kube.running import running_cluster
from tests.contract import sources_suite
from tests.contract.sources_suite import SourcesSuite, ingress


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk(sources_suite.Desk):
    """
    Also what only an API server has.

    put_status: write a status as a cluster manager.   writes: how many mutating calls were ours.
    """

    put_status: Callable[[dict[str, Any]], object]
    writes: Callable[[], int]


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


class ServerSuite(SourcesSuite):
    """The contract, and what an API server adds."""

    def test_the_same_status_again_is_not_sent(self, desk: Desk):
        """Writing what stands there costs no mutating call."""
        desk.put(ingress())
        source = desk.source()
        write = StatusWrite(
            addresses=("127.9.0.1",), annotations={"fedingress.dev/conditions": "1"}
        )
        desk.port.write_status(source, write)
        before = desk.writes()

        desk.port.write_status(source, write)

        assert desk.writes() == before

    def test_a_profile_that_does_not_decode_is_frozen(self, desk: Desk):
        """Readable members are listed; an unreadable one is named, with its fault."""
        for name, server in (("gke-us", "https://127.0.0.1:1"), ("worse", "http://127.0.0.1:1")):
            manifest, status = profile(name=name, server=server)
            desk.put(manifest)
            desk.put_status({**manifest, "status": status})
        desk.settle()
        inventory = desk.port.inventory()

        assert [member.name for member in inventory.members] == ["gke-us"]
        assert inventory.members[0].labels == {"cloud": "gcp"}
        assert inventory.unreadable == ("worse",)
        assert any("https" in fault for fault in inventory.faults)


class TestMemory(ServerSuite):
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
            writes=lambda: len(port.calls),
            break_down=break_down,
        )


@pytest.mark.wire
class TestKubernetes(ServerSuite):
    @pytest.fixture
    def desk(self) -> Iterator[Desk]:
        with running_cluster(name="config") as cluster:
            cluster.define(FEDERATION_POLICY, CLUSTER_PROFILE)
            connection = cluster.connection()
            port = KubeSources(connection)
            yield Desk(
                port=port,
                settle=port.refresh,
                put=cluster.put,
                put_status=cluster.put_status,
                remove=cluster.remove,
                writes=lambda: cluster.cluster.calls.total("fedingress"),
                break_down=lambda: (cluster.break_down(), port.refresh()),
            )
            connection.close()

    def test_an_event_is_kept_beside_the_ingress(self, desk: Desk):
        """The Event names the Ingress, says what happened, and is there once."""
        desk.put(ingress())
        port = desk.port
        source = desk.source()
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
