"""
A forwarding rule that somebody made by hand in place of ours: told, adopted by consent, let go.

It takes our mark as labels, because GCE changes no description of it; whose labels those are
decides what a deletion takes along.
"""

import re

import pytest
from google.cloud import compute_v1

from fedingress.domain.graph import Kind
from tests.functions.test_life import conditions
from tests.functions.world import KEY, ingress_manifest, member
from tests.gce.world import GOOD, PROJECT, GceWorld, gce_world, serve

pytestmark = pytest.mark.wire

WORD = re.compile(r"annotate fedingress\.dev/adopt: (\S+@[0-9a-f]{8})")
MEMBERS = (member("gke-us"),)


def by_hand(world: GceWorld) -> str:
    """Somebody replaces our rule by one that leads to a proxy of theirs; gives the name."""
    (rule,) = world.see(Kind.FORWARDING_RULE)
    (url_map,) = world.see(Kind.URL_MAP)
    world.put(Kind.TARGET_HTTP_PROXY, name="theirs", url_map=url_map.self_link)
    world.drop(Kind.FORWARDING_RULE, rule.name)
    world.put(
        Kind.FORWARDING_RULE,
        name=rule.name,
        description="by hand",
        labels={"team": "shop"},
        load_balancing_scheme="EXTERNAL_MANAGED",
        I_p_address=rule.I_p_address,
        port_range="80",
        target=f"projects/{PROJECT}/global/targetHttpProxies/theirs",
    )
    return str(rule.name)


def label(world: GceWorld, name: str, labels: dict[str, str]) -> None:
    """Somebody writes the labels of a rule."""
    found = world.get(Kind.FORWARDING_RULE, name)
    body = compute_v1.GlobalSetLabelsRequest(
        labels=labels, label_fingerprint=found.label_fingerprint
    )
    world.client(Kind.FORWARDING_RULE).set_labels_unary(
        project=PROJECT, resource=name, global_set_labels_request_resource=body
    )


def adopted(world: GceWorld) -> tuple[str, str, str]:
    """The shop with a rule by hand, adopted; gives its name, what was told and our proxy."""
    serve(world)
    ours = world.get(Kind.FORWARDING_RULE, world.see(Kind.FORWARDING_RULE)[0].name).target
    name = by_hand(world)
    calls, stands = len(world.load_balancers.calls), world.get(Kind.FORWARDING_RULE, name)
    world.look(within_seconds=300)
    told = conditions(world)["Degraded"]["message"]
    assert world.load_balancers.calls[calls:] == []
    assert world.get(Kind.FORWARDING_RULE, name) == stands
    (word,) = set(WORD.findall(told))
    world.submit(ingress_manifest(metadata={"annotations": {"fedingress.dev/adopt": word}}))
    world.settle(within_seconds=300)
    world.drop(Kind.TARGET_HTTP_PROXY, "theirs")
    return name, told, str(ours)


def test_it_is_told_with_its_diff_taken_over_by_consent_and_goes_with_the_ingress():
    """Their label stays, the target is ours, a lost race is observed again; then all of it goes."""
    with gce_world(members=MEMBERS) as world:
        world.strike(method="POST", path="forwardingRules/fedingress.*/setLabels", status=412)
        name, told, ours = adopted(world)
        rule = world.get(Kind.FORWARDING_RULE, name)
        verdicts, met = world.verdicts(), world.waiting() == 0
        calls = len(world.load_balancers.calls)
        world.look()
        more = world.load_balancers.calls[calls:]
        world.delete()
        world.settle()

        assert "which changes its labels and target: " in told
        assert "targetHttpProxies/theirs" in told
        assert met, "the product sent no such request"
        assert verdicts == GOOD
        assert more == []
        assert (rule.target, rule.description) == (ours, "by hand")
        assert (rule.labels["team"], rule.labels["fedingress-name"]) == ("shop", "shop")
        assert world.see(Kind.FORWARDING_RULE) == []
        assert world.sources.stored(KEY) is None


def test_whose_labels_are_taken_off_is_nobodys_to_delete():
    """It is told as theirs again, and what it leads to waits for them."""
    with gce_world(members=MEMBERS) as world:
        name, _, ours = adopted(world)
        label(world, name, {"team": "shop"})
        world.look(within_seconds=300)
        told = conditions(world)["Degraded"]["message"]
        world.delete()
        world.settle(within_seconds=600, ticks=False)
        held, left = conditions(world), world.get(Kind.FORWARDING_RULE, name)
        world.drop(Kind.FORWARDING_RULE, name)
        world.settle(within_seconds=1800)

        assert "which changes its labels only" in told
        assert left.target == ours
        assert "it goes once nothing refers to it any more" in str(held)
        assert world.sources.stored(KEY) is None
