"""The compilers alone: snapshot in, program out; no process is started."""

import dataclasses

import pytest

from localcloud.dataplane.haproxy.pools import service_of
from localcloud.dataplane.haproxy.program import compile_program
from localcloud.dataplane.haproxy.regions import ClientRegion, region_of
from localcloud.dataplane.haproxy.routing import routes_of
from localcloud.dataplane.haproxy.snapshot import Snapshot, path_of
from tests.localcloud.dataplane.lab import (
    GLOBAL,
    NOT_FOUND,
    SITE,
    backend,
    graph,
    health_check,
    neg,
    ref,
    service,
)

US, EU = neg("us", "us-central1-a"), neg("eu", "europe-west1-b")
CLIENTS = [
    ClientRegion(name="us-central1", network="127.1.200.0/24"),
    ClientRegion(name="europe-west1", network="127.1.201.0/24"),
]
WEB = GLOBAL + "backendServices/web"


def endpoints(*hosts):
    return [{"ipAddress": f"10.1.0.{n}", "port": 8080, "instance": "node"} for n in hosts]


def snapshot(web=None, url_map=None, check=None, vip="127.1.250.1", **more):
    web = web or service(backend(US), backend(EU))
    url_map = url_map or {"defaultService": ref("backendServices", "web")}
    compute = graph(vip, url_map, {"web": web}, check)
    return Snapshot(compute=compute | more, endpoints={US: endpoints(1, 2), EU: endpoints(3)})


def compiled(**parts):
    view = snapshot(**parts)
    return service_of(WEB, view.compute[WEB], view, 1.0)


@pytest.mark.parametrize(
    "reference", [SITE + US, "/compute/v1/" + US, US, "https://compute.googleapis.com/v1/" + US]
)
def test_references_in_any_form(reference):
    """Full URLs and partial paths name the same object."""
    assert path_of(reference) == US


@pytest.mark.parametrize("reference", [None, 7, "", "elsewhere/x"])
def test_no_reference_names_nothing(reference):
    """What is no reference is no path."""
    assert path_of(reference) == ""


def test_regions_of_groups():
    """Zonal and regional groups tell their region, global ones tell none."""
    assert region_of(US) == "us-central1"
    assert region_of("projects/p/regions/europe-west1/networkEndpointGroups/x") == "europe-west1"
    assert region_of("projects/p/global/networkEndpointGroups/x") == "global"


NEAREST = [
    ("europe-west1", ["us-east1", "europe-west4", "asia-east1"], "europe-west4"),
    ("us-west1", ["us-east1", "us-central1", "asia-northeast1"], "us-central1"),
    ("asia-southeast1", ["asia-south1", "asia-southeast2", "us-west1"], "asia-southeast2"),
    ("australia-southeast1", ["us-west1", "asia-southeast1", "europe-west1"], "asia-southeast1"),
    ("southamerica-east1", ["us-east1", "europe-west1", "africa-south1"], "us-east1"),
]


@pytest.mark.parametrize(("client", "regions", "nearest"), NEAREST)
def test_nearest_region(client, regions, nearest):
    """The globe decides; the client's own region is always first, unknown ones always last."""
    region = ClientRegion(name=client, network="127.1.200.0/24")
    assert region.nearest_first(regions)[0] == nearest
    order = region.nearest_first([*regions, "moon-north1", client])
    assert (order[0], order[-1]) == (client, "moon-north1")


def test_an_order_of_ones_own():
    """A given order beats the globe, and lets a place have any name."""
    region = ClientRegion(name="lab", network="127.1.200.0/24", order=("b", "a"))
    assert region.nearest_first(["us-east1", "a", "b"]) == ("b", "a", "us-east1")


@pytest.mark.parametrize(
    "wrong",
    [
        {"name": "us central1", "network": "127.1.0.0/24", "order": ("a",)},
        {"name": "a\nb", "network": "127.1.0.0/24", "order": ("a",)},
        {"name": "", "network": "127.1.0.0/24", "order": ("a",)},
        {"name": "atlantis1", "network": "127.1.0.0/24"},
        {"name": "us-east1", "network": "10.0.0.0/8"},
        {"name": "us-east1", "network": "127.1.0.1/24"},
    ],
)
def test_client_regions_are_checked(wrong):
    """Names that would reach the configuration, and networks off loopback, are refused."""
    with pytest.raises(ValueError, match=r".+"):
        ClientRegion(**wrong)


