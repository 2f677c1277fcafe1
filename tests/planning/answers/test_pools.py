"""Which pools and trees hosts lead to."""

import pytest

from fedingress.domain.policy import DnsHealthCheck, Place
from fedingress.planning.answers import regions
from fedingress.planning.answers.pools import pools
from fedingress.planning.answers.routing import policy_of, wishes
from tests.planning.answers.zones import PLACES, intent, target

US, US2, AP, EU = (target(name) for name in ("us", "us2", "ap", "eu"))
SITE = target("site", region="berlin", address="203.0.113.9", hosted_zone="")


def forest(*intents, apart=None):
    """The nodes of these intents."""
    return pools(wishes({each.uid: each for each in intents}), apart or {}, owner="me")


def shape(found, label):
    """A node as nested words: choices in braces, own members, those on standby after a bar."""
    if label in found.pools:
        pool = found.pools[label]
        own = "+".join(each.cluster for each in pool.own)
        return "|".join(
            [own, *["+".join(each.cluster for each in pool.standby)] * bool(pool.standby)]
        )
    return {
        each.region or each.location or each.failover: shape(found, each.to)
        for each in found.trees[label].choices
    }


SHAPES = {
    "simple": (("simple", (US, AP)), {}, "ap+us"),
    "weighted": (("weighted", (US, US2, AP)), {}, "ap+us+us2"),
    "one region": (("latency", (US, US2)), {}, "us+us2"),
    "latency": (
        ("latency", (US, US2, AP)),
        {},
        {"ap-southeast-2": "ap|us+us2", "us-east-1": "us+us2|ap"},
    ),
    "the nearest stands by": (
        ("latency", (US, EU, AP)),
        {},
        {"ap-southeast-2": "ap|us", "eu-west-1": "eu|us", "us-east-1": "us|eu"},
    ),
    "a site stands by everywhere": (
        ("latency", (US, AP, SITE)),
        {},
        {"ap-southeast-2": "ap|us+site", "us-east-1": "us|ap+site"},
    ),
    "sites alone are one pool": (("latency", (SITE,)), {}, "site"),
    "places": (
        ("geolocation", (US, EU)),
        {"places": PLACES},
        {"continent:EU": "eu|us", "country:*": "eu|us"},
    ),
    "failover by order": (
        ("failover", (US, EU, AP)),
        {"order": ("eu-west-1", "mars", "ap-southeast-2")},
        {"PRIMARY": "eu|ap", "SECONDARY": {"PRIMARY": "ap|us", "SECONDARY": "us|eu"}},
    ),
    "failover of one": (("failover", (US,)), {}, "us"),
}


@pytest.mark.parametrize("name", [name for name in SHAPES if name != "places"])
def test_the_shape_follows_from_the_routing(name):
    """Regions choose, pools weigh, the next region stands by."""
    (routing, targets), more, expected = SHAPES[name]
    found = forest(intent("u1", *targets, routing=routing, **more))

    assert shape(found, found.roots["u1"]) == expected


PLACED = {
    "its own region": ("us-east-1", "us|eu"),
    "a region without a member goes to the nearest": ("us-west-2", "us|eu"),
    "anywhere": ("*", "eu|us"),
}


@pytest.mark.parametrize("name", PLACED)
def test_a_place_is_served_by_its_region_or_the_nearest(name):
    """A place never goes unanswered while any member is there."""
    region, expected = PLACED[name]
    places = (
        Place(location="country:US", region=region),
        Place(location="country:*", region="eu-west-1"),
    )
    found = forest(intent("u1", US, EU, routing="geolocation", places=places))
    shown = shape(found, found.roots["u1"])

    assert (shown if isinstance(shown, str) else shown["country:US"]) == expected


def test_equal_entries_share_their_nodes_and_others_do_not():
    """Same members and addresses: one pool; another address, check, owner or order: another."""
    one, other = intent("u1", US, AP), intent("u2", US, AP)
    found = forest(one, other)

    assert found.roots["u1"] == found.roots["u2"]
    assert [wish.uid for wish in found.users[found.below(found.roots["u1"])[0]]] == ["u1", "u2"]
    different = [
        intent("u2", US, target("ap", address="other.elb.test")),
        intent("u2", US, AP, health_check=DnsHealthCheck(port=81)),
        intent("u2", US, target("ap", dual_stack=True)),
        intent("u2", US, AP, routing="weighted"),
    ]
    for each in different:
        assert len(set(forest(one, each).roots.values())) == 2
    mine, theirs = (
        pools(wishes({"u1": one}), {}, owner=owner).roots["u1"] for owner in ("me", "you")
    )
    assert mine != theirs


def test_clusters_that_an_ingress_shall_leave_are_not_in_its_pools():
    """The others are; another Ingress is not concerned."""
    found = forest(intent("u1", US, AP), intent("u2", US, AP), apart={"u1": frozenset({"ap"})})

    assert shape(found, found.roots["u1"]) == "us"
    assert shape(found, found.roots["u2"]) == SHAPES["latency"][2] | {
        "ap-southeast-2": "ap|us",
        "us-east-1": "us|ap",
    }


