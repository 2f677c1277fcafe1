import pytest
from hypothesis import given

from fedingress.domain.placement import PlacementRule, Requirement, Selector
from fedingress.domain.policy import (
    AwsPolicy,
    BackendPolicy,
    Damping,
    DeletionPolicy,
    DnsHealthCheck,
    DnsPolicy,
    FederationPolicy,
    HealthCheckPolicy,
    Override,
    Place,
    ZoneRef,
)
from fedingress.planning.decode import policy
from tests.planning.decode.mutations import mutated
from tests.planning.decode.policy_cases import ACCEPTED, REFUSED, manifest


def test_the_least_policy_has_every_default():
    """Topology and project are enough; it selects nothing."""
    assert policy(manifest(placement=None)) == FederationPolicy(
        name="standard", topology="gcp", project="lab"
    )


def test_a_whole_policy_is_decoded():
    """Every field arrives."""
    found = policy(
        manifest(
            placement={"clusters": ["a", "b"], "clusterSelector": {}},
            overrides=[
                {
                    "clusterSelector": {
                        "matchLabels": {"env": "prod"},
                        "matchExpressions": [
                            {"key": "v", "operator": "Gt", "values": ["-1"]},
                            {"key": "x", "operator": "Exists"},
                        ],
                    },
                    "patch": [{"op": "add", "path": "/metadata/labels", "value": {}}],
                }
            ],
            backends={
                "mode": "neg",
                "maxRatePerEndpoint": 12.5,
                "healthCheck": {
                    "path": "/healthz?deep=1",
                    "host": "probe.example.com",
                    "intervalSeconds": 10,
                    "timeoutSeconds": 5,
                    "healthyThreshold": 2,
                    "unhealthyThreshold": 3,
                },
                "timeoutSeconds": 60,
                "drainingSeconds": 0,
                "warmUpSeconds": 7,
            },
            dns={
                "zones": [
                    {"provider": "cloud-dns", "name": "example-com", "domain": "example.com"},
                    {
                        "provider": "cloud-dns",
                        "project": "dns-project",
                        "name": "other",
                        "domain": "example.org",
                    },
                ],
                "routing": "simple",
                "ttlSeconds": 1,
            },
            deletion={"mode": "orphan", "graceSeconds": 0, "drainSeconds": 5},
        )
    )
    selector = Selector(
        requirements=(
            Requirement(key="env", operator="In", values=("prod",)),
            Requirement(key="v", operator="Gt", values=("-1",)),
            Requirement(key="x", operator="Exists"),
        )
    )
    patch = ({"op": "add", "path": "/metadata/labels", "value": {}},)

    assert found == FederationPolicy(
        name="standard",
        topology="gcp",
        project="lab",
        placement=PlacementRule(clusters=("a", "b"), selector=Selector()),
        overrides=(Override(patch=patch, selector=selector),),
        backends=BackendPolicy(
            max_rate_per_endpoint=12.5,
            health_check=HealthCheckPolicy(
                path="/healthz?deep=1",
                host="probe.example.com",
                interval_seconds=10,
                timeout_seconds=5,
                healthy_threshold=2,
                unhealthy_threshold=3,
            ),
            timeout_seconds=60,
            draining_seconds=0,
            warm_up_seconds=7,
        ),
        dns=DnsPolicy(
            zones=(
                ZoneRef(
                    provider="cloud-dns", project="lab", name="example-com", domain="example.com"
                ),
                ZoneRef(
                    provider="cloud-dns", project="dns-project", name="other", domain="example.org"
                ),
            ),
            ttl_seconds=1,
            damping=Damping(ttl_seconds=1),
        ),
        deletion=DeletionPolicy(mode="orphan", grace_seconds=0, drain_seconds=5),
    )


def test_a_whole_policy_of_aws_is_decoded():
    """Every field of `aws` and of `dns` for members whose own load balancers answer."""
    arns = [f"arn:aws:acm:{region}:123456789012:certificate/a" for region in ("eu-west-1", "x")]
    arns[1] = arns[0] + "b"
    found = policy(
        manifest(
            topology="aws",
            project=None,
            aws={
                "loadBalancer": "group",
                "group": "shop",
                "ingressClass": "alb-2",
                "scheme": "internal",
                "targetType": "instance",
                "certificateArns": arns,
                "listenPorts": [{"protocol": "HTTPS", "port": 443}],
                "sslRedirect": 443,
                "healthCheckPath": "/healthz",
                "dualStack": True,
                "accelerator": True,
            },
            dns={
                "zones": [{"provider": "route53", "name": "Z1", "domain": "a.example"}],
                "routing": "geolocation",
                "ttlSeconds": 5,
                "places": [{"location": "country:*", "region": "*"}],
                "healthCheck": {"protocol": "HTTPS", "intervalSeconds": 10, "threshold": 1},
                "spillBelow": 0.25,
                "damping": {"tickSeconds": 1, "growth": 3, "longestDwellSeconds": 60},
            },
        )
    )

    assert found.aws == AwsPolicy(
        load_balancer="group",
        group="shop",
        ingress_class="alb-2",
        scheme="internal",
        target_type="instance",
        certificate_arns={"eu-west-1": tuple(arns)},
        listen_ports=(("HTTPS", 443),),
        ssl_redirect=443,
        health_check_path="/healthz",
        dual_stack=True,
        accelerator=True,
    )
    assert found.dns == DnsPolicy(
        zones=(ZoneRef(provider="route53", project="self", name="Z1", domain="a.example"),),
        routing="geolocation",
        ttl_seconds=5,
        places=(Place(location="country:*", region="*"),),
        health_check=DnsHealthCheck(
            kind="HTTPS", port=443, paths=("/",), interval_seconds=10, threshold=1
        ),
        spill_below=0.25,
        damping=Damping(tick_seconds=1, ttl_seconds=5, growth=3.0, longest_dwell_seconds=60.0),
    )


