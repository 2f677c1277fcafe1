"""Bad input and sick members: each has its condition and its sentence, and the rest goes on."""

import json

from fedingress.domain.ingress import IngressKey
from fedingress.domain.work import Work
from tests.functions.test_life import conditions, member_ingress, submitted, table
from tests.functions.world import (
    KEY,
    MEMBERS,
    World,
    class_manifest,
    ingress_manifest,
    member,
    path,
    policy_manifest,
    service_manifest,
)


def test_an_unknown_topology_is_a_condition_and_nothing_is_made():
    """The policy's fault stands on the Ingress, with the field's path."""
    world = World()
    world.install(topology="moon")
    world.submit(ingress_manifest())
    world.settle()

    accepted = conditions(world)["Accepted"]
    assert (accepted["status"], accepted["reason"]) == ("False", "Invalid")
    assert "spec.topology" in accepted["message"]
    assert world.graph() == {}


def test_a_selector_with_a_bad_operator_is_a_condition_and_what_stands_stays():
    """B7: no silent skip; and an edit that does not parse takes nothing down."""
    world = submitted()
    graph = world.graph()
    meta = {"annotations": {"fedingress.dev/cluster-selector": '[{"key":"a","operator":"near"}]'}}
    world.submit(ingress_manifest(metadata=meta))
    world.settle()

    accepted = conditions(world)["Accepted"]
    assert accepted["status"] == "False"
    assert "fedingress.dev/cluster-selector" in accepted["message"]
    assert world.graph() == graph
    assert len(world.ours("gke-us")) == 3


def test_every_fault_of_an_ingress_is_told_at_once():
    """A path with a control character and one claimed twice: two sentences, nothing raw."""
    world = World()
    world.install()
    paths = [path("/a\x1bb", "web"), path("/c", "web"), path("/c", "api")]
    rules = [{"host": "shop.example.com", "http": {"paths": paths}}]
    world.submit(ingress_manifest(rules=rules))
    world.settle()

    message = conditions(world)["Accepted"]["message"]
    assert "spec.rules[0].http.paths[0].path" in message
    assert "spec.rules[0].http.paths[2]" in message
    assert message.isprintable()


def test_an_ingress_whose_class_is_gone_keeps_what_it_has():
    """A class deleted by mistake takes no traffic down; the condition names it."""
    world = submitted()
    graph = world.graph()
    world.sources.remove("IngressClass", "federated")
    world.tell("fanout", "shop/shop")
    world.settle()

    assert world.graph() == graph
    assert "federated" in conditions(world)["Accepted"]["message"]


def test_a_missing_service_degrades_its_member_and_its_path_only():
    """gke-eu has no api: its row says so, its web serves, and gke-us is whole."""
    world = World()
    world.members["gke-eu"].remove("Service", "shop", "api")
    world.install()
    world.submit(ingress_manifest())
    world.settle(within_seconds=300)

    assert table(world)["gke-eu"]["reason"] == "ServiceMissing"
    assert table(world)["gke-us"]["state"] == "placed"
    assert conditions(world)["Degraded"]["status"] == "True"
    sizes = sorted(
        len(spec["backends"])
        for name, spec in world.graph().items()
        if name.startswith("backendServices")
    )
    assert sizes == [2, 4]


def test_a_service_without_selector_is_told():
    """Its pods cannot join a group, because nobody knows which they are."""
    world = World()
    manifest = service_manifest("api")
    del manifest["spec"]["selector"]
    world.members["gke-eu"].remove("Service", "shop", "api")
    world.members["gke-eu"].put(manifest)
    world.install()
    world.submit(ingress_manifest())
    world.settle(within_seconds=300)

    assert table(world)["gke-eu"]["reason"] == "ServiceWithoutSelector"
    assert "api" in table(world)["gke-eu"]["message"]


def test_the_oldest_ingress_owns_a_host_and_the_younger_one_keeps_its_others():
    """Two Ingresses name one host: HostConflict for that host, service for the other."""
    world = submitted()
    world.clock.at += 10
    rules = [
        {"host": host, "http": {"paths": [path("/", "web")]}}
        for host in ("shop.example.com", "own.example.com")
    ]
    world.submit(ingress_manifest("late", rules=rules))
    world.settle()

    late = IngressKey(namespace="shop", name="late")
    accepted = conditions(world, late)["Accepted"]
    assert (accepted["status"], accepted["reason"]) == ("True", "HostConflict")
    assert "shop/shop" in accepted["message"]
    first = world.sources.stored(KEY)["status"]["loadBalancer"]["ingress"][0]["ip"]
    assert world.zone()["shop.example.com", "A"].values == (first,)
    assert world.zone()["own.example.com", "A"].values != (first,)


