"""The concern `dns` in a hosted zone of Route 53: what a look costs, and what it leaves."""

from dataclasses import asdict, replace

import pytest

from fedingress.adapters.memory.accelerators import MemoryAccelerators
from fedingress.adapters.memory.balancers import MemoryBalancers
from fedingress.adapters.memory.health_checks import MemoryAccounts, MemoryHealthChecks
from fedingress.adapters.memory.record_sets import MemoryRecordSets
from fedingress.adapters.stores.memory import MemoryStore
from fedingress.concerns import dns
from fedingress.concerns.claim import COMPLETE
from fedingress.domain.errors import Invalid, Unavailable
from fedingress.domain.outcome import Settled
from fedingress.domain.policy import Damping, DnsHealthCheck, DnsPolicy, ZoneRef
from fedingress.domain.record import RecordSet
from fedingress.domain.report import DnsReport, ZoneIntent
from fedingress.domain.target import Target
from fedingress.domain.work import REPAIR, RESYNC, Work
from fedingress.ports import Ports
from fedingress.ports.guard import Unguarded
from fedingress.ports.ledger import Ledger, intent_entry
from tests.functions.world import Serial, VirtualClock

ZONE = ZoneRef(provider="route53", project="self", name="Z1", domain="example.com")
DAMPING = Damping(tick_seconds=60, ttl_seconds=60)
TCP = DnsHealthCheck(kind="TCP", port=80, interval_seconds=10)


class CountedRecords(MemoryRecordSets):
    """Counts what is read, too."""

    def __init__(self, zones):
        super().__init__(zones)
        self.reads = []

    def list(self, zone):
        self.reads.append("list")
        return super().list(zone)

    def find(self, zone, names):
        self.reads.append(("find", len(names)))
        return [item for item in MemoryRecordSets.list(self, zone) if item.name in names]


class Bus:
    def __init__(self):
        self.works = []

    def publish(self, works):
        self.works += works


class Zone:
    """A zone, and Ingresses that want something of it."""

    def __init__(self, ref=ZONE, checks=None):
        self.ref = ref
        self.clock = VirtualClock()
        self.records = CountedRecords((ref,))
        self.checks = checks or MemoryHealthChecks()
        self.store = MemoryStore()
        self.bus = Bus()
        self.ports = self._ports()
        self.ports.ledger.put_note(COMPLETE, {"at": 0})
        self.intents = {}

    def _ports(self):
        return Ports(
            owner="test",
            sources=None,
            clusters=None,
            load_balancers=None,
            record_sets=self.records,
            health_checks=MemoryAccounts({self.ref.project: self.checks}),
            balancers=MemoryBalancers(),
            accelerators=MemoryAccelerators(),
            ledger=Ledger(self.store),
            bus=self.bus,
            clock=self.clock,
            parallel=Serial(),
        )

    def want(self, name, *targets, hosts=None, policy=None, **more):
        """Have the Ingress *name* served by *targets*."""
        policy = policy or DnsPolicy(routing="weighted", damping=DAMPING)
        fields = {
            "uid": f"uid-{name}",
            "generation": 1,
            "source": f"shop/{name}",
            "created": "2026-01-01T00:00:00Z",
            "state": "present",
            "zone": asdict(self.ref),
            "hosts": hosts or (f"{name}.example.com",),
            "healthy": True,
            "targets": tuple(each.encode() for each in targets),
            "routing": asdict(replace(policy, zones=())),
        }
        self.intents[name] = ZoneIntent(**fields | more)
        entry = intent_entry(self.ref.unit, self.intents[name])
        self.ports.ledger.announce(self.bus, [entry], [])

    def look(self, cause="window", minutes=1.0):
        """One look, after some time; gives the outcome, what was read and what was written."""
        self.clock.at += 60 * minutes
        self.records.reads, before = [], (len(self.records.calls), len(self.checks.calls))
        work = Work(concern="dns", unit=self.ref.unit, cause=cause)
        self.outcome = dns.reconcile(work, self.ports, Unguarded())
        self.batches = len(self.records.calls) - before[0]
        self.check_calls = self.checks.calls[before[1] :]
        return self.outcome

    def all(self, kind="A"):
        return [each for each in MemoryRecordSets.list(self.records, self.ref) if each.type == kind]

    def weights(self):
        """Cluster -> weight, in the one pool there is."""
        found = {each.set_identifier: each.weight for each in self.all() if each.weight is not None}
        assert len({e.name for e in self.all() if e.weight is not None}) <= 1
        return found

    def versions(self):
        """Of every document in the store; the same ones mean that none was written."""
        families = ("note", "intent", "report")
        return [each.version for family in families for each in self.store.list(family)]

    def report(self, name):
        unit = dns.report_name(self.ref.unit)
        return self.ports.ledger.report(unit, f"shop/{name}", DnsReport)


