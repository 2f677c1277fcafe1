"""
Global Accelerator's stand-in: the API by boto3, and where connections go.

Sources: Global Accelerator API reference; Developer Guide, "Adjusting traffic flow with traffic
dials", "Endpoint weights", "Failover for unhealthy endpoints".
"""

import random
from collections import Counter

import pytest
from botocore.exceptions import ClientError

from localcloud.aws.elb.balancers import Listener, LoadBalancer
from localcloud.aws.globalaccelerator.accelerators import Group, route
from tests.localcloud.aws.lab import running_lab

NEAR = {"us-east-1": 0.0, "us-west-2": 1.0, "eu-west-1": 2.0, "ap-northeast-1": 3.0, "sa-east-1": 4}
WEB = [{"FromPort": 80, "ToPort": 80}, {"FromPort": 443, "ToPort": 443}]


def balancer(name, region="us-east-1"):
    """One that answers nothing."""
    return LoadBalancer(
        name=name,
        region=region,
        zones=(),
        scheme="internet-facing",
        address="127.0.0.1",
        listeners=(Listener(port=80),),
        rules=(),
        groups={},
        tags={},
        created=0.0,
    )


@pytest.fixture(scope="module")
def account():
    with running_lab(deploy_seconds=3600.0) as running:
        yield running


@pytest.mark.wire
class TestApi:
    @pytest.fixture
    def api(self, account):
        account.cloud.accelerators.all.clear()
        return account.client("globalaccelerator", "us-west-2")

    @pytest.fixture
    def made(self, api):
        found = api.create_accelerator(Name="web", IdempotencyToken="one")["Accelerator"]
        return found["AcceleratorArn"]

    @pytest.fixture
    def listener(self, api, made):
        answer = api.create_listener(
            AcceleratorArn=made, PortRanges=WEB, Protocol="TCP", IdempotencyToken="l"
        )
        return answer["Listener"]["ListenerArn"]

    def test_a_change_is_in_progress_and_then_deployed(self, account, api, made):
        """Two static addresses; the same token gives the same accelerator."""
        service = account.cloud.accelerators
        found = api.describe_accelerator(AcceleratorArn=made)["Accelerator"]
        assert found["Status"] == "IN_PROGRESS"
        assert len(found["IpSets"][0]["IpAddresses"]) == 2
        again = api.create_accelerator(Name="web", IdempotencyToken="one")["Accelerator"]
        assert again["AcceleratorArn"] == made
        service.deploy_seconds = 0.0
        try:
            (row,) = api.list_accelerators()["Accelerators"]
            assert row["Status"] == "DEPLOYED"
        finally:
            service.deploy_seconds = 3600.0

    def test_it_is_deleted_empty_disabled_and_deployed(self, account, api, made, listener):
        """In that order; each refusal has its own code."""
        refused = []
        steps = [
            lambda: api.delete_accelerator(AcceleratorArn=made),
            lambda: api.update_accelerator(AcceleratorArn=made, Enabled=False),
            lambda: api.delete_accelerator(AcceleratorArn=made),
            lambda: api.delete_listener(ListenerArn=listener),
            lambda: api.delete_accelerator(AcceleratorArn=made),
            lambda: setattr(account.cloud.accelerators, "deploy_seconds", 0.0),
            lambda: api.delete_accelerator(AcceleratorArn=made),
            lambda: api.describe_accelerator(AcceleratorArn=made),
        ]
        for step in steps:
            try:
                step()
            except ClientError as error:
                refused.append(error.response["Error"]["Code"])
        account.cloud.accelerators.deploy_seconds = 3600.0
        assert refused == [
            "AcceleratorNotDisabledException",
            "AssociatedListenerFoundException",
            "TransactionInProgressException",
            "AcceleratorNotFoundException",
        ]

    def test_a_group_holds_load_balancers_of_its_region(self, account, api, listener):
        """One group a region; others' load balancers and an eleventh endpoint are refused."""
        here, there = balancer("here"), balancer("there", "eu-west-1")
        account.run(lambda: [account.cloud.balancers.put(each) for each in (here, there)])
        asked = {"ListenerArn": listener, "IdempotencyToken": "g"}

        def create(region, *arns, **more):
            rows = [{"EndpointId": arn, "Weight": 7} for arn in arns]
            return api.create_endpoint_group(
                EndpointGroupRegion=region, EndpointConfigurations=rows, **asked, **more
            )["EndpointGroup"]

        for region, arns, code in (
            ("us-east-1", [there.arn], "InvalidArgumentException"),
            ("us-east-1", [here.arn] * 11, "length less than or equal to 10"),
        ):
            with pytest.raises(ClientError, match=code):
                create(region, *arns)
        made = create("us-east-1", here.arn, TrafficDialPercentage=40.0)
        with pytest.raises(ClientError, match="EndpointGroupAlreadyExistsException"):
            create("us-east-1", here.arn)
        assert made["TrafficDialPercentage"] == 40.0
        assert [row["Weight"] for row in made["EndpointDescriptions"]] == [7]
        with pytest.raises(ClientError, match="AssociatedEndpointGroupFoundException"):
            api.delete_listener(ListenerArn=listener)
        with pytest.raises(ClientError, match="Member must have value less than or equal to 100"):
            api.update_endpoint_group(
                EndpointGroupArn=made["EndpointGroupArn"], TrafficDialPercentage=101.0
            )

    def test_it_answers_in_oregon_only(self, account):
        """As the real endpoint does."""
        with pytest.raises(ClientError, match="us-west-2"):
            account.client("globalaccelerator", "us-east-1").list_accelerators()