def test_a_host_that_becomes_free_goes_to_the_one_that_waited():
    """When the owner is deleted, the other Ingress gets the host without being touched."""
    world = submitted()
    world.clock.at += 10
    world.submit(ingress_manifest("late"))
    world.settle()
    world.delete()
    world.settle()

    late = IngressKey(namespace="shop", name="late")
    address = world.sources.stored(late)["status"]["loadBalancer"]["ingress"][0]["ip"]
    assert conditions(world, late)["Accepted"]["reason"] == "Accepted"
    assert world.zone()["shop.example.com", "A"].values == (address,)


def test_a_foreign_ingress_of_the_same_name_in_a_member_is_left_alone():
    """Nothing is overwritten; the row says Conflict, the other member is served."""
    world = World()
    foreign = {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": {"name": "shop", "namespace": "shop"},
        "spec": {"defaultBackend": {"service": {"name": "other", "port": {"number": 1}}}},
    }
    world.members["gke-eu"].put(foreign)
    world.install()
    world.submit(ingress_manifest())
    world.settle(within_seconds=300)

    assert member_ingress(world, "gke-eu")["spec"] == foreign["spec"]
    assert table(world)["gke-eu"]["state"] == "conflict"
    assert table(world)["gke-us"]["state"] == "placed"


def test_a_foreign_record_is_refused_with_a_condition():
    """Somebody's A record for our host stays theirs."""
    from fedingress.domain.record import RecordSet
    from tests.functions.world import ZONE

    world = World()
    foreign = RecordSet(name="shop.example.com", type="A", ttl_seconds=60, values=("198.51.100.9",))
    world.records.change(ZONE, deletions=(), additions=(foreign,), guard=_Open())
    world.install()
    world.submit(ingress_manifest())
    world.settle()

    assert world.zone()["shop.example.com", "A"].values == ("198.51.100.9",)
    published = conditions(world)["Published"]
    assert (published["status"], published["reason"]) == ("False", "RecordConflict")


class _Open:
    """A guard for the test's own writes."""

    def check(self, call_timeout_seconds):
        pass

    def remaining_seconds(self):
        return 60.0


def test_a_member_whose_api_is_down_keeps_its_endpoints_and_the_others_go_on():
    """An unreachable control plane is not a dead data plane."""
    world = submitted()
    before = world.graph()
    world.members["gke-eu"].down = True
    world.submit(ingress_manifest(metadata={"annotations": {"new": "yes"}}))
    world.settle(within_seconds=300)

    assert table(world)["gke-eu"]["state"] == "unreachable"
    assert member_ingress(world, "gke-us")["metadata"]["annotations"]["new"] == "yes"
    assert world.graph() == before


def test_a_member_that_is_down_and_a_lost_store_still_take_nothing_away():
    """With nothing remembered, what is observed of a silent member stays."""
    world = submitted()
    before = world.graph()
    world.members["gke-eu"].down = True
    world.lose_store()
    world.tell("fanout", "shop/shop")
    world.settle(within_seconds=600)

    assert world.graph() == before


def test_a_refused_token_and_a_slow_api_have_their_own_words():
    """Forbidden says what to grant; slow says that nothing came in time."""
    world = World()
    world.members["gke-us"].refuses = True
    world.members["gke-eu"].slow = True
    world.install()
    world.submit(ingress_manifest())
    world.settle(within_seconds=120)

    assert table(world)["gke-us"]["reason"] == "Forbidden"
    assert table(world)["gke-eu"]["reason"] == "Unreachable"
    assert conditions(world)["Degraded"]["status"] == "True"


def test_the_config_cluster_may_be_a_member_and_its_copy_has_another_name():
    """Same kube-system uid: the source is not overwritten by its own copy."""
    members = (member("gke-us"), member("gke-home", uid="uid-config"))
    world = World(members)
    world.sources.objects.uid = "uid-config"
    world.install()
    world.submit(ingress_manifest())
    world.settle()

    names = [line for line in world.ours("gke-home") if line.startswith("Ingress")]
    assert names[0].startswith("Ingress shop-fed-")
    assert "Ingress shop" in world.ours("gke-us")


def test_a_member_that_stays_away_is_waited_for_then_a_tombstone_keeps_its_leftovers():
    """After graceSeconds the Ingress goes; when the member is back, so do the leftovers."""
    world = submitted()
    world.members["gke-eu"].down = True
    world.delete()
    started = world.clock.now()
    world.settle(within_seconds=600)

    assert world.sources.stored(KEY) is None
    assert world.clock.now() - started >= 60.0
    assert [stone.cluster for stone in world.sources.tombstones()] == ["gke-eu"]
    world.members["gke-eu"].down = False
    for _ in range(12):
        world.clock.at += 60
        world.tick()
        world.settle()
    assert world.ours("gke-eu") == []
    assert world.sources.tombstones() == []


