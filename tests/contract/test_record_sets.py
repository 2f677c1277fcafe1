"""The port `RecordSets`: in memory, and through the official client on Cloud DNS."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from fedingress.adapters.gcp.record_sets import CloudDnsRecordSets
from fedingress.adapters.memory.record_sets import MemoryRecordSets
from fedingress.domain.errors import Unavailable
from fedingress.domain.record import RecordSet
from tests.contract.local_gcp import RunningCloud, running_cloud, use_metadata
from tests.contract.record_sets_suite import GUARD, ZONE, Lab, RecordSetsContract, record


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


class _LocalCloud:
    """A cloud of the local cloud as the suite's `Provider`."""

    def __init__(self, running: RunningCloud) -> None:
        self._running = running

    def put(self, rrset: Mapping[str, Any]) -> None:
        zone = self._running.cloud.zones[ZONE.project, ZONE.name]
        self._running.do(lambda: zone.rrsets.update({(rrset["name"], rrset["type"]): dict(rrset)}))

    def writes(self) -> int:
        return self._running.do(lambda: self._running.cloud.calls.total("fedingress"))


@pytest.mark.wire
class TestCloudDns(RecordSetsContract):
    @pytest.fixture
    def lab(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Lab]:
        with running_cloud(ZONE.project) as running:
            use_metadata(monkeypatch, running.metadata, str(tmp_path))
            running.do(
                lambda: running.cloud.create_zone(ZONE.project, ZONE.name, f"{ZONE.domain}.")
            )
            port = CloudDnsRecordSets(running.endpoint, page_size=2)
            yield Lab(port=port, provider=_LocalCloud(running))


class TestMemory(RecordSetsContract):
    @pytest.fixture
    def lab(self) -> Lab:
        port = MemoryRecordSets([ZONE])
        return Lab(port=port, provider=_InMemory(port))

    @pytest.mark.parametrize(("moment", "count"), [("before", 0), ("after", 1)])
    def test_a_call_can_break_before_or_after_its_effect(self, moment, count):
        """A test can stand for a lost request and for a lost reply."""

        def fault(when: str, verb: str, where: str) -> None:
            if (when, verb, where) == (moment, "change", ZONE.unit):
                raise Unavailable("lost")

        port = MemoryRecordSets([ZONE], fault=fault)

        with pytest.raises(Unavailable, match="lost"):
            port.change(ZONE, deletions=[], additions=[record()], guard=GUARD)

        assert port.calls == [("change", ZONE.unit)] * count
        assert (record() in port.list(ZONE)) == bool(count)

    def test_others_write_too(self):
        """A record can appear and vanish without us."""
        port = MemoryRecordSets([ZONE])

        port.put(ZONE, record())
        assert record() in port.list(ZONE)

        port.remove(ZONE, "web.example.com", "A")
        assert record() not in port.list(ZONE)
