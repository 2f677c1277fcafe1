"""TLS over the wire: real handshakes with the VIP, read by the official clients."""

import contextlib
import http.client
import ssl

import pytest

from tests.certificates import issued, secret_for
from tests.e2e.manifests import HOST, NAMESPACE, ingress, platform
from tests.e2e.shakes import load, shake, trusting
from tests.e2e.site import CONFIG
from tests.e2e.waiting import until

pytestmark = [pytest.mark.wire, pytest.mark.slow]

API = "api.example.com"
MOVED, SERVED = 301, 200
TLS = [{"hosts": [HOST], "secretName": "web-tls"}, {"hosts": [API], "secretName": "api-tls"}]


def both_hosts(**spec):
    """The shop under two hosts."""
    manifest = ingress()
    (rule,) = [rule for rule in manifest["spec"]["rules"] if rule["host"] == HOST]
    manifest["spec"]["rules"] = [rule, {**rule, "host": API}]
    manifest["spec"].update(spec)
    return manifest


@pytest.fixture
def secured(site, home):
    """The shop over TLS, with a Secret for each host."""
    site.apply(CONFIG, secret_for("web-tls", HOST), secret_for("api-tls", API))
    site.apply(CONFIG, both_hosts(tls=TLS))
    site.until_served()
    yield site
    for name in ("web-tls", "api-tls"):
        site.core(CONFIG).delete_namespaced_secret(name, NAMESPACE)


def greet(site, host, **more):
    """A handshake and a request from the US."""
    port, source = int(site.env["LOCALCLOUD_HTTPS_PORT"]), site.visitor("us-central1").source
    return shake(site.address(), port, host, source=(source, 0), **more)


def test_each_host_is_shown_its_own_certificate(secured):
    """SNI chooses; google-cloud-compute finds proxy, rule and certificates, and no key."""
    assert greet(secured, HOST).names == (HOST,)
    assert greet(secured, API).names == (API,)
    assert greet(secured, HOST).status == 200
    (proxy,) = secured.listed("TargetHttpsProxies")
    certificates = secured.listed("SslCertificates")
    rules = {rule["port_range"]: rule for rule in secured.listed("GlobalForwardingRules")}

    assert sorted(rules) == ["443-443", "80-80"]
    assert {rule["I_p_address"] for rule in rules.values()} == {secured.address()}
    assert rules["443-443"]["target"].endswith(f"/targetHttpsProxies/{proxy['name']}")
    by_link = {item["self_link"]: item["subject_alternative_names"] for item in certificates}
    assert [by_link[link] for link in proxy["ssl_certificates"]] == [[HOST], [API]]
    assert not any(item.get("private_key") for item in certificates)
    assert secured.visitor("us-central1").get(HOST).status == 200


def test_a_certificate_rotates_under_load_without_a_failed_handshake(secured):
    """Both hosts are greeted all the time; the new certificate is shown, the old one is gone."""
    port, source = int(secured.env["LOCALCLOUD_HTTPS_PORT"]), secured.visitor("us-central1").source
    before = greet(secured, HOST).serial
    with load(secured.address(), port, [HOST, API], source=source) as met:
        until("some handshakes", lambda: all(len(each) > 10 for each in met.good.values()))
        secured.apply(CONFIG, secret_for("web-tls", HOST))  # the watch tells, long before a resync
        until("the new certificate to be shown", lambda: met.good[HOST][-1] != before)
        until(
            "the old certificate to go",
            lambda: len(secured.listed("SslCertificates")) == len(TLS),
        )
        count = len(met.good[HOST])
        until("more handshakes", lambda: len(met.good[HOST]) > count + 20)

    assert met.failures == []
    assert before not in met.good[HOST][-10:]
    assert len(set(met.good[API])) == 1


def test_http_is_redirected_and_old_versions_of_tls_are_refused(secured):
    """The policy's TLS: 301 to the same page over HTTPS, and TLS 1.2 is too old."""
    policy, _ = platform()
    strict = {"redirect": True, "minimumVersion": "1.3"}
    secured.apply(CONFIG, {**policy, "spec": {**policy["spec"], "tls": strict}})
    visitor = secured.visitor("us-central1")
    until("a redirect", lambda: visitor.get(HOST).status == MOVED)
    until("the redirect of the other host", lambda: visitor.get(API).status == MOVED)
    (ssl_policy,) = secured.listed("SslPolicies")
    until("old clients to be refused", lambda: not old_client_served(secured))

    assert (ssl_policy["min_tls_version"], ssl_policy["profile"]) == ("TLS_1_3", "RESTRICTED")
    assert greet(secured, HOST).version == "TLSv1.3"
    assert location(secured, "/api/x?y=1") == f"https://{HOST}:8443/api/x?y=1"
    secured.apply(CONFIG, policy)
    until("HTTP to serve again", lambda: visitor.get(HOST).status == SERVED)
    until("no SSL policy", lambda: not secured.listed("SslPolicies"))
    assert old_client_served(secured)


