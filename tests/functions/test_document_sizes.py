"""
What the concerns keep of one Ingress at the size that is promised: it fits a document of any store.

50 members and 20 hosts with a Service each, in three zones of every member, where names are long.
"""

from dataclasses import asdict

import pytest

from fedingress.adapters.stores import documents
from fedingress.adapters.stores.memory import MemoryStore
from fedingress.domain import names
from fedingress.domain.errors import Invalid
from fedingress.domain.policy import DnsPolicy
from fedingress.domain.report import BackendsReport, DnsReport, FanoutReport, ZoneIntent
from fedingress.domain.target import Target
from fedingress.domain.work import Work
from fedingress.ports.ledger import Ledger, intent_entry, report_entry
from fedingress.ports.store import Key

MEMBERS = [f"gke-production-{number:02}" for number in range(50)]
HOSTS = tuple(f"{'shop' * 10}-{number:02}.{'department' * 4}.example.com" for number in range(20))
SERVICES = [f"{'service' * 6}-{number:02}" for number in range(20)]
SOURCE = "shop/shop"
ZONE = {"provider": "route53", "project": "self", "name": "Z1", "domain": "example.com"}
NEGS = tuple(
    {
        "cluster": member,
        "service": service,
        "port": "8080",
        "project": f"{member}-project",
        "zone": f"europe-west1-{zone}",
        "name": f"k8s1-{names.short_hash(member, service)}-shop-{service[:20]}-8080",
        "protocol": "HTTP",
    }
    for member in MEMBERS
    for service in SERVICES
    for zone in "bcd"
)


class Bus:
    def __init__(self):
        self.works = []

    def publish(self, works):
        self.works += works


@pytest.fixture
def ledger():
    return Ledger(MemoryStore())


def fanned(**more):
    probe = {"kind": "HTTP", "path": "/healthz", "port": 8080, "interval_seconds": 5}
    return FanoutReport(
        uid="uid-1",
        generation=3,
        clusters={name: {"state": "placed", "reason": "", "message": ""} for name in MEMBERS},
        hosts=HOSTS,
        negs=NEGS,
        probes={name: {f"{each}:8080": probe for each in SERVICES} for name in MEMBERS},
        **more,
    )


def attached():
    row = {"endpoints": 60, "healthy": 60, "attached": True, "capacity": 1.0}
    return BackendsReport(
        uid="uid-1",
        generation=3,
        clusters=dict.fromkeys(MEMBERS, row),
        negs=tuple(each["name"] for each in NEGS),
        serving=tuple(MEMBERS),
    )


def published():
    row = {"zone": "route53:self/Z1", "state": "published", "message": "x" * 200}
    share = {"share": 0.02, "wanted": 0.02, "weight": 5, "reason": "NotWritten"}
    return DnsReport(
        uid="uid-1",
        generation=3,
        hosts=dict.fromkeys(HOSTS, row),
        members=dict.fromkeys(MEMBERS, share),
    )


def wanted(hosts=HOSTS):
    target = Target(
        cluster="",
        region="ap-southeast-1",
        address="k8s-shop-shop-0123456789-0123456789.ap-southeast-1.elb.amazonaws.com",
        hosted_zone="Z0123456789ABC",
    )
    return ZoneIntent(
        uid="uid-1",
        generation=3,
        source=SOURCE,
        created="2026-01-01T00:00:00Z",
        state="present",
        zone=ZONE,
        hosts=hosts,
        targets=tuple(target.encode() | {"cluster": name} for name in MEMBERS),
        routing=asdict(DnsPolicy(routing="latency")),
    )


def largest(ledger):
    """Bytes of the largest document."""
    kept = [each for family in ("report", "intent", "note") for each in ledger.store.list(family)]
    return max(len(documents.encode(each.key, each.body)) for each in kept)


@pytest.mark.parametrize(
    "report", [fanned(), attached(), published()], ids=lambda r: type(r).__name__
)
def test_a_report_of_fifty_members_and_twenty_hosts_fits(ledger, report):
    """It comes back as it was said, and is no news when it is said again."""
    bus, work = Bus(), Work(concern="status", unit=SOURCE, cause="test")
    said = [report_entry("some", SOURCE, report)]

    assert ledger.announce(bus, said, [work])
    assert not ledger.announce(bus, said, [work])

    assert bus.works == [work]
    assert ledger.report("some", SOURCE, type(report)) == report
    assert largest(ledger) < 0.75 * documents.MAX_BODY_BYTES


def test_a_report_that_the_store_would_refuse_is_packed(ledger):
    """As it is said, it is too large; its change is told as that of any other."""
    bus, work = Bus(), Work(concern="status", unit=SOURCE, cause="test")
    with pytest.raises(Invalid, match="bytes, at most"):
        ledger.store.put(Key(family="report", name="x"), fanned().encode(), expected=None)

    for report in (fanned(), fanned(drained=(MEMBERS[0],)), fanned()):
        assert ledger.announce(bus, [report_entry("fanout", SOURCE, report)], [work])
        assert ledger.report("fanout", SOURCE, FanoutReport) == report


def test_what_an_ingress_wants_of_a_zone_fits_and_can_be_amended(ledger):
    """With 20 hosts as it is; with 5,000, more than an Ingress holds, packed."""
    for intent in (wanted(), wanted(tuple(f"{n}.{HOSTS[0]}" for n in range(5000)))):
        ledger.announce(Bus(), [intent_entry("unit", intent)], [])
        assert ledger.intents("unit", ZoneIntent) == {"uid-1": intent}
        assert ledger.intent("unit", "uid-1", ZoneIntent) == intent
        assert largest(ledger) < 0.75 * documents.MAX_BODY_BYTES

        assert ledger.amend_intent("unit", intent, wanted())
        assert not ledger.amend_intent("unit", intent, None) or intent == wanted()


def test_claimed_hosts_fit_however_many_they_are(ledger):
    """As many as an object of Kubernetes can name."""
    hosts = sorted(f"{number}.{HOSTS[0]}" for number in range(10_000))
    ledger.put_note(f"hosts/{'u' * 36}", {"hosts": hosts})

    assert ledger.note(f"hosts/{'u' * 36}") == {"hosts": hosts}
    assert ledger.notes("hosts/") == {f"hosts/{'u' * 36}": {"hosts": hosts}}
    assert largest(ledger) < 0.75 * documents.MAX_BODY_BYTES
