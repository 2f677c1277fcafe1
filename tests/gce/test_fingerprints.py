"""
A 412 on every kind that is updated: observed again, planned again, the same end.

Somebody's edit makes a resource of ours drift, and another edit of theirs comes in the very moment
of our repair, which the cloud answers with 412 as well. What is ours ends as desired, what is
theirs stays.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from google.cloud import compute_v1

from fedingress.domain.graph import Kind
from tests.certificates import secret_for
from tests.functions.world import policy_manifest
from tests.gce.world import GOOD, PROJECT, GceWorld, gce_world, serve

pytestmark = pytest.mark.wire

TLS = [{"hosts": ["shop.example.com"], "secretName": "web"}]


@pytest.fixture(scope="module")
def world():
    """The shop over HTTPS, with an SSL policy of ours; each test leaves it as it was."""
    with gce_world() as made:
        made.clock.at = time.time()
        made.sources.put(secret_for("web", "shop.example.com"))
        made.sources.put(policy_manifest(tls={"minimumVersion": "1.2", "redirect": False}))
        other = f"projects/{PROJECT}/global/backendServices"
        serve(made, tls=TLS)
        first = made.see(Kind.BACKEND_SERVICE)[0].name
        made.put(Kind.URL_MAP, name="theirs", default_service=f"{other}/{first}")
        reference = f"projects/{PROJECT}/global/urlMaps/theirs"
        made.put(Kind.TARGET_HTTP_PROXY, name="theirs", url_map=reference)
        made.put(Kind.TARGET_HTTPS_PROXY, name="theirs", url_map=reference, **_certificate(made))
        yield made


def _certificate(world: GceWorld) -> dict[str, Any]:
    return {"ssl_certificates": [world.see(Kind.SSL_CERTIFICATE)[0].self_link]}


Edit = Callable[[GceWorld, str], None]


def patched(kind: Kind, **fields: Any) -> Edit:
    """An edit by PATCH."""
    return lambda world, name: world.patch(kind, name, **fields)


def retargeted(world: GceWorld, name: str) -> None:
    """A rule is led to another proxy, for the same port."""
    rule = world.get(Kind.FORWARDING_RULE, name)
    kind = "targetHttpsProxies" if rule.port_range.startswith("443") else "targetHttpProxies"
    reference = compute_v1.TargetReference(target=f"projects/{PROJECT}/global/{kind}/theirs")
    world.client(Kind.FORWARDING_RULE).set_target_unary(
        project=PROJECT, forwarding_rule=name, target_reference_resource=reference
    )


def labelled(world: GceWorld, name: str) -> None:
    """A rule gets a label."""
    rule = world.get(Kind.FORWARDING_RULE, name)
    body = compute_v1.GlobalSetLabelsRequest(
        labels={"team": "shop"}, label_fingerprint=rule.label_fingerprint
    )
    world.client(Kind.FORWARDING_RULE).set_labels_unary(
        project=PROJECT, resource=name, global_set_labels_request_resource=body
    )


def remapped(kind: Kind) -> Edit:
    """A proxy is led to another URL map."""

    def edit(world: GceWorld, name: str) -> None:
        reference = compute_v1.UrlMapReference(url_map=f"projects/{PROJECT}/global/urlMaps/theirs")
        argument = "target_http_proxy" if kind is Kind.TARGET_HTTP_PROXY else "target_https_proxy"
        request = {"project": PROJECT, argument: name, "url_map_reference_resource": reference}
        world.client(kind).set_url_map_unary(**request)

    return edit


@dataclass(frozen=True, kw_only=True)
class Case:
    """
    How one kind drifts, what others own of it, and the request that mends it.

    theirs: their edit before.   meanwhile: their edit in the moment of ours.
    kept: their fields afterwards, as Google's client names them.
    """

    drift: Edit
    method: str
    path: str
    theirs: Edit | None = None
    meanwhile: Edit | None = None
    kept: dict[str, Any] = field(default_factory=dict)


HEADER = compute_v1.HttpHeaderOption(header_name="X-Team", header_value="shop", replace=True)
ACTION = compute_v1.HttpHeaderAction(response_headers_to_add=[HEADER])
ABORT = compute_v1.HttpRouteAction(
    fault_injection_policy=compute_v1.HttpFaultInjection(
        abort=compute_v1.HttpFaultAbort(http_status=403, percentage=100)
    )
)
RULE_LOGGED = compute_v1.FirewallLogConfig(enable=True)
LOGGED = compute_v1.HealthCheckLogConfig(enable=True)
CASES = {
    Kind.FIREWALL: Case(
        drift=patched(Kind.FIREWALL, source_ranges=["192.0.2.0/24"]),
        theirs=patched(Kind.FIREWALL, priority=900),
        meanwhile=patched(Kind.FIREWALL, log_config=RULE_LOGGED),
        kept={"priority": 900, "log_config": RULE_LOGGED},
        method="PATCH",
        path="firewalls/fedingress",
    ),
    Kind.SSL_POLICY: Case(
        drift=patched(Kind.SSL_POLICY, min_tls_version="TLS_1_0"),
        meanwhile=patched(Kind.SSL_POLICY, min_tls_version="TLS_1_1"),
        method="PATCH",
        path="sslPolicies/",
    ),
    Kind.HEALTH_CHECK: Case(
        drift=patched(Kind.HEALTH_CHECK, check_interval_sec=77),
        meanwhile=patched(Kind.HEALTH_CHECK, log_config=LOGGED),
        kept={"log_config": LOGGED},
        method="PATCH",
        path="healthChecks/",
    ),
    Kind.BACKEND_SERVICE: Case(
        drift=patched(Kind.BACKEND_SERVICE, timeout_sec=7),
        theirs=patched(Kind.BACKEND_SERVICE, custom_response_headers=["X-Team: shop"]),
        meanwhile=patched(Kind.BACKEND_SERVICE, affinity_cookie_ttl_sec=60),
        kept={"custom_response_headers": ["X-Team: shop"], "affinity_cookie_ttl_sec": 60},
        method="PATCH",
        path="backendServices/",
    ),
    Kind.URL_MAP: Case(
        drift=patched(Kind.URL_MAP, default_route_action=ABORT),
        meanwhile=patched(Kind.URL_MAP, header_action=ACTION),
        kept={"header_action": ACTION},
        method="PUT",
        path="urlMaps/fedingress",
    ),
    Kind.TARGET_HTTP_PROXY: Case(
        drift=remapped(Kind.TARGET_HTTP_PROXY),
        meanwhile=patched(Kind.TARGET_HTTP_PROXY, http_keep_alive_timeout_sec=300),
        kept={"http_keep_alive_timeout_sec": 300},
        method="POST",
        path="targetHttpProxies/fedingress.*/setUrlMap",
    ),
    Kind.TARGET_HTTPS_PROXY: Case(
        drift=remapped(Kind.TARGET_HTTPS_PROXY),
        meanwhile=patched(Kind.TARGET_HTTPS_PROXY, quic_override="DISABLE"),
        kept={"quic_override": "DISABLE"},
        method="POST",
        path="targetHttpsProxies/fedingress.*/setUrlMap",
    ),
    Kind.FORWARDING_RULE: Case(
        drift=retargeted,
        meanwhile=labelled,
        kept={"labels": {"team": "shop"}},
        method="POST",
        path="forwardingRules/fedingress.*/setTarget",
    ),
}


def test_every_kind_that_is_updated_is_in_the_table():
    """The others have no field that can change, or are not ours."""
    others = {Kind.SECURITY_POLICY, Kind.INSTANCE_GROUP}
    never = {*others, Kind.ADDRESS, Kind.SSL_CERTIFICATE}

    assert CASES.keys() == set(Kind) - never


@pytest.mark.parametrize("kind", CASES)
def test_a_412_is_observed_again_and_what_is_theirs_survives(world, kind):
    """Twice: their edit is there when we look again, and once the cloud says 412 by itself."""
    case = CASES[kind]
    name = next(item.name for item in world.see(kind) if item.name.startswith("fedingress-"))
    if case.theirs:
        case.theirs(world, name)
    ours = world.graph()[f"{kind.value}/{name}"]
    case.drift(world, name)
    drifted = world.graph()[f"{kind.value}/{name}"]
    met = []

    def meddle(moment: str, verb: str, label: str) -> None:
        if (moment, verb) == ("before", "update") and label.endswith(name):
            met.append(label)
            if len(met) == 1 and case.meanwhile:
                case.meanwhile(world, name)

    world.load_balancers.fault = meddle
    world.strike(method=case.method, path=case.path, status=412)
    world.look()
    world.load_balancers.fault = lambda *_: None
    ended, found = world.graph()[f"{kind.value}/{name}"], world.get(kind, name)
    known = {key: value for key, value in ours.items() if drifted.get(key) != value}

    assert known, "the drift changed nothing"
    assert world.waiting() == 0, "the product sent no such request"
    assert len(met) >= 2, "the change was not planned again"
    assert {key: ended[key] for key in known} == known
    assert {key: getattr(found, key) for key in case.kept} == case.kept
    assert world.verdicts() == GOOD
