"""The port `RecordSets`: in memory, and through the official client on Cloud DNS."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from fedingress.adapters.memory.record_sets import MemoryRecordSets
from fedingress.domain.record import RecordSet
from tests.contract.record_sets_suite import ZONE, Lab, RecordSetsContract


class _InMemory:
    """The memory twin as the suite's `Provider`."""

    def __init__(self, port: MemoryRecordSets) -> None:
        self._port = port

    def put(self, rrset: Mapping[str, Any]) -> None:
        policy = rrset.get("routingPolicy")
        self._port.put(
            ZONE,
            RecordSet(
                name=rrset["name"].removesuffix("."),
                type=rrset["type"],
                ttl_seconds=rrset["ttl"],
                values=tuple(sorted(rrset.get("rrdatas", ()))),
                policy=json.dumps(policy, sort_keys=True, separators=(",", ":")) if policy else "",
            ),
        )

    def writes(self) -> int:
        return len(self._port.calls)


class TestMemory(RecordSetsContract):
    @pytest.fixture
    def lab(self) -> Lab:
        port = MemoryRecordSets([ZONE])
        return Lab(port=port, provider=_InMemory(port))