def test_equal_snapshots_give_equal_programs():
    """Order of objects and of endpoints changes nothing."""
    one = snapshot()
    other = Snapshot(
        compute=dict(reversed(one.compute.items())),
        endpoints={EU: endpoints(3), US: endpoints(2, 1)},
    )
    assert compile_program(one, CLIENTS) == compile_program(other, CLIENTS)


def test_capacity_and_order():
    """Rates times scalers, preferred before default, then near before far, drained ones nowhere."""
    third = neg("third", "us-east1-b")
    web = service(
        backend(US, 10, capacityScaler=0.5),
        backend(EU, 7, preference="PREFERRED"),
        backend(third, 1e14, capacityScaler=0),
    )
    view = snapshot(web)
    view.endpoints[third] = endpoints(9)
    found = service_of(WEB, web, view, 1.0)
    assert [pool.milli_rate_per_endpoint for pool in found.pools][:2] == [5000, 7000]
    assert [tier.region for tier in found.order(CLIENTS[0])] == ["europe-west1", "us-central1"]
    assert len(found.pools) == 3
    program = compile_program(view, CLIENTS)
    assert len(program.pools) == 3
    assert f"track {program.pools[WEB, third]}/" not in program.text


def test_groups_of_one_region_share_by_capacity():
    """Endpoints of one region get weights in proportion to their capacity."""
    second = neg("second", "us-central1-b")
    web = service(backend(US, 20), backend(second, 10), backend(EU, 5))
    view = snapshot(web)
    view.endpoints[second] = endpoints(4)
    tiers = service_of(WEB, web, view, 1.0).tiers()
    weights = {tier.region: sorted(tier.weights().values()) for tier in tiers}
    assert weights == {"us-central1": [100, 200], "europe-west1": [200]}


def test_rates_of_whole_groups():
    """The capacity is maxRate of a group with anyone healthy, maxRatePerInstance of each."""
    group = {"group": SITE + US, "balancingMode": "RATE"}
    one = compiled(web=service(group | {"maxRate": 40, "capacityScaler": 0.5})).pools[0]
    assert (one.milli_rate_per_endpoint, one.milli_rate, one.endpoint_capacity) == (0, 20000, 10000)
    each = compiled(web=service(group | {"maxRatePerInstance": 3.5})).pools[0]
    assert each.milli_rate_per_endpoint == 3500


IG = "projects/p/zones/us-central1-a/instanceGroups/ig"
IG2 = IG.replace("us-central1-a", "us-central1-b")
IG3 = IG.replace("us-central1-a", "europe-west1-b")


def grouped(*backends, utilization=(), **fields):
    """A service over instance groups of two nodes each, which serve two named ports."""
    view = snapshot(service(*backends, **{"portName": "port30080", **fields}))
    for number, group in enumerate((IG, IG2, IG3), start=1):
        view.endpoints[group] = [
            {
                "instance": f"{SITE}projects/p/zones/z/instances/node-{number}-{n}",
                "ipAddress": f"10.1.{number}.{n}",
                "port": port,
                "portName": f"port{port}",
            }
            for n in (1, 2)
            for port in (30080, 30081)
        ]
    view = dataclasses.replace(view, utilization=dict(utilization))
    return service_of(WEB, view.compute[WEB], view, 1.0)


def instances(group=IG, **fields):
    return {"group": SITE + group, "balancingMode": "RATE", "maxRatePerInstance": 10, **fields}


def test_instances_serve_at_the_named_port():
    """The endpoints of an instance group are its nodes at the port that the service names."""
    (pool,) = grouped(instances()).pools
    assert [each.name for each in pool.endpoints] == ["10.1.1.1:30080", "10.1.1.2:30080"]
    assert (pool.milli_rate_per_endpoint, pool.region) == (10_000, "us-central1")
    missing = grouped(instances(), portName="http")
    assert missing.pools[0].endpoints == ()
    assert "no instance with a port named 'http'" in missing.problems[0]


