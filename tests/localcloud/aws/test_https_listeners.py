"""
Listeners of HTTPS and of IPv6: certificates by boto3, handshakes and requests by real clients.

Sources: AWS Load Balancer Controller guide ("Ingress annotations": certificate-arn, listen-ports,
ssl-redirect, ip-address-type; "Certificate discovery"); ELBv2 API reference
(DescribeListenerCertificates); ACM API reference (ImportCertificate, DeleteCertificate); User
Guide for Application Load Balancers, "SSL certificates", "Redirect actions", "IP address type".
"""

import http.client

import pytest
from dnslib import QTYPE, DNSRecord

from localcloud.control_client import ControlError
from localcloud.resolve import resolve
from localcloud.world.running import running_world
from localcloud.world.spec import WorldSpec, members_from
from tests.certificates import issued
from tests.e2e.shakes import load, shake
from tests.localcloud.aws.lab import clients
from tests.localcloud.aws.test_load_balancers import hostname, ingress, put, remove
from tests.localcloud.gce import until
from tests.localcloud.test_gke_workloads import deployment, service

pytestmark = pytest.mark.wire

HTTPS_PORT = 8443
BOTH = '[{"HTTP": 80}, {"HTTPS": 443}]'
UNKNOWN = "arn:aws:acm:us-east-1:123456789012:certificate/00000000-0000-0000-0000-000000000000"


@pytest.fixture(scope="module")
def world():
    with running_world(WorldSpec(members=members_from("eks-us"))) as running:
        put(running, "eks-us", deployment(2), service())
        yield running


@pytest.fixture(scope="module")
def aws(world):
    with clients(world.env()["AWS_ENDPOINT_URL_ACM"]) as client:
        yield client


@pytest.fixture(scope="module")
def acm(aws):
    return aws("acm")


def imported(acm, *names, **more):
    chain, key = issued(*names)
    return acm.import_certificate(Certificate=chain, PrivateKey=key, **more)["CertificateArn"]


def greet(world, name, host="shop.example.com"):
    """Status and certificate that a client gets who resolved the balancer's own name."""
    (address,) = resolve(world.env()["LOCALCLOUD_DNS"], name)
    try:
        return shake(address, HTTPS_PORT, host, source=("127.0.0.1", 0))
    except OSError:
        return None


def served(world, name, host="shop.example.com"):
    found = greet(world, name, host)
    return found if found and found.status == 200 else None


def message(world, name):
    return world.clusters["eks-us"].get("events", "default", f"{name}.alb") or {}


def addresses(world, name, kind):
    host, _, port = world.env()["LOCALCLOUD_DNS"].rpartition(":")
    reply = DNSRecord.parse(DNSRecord.question(name, kind).send(host, int(port), timeout=5))
    return [str(row.rdata) for row in reply.rr if row.rtype == getattr(QTYPE, kind)]


def test_each_name_of_a_handshake_is_shown_its_certificate(world, aws, acm):
    """Several ARNs, the first by default, 301 on HTTP; another ARN under load fails nobody."""
    first, second = imported(acm, "shop.example.com"), imported(acm, "api.example.com")
    rules = [("shop.example.com", "/", "Prefix"), ("api.example.com", "/", "Prefix")]
    secure = {"listen_ports": BOTH, "ssl_redirect": "443"}
    put(world, "eks-us", ingress("tls", *rules, certificate_arn=f"{first},{second}", **secure))
    name = until(lambda: hostname(world, "eks-us", "tls"), "a host name")
    shown = until(lambda: served(world, name), "an answer over TLS")
    assert shown.names == ("shop.example.com",)
    assert until(lambda: served(world, name, "api.example.com"), "SNI").names == (
        "api.example.com",
    )

    (address,) = resolve(world.env()["LOCALCLOUD_DNS"], name)
    wire = http.client.HTTPConnection(address, 8080, timeout=10)
    wire.request("GET", "/a/b?c=d", headers={"Host": "shop.example.com:8080"})
    answer = wire.getresponse()
    wire.close()
    assert (answer.status, answer.getheader("Location")) == (
        301,
        "https://shop.example.com:443/a/b?c=d",
    )

    elb = aws("elbv2")
    (balancer,) = elb.describe_load_balancers()["LoadBalancers"]
    plain, tls = elb.describe_listeners(LoadBalancerArn=balancer["LoadBalancerArn"])["Listeners"]
    assert plain["DefaultActions"][0]["RedirectConfig"]["StatusCode"] == "HTTP_301"
    assert (tls["Port"], tls["Protocol"]) == (443, "HTTPS")
    assert tls["Certificates"] == [{"CertificateArn": first}]
    listed = elb.describe_listener_certificates(ListenerArn=tls["ListenerArn"])["Certificates"]
    assert {each["CertificateArn"]: each["IsDefault"] for each in listed} == {
        first: True,
        second: False,
    }
    with pytest.raises(acm.exceptions.ResourceInUseException):
        acm.delete_certificate(CertificateArn=first)
    described = acm.describe_certificate(CertificateArn=first)["Certificate"]
    assert described["InUseBy"] == [balancer["LoadBalancerArn"]]
    assert (described["Status"], described["Type"]) == ("ISSUED", "IMPORTED")

    third = imported(acm, "shop.example.com")
    with load(address, HTTPS_PORT, ["shop.example.com"], source="127.0.0.1") as met:
        good = met.good["shop.example.com"]
        until(lambda: len(good) > 5, "some handshakes")
        put(world, "eks-us", ingress("tls", *rules, certificate_arn=f"{third},{second}", **secure))
        until(lambda: good[-1] != shown.serial, "the other certificate")
        newer = good[-1]
        imported(acm, "shop.example.com", CertificateArn=third)
        until(lambda: good[-1] != newer, "what was imported in its place")
    assert met.failures == []
    remove(world, "eks-us", "tls")
    for arn in (first, second, third):
        acm.delete_certificate(CertificateArn=arn)
    assert acm.list_certificates()["CertificateSummaryList"] == []


