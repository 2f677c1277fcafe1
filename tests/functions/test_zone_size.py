"""
What `dns` remembers of a zone that thousands of Ingresses use: it fits the store, and stays whole.

The stores take 400 KB a document, and the one in memory refuses what the others do. Small zones are
split here by lower limits, so that every write of a look can be struck.
"""

from contextlib import suppress
from dataclasses import asdict, replace

import pytest

from fedingress.adapters.stores import documents
from fedingress.adapters.stores.memory import MemoryStore
from fedingress.concerns import said, zone_memory, zone_parts
from fedingress.concerns.zone_memory import Refusal, ZoneMemory
from fedingress.domain import names
from fedingress.domain.errors import Invalid
from fedingress.domain.report import DnsReport
from fedingress.planning.answers.decision import Release
from fedingress.planning.answers.remembered import UP, Published, Weighing
from fedingress.ports.ledger import Ledger
from tests.functions.test_zone_crash import created, deleted, end, settle, updated
from tests.functions.test_zone_route53 import Zone, target
from tests.functions.world import Crash

UNIT = "route53:self/Z1"
INGRESSES = 10_000
REGIONS = ("us-east-1", "eu-west-1", "ap-southeast-1")


class CountedStore(MemoryStore):
    """Counts calls, and dies in a write when told to: before it, or after it."""

    def __init__(self):
        super().__init__()
        self.calls = []
        self.left = None
        self.after = False

    def get(self, key):
        self.calls.append("get")
        return super().get(key)

    def list(self, family, prefix=""):
        self.calls.append("list")
        return super().list(family, prefix)

    def put(self, key, body, **more):
        self.calls.append("put")
        with self._struck():
            return super().put(key, body, **more)

    def delete(self, key, **more):
        self.calls.append("delete")
        with self._struck():
            super().delete(key, **more)

    def _struck(self):
        if self.left is not None:
            self.left -= 1
        return Struck(now=self.left == -1, after=self.after)


class Struck:
    """Dies on the way in, or on the way out."""

    def __init__(self, *, now, after):
        self.now, self.after = now, after

    def __enter__(self):
        if self.now and not self.after:
            raise Crash

    def __exit__(self, *_):
        if self.now and self.after:
            raise Crash


def large(ingresses=INGRESSES):
    """The memory of a zone whose Ingresses have load balancers and checks of their own."""
    keys = [(number, region) for number in range(ingresses) for region in REGIONS]
    entry = {at: names.short_hash(*map(str, at), length=16) for at in keys}
    check = {at: f"{names.short_hash('id', *map(str, at), length=32)}-chk" for at in keys}
    address = {at: f"k8s-shop-shop-{at[0]}-0123456789.{at[1]}.elb.amazonaws.com" for at in keys}
    weighing = Weighing(
        beliefs={entry[at]: replace(UP, good=2, window=7, rose_at=1.5) for at in keys},
        apart={},
        pools={
            f"_p-{names.short_hash(str(number), length=20)}": Published(
                weights={entry[number, region]: 85 for region in REGIONS}, at=1764000000.25
            )
            for number in range(ingresses)
        },
    )
    some = range(0, ingresses, 10)
    return ZoneMemory(
        domain="example.com",
        weighing=weighing.encode(),
        digest="d" * 20,
        notes=0,
        listed_at=1764000000.0,
        complete=True,
        checks={f"TCP:80 {address[at]}": check[at] for at in keys},
        wish="w" * 16,
        probed={address[at]: (check[at],) for at in keys},
        attached=tuple(sorted(check.values())),
        spare=tuple(sorted(check[number, REGIONS[0]] for number in some)),
        doomed=tuple(sorted(check[number, REGIONS[0]] for number in some)),
        pending=tuple(f"C{number:020}" for number in range(200)),
        refused={
            f"web-{number}.example.com": Refusal(print="p" * 20, until=1.0, tries=2, text="x" * 512)
            for number in some
        },
        released={
            f"gone-{number}.example.com": Release(source=f"shop/shop-{number}", until=5.0)
            for number in some
        },
    )


