"""
Metrics of health checks and load balancers, read in bulk by boto3.

Sources: CloudWatch API reference (GetMetricData); Route 53 Developer Guide ("Viewing metrics for
health checks"); Smithy's "AWS JSON 1.0 protocol" and "AWS query protocol".
"""

import datetime as dt
import urllib.error
import urllib.parse
import urllib.request

import pytest

from localcloud.aws.cloudwatch.sampling import Sampling
from localcloud.aws.elb.balancers import HealthCheck, Listener, LoadBalancer, TargetGroup
from localcloud.aws.route53.health import Health
from localcloud.aws.route53.health_checks import REGIONS
from tests.localcloud.aws.lab import running_lab

pytestmark = pytest.mark.wire
START = 1_750_000_040.0  # twenty seconds into a minute


class Stage:
    """An account with a clock, the health of its checks, and samples taken by hand."""

    def __init__(self, lab, clock):
        self.lab, self.clock = lab, clock
        clock.now = START
        route53 = lab.cloud.route53
        self.checks, self.health = route53.checks, Health(route53.checks)
        self.sampling = Sampling(
            lab.cloud.metrics,
            checks=self.checks,
            health=self.health,
            balancers=lab.cloud.balancers,
            clock=clock,
        )

    def check(self, reference):
        config = {"Type": "HTTP", "IPAddress": "192.0.2.1", "FailureThreshold": 1}
        asked = {"CallerReference": reference, "HealthCheckConfig": config}
        return self.checks.create(asked)["HealthCheck"]["Id"]

    def find(self, check, *, good, regions=REGIONS):
        for region in regions:
            seen = ("127.1.251.1", "a sentence", self.clock())
            self.health.record(self.checks.checks[check], region, good=good, seen=seen)

    def sample(self, times=1):
        for _ in range(times):
            self.sampling.sample()
            self.clock.now += 1

    def read(self, *queries, region="us-east-1", **more):
        end = dt.datetime.fromtimestamp(self.clock.now, dt.UTC)
        found = self.lab.client("cloudwatch", region).get_metric_data(
            MetricDataQueries=list(queries),
            StartTime=dt.datetime.fromtimestamp(START - 3600, dt.UTC),
            EndTime=end,
            **more,
        )
        return {each["Id"]: each for each in found["MetricDataResults"]}


@pytest.fixture
def stage(clock):
    with running_lab(clock=clock) as lab:
        yield Stage(lab, clock)


def query(name, check="any", *, period=60, stat="Minimum", **more):
    metric = {
        "Namespace": "AWS/Route53",
        "MetricName": more.pop("metric", "HealthCheckStatus"),
        "Dimensions": [{"Name": "HealthCheckId", "Value": check}],
    }
    metric |= more.pop("of", {})
    return {"Id": name, "MetricStat": {"Metric": metric, "Period": period, "Stat": stat}, **more}


def test_many_health_checks_are_read_in_one_call(stage):
    """Status 1 or 0 and the percentage of healthy checkers, each under the id it was asked by."""
    checks = [stage.check(f"c{number}") for number in range(100)]
    for check in checks[::2]:
        stage.find(check, good=False)
    stage.find(checks[1], good=False, regions=REGIONS[:4])
    stage.sample()
    found = stage.read(
        *(query(f"s{n}", check) for n, check in enumerate(checks)),
        query("share", checks[1], metric="HealthCheckPercentageHealthy"),
    )
    assert [found[f"s{n}"]["Values"] for n in range(100)] == [[0.0], [1.0]] * 50
    assert found["share"]["Values"] == [50.0]
    assert found["s0"]["StatusCode"] == "Complete"
    assert found["s0"]["Label"] == "HealthCheckStatus"


def test_periods_and_statistics(stage):
    """Values fall into periods that begin at multiples, newest first unless asked otherwise."""
    check = stage.check("c")
    stage.sample(60)
    stage.find(check, good=False)
    stage.sample(15)
    found = stage.read(
        *(
            query(stat.lower(), check, stat=stat)
            for stat in ("Minimum", "Maximum", "Average", "Sum", "SampleCount")
        )
    )
    values = {name: each["Values"] for name, each in found.items()}
    assert values == {
        "minimum": [0.0, 1.0],
        "maximum": [1.0, 1.0],
        "average": [20 / 35, 1.0],
        "sum": [20.0, 40.0],
        "samplecount": [35.0, 40.0],
    }
    newest = found["minimum"]["Timestamps"][0].timestamp()
    assert newest == START + 40
    again = stage.read(query("a", check), ScanBy="TimestampAscending")
    assert again["a"]["Values"] == [1.0, 0.0]
    short = stage.read(query("a", check, period=5))
    assert short["a"]["Values"][:4] == [0.0, 0.0, 0.0, 1.0]


def test_health_checks_are_told_in_one_region(stage):
    """Metrics of Route 53 are in us-east-1; elsewhere, and for unknown ids, there are no values."""
    check = stage.check("c")
    stage.sample()
    assert stage.read(query("a", check), region="eu-west-1")["a"]["Values"] == []
    assert stage.read(query("a", "none"))["a"]["Values"] == []