def test_an_unknown_certificate_leaves_the_address_missing(world, aws, acm):
    """FailedDeployModel and no listener, for another region's too; what stands goes on."""
    put(world, "eks-us", ingress("lost", certificate_arn=UNKNOWN))
    until(lambda: UNKNOWN in message(world, "lost").get("message", ""), "the event")
    assert message(world, "lost")["reason"] == "FailedDeployModel"
    assert "CertificateNotFound" in message(world, "lost")["message"]
    assert hostname(world, "eks-us", "lost") == ""
    elb = aws("elbv2")
    (balancer,) = elb.describe_load_balancers()["LoadBalancers"]
    asked = {"LoadBalancerArn": balancer["LoadBalancerArn"]}
    assert elb.describe_listeners(**asked)["Listeners"] == []

    abroad = imported(aws("acm", "ap-southeast-1"), "shop.example.com")
    put(world, "eks-us", ingress("lost", certificate_arn=abroad))
    until(lambda: abroad in message(world, "lost").get("message", ""), "the event of the other")
    assert hostname(world, "eks-us", "lost") == ""

    good = imported(acm, "shop.example.com")
    put(world, "eks-us", ingress("lost", certificate_arn=good))
    name = until(lambda: hostname(world, "eks-us", "lost"), "a host name")
    until(lambda: served(world, name), "an answer")
    put(world, "eks-us", ingress("lost", certificate_arn=UNKNOWN))
    until(lambda: UNKNOWN in message(world, "lost")["message"], "the event again")
    assert served(world, name)
    remove(world, "eks-us", "lost")
    acm.delete_certificate(CertificateArn=good)


def test_certificates_are_found_by_host_once_they_are_there(world, acm):
    """Without an ARN the host decides: refused until one is imported, a wildcard among them."""
    rule = ("found.example.com", "/", "Prefix")
    put(world, "eks-us", ingress("found", rule, listen_ports='[{"HTTPS": 443}]'))
    reason = "no certificate found for host: found.example.com"
    until(lambda: message(world, "found").get("message") == reason, reason)
    arn = imported(acm, "*.example.com")
    name = until(lambda: hostname(world, "eks-us", "found"), "a host name")
    shown = until(lambda: served(world, name, "found.example.com"), "an answer")
    assert shown.names == ("*.example.com",)
    remove(world, "eks-us", "found")
    acm.delete_certificate(CertificateArn=arn)


def test_a_dual_stack_balancer_answers_over_ipv6(world, aws):
    """AAAA and a page there; switched to IPv4 it keeps its name and loses the AAAA record."""
    put(world, "eks-us", ingress("six", ip_address_type="dualstack"))
    name = until(lambda: hostname(world, "eks-us", "six"), "a host name")
    (address,) = until(lambda: addresses(world, name, "AAAA"), "an address of IPv6")
    assert addresses(world, f"dualstack.{name}", "AAAA") == [address]
    until(lambda: page(world, address) == 200, "an answer over IPv6")
    (balancer,) = aws("elbv2").describe_load_balancers()["LoadBalancers"]
    assert balancer["IpAddressType"] == "dualstack"
    put(world, "eks-us", ingress("six"))
    until(lambda: addresses(world, name, "AAAA") == [], "the AAAA record to go")
    (balancer,) = aws("elbv2").describe_load_balancers()["LoadBalancers"]
    assert (balancer["IpAddressType"], balancer["DNSName"]) == ("ipv4", name)
    assert addresses(world, name, "A") != []
    remove(world, "eks-us", "six")


def page(world, address):
    """Status of a page at an address of IPv6."""
    try:
        port = world.control.call("GET", f"/ports/{address}/80")["port"]
    except ControlError:
        return 0
    wire = http.client.HTTPConnection("::1", port, timeout=5)
    try:
        wire.request("GET", "/", headers={"Host": "shop.example.com"})
        return wire.getresponse().status
    except OSError:
        return 0
    finally:
        wire.close()


@pytest.mark.parametrize("fault", ["foreign key", "no PEM", "no such ARN"])
def test_what_is_no_certificate_is_not_imported(acm, fault):
    """A key of another certificate, text that is none, and a replacement of what is not there."""
    chain, key = issued("a.example.com")
    asked = {"Certificate": chain, "PrivateKey": key}
    if fault == "foreign key":
        asked["PrivateKey"] = issued("a.example.com")[1]
    elif fault == "no PEM":
        asked["Certificate"] = "nothing"
    else:
        asked["CertificateArn"] = UNKNOWN
    with pytest.raises(acm.exceptions.ClientError) as refused:
        acm.import_certificate(**asked)
    code = "ResourceNotFoundException" if fault == "no such ARN" else "ValidationException"
    assert refused.value.response["Error"]["Code"] == code
    with pytest.raises(acm.exceptions.ClientError, match="serves no RequestCertificate"):
        acm.request_certificate(DomainName="a.example.com")
