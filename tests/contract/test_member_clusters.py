"""The port `MemberClusters`: in memory, and through the official client on an API server."""

import dataclasses
from collections.abc import Iterator

import pytest

from fedingress.adapters.kube.clusters import KubeMemberClusters
from fedingress.adapters.memory.clusters import MemoryCluster, MemoryMembers
from fedingress.domain.cluster import MemberCluster
from tests.adapters.kube.running import QUICK, TOKEN, running_cluster
from tests.contract.member_clusters_suite import NAMESPACE, Lab, MemberClustersContract


class _InMemory:
    """A memory cluster as the suite's `OneCluster`."""

    def __init__(self, cluster: MemoryCluster) -> None:
        self.put, self.get, self.remove = cluster.put, cluster.get, cluster.remove
        self._cluster = cluster

    def break_down(self) -> None:
        self._cluster.down = True

    def refuse(self) -> None:
        self._cluster.refuses = True


class TestMemory(MemberClustersContract):
    @pytest.fixture
    def lab(self) -> Lab:
        member = MemberCluster(name="gke-us", access=None, provider="gcp")
        port = MemoryMembers([member])
        port["gke-us"].add_namespace(NAMESPACE)
        return Lab(port=port, member=dataclasses.replace(member), cluster=_InMemory(port["gke-us"]))


@pytest.mark.wire
class TestKubernetes(MemberClustersContract):
    @pytest.fixture
    def lab(self) -> Iterator[Lab]:
        with running_cluster() as cluster:
            port = KubeMemberClusters(lambda secret: TOKEN, concern="fanout", timeouts=QUICK)
            yield Lab(port=port, member=cluster.member(provider="gcp"), cluster=cluster)
            port.close()
