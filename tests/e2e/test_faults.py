"""Every kind of fault at the wires, once, during each verb: the same end, nothing doubled."""

import re
from dataclasses import dataclass

import pytest

from localcloud.faults import Fault
from tests.e2e.homes import embedded, look_thoroughly
from tests.e2e.manifests import ingress, path
from tests.e2e.site import CONFIG, OWNER_LABEL
from tests.e2e.waiting import until

pytestmark = [pytest.mark.wire, pytest.mark.slow]

KINDS = {
    "connection lost": {"abort_before": True},
    "lost reply": {"abort_after": True},
    "throttled": {"status": 429, "headers": {"Retry-After": "1"}},
    "broken": {"status": 500},
    "slow": {"delay_seconds": 1.0},
}
UPDATED = [path("/", "web"), path("/v2", "web"), path("/v2/exact", "web", "Exact")]


@dataclass(frozen=True, slots=True, kw_only=True)
class Strike:
    """One fault: where, and which of our requests meets it."""

    at: str
    kind: str
    method: str
    path: str = ""

    @property
    def fault(self) -> Fault:
        return Fault(method=self.method, path=self.path, caller="fedingress", **KINDS[self.kind])


# Faults of one unit cost it a back-off each, those of one stage a single one: hence the spread.
CREATE = [
    Strike(at="config", kind="throttled", method="PATCH", path="ingresses/shop"),
    Strike(at="config", kind="broken", method="PATCH", path="ingresses/shop/status"),
    Strike(at="gke-us", kind="lost reply", method="PATCH", path="services/web"),
    Strike(at="gke-eu", kind="connection lost", method="PATCH", path="services/web"),
    Strike(at="gke-us", kind="slow", method="PATCH", path="ingresses/shop"),
    Strike(at="gcp", kind="lost reply", method="POST", path="healthChecks"),
    Strike(at="gcp", kind="connection lost", method="POST", path="healthChecks"),
    Strike(at="gcp", kind="lost reply", method="POST", path="forwardingRules"),
    Strike(at="gcp", kind="broken", method="POST", path="firewalls"),
    Strike(at="gcp", kind="slow", method="POST", path="urlMaps"),
    Strike(at="gcp", kind="throttled", method="POST", path="changes"),
]
UPDATE = [
    Strike(at="config", kind="broken", method="PATCH", path="ingresses/shop"),
    Strike(at="config", kind="throttled", method="PATCH", path="ingresses/shop"),
    Strike(at="gke-us", kind="lost reply", method="PATCH", path="ingresses/shop"),
    Strike(at="gke-eu", kind="connection lost", method="PATCH", path="ingresses/shop"),
    Strike(at="gke-us", kind="slow", method="DELETE", path="services/api"),
    Strike(at="gcp", kind="lost reply", method="PUT", path="urlMaps"),
    Strike(at="gcp", kind="throttled", method="DELETE", path="backendServices"),
    Strike(at="gcp", kind="slow", method="DELETE", path="healthChecks"),
    Strike(at="gcp", kind="connection lost", method="POST", path="changes"),
    Strike(at="gcp", kind="broken", method="POST", path="changes"),
]
DELETE = [
    Strike(at="config", kind="throttled", method="PATCH", path="ingresses/shop"),
    Strike(at="config", kind="broken", method="PATCH", path="ingresses/shop"),
    Strike(at="gke-us", kind="lost reply", method="DELETE", path="ingresses/shop"),
    Strike(at="gke-eu", kind="connection lost", method="DELETE", path="services/web"),
    Strike(at="gke-us", kind="slow", method="DELETE", path="services/web"),
    Strike(at="gcp", kind="connection lost", method="DELETE", path="forwardingRules"),
    Strike(at="gcp", kind="throttled", method="DELETE", path="backendServices"),
    Strike(at="gcp", kind="slow", method="DELETE", path="urlMaps"),
    Strike(at="gcp", kind="broken", method="DELETE", path="firewalls"),
    Strike(at="gcp", kind="lost reply", method="POST", path="changes"),
]