NAMED = target("nlb", region="us-east-1", address="nlb.example.net", hosted_zone="")
V6 = target("six", region="berlin", address="2001:db8::1", hosted_zone="")
FAMILIES = {
    "an alias": ((US,), {"us": ("A",)}),
    "a dual-stack alias": ((target("us", dual_stack=True),), {"us": ("A", "AAAA")}),
    "addresses": ((SITE, V6), {"site": ("A",), "six": ("AAAA",)}),
    "an alias beside addresses": ((US, SITE), {"us": ("A",), "site": ("A",)}),
    "a name": ((NAMED,), {"nlb": ("CNAME",)}),
    "an alias beside a name": ((US, NAMED), {"us": ("CNAME",), "nlb": ("CNAME",)}),
    "a name beside an address": ((NAMED, SITE), {"site": ("A",)}),
}


@pytest.mark.parametrize("name", FAMILIES)
def test_families_are_never_mixed(name):
    """Aliases and addresses, or names alone; who does not fit is left out and named."""
    targets, expected = FAMILIES[name]
    found = forest(intent("u1", *targets, routing="weighted"))
    entries = found.pools[found.roots["u1"]].entries

    assert {each.cluster: each.types for each in entries} == expected
    left = [each.cluster for each in targets if each.cluster not in expected]
    assert [note.split()[0] for note in found.notes.get("u1", ())] == left


def test_what_is_not_evaluated_is_checked_from_outside():
    """Shared load balancers, names and addresses; dedicated ones only when the policy says so."""
    shared = target("us", shared=True)
    found = forest(intent("u1", shared, AP, SITE, routing="weighted"))
    pool = found.pools[found.roots["u1"]]
    checked = {each.cluster: pool.check_of(each) for each in pool.entries}

    assert checked == {"us": DnsHealthCheck(), "ap": None, "site": DnsHealthCheck()}
    asked = DnsHealthCheck(kind="HTTP", paths=("/",))
    found = forest(intent("u1", AP, routing="weighted", health_check=asked))
    pool = found.pools[found.roots["u1"]]
    assert pool.check_of(pool.entries[0]) == asked


MANY = tuple(target(f"c{n:03}", region="us-east-1") for n in range(101))
FAULTS = {
    "members of one pool": (intent("u1", *MANY, routing="weighted"), "101 members would stand"),
    "members of one region": (intent("u1", *MANY, EU), "101 members would stand"),
    "sites": (
        intent("u1", *(target(f"c{n:03}", region=f"r{n}") for n in range(101))),
        "101 members would stand",
    ),
    "places": (
        intent(
            "u1",
            US,
            routing="geolocation",
            places=tuple(Place(location=f"country:{n}", region="*") for n in range(101)),
        ),
        "the policy has 101 places",
    ),
    "no place for everybody else": (
        intent("u1", US, routing="geolocation", places=PLACES[:1]),
        "exactly one for country:*",
    ),
}


@pytest.mark.parametrize("name", FAULTS)
def test_what_no_answer_can_be_made_of_is_told(name):
    """A reason, and no node."""
    asked, sentence = FAULTS[name]
    found = forest(asked)

    assert sentence in found.faults["u1"]
    assert not found.roots
    assert not found.pools


def test_standby_gives_way_to_the_quota():
    """A hundred of a region leave no room for others."""
    found = forest(intent("u1", *MANY[:99], EU, target("eu2", region="eu-west-1")))
    sizes = sorted(len(pool.entries) for pool in found.pools.values())

    assert sizes == [100, 100]


def test_a_policy_survives_its_journey():
    """Places, check and damping come back as they were; what a newer version adds is left out."""
    asked = intent(
        "u1",
        US,
        routing="geolocation",
        places=PLACES,
        health_check=DnsHealthCheck(kind="HTTP", paths=("/a", "/b")),
        order=("x",),
        spill_below=0.3,
    )
    (wish,) = wishes({"u1": type(asked).decode(asked.encode())})

    assert wish.policy.places == PLACES
    assert wish.policy.health_check == DnsHealthCheck(kind="HTTP", paths=("/a", "/b"))
    assert wish.policy.spill_below == 0.3
    assert policy_of({"routing": "weighted", "zones": (), "new": 1}).routing == "weighted"
    assert wishes({"u1": intent("u1", US, state="deleting"), "u2": intent("u2")}) == ()


def test_regions_are_ordered_by_distance_and_unknown_ones_by_name():
    """On the globe; of two that nobody knows, the first one by name."""
    others = ("mars", "eu-west-1", "us-west-2", "berlin", "us-east-1")

    assert regions.nearest("us-east-1", others) == ("us-west-2", "eu-west-1", "berlin", "mars")
    assert regions.nearest("berlin", ("eu-west-1", "ap-east-1")) == ("ap-east-1", "eu-west-1")
    assert [r for r in ("us-east-1", "us-gov-west-1", "us-east1", "x") if regions.of_aws(r)] == [
        "us-east-1",
        "us-gov-west-1",
    ]