def target(cluster, region="us-east-1", **more):
    fields = {
        "cluster": cluster,
        "region": region,
        "address": f"k8s-{cluster}.{region}.elb.amazonaws.com",
        "hosted_zone": "ZELB",
        "ready": 1.0,
        "balancer": True,
    }
    return Target(**fields | more)


@pytest.fixture
def zone():
    return Zone()


US, AP = target("eks-us"), target("eks-ap", "ap-southeast-1")


def test_a_host_leads_to_a_weighted_pool(zone):
    """Host and pool with their marks, in one batch; nothing is left to do."""
    zone.want("web", US, AP)

    assert isinstance(zone.look(), Settled)

    host = next(each for each in zone.all() if each.name == "web.example.com")
    assert host.alias.name.startswith("_p-")
    assert host.alias.evaluate
    assert zone.weights() == {"eks-us": 255, "eks-ap": 255}
    assert zone.batches == 1
    assert len(zone.all("TXT")) == 2
    assert zone.report("web").hosts["web.example.com"]["state"] == "published"


def test_a_quiet_window_reads_nothing_of_the_zone(zone):
    """Neither a listing nor a name; and writes nothing anywhere."""
    zone.want("web", US, AP)
    for _ in range(DAMPING.up_windows + 1):  # until every count of good windows is full
        zone.look()
    version = zone.versions()

    for _ in range(5):
        zone.look()
        assert (zone.records.reads, zone.batches, zone.check_calls) == ([], 0, [])
    assert zone.versions() == version


def test_a_members_weight_is_one_batch_however_many_hosts_lead_there(zone):
    """Only the pool's names are read."""
    shared = [replace(each, shared=True) for each in (US, AP)]
    for number in range(40):
        zone.want(f"web{number}", *shared)
    zone.look()
    assert zone.batches == 1

    for number in range(40):
        zone.want(f"web{number}", shared[0], replace(shared[1], multiplier=0.0))
    zone.look()

    assert zone.weights() == {"eks-us": 255, "eks-ap": 0}
    assert zone.batches == 1
    assert zone.records.reads == [("find", 2)]


def test_a_shared_load_balancer_is_checked_from_outside_before_records_name_it(zone):
    """One check for all hosts; made once, and gone after nothing names it."""
    shared = replace(US, shared=True)
    zone.want("one", shared)
    zone.want("two", shared)
    zone.look()

    check = zone.checks.list("fi:")[0]
    assert (check.config.kind, check.config.address) == ("TCP", US.address)
    pool = next(each for each in zone.all() if each.weight is not None)
    assert pool.health_check == check.id
    assert not pool.alias.evaluate
    assert len(zone.checks.list("fi:")) == 1


def test_another_check_is_attached_before_the_old_one_goes(zone):
    """Kind and interval cannot be changed; and the old one waits until every server has the new."""
    policy = DnsPolicy(routing="weighted", damping=DAMPING, health_check=TCP)
    zone.want("web", US, policy=policy)
    zone.look()
    first = zone.checks.list("fi:")[0]
    zone.records.slow = True

    zone.want("web", US, policy=replace(policy, health_check=replace(TCP, kind="HTTP")))
    zone.look()
    for _ in range(3):
        zone.look()
        assert {each.config.kind for each in zone.checks.list("fi:")} == {"TCP", "HTTP"}
        attached = {each.health_check for each in zone.all() if each.weight is not None}
        assert first.id not in attached

    zone.records.slow = False
    zone.look()
    zone.look()
    assert [each.config.kind for each in zone.checks.list("fi:")] == ["HTTP"]
    zone.look()
    assert zone.check_calls == []


