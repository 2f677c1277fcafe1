"""
What Route 53's name servers answer.

Sources: Route 53 Developer Guide: "How Amazon Route 53 chooses records when health checking is
configured", "How health checks work in complex Amazon Route 53 configurations", "Choosing a routing
policy"; API reference, ResourceRecordSet (Weight, MultiValueAnswer).
"""

import random
from collections import Counter

import pytest

from localcloud.aws.route53.answering import Answering, Target
from localcloud.aws.route53.hosted_zones import HostedZones
from localcloud.aws.route53.places import Places
from localcloud.dataplane.answers import Unserved, resolve
from tests.localcloud.aws.records import alias, failover, geo, latency, simple, weighted

US, EU, AP, NOWHERE = "127.1.200.1", "127.1.201.1", "127.1.202.1", "127.1.9.9"
PLACES = Places(
    {
        "127.1.200.0/24": "us-west-1",
        "127.1.201.0/24": "europe-west1",
        "127.1.202.0/24": "ap-southeast-1",
    },
    {"europe-west1": (50.5, 3.8)},
)
W = "w.example.com."


class Stage:
    """A zone in process, its name servers, and the switches of its health checks."""

    def __init__(self, *records, balancers=None):
        self.now = 0.0
        self.sick = set()
        self.balancers = balancers or {}
        self.zones = HostedZones(lambda: self.now, sync_seconds=10.0)
        made = self.zones.create({"Name": "example.com", "CallerReference": "r"})
        self.zone = self.zones.zone(made["HostedZone"]["Id"])
        self.answering = Answering(
            healthy=lambda check: check not in self.sick,
            target=self.balancers.get,
            place=PLACES.of,
            clock=lambda: self.now,
            chance=random.Random(7),
        )
        self.change(*(("CREATE", record) for record in records))
        self.now += 10

    def change(self, *changes):
        batch = {"Changes": [{"Action": a, "ResourceRecordSet": r} for a, r in changes]}
        for change in batch["Changes"]:
            target = change["ResourceRecordSet"].get("AliasTarget")
            if target and target["HostedZoneId"] == "own":
                target["HostedZoneId"] = self.zone.id
        if changes:
            self.zones.change(self.zone, batch, lambda *_: "", lambda _check: True)

    def ask(self, name, kind="A", client=US):
        views = self.answering.zone_views([self.zone], lambda _zone: None)
        return resolve(views, name, kind, client, self.answering.choose)

    def values(self, name, kind="A", client=US):
        return [data for row in self.ask(name, kind, client).answers for data in row.rdatas]

    def shares(self, name, client=US, draws=2000):
        found = Counter(tuple(self.values(name, client=client)) for _ in range(draws))
        return {key[0] if key else None: count for key, count in found.items()}


def likely(counts, expected):
    """Whether *counts* fit the shares: χ² below the value exceeded once in a thousand draws."""
    critical = {1: 10.83, 2: 13.82, 3: 16.27}
    total = sum(counts.values())
    assert set(counts) == set(expected)
    statistic = sum(
        (counts[key] - total * share) ** 2 / (total * share) for key, share in expected.items()
    )
    return statistic < critical[len(expected) - 1]


def test_weights_are_shares_of_the_answers():
    """The share is w / Σw of the queries, each anew; the unhealthy get none."""
    stage = Stage(
        weighted(W, "a", 3, "192.0.2.1", HealthCheckId="a"),
        weighted(W, "b", 1, "192.0.2.2", HealthCheckId="b"),
        weighted(W, "c", 4, "192.0.2.3", HealthCheckId="c"),
    )
    counts = stage.shares(W)
    assert likely(counts, {"192.0.2.1": 3 / 8, "192.0.2.2": 1 / 8, "192.0.2.3": 4 / 8})
    stage.sick = {"c"}
    assert likely(stage.shares(W), {"192.0.2.1": 3 / 4, "192.0.2.2": 1 / 4})
    stage.sick = {"a", "b", "c"}
    counts = stage.shares(W)
    assert likely(counts, {"192.0.2.1": 3 / 8, "192.0.2.2": 1 / 8, "192.0.2.3": 4 / 8})


def test_weight_zero_stands_by():
    """Zero is drawn only when every other is unhealthy; all zero are equally likely."""
    stage = Stage(
        weighted(W, "a", 3, "192.0.2.1", HealthCheckId="a"),
        weighted(W, "z", 0, "192.0.2.9"),
        weighted("z.example.com", "a", 0, "192.0.2.1"),
        weighted("z.example.com", "b", 0, "192.0.2.2"),
    )
    assert set(stage.shares(W, draws=200)) == {"192.0.2.1"}
    stage.sick = {"a"}
    assert set(stage.shares(W, draws=200)) == {"192.0.2.9"}
    assert likely(stage.shares("z.example.com."), {"192.0.2.1": 0.5, "192.0.2.2": 0.5})


