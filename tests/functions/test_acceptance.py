"""Scenarios of earlier systems, with the outcomes that we want of them."""

import pytest

from tests.functions.test_life import conditions, member_ingress, submitted, table
from tests.functions.world import KEY, World, ingress_manifest, member, policy_manifest


def selector(text: str):
    """An Ingress with a federation v1 selector."""
    meta = {"annotations": {"federation.alpha.kubernetes.io/cluster-selector": text, "A": "B"}}
    return ingress_manifest(metadata=meta)


def test_a3_a_members_address_stands_in_the_table_and_not_in_the_address():
    """A3: cluster1's 1.2.3.4 is in its row; the source's address is the VIP."""
    world = submitted()
    world.members["gke-us"].status("shop", "shop", "1.2.3.4")
    world.tell("fanout", "shop/shop")
    world.settle()

    assert table(world)["gke-us"]["addresses"] == ["1.2.3.4"]
    addresses = world.sources.stored(KEY)["status"]["loadBalancer"]["ingress"]
    assert {"ip": "1.2.3.4"} not in addresses


def test_a4_annotations_reach_the_members_that_the_selector_chose():
    """A4: a selector over two clusters, and annotation A=B in both."""
    world = World()
    world.install()
    text = '[{"key":"cluster","operator":"in","values":["gke-us","gke-eu"]}]'
    world.submit(selector(text))
    world.settle()

    for cluster in ("gke-us", "gke-eu"):
        assert member_ingress(world, cluster)["metadata"]["annotations"]["A"] == "B"
    copied = member_ingress(world, "gke-us")["metadata"]["annotations"]
    assert "federation.alpha.kubernetes.io/cluster-selector" not in copied


def test_a6_a_cluster_that_no_longer_matches_loses_its_copy_and_nobody_else_does():
    """A6: removal from one cluster only; the load balancer and the other members stay."""
    members = (
        member("gke-us", labels={"cluster": "gke-us", "tier": "prod"}),
        member("gke-eu", region="europe-west1", labels={"cluster": "gke-eu", "tier": "prod"}),
    )
    world = World(members)
    world.install(placement={"clusterSelector": {"matchLabels": {"tier": "prod"}}})
    world.submit(ingress_manifest())
    world.settle()
    address = world.zone()["shop.example.com", "A"].values
    world.sources.members = (
        members[0],
        member("gke-eu", region="europe-west1", labels={"cluster": "gke-eu", "tier": "test"}),
    )
    world.tell("fanout", "shop/shop")
    world.settle()

    assert world.ours("gke-eu") == []
    assert len(world.ours("gke-us")) == 3
    world.tell("fanout", "shop/shop", "resync")
    world.settle()
    assert (
        '"members":["gke-us"]'
        in (world.sources.stored(KEY)["metadata"]["annotations"]["fedingress.dev/footprint"])
    ), "a member that was emptied is still visited"
    assert world.zone()["shop.example.com", "A"].values == address
    for name, spec in world.graph().items():
        if name.startswith("backendServices"):
            assert {entry["group"].split("/")[3] for entry in spec["backends"]} == {
                "us-central1-a",
                "us-central1-b",
            }


def test_a8_annotations_of_the_members_own_controllers_cause_no_update():
    """A8: eight annotations of a cluster's controller, ten passes, no write."""
    world = submitted()
    copy = member_ingress(world, "gke-us")
    foreign = {f"ingress.kubernetes.io/thing-{n}": "x" for n in range(8)}
    world.members["gke-us"].put(
        {
            "apiVersion": copy["apiVersion"],
            "kind": "Ingress",
            "metadata": {"name": "shop", "namespace": "shop", "annotations": foreign},
        },
        manager="glbc",
    )
    before = world.mark()
    for _ in range(10):
        world.tell("fanout", "shop/shop", "resync")
        world.settle()

    assert world.since(before) == []


def test_a9_a_removed_annotation_is_pruned_and_a_foreign_one_stays():
    """A9: what we applied and no longer want goes; what others wrote stays."""
    world = World()
    world.install()
    world.submit(ingress_manifest(metadata={"annotations": {"A": "B"}}))
    world.settle()
    copy = member_ingress(world, "gke-us")
    world.members["gke-us"].put(
        {
            "apiVersion": copy["apiVersion"],
            "kind": "Ingress",
            "metadata": {"name": "shop", "namespace": "shop", "annotations": {"foreign": "kept"}},
        },
        manager="somebody",
    )
    manifest = ingress_manifest(metadata={"annotations": {"C": "D"}})
    world.submit(manifest)
    world.settle()

    annotations = member_ingress(world, "gke-us")["metadata"]["annotations"]
    assert "A" not in annotations
    assert (annotations["C"], annotations["foreign"]) == ("D", "kept")


