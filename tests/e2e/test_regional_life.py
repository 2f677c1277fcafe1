"""The life of an Ingress whose members answer themselves: boto3, `dig` and real requests."""

from collections import Counter

import pytest
from dnslib import DNSRecord

from infra.demo import manifests as demo
from tests.e2e.homes import embedded
from tests.e2e.manifests import NAMESPACE, path, workloads
from tests.e2e.regional import DIG, HOST, NEAR, answering, open_regions, policy, shop, until_near
from tests.e2e.site import CONFIG
from tests.e2e.waiting import holds, until

pytestmark = [pytest.mark.wire, pytest.mark.slow]

ALB = "alb.ingress.kubernetes.io/"


@pytest.fixture(scope="module")
def regions():
    """One world for this module."""
    with open_regions() as site:
        yield site


@pytest.fixture
def store(regions, tmp_path):
    """A store of this test's own; at its end nothing is left anywhere."""
    kept = tmp_path / "store.sqlite"
    yield kept
    if regions.leftovers():
        with embedded(regions, kept):
            regions.withdraw()


def is_published(site):
    """Whether the status shows the own name and everything is as it should be."""
    good = {"Accepted": "True", "Programmed": "True", "Published": "True", "Degraded": "False"}
    return bool(site.hostname()) and site.verdicts() == good


def published(site):
    """Submit the shop and wait until clients everywhere are served nearby."""
    site.apply(CONFIG, shop())
    until("the own name", lambda: is_published(site), say=site.conditions)
    until_near(site)


def test_an_ingress_lives_in_two_regions_and_leaves_nothing(regions, store):
    """Created, edited, drained, and deleted; every request on the way is answered."""
    site = regions
    with embedded(site, store):
        published(site)

        for region, member in NEAR.items():
            (balancer,) = site.balancers(region)
            copy = site.networking(member).read_namespaced_ingress("shop", NAMESPACE)
            told = copy.status.load_balancer.ingress[0].hostname
            assert copy.spec.ingress_class_name == "alb"
            assert copy.metadata.annotations[f"{ALB}scheme"] == "internet-facing"
            assert copy.metadata.annotations[f"{ALB}target-type"] == "ip"
            assert site.ours(member) == ["Ingress shop"]
            assert told == balancer["DNSName"].lower()
            assert told != site.hostname()
        assert site.hostname().startswith("fed-")

        for region, member in NEAR.items():
            if DIG:
                (address,) = site.dig(site.balancers(region)[0]["DNSName"])
                for name in (HOST, site.hostname()):
                    until(
                        f"{member} to be the answer for {name}",
                        lambda name=name, address=address, region=region: holds(
                            lambda: site.dig(name, site.client(region)) == [address], seconds=1
                        ),
                        say=site.weights,
                    )
            assert site.table()[member]["weight"] > 0

        site.apply(CONFIG, shop(annotations={"fedingress.dev/drain": "eks-us"}))
        until(
            "clients of eks-us to be served afar",
            lambda: answering(site, "us-east-1") == {(200, "eks-ap")},
            say=lambda: (site.table(), site.weights()),
        )
        until("eks-us to be drained", lambda: site.table()["eks-us"]["reason"] == "Drained")
        assert site.ours("eks-us") == ["Ingress shop"]

        edited = shop(annotations={"fedingress.dev/clusters": "eks-us,eks-ap"})
        edited["spec"]["rules"].append(
            {"host": "second.aws.example.com", "http": {"paths": [path("/", "web")]}}
        )
        site.apply(CONFIG, edited)
        until_near(site)
        visitor = site.visitor("us-east-1")
        until(
            "the second host",
            lambda: visitor.get("second.aws.example.com").status == 200,
            say=lambda: visitor.question("second.aws.example.com"),
        )

        site.delete()
        until("nothing to be left", lambda: not site.leftovers(), say=site.leftovers)
    assert site.record_sets() == []


def test_a_member_that_is_no_longer_wanted_serves_until_it_is_forgotten(regions, store):
    """Clients that ask all the time never meet a load balancer that is gone."""
    site = regions
    with embedded(site, store):
        published(site)
        site.apply(CONFIG, shop(annotations={"fedingress.dev/clusters": "eks-ap"}))
        visitor = site.visitor("us-east-1")
        seen = []

        def left():
            seen.append(visitor.get(HOST))
            return not site.ours("eks-us")

        until("eks-us to be emptied", left, say=lambda: (site.table(), site.weights()))
        assert [page.status for page in seen if page.status != 200] == []
        assert answering(site, "us-east-1") == {(200, "eks-ap")}
        site.withdraw()


def test_answers_move_by_health_alone_while_no_function_runs(regions, store):
    """No home: a region's pods die, DNS leads its clients afar and back; no write follows."""
    site = regions
    with embedded(site, store):
        published(site)
        until(
            "the near region to answer all the time",
            lambda: holds(lambda: answering(site, "us-east-1") == {(200, "eks-us")}, seconds=3),
        )
    site.forget_calls()

    site.control.kill("eks-us")
    try:
        until(
            "the far region to answer",
            lambda: answering(site, "us-east-1") == {(200, "eks-ap")},
            say=lambda: site.dig(HOST, site.client("us-east-1")) if DIG else "",
        )
        assert answering(site, "ap-southeast-1") == {(200, "eks-ap")}
    finally:
        site.control.revive("eks-us")
    until(
        "the near region to answer again",
        lambda: answering(site, "us-east-1") == {(200, "eks-us")},
    )
    assert site.calls() == 0, "somebody of ours helped"

    with embedded(site, store):
        assert holds(lambda: site.calls() == 0, seconds=3), site.control.call("GET", "/calls")
        site.withdraw()


