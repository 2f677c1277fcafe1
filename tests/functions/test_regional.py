"""Topology `aws`: copies that members serve, their load balancers as targets, and a safe leave."""

import dataclasses

import pytest

from fedingress.domain.balancer import Balancer
from fedingress.domain.errors import Unavailable
from fedingress.domain.report import DnsReport, ZoneIntent
from fedingress.domain.work import Work
from fedingress.ports.ledger import report_entry
from tests.functions.regions import EKS, HOST, HOSTED, POLICY, Regions
from tests.functions.test_life import conditions, table
from tests.functions.world import KEY, ingress_manifest


def submitted() -> Regions:
    """The shop stands in both EKS members."""
    world = Regions()
    world.install()
    world.submit_shop()
    return world


def test_members_hold_the_copy_alone_and_report_where_they_answer():
    """No companions, no graph, no firewall; the address in lower case, and ready endpoints."""
    world = submitted()
    report = world.fanned()

    assert world.ours("eks-us") == world.ours("eks-ap") == ["Ingress shop"]
    assert world.ours("gke-us") == []
    assert report.clusters["gke-us"]["reason"] == "TopologyMismatch"
    assert report.addresses == {name: (world.address(name),) for name in ("eks-ap", "eks-us")}
    assert {name: tuple(row) for name, row in report.ready.items()} == {
        "eks-ap": (4, 4),
        "eks-us": (4, 4),
    }
    assert world.load_balancers.calls == []


def test_the_zone_is_told_the_targets_and_the_ingress_its_own_name():
    """Each with its alias zone; the own name is published like a host."""
    world = submitted()
    intent, built = world.intent(), world.built()
    own = built.address

    assert intent.hosts == (HOST, own)
    assert own.startswith("fed-")
    assert own.endswith(".aws.example.com")
    assert (built.programmed, built.serving) == (True, ("eks-ap", "eks-us"))
    assert (intent.addresses, intent.healthy) == ({}, True)
    assert intent.routing["routing"] == "latency"
    target = world.targets()["eks-us"]
    assert (target.hosted_zone, target.capacity, target.ready, target.balancer) == (
        "Z35SXDOTRQ7X7K",
        4.0,
        1.0,
        True,
    )


def test_a_private_zone_of_the_same_name_is_told_the_host_too():
    """A split horizon: each visibility has its zone; the own name stands in the first one only."""
    inside = {"provider": "route53", "name": "Z2", "domain": "aws.example.com"}
    zones = [*POLICY["dns"]["zones"], {**inside, "visibility": "private"}]
    world = Regions()
    world.install(dns={**POLICY["dns"], "zones": zones})
    world.submit_shop()
    (private,) = world.ports.ledger.intents("route53:self/Z2", ZoneIntent).values()

    assert world.intent().hosts == (HOST, world.built().address)
    assert private.hosts == (HOST,)
    assert private.targets == world.intent().targets


def published(world: Regions, **members: float) -> None:
    """The zone says that the own name leads to these members by these shares."""
    built = world.built()
    row = {"zone": HOSTED.unit, "state": "published", "message": "answered"}
    report = DnsReport(
        uid=built.uid,
        generation=built.generation,
        hosts={built.address: row, HOST: row},
        members={
            name.replace("_", "-"): {"share": share, "wanted": share, "weight": 255, "reason": ""}
            for name, share in members.items()
        },
    )
    name = next(iter(world.store.list("report", f"{KEY}/dns-"))).key.name.rpartition("/")[2]
    world.ports.ledger.announce(world.bus, [report_entry(name, str(KEY), report)], [])


