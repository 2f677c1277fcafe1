"""One ingress-uid for the controllers of all members, where the policy asks for it."""

import pytest

from tests.functions.test_life import conditions, table
from tests.functions.world import KEY, World, ingress_manifest, member, policy_manifest

MEMBERS = (member("cluster1"), member("cluster2", region="europe-west1"))


def keep(world: World, cluster: str, uid: str) -> None:
    """The controller of *cluster* has made its ConfigMap."""
    world.members[cluster].put(
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": "ingress-uid", "namespace": "kube-system"},
            "data": {"uid": uid, "provider-uid": uid, "other": "theirs"},
        },
        manager="glbc",
    )


def kept(world: World) -> dict[str, dict[str, str]]:
    """The data of each member's ConfigMap."""
    found = {
        name: world.members[name].get("ConfigMap", "kube-system", "ingress-uid")
        for name in world.inventory
    }
    return {name: each["data"] for name, each in found.items() if each}


@pytest.fixture
def world():
    """The shop in two members with UIDs of their own, which the policy shares."""
    made = World(MEMBERS)
    made.install()
    keep(made, "cluster1", "foo")
    keep(made, "cluster2", "bar")
    return made


def submit(world: World, *, sharing: bool = True) -> None:
    world.sources.put(policy_manifest(backends={"sharedIngressUid": sharing}))
    world.submit(ingress_manifest())
    world.settle()


def test_all_members_get_the_first_ones_uid_and_keep_what_else_stands_there(world):
    """As in federation v1: provider-uids differ. A second look writes nothing."""
    submit(world)
    mark = world.mark()
    world.tell("fanout", str(KEY), "resync")
    world.settle(within_seconds=120)

    assert kept(world) == {
        "cluster1": {"uid": "foo", "provider-uid": "fb56c6cfda5b5fd1", "other": "theirs"},
        "cluster2": {"uid": "foo", "provider-uid": "88fc20ced3135741", "other": "theirs"},
    }
    assert not [call for call in world.since(mark) if call[0] == "apply"]
    assert conditions(world)["Degraded"]["status"] == "False"


def test_without_the_setting_nobody_touches_it(world):
    """It is off by default."""
    submit(world, sharing=False)

    assert [data["uid"] for data in kept(world).values()] == ["foo", "bar"]


def test_a_member_whose_controller_serves_ingresses_keeps_its_uid(world):
    """Its row says which; the Ingress serves there all the same."""
    theirs = ingress_manifest("theirs")
    theirs["spec"].pop("ingressClassName")
    world.members["cluster2"].put(theirs)
    submit(world)

    assert kept(world)["cluster2"]["uid"] == "bar"
    assert table(world)["cluster2"]["reason"] == "IngressUidInUse"
    assert "shop/theirs" in table(world)["cluster2"]["message"]
    assert table(world)["cluster2"]["endpoints"] > 0


def test_no_uid_is_chosen_while_a_member_is_silent(world):
    """It might have the one that was shared; when it is back, all agree."""
    world.members["cluster1"].down = True
    submit(world)
    alone = kept(world)["cluster2"]["uid"]
    world.members["cluster1"].down = False
    world.tell("fanout", str(KEY), "resync")
    world.settle()

    assert alone == "bar"
    assert {data["uid"] for data in kept(world).values()} == {"foo"}
