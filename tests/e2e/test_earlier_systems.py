"""
What earlier systems did, as we want it, over the wire: federation v1 (A), kubemci (D).

Through the functions of an embedded home; read by the official clients. Numbers are those of the
scenarios that every change is held to; the same at the level of the concerns stands in
`tests/functions/test_acceptance.py`, A5 in `test_addresses.py`.
"""

import json

import pytest

from fedingress.domain.names import short_hash
from fedingress.domain.work import RESYNC, Work
from fedingress.planning.backends import prefix
from localcloud.world.spec import WorldSpec, members_from
from tests.e2e.homes import embedded, look_thoroughly, until_quiet
from tests.e2e.manifests import HOST, NAMESPACE, ingress, path, platform
from tests.e2e.site import CONFIG, open_site
from tests.e2e.waiting import until

pytestmark = [pytest.mark.wire, pytest.mark.slow]
CONCERNS = ("dns", "backends", "fanout")
GRAPH = (
    *("HealthChecks", "BackendServices", "UrlMaps", "TargetHttpProxies"),
    *("GlobalForwardingRules", "GlobalAddresses"),
)
FINALIZERS = [f"{concern}.fedingress.dev" for concern in CONCERNS]


def with_default(at="/"):
    """The shop with a default backend besides its path."""
    manifest = ingress(path(at, "api"))
    manifest["spec"]["defaultBackend"] = path("/", "web")["backend"]
    return manifest


def spec_of(item):
    """A spec as JSON, without its class."""
    found = item.spec.to_dict()
    found.pop("ingress_class_name")
    return json.loads(json.dumps(found))


def names_of_users(spec):
    """*spec* with the companions' names led back to the users' Services."""
    text = json.dumps(spec)
    for service in ("web", "api"):
        head, *tails = text.split(f'"{service}-fed-')
        text = head + "".join(f'"{service}{tail[tail.index(chr(34)) :]}' for tail in tails)
    return json.loads(text)


@pytest.fixture
def alone(tmp_path):
    """A world of its own, for what leaves something behind."""
    with open_site(WorldSpec(members=members_from("gke-us"), operation_seconds=0.05)) as site:
        site.furnish()
        with embedded(site, tmp_path / "alone.sqlite"):
            yield site


def test_a_federated_ingress_is_held_and_created_with_an_equal_spec(site, home):
    """A2: our finalizers; where the policy places it, an equal copy, and nowhere else."""
    manifest = with_default()
    manifest["metadata"]["annotations"] = {"fedingress.dev/clusters": "gke-us", "team": "shop"}
    site.apply(CONFIG, manifest)
    site.until_served()
    source = site.source()
    copy = site.networking("gke-us").read_namespaced_ingress("shop", NAMESPACE)

    assert set(source.metadata.finalizers) >= set(FINALIZERS)
    assert names_of_users(spec_of(copy)) == spec_of(source)
    assert copy.metadata.annotations["team"] == "shop"
    assert (site.ours("gke-eu"), site.ours("eks-us")) == ([], [])


def test_what_is_orphaned_serves_on_and_the_ingress_goes(alone):
    """A12: `orphan` leaves copies, graph and records; cascade, the default, is shown elsewhere."""
    policy, *others = platform()
    policy["spec"]["deletion"]["mode"] = "orphan"
    alone.apply(CONFIG, policy, *others)
    alone.apply(CONFIG, ingress())
    alone.until_served()
    before, address = alone.ours("gke-us"), alone.address()
    alone.delete()
    until("the source to go", lambda: alone.source() is None)

    assert alone.ours("gke-us") == before != []
    assert alone.visitor("us-central1").get(HOST, address=address).status == 200
    assert alone.records()[f"{HOST}.", "A"][1] == [address]


def test_a_default_backend_and_a_path_at_a_static_address_are_one_of_each(site, home):
    """D1: two checks and backend services; one map, proxy, rule and firewall, at the address."""
    from google.cloud import compute_v1

    addresses = site.compute("GlobalAddresses")
    addresses.insert_unary(project="lab", address_resource=compute_v1.Address(name="shop-ip"))
    until("the address", lambda: addresses.get(project="lab", address="shop-ip").address)
    theirs = addresses.get(project="lab", address="shop-ip").address
    manifest = with_default("/api")
    manifest["metadata"]["annotations"] = {"fedingress.dev/static-ip": "shop-ip"}
    try:
        site.apply(CONFIG, manifest)
        site.until_served()
        counts = {name: len(site.listed(name)) for name in (*GRAPH, "Firewalls")}
        (rule,) = site.listed("GlobalForwardingRules")
        met = {at: site.visitor("us-central1").get(HOST, at).app for at in ("/", "/api/x")}
        site.delete()
        until("the source to go", lambda: site.source() is None)
    finally:
        addresses.delete_unary(project="lab", address="shop-ip")

    assert counts == {**dict.fromkeys(GRAPH, 1), "HealthChecks": 2, "BackendServices": 2} | {
        "Firewalls": 1
    }
    assert rule["I_p_address"] == theirs
    assert met == {"/": "web", "/api/x": "api"}


