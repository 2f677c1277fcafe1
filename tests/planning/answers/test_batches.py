"""The order inside and among batches, quotas, and the search for what is refused."""

from fedingress.domain.change import Create, Delete, Plan, Update
from fedingress.domain.record import Alias, RecordSet
from fedingress.planning.answers.batches import Batch, Part, batches, bisected, parts
from fedingress.planning.answers.decision import ZoneDecision
from tests.planning.answers.zones import DOMAIN, Zone, intent, target

US, AP, EU = (target(name) for name in ("us", "ap", "eu"))


def part(unit: str, *values: str, sweeps: bool = False) -> Part:
    """A unit that creates one record set of these values."""
    item = RecordSet(name=unit, type="TXT", ttl_seconds=5, values=values)
    plan = Plan(changes=(Create(desired=item, why="test"),))
    return Part(unit=unit, plan=plan, leads_to=frozenset(), sweeps=sweeps)


def test_targets_come_first_and_go_last():
    """Pools, trees from the lowest up, hosts; and the other way round."""
    zone = Zone()
    wish = intent("u1", US, AP, EU, routing="failover")
    (batch,) = batches(parts(zone.decide(wish)))
    order = [each.unit.partition(".")[0][:3] for each in batch.parts]
    assert order == ["_p-", "_p-", "_p-", "_t-", "_t-", "u1"]
    names = [item.name for item in batch.additions]
    for item in batch.additions:
        if item.alias and not item.alias.hosted_zone:
            assert item.alias.name in names[: names.index(item.name)]
    zone.apply(batch)
    gone = [*batches(parts(zone.decide(intent("u1", state="deleting"))))]
    assert [each.sweeps for each in gone] == [False, True]
    names = [item.name for each in gone for item in each.deletions]
    for each in gone:
        for item in each.deletions:
            if item.alias and not item.alias.hosted_zone:
                assert item.alias.name not in names[: names.index(item.name)]


def test_a_change_is_a_deletion_and_an_addition():
    """Exactly what was observed, exactly what is wanted."""
    old, new = (RecordSet(name="a", type="A", ttl_seconds=5, values=(v,)) for v in ("1", "2"))
    update = Update(observed=old, desired=new, fields=("values",), why="test")
    lone = Delete(observed=old, why="test")
    batch = Batch(
        parts=(
            Part(unit="a", plan=Plan(changes=(update,)), leads_to=frozenset(), sweeps=False),
            Part(unit="b", plan=Plan(changes=(lone,)), leads_to=frozenset(), sweeps=False),
        )
    )

    assert batch.deletions == (old, old)
    assert batch.additions == (new,)


def test_batches_are_full_but_never_fuller_than_the_quotas():
    """Elements and characters, split between units only."""
    many = [part(f"h{n:04}", "x") for n in range(2500)]
    sizes = [len(each.parts) for each in batches(many)]
    assert sizes == [1000, 1000, 500]
    long = [part(f"h{n}", "x" * 9_996) for n in range(7)]
    assert [len(each.parts) for each in batches(long)] == [3, 3, 1]
    assert [len(each.parts) for each in batches([part("a", "x" * 40_000)])] == [1]
    item = RecordSet(name="p", type="A", ttl_seconds=5, policy="x" * 10_000)
    plan = Plan(changes=(Create(desired=item, why="test"),))
    wide = [Part(unit=f"p{n}", plan=plan, leads_to=frozenset(), sweeps=False) for n in range(7)]
    assert [len(each.parts) for each in batches(wide)] == [3, 3, 1]
    mixed = [part("a", "x"), part("_p-b", "x", sweeps=True)]
    assert [each.sweeps for each in batches(mixed)] == [False, True]
    assert [*batches([])] == []


def refuse(bad: set[str], batch: Batch):
    """Run the search against a provider that refuses these units; also how often it was asked."""
    search, asked, accepted = bisected(batch), 0, []
    try:
        smaller = next(search)
        while True:
            asked += 1
            fine = not bad & {each.unit for each in smaller.parts}
            accepted += [each.unit for each in smaller.parts] if fine else []
            smaller = search.send(fine)
    except StopIteration as end:
        return end.value, asked, accepted


def test_one_bad_unit_is_found_in_a_few_steps():
    """About twice the logarithm; everybody else is accepted, each once and in order."""
    units = [part(f"h{n:04}", "x") for n in range(1000)]
    refused, asked, accepted = refuse({"h0617"}, Batch(parts=tuple(units)))

    assert refused == ("h0617",)
    assert asked <= 20
    assert accepted == [each.unit for each in units if each.unit != "h0617"]
    assert refuse({"a"}, Batch(parts=(part("a", "x"),))) == (("a",), 0, [])


def test_parts_of_a_decision_hold_every_change():
    """None is lost, none is twice."""
    decision = Zone().decide(intent("u1", US, AP, hosts=(f"a.{DOMAIN}", f"b.{DOMAIN}")))
    found = [change for each in parts(decision) for change in each.plan]

    assert sorted(map(repr, found)) == sorted(map(repr, decision.plan))
    assert parts(ZoneDecision(plan=Plan())) == ()
    alias = RecordSet(name="h", type="A", ttl_seconds=0, alias=Alias(name="x"))
    assert alias.alias
