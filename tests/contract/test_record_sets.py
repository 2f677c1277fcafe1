"""The port `RecordSets`: in memory, and through the official client on Cloud DNS."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from fedingress.adapters.gcp.record_sets import CloudDnsRecordSets
from fedingress.adapters.memory.record_sets import MemoryRecordSets
from fedingress.domain.errors import Conflict, Invalid, Unavailable
from fedingress.domain.record import RecordSet, policy_text
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
                policy=policy_text(policy) if policy else "",
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


CHECK = "projects/lab/global/healthChecks/fi-1"
ENDS = {"externalEndpoints": ["203.0.113.1", "203.0.113.2"]}
ITEM = {"healthCheckedTargets": ENDS}
POLICIES = {
    "wrr": {"wrr": {"items": [{**ITEM, "weight": 85}, {"weight": 0, "rrdatas": ["192.0.2.1"]}]}},
    "geo": {"geo": {"items": [{**ITEM, "location": "us-east4"}]}},
    "primaryBackup": {
        "primaryBackup": {
            "primaryTargets": ENDS,
            "backupGeoTargets": {"items": [{**ITEM, "location": "us-east4"}]},
        }
    },
}
UNSOUND = {
    "two ways": POLICIES["wrr"] | POLICIES["geo"],
    "no way": {"other": {}},
    "no items": {"wrr": {"items": []}},
    "a negative weight": {"wrr": {"items": [{**ITEM, "weight": -1}]}},
    "no weight": {"wrr": {"items": [ITEM]}},
    "no place": {"geo": {"items": [ITEM]}},
    "a place twice": {"geo": {"items": [{**ITEM, "location": "us-east4"}] * 2}},
    "no data": {"geo": {"items": [{"location": "us-east4"}]}},
    "another family": {
        "geo": {
            "items": [
                {
                    "location": "us-east4",
                    "healthCheckedTargets": {"externalEndpoints": ["2001:db8::1"]},
                }
            ]
        }
    },
}


def policy(body: Mapping[str, Any], *, check: str = CHECK, kind: str = "A") -> RecordSet:
    """A record set with a routing policy."""
    return RecordSet(
        name="p.example.com",
        type=kind,
        ttl_seconds=5,
        policy=policy_text(body),
        health_check=check,
    )


class RoutingPolicies(RecordSetsContract):
    """What zones of Cloud DNS hold beside plain records."""

    @pytest.mark.parametrize("name", POLICIES)
    def test_a_policy_comes_back_as_it_was_given(self, lab, name):
        """With its check; and it is replaced and deleted by what was read."""
        item = policy(POLICIES[name])
        lab.change(additions=[item])
        assert lab.find(item.name) == item
        other = replace(item, ttl_seconds=60)
        with pytest.raises(Conflict):
            lab.change(deletions=[other])
        lab.change(deletions=[item], additions=[other])
        lab.change(deletions=[other])
        assert lab.find(item.name) is None

    @pytest.mark.parametrize("name", UNSOUND)
    def test_an_unsound_policy_is_invalid(self, lab, name):
        """Nothing stands afterwards."""
        with pytest.raises(Invalid):
            lab.change(additions=[policy(UNSOUND[name])])
        assert lab.find("p.example.com") is None

    def test_endpoints_need_a_check_and_addresses(self, lab):
        """None is answered unchecked, and names are not checked."""
        named = {
            "wrr": {
                "items": [
                    {
                        "weight": 1,
                        "healthCheckedTargets": {"externalEndpoints": ["other.example.net."]},
                    }
                ]
            }
        }
        for item in (policy(POLICIES["wrr"], check=""), policy(named, kind="CNAME")):
            with pytest.raises(Invalid):
                lab.change(additions=[item])


@pytest.mark.wire
class TestCloudDns(RoutingPolicies):
    @pytest.fixture
    def lab(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Lab]:
        with running_cloud(ZONE.project) as running:
            use_metadata(monkeypatch, running.metadata, str(tmp_path))
            running.do(
                lambda: running.cloud.create_zone(ZONE.project, ZONE.name, f"{ZONE.domain}.")
            )
            looked_from = ["asia-southeast1", "europe-west1", "us-central1"]
            body = {"type": "TCP", "checkIntervalSec": 30, "sourceRegions": looked_from}
            running.do(lambda: running.cloud.insert(CHECK, body))
            port = CloudDnsRecordSets(running.endpoint, page_size=2)
            yield Lab(port=port, provider=_LocalCloud(running))


class TestMemory(RoutingPolicies):
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