def test_calculated_checks_have_a_status(stage):
    """And no percentage."""
    child = stage.check("child")
    config = {"Type": "CALCULATED", "HealthThreshold": 1, "ChildHealthChecks": [child]}
    asked = {"CallerReference": "parent", "HealthCheckConfig": config}
    parent = stage.checks.create(asked)["HealthCheck"]["Id"]
    stage.find(child, good=False)
    stage.sample()
    found = stage.read(
        query("a", parent), query("b", parent, metric="HealthCheckPercentageHealthy")
    )
    assert (found["a"]["Values"], found["b"]["Values"]) == ([0.0], [])


def test_target_groups_count_their_hosts(stage):
    """HealthyHostCount and UnHealthyHostCount in the region of the balancer."""
    targets = {("10.1.1.1", 8080): "a", ("10.1.1.2", 8080): "a", ("10.1.1.3", 8080): "b"}
    group = TargetGroup(
        name="g", region="eu-west-1", port=8080, check=HealthCheck(), targets=targets, tags={}
    )
    balancer = LoadBalancer(
        name="b",
        region="eu-west-1",
        zones=("a",),
        scheme="internal",
        address="127.1.250.1",
        listeners=(Listener(port=80),),
        rules=(),
        groups={"g": group},
        tags={},
        created=0.0,
    )
    stage.lab.cloud.balancers.put(balancer)
    stage.lab.cloud.balancers.states = lambda _balancer, _group: {
        ("10.1.1.1", 8080): True,
        ("10.1.1.2", 8080): True,
        ("10.1.1.3", 8080): False,
    }
    stage.sample()
    of = {
        "Namespace": "AWS/ApplicationELB",
        "Dimensions": [
            {"Name": "TargetGroup", "Value": group.arn.rpartition(":")[2]},
            {"Name": "LoadBalancer", "Value": balancer.arn.partition("loadbalancer/")[2]},
        ],
    }
    found = stage.read(
        query("up", of={**of, "MetricName": "HealthyHostCount"}),
        query("down", of={**of, "MetricName": "UnHealthyHostCount"}),
        region="eu-west-1",
    )
    assert (found["up"]["Values"], found["down"]["Values"]) == ([2.0], [1.0])


@pytest.mark.parametrize(
    ("queries", "reason"),
    [
        ([query("a"), query("a")], "must be unique"),
        ([query("a", period=7)], "Period must be"),
        ([query("a", stat="p99")], "Stat is one of"),
        ([{"Id": "a", "Expression": "1"}], "no expressions"),
        ([query(f"a{n}") for n in range(501)], "size greater than 500"),
    ],
)
def test_queries_that_are_refused(stage, queries, reason):
    """ValidationError with every reason."""
    client = stage.lab.client("cloudwatch")
    with pytest.raises(client.exceptions.ClientError, match=reason) as refused:
        stage.read(*queries)
    assert refused.value.response["Error"]["Code"] == "ValidationError"


def test_other_operations_are_said_not_to_be_served(stage):
    """Nothing pretends to work."""
    client = stage.lab.client("cloudwatch")
    with pytest.raises(client.exceptions.ClientError, match="serves no ListMetrics"):
        client.list_metrics()


@pytest.mark.parametrize(
    ("headers", "body", "code"),
    [
        ({"X-Amz-Target": "G.Nothing"}, b"{}", "InvalidAction"),
        ({"X-Amz-Target": "G.GetMetricData"}, b"{", "SerializationException"),
        ({"X-Amz-Target": "G.GetMetricData"}, b"[]", "SerializationException"),
        ({"X-Amz-Target": "G.GetMetricData"}, b"{}", "ValidationError"),
        ({}, b"Action=Nothing", "InvalidAction"),
        ({}, b"Action=GetMetricData&StartTime=soon", "MalformedInput"),
    ],
)
def test_odd_requests_are_refused(stage, headers, body, code):
    """In the protocol they came by: JSON, or the form fields of older clients."""
    scope = "AWS4-HMAC-SHA256 Credential=lab/20260101/us-east-1/monitoring/aws4_request"
    request = urllib.request.Request(
        stage.lab.url, data=body, headers={**headers, "Authorization": scope}
    )
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request, timeout=5)
    assert refused.value.code == 400
    assert code in refused.value.read().decode()
    refused.value.close()


def test_older_clients_ask_by_form_fields(stage):
    """The Query protocol gives the same values in XML."""
    check = stage.check("c")
    stage.sample()
    member = "MetricDataQueries.member.1"
    fields = {
        "Action": "GetMetricData",
        "StartTime": "2025-06-15T15:00:00Z",
        "EndTime": "2025-06-15T15:08:00Z",
        f"{member}.Id": "a",
        f"{member}.MetricStat.Metric.Namespace": "AWS/Route53",
        f"{member}.MetricStat.Metric.MetricName": "HealthCheckStatus",
        f"{member}.MetricStat.Metric.Dimensions.member.1.Name": "HealthCheckId",
        f"{member}.MetricStat.Metric.Dimensions.member.1.Value": check,
        f"{member}.MetricStat.Period": "60",
        f"{member}.MetricStat.Stat": "Minimum",
    }
    scope = "AWS4-HMAC-SHA256 Credential=lab/20260101/us-east-1/monitoring/aws4_request"
    request = urllib.request.Request(
        stage.lab.url,
        data=urllib.parse.urlencode(fields).encode(),
        headers={"Authorization": scope},
    )
    with urllib.request.urlopen(request, timeout=5) as answer:
        text = answer.read().decode()
    assert "<Values><member>1.0</member></Values>" in text
    assert "<Timestamps><member>2025-06-15T15:07:00.000Z</member></Timestamps>" in text
