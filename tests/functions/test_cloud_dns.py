"""Several members with IP addresses in a zone of Cloud DNS: policies, their check, and an end."""

import json
from dataclasses import asdict, replace

import pytest

from fedingress.adapters.memory.gce_checks import MemoryGceHealthChecks
from fedingress.adapters.memory.record_sets import MemoryRecordSets
from fedingress.concerns import dns
from fedingress.domain.change import as_json
from fedingress.domain.errors import Invalid
from fedingress.domain.policy import DnsHealthCheck
from fedingress.domain.record import RecordSet, policy_text
from fedingress.domain.report import ZoneIntent
from fedingress.planning.answers.marks import is_node
from tests.functions.regions import Regions
from tests.functions.test_life import conditions
from tests.functions.world import KEY, ZONE, World, ingress_manifest, member

HOST = "shop.example.com"
ADDRESSES = {"site-eu": "203.0.113.1", "site-ap": "203.0.113.2"}
SITES = (
    member("site-eu", provider="onprem", region="eu-central-1"),
    member("site-ap", provider="onprem", region="ap-southeast-1"),
)
DNS = {
    "zones": [
        {
            "provider": "cloud-dns",
            "project": "lab",
            "name": "example-com",
            "domain": "example.com",
        }
    ],
    "ttlSeconds": 5,
    "routing": "latency",
}


class Sites(Regions):
    """Two on-prem members, each behind an address of its own, and a zone of Cloud DNS."""

    def __init__(self) -> None:
        self.idle = set()
        World.__init__(self, SITES)
        self.google = self.checks = MemoryGceHealthChecks()
        self.records = MemoryRecordSets((ZONE,))
        self._wire()
        for each in ADDRESSES:
            for service in ("web", "api"):
                self.endpoints(each, service, ready=2, wanted=2)

    def play(self) -> bool:
        news = False
        for name, address in ADDRESSES.items():
            for item in self.members[name].list("Ingress"):
                if item["spec"].get("ingressClassName") == "site" and not item.get("status"):
                    self.set_status(name, {"ip": address})
                    news = True
        return news

    def policy(self) -> RecordSet:
        """Of the one node."""
        (found,) = [r for r in self.records.list(ZONE) if is_node(r.name) and r.policy]
        return found

    def intent_targets(self):
        """Members that the zone was told of."""
        (found,) = self.ports.ledger.intents(ZONE.unit, ZoneIntent).values()
        return [body["cluster"] for body in found.targets]

    def mutations(self):
        """How many calls reached the clouds."""
        return len(self.records.calls) + len(self.google.calls)


@pytest.fixture
def sites():
    """The shop stands in both sites."""
    world = Sites()
    world.install(
        aws={"ingressClass": "site"},
        dns=DNS,
    )
    world.submit(ingress_manifest(host=HOST))
    world.quiet()
    return world


def places(record):
    """Location -> addresses."""
    return {
        item["location"]: item["healthCheckedTargets"]["externalEndpoints"]
        for item in json.loads(record.policy)["geo"]["items"]
    }


def test_clients_are_led_to_the_nearest_region_by_one_checked_policy(sites):
    """The check stands before the record that names it; a second look changes nothing."""
    (check,) = sites.google.list("projects/lab/global/healthChecks/")
    assert (check.config.kind, check.config.port, check.config.interval_seconds) == ("TCP", 80, 30)
    found = sites.policy()
    assert found.health_check == check.id
    assert places(found) == {
        "asia-southeast1": [ADDRESSES["site-ap"]],
        "europe-west3": [ADDRESSES["site-eu"]],
    }
    assert conditions(sites)["Published"]["status"] == "True"

    before = sites.mutations()
    sites.tell("dns", ZONE.unit, "resync")
    sites.settle()
    assert sites.mutations() == before