def group(region, dial=100.0, **weights):
    """Endpoints named by letters."""
    return Group(arn=region, region=region, dial=dial, weights=weights)


def shares(groups, sick=(), count=4000):
    """How many connections of a client in us-east-1 each endpoint gets, in percent."""
    chance = random.Random(7).random
    found = Counter(
        route(groups, NEAR.__getitem__, lambda arn: arn not in sick, chance) for _ in range(count)
    )
    return {arn: round(100 * n / count) for arn, n in found.items()}


class TestRoute:
    def test_the_nearest_region_gets_all_by_weight(self):
        """Weight 0 gets nothing while another serves."""
        found = shares([group("eu-west-1", c=9), group("us-east-1", a=30, b=10, z=0)])
        assert found == {"a": pytest.approx(75, abs=2), "b": pytest.approx(25, abs=2)}

    def test_a_dial_lets_the_rest_go_to_the_next_region(self):
        """20 percent stay; a dial of 0 sends all."""
        found = shares([group("us-east-1", 20.0, a=1), group("us-west-2", b=1)])
        assert found == {"a": pytest.approx(20, abs=2), "b": pytest.approx(80, abs=2)}
        assert shares([group("us-east-1", 0.0, a=1), group("us-west-2", b=1)]) == {"b": 100}

    def test_a_sick_region_is_left_and_dials_are_ignored(self):
        """The next one helps although its dial is 0."""
        found = [group("us-east-1", a=1), group("us-west-2", 0.0, b=1)]
        assert shares(found, sick={"a"}) == {"b": 100}

    def test_beyond_three_regions_it_fails_open(self):
        """The fourth is not tried: an endpoint of the nearest gets the connection."""
        found = [group(region, **{f"e{n}": 1}) for n, region in enumerate(NEAR)]
        assert shares(found, sick={"e0", "e1", "e2"}) == {"e3": 100}
        assert shares(found, sick={"e0", "e1", "e2", "e3"}) == {"e0": 100}

    def test_without_endpoints_there_is_nowhere_to_go(self):
        """An empty group is no group."""
        assert route([group("us-east-1")], NEAR.__getitem__, lambda _: True) == ""
