"""Which members carry an Ingress."""

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fedingress.domain.cluster import Inventory
from fedingress.domain.errors import Invalid
from fedingress.domain.placement import PlacementRule, Requirement, Selector
from fedingress.domain.policy import AwsPolicy, Override
from fedingress.planning import placement
from fedingress.planning.placement import Narrowing
from tests.planning.shop import member, policy

EU = Selector(requirements=(Requirement(key="at", operator="In", values=("eu",)),))
US = Selector(requirements=(Requirement(key="at", operator="NotIn", values=("eu",)),))
EVERYWHERE = Selector()
OURS = '[{"key": "at", "operator": "in", "values": ["eu"]}]'
THEIRS = '[{"key": "at", "operator": "notin", "values": ["eu"]}]'

NARROWED = {
    "nothing asked": ({}, Narrowing()),
    "a list": ({"fedingress.dev/clusters": "b, a,,b "}, Narrowing(clusters=("b", "a"))),
    "drained": ({"fedingress.dev/drain": "b, a"}, Narrowing(drained=("b", "a"))),
    "our selector": ({"fedingress.dev/cluster-selector": OURS}, Narrowing(selector=EU)),
    "federation v1's": (
        {"federation.alpha.kubernetes.io/cluster-selector": THEIRS},
        Narrowing(selector=US),
    ),
    "ours wins over v1's, which is not even read": (
        {
            "fedingress.dev/cluster-selector": OURS,
            "federation.alpha.kubernetes.io/cluster-selector": "no JSON",
        },
        Narrowing(selector=EU),
    ),
    "a list and a selector": (
        {"fedingress.dev/clusters": "a", "fedingress.dev/cluster-selector": OURS},
        Narrowing(clusters=("a",), selector=EU),
    ),
}


@pytest.mark.parametrize("name", NARROWED)
def test_annotations_narrow(name):
    """The annotations of ours and of federation v1 say what is asked for."""
    annotations, expected = NARROWED[name]

    assert placement.narrowing(annotations) == expected


def test_every_fault_of_the_annotations_is_told_with_its_annotation():
    """An empty list and a selector that does not parse are both named."""
    wrong = {"fedingress.dev/clusters": " , ", "fedingress.dev/cluster-selector": "no JSON"}
    with pytest.raises(Invalid) as caught:
        placement.narrowing(wrong)

    assert len(caught.value.reasons) == 2
    assert "fedingress.dev/clusters names no cluster" in caught.value.reasons[0]
    assert "annotation fedingress.dev/cluster-selector: " in caught.value.reasons[1]


MEMBERS = (
    member("eu-1", labels={"at": "eu"}),
    member("eu-2", labels={"at": "eu"}),
    member("us-1", labels={"at": "us"}),
)

ALLOWED = {
    "neither list nor selector selects none": (PlacementRule(), Narrowing(), ()),
    "an empty selector selects all": (
        PlacementRule(selector=EVERYWHERE),
        Narrowing(),
        ("eu-1", "eu-2", "us-1"),
    ),
    "a selector": (PlacementRule(selector=EU), Narrowing(), ("eu-1", "eu-2")),
    "a list": (PlacementRule(clusters=("us-1", "eu-1")), Narrowing(), ("eu-1", "us-1")),
    "a list wins over a selector": (
        PlacementRule(clusters=("us-1",), selector=EU),
        Narrowing(),
        ("us-1",),
    ),
    "an empty list selects none": (
        PlacementRule(clusters=(), selector=EVERYWHERE),
        Narrowing(),
        (),
    ),
    "annotations narrow by name": (
        PlacementRule(selector=EU),
        Narrowing(clusters=("eu-2", "us-1")),
        ("eu-2",),
    ),
    "annotations narrow by label": (
        PlacementRule(selector=EVERYWHERE),
        Narrowing(selector=US),
        ("us-1",),
    ),
    "both narrowings hold": (
        PlacementRule(selector=EVERYWHERE),
        Narrowing(clusters=("eu-1", "us-1"), selector=EU),
        ("eu-1",),
    ),
}


@pytest.mark.parametrize("name", ALLOWED)
def test_the_policy_allows_and_the_annotations_narrow(name):
    """A member carries the Ingress when the policy allows it and the annotations want it."""
    rule, wish, expected = ALLOWED[name]
    decided = placement.decide(policy(placement=rule), wish, Inventory(members=MEMBERS))

    assert decided.placed == expected
    assert decided.ineligible == {}
    assert decided.unknown == ()


INELIGIBLE = {
    "leaving": (member(leaving=True), "Leaving: "),
    "on another cloud": (member(provider="aws"), "TopologyMismatch: topology gcp serves GKE"),
    "on a provider that is not told": (member(provider=""), "on an unknown provider"),
    "in another project": (member(project="q"), "ProjectMismatch: the member is in project q"),
    "leaving tells more than another cloud": (member(leaving=True, provider="aws"), "Leaving: "),
}


UNANSWERING = {
    "on GKE": (member(), "TopologyMismatch: topology aws serves EKS and on-prem members only"),
    "on nothing known": (member(provider=""), "on an unknown provider"),
    "leaving": (member(provider="aws", leaving=True), "Leaving: "),
    "in no region": (member(provider="aws"), "RegionUnknown: the profile names no region"),
    "on-prem without a class": (
        member(provider="onprem", region="us-east-1"),
        "ClassMissing: class alb is of the AWS Load Balancer Controller",
    ),
}