def leads_to(zone, host):
    """The pool behind a host."""
    name = next(each.alias.name for each in zone.all() if each.name == host)
    return [each for each in zone.all() if each.name == name]


def test_what_the_checkers_find_moves_weights(zone):
    """After three bad windows, not after two; the member that is left takes all."""
    zone.want("web", *(replace(each, shared=True) for each in (US, AP)))
    zone.look()
    by_address = {each.config.address: each.id for each in zone.checks.list("fi:")}
    zone.checks.answers |= {by_address[US.address]: True, by_address[AP.address]: False}

    for _ in range(2):
        zone.look()
        assert zone.weights() == {"eks-us": 255, "eks-ap": 255}
    zone.look()

    assert zone.weights() == {"eks-us": 255, "eks-ap": 0}


def test_nobody_healthy_keeps_the_last_weights(zone):
    """The provider then serves all: an empty answer would help nobody."""
    zone.want("web", *(replace(each, shared=True) for each in (US, AP)))
    zone.look()
    for check in zone.checks.list("fi:"):
        zone.checks.answers[check.id] = False

    for _ in range(10):
        zone.look()
        assert zone.weights() == {"eks-us": 255, "eks-ap": 255}


def test_a_lost_memory_keeps_every_weight_and_writes_nothing(zone):
    """What stands is read back; only time is lost."""
    zone.want("web", US, replace(AP, capacity=3.0))
    zone.look()
    zone.look()
    before = zone.all() + zone.all("TXT")

    for document in zone.store.list("note"):
        if document.key.name.startswith("zone/"):
            zone.store.delete(document.key)
    zone.look()

    assert zone.batches == 0
    assert "list" in zone.records.reads
    assert zone.all() + zone.all("TXT") == before


def test_a_bad_host_keeps_nobody_waiting_and_is_not_tried_each_time(zone):
    """The others are published; it is told why, and tried again later or when it changes."""
    for number in range(8):
        zone.want(f"web{number}", US)
    zone.records.put(
        ZONE, RecordSet(name="web3.example.com", type="MX", ttl_seconds=60, values=("10 m",))
    )
    refuse(zone, "web3.example.com")
    zone.look()

    published = {each.name for each in zone.all() if each.weight is None}
    assert published == {f"web{n}.example.com" for n in range(8)} - {"web3.example.com"}
    row = zone.report("web3").hosts["web3.example.com"]
    assert (row["state"], row["message"]) == ("failed", "RRSet is not permitted")
    assert zone.outcome.look_again_seconds == pytest.approx(60.0)

    calls = len(zone.records.calls)
    zone.look(minutes=0.5)
    assert len(zone.records.calls) == calls

    zone.records.refused = ""
    zone.look(minutes=1)
    assert "web3.example.com" in {each.name for each in zone.all()}
    assert zone.report("web3").hosts["web3.example.com"]["state"] == "published"


def refuse(zone, name):
    """Have the provider refuse every batch with that name."""
    change = zone.records.change
    zone.records.refused = name

    def strict(zone_, *, deletions, additions, guard):
        if any(item.name == zone.records.refused for item in additions):
            zone.records.calls.append(("change", zone_.unit))
            raise Invalid("RRSet is not permitted")
        return change(zone_, deletions=deletions, additions=additions, guard=guard)

    zone.records.change = strict