def old_client_served(site) -> bool:
    """Whether a client that knows TLS 1.2 and nothing newer gets a page."""
    old = trusting(highest=ssl.TLSVersion.TLSv1_2)
    try:
        return greet(site, HOST, context=old).status == SERVED
    except ssl.SSLError:
        return False


def location(site, path: str) -> str:
    """Where port 80 sends a request for *path*."""
    wire = http.client.HTTPConnection(site.address(), int(site.env["LOCALCLOUD_HTTP_PORT"]))
    try:
        wire.request("GET", path, headers={"Host": f"{HOST}:8080"})
        return str(wire.getresponse().getheader("Location"))
    finally:
        wire.close()


def test_http_can_be_turned_off_and_on_without_a_failed_handshake(secured):
    """The rule of port 80 goes and comes back; HTTPS serves all the time."""
    port, source = int(secured.env["LOCALCLOUD_HTTPS_PORT"]), secured.visitor("us-central1").source
    visitor = secured.visitor("us-central1")
    address = secured.address()
    with load(address, port, [HOST], source=source) as met:
        manifest = both_hosts(tls=TLS)
        manifest["metadata"]["annotations"] = {"kubernetes.io/ingress.allow-http": "false"}
        secured.apply(CONFIG, manifest)
        until("HTTP to be off", lambda: visitor.get(HOST, address=address).status == 0)
        assert len(secured.listed("GlobalForwardingRules")) == 1
        secured.apply(CONFIG, both_hosts(tls=TLS))
        until("HTTP to be on", lambda: visitor.get(HOST, address=address).status == SERVED)

    assert met.failures == []
    assert len(met.good[HOST]) > 10
    assert secured.address() == address


def test_a_pre_shared_certificate_of_others_is_shown_and_left(secured):
    """Made with google-cloud-compute, named by annotation, shown, and there at the end."""
    from google.cloud import compute_v1

    chain, key = issued("*.example.com")
    own = compute_v1.SslCertificateSelfManagedSslCertificate(certificate=chain, private_key=key)
    theirs = compute_v1.SslCertificate(name="theirs", type_="SELF_MANAGED", self_managed=own)
    certificates = secured.compute("SslCertificates")
    certificates.insert_unary(project="lab", ssl_certificate_resource=theirs)
    manifest = both_hosts()
    manifest["metadata"]["annotations"] = {"ingress.gcp.kubernetes.io/pre-shared-cert": "theirs"}
    secured.apply(CONFIG, manifest)
    until("theirs to be shown", lambda: greet(secured, HOST).names == ("*.example.com",))
    until("ours to go", lambda: len(secured.listed("SslCertificates")) == 1)
    secured.apply(CONFIG, both_hosts())
    until("HTTPS to go", lambda: not secured.listed("TargetHttpsProxies"))

    assert [item["name"] for item in secured.listed("SslCertificates")] == ["theirs"]
    certificates.delete_unary(project="lab", ssl_certificate="theirs")


def test_google_issues_a_certificate_once_the_name_leads_to_the_load_balancer(site, home):
    """Until then the condition says so and HTTP serves; another host's wait holds up nobody."""
    policy, _ = platform()
    policy["spec"]["tls"] = {"managedCertificates": True}
    elsewhere = "elsewhere.test"
    site.apply(CONFIG, policy)
    manifest = both_hosts()
    manifest["spec"]["rules"][1]["host"] = elsewhere
    site.apply(CONFIG, manifest)
    trust = ssl.create_default_context(cafile=site.env["LOCALCLOUD_CA"])

    def served():
        with contextlib.suppress(OSError):
            return greet(site, HOST, context=trust).names == (HOST,)
        return False

    until("a certificate of Google's", served, say=site.conditions)
    states = {
        domain: status
        for item in site.listed("SslCertificates")
        for domain, status in item["managed"]["domain_status"].items()
    }
    until("one complaint", lambda: HOST not in site.conditions()["Degraded"]["message"])
    degraded = site.conditions()["Degraded"]

    assert states == {HOST: "ACTIVE", elsewhere: "FAILED_NOT_VISIBLE"}
    assert degraded["reason"] == "CertificateProvisioning"
    assert elsewhere in degraded["message"]
    assert site.visitor("us-central1").get(HOST).status == SERVED
    site.apply(CONFIG, *platform())


def test_a_secret_that_vanishes_is_told_and_is_no_outage(secured):
    """Handshakes go on with the certificate that was there; the condition names the Secret."""
    before = greet(secured, HOST).serial
    secured.core(CONFIG).delete_namespaced_secret("web-tls", NAMESPACE)
    until(
        "the condition to say so",
        lambda: secured.conditions()["Degraded"]["reason"] == "SecretMissing",
        say=secured.conditions,
    )

    assert "web-tls" in secured.conditions()["Degraded"]["message"]
    assert greet(secured, HOST).serial == before
    assert greet(secured, API).status == 200
    secured.apply(CONFIG, secret_for("web-tls", HOST))