@pytest.mark.parametrize(
    ("used", "fields", "full"),
    [
        ({}, {}, False),
        ({"node-1-1": 0.79, "node-1-2": 0.79}, {}, False),
        ({"node-1-1": 0.8, "node-1-2": 0.8}, {}, True),
        ({"node-1-1": 1.0, "node-1-2": 0.5}, {}, False),
        ({"node-1-1": 0.5, "node-1-2": 0.5}, {"maxUtilization": 0.5}, True),
        ({"node-1-1": 0.4, "node-1-2": 0.4}, {"capacityScaler": 0.5}, True),
        ({"node-2-1": 1.0}, {}, False),
    ],
)
def test_groups_are_full_by_their_average_utilization(used, fields, full):
    """Full is an average of maxUtilization times capacityScaler; then no tier has the group."""
    mode = {"balancingMode": "UTILIZATION", "maxUtilization": 0.8, "maxRatePerInstance": None}
    found = grouped(instances(**mode | fields), instances(IG3, **mode), utilization=used)
    assert found.pools[0].full is full
    assert [tier.region for tier in found.tiers()] == ["europe-west1"] + ["us-central1"] * (
        not full
    )
    assert len(found.serving()) == len(found.weights()) == 2


def test_a_region_goes_on_with_the_group_that_has_room():
    """A full group leaves its region's tier to the other one, and has its part at the last."""
    mode = {"balancingMode": "UTILIZATION", "maxUtilization": 0.8, "maxRatePerInstance": None}
    used = {f"node-1-{n}": 0.9 for n in (1, 2)}
    found = grouped(instances(**mode), instances(IG2, **mode), utilization=used)
    (tier,) = found.tiers()
    assert [pool.group for pool in tier.pools] == [IG2]
    used |= {f"node-2-{n}": 0.9 for n in (1, 2)}
    nobody = grouped(instances(**mode), instances(IG2, **mode), utilization=used)
    assert (nobody.tiers(), len(nobody.serving())) == ((), 2)


def test_health_check_fields():
    """Thresholds, times, ports and defaults are the health check's; its text stays in maps."""
    check = compiled(check=health_check(requestPath="/h?x=1", host="probe.example.com")).check
    assert (check.rise, check.fall, check.interval_milliseconds, check.port) == (1, 2, 1000, 0)
    fixed = health_check(portSpecification="USE_FIXED_PORT", port=9000)
    assert compiled(check=fixed).check.port == 9000
    assert compiled(check={"type": "HTTP", "httpHealthCheck": {}}).check.port == 80
    program = compile_program(snapshot(check=health_check(requestPath="/h?x=1")), CLIENTS)
    assert "/h?x=1" not in program.text
    assert " /h?x=1\n" in program.files["checks.path"]
    fast = service_of(WEB, snapshot().compute[WEB], snapshot(), 0.001)
    assert fast.check.interval_milliseconds == 100


BAD_CHECKS = [
    health_check(requestPath="/a b"),
    health_check(requestPath="/a\nserver x 127.0.0.1:1"),
    health_check(requestPath="no-slash"),
    health_check(host="a b"),
    health_check(portSpecification="USE_FIXED_PORT", port=70000),
    health_check() | {"type": "GRPC"},
]


@pytest.mark.parametrize("check", BAD_CHECKS)
def test_a_health_check_that_cannot_be_served(check):
    """Its service has no endpoints, says why, and the program stays valid text."""
    program = compile_program(snapshot(check=check), CLIENTS)
    assert len(program.problems) == 1
    assert program.problems[0].startswith(WEB)
    assert program.servers == {}
    assert "server" not in program.text.replace("timeout server", "").replace("load-server", "")