def test_the_demo_reads_every_hosts_name_in_the_zone():
    """Hosts of the example move below the hosted zone's domain, and that is told."""
    found = demo.read(None, demo.policy_of_aws(), "aws.example.com")
    hosts = [rule["host"] for each in found.ingresses for rule in each["spec"]["rules"]]
    assert hosts
    assert all(host.endswith(".aws.example.com") for host in hosts)
    assert any("is shop.aws.example.com here" in each for each in found.added)


NOWHERE = "203.0.113.7"
"""A client in no network that the lab knows the place of."""


US, AP = NEAR
ROUTINGS = {
    "latency": ({"routing": "latency"}, (US, AP, None)),
    "a state, a country, and the rest": (
        {
            "routing": "geolocation",
            "places": [
                {"location": "subdivision:US/VA", "region": AP},
                {"location": "continent:NA", "region": US},
                {"location": "country:SG", "region": US},
                {"location": "country:*", "region": US},
            ],
        },
        (AP, US, US),
    ),
    "a country, a continent, and the rest": (
        {
            "routing": "geolocation",
            "places": [
                {"location": "country:US", "region": AP},
                {"location": "continent:AS", "region": US},
                {"location": "country:*", "region": AP},
            ],
        },
        (AP, US, AP),
    ),
    "failover": ({"routing": "failover", "order": [AP, US]}, (AP, AP, AP)),
}
"""What the policy says, and the region whose member answers clients in Virginia, in Singapore and
in no known place; None for any one."""


def test_every_routing_is_seen_by_who_asks_for_whom(regions, store):
    """Client subnets of two regions and of none: by latency, by place, in order and by weight."""
    site = regions
    clients = [site.client(US), site.client(AP), NOWHERE]
    base = policy(site.hosted_zone())

    def answers():
        return [site.asked(HOST, client) for client in clients]

    def route(dns):
        changed = policy(site.hosted_zone())
        changed["spec"]["dns"] |= dns
        site.apply(CONFIG, changed)

    try:
        with embedded(site, store):
            published(site)
            led = {
                region: site.asked(site.balancers(region)[0]["DNSName"], NOWHERE) for region in NEAR
            }
            assert led[US].isdisjoint(led[AP])
            for name, (dns, expected) in ROUTINGS.items():
                route(dns)
                allowed = [[led[e]] if e else list(led.values()) for e in expected]
                until(
                    f"answers by {name}",
                    lambda allowed=allowed: holds(
                        lambda: all(map(list.__contains__, allowed, answers())), seconds=1
                    ),
                    say=lambda: (answers(), led, site.weights(), site.conditions()),
                )

            site.control.kill("eks-ap")  # failover is the last one: the second choice answers
            try:
                until("the second choice", lambda: answers() == [led[US]] * 3, say=answers)
            finally:
                site.control.revive("eks-ap")
            until("the first choice again", lambda: answers() == [led[AP]] * 3, say=answers)

            route({"routing": "weighted"})
            for client in clients:
                until(
                    f"both members for {client}",
                    lambda client=client: (
                        {site.asked(HOST, client) for _ in range(40)} == {led[US], led[AP]}
                    ),
                    say=lambda: (site.weights(), site.table()),
                )
            site.withdraw()
    finally:
        site.apply(CONFIG, base)


def asked(site, times):
    """How often each address was given, of so many questions over UDP."""
    host, _, port = site.env["LOCALCLOUD_DNS"].rpartition(":")
    found = Counter()
    for _ in range(times):
        packet = DNSRecord.question(HOST, "A").send(host, int(port), timeout=5)
        found.update(str(row.rdata) for row in DNSRecord.parse(packet).rr)
    return found


@pytest.mark.skipif(DIG is None, reason="dig is not installed")
def test_real_answers_are_shared_out_by_capacity(regions, store):
    """Three times the pods, three times the answers: chi-squared over 2,000 questions."""
    site = regions
    weighted = policy(site.hosted_zone())
    weighted["spec"]["dns"] |= {"routing": "weighted"}
    larger = [each for each in workloads() if each["kind"] == "Deployment"]
    for each in larger:
        each["spec"]["replicas"] *= 3
    site.apply(CONFIG, weighted)
    site.apply("eks-us", *larger)
    try:
        with embedded(site, store):
            site.apply(CONFIG, shop())
            until("the own name", lambda: is_published(site), say=site.conditions)
            until(
                "three times the weight",
                lambda: [*site.weights().values()] == [{"eks-us": 255, "eks-ap": 85}],
                say=lambda: (site.weights(), site.table()),
            )
            wanted = {
                site.dig(site.balancers(region)[0]["DNSName"])[0]: share
                for region, share in (("us-east-1", 0.75), ("ap-southeast-1", 0.25))
            }
            until("every answer by these weights", lambda: set(asked(site, 40)) == set(wanted))
            samples = [asked(site, 2000)]
            while len(samples) < 3 and chi_squared(samples[-1], wanted) >= LIKELY:
                samples.append(asked(site, 2000))  # a probe that got lost moves all answers
            site.withdraw()
    finally:
        site.apply(CONFIG, policy(site.hosted_zone()))
        site.apply("eks-us", *workloads())

    assert samples[-1].keys() == wanted.keys()
    assert chi_squared(samples[-1], wanted) < LIKELY, samples


LIKELY = 10.83
"""Chi-squared of one degree of freedom that one fair sample in a thousand exceeds."""


def chi_squared(found, wanted):
    """How far the counts of a sample are from *wanted* shares."""
    number = sum(found.values())
    return sum((found[each] - number * p) ** 2 / (number * p) for each, p in wanted.items())