def test_the_status_shows_the_own_name_and_the_shares():
    """Never a member's host name; the table says who gets how much."""
    world = submitted()
    published(world, eks_us=0.5, eks_ap=0.5)
    world.deliver(Work(concern="status", unit=str(KEY), cause="test"), "d")
    stored = world.sources.stored(KEY)

    assert stored["status"]["loadBalancer"]["ingress"] == [{"hostname": world.built().address}]
    assert conditions(world)["Programmed"]["status"] == "True"
    assert conditions(world)["Published"]["status"] == "True"
    assert table(world)["eks-us"]["share"] == 0.5
    assert table(world)["eks-us"]["addresses"] == [world.address("eks-us")]


def test_a_converged_world_writes_nothing():
    """Resyncs of everything find it as it should be."""
    world = submitted()
    mark = world.mark()
    for _ in range(10):
        world.tell("fanout", str(KEY), "resync")
        world.quiet()
    assert world.since(mark) == []


def test_an_emptied_status_takes_nothing_away():
    """A controller that starts anew empties it for a while: the last address goes on."""
    world = submitted()
    world.set_status("eks-us")
    world.tell("fanout", str(KEY))
    world.settle()

    assert world.fanned().clusters["eks-us"]["reason"] == "Waiting"
    assert world.targets()["eks-us"].address == world.address("eks-us")


def test_an_unreachable_member_goes_on_answering():
    """An unreachable control plane is not a dead data plane."""
    world = submitted()
    world.members["eks-us"].down = True
    world.tell("fanout", str(KEY))
    world.settle(within_seconds=60)

    assert world.fanned().clusters["eks-us"]["state"] == "unreachable"
    assert world.targets()["eks-us"].ready == 1.0


def test_pods_that_are_not_ready_are_told():
    """As far as the weakest Service reaches; none of one is none of all."""
    world = submitted()
    world.endpoints("eks-us", "api", ready=0, wanted=2)
    world.tell("fanout", str(KEY))
    world.settle()

    assert world.targets()["eks-us"].ready == 0.0
    assert world.targets()["eks-us"].capacity == 4.0


@pytest.mark.parametrize("by", ["annotation", "profile"])
def test_a_drained_member_gets_nothing_and_stays(by):
    """By the Ingress for itself, by the profile for all; its copy and target stay."""
    world = submitted()
    if by == "annotation":
        meta = {"annotations": {"fedingress.dev/drain": "eks-us"}}
        world.submit(ingress_manifest(host=HOST, metadata=meta))
    else:
        world.sources.members = (dataclasses.replace(EKS[0], drained=True), *EKS[1:])
        world.tell("fanout", str(KEY))
    world.quiet()

    assert world.targets()["eks-us"].multiplier == 0.0
    assert world.ours("eks-us") == ["Ingress shop"]


def narrowed(world: Regions, clusters: str) -> None:
    meta = {"annotations": {"fedingress.dev/clusters": clusters}}
    world.submit(ingress_manifest(host=HOST, metadata=meta))


def test_a_member_that_leaves_answers_until_nobody_remembers_it():
    """First the records, then the time to live and the drain, then the copy."""
    world = submitted()
    world.idle = {"dns"}  # this test speaks for it
    published(world, eks_us=0.5, eks_ap=0.5)
    narrowed(world, "eks-ap")
    world.settle(within_seconds=4, ticks=False)
    assert set(world.targets()) == {"eks-ap"}
    assert world.ours("eks-us") == ["Ingress shop"]

    world.clock.at += 3600  # the zone has not told yet that no record leads there
    world.settle(within_seconds=30, ticks=False)
    assert world.ours("eks-us") == ["Ingress shop"]
    assert "no record leads" in world.fanned().clusters["eks-us"]["message"]

    published(world, eks_ap=1.0)
    began = world.clock.at
    while world.ours("eks-us"):
        assert world.step()
    assert world.clock.at - began >= 10.0 - 5.0  # 5 s TTL, 5 s drain; one look of 5 s before
    world.settle()
    assert world.built().serving == ("eks-ap",)


