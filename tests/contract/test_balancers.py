"""The contract of `RegionalBalancers`, on the memory twin and on the local cloud by boto3."""

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import pytest

from fedingress.adapters.aws.balancers import ElbBalancers
from fedingress.adapters.aws.clients import Clients
from fedingress.adapters.memory.balancers import MemoryBalancers
from fedingress.domain.balancer import Balancer
from fedingress.ports.regional_balancers import RegionalBalancers
from localcloud.aws.cloudwatch.metrics import Metric
from localcloud.aws.elb.balancers import HealthCheck, LoadBalancer, TargetGroup
from localcloud.faults import Fault
from tests.localcloud.aws.lab import Lab as Account
from tests.localcloud.aws.lab import running_lab
from tests.localcloud.aws.test_accelerators import balancer

_NUMBERS = itertools.count(1)
US, EU = "us-east-1", "eu-west-1"
OTHERS = "others.us-east-1.elb.amazonaws.com"


@dataclass(frozen=True, slots=True, kw_only=True)
class Lab:
    """An implementation. put: makes a load balancer whose groups are healthy, or not, or silent."""

    port: RegionalBalancers
    put: Callable[[str, str, tuple[bool | None, ...]], str]


class BalancersContract:
    """What every implementation keeps."""

    def test_those_of_a_region_are_found_by_name(self, lab):
        """Others', and another region's, are left out; what an alias needs stands there."""
        here, there = lab.put("one", US, (True,)), lab.put("one", EU, (True,))

        found = lab.port.find(US, [here, there, "shop.example.net"])
        assert set(found) == {here}
        assert (found[here].name, found[here].region, found[here].state) == (here, US, "active")
        assert found[here].hosted_zone == "Z35SXDOTRQ7X7K"
        assert found[here].arn.startswith("arn:aws:elasticloadbalancing:us-east-1:")
        assert lab.port.find(EU, [here, there])[there].hosted_zone == "Z32O12XQLNTSW2"

    def test_one_of_another_account_is_known_by_its_name(self, lab):
        """Its zone, so that records are aliases; nothing of its state, and no ARN."""
        here = lab.put("one", US, (True,))
        found = lab.port.find(US, [here, OTHERS])
        assert found[OTHERS] == Balancer(name=OTHERS, region=US, hosted_zone="Z35SXDOTRQ7X7K")
        assert found[here].healthy
        assert lab.port.find(EU, [OTHERS]) == {}

    @pytest.mark.parametrize(
        ("groups", "healthy"),
        [
            ((True,), True),
            ((True, True), True),
            ((True, False), False),
            ((False,), False),
            ((None,), None),
            ((), None),
        ],
        ids=["healthy", "both", "one of two", "sick", "no data", "no groups"],
    )
    def test_it_is_healthy_when_every_group_is(self, lab, groups, healthy):
        """Without data nobody knows."""
        name = lab.put("one", US, groups)
        assert lab.port.find(US, [name])[name].healthy is healthy

    def test_nothing_is_asked_for_nobody(self, lab):
        """An empty question has an empty answer."""
        assert lab.port.find(US, []) == {}


def health(groups: tuple[bool | None, ...]) -> bool | None:
    """What the groups say together."""
    told = [each for each in groups if each is not None]
    return all(told) if told else None


class TestMemory(BalancersContract):
    @pytest.fixture
    def lab(self) -> Lab:
        port = MemoryBalancers()
        port.elsewhere[OTHERS] = Balancer(name=OTHERS, region=US, hosted_zone="Z35SXDOTRQ7X7K")

        def put(name: str, region: str, groups: tuple[bool | None, ...]) -> str:
            made = balancer(name, region)
            zone = {US: "Z35SXDOTRQ7X7K", EU: "Z32O12XQLNTSW2"}[region]
            port.found[made.dns_name] = Balancer(
                name=made.dns_name,
                region=region,
                arn=made.arn,
                hosted_zone=zone,
                state="active",
                healthy=health(groups),
            )
            return made.dns_name

        return Lab(port=port, put=put)


@pytest.fixture(scope="module")
def account() -> Iterator[Account]:
    """One account for all; each test begins without load balancers."""
    with running_lab() as running:
        yield running


@pytest.mark.wire
class TestElb(BalancersContract):
    @pytest.fixture
    def lab(self, account: Account, monkeypatch: pytest.MonkeyPatch) -> Iterator[Lab]:
        monkeypatch.setenv("AWS_ENDPOINT_URL", account.url)
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "lab")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "lab")
        account.cloud.balancers.all.clear()
        clients = Clients(sleep=lambda _seconds: None)

        def put(name: str, region: str, groups: tuple[bool | None, ...]) -> str:
            own = f"{name}-{next(_NUMBERS)}"  # what CloudWatch has of it stays
            made = replace(
                balancer(own, region),
                groups={f"g{n}": group(f"g{n}-{own}", region) for n in range(len(groups))},
            )
            account.run(lambda: account.cloud.balancers.put(made))
            for row, told in zip(made.groups.values(), groups, strict=True):
                if told is not None:
                    account.run(lambda row=row, told=told: tell(account, made, row, told))
            return made.dns_name

        yield Lab(port=ElbBalancers(clients, period_seconds=1), put=put)
        clients.close()

    def test_where_it_may_not_be_asked_the_name_tells_the_zone(self, lab, account):
        """As far as it is one of ELBv2's; nothing is known of its health."""
        name = lab.put("one", US, (True,))
        account.cloud.faults.add(Fault(status=403, times=None))
        try:
            found = lab.port.find(US, [name, "shop.example.net"])
        finally:
            account.cloud.faults.clear()
        assert set(found) == {name}
        assert (found[name].hosted_zone, found[name].arn) == ("Z35SXDOTRQ7X7K", "")
        assert found[name].healthy is None


def group(name: str, region: str) -> TargetGroup:
    """Without targets: CloudWatch tells."""
    return TargetGroup(name=name, region=region, port=80, check=HealthCheck(), targets={}, tags={})


def tell(account: Account, made: LoadBalancer, row: TargetGroup, healthy: bool) -> None:
    """One value of each count, a moment ago."""
    counts = {"HealthyHostCount": float(healthy), "UnHealthyHostCount": float(not healthy)}
    for name, value in counts.items():
        metric = Metric(
            region=made.region,
            namespace="AWS/ApplicationELB",
            name=name,
            dimensions=frozenset(
                {
                    ("LoadBalancer", made.arn.partition(":loadbalancer/")[2]),
                    ("TargetGroup", row.arn.rpartition(":")[2]),
                }
            ),
        )
        account.cloud.metrics.record(metric, account.cloud.clock() - 1, value)
