"""The port `LoadBalancers`: in memory, and through the official client on a cloud."""

import itertools
import time
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from fedingress.adapters.gcp.load_balancers import GceLoadBalancers
from fedingress.adapters.memory.load_balancers import MemoryLoadBalancers
from fedingress.domain.errors import Conflict, Invalid, Unavailable
from fedingress.domain.graph import GlobalResource, Kind
from fedingress.planning.diff import differing
from tests.contract.https_suite import HttpsContract
from tests.contract.instance_groups_suite import InstanceGroupsContract
from tests.contract.load_balancers_lab import (
    GUARD,
    PREFIX,
    PROJECT,
    ZONES,
    Lab,
    address,
    backend,
    health_check,
    neg,
    rule,
    service,
    url_map,
)
from tests.contract.load_balancers_suite import LoadBalancersContract
from tests.contract.local_gcp import RunningCloud, running_cloud, use_metadata

NETWORK = f"projects/{PROJECT}/global/networks/default"


class _WallClock:
    """Real time."""

    def now(self) -> float:
        return time.time()

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)


class _InMemory:
    """The memory twin as the suite's `Cloud`."""

    def __init__(self, port: MemoryLoadBalancers) -> None:
        self._port = port

    def add_neg(self, zone: str, name: str, endpoints: int, healthy: int) -> None:
        self._port.add_neg(PROJECT, zone, name, endpoints, healthy)

    def add_instance_group(
        self, zone: str, name: str, port: int, *, nodes: int, healthy: int
    ) -> None:
        self._port.add_instance_group(PROJECT, zone, name, nodes, {port: healthy})

    def put(self, kind: Kind, name: str, spec: Mapping[str, Any]) -> None:
        self._port.put(GlobalResource(kind=kind, project=PROJECT, name=name, spec=spec))

    def slow_down(self, seconds: float) -> None:
        self._port.operation_seconds = seconds

    def writes(self) -> int:
        return len(self._port.calls)


class _VirtualClock:
    """Time that passes by sleeping only."""

    def __init__(self) -> None:
        self.seconds = 1e9

    def now(self) -> float:
        return self.seconds

    def sleep(self, seconds: float) -> None:
        self.seconds += seconds


class _LocalCloud:
    """A cloud of the local cloud as the suite's `Cloud`."""

    def __init__(self, running: RunningCloud) -> None:
        self._running = running
        self._hosts = itertools.count(1)
        self._states: dict[tuple[str, int], str] = {}
        running.cloud.health = self._health

    def add_neg(self, zone: str, name: str, endpoints: int, healthy: int) -> None:
        path = f"projects/{PROJECT}/zones/{zone}/networkEndpointGroups/{name}"
        body = {"networkEndpointType": "GCE_VM_IP_PORT", "network": NETWORK}
        hosts = [f"10.0.0.{next(self._hosts)}" for _ in range(endpoints)]
        for number, host in enumerate(hosts):
            self._states[host, 8080] = "HEALTHY" if number < healthy else "UNHEALTHY"
        members = [{"ipAddress": host, "port": 8080, "instance": "node"} for host in hosts]
        self._running.do(lambda: self._running.cloud.insert(path, body))
        self._running.do(lambda: self._running.cloud.attach(path, members))

    def add_instance_group(
        self, zone: str, name: str, port: int, *, nodes: int, healthy: int
    ) -> None:
        place = f"projects/{PROJECT}/zones/{zone}"
        path = f"{place}/instanceGroups/{name}"
        members = [f"{place}/instances/{name}-{number}" for number in range(nodes)]
        for number, member in enumerate(members):
            host = f"10.1.0.{next(self._hosts)}"
            self._states[host, port] = "HEALTHY" if number < healthy else "UNHEALTHY"
            self._running.do(partial(self._running.cloud.create_instance, member, address=host))
        self._running.do(lambda: self._running.cloud.insert(path, {}))
        self._running.do(lambda: self._running.cloud.add_instances(path, members))

    def put(self, kind: Kind, name: str, spec: Mapping[str, Any]) -> None:
        path = f"projects/{PROJECT}/global/{kind.value}/{name}"
        self._running.do(lambda: self._running.cloud.insert(path, spec))

    def slow_down(self, seconds: float) -> None:
        self._running.do(lambda: setattr(self._running.cloud._operations, "seconds", seconds))

    def writes(self) -> int:
        return self._running.do(lambda: self._running.cloud.calls.total("fedingress"))

    def _health(self, service: str, group: str) -> Mapping[tuple[str, int], str]:
        return self._states


@pytest.mark.wire
class TestGce(LoadBalancersContract, HttpsContract, InstanceGroupsContract):
    @pytest.fixture
    def lab(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Lab]:
        with running_cloud(PROJECT) as running:
            use_metadata(monkeypatch, running.metadata, str(tmp_path))
            port = GceLoadBalancers(running.endpoint)
            yield Lab(port=port, cloud=_LocalCloud(running))


