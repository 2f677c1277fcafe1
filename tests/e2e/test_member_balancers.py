"""Members' load balancers as users have them: TLS with ACM, IPv6, and one behind a network one."""

import contextlib

import boto3
import pytest
from kubernetes.client.exceptions import ApiException

from fedingress.domain.work import RESYNC, Work
from localcloud.control_client import ControlError
from tests.certificates import issued
from tests.e2e.homes import embedded
from tests.e2e.manifests import NAMESPACE, path
from tests.e2e.regional import HOST, NEAR, answering, open_regions, policy, shop, until_near
from tests.e2e.shakes import load, shake
from tests.e2e.site import CONFIG
from tests.e2e.waiting import holds, until

pytestmark = [pytest.mark.wire, pytest.mark.slow]

US, AP = NEAR
ALB_ZONES = {US: "Z35SXDOTRQ7X7K", AP: "Z1LMS91P8CMLE5"}
NLB_ZONE_OF_AP = "ZKVM4W9LS7TM"
UNKNOWN = "arn:aws:acm:us-east-1:123456789012:certificate/00000000-0000-0000-0000-000000000000"
PORTS = [{"protocol": "HTTP", "port": 80}, {"protocol": "HTTPS", "port": 443}]
MOVED, SERVED = 301, 200


@pytest.fixture(scope="module")
def regions():
    """One world for this module."""
    with open_regions() as site:
        yield site


@pytest.fixture
def store(regions, tmp_path):
    """A store of this test's own; at its end nothing is left anywhere."""
    kept = tmp_path / "store.sqlite"
    yield kept
    uninstall(regions)
    if regions.leftovers():
        with embedded(regions, kept):
            regions.withdraw()


def certificate(region):
    """The ARN of a new certificate for the shop's host, imported with boto3."""
    chain, key = issued(HOST)
    acm = boto3.client("acm", region_name=region)
    return acm.import_certificate(Certificate=chain, PrivateKey=key)["CertificateArn"]


def secure(site, arns, **more):
    """The policy with listeners of HTTPS, a redirect, IPv6 and a check from outside."""
    made = policy(site.hosted_zone())
    made["spec"]["aws"] = {
        "certificateArns": arns,
        "listenPorts": PORTS,
        "sslRedirect": 443,
        "dualStack": True,
        **more,
    }
    made["spec"]["dns"]["healthCheck"] = {
        "protocol": "HTTPS",
        "paths": ["/alive"],
        "intervalSeconds": 10,
        "threshold": 1,
    }
    return made


def open_shop():
    """The shop; checks from outside know the balancers' names only, so a path is for every host."""
    made = shop()
    made["spec"]["rules"].append({"http": {"paths": [path("/alive", "web")]}})
    return made


def greeted(site, region, kind="A"):
    """Status and member that answer a client of *region* over TLS, by DNS; empty when nobody."""
    _, found = site.visitor(region).question(HOST, kind)
    if not found:
        return ()
    address, port, source = found[0], int(site.env["LOCALCLOUD_HTTPS_PORT"]), site.client(region)
    try:
        if kind == "AAAA":
            port = site.control.call("GET", f"/ports/{address}/443")["port"]
            address = source = "::1"
        met = shake(address, port, HOST, source=(source, 0))
    except (OSError, ControlError):
        return ()
    head = dict(line.split(": ", 1) for line in met.head.lower().splitlines()[1:])
    return met.status, head.get("x-cluster", "")


def sixth(site):
    """The record sets of IPv6 in the zone."""
    return [each for each in site.record_sets() if each["Type"] == "AAAA"]