@pytest.fixture(scope="module")
def memory():
    return large()


@pytest.fixture
def store():
    return CountedStore()


def sizes(store):
    return [
        len(documents.encode(each.key, each.body)) for each in MemoryStore.list(store, "note", "")
    ]


def test_ten_thousand_dedicated_ingresses_fit_with_reserve(memory, store):
    """Ten times what one document takes; no part is near the limit, and all of it comes back."""
    with pytest.raises(Invalid, match="bytes, at most"):
        Ledger(store).put_note("whole", asdict(memory))
    assert len(zone_parts.split(asdict(large(100)))[1]) == 0

    zone_memory.remember(UNIT, ZoneMemory(), memory, Ledger(store))

    assert sum(sizes(store)) > 10 * documents.MAX_BODY_BYTES
    assert max(sizes(store)) < 0.75 * documents.MAX_BODY_BYTES
    assert zone_memory.recall(UNIT, Ledger(store)) == memory


def test_a_quiet_look_at_a_large_zone_is_two_reads_and_a_change_two_writes(memory, store):
    """The note, and its parts in one call; one pool's weights are in one part."""
    ledger = Ledger(store)
    zone_memory.remember(UNIT, ZoneMemory(), memory, ledger)
    store.calls.clear()

    kept = zone_memory.recall(UNIT, ledger)
    zone_memory.remember(UNIT, kept, replace(kept), ledger)
    assert store.calls == ["get", "list"]

    weighing = Weighing.decode(kept.weighing)
    label, pool = next(iter(weighing.pools.items()))
    pools = {**weighing.pools, label: replace(pool, at=1764000060.0)}
    store.calls.clear()
    moved = replace(kept, weighing=replace(weighing, pools=pools).encode())
    zone_memory.remember(UNIT, kept, moved, ledger)
    assert store.calls == ["get", "put", "put", "delete"]
    assert zone_memory.recall(UNIT, ledger) == moved


def test_a_large_zone_becomes_small_and_leaves_no_parts(memory, store):
    """Notes are as few again, and are read as those of any small zone."""
    ledger = Ledger(store)
    zone_memory.remember(UNIT, ZoneMemory(), memory, ledger)
    small = large(1)
    zone_memory.remember(UNIT, zone_memory.recall(UNIT, ledger), small, ledger)
    assert len(ledger.notes("zone/")) == 1
    assert zone_memory.recall(UNIT, ledger) == small

    later = replace(small, wish="other")
    zone_memory.remember(UNIT, zone_memory.recall(UNIT, ledger), later, ledger)
    store.calls.clear()
    assert zone_memory.recall(UNIT, ledger) == later
    assert store.calls == ["get"]


def test_prints_of_the_longest_names_fit(store):
    """As many hosts as a zone may have, each of 253 octets."""
    long = ".".join(letter * 61 for letter in "abcd")[:247]
    known = {f"{number:05}.{long}": "p" * 20 for number in range(10_000)}
    ledger = Ledger(store)
    kept = zone_memory.keep_prints(UNIT, ZoneMemory(), known, ledger)

    assert max(sizes(store)) < 0.75 * documents.MAX_BODY_BYTES
    assert zone_memory.prints(UNIT, kept, ledger) == known


def test_what_ten_thousand_ingresses_were_told_is_in_notes_and_read_at_once(store):
    """Nobody's report is read again, however many there are; and who left is forgotten."""
    zone = Zone()
    zone.store = store
    ports = replace(zone.ports, ledger=Ledger(store))
    reports = [
        DnsReport(uid=f"0123456789-0123456789-0123456-{number:05}", generation=1)
        for number in range(INGRESSES)
    ]

    def tell(some):
        told = said.Said("dns-said/x", ports, thorough=False)
        news = [told.is_news(each, each.members) for each in some]
        told.keep()
        return news

    assert all(tell(reports))
    assert max(sizes(store)) < 0.75 * documents.MAX_BODY_BYTES
    store.calls.clear()
    assert not any(tell(reports))
    assert store.calls == ["list"]

    assert not any(tell(reports[:10]))
    assert len(sizes(store)) == 1
    tell([])
    assert sizes(store) == []


