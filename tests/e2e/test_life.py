"""
The life of one Ingress over the wire, read by the official clients only.

Every test looks at the same published shop and changes nothing.
"""

import json
import re

import pytest

from tests.e2e.homes import embedded, look_thoroughly
from tests.e2e.manifests import HOST, NAMESPACE, SHOP, documents
from tests.e2e.site import CONFIG
from tests.e2e.site import OWNER_LABEL as OWNER

pytestmark = [pytest.mark.wire, pytest.mark.slow]

GKE = ("gke-us", "gke-eu")
NEAR = {"us-central1": "gke-us", "europe-west1": "gke-eu"}
API = "api.example.com"
PROBERS = {"130.211.0.0/22", "35.191.0.0/16"}


@pytest.fixture(scope="module")
def running(furnished, tmp_path_factory):
    """A home for this module."""
    with embedded(furnished, tmp_path_factory.mktemp("life") / "store.sqlite") as home:
        yield home
        furnished.withdraw()


@pytest.fixture(scope="module")
def shop(furnished, running):
    """The example shop, submitted with the official client and published."""
    furnished.forget_calls()
    furnished.apply(CONFIG, *documents(SHOP / "shop.yaml"))
    furnished.until_served()
    return furnished


@pytest.mark.parametrize("member", GKE)
def test_a_member_has_one_copy_and_one_companion_per_service_port(shop, member):
    """The copy is of a class that nobody serves, the companions carry the NEG and its status."""
    uid = shop.source().metadata.uid
    copy = shop.networking(member).read_namespaced_ingress("shop", NAMESPACE)
    services = shop.core(member).list_namespaced_service(NAMESPACE).items
    companions = {s.metadata.name: s for s in services if OWNER in (s.metadata.labels or {})}

    assert copy.spec.ingress_class_name == "fedingress-member"
    assert copy.metadata.labels[OWNER] == uid
    assert [rule.host for rule in copy.spec.rules] == [HOST, API]
    assert sorted(name.partition("-fed-")[0] for name in companions) == ["api", "web"]
    for name, companion in companions.items():
        asked = json.loads(companion.metadata.annotations["cloud.google.com/neg"])
        told = json.loads(companion.metadata.annotations["cloud.google.com/neg-status"])
        (neg,) = asked["exposed_ports"].values()
        assert companion.metadata.labels[OWNER] == uid
        assert companion.spec.selector == {"app": name.partition("-fed-")[0]}
        assert list(told["network_endpoint_groups"].values()) == [neg["name"]]


def test_users_services_and_members_of_other_providers_are_not_touched(shop):
    """Nobody of ours ever wrote a user's Service, and nothing of ours is in an EKS member."""
    for member in shop.members:
        for name in ("web", "api"):
            service = shop.core(member).read_namespaced_service(name, NAMESPACE)
            writers = {field.manager for field in service.metadata.managed_fields}
            assert not [writer for writer in writers if writer.startswith("fedingress")]
            assert OWNER not in (service.metadata.labels or {})
    assert shop.ours("eks-us") == []
    assert (shop.table()["eks-us"]["state"], shop.table()["eks-us"]["reason"]) == (
        "ineligible",
        "TopologyMismatch",
    )


def test_the_graph_leads_from_one_rule_to_the_groups_of_both_members(shop):
    """google-cloud-compute finds rule, proxy, map, services, checks and groups, each once."""
    (rule,) = shop.listed("GlobalForwardingRules")
    (proxy,) = shop.listed("TargetHttpProxies")
    (url_map,) = shop.listed("UrlMaps")
    services = shop.listed("BackendServices")
    checks = shop.listed("HealthChecks")

    assert (rule["I_p_address"], rule["port_range"]) == (shop.address(), "80-80")
    assert rule["load_balancing_scheme"] == "EXTERNAL_MANAGED"
    assert rule["target"].endswith(f"/targetHttpProxies/{proxy['name']}")
    assert proxy["url_map"].endswith(f"/urlMaps/{url_map['name']}")
    assert len(services) == len(checks) == 2
    assert len({service["health_checks"][0] for service in services}) == 2
    zones = {zone for m in shop.world.world.spec.members if m.name in GKE for zone in m.zones}
    for service in services:
        groups = [backend["group"] for backend in service["backends"]]
        found = {re.search(r"zones/([^/]+)/", group).group(1) for group in groups}
        assert (len(groups), found) == (4, zones)
        assert service["load_balancing_scheme"] == "EXTERNAL_MANAGED"
    (firewall,) = shop.listed("Firewalls")
    assert set(firewall["source_ranges"]) == PROBERS