def test_clients_are_served_over_tls_and_ipv6_and_certificates_are_exchanged(regions, store):
    """Verified by name in each region, 301 on HTTP, checks by HTTPS, another ARN under load."""
    site = regions
    arns = {region: certificate(region) for region in NEAR}
    with embedded(site, store) as home:
        site.apply(CONFIG, secure(site, [*arns.values()]), open_shop())
        for region, member in NEAR.items():
            for kind in ("A", "AAAA") if region == US else ("A",):
                until(
                    f"{member} to serve {region} over TLS by {kind}",
                    lambda r=region, m=member, k=kind: greeted(site, r, k) == (SERVED, m),
                    say=lambda: (site.conditions(), site.table(), site.record_sets()),
                )
        (balancer,) = site.balancers(US)
        assert balancer["IpAddressType"] == "dualstack"
        assert {each["AliasTarget"]["HostedZoneId"] for each in sixth(site)} >= {
            *ALB_ZONES.values()
        }
        page = site.visitor(US).get(HOST)
        assert page.status == MOVED
        until("checks by HTTPS to succeed", lambda: checked(site), say=site.table)

        others = {region: certificate(region) for region in NEAR}
        (address,) = site.visitor(US).question(HOST)[1]
        port = int(site.env["LOCALCLOUD_HTTPS_PORT"])
        with load(address, port, [HOST], source=site.client(US)) as met:
            good = met.good[HOST]
            until("some handshakes", lambda: len(good) > 10)
            before = good[-1]
            site.apply(CONFIG, secure(site, [*others.values()]))
            until("the other certificate", lambda: good[-1] != before)
            until("the old certificates to be free", lambda: freed(arns))
            count = len(good)
            until("more handshakes", lambda: len(good) > count + 10)
        assert met.failures == []
        assert before not in good[-10:]

        site.apply(CONFIG, secure(site, [*others.values(), UNKNOWN]))
        until("the controller's complaint", lambda: UNKNOWN in complaint(site), say=site.table)
        assert holds(lambda: greeted(site, US) == (SERVED, "eks-us"), seconds=1)

        site.apply(CONFIG, secure(site, [*others.values()], dualStack=False))
        until("IPv4 only", lambda: site.balancers(US)[0]["IpAddressType"] == "ipv4")
        # Nobody tells of it; the next look at the balancers would find it.
        home.home.bus.publish([Work(concern="backends", unit="shop/shop", cause=RESYNC)])
        until("no record of IPv6", lambda: not sixth(site), say=site.record_sets)
        until("the near region", lambda: greeted(site, US) == (SERVED, "eks-us"))
        site.withdraw()
    assert site.record_sets() == []


def checked(site):
    """Whether there are checks by HTTPS and every checker of each succeeds."""
    route53 = site.aws("route53")
    checks = route53.list_health_checks()["HealthChecks"]
    if {each["HealthCheckConfig"]["Type"] for each in checks} != {"HTTPS"}:
        return False
    seen = [
        row["StatusReport"]["Status"]
        for each in checks
        for row in route53.get_health_check_status(HealthCheckId=each["Id"])[
            "HealthCheckObservations"
        ]
    ]
    return bool(seen) and all(status.startswith("Success: HTTP Status Code 200") for status in seen)


def freed(arns):
    """Whether no load balancer shows any of these certificates."""
    return not any(
        boto3.client("acm", region_name=region).describe_certificate(CertificateArn=arn)[
            "Certificate"
        ]["InUseBy"]
        for region, arn in arns.items()
    )


def complaint(site):
    """What the controller in eks-us says last of the shop's copy."""
    events = site.core("eks-us").list_namespaced_event(NAMESPACE).items
    return " ".join(str(each.message) for each in events)