def test_a_lost_reply_is_found_out_by_looking_again(zone):
    """The batch took effect, but nobody heard: the next look finds nothing to do."""
    zone.want("web", US, AP)
    zone.records.fault = lambda when, *_: _lost(when)
    with pytest.raises(Unavailable):
        zone.look()
    zone.records.fault = lambda *_: None

    zone.look()

    assert zone.batches == 0
    assert zone.weights() == {"eks-us": 255, "eks-ap": 255}


def _lost(when):
    if when == "after":
        raise Unavailable("no answer")


def test_a_resync_lists_the_zone_once_for_many_ingresses(zone):
    """Each Ingress has its turn, but the zone is the same."""
    zone.want("web", US)
    zone.look()

    reads = []
    for _ in range(6):
        zone.look(RESYNC, minutes=2)
        reads.append("list" in zone.records.reads)

    assert reads.count(True) == 2


def test_drift_is_mended_by_repair(zone):
    """What someone else changed stays until somebody looks; then it is ours again."""
    zone.want("web", US, AP)
    zone.look()
    ours = next(each for each in zone.all() if each.set_identifier == "eks-us")
    zone.records.put(ZONE, replace(ours, weight=1))

    zone.look()
    assert zone.weights()["eks-us"] == 1
    zone.look(REPAIR)
    assert zone.weights()["eks-us"] == 255


def test_an_ingress_that_leaves_takes_its_names_and_the_checks_nobody_needs(zone):
    """Host, then pool and check; nothing is left in the zone or in the account."""
    zone.want("web", replace(US, shared=True))
    zone.look()
    zone.ports = replace(zone.ports, sources=NoSource())

    zone.want("web", state="deleting", targets=(), hosts=(), ttl_seconds=60, drain_seconds=60)
    zone.look()
    assert all(each.name != "web.example.com" for each in zone.all())
    for _ in range(6):
        zone.look(minutes=0.1)

    assert zone.all() == []
    assert zone.all("TXT") == []
    assert zone.checks.list("fi:") == []


class NoSource:
    """Every source is gone."""

    def get(self, _key):
        return None


def test_a_weight_that_was_refused_is_not_taken_for_published(zone):
    """The next step begins where the records are, and the report says what they say."""
    damping = replace(DAMPING, tick_seconds=60)
    policy = DnsPolicy(routing="weighted", damping=damping)
    zone.want("web", US, AP, policy=policy)
    zone.look()
    pool = next(each.name for each in zone.all() if each.weight is not None)
    refuse(zone, pool)
    for _ in range(6):  # long enough for several steps up
        zone.want("web", replace(US, capacity=10.0), AP, policy=policy)
        zone.look(minutes=5)
        assert zone.weights() == {"eks-us": 255, "eks-ap": 255}
        row = zone.report("web").members["eks-ap"]
        assert (row["weight"], row["share"], row["reason"]) == (255, 0.5, "NotWritten")

    zone.records.refused = ""
    zone.look(minutes=61)
    first = zone.weights()
    shares = first["eks-us"] / sum(first.values())
    assert 0.5 < shares <= max(0.5 * damping.growth, 0.5 + damping.points)
    for _ in range(40):
        zone.look(minutes=5)
    assert zone.weights() == {"eks-us": 255, "eks-ap": 26}
    assert zone.report("web").members["eks-ap"]["reason"] == ""


def test_a_pool_that_was_never_written_has_no_weights(zone):
    """Nobody is told of shares that no record has."""
    zone.want("web", US)
    zone.look()
    former = {each.name for each in zone.all()}
    change = zone.records.change

    def strict(zone_, *, deletions, additions, guard):
        if any(item.name not in former and item.weight is not None for item in additions):
            raise Invalid("RRSet is not permitted")
        return change(zone_, deletions=deletions, additions=additions, guard=guard)

    zone.records.change = strict
    zone.want("web", US, AP)
    zone.look()

    rows = zone.report("web").members
    assert {name: row["weight"] for name, row in rows.items()} == {"eks-us": 0, "eks-ap": 0}
    zone.records.change = change
    zone.look(minutes=61)
    assert zone.weights()["eks-us"] == 255
    assert 0 < zone.weights()["eks-ap"] < 255