def strike(site, strikes):
    """Let these faults wait at their wires."""
    assert {each.kind for each in strikes if each.at == "gcp"} == set(KINDS)
    assert {each.kind for each in strikes if each.at != "gcp"} == set(KINDS)

    def put(world):
        for each in strikes:
            world.fault_places()[each.at].add(each.fault)

    site.world.run(put)


def waiting(site):
    """The faults that nobody has met yet, as `place kind path`."""
    found = site.control.call("GET", "/faults")["faults"]
    return [f"{each['at']} {each['method']} {each['path']}" for each in found]


def end_state(site):
    """Everything outside, with names that hang on the source's uid made equal."""
    collections = (
        *("Firewalls", "GlobalAddresses", "HealthChecks", "BackendServices", "UrlMaps"),
        *("TargetHttpProxies", "GlobalForwardingRules"),
    )
    outputs = ("id", "creation_timestamp", "fingerprint", "label_fingerprint")
    graph = {
        name: sorted(
            _plain({k: v for k, v in item.items() if k not in outputs})
            for item in site.listed(name)
        )
        for name in collections
    }
    members = {name: sorted(map(_plain, site.ours(name))) for name in site.members}
    return {"graph": graph, "members": members, "zone": _plain(site.records())}


def _plain(value):
    text = re.sub(r"127\.\d+\.250\.\d+", "VIP", str(value))
    return re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}|[0-9a-f]{8,}", "HASH", text)


def updated(site):
    """Another host, no api any more; returns when everything has followed."""
    site.apply(CONFIG, ingress(*UPDATED, host="www.example.com"))
    until("the update", lambda: _generations(site) == {2}, say=site.conditions)
    until("the old service to go", lambda: len(site.listed("BackendServices")) == 1)
    until("its companions to go", lambda: {len(site.ours(m)) for m in ("gke-us", "gke-eu")} == {2})
    site.until_served()


def _generations(site):
    return {item["observedGeneration"] for item in site.conditions().values()}


def settled(site, home):
    """Look at everything until no concern wants anything more; the end state."""
    until("every fault to be met", lambda: not waiting(site), say=lambda: waiting(site))
    site.until_served()
    look_thoroughly(home)
    return end_state(site)


def undisturbed(site, store):
    """The end states of a create and an update that meet no fault."""
    with embedded(site, store) as home:
        site.apply(CONFIG, ingress())
        created = settled(site, home)
        updated(site)
        ended = settled(site, home)
        site.withdraw()
    return created, ended


@pytest.mark.timeout(300)
def test_create_update_and_delete_meet_every_fault_and_end_as_ever(site, tmp_path):
    """Replies are lost and calls refused on all wires; what stands in the end is as undisturbed."""
    created, ended = undisturbed(site, tmp_path / "undisturbed.sqlite")
    with embedded(site, tmp_path / "disturbed.sqlite") as home:
        strike(site, CREATE)
        site.apply(CONFIG, ingress())
        assert settled(site, home) == created

        strike(site, UPDATE)
        updated(site)
        assert settled(site, home) == ended

        strike(site, DELETE)
        site.withdraw()
        assert waiting(site) == []
        assert site.source() is None


def test_the_comparison_sees_what_a_fault_would_leave(site, tmp_path):
    """One companion too many is another end state."""
    with embedded(site, tmp_path / "store.sqlite") as home:
        site.apply(CONFIG, ingress())
        before = settled(site, home)
    doubled = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {
            "name": "web-fed-double",
            "namespace": "shop",
            "labels": {OWNER_LABEL: site.source().metadata.uid},
        },
        "spec": {"selector": {"app": "web"}, "ports": [{"port": 80}]},
    }
    site.apply("gke-us", doubled)
    after = end_state(site)
    site.core("gke-us").delete_namespaced_service("web-fed-double", "shop")
    assert after != before
    assert end_state(site) == before

    with embedded(site, tmp_path / "store.sqlite"):
        site.withdraw()