def test_a10_a_cluster_that_the_selector_excludes_holds_nobody_up():
    """A10: without the first cluster the others are still created."""
    world = World()
    world.install()
    world.submit(selector('[{"key":"cluster","operator":"!=","values":["gke-eu"]}]'))
    world.settle()

    assert world.ours("gke-eu") == []
    assert len(world.ours("gke-us")) == 3
    assert conditions(world)["Programmed"]["status"] == "True"


def test_a11_the_same_pass_ten_times_writes_nothing():
    """A11: repetition is free."""
    world = submitted()
    before = world.mark()
    for _ in range(10):
        for concern in ("fanout", "backends", "status"):
            world.tell(concern, "shop/shop", "resync")
        world.tell("dns", "cloud-dns:lab/example-com", "resync")
        world.settle()

    assert world.since(before) == []


@pytest.mark.parametrize(
    ("placement", "placed"),
    [
        ({"clusters": ["gke-us"], "clusterSelector": {}}, ["gke-us"]),
        ({"clusterSelector": {}}, ["gke-eu", "gke-us"]),
        ({"clusters": []}, []),
    ],
)
def test_b9_an_explicit_list_wins_all_is_all_and_an_empty_list_is_none(placement, placed):
    """B9: what the policy's placement means."""
    world = World()
    world.install(placement=placement)
    world.submit(ingress_manifest())
    world.settle()

    assert [name for name in sorted(world.inventory) if world.ours(name)] == placed


def test_b9_a_policy_without_placement_selects_none():
    """B9: neither list nor selector; nothing is placed and the condition says so."""
    world = World()
    policy = policy_manifest()
    del policy["spec"]["placement"]
    world.install()
    world.sources.put(policy)
    world.submit(ingress_manifest())
    world.settle()

    assert [world.ours(name) for name in world.inventory] == [[], [], []]
    assert conditions(world)["Accepted"]["reason"] in {"NoMember", "Invalid"}


def test_f1_an_address_that_is_known_is_not_written_again():
    """F1: the same member status twice costs one write."""
    world = submitted()
    world.members["gke-us"].status("shop", "shop", "8.8.8.8")
    world.tell("fanout", "shop/shop")
    world.settle()
    before = world.mark()
    world.tell("fanout", "shop/shop", "resync")
    world.settle()

    assert table(world)["gke-us"]["addresses"] == ["8.8.8.8"]
    assert world.since(before) == []


def test_f2_addresses_of_a_member_are_deduplicated_and_sorted():
    """F2: 2.2.2.2 and 1.1.1.1 twice make two, in order."""
    world = submitted()
    copy = member_ingress(world, "gke-eu")
    listed = [{"ip": "2.2.2.2"}, {"ip": "1.1.1.1"}, {"ip": "1.1.1.1"}]
    world.members["gke-eu"].objects.apply(
        {
            "apiVersion": copy["apiVersion"],
            "kind": "Ingress",
            "metadata": {"name": "shop", "namespace": "shop"},
            "status": {"loadBalancer": {"ingress": listed}},
        },
        manager="controller",
        force=True,
        subresource="status",
    )
    world.tell("fanout", "shop/shop")
    world.settle()

    assert table(world)["gke-eu"]["addresses"] == ["1.1.1.1", "2.2.2.2"]


def test_a2_finalizers_stand_before_any_copy_does_and_all_members_follow_in_one_pass():
    """A2: at each creation in a member the source is held; the copy's rules are the source's."""
    world = World()
    world.install()
    held = []

    def note(moment, verb, where):
        if moment == "before" and verb in {"apply", "create"}:
            stored = world.sources.stored(KEY)
            held.append((where, tuple(stored["metadata"].get("finalizers", ()))))

    world.members.fault = note
    default = {"service": {"name": "web", "port": {"number": 80}}}
    world.submit(ingress_manifest(defaultBackend=default))
    world.step()
    copies = {name: member_ingress(world, name) for name in ("gke-us", "gke-eu")}

    assert held
    assert all(len(finalizers) >= 3 for _, finalizers in held)
    assert all(copies.values())
    for copy in copies.values():
        (rule,) = copy["spec"]["rules"]
        services = [each["backend"]["service"]["name"] for each in rule["http"]["paths"]]
        assert [name.partition("-fed-")[0] for name in services] == ["web", "api"]
        kept = copy["spec"]["defaultBackend"]["service"]
        assert (kept["name"].partition("-fed-")[0], kept["port"]) == ("web", {"number": 80})


@pytest.mark.parametrize("mode", [None, "cascade", "orphan"])
def test_a12_members_are_emptied_unless_the_policy_orphans_them(mode):
    """A12: without a word it is cascade; either way no finalizer of ours is left."""
    world = World()
    world.install(
        deletion={"graceSeconds": 60, "drainSeconds": 5} | ({"mode": mode} if mode else {})
    )
    world.submit(ingress_manifest())
    world.settle()
    before = world.ours("gke-us")
    world.delete()
    world.settle()

    assert before
    assert world.ours("gke-us") == (before if mode == "orphan" else [])
    assert world.sources.stored(KEY) is None