def test_records_lead_every_host_to_the_one_address(shop):
    """google-cloud-dns reads the record sets; DNS packets get the address, or NXDOMAIN."""
    records = shop.records()
    client = shop.visitor("us-central1")

    for host in (HOST, API):
        assert records[f"{host}.", "A"] == (1, [shop.address()])
        assert client.question(host) == ("NOERROR", [shop.address()])
        assert client.question(host, "AAAA") == ("NOERROR", [])
    assert client.question("nobody.example.com") == ("NXDOMAIN", [])
    marks = [name for name, kind in records if kind == "TXT"]
    assert len(marks) == 2, "every host carries the mark of its owner"
    assert all(name.startswith("_fedingress-") for name in marks)


@pytest.mark.parametrize("region", NEAR)
def test_requests_are_answered_by_the_cluster_next_to_the_client(shop, region):
    """Forty requests from a region, through DNS and address, all meet the near member."""
    client = shop.visitor(region)
    pages = [client.get(HOST) for _ in range(40)]

    assert {(page.status, page.cluster) for page in pages} == {(200, NEAR[region])}
    assert len({page.body["pod"] for page in pages}) == 2, "both pods take their share"


@pytest.mark.parametrize(
    ("host", "path", "app"),
    [
        (HOST, "/", "web"),
        (HOST, "/anything?page=2", "web"),
        (HOST, "/api", "api"),
        (HOST, "/api/", "api"),
        (HOST, "/api/v2/items", "api"),
        (HOST, "/apis", "web"),
        (HOST, "/cart", "api"),
        (HOST, "/cart/1", "web"),
        (API, "/v1", "api"),
        (API, "/v1/users", "api"),
        (API, "/v10", ""),
        (API, "/healthz/deep", ""),
        (API, "/", ""),
        ("stranger.example.com", "/", ""),
    ],
)
def test_exact_and_prefix_paths_lead_where_kubernetes_says(shop, host, path, app):
    """Prefixes match whole elements, exact paths only themselves, the rest is a 404."""
    page = shop.visitor("us-central1").get(host, path, address=shop.address())

    assert (page.status, page.app) == ((200, app) if app else (404, ""))
    assert page.body.get("path", path) == path
    assert page.body.get("host", host) == host


def test_status_conditions_and_events_tell_the_story(shop):
    """One address, four conditions of this generation, a row per member, and Events."""
    source = shop.source()
    conditions = shop.conditions()
    told = {
        (event.type, event.reason)
        for event in shop.core(CONFIG).list_namespaced_event(NAMESPACE).items
        if event.involved_object.uid == source.metadata.uid
    }

    assert [entry.ip for entry in source.status.load_balancer.ingress] == [shop.address()]
    assert {kind: item["status"] for kind, item in conditions.items()} == {
        "Accepted": "True",
        "Programmed": "True",
        "Published": "True",
        "Degraded": "False",
    }
    assert {item["observedGeneration"] for item in conditions.values()} == {1}
    assert {name: row["healthy"] for name, row in shop.table().items()} == {
        "eks-us": 0,
        "gke-eu": 4,
        "gke-us": 4,
    }
    assert {("Normal", "Accepted"), ("Normal", "Programmed"), ("Normal", "Published")} <= told


def test_a_converged_world_costs_no_write_on_a_thorough_look_by_every_concern(
    shop, running, caplog
):
    """The wires counted the creation; then every concern looks at everything and writes nothing."""
    assert shop.calls() > 0, "the counter counts nothing"
    shop.forget_calls()
    with caplog.at_level("INFO", logger="fedingress"):
        look_thoroughly(running)
    runs = [json.loads(record.message) for record in caplog.records]
    looked = {run["concern"] for run in runs if run["outcome"] == "settled"}

    assert looked == {"fanout", "backends", "dns", "status"}
    assert {run["outcome"] for run in runs} <= {"settled", "acknowledged"}
    assert shop.calls() == 0
    assert len(shop.listed("GlobalForwardingRules")) == 1


def test_a_second_forwarding_rule_at_the_address_and_port_is_refused(shop):
    """The cloud holds what we promise: one rule per address and port, ours."""
    from google.api_core.exceptions import BadRequest
    from google.cloud import compute_v1

    (rule,) = shop.listed("GlobalForwardingRules")
    double = compute_v1.ForwardingRule(
        name="double",
        I_p_address=rule["I_p_address"],
        I_p_protocol="TCP",
        port_range="80-80",
        load_balancing_scheme="EXTERNAL_MANAGED",
        target=rule["target"],
    )
    with pytest.raises(BadRequest, match=r"[Ii]n.use|conflict"):
        shop.compute("GlobalForwardingRules").insert_unary(
            project="lab", forwarding_rule_resource=double
        )