def ingress_nginx():
    """What a chart of ingress-nginx installs, behind a Network Load Balancer."""
    labels = {"app": "ingress-nginx"}
    args = ["--http-port=8081", "--ingress-class=nginx"]
    args.append("--publish-service=$(POD_NAMESPACE)/ingress-nginx-controller")
    container = {
        "name": "controller",
        "image": "registry.k8s.io/ingress-nginx/controller:v1.13.0",
        "args": args,
        "ports": [{"name": "http", "containerPort": 8081}],
    }
    prefix = "service.beta.kubernetes.io/aws-load-balancer-"
    annotations = {
        f"{prefix}type": "external",
        f"{prefix}nlb-target-type": "ip",
        f"{prefix}scheme": "internet-facing",
        f"{prefix}healthcheck-interval": "10",
    }
    return [
        {
            "apiVersion": "networking.k8s.io/v1",
            "kind": "IngressClass",
            "metadata": {"name": "nginx"},
            "spec": {"controller": "k8s.io/ingress-nginx"},
        },
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": "ingress-nginx", "namespace": "default"},
            "spec": {
                "replicas": 2,
                "selector": {"matchLabels": labels},
                "template": {"metadata": {"labels": labels}, "spec": {"containers": [container]}},
            },
        },
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {
                "name": "ingress-nginx-controller",
                "namespace": "default",
                "annotations": annotations,
            },
            "spec": {
                "type": "LoadBalancer",
                "selector": labels,
                "ports": [{"name": "http", "port": 80, "targetPort": "http"}],
            },
        },
    ]


def uninstall(site):
    """Delete the Service, and with it the balancer."""
    with contextlib.suppress(ApiException):
        site.core("eks-ap").delete_namespaced_service("ingress-nginx-controller", "default")


def test_a_member_behind_a_network_load_balancer_stands_beside_one_with_its_own(regions, store):
    """One Ingress, two kinds of aliases with their own zones; health alone moves its clients."""
    site = regions
    mixed = policy(site.hosted_zone())
    step = {"op": "replace", "path": "/spec/ingressClassName", "value": "nginx"}
    mixed["spec"]["overrides"] = [{"clusters": ["eks-ap"], "patch": [step]}]
    site.apply("eks-ap", *ingress_nginx())
    with embedded(site, store):
        site.apply(CONFIG, mixed, shop())
        until_near(site)
        (network,), (application,) = site.balancers(AP), site.balancers(US)
        assert (application["Type"], network["Type"]) == ("application", "network")
        assert network["CanonicalHostedZoneId"] == NLB_ZONE_OF_AP
        copy = site.networking("eks-ap").read_namespaced_ingress("shop", NAMESPACE)
        assert copy.spec.ingress_class_name == "nginx"
        assert copy.status.load_balancer.ingress[0].hostname == network["DNSName"]
        aliases = {
            each["AliasTarget"]["DNSName"].removeprefix("dualstack.").rstrip("."): each[
                "AliasTarget"
            ]["HostedZoneId"]
            for each in site.record_sets()
            if "amazonaws" in each.get("AliasTarget", {}).get("DNSName", "")
        }
        assert aliases == {
            network["DNSName"]: NLB_ZONE_OF_AP,
            application["DNSName"]: ALB_ZONES[US],
        }
        until("healthy targets", lambda: health(site, network) == {"healthy"})

        site.control.kill("eks-ap")
        try:
            until(
                "clients of eks-ap to be served afar",
                lambda: answering(site, AP) == {(SERVED, "eks-us")},
                say=lambda: (site.table(), site.weights()),
            )
            until("the checks of the targets", lambda: health(site, network) == {"unhealthy"})
        finally:
            site.control.revive("eks-ap")
        until_near(site)

        site.delete()
        until("the copies to go", lambda: not site.ours("eks-ap") and not site.record_sets())
        uninstall(site)
        until("nothing to be left", lambda: not site.leftovers(), say=site.leftovers)
    site.apply(CONFIG, policy(site.hosted_zone()))


def health(site, balancer):
    """The states of all targets of a load balancer."""
    elb = site.aws("elbv2", AP)
    groups = elb.describe_target_groups(LoadBalancerArn=balancer["LoadBalancerArn"])["TargetGroups"]
    return {
        row["TargetHealth"]["State"]
        for group in groups
        for row in elb.describe_target_health(TargetGroupArn=group["TargetGroupArn"])[
            "TargetHealthDescriptions"
        ]
    }