def test_an_ingress_that_changes_its_class_is_taken_back_and_stays_itself():
    """Teardown does not need the class: finalizers go, the user's object stays."""
    world = submitted()
    nginx = class_manifest()
    nginx["metadata"]["name"] = "nginx"
    nginx["spec"] = {"controller": "k8s.io/ingress-nginx"}
    world.sources.put(nginx)
    world.submit(ingress_manifest(ingressClassName="nginx"))
    world.settle()

    kept = world.sources.stored(KEY)
    assert kept["metadata"].get("finalizers") in (None, [])
    assert world.graph() == {}
    assert world.ours("gke-us") == []


def test_a_deleted_policy_does_not_block_a_deletion():
    """What was made is found by its marks."""
    world = submitted()
    world.sources.remove("FederationPolicy", "global")
    world.delete()
    world.settle()

    assert world.sources.stored(KEY) is None
    assert world.graph() == {}
    assert world.zone() == {}


def test_deleting_after_the_store_was_lost_leaves_nothing():
    """Losing the store loses timing only."""
    world = submitted()
    world.lose_store()
    world.delete()
    world.settle()

    assert world.sources.stored(KEY) is None
    assert world.graph() == {}
    assert world.zone() == {}
    assert [world.ours(name) for name in world.inventory] == [[], [], []]


def test_a_wiped_store_in_a_converged_world_costs_no_write_to_any_cloud():
    """Everything is found as it stands."""
    world = submitted()
    world.lose_store()
    before = world.mark()
    for _ in range(3):
        world.tick()
        world.settle()

    assert world.since(before) == []


def test_someone_elses_firewall_under_our_name_is_left_alone():
    """Without our mark nothing is ours, whatever its name."""
    from fedingress.domain.graph import GlobalResource, Kind
    from fedingress.planning import firewall

    world = World()
    name = firewall.prefix("test", "default")
    spec = {
        "network": "projects/lab/global/networks/default",
        "direction": "INGRESS",
        "sourceRanges": ["10.0.0.0/8"],
        "allowed": [{"IPProtocol": "udp"}],
    }
    world.load_balancers.put(
        GlobalResource(kind=Kind.FIREWALL, project="lab", name=name, spec=spec)
    )
    world.install()
    world.submit(ingress_manifest())
    world.settle(within_seconds=300)

    assert world.graph()[f"firewalls/{name}"]["sourceRanges"] == ["10.0.0.0/8"]


def test_a_project_of_ones_own_excludes_a_member_with_the_reason():
    """Endpoint groups must be in the backend service's project."""
    members = (*MEMBERS, member("gke-far", project="elsewhere"))
    world = World(members)
    world.install()
    world.submit(ingress_manifest())
    world.settle()

    row = table(world)["gke-far"]
    assert (row["state"], row["reason"]) == ("ineligible", "ProjectMismatch")


def test_news_become_events_once_and_not_once_a_pass():
    """Ten passes with the same fault make one event."""
    world = World()
    world.install(topology="moon")
    world.submit(ingress_manifest())
    for _ in range(10):
        world.tell("fanout", "shop/shop", "resync")
        world.settle()

    told = [notice.reason for _, notice in world.sources.notices if "topology" in notice.message]
    assert told.count("Invalid") == 1


def test_an_override_reaches_only_the_clusters_it_names_and_a_bad_one_only_hurts_them():
    """A JSON Patch for gke-eu; one that breaks the Ingress is told in that row."""
    good = [
        {
            "clusters": ["gke-eu"],
            "patch": [{"op": "add", "path": "/metadata/annotations/tier", "value": "eu"}],
        }
    ]
    world = World()
    world.install(overrides=good)
    world.submit(ingress_manifest())
    world.settle()
    assert member_ingress(world, "gke-eu")["metadata"]["annotations"]["tier"] == "eu"
    assert "tier" not in member_ingress(world, "gke-us")["metadata"]["annotations"]

    bad = [{"clusters": ["gke-eu"], "patch": [{"op": "remove", "path": "/spec/rules"}]}]
    world.sources.put(policy_manifest(overrides=bad))
    world.tell("fanout", "shop/shop")
    world.settle(within_seconds=120)

    assert table(world)["gke-eu"]["reason"] == "OverrideFailed"
    assert table(world)["gke-us"]["state"] == "placed"
    assert json.dumps(table(world)["gke-eu"]).isprintable()


def test_a_deletion_during_a_run_of_backends_is_not_forgotten():
    """That run tells the zone, late, that the Ingress stays; it is told again, without a resync."""
    world = submitted()
    deleted = []

    def strike(moment, verb, label):
        if moment == "before" and "urlMaps" in label and not deleted:
            deleted.append(label)
            world.sources.delete(KEY)
            world.deliver(Work(concern="fanout", unit=str(KEY), cause="changed"), "deletion")

    world.load_balancers.fault = strike
    paths = [path("/", "web"), path("/v2", "api")]
    world.submit(ingress_manifest(rules=[{"host": "shop.example.com", "http": {"paths": paths}}]))
    world.settle(within_seconds=120.0)

    assert deleted
    assert world.sources.stored(KEY) is None
    assert world.graph() == {}
    assert world.zone() == {}
