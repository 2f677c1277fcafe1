"""What each implementation of the port `RecordSets` must do; for `test_record_sets`."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol

import pytest

from fedingress.domain.errors import Conflict, Invalid, LeaseLost
from fedingress.domain.policy import ZoneRef
from fedingress.domain.record import RecordSet
from fedingress.ports.guard import Unguarded
from fedingress.ports.record_sets import RecordSets

ZONE = ZoneRef(provider="cloud-dns", project="lab", name="example-com", domain="example.com")
GUARD = Unguarded()
GEO = '{"geo":{"items":[{"location":"us-east1","rrdatas":["203.0.113.1"]}]}}'


class Fenced:
    """A guard whose lease is over."""

    def check(self, call_timeout_seconds: float) -> None:
        raise LeaseLost(f"not {call_timeout_seconds} s left")

    def remaining_seconds(self) -> float:
        return -1.0


class Provider(Protocol):
    """The provider behind the port, as other writers see it."""

    def put(self, rrset: Mapping[str, Any]) -> None:
        """Write a record set in the API's own JSON."""

    def writes(self) -> int: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Lab:
    port: RecordSets
    provider: Provider
    zone: ZoneRef = ZONE

    def change(self, *, deletions=(), additions=(), guard=GUARD) -> None:
        self.port.change(self.zone, deletions=deletions, additions=additions, guard=guard)

    def find(self, name: str, kind: str = "A") -> RecordSet | None:
        found = self.port.list(self.zone)
        return next((item for item in found if (item.name, item.type) == (name, kind)), None)


def record(name="web.example.com", *values: str, kind="A", ttl=60) -> RecordSet:
    found = values or ("203.0.113.1",)
    return RecordSet(name=name, type=kind, ttl_seconds=ttl, values=tuple(sorted(found)))