def test_a_record_without_a_check_is_always_healthy():
    """It wins over every unhealthy one, so checks are put on all of a group or on none."""
    stage = Stage(
        weighted(W, "a", 255, "192.0.2.1", HealthCheckId="a"), weighted(W, "b", 1, "192.0.2.2")
    )
    stage.sick = {"a"}
    assert set(stage.shares(W, draws=100)) == {"192.0.2.2"}


REGIONS = {"us": ("us-east-1", "192.0.2"), "ap": ("ap-southeast-2", "198.51.100")}


def tree(*, evaluate=True):
    """Two weighted pools below a latency alias each."""
    pools = [
        weighted(f"{pool}.example.com", f"{n}", 1, f"{net}.{n}", HealthCheckId=f"{pool}{n}")
        for pool, (_, net) in REGIONS.items()
        for n in (1, 2)
    ]
    heads = [
        alias(
            "top.example.com",
            f"{pool}.example.com",
            "own",
            evaluate=evaluate,
            SetIdentifier=pool,
            Region=region,
        )
        for pool, (region, _) in REGIONS.items()
    ]
    return [*pools, *heads]


def names(stage):
    """Which pools answered at the top."""
    found = stage.shares("top.example.com.", draws=60)
    return {pool for pool, (_, net) in REGIONS.items() for value in found if value.startswith(net)}


def test_a_dead_branch_is_left_when_targets_are_evaluated():
    """The next-best region answers; when all is dead, the best one does, as if healthy."""
    stage = Stage(*tree())
    assert names(stage) == {"us"}
    stage.sick = {"us1"}
    assert names(stage) == {"us"}
    stage.sick = {"us1", "us2"}
    assert names(stage) == {"ap"}
    stage.sick = {"us1", "us2", "ap1", "ap2"}
    assert names(stage) == {"us"}


def test_a_dead_branch_is_kept_when_targets_are_not_evaluated():
    """EvaluateTargetHealth false: Route 53 stays and answers as if all were healthy there."""
    stage = Stage(*tree(evaluate=False))
    stage.sick = {"us1", "us2"}
    assert names(stage) == {"us"}


def test_failover():
    """The primary while it lives; the secondary then; the primary when both are dead."""
    stage = Stage(
        failover("f.example.com", "SECONDARY", "192.0.2.2", HealthCheckId="s"),
        failover("f.example.com", "PRIMARY", "192.0.2.1", HealthCheckId="p"),
    )
    for sick, value in (
        (set(), "192.0.2.1"),
        ({"p"}, "192.0.2.2"),
        ({"p", "s"}, "192.0.2.1"),
        ({"s"}, "192.0.2.1"),
    ):
        stage.sick = sick
        assert stage.values("f.example.com.") == [value]


def test_latency_is_distance():
    """The nearest living region for the place of the client, and its answer depends on it."""
    stage = Stage(
        latency("l.example.com", "us-west-2", "192.0.2.1", HealthCheckId="us"),
        latency("l.example.com", "eu-central-1", "192.0.2.2", HealthCheckId="eu"),
        latency("l.example.com", "ap-southeast-1", "192.0.2.3"),
    )
    found = [stage.values("l.example.com.", client=client)[0][-1] for client in (US, EU, AP)]
    assert found == ["1", "2", "3"]
    stage.sick = {"us"}
    assert stage.values("l.example.com.") == ["192.0.2.2"]
    assert stage.ask("l.example.com.").located


def test_geolocation_goes_from_the_smallest_place_to_the_default():
    """State, country, continent, default; an unhealthy match falls to the next larger place."""
    stage = Stage(
        geo("g.example.com", "ca", "192.0.2.1", check="ca", CountryCode="US", SubdivisionCode="CA"),
        geo("g.example.com", "us", "192.0.2.2", check="us", CountryCode="US"),
        geo("g.example.com", "na", "192.0.2.3", check="na", ContinentCode="NA"),
        geo("g.example.com", "namibia", "192.0.2.9", CountryCode="NA"),
        geo("g.example.com", "any", "192.0.2.4", check="any", CountryCode="*"),
    )
    for sick, value in (
        (set(), "1"),
        ({"ca"}, "2"),
        ({"ca", "us"}, "3"),
        ({"ca", "us", "na"}, "4"),
        ({"ca", "us", "na", "any"}, "1"),
    ):
        stage.sick = sick
        assert [each[-1] for each in stage.values("g.example.com.")] == [value]
    stage.sick = set()
    assert stage.values("g.example.com.", client=EU) == ["192.0.2.4"]
    assert stage.values("g.example.com.", client=NOWHERE) == ["192.0.2.4"]