def test_the_default_routing_follows_from_the_topology():
    """Where members answer themselves clients reach the closest one; one address is simple."""
    found = policy(manifest(topology="aws", project=None))
    assert (found.dns.routing, policy(manifest()).dns.routing) == ("latency", "simple")


def test_requests_in_flight_get_their_time_in_each_topology():
    """Behind one address what backends have, behind records what resolvers and clients keep."""
    deletion, dns = {"drainSeconds": 7}, {"ttlSeconds": 5}
    one = policy(manifest(deletion=deletion, dns=dns, backends={"drainingSeconds": 3}))
    many = policy(manifest(topology="aws", project=None, deletion=deletion, dns=dns))
    assert (one.in_flight_seconds, many.in_flight_seconds) == (3, 12)


def test_what_a_policy_does_not_say_of_health_checks_stays_open():
    """Who sets only the interval gets no fault about a timeout that was not written."""
    found = policy(manifest(backends={"healthCheck": {"intervalSeconds": 4}}))

    assert found.backends.health_check == HealthCheckPolicy(interval_seconds=4)


@pytest.mark.parametrize("name", ACCEPTED)
def test_accepted(name):
    """What the reference allows decodes."""
    assert isinstance(policy(ACCEPTED[name]), FederationPolicy)


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name):
    """What it does not allow has one fault, at its field."""
    wrong, expected = REFUSED[name]
    faults = [str(fault).removeprefix("FederationPolicy standard: ") for fault in policy(wrong)]
    assert len(faults) == 1, faults
    assert faults[0].startswith(expected), faults


def test_every_fault_is_given_at_once():
    """Mistakes in every part are listed together."""
    wrong = manifest(
        topology="gpc",
        project="A",
        placement={"clusters": [""]},
        overrides=[{}],
        backends={"mode": "x"},
        dns={"ttlSeconds": 0},
        deletion={"mode": "never"},
    )
    assert [fault.field for fault in policy(wrong)] == [
        "spec.project",
        "spec.topology",
        "spec.placement.clusters[0]",
        "spec.overrides[0]",
        "spec.overrides[0].patch",
        "spec.backends.mode",
        "spec.dns.ttlSeconds",
        "spec.deletion.mode",
    ]


def test_a_policy_without_a_spec_says_so():
    """Beside what the spec must hold."""
    assert "spec: is required" in str(policy({"metadata": {"name": "a"}})[0])


def test_long_lists_are_refused():
    """A list beyond its limit is one fault, not thousands."""
    found = policy(manifest(placement={"clusters": [f"c-{number}" for number in range(501)]}))
    assert [str(fault).partition(": ")[2] for fault in found] == [
        "spec.placement.clusters: has 501 items; at most 500 are allowed"
    ]


def test_enormous_numbers_are_not_repeated():
    """They are refused as out of range, in a short sentence."""
    (fault,) = policy(manifest(dns={"ttlSeconds": 10**5000}))
    assert "a number of very many digits is out of range" in str(fault)


WHOLE = manifest(
    placement={"clusterSelector": {"matchExpressions": [{"key": "a", "operator": "Exists"}]}},
    overrides=[{"clusters": ["a"], "patch": [{"op": "move", "path": "/a", "from": "/b"}]}],
    backends={"healthCheck": {"intervalSeconds": 3}, "maxRatePerEndpoint": 3},
    dns={"zones": [{"provider": "cloud-dns", "name": "z", "domain": "a.example"}]},
    deletion={"graceSeconds": 1},
)


@given(mutated(WHOLE))
def test_any_value_at_any_place_gives_a_policy_or_faults(changed):
    """Whatever stands anywhere, the answer is a policy or printable faults."""
    found = policy(changed)
    if not isinstance(found, FederationPolicy):
        assert found
        assert all(str(fault).isprintable() for fault in found)