class TestMemory(LoadBalancersContract, HttpsContract, InstanceGroupsContract):
    @pytest.fixture
    def lab(self) -> Lab:
        port = MemoryLoadBalancers(_WallClock())
        return Lab(port=port, cloud=_InMemory(port))

    def test_defaults_are_filled_in(self):
        """As GCE does, so that equality is never enough to compare."""
        port = MemoryLoadBalancers(_VirtualClock())
        port.create(health_check(), GUARD)
        port.create(service(), GUARD)

        (found,) = port.observe(PROJECT, [Kind.BACKEND_SERVICE], PREFIX)

        assert found.spec["sessionAffinity"] == "NONE"
        assert not differing(found.spec, service().spec)

    def test_waiting_sleeps_by_the_clock(self):
        """Minutes of operations pass in no time, and no later than the budget."""
        clock = _VirtualClock()
        port = MemoryLoadBalancers(clock, operation_seconds=40)
        operation = port.create(address(), GUARD)

        assert port.wait([operation], seconds=30) == ([operation], [])
        assert clock.seconds == 1e9 + 30
        assert port.wait([operation], seconds=30) == ([], [])
        assert clock.seconds == 1e9 + 40

    def test_a_deleted_resource_stands_until_its_operation_ends(self):
        """As GCE lists it meanwhile; its name stays taken."""
        clock = _VirtualClock()
        port = MemoryLoadBalancers(clock)
        port.create(address(), GUARD)
        (seen,) = port.observe(PROJECT, [Kind.ADDRESS], PREFIX)
        port.operation_seconds = 5

        operation = port.delete(seen, GUARD)

        assert port.observe(PROJECT, [Kind.ADDRESS], PREFIX) == [seen]
        with pytest.raises(Conflict):
            port.create(address(), GUARD)
        with pytest.raises(Unavailable, match="not ready"):
            port.delete(seen, GUARD)
        port.wait([operation], seconds=5)
        assert port.observe(PROJECT, [Kind.ADDRESS], PREFIX) == []

    @pytest.mark.parametrize("verb", ["create", "update", "delete"])
    def test_a_failed_operation_leaves_no_effect(self, verb):
        """The sentence is told by waiting, and what stood before stands again."""
        port = MemoryLoadBalancers(_VirtualClock())
        if verb != "create":
            port.create(health_check(), GUARD)
        before = port.observe(PROJECT, list(Kind), PREFIX)
        port.fail(verb, health_check().label, "Quota exceeded.")

        operation = {
            "create": lambda: port.create(health_check(), GUARD),
            "update": lambda: port.update(before[0], health_check(timeoutSec=3), GUARD),
            "delete": lambda: port.delete(before[0], GUARD),
        }[verb]()

        assert port.wait([operation], seconds=1) == (
            [],
            [f"{health_check().label}: Quota exceeded."],
        )
        assert port.observe(PROJECT, list(Kind), PREFIX) == before

    @pytest.mark.parametrize(("moment", "count"), [("before", 0), ("after", 1)])
    def test_a_call_can_break_before_or_after_its_effect(self, moment, count):
        """A test can stand for a lost request and for a lost reply."""

        def fault(when: str, verb: str, label: str) -> None:
            if (when, verb, label) == (moment, "create", address().label):
                raise Unavailable("lost")

        port = MemoryLoadBalancers(_VirtualClock(), fault=fault)

        with pytest.raises(Unavailable, match="lost"):
            port.create(address(), GUARD)

        assert len(port.calls) == count
        assert len(port.observe(PROJECT, [Kind.ADDRESS], PREFIX)) == count

    def test_a_neg_stays_until_nothing_refers_to_it(self):
        """Its controller tries again and again; meanwhile it has no endpoints."""
        port = MemoryLoadBalancers(_VirtualClock())
        port.add_neg(PROJECT, ZONES[0], "n-1", 2, 2)
        port.create(health_check(), GUARD)
        port.create(service(neg("n-1")), GUARD)
        (seen,) = port.observe(PROJECT, [Kind.BACKEND_SERVICE], PREFIX)

        port.remove_neg(PROJECT, ZONES[0], "n-1")
        assert [item.endpoints for item in port.health(seen, [neg("n-1")])] == [0]
        assert port.negs() == [neg("n-1")]

        port.update(seen, service(), GUARD)
        port.remove_neg(PROJECT, ZONES[0], "n-1")
        assert port.negs() == []

    @pytest.mark.parametrize(
        ("item", "words"),
        [
            (service(backends=[backend(neg("n-1"), capacityScaler=0)]), "lone backend"),
            (service(backends=[backend(neg("n-1"), capacityScaler=0.05)]), "0.1"),
            (service(backends=[backend(neg("n-1")), backend(neg("n-1"))]), "Duplicate group"),
            (service(backends=[backend(neg("n-1"), maxRatePerEndpoint=0)]), "rate"),
            (service(backends=[backend(neg("n-1"), balancingMode="UTILIZATION")]), "RATE"),
            (service(healthChecks=[]), "healthChecks"),
            (health_check(timeoutSec=60), "checkIntervalSec"),
            (health_check(noSuchField=1), "noSuchField"),
            (url_map(defaultService=health_check().path), "malformed"),
            (url_map(hostRules=[{"hosts": ["a"], "pathMatcher": "m-none"}]), "m-none"),
            (url_map(name="Bad_Name"), "regex"),
            (rule("198.51.100.1"), "not reserved"),
        ],
        ids=lambda each: each if isinstance(each, str) else "",
    )
    def test_what_gce_refuses_is_refused(self, item, words):
        """Each rule has its words."""
        port = MemoryLoadBalancers(_VirtualClock())
        port.add_neg(PROJECT, ZONES[0], "n-1", 2, 2)

        with pytest.raises(Invalid, match=words):
            port.create(item, GUARD)

        assert not port.observe(PROJECT, list(Kind), "")