def test_a_member_that_comes_back_before_it_left_never_went():
    """Its copy was never taken away."""
    world = submitted()
    published(world, eks_us=0.5, eks_ap=0.5)
    narrowed(world, "eks-ap")
    world.settle(within_seconds=3, ticks=False)
    uid = world.members["eks-us"].list("Ingress")[0]["metadata"]["uid"]
    narrowed(world, "eks-ap,eks-us")
    world.quiet()

    assert world.members["eks-us"].list("Ingress")[0]["metadata"]["uid"] == uid
    assert set(world.targets()) == {"eks-ap", "eks-us"}


def test_a_region_that_cannot_be_asked_keeps_what_was_known():
    """Zone ids and families stay, health is unknown, and the status says so."""
    world = submitted()
    find = world.balancers.find

    def broken(region, names):
        if region == "us-east-1":
            raise Unavailable("ELBv2 is slow")
        return find(region, names)

    world.balancers.find = broken
    world.tell("backends", str(KEY), "repair")
    world.settle(within_seconds=20, ticks=False)

    target = world.targets()["eks-us"]
    assert (target.hosted_zone, target.balancer) == ("Z35SXDOTRQ7X7K", None)
    assert world.built().problems[0][0] == "RegionSilent"
    assert world.built().programmed


def test_a_new_member_of_a_silent_region_waits():
    """Published as a plain name first, its records would have to change their kind."""
    world = Regions()
    world.install()
    world.submit(ingress_manifest(host=HOST))
    world.settle()
    world.play()
    find = world.balancers.find
    world.balancers.find = lambda region, names: (
        {} if region == "x" else (_ for _ in ()).throw(Unavailable("no answer"))
    )
    world.tell("fanout", str(KEY))
    world.settle(within_seconds=5, ticks=False)
    assert world.targets() == {}

    world.balancers.find = find
    world.quiet()
    assert set(world.targets()) == {"eks-us", "eks-ap"}


def test_a_load_balancer_of_another_account_is_led_to_by_an_alias():
    """Its name tells its zone; its health is what the pods behind it say."""
    world = Regions()
    world.install()
    address = world.address("eks-us")
    zone = "Z35SXDOTRQ7X7K"
    world.submit(ingress_manifest(host=HOST))
    world.settle(within_seconds=1, ticks=False)
    world.play()
    world.balancers.found.pop(address)
    world.balancers.elsewhere[address] = Balancer(
        name=address, region="us-east-1", hosted_zone=zone
    )
    world.quiet()

    target = world.targets()["eks-us"]
    assert (target.hosted_zone, target.balancer, target.ready) == (zone, None, 1.0)
    aliases = {each.alias.name for each in world.records.list(HOSTED) if each.alias}
    assert address in aliases
    assert table(world)["eks-us"]["state"] == "placed"


def test_a_failed_load_balancer_is_shown():
    """By the member's row; the others serve."""
    world = submitted()
    address = world.address("eks-us")
    world.balancers.found[address] = Balancer(
        name=address, region="us-east-1", hosted_zone="Z", state="failed", healthy=False
    )
    world.tell("backends", str(KEY), "repair")
    world.settle(within_seconds=30, ticks=False)

    assert table(world)["eks-us"]["reason"] == "LoadBalancerFailed"
    assert table(world)["eks-ap"]["state"] == "placed"


def test_annotations_that_are_the_policys_are_named():
    """They are not copied, and the condition says which."""
    world = Regions()
    world.install()
    name = "alb.ingress.kubernetes.io/group.name"
    world.submit_shop(metadata={"annotations": {name: "of-another-team"}})

    copy = world.members["eks-us"].list("Ingress")[0]
    assert name not in copy["metadata"]["annotations"]
    assert conditions(world)["Degraded"]["reason"] == "AnnotationIgnored"
    assert name in conditions(world)["Degraded"]["message"]