def test_what_others_change_of_ours_is_brought_back_and_the_same_again_is_no_call(shop, home):
    """D2, D3: an edited backend service, check and firewall; then nothing is written any more."""
    from google.cloud import compute_v1

    look_thoroughly(home)
    services = shop.compute("BackendServices")
    service = shop.listed("BackendServices")[0]["name"]
    version = services.get(project="lab", backend_service=service).fingerprint
    check = shop.listed("HealthChecks")[0]["name"]
    (firewall,) = shop.listed("Firewalls")
    services.patch_unary(
        project="lab",
        backend_service=service,
        backend_service_resource=compute_v1.BackendService(timeout_sec=7, fingerprint=version),
    )
    shop.compute("HealthChecks").patch_unary(
        project="lab",
        health_check=check,
        health_check_resource=compute_v1.HealthCheck(unhealthy_threshold=9),
    )
    shop.compute("Firewalls").patch_unary(
        project="lab",
        firewall=firewall["name"],
        firewall_resource=compute_v1.Firewall(source_ranges=["192.0.2.0/24"]),
    )
    until("the edit", lambda: shop.listed("Firewalls")[0]["source_ranges"] == ["192.0.2.0/24"])
    look_thoroughly(home)
    timeouts = {item["timeout_sec"] for item in shop.listed("BackendServices")}
    thresholds = {item["unhealthy_threshold"] for item in shop.listed("HealthChecks")}
    ranges = shop.listed("Firewalls")[0]["source_ranges"]
    until_quiet(home, shop)

    assert len(timeouts) == len(thresholds) == 1
    assert 7 not in timeouts
    assert 9 not in thresholds
    assert sorted(ranges) == sorted(firewall["source_ranges"])


def test_a_part_of_another_under_our_name_is_left_told_and_in_nobodys_way(site, tmp_path):
    """D2: a check of that name with other settings stays; what stood serves on, and it is told."""
    from google.cloud import compute_v1

    checks = site.compute("HealthChecks")
    with embedded(site, tmp_path / "first.sqlite"):
        site.apply(CONFIG, ingress(path("/", "web")))
        site.until_served()
        (name,) = [item["name"] for item in site.listed("HealthChecks")]
    # The same Ingress with one more Service, whose check's name somebody has taken meanwhile.
    uid = site.source().metadata.uid
    taken = f"{prefix(uid)}hc-{short_hash('api', '80')}"
    checks.insert_unary(
        project="lab",
        health_check_resource=compute_v1.HealthCheck(
            name=taken, type_="TCP", tcp_health_check=compute_v1.TCPHealthCheck(port=32211)
        ),
    )
    until("theirs", lambda: len(site.listed("HealthChecks")) == 2)
    with embedded(site, tmp_path / "second.sqlite"):
        site.apply(CONFIG, ingress())
        until("a word", lambda: taken in site.conditions()["Programmed"]["message"])
        theirs = checks.get(project="lab", health_check=taken)
        page = site.visitor("us-central1").get(HOST, address=site.address())
        said = site.conditions()["Programmed"]
        site.delete()
        until("the source to go", lambda: site.source() is None)
        left = [item["name"] for item in site.listed("HealthChecks")]
        checks.delete_unary(project="lab", health_check=taken)
        site.withdraw()

    assert name != taken
    assert (theirs.type_, theirs.tcp_health_check.port) == ("TCP", 32211)
    assert page.status == 200
    assert (said["status"], "our mark" in said["message"]) == ("False", True)
    assert left == [taken]


def test_annotations_of_a_members_controller_cause_no_update_on_ten_later_passes(shop, home):
    """A8: eight of a load balancer's controller on each copy; they stay, and we write nothing."""
    theirs = {f"ingress.kubernetes.io/part-{n}": f"k8s-{n}" for n in range(8)}
    patch = {"metadata": {"annotations": theirs}}
    for member in ("gke-us", "gke-eu"):
        shop.networking(member).patch_namespaced_ingress("shop", NAMESPACE, patch)
    look_thoroughly(home)
    shop.forget_calls()
    for n in range(10):
        work = Work(concern="fanout", unit=f"{NAMESPACE}/shop", cause=RESYNC)
        home.home.run(work, f"pass-{n}")
    calls = shop.calls()
    found = [
        shop.networking(member).read_namespaced_ingress("shop", NAMESPACE).metadata.annotations
        for member in ("gke-us", "gke-eu")
    ]

    assert calls == 0
    assert all(theirs.items() <= annotations.items() for annotations in found)
