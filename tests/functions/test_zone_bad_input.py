"""
Hosts that cannot be answered, one by one: each is told why, and every other host is served.

Before the bad host comes, the shop's own host and one of another Ingress stand in the same zone. In
topology `aws` a name of DNS is all that clients have, so what is refused must never take it away.

Refused as a whole, as an API server does: an Ingress that names what is no DNS name (upper case,
another alphabet, a label of 64 octets, hostile octets); what stands stays. Refused alone: a host
that is a name, but not one that this zone can answer.
"""

from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from fedingress.domain.ingress import IngressKey
from fedingress.domain.record import RecordSet
from tests.functions.regions import HOST, HOSTED, POLICY, Regions
from tests.functions.test_life import conditions
from tests.functions.world import ingress_manifest, member, path

DOMAIN = HOSTED.domain
OTHER = f"other.{DOMAIN}"
HOSTNAME = "fedingress.dev/hostname"
GONE = {"provider": "route53", "name": "ZGONE", "domain": "gone.example.org"}
TAKEN = RecordSet(name=f"taken.{DOMAIN}", type="CNAME", ttl_seconds=60, values=("theirs.org",))


@dataclass(frozen=True)
class Bad:
    """
    A host, and what is said of it.

    annotated: it comes by the annotation, which no API server looks into.
    condition: type, status and reason.   words: what its message says.
    aliased: whether members' load balancers have aliases.   there: what others hold.
    """

    host: str
    condition: tuple[str, str, str]
    words: str
    annotated: bool = False
    aliased: bool = True
    there: tuple[RecordSet, ...] = ()
    dns: dict[str, Any] = field(default_factory=dict)


INVALID = ("Accepted", "False", "Invalid")
CASES = {
    "a zone that does not exist": Bad(
        host="shop.gone.example.org",
        condition=("Published", "False", "ZoneFailed"),
        words="shop.gone.example.org: project self has no managed zone ZGONE",
        dns={"zones": [*POLICY["dns"]["zones"], GONE]},
    ),
    "a host outside every zone": Bad(
        host="shop.elsewhere.org",
        condition=("Published", "False", "NoZone"),
        words="shop.elsewhere.org: no managed zone holds this host",
    ),
    "an apex whose only answer is a CNAME": Bad(
        host=DOMAIN,
        condition=("Published", "False", "Waiting"),
        words=f"{DOMAIN} is the apex of its zone, where no CNAME may stand",
        aliased=False,
    ),
    "a record of somebody else": Bad(
        host=TAKEN.name,
        condition=("Published", "False", "RecordConflict"),
        words=f"CNAME for {TAKEN.name} exists in the zone and is not ours",
        there=(TAKEN,),
    ),
    "a wildcard inside a name": Bad(
        host=f"a.*.{DOMAIN}",
        condition=INVALID,
        words="has a wildcard that is not the whole first label",
        annotated=True,
    ),
    "a label of 64 octets": Bad(
        host=f"{'a' * 64}.{DOMAIN}",
        condition=INVALID,
        words="at most 63 characters each",
    ),
    "upper-case letters": Bad(
        host=f"Shop2.{DOMAIN}",
        condition=INVALID,
        words="has upper-case letters",
        annotated=True,
    ),
    "another alphabet": Bad(
        host=f"b\N{LATIN SMALL LETTER U WITH DIAERESIS}cher.{DOMAIN}",
        condition=INVALID,
        words="is not a DNS name",
        annotated=True,
    ),
    "hostile octets": Bad(
        host=f'a";b\x00\r\n{{}}.{DOMAIN}',
        condition=INVALID,
        words=rf"""'a";b\x00\r\n{{}}.{DOMAIN}' is not a DNS name""",
        annotated=True,
    ),
}


def hosts(*names: str) -> list[dict[str, Any]]:
    """A rule for each."""
    return [{"host": name, "http": {"paths": [path("/", "web")]}} for name in names]


def served(world: Regions) -> set[str]:
    """Names in the zone that answer and are ours, without nodes."""
    return {
        record.name
        for record in world.records.list(HOSTED)
        if record.type in {"A", "AAAA", "CNAME"} and not record.set_identifier
    } - {TAKEN.name}