def test_a_policy_without_a_zone_says_that_nobody_can_be_led():
    """Members' names are theirs; without a zone there is no name of ours."""
    world = Regions()
    world.install(dns={})
    world.submit_shop()

    assert conditions(world)["Programmed"]["reason"] == "NoZone"
    assert "status" not in world.sources.stored(KEY) or not world.sources.stored(KEY)["status"].get(
        "loadBalancer", {}
    ).get("ingress")


def test_another_topology_under_what_stands_is_refused():
    """Members' load balancers would go before anything else serves."""
    world = submitted()
    world.install(topology="gcp", project="lab", dns={})
    world.tell("fanout", str(KEY))
    world.settle()

    assert conditions(world)["Accepted"]["status"] == "False"
    assert "stands in aws" in conditions(world)["Accepted"]["message"]
    assert world.ours("eks-us") == ["Ingress shop"]


def test_the_end_takes_everything_away_in_order():
    """Records, then finalizers, then the copies; nothing is left."""
    world = submitted()
    world.delete()
    world.settle()

    assert world.ours("eks-us") == world.ours("eks-ap") == []
    assert world.sources.stored(KEY) is None
    assert [doc.key.name for doc in world.store.list("intent")] == []
    assert {item.type for item in world.records.list(HOSTED)} == {"NS", "SOA"}


def test_each_tick_takes_a_sample_of_every_zone_with_shares():
    """One work a zone, however many Ingresses are in it."""
    world = submitted()
    world.bus.heap.clear()
    world.tick()
    causes = [(work.concern, work.unit) for _, _, work in world.bus.heap if work.cause == "window"]
    assert causes == [("dns", HOSTED.unit)]


def test_the_zone_tells_shares_and_the_status_shows_them():
    """The whole way, with the zone's own reports: name, shares, weights."""
    world = submitted()
    stored = world.sources.stored(KEY)

    assert stored["status"]["loadBalancer"]["ingress"] == [{"hostname": world.built().address}]
    assert {name: row.get("weight") for name, row in table(world).items()} == {
        "eks-ap": 255,
        "eks-us": 255,
        "gke-us": None,
    }
    assert table(world)["eks-us"]["share"] == table(world)["eks-us"]["deserved"] == 1.0


def test_a_drained_member_is_told_as_such_when_its_weight_is_gone():
    """Its clients are led afar, and the table says that it gets nothing."""
    world = submitted()
    meta = {"annotations": {"fedingress.dev/drain": "eks-us"}}
    world.submit(ingress_manifest(host=HOST, metadata=meta))
    world.quiet()
    for _ in range(10):
        world.clock.at += 60
        world.tick()
        world.settle()

    row = table(world)["eks-us"]
    assert (row["reason"], row["drained"], row["weight"], row["share"]) == ("Drained", True, 0, 0.0)


def test_a_member_leaves_by_the_zones_own_word():
    """Records first, then the wait, then the copy; the other one serves on."""
    world = submitted()
    narrowed(world, "eks-ap")
    world.settle(within_seconds=3, ticks=False)
    assert world.ours("eks-us") == ["Ingress shop"]
    world.quiet()

    assert world.ours("eks-us") == []
    assert world.ours("eks-ap") == ["Ingress shop"]
    assert set(table(world)) == {"eks-ap"}
    leads = {record.set_identifier for record in world.records.list(HOSTED) if record.weight}
    assert leads == {"eks-ap"}


def test_a_quiet_window_reads_no_report_and_writes_nothing():
    """However many Ingresses lead to the zone: nobody is told what nothing changed."""
    world = submitted()
    for _ in range(5):
        world.clock.at += 60
        world.tick()
        world.settle()
    mark, asked = world.mark(), []
    world.tell("dns", HOSTED.unit, "window")
    report = world.ports.ledger.report
    world.ports.ledger.report = lambda *words: asked.append(words) or report(*words)
    world.clock.at += 60
    world.settle(ticks=False)

    assert world.since(mark) == []
    assert asked == []