@pytest.mark.parametrize("name", UNANSWERING)
def test_topology_aws_says_why_a_member_cannot_answer(name):
    """Only who has a load balancer of its own, in a known region, is led to."""
    chosen, reason = UNANSWERING[name]
    rule = PlacementRule(selector=EVERYWHERE)
    decided = placement.decide(
        policy(placement=rule, topology="aws"), Narrowing(), Inventory(members=(chosen,))
    )

    assert decided.placed == ()
    assert reason in decided.ineligible["a"]


def test_topology_aws_serves_eks_and_on_prem_members_with_a_class():
    """The policy's class, or one that an override gives to the member."""
    members = tuple(
        member(name, provider=provider, region="us-east-1")
        for name, provider in (("eks", "aws"), ("here", "onprem"))
    )
    step = {"op": "replace", "path": "/spec/ingressClassName", "value": "nginx"}
    fields = {"placement": PlacementRule(selector=EVERYWHERE), "topology": "aws"}
    by_policy = policy(aws=AwsPolicy(ingress_class="nginx"), **fields)
    by_override = policy(overrides=(Override(patch=(step,), clusters=("here",)),), **fields)

    for each in (by_policy, by_override):
        decided = placement.decide(each, Narrowing(), Inventory(members=members))
        assert decided.placed == ("eks", "here")


@pytest.mark.parametrize("name", INELIGIBLE)
def test_the_topology_says_why_it_cannot_serve_a_member(name):
    """A chosen member that cannot be served is named with its reason."""
    chosen, reason = INELIGIBLE[name]
    rule = PlacementRule(selector=EVERYWHERE)
    decided = placement.decide(
        policy(placement=rule), Narrowing(), Inventory(members=(chosen, member("b", project="")))
    )

    assert decided.placed == ("b",)
    assert reason in decided.ineligible["a"]


def test_names_that_no_member_has_are_told_unless_their_profile_is_unreadable():
    """A mistyped name is unknown; one whose profile does not decode is frozen, not gone."""
    decided = placement.decide(
        policy(placement=PlacementRule(clusters=("a", "frozen", "typo"))),
        Narrowing(clusters=("a", "other")),
        Inventory(members=(member("a"),), unreadable=("frozen",)),
    )

    assert decided.placed == ("a",)
    assert decided.unknown == ("other", "typo")


NAMES = ("a", "b", "c", "d")
names_of = st.lists(st.sampled_from(NAMES), unique=True).map(tuple)
requirements = st.builds(
    Requirement,
    key=st.sampled_from(["at", "tier"]),
    operator=st.sampled_from(["In", "NotIn", "Exists", "DoesNotExist"]),
    values=st.lists(st.sampled_from(["eu", "us", "gold"]), max_size=2).map(tuple),
)
selectors = st.lists(requirements, max_size=2).map(lambda each: Selector(requirements=tuple(each)))
rules = st.builds(PlacementRule, clusters=st.none() | names_of, selector=st.none() | selectors)
wishes = st.builds(Narrowing, clusters=st.none() | names_of, selector=st.none() | selectors)
inventories = st.lists(
    st.builds(
        member,
        st.sampled_from(NAMES),
        labels=st.dictionaries(
            st.sampled_from(["at", "tier"]), st.sampled_from(["eu", "us", "gold"])
        ),
        provider=st.sampled_from(["gcp", "gcp", "aws", ""]),
        project=st.sampled_from(["p", "p", "q", ""]),
        leaving=st.sampled_from([False, False, True]),
    ),
    unique_by=lambda each: each.name,
).map(lambda members: Inventory(members=tuple(members)))


@given(rules, wishes, inventories, names_of, requirements)
def test_placement_is_monotone_in_narrowing(rule, wish, inventory, listed, requirement):
    """Asking for less never adds a member, and adds no reason either."""
    before = placement.decide(policy(placement=rule), wish, inventory)
    clusters = listed if wish.clusters is None else tuple(set(wish.clusters) & set(listed))
    held = wish.selector.requirements if wish.selector else ()
    for narrower in (
        dataclasses.replace(wish, clusters=clusters),
        dataclasses.replace(wish, selector=Selector(requirements=(*held, requirement))),
    ):
        after = placement.decide(policy(placement=rule), narrower, inventory)

        assert set(after.placed) <= set(before.placed)
        assert after.ineligible.items() <= before.ineligible.items()


@given(rules, wishes, inventories, st.randoms())
def test_the_order_of_members_does_not_matter(rule, wish, inventory, random):
    """Shuffled inventory, equal placement."""
    shuffled = list(inventory.members)
    random.shuffle(shuffled)
    first = placement.decide(policy(placement=rule), wish, inventory)
    again = placement.decide(policy(placement=rule), wish, Inventory(members=tuple(shuffled)))

    assert first == again
    assert [*first.ineligible] == [*again.ineligible] == sorted(first.ineligible)


@given(rules, wishes, inventories)
def test_a_member_is_placed_or_ineligible_or_not_chosen_and_only_known_ones_are(
    rule, wish, inventory
):
    """The three never overlap, and no name is made up."""
    decided = placement.decide(policy(placement=rule), wish, inventory)
    known = {each.name for each in inventory.members}

    assert {*decided.placed, *decided.ineligible} <= known
    assert not {*decided.placed} & {*decided.ineligible}
    assert not {*decided.unknown} & known


def test_the_drained_are_those_placed_that_the_ingress_or_their_profile_names():
    """Sorted; whom nobody knows is unknown, who is not placed is not drained."""
    members = (member("c"), member("b", drained=True), member("a"), member("d", drained=True))
    found = placement.decide(
        policy(placement=PlacementRule(clusters=("a", "b", "c"))),
        Narrowing(drained=("d", "c", "typo")),
        Inventory(members=members),
    )

    assert (found.placed, found.drained) == (("a", "b", "c"), ("b", "c"))
    assert found.unknown == ("typo",)
