"""The port `LoadBalancers`: in memory, and through the official client on a cloud."""

import time
from collections.abc import Mapping
from typing import Any

import pytest

from fedingress.adapters.memory.load_balancers import MemoryLoadBalancers
from fedingress.domain.graph import GlobalResource, Kind
from tests.contract.load_balancers_suite import PROJECT, Lab, LoadBalancersContract


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

    def put(self, kind: Kind, name: str, spec: Mapping[str, Any]) -> None:
        self._port.put(GlobalResource(kind=kind, project=PROJECT, name=name, spec=spec))

    def slow_down(self, seconds: float) -> None:
        self._port.operation_seconds = seconds

    def writes(self) -> int:
        return len(self._port.calls)


class TestMemory(LoadBalancersContract):
    @pytest.fixture
    def lab(self) -> Lab:
        port = MemoryLoadBalancers(_WallClock())
        return Lab(port=port, cloud=_InMemory(port))