def test_geolocation_without_a_default_is_silent_elsewhere():
    """NOERROR and no record for clients of no matching place."""
    stage = Stage(geo("g.example.com", "us", CountryCode="US"))
    answer = stage.ask("g.example.com.", client=EU)
    assert (answer.rcode, answer.answers) == ("NOERROR", [])
    assert answer.authority[0].type == "SOA"


def test_multivalue_gives_up_to_eight_of_the_healthy():
    """Eight of more, all of fewer; of all when every one is unhealthy."""
    stage = Stage(
        *(
            simple(
                "m.example.com",
                f"192.0.2.{n}",
                SetIdentifier=str(n),
                MultiValueAnswer=True,
                HealthCheckId=str(n),
            )
            for n in range(1, 13)
        )
    )
    assert len(set(stage.values("m.example.com."))) == 8
    stage.sick = {str(n) for n in range(3, 13)}
    assert sorted(stage.values("m.example.com.")) == ["192.0.2.1", "192.0.2.2"]
    stage.sick = {str(n) for n in range(1, 13)}
    assert len(set(stage.values("m.example.com."))) == 8


def test_aliases_to_load_balancers():
    """Its addresses at 60 seconds; a dead one is left when its health is evaluated."""
    live = Target(addresses={"A": ("127.1.250.1", "127.1.250.2")}, healthy=True)
    dead = Target(addresses={"A": ("127.1.250.3",)}, healthy=False)
    one, two = "one.us-east-1.elb.amazonaws.com.", "two.us-east-1.elb.amazonaws.com."
    stage = Stage(
        alias("p.example.com", one, "ZELB", SetIdentifier="1", Weight=1),
        alias("p.example.com", two, "ZELB", SetIdentifier="2", Weight=1),
        alias("q.example.com", two, "ZELB", evaluate=False),
        alias("gone.example.com", "gone.us-east-1.elb.amazonaws.com", "ZELB"),
        balancers={one: live, two: dead},
    )
    assert set(stage.shares("p.example.com.", draws=50)) == {"127.1.250.1"}
    (row,) = stage.ask("p.example.com.").answers
    assert (row.ttl, row.rdatas) == (60, ("127.1.250.1", "127.1.250.2"))
    assert stage.values("q.example.com.") == ["127.1.250.3"]
    assert stage.ask("gone.example.com.").rcode == "NOERROR"
    assert stage.values("gone.example.com.") == []


def test_answers_change_only_when_in_sync():
    """What is PENDING is listed, not answered; a batch becomes visible as a whole."""
    stage = Stage(simple("s.example.com", "192.0.2.1"))
    stage.change(("UPSERT", simple("s.example.com", "192.0.2.2")))
    stage.now += 4
    stage.change(
        ("UPSERT", simple("s.example.com", "192.0.2.3")),
        ("CREATE", simple("t.example.com", "192.0.2.4")),
    )
    assert stage.values("s.example.com.") == ["192.0.2.1"]
    stage.now += 6
    assert stage.values("s.example.com.") == ["192.0.2.2"]
    assert stage.ask("t.example.com.").rcode == "NXDOMAIN"
    stage.now += 4
    assert stage.values("s.example.com.") == ["192.0.2.3"]
    assert stage.values("t.example.com.") == ["192.0.2.4"]


def test_names_wildcards_and_other_types():
    """Wildcards only where no name is; a name without the type is an empty NOERROR."""
    stage = Stage(
        simple("*.example.com", "192.0.2.1"),
        simple("there.example.com", '"caf\\303\\251"', kind="TXT"),
        simple("c.example.com", "there.example.com", kind="CNAME"),
    )
    assert stage.values("any.example.com.") == ["192.0.2.1"]
    assert stage.ask("there.example.com.").rcode == "NOERROR"
    assert stage.values("there.example.com.") == []
    assert stage.values("c.example.com.", "TXT") == ["there.example.com.", '"caf\\195\\169"']


def test_aliases_in_a_circle_are_a_failure_of_the_server():
    """UPSERT can close a circle that no check sees; nobody waits for its end."""
    stage = Stage(
        simple("a.example.com", "192.0.2.1"), alias("b.example.com", "a.example.com", "own")
    )
    stage.change(("UPSERT", alias("a.example.com", "b.example.com", "own")))
    stage.now += 10
    with pytest.raises(Unserved, match="circle"):
        stage.ask("a.example.com.")