PROBLEMS = [
    ({"vip": "34.1.2.3"}, "not a 127.a.b.c"),
    ({"vip": "127.0.0.1\n bind :1"}, "not a 127.a.b.c"),
    ({"vip": "fd00:7::1"}, "there is no IPv6 here"),
    ({"url_map": {"defaultService": ref("backendServices", "gone")}}, "no such backend service"),
    ({"web": service(backend(US)) | {"healthChecks": []}}, "no health check"),
    ({"web": service(backend(US, balancingMode="CONNECTION"))}, "taken as no limit"),
    ({"url_map": {"defaultRouteAction": {"urlRewrite": {"hostRewrite": "x"}}}}, "urlRewrite"),
    ({"url_map": {"pathMatchers": [{"name": "m", "routeRules": [{}]}]}}, "routeRules"),
    ({"url_map": {"hostRules": [{"hosts": ["a"], "pathMatcher": "x"}]}}, "no path matcher"),
    ({"url_map": {"defaultUrlRedirect": {"pathRedirect": "x y"}}}, "redirect"),
    ({"url_map": {"defaultUrlRedirect": {"hostRedirect": "a\nb"}}}, "redirect"),
    ({"url_map": {"defaultUrlRedirect": {"redirectResponseCode": "TEAPOT"}}}, "redirect"),
]


@pytest.mark.parametrize(("parts", "words"), PROBLEMS)
def test_what_is_left_out_is_named(parts, words):
    """Nothing is skipped in silence."""
    problems = compile_program(snapshot(**parts), CLIENTS).problems
    assert [words in problem for problem in problems] == [True]


@pytest.mark.parametrize("abort", [{"httpStatus": 99}, {"httpStatus": "404"}, {"percentage": 101}])
def test_aborts_are_checked(abort):
    """Statuses and percentages reach the configuration as numbers in range, or not at all."""
    whole = {"httpStatus": 404, "percentage": 100} | abort
    routes = routes_of(
        "projects/p/global/urlMaps/um",
        {"defaultRouteAction": {"faultInjectionPolicy": {"abort": whole}}},
    )
    assert len(routes.problems) == 1
    assert [action.abort_status for action in routes.actions.values()] == [0]


def test_endpoints_off_the_lab_are_left_out():
    """An address that is not 10.a.b.c never becomes a server."""
    view = snapshot()
    view.endpoints[US] = [{"ipAddress": "8.8.8.8", "port": 80}, {"ipAddress": "10.1.0.1"}]
    program = compile_program(view, CLIENTS)
    assert list(program.servers.values()) == ["127.1.0.3:8080"]
    assert len(program.problems) == 2


def test_wildcards_and_prefixes_are_longest_first():
    """Suffix maps are read in file order, so the order is the rule."""
    routes = routes_of(
        "projects/p/global/urlMaps/um",
        {
            "defaultRouteAction": NOT_FOUND,
            "hostRules": [{"hosts": ["*.b.c", "*", "*.a.b.c", "*-x.b.c"], "pathMatcher": "m"}],
            "pathMatchers": [
                {
                    "name": "m",
                    "defaultRouteAction": NOT_FOUND,
                    "pathRules": [{"paths": ["/*", "/a/b/*", "/a/*", "/a"], "service": WEB}],
                }
            ],
        },
    )
    assert list(routes.suffixes) == [".a.b.c", "-x.b.c", ".b.c"]
    assert list(routes.prefixes) == ["m1:/a/b/", "m1:/a/", "m1:/", "m0:", "m1:"]
    assert (routes.default_matcher, list(routes.paths)) == ("m1", ["m1:/a"])
    assert routes.services() == [WEB]


def test_an_address_and_port_has_one_rule():
    """A second forwarding rule of the same socket is named and left out."""
    view = snapshot()
    rule = view.compute[GLOBAL + "forwardingRules/fr"]
    more = {GLOBAL + "forwardingRules/zz": rule}
    program = compile_program(snapshot(**more), CLIENTS)
    assert program.text.count("bind ") == 1
    assert "belongs to" in program.problems[0]


@pytest.mark.parametrize("ports", ["1-65535", "", "80-81", "x"])
def test_a_rule_has_one_port(ports):
    """Ranges are named and left out."""
    view = snapshot()
    rule = view.compute[GLOBAL + "forwardingRules/fr"] | {"portRange": ports}
    program = compile_program(snapshot(**{GLOBAL + "forwardingRules/fr": rule}), CLIENTS)
    assert "one port" in program.problems[0]