def standing(bad: Bad) -> Regions:
    """The shop and another Ingress, served before the bad host comes."""
    world = Regions()
    if not bad.aliased:
        world.balancers.find = lambda _region, _names: {}  # type: ignore[method-assign]
    for record in bad.there:
        world.records.put(HOSTED, record)
    world.install(dns=POLICY["dns"] | bad.dns)
    world.submit(ingress_manifest(name="other", host=OTHER))
    world.submit_shop()
    return world


@pytest.mark.parametrize("case", CASES)
def test_a_bad_host_is_told_why_and_takes_no_other_host_away(case: str):
    """The condition names it with the reason; both good hosts answer, unchanged."""
    bad = CASES[case]
    world = standing(bad)
    before = served(world)
    assert {HOST, OTHER} <= before
    more = {"metadata": {"annotations": {HOSTNAME: bad.host}}} if bad.annotated else {}
    rules = hosts(HOST) if bad.annotated else hosts(HOST, bad.host)
    world.submit(ingress_manifest(rules=rules, **more))
    for _ in range(3):
        world.clock.at += 600
        world.tick()
        world.quiet()

    kind, status, reason = bad.condition
    found = conditions(world)[kind]
    assert (found["status"], found["reason"]) == (status, reason)
    assert bad.words in found["message"]
    assert served(world) == before
    other = IngressKey(namespace="shop", name="other")
    assert conditions(world, other)["Published"]["status"] == "True"
    if kind != "Accepted":
        assert conditions(world)["Accepted"]["status"] == "True"
        assert HOST not in found["message"].replace(bad.host, "")


def test_a_wildcard_is_answered_beside_what_it_covers():
    """One record set and its mark, for every name that has none of its own."""
    world = standing(CASES["a host outside every zone"])
    world.submit(ingress_manifest(rules=hosts(HOST, f"*.{DOMAIN}")))
    world.quiet()

    assert conditions(world)["Published"]["status"] == "True"
    assert {HOST, OTHER, f"*.{DOMAIN}"} <= served(world)


def test_more_members_than_a_pool_can_hold_are_told_and_what_serves_stays():
    """A hundred in a region are served; the next one is refused with the numbers."""
    many = tuple(
        member(f"eks-{number:03}", provider="aws", region="us-east-1") for number in range(101)
    )
    world = Regions(many)
    world.install()
    few = {"metadata": {"annotations": {"fedingress.dev/clusters": "eks-000,eks-001"}}}
    world.submit(ingress_manifest(name="other", host=OTHER, **few))
    hundred = ",".join(each.name for each in many[:100])
    world.submit_shop(metadata={"annotations": {"fedingress.dev/clusters": hundred}})
    before = served(world)
    assert {HOST, OTHER} <= before
    world.submit_shop()

    told = conditions(world)
    assert told["Published"]["status"] == "True"
    assert told["Degraded"]["reason"] == "AnswerKept"
    why = "101 members would stand in one pool; at most 100 can; what is published stays"
    assert told["Degraded"]["message"] == f"{world.built().address}, {HOST}: {why}"
    assert served(world) == before
    other = IngressKey(namespace="shop", name="other")
    assert conditions(world, other)["Published"]["status"] == "True"


def test_a_bad_host_that_is_mended_is_served():
    """Nothing of the refusal is remembered."""
    bad = CASES["a label of 64 octets"]
    world = standing(bad)
    world.submit(ingress_manifest(rules=hosts(HOST, bad.host)))
    world.quiet()
    world.submit(ingress_manifest(rules=hosts(HOST, bad.host[1:])))
    world.quiet()

    assert bad.host[1:] in served(world)
    assert conditions(world)["Accepted"]["status"] == "True"


def test_the_cases_bite():
    """Without its fault each of them would be published."""
    world = standing(replace(CASES["a record of somebody else"], there=()))
    world.submit(ingress_manifest(rules=hosts(HOST, TAKEN.name, DOMAIN)))
    world.quiet()

    assert conditions(world)["Published"]["status"] == "True"
    assert DOMAIN in served(world)
