"""The port `RecordSets` through boto3 on Route 53, and what only Route 53 has."""

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import pytest

from fedingress.adapters.aws.accounts import Accounts
from fedingress.adapters.aws.clients import Clients
from fedingress.adapters.aws.route53 import Route53RecordSets
from fedingress.domain.errors import Conflict, Forbidden, Invalid, Unavailable
from fedingress.domain.policy import ZoneRef
from fedingress.domain.record import Alias, RecordSet
from localcloud.faults import Fault
from tests.contract.record_sets_suite import GUARD, Lab, RecordSetsContract, record
from tests.localcloud.aws.lab import Lab as Account
from tests.localcloud.aws.lab import running_lab

_NUMBERS = itertools.count(1)
GEO = '{"MultiValueAnswer":true,"Name":"geo.example.com.","ResourceRecords":[{"Value":"203.0.113.1"}],"SetIdentifier":"m","TTL":30,"Type":"A"}'  # noqa: E501


class _Account:
    """An account of the local cloud as the suite's `Provider`."""

    def __init__(self, account: Account, zone: str) -> None:
        self.account, self.zone = account, zone

    def put(self, rrset: Mapping[str, Any]) -> None:
        change = {"Changes": [{"Action": "CREATE", "ResourceRecordSet": dict(rrset)}]}
        api = self.account.client("route53")
        api.change_resource_record_sets(HostedZoneId=self.zone, ChangeBatch=change)

    def writes(self) -> int:
        return self.account.run(lambda: self.account.cloud.calls.total("fedingress"))


@pytest.fixture(scope="module")
def account() -> Iterator[Account]:
    """One account for all; each test has a zone of its own."""
    with running_lab() as running:
        yield running