def test_a_dry_run_shows_the_policy_and_writes_nothing(sites):
    """Of a change of routing: the weights, and the check that would be made."""
    intents = sites.ports.ledger.intents(ZONE.unit, ZoneIntent)
    check = asdict(DnsHealthCheck(kind="TCP", port=8443))
    expected = {
        uid: replace(each, routing={**each.routing, "routing": "weighted", "health_check": check})
        for uid, each in intents.items()
    }
    before = sites.mutations()
    plan = dns.preview(ZONE.unit, sites.ports, expected)

    (policy,) = [
        body["desired"]
        for body in map(as_json, plan)
        if body["action"] == "create" and "policy" in body["desired"]
    ]
    assert '"wrr"' in policy["policy"]
    assert policy["health_check"] == "(to be made: tcp://*:8443)"
    assert sites.mutations() == before


def test_a_drain_leaves_the_address_out_and_the_store_may_be_lost(sites):
    """Weights are read from the records again, so nothing moves."""
    drained = {"annotations": {"fedingress.dev/drain": "site-eu"}}
    sites.submit(ingress_manifest(metadata=drained))
    sites.settle()
    assert places(sites.policy())["europe-west3"] == [ADDRESSES["site-ap"]]

    before = sites.mutations()
    sites.lose_store()
    sites.tell("fanout", str(KEY), "resync")
    sites.settle()
    assert sites.mutations() == before
    assert places(sites.policy())["europe-west3"] == [ADDRESSES["site-ap"]]


def test_the_check_follows_the_policy_and_goes_with_the_last_record(sites):
    """Another one is made, named, and only then the old one goes; none is left."""
    (old,) = sites.google.list("projects/lab/")
    sites.install(
        aws={"ingressClass": "site"},
        dns=DNS
        | {
            "routing": "weighted",
            "healthCheck": {"protocol": "HTTP", "port": 8080, "paths": ["/ok"]},
        },
    )
    sites.tell("fanout", str(KEY))
    sites.settle()
    (new,) = sites.google.list("projects/lab/")
    assert new.id != old.id
    assert sites.policy().health_check == new.id

    sites.delete()
    sites.settle()
    assert sites.google.list("projects/lab/") == []
    assert {item.type for item in sites.records.list(ZONE)} == {"NS", "SOA"}


def test_a_policy_of_somebody_else_is_a_conflict_and_stays(sites):
    """It is read without harm, and never written."""
    theirs = RecordSet(
        name="theirs.example.com",
        type="A",
        ttl_seconds=30,
        policy=policy_text({"wrr": {"items": [{"weight": 1, "rrdatas": ["192.0.2.1"]}]}}),
    )
    sites.records.put(ZONE, theirs)
    sites.submit(ingress_manifest(host=theirs.name))
    sites.settle()

    assert theirs in sites.records.list(ZONE)
    assert "is not ours" in conditions(sites)["Published"]["message"]


def test_amazon_is_not_asked_for_the_balancers_of_sites():
    """Regions that AWS refuses, or does not have, keep no on-prem member away."""
    world = Sites()
    world.balancers.refuses = {each.region for each in SITES}
    world.install(aws={"ingressClass": "site"}, dns=DNS)
    world.submit(ingress_manifest(host=HOST))
    world.quiet()

    assert {*world.intent_targets()} == {*ADDRESSES}


def test_a_check_that_is_refused_keeps_the_host_waiting_and_is_told():
    """The provider's words stand on the Ingress; nothing is published without a check."""
    world = Sites()

    def refuse(when, verb, _name):
        if (when, verb) == ("before", "create"):
            raise Invalid("Quota 'HEALTH_CHECKS' exceeded. Limit: 0.0 globally.")

    world.google.fault = refuse
    world.install(aws={"ingressClass": "site"}, dns=DNS)
    world.submit(ingress_manifest(host=HOST))
    world.quiet()
    assert "waiting for the health check tcp://*:80" in conditions(world)["Published"]["message"]
    assert {item.type for item in world.records.list(ZONE)} == {"NS", "SOA"}