class RecordSetsContract:
    """Inherited once per implementation; `lab` is its fixture."""

    def test_the_zone_says_its_domain(self, lab):
        """Without the final dot."""
        assert lab.port.domain(lab.zone) == "example.com"

    def test_an_unknown_zone_is_invalid(self, lab):
        """The sentence names project and zone."""
        with pytest.raises(Invalid, match=rf"{lab.zone.project}.*no-such-zone"):
            lab.port.domain(replace(lab.zone, name="no-such-zone"))

    def test_listing_an_unknown_zone_is_invalid(self, lab):
        """A zone that is not there is never an empty one."""
        with pytest.raises(Invalid, match=rf"{lab.zone.project}.*no-such-zone"):
            lab.port.list(replace(lab.zone, name="no-such-zone"))

    def test_a_fresh_zone_has_its_apex_only(self, lab):
        """NS and SOA are listed like all else."""
        found = {(item.name, item.type) for item in lab.port.list(lab.zone)}

        assert found == {("example.com", "NS"), ("example.com", "SOA")}

    @pytest.mark.parametrize(
        "item",
        [
            record("web.example.com", "203.0.113.2", "203.0.113.1"),
            record("web.example.com", "2001:db8::1", kind="AAAA"),
            record("*.apps.example.com"),
            record("example.com"),
            record("alias.example.com", "other.example.net", kind="CNAME"),
            record("t.example.com", "heritage=fedingress,owner=lab", kind="TXT"),
            record("q.example.com", 'with "quotes", \\ and spaces', kind="TXT"),
            record("l.example.com", "x" * 700, kind="TXT"),
            record("two.example.com", "one", "two words", kind="TXT"),
        ],
        ids=lambda item: item.label,
    )
    def test_what_was_added_is_listed_equal_and_can_go(self, lab, item):
        """Every form comes back as it was given, and matches for its deletion."""
        lab.change(additions=[item])
        assert lab.find(item.name, item.type) == item

        lab.change(deletions=[item])
        assert lab.find(item.name, item.type) is None

    def test_names_are_found_without_the_rest(self, lab):
        """All types of a name come, and no other name, however many are asked for."""
        several = [record(), record(kind="TXT"), record("b.example.com"), record("c.example.com")]
        lab.change(additions=several)

        few = lab.port.find(lab.zone, ["web.example.com", "gone.example.com"])
        many = lab.port.find(
            lab.zone, [f"n{number}.example.com" for number in range(40)] + ["b.example.com"]
        )

        assert [item.label for item in few] == ["A web.example.com", "TXT web.example.com"]
        assert [item.label for item in many] == ["A b.example.com"]

    def test_a_batch_replaces(self, lab):
        """The old set goes and the new one comes in one step."""
        lab.change(additions=[record()])

        lab.change(deletions=[record()], additions=[record("web.example.com", "203.0.113.9")])

        assert lab.find("web.example.com").values == ("203.0.113.9",)

    def test_an_addition_that_exists_is_a_conflict(self, lab):
        """Nothing of the batch takes effect."""
        lab.change(additions=[record()])

        with pytest.raises(Conflict):
            lab.change(additions=[record("new.example.com"), record(ttl=300)])

        assert lab.find("web.example.com").ttl_seconds == 60
        assert lab.find("new.example.com") is None

    @pytest.mark.parametrize(
        "observed",
        [record(ttl=300), record("web.example.com", "203.0.113.7"), record("gone.example.com")],
        ids=["ttl", "values", "name"],
    )
    def test_a_deletion_that_does_not_match_is_a_conflict(self, lab, observed):
        """Someone else changed the set since it was observed; nothing takes effect."""
        lab.change(additions=[record()])

        with pytest.raises(Conflict):
            lab.change(deletions=[observed], additions=[record("new.example.com")])

        assert lab.find("web.example.com") == record()
        assert lab.find("new.example.com") is None

    @pytest.mark.parametrize(
        "item",
        [
            record("web.example.net"),
            record("web.example.com", "no address"),
            record("web.example.com", "2001:db8::1"),
            record("-bad-.example.com"),
        ],
        ids=["outside", "text", "family", "label"],
    )
    def test_a_bad_record_is_invalid(self, lab, item):
        """The provider's words are the reason."""
        with pytest.raises(Invalid):
            lab.change(additions=[item])

        assert lab.find(item.name) is None

    def test_a_cname_stands_alone(self, lab):
        """Another type at the name of a CNAME is refused."""
        lab.change(additions=[record("alias.example.com", "other.example.net", kind="CNAME")])

        with pytest.raises(Invalid):
            lab.change(additions=[record("alias.example.com")])

    def test_the_apex_stays(self, lab):
        """A zone without its SOA is refused."""
        start = lab.find("example.com", "SOA")

        with pytest.raises(Invalid):
            lab.change(deletions=[start])

        assert lab.find("example.com", "SOA") == start

    def test_a_routing_policy_is_read_without_harm(self, lab):
        """A set with a policy has no values, and can be taken away as it was read."""
        policy = {"geo": {"items": [{"location": "us-east1", "rrdatas": ["203.0.113.1"]}]}}
        lab.provider.put(
            {"name": "geo.example.com.", "type": "A", "ttl": 30, "routingPolicy": policy}
        )

        found = lab.find("geo.example.com")
        assert (found.values, found.policy, found.ttl_seconds) == ((), GEO, 30)

        lab.change(deletions=[found])
        assert lab.find("geo.example.com") is None

    def test_an_empty_batch_writes_nothing(self, lab):
        """No change, no call."""
        before = lab.provider.writes()

        lab.change()

        assert lab.provider.writes() == before

    def test_without_a_lease_nothing_is_written(self, lab):
        """The guard is asked before the batch is sent."""
        before = lab.provider.writes()

        with pytest.raises(LeaseLost):
            lab.change(additions=[record()], guard=Fenced())

        assert lab.provider.writes() == before
        assert lab.find("web.example.com") is None