def test_shares_of_one_ingress_are_told_without_a_look_at_the_others():
    """Where each has load balancers of its own, a drain costs the store the same among many."""
    calls = {}
    for count in (2, 9):
        zone = stored_zone()
        own = [
            [target(each, address=f"{number}-{each}.elb.amazonaws.com") for each in ("us", "us2")]
            for number in range(count)
        ]
        for number, targets in enumerate(own):
            zone.want(f"web{number}", *targets)
        for _ in range(8):
            zone.look()
        first, second = own[0]
        zone.want("web0", first, replace(second, multiplier=0.0))
        zone.store.calls.clear()
        zone.look()
        calls[count] = sorted(zone.store.calls)
        assert zone.batches == 1
        assert zone.report("web0").members["us2"]["share"] == 0.0
        assert zone.report("web1").members["us2"]["share"] == 0.5

    assert calls[2] == calls[9]


@pytest.fixture
def low(monkeypatch):
    """Limits at which two Ingresses are many."""
    monkeypatch.setattr(zone_parts, "_MOST_BYTES", 600)
    monkeypatch.setattr(zone_parts, "_PART_BYTES", 400)


def stored_zone():
    zone = Zone()
    store = CountedStore()
    zone.store = store
    zone.ports = replace(zone.ports, ledger=Ledger(store))
    zone.ports.ledger.put_note("complete", {"at": 0})
    return zone


def loose(zone):
    """Notes of the zone that nothing names."""
    stand = {*zone.ports.ledger.notes("zone/")}
    memory = zone_memory.recall(zone.ref.unit, zone.ports.ledger)
    needed = [name for name in stand if name.count("/") == 1]
    needed += [zone_memory._prints_name(zone.ref.unit, each) for each in range(memory.notes)]
    return stand - {*needed, *memory.parts}


def grown(zone):
    """Two Ingresses, and then other members and checks for them."""
    created(zone)
    settle(zone)
    updated(zone)


STEPS = (created, grown, deleted)


@pytest.mark.usefixtures("low")
@pytest.mark.parametrize("step", STEPS, ids=lambda each: each.__name__)
@pytest.mark.parametrize("after", [False, True])
def test_who_dies_between_two_notes_leaves_none(step, after):
    """Every write to the store struck once: the zone ends the same, and no note is left over."""
    number, ends = 0, []
    while True:
        zone = stored_zone()
        if step is deleted:
            created(zone)
            settle(zone)
            assert zone_memory.recall(zone.ref.unit, zone.ports.ledger).parts
        step(zone)
        zone.store.left, zone.store.after = number, after
        with suppress(Crash):
            zone.look(minutes=0.2)
        struck = zone.store.left < 0
        zone.store.left = None
        settle(zone)
        ends.append(end(zone))
        assert ends[-1] == ends[0], f"write {number}"
        assert loose(zone) == set(), f"write {number}"
        number += 1
        if not struck:
            break

    assert number > 4


@pytest.mark.usefixtures("low")
def test_a_lost_part_costs_one_listing_and_no_write():
    """As when all notes are lost: what stands is read, and found to be right."""
    zone = stored_zone()
    grown(zone)
    settle(zone)
    for _ in range(12):
        zone.look()
    before = end(zone)
    ledger = zone.ports.ledger
    for which in (0, -1):
        parts = zone_memory.recall(zone.ref.unit, ledger).parts
        assert len(parts) > 1
        ledger.drop_note(parts[which])
        zone.look()
        assert zone.records.reads.count("list") == 1
        assert (zone.batches, zone.check_calls) == (0, [])
        assert end(zone) == before
        zone.look()
        assert "list" not in zone.records.reads
    assert loose(zone) == set()