@pytest.fixture
def clients(account: Account, monkeypatch: pytest.MonkeyPatch) -> Iterator[Clients]:
    """As a function makes them, with the endpoint from the SDK's own variable."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", account.url)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "lab")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "lab")
    made = Clients(sleep=lambda _seconds: None)
    yield made
    made.close()


@pytest.mark.wire
class TestRoute53(RecordSetsContract):
    @pytest.fixture
    def lab(self, account: Account, clients: Clients) -> Lab:
        api = account.client("route53")
        made = api.create_hosted_zone(Name="example.com", CallerReference=f"c-{next(_NUMBERS)}")
        zone = ZoneRef(
            provider="route53",
            project="self",
            name=made["HostedZone"]["Id"].rpartition("/")[2],
            domain="example.com",
        )
        provider = _Account(account, zone.name)
        return Lab(port=Route53RecordSets(Accounts(clients)), provider=provider, zone=zone)

    @pytest.mark.parametrize(
        "item",
        [
            record("web.example.net"),
            record("web.example.com", "no address"),
            record("web.example.com", "2001:db8::1"),
            record(f"{'x' * 64}.example.com"),
        ],
        ids=["outside", "text", "family", "label"],
    )
    def test_a_bad_record_is_invalid(self, lab, item):
        """Route 53's words are the reason."""
        with pytest.raises(Invalid):
            lab.change(additions=[item])

        assert lab.find(item.name) is None

    def test_a_routing_policy_is_read_without_harm(self, lab):
        """A routing that ours has no field for is kept as it was, and can be taken away."""
        lab.provider.put(
            {
                "Name": "geo.example.com.",
                "Type": "A",
                "TTL": 30,
                "SetIdentifier": "m",
                "MultiValueAnswer": True,
                "ResourceRecords": [{"Value": "203.0.113.1"}],
            }
        )

        found = lab.find("geo.example.com")
        assert (found.values, found.policy, found.ttl_seconds) == ((), GEO, 30)

        lab.change(deletions=[found])
        assert lab.find("geo.example.com") is None

    def test_every_choice_comes_back_as_it_was_given(self, lab):
        """Weights, regions, places, failover, aliases: each is equal, and matches to be deleted."""
        pool = [
            choice("p.example.com", "one", weight=200),
            choice("p.example.com", "two", weight=0),
        ]
        lab.change(additions=pool)
        alias = Alias(name="p.example.com")
        leads = [
            choice("l.example.com", "us", alias=alias, region="us-east-1"),
            choice("g.example.com", "eu", alias=alias, location="continent:EU"),
            choice("g.example.com", "ca", alias=alias, location="subdivision:US/CA"),
            choice("g.example.com", "rest", alias=alias, location="country:*"),
            choice("f.example.com", "first", alias=alias, failover="PRIMARY"),
            RecordSet(name="*.example.com", type="A", ttl_seconds=0, alias=alias),
        ]
        lab.change(additions=leads)

        wanted = sorted([*pool, *leads], key=lambda each: each.identity)
        assert [each for each in lab.port.list(lab.zone) if each.type == "A"] == wanted

        lab.change(deletions=[*leads, *pool])
        assert lab.find("p.example.com") is None

    def test_a_weight_is_swapped_only_where_it_is_what_was_seen(self, lab):
        """A batch of the old set and the new one loses nobody's update."""
        first = choice("p.example.com", "one", weight=10)
        lab.change(additions=[first])
        lab.change(deletions=[first], additions=[replace(first, weight=20)])

        with pytest.raises(Conflict):
            lab.change(deletions=[first], additions=[replace(first, weight=30)])

        assert lab.find("p.example.com").weight == 20

    def test_each_reason_of_a_refusal_stands_alone(self, lab):
        """Who reads it sees every fault of the batch."""
        with pytest.raises(Invalid) as refused:
            lab.change(
                additions=[
                    record("a.example.com", "bad"),
                    choice("b.example.com", "x", alias=Alias(name="gone.example.com"), weight=1),
                ]
            )

        assert len(refused.value.reasons) == 2
        assert "gone.example.com" in refused.value.reasons[1]

    def test_a_large_zone_is_read_page_by_page_and_a_name_in_one_call(self, lab):
        """Pages begin where the one before ended, also within a group."""
        group = [choice("p.example.com", f"m{number:02}", weight=1) for number in range(90)]
        others = [record(f"n{number:03}.example.com") for number in range(500)]
        lab.change(additions=[*group, *others[:250]])
        lab.change(additions=others[250:])

        assert len(lab.port.list(lab.zone)) == 592
        found = lab.port.find(lab.zone, ["p.example.com"])
        assert [each.set_identifier for each in found] == [f"m{number:02}" for number in range(90)]

    def test_a_change_is_done_when_every_server_has_it(self, lab, account):
        """Until then it is under way; one that is forgotten is long done."""
        zones = account.cloud.route53.zones
        zones.sync_seconds = 3600.0
        try:
            change = lab.port.change(lab.zone, deletions=[], additions=[record()], guard=GUARD)
            assert not lab.port.done(lab.zone, change)
        finally:
            zones.sync_seconds = 0.0
        assert lab.port.done(lab.zone, change)
        assert lab.port.done(lab.zone, "C0FORGOTTEN")

    def test_a_throttled_call_is_made_again(self, lab, account):
        """Three times; then others shall have their turn."""
        account.cloud.faults.add(Fault(path="rrset", status=400, times=2))
        assert len(lab.port.list(lab.zone)) == 2

        account.cloud.faults.add(Fault(path="rrset", status=400, times=4))
        with pytest.raises(Unavailable, match="Throttling"):
            lab.port.list(lab.zone)


def choice(name: str, identifier: str, alias: Alias | None = None, **routing: Any) -> RecordSet:
    """One of a group."""
    return RecordSet(
        name=name,
        type="A",
        ttl_seconds=0 if alias else 60,
        values=() if alias else ("203.0.113.1",),
        set_identifier=identifier,
        alias=alias,
        **routing,
    )


def test_without_credentials_the_account_is_forbidden(monkeypatch):
    """The sentence says what is missing."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/dev/null")
    zone = ZoneRef(provider="route53", project="self", name="Z1", domain="example.com")

    with pytest.raises(Forbidden, match="credentials"):
        Route53RecordSets(Accounts(Clients())).list(zone)
